package api

// Event is one event of a customer's stream (section 10): metadata only. Addresses
// are full forms; what does not apply is absent.
type Event struct {
	// ID is the event's place in the stream, opaque: the cursor from which a listen
	// goes on behind it. The same event always has the same.
	ID string `json:"id"`
	// TS is a decimal string of nanoseconds since 1970, unique and ascending within
	// the customer.
	TS    string `json:"ts"`
	Type  string `json:"type"`
	TxnID string `json:"txnID,omitempty"`
	// Code is that of the answer to what caused the event; a stored message always
	// has 20022. Absent when no request did (package.expired).
	Code Code `json:"code,omitempty"`
	// App and Key are the application and API key that asked.
	App string `json:"app,omitempty"`
	Key string `json:"key,omitempty"`
	// Src is the identity that acted. Dst is what it acted on: another identity, or
	// the customer, application or key that was made or changed.
	Src   string `json:"src,omitempty"`
	Dst   string `json:"dst,omitempty"`
	MsgID string `json:"msgID,omitempty"`
	Kid   string `json:"kid,omitempty"`
	// Size is in bytes: of the message, package, metadata or data item. For
	// message.acked it is the number of messages.
	Size uint32 `json:"size,omitempty"`
}

// eventTypes is the list behind EventTypes.
var eventTypes = []string{
	"identity.registered", "identity.sigKeyUpdated", "identity.encKeyUpdated", "identity.metaUpdated", "identity.dataStored",
	"identity.membersChanged", "identity.retired",
	"message.accepted", "message.acked",
	"package.published", "package.requested", "package.servedFromCache", "package.cleared", "package.denied", "package.expired",
	"key.created", "key.updated", "key.rotated", "key.deleted",
	"application.created", "application.updated", "customer.created", "customer.updated",
}

// EventTypes gives the types of events there are (section 10). The caller owns
// the slice.
func EventTypes() []string { return append([]string(nil), eventTypes...) }

// Package is one cached content package as its vault may list it (section 7).
type Package struct {
	Kid string `json:"kid"`
	Dst string `json:"dst"` // who may have it
	// TS is the place of the publish in the mailbox of Dst.
	TS   string `json:"ts"`
	Exp  string `json:"exp"`  // decimal string of unix seconds
	Size int    `json:"size"` // of the token, in bytes
	// Served is how often the cache answered a request with it, and LastServed when
	// last, as a decimal string of nanoseconds since 1970; absent for never.
	Served     uint64 `json:"served"`
	LastServed string `json:"lastServed,omitempty"`
}
