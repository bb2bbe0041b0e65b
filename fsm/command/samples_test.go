package command

import (
	"bytes"

	"github.com/nixnode/nixnode/address"
)

// who gives a fixed address of type t, told from others by n.
func who(t address.Type, n byte) address.Address {
	a := address.Address{byte(t)}
	for i := 1; i < address.Size; i++ {
		a[i] = n
	}
	return a
}

func digest(n byte) [32]byte { return [32]byte(bytes.Repeat([]byte{n}, 32)) }

const (
	thumbOne = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	thumbTwo = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
)

var (
	origin = Meta{At: 1_546_300_800_000_000_001, TxnID: "1546300800000000001-7", Key: who('a', 1), KeyGeneration: 2}
	proof  = Proof{Digest: digest(3), IssuedAt: 1_546_300_799, Signer: thumbOne}
)

// samples has each command with every field set, by the name of its golden file.
var samples = map[string]Command{
	"bootstrap":          &Bootstrap{Meta: Meta{At: 1}, Customer: who('c', 1), Application: who('p', 1), NewKey: who('a', 1), Sealed: []byte{1, 2}},
	"create-customer":    &CreateCustomer{Meta: origin, Customer: who('c', 2), Name: "Émile"},
	"update-customer":    &UpdateCustomer{Meta: origin, Customer: who('c', 2), Name: new("new"), Enabled: new(false)},
	"create-application": &CreateApplication{Meta: origin, Customer: who('c', 2), Application: who('p', 2), Name: "app"},
	"update-application": &UpdateApplication{Meta: origin, Application: who('p', 2), Name: new(""), Enabled: new(true)},
	"create-key": &CreateKey{Meta: origin, Application: who('p', 2), NewKey: who('a', 2), Name: "key", Scopes: ScopeIdentity | ScopeMessage,
		Expires: 1_600_000_000, Rate: Rate{Requests: 10, Burst: 20, Messages: 30}, Sealed: []byte{9}},
	"update-key": &UpdateKey{Meta: origin, Target: who('a', 2), Name: new("n"), Enabled: new(false), Expires: new(int64(0)),
		Scopes: new(ScopeAdmin), Rate: &Rate{Requests: 1}},
	"rotate-key": &RotateKey{Meta: origin, Target: who('a', 2), Sealed: []byte{8}, OldUntil: 1_546_304_400},
	"delete-key": &DeleteKey{Meta: origin, Target: who('a', 2)},
	"register": &Register{Meta: origin, Application: who('p', 2), Identity: who('i', 1), SigKey: []byte(`{}`), Thumbprint: thumbOne,
		EncToken: "e.e.e", MetaPublic: "p.p.p", MetaPrivate: "q.q.q", Kind: "vault", Digest: digest(4)},
	"update-sig-key": &UpdateSigKey{Meta: origin, Identity: who('i', 1), Proof: proof, Token: "t.t.t", SigKey: []byte(`{}`),
		Thumbprint: thumbTwo, EncToken: "e.e.e", EncDigest: digest(5)},
	"update-enc-key": &UpdateEncKey{Meta: origin, Identity: who('i', 1), Proof: proof, EncToken: "e.e.e"},
	"update-meta": &UpdateMeta{Meta: origin, Identity: who('i', 1), PublicProof: &proof, Public: "p.p.p", PrivateProof: &proof,
		Private: "q.q.q", Kind: "user"},
	"store-data":  &StoreData{Meta: origin, Identity: who('i', 1), Proof: proof, Name: "recovery", Token: "d.d.d"},
	"set-members": &SetMembers{Meta: origin, Identity: who('i', 1), Proof: proof, Members: []address.Address{who('i', 2), who('i', 3)}},
	"retire":      &Retire{Meta: origin, Identity: who('i', 1), Proof: proof},
	"touch":       &Touch{Meta: origin, Identity: who('i', 1)},
	"accept": &Accept{Meta: origin, From: who('i', 1), To: who('i', 2), Signer: thumbOne, Digest: digest(6), Kind: 'p', ID: "1546300800.1",
		Package: "K", InReplyTo: "0", NoCache: true, HasJWE: true, Expires: 1_546_387_200, ForgetAfter: 1_546_387_201, Token: []byte("m.m.m")},
	"accept-least": &Accept{Meta: Meta{At: 1}, From: who('i', 1), To: who('i', 2), Signer: thumbOne, Kind: 's', ID: "1", Expires: 2, ForgetAfter: 2, Token: []byte("m")},
	"ack":          &Ack{Meta: origin, Identity: who('i', 1), Signer: thumbOne, UpTo: 7, TS: []uint64{8, 9}},
	"expire":       &Expire{Meta: Meta{At: 1_546_300_800_000_000_000}, UpTo: 1_546_300_800, Limit: 500, EventsBefore: 1_543_708_800_000_000_000},
}

