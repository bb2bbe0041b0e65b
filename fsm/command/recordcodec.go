package command

import "fmt"

// Record is what the store holds under a key (docs/format/record.md).
type Record interface {
	CustomerRecord | ApplicationRecord | KeyRecord | IdentityRecord | ProfileRecord | DataRecord |
		MailboxRecord | MessageRecord | AcceptedRecord | PackageRecord | MarkRecord | EventRecord
}

// EncodeRecord gives the bytes under which r stands in the store.
// Equal records have equal bytes.
func EncodeRecord[R Record](r R) ([]byte, error) { return encMode.Marshal(&r) }

// DecodeRecord reads what EncodeRecord wrote. The store's checksums have seen the
// bytes already, so it does not prove, as Decode does, that they are the only
// spelling. Errors: ErrUndecodable.
func DecodeRecord[R Record](data []byte) (R, error) {
	var r R
	if err := decMode.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("record: %w: %w", ErrUndecodable, err)
	}
	return r, nil
}
