package command

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// The bounds of one proposal. They keep a decoder's work and memory in
// proportion; what may stand in a log entry altogether is cluster's to say.
const (
	// MaxCommands is how many commands one proposal may hold: a send's messages.
	MaxCommands = 256
	// MaxProposalBytes is the largest encoding of one proposal.
	MaxProposalBytes = 1 << 20
)

// version opens every encoded proposal and every encoded list of results.
const version = 1

// Limits of the decoder. maxElements has room for an Ack of a whole mailbox
// (10,000) and for as many copies of a clear.
const (
	maxElements = 16_384
	maxPairs    = 64
	maxNesting  = 6
)

// ErrUndecodable says that bytes are not what this version writes: damaged, of
// a later version, or of a type that is not known here. A node that meets one in
// its log stops; it does not guess.
var ErrUndecodable = errors.New("undecodable")

// ErrUnencodable says that a command cannot stand in the log: Decode would
// refuse its encoding, and that would stop every node.
var ErrUnencodable = errors.New("cannot stand in the log")

// Core deterministic encoding (RFC 8949 §4.2.1): equal values have equal bytes
// on every node. Nil and empty are one value, so that state cannot depend on
// which of the two a proposer happened to hold.
var encMode = must(func() (cbor.UserBufferEncMode, error) {
	o := cbor.CoreDetEncOptions()
	o.NilContainers = cbor.NilContainerAsEmpty
	o.TagsMd = cbor.TagsForbidden
	o.BigIntConvert = cbor.BigIntConvertReject
	return o.UserBufferEncMode()
}())

var decMode = must(cbor.DecOptions{
	DupMapKey:         cbor.DupMapKeyEnforcedAPF,
	IndefLength:       cbor.IndefLengthForbidden,
	TagsMd:            cbor.TagsForbidden,
	ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	MaxNestedLevels:   maxNesting,
	MaxArrayElements:  maxElements,
	MaxMapPairs:       maxPairs,
}.DecMode())

// must serves the constant modes above, whose options are valid or the package is broken.
func must[T any](v T, err error) T {
	if err != nil {
		panic("command: " + err.Error())
	}
	return v
}

// envelope is one command with its number: [type, fields].
type envelope struct {
	_    struct{} `cbor:",toarray"`
	Type Type
	Body cbor.RawMessage
}

// Encode makes one proposal of cmds, which are then applied in order and in one
// step. It proves on the spot that the proposal can be decoded again.
// Errors: ErrUnencodable.
func Encode(cmds ...Command) ([]byte, error) {
	list := make([]envelope, len(cmds))
	for i, c := range cmds {
		body, err := encMode.Marshal(c)
		if err != nil {
			return nil, fmt.Errorf("command %d: %w: %w", i, ErrUnencodable, err)
		}
		list[i] = envelope{Type: c.CommandType(), Body: body}
	}
	data, err := seal(list)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnencodable, err)
	}
	if _, err := Decode(data); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnencodable, err)
	}
	return data, nil
}

// Decode reads what Encode wrote and accepts no other bytes: whatever it
// accepts, Encode gives back bit by bit. Errors: ErrUndecodable.
func Decode(data []byte) ([]Command, error) {
	if len(data) > MaxProposalBytes {
		return nil, fmt.Errorf("%w: %d bytes", ErrUndecodable, len(data))
	}
	var list []envelope
	if err := open(data, &list); err != nil {
		return nil, err
	}
	if len(list) == 0 || len(list) > MaxCommands {
		return nil, fmt.Errorf("%w: %d commands", ErrUndecodable, len(list))
	}
	cmds := make([]Command, len(list))
	for i, e := range list {
		c, err := decodeOne(e)
		if err != nil {
			return nil, fmt.Errorf("command %d: %w", i, err)
		}
		cmds[i] = c
	}
	return cmds, nil
}

func decodeOne(e envelope) (Command, error) {
	c := newCommand(e.Type)
	if c == nil {
		return nil, fmt.Errorf("%w: unknown type %d", ErrUndecodable, e.Type)
	}
	if err := decodeExactly(e.Body, c); err != nil {
		return nil, fmt.Errorf("type %d: %w", e.Type, err)
	}
	return c, nil
}

// EncodeResults encodes what the commands of one proposal gave, in their order.
func EncodeResults(results []Result) ([]byte, error) {
	data, err := seal(results)
	if err != nil {
		return nil, fmt.Errorf("encode results: %w", err)
	}
	return data, nil
}

// DecodeResults reads what EncodeResults wrote. Errors: ErrUndecodable.
func DecodeResults(data []byte) ([]Result, error) {
	var results []Result
	if err := open(data, &results); err != nil {
		return nil, err
	}
	return results, nil
}

// seal puts the version before the encoding of v.
func seal(v any) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte(version)
	if err := encMode.MarshalToBuffer(v, &b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// open is the reverse of seal.
func open(data []byte, v any) error {
	if len(data) == 0 || data[0] != version {
		return fmt.Errorf("%w: unknown version", ErrUndecodable)
	}
	return decodeExactly(data[1:], v)
}

// decodeExactly decodes data into v and refuses it when v encodes to other
// bytes. That one comparison excludes every second spelling of a value: long
// integers, unsorted or absent fields, short byte strings, null.
func decodeExactly(data []byte, v any) error {
	if err := decMode.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %w", ErrUndecodable, err)
	}
	again, err := encMode.Marshal(v)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUndecodable, err)
	}
	if !bytes.Equal(again, data) {
		return fmt.Errorf("%w: not the deterministic encoding", ErrUndecodable)
	}
	return nil
}