// sampleResults is one of each kind of field.
var sampleResults = []Result{
	{Status: StatusOK, Address: who('i', 1), TS: 10, Before: 9, Count: 3, Copies: []Copy{{To: who('i', 2), TS: 5, Before: 4}}},
	{Status: StatusServed, Served: &Served{TS: 7, Token: []byte("m.m.m")}},
	{Status: StatusScope},
}

// sharedResults are of messages to a group.
var sharedResults = []Result{
	{Status: StatusOK, Copies: []Copy{{To: who('i', 2), TS: 5, Before: 4}}, Skipped: 2},
	{Status: StatusBusy},
}

// recordSamples has the encoding of each record, and whether it reads back as itself.
var recordSamples = map[string]func() (data []byte, back any, orig any, err error){
	"customer":    sampleOf(CustomerRecord{Name: "c", Enabled: true, Created: 1}),
	"application": sampleOf(ApplicationRecord{Customer: who('c', 1), Name: "p", Enabled: true, Created: 1}),
	"key": sampleOf(KeyRecord{Application: who('p', 1), Customer: who('c', 1), Name: "a", Scopes: ScopeEvent, Enabled: true, Expires: 5,
		Rate: Rate{Burst: 2}, Created: 1, Secrets: []KeySecret{{Generation: 2, Sealed: []byte{1}}, {Generation: 1, Sealed: []byte{2}, Until: 9}}, Deleted: true}),
	"identity": sampleOf(IdentityRecord{Application: who('p', 1), Customer: who('c', 1), SigKey: []byte(`{}`), Thumbprint: thumbOne,
		Kind: "route", Retired: true, Created: 1, LastHeard: 2}),
	"profile": sampleOf(ProfileRecord{SigRoot: []byte(`{}`), SigChain: []string{"a", "b"}, EncToken: "e", MetaPublic: "p", MetaPrivate: "q",
		Registered: digest(1), Members: []address.Address{who('i', 2)}}),
	"data":         sampleOf(DataRecord{Name: "recovery", Token: "t", Updated: 3}),
	"mailbox":      sampleOf(MailboxRecord{LastTS: 9, Messages: 2, Bytes: 100}),
	"message":      sampleOf(MessageRecord{From: who('i', 1), Kind: 's', ID: "1", Package: "K", Reply: "0", Expires: 9, Token: []byte("m")}),
	"message-copy": sampleOf(MessageRecord{From: who('i', 1), Kind: 'p', ID: "1", Package: "K", Expires: 9, Token: []byte("m"), Via: who('i', 3)}),
	"accepted":     sampleOf(AcceptedRecord{To: who('i', 2), TS: 9, Before: 8, Until: 12}),
	"package":      sampleOf(PackageRecord{TS: 9, Expires: 10, Token: []byte("m"), Served: 2, LastServed: 11}),
	"mark":         sampleOf(MarkRecord{IssuedAt: 9, Digests: [][32]byte{digest(1), digest(2)}, Signer: thumbOne}),
	"event": sampleOf(EventRecord{Type: "message.accepted", TxnID: "1-1", Code: 20022, App: who('p', 1), Key: who('a', 1), From: who('i', 1),
		To: who('i', 2), ID: "1", Package: "K", Size: 5}),
}

func sampleOf[R Record](r R) func() ([]byte, any, any, error) {
	return func() ([]byte, any, any, error) {
		data, err := EncodeRecord(r)
		if err != nil {
			return nil, nil, nil, err
		}
		back, err := DecodeRecord[R](data)
		return data, back, r, err
	}
}
