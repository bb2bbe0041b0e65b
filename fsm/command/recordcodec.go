package command

// Record is what the store holds under a key (docs/format/record.md).
type Record interface {
	CustomerRecord | ApplicationRecord | KeyRecord | IdentityRecord | ProfileRecord | DataRecord |
		MailboxRecord | MessageRecord | AcceptedRecord | PackageRecord | MarkRecord | EventRecord
}

// EncodeRecord gives the bytes under which r stands in the store.
// Equal records have equal bytes.
func EncodeRecord[R Record](r R) ([]byte, error) { return encMode.Marshal(&r) }

// DecodeRecord reads what EncodeRecord wrote. Errors: ErrUndecodable.
func DecodeRecord[R Record](data []byte) (R, error) {
	var r R
	err := decodeExactly(data, &r)
	return r, err
}
