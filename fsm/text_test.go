package fsm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
)

// The text forms of transcripts. An address is its letter, a dash and up to 15
// letters of a name (i-alice); a digest is a word; a time in nanoseconds is
// written in seconds (12.5); a proof is digest@iat/signer.

func who(name string) address.Address {
	var a address.Address
	if len(name) > 2 && name[1] == '-' {
		a[0] = name[0]
		copy(a[1:], name[2:])
	}
	return a
}

func nameOf(a address.Address) string {
	if a.IsZero() {
		return "-"
	}
	return string(a[0]) + "-" + string(bytes.TrimRight(a[1:], "\x00"))
}

func digestOf(word string) (d [32]byte) {
	copy(d[:], word)
	return d
}

func parseNanos(text string) (uint64, error) {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, fmt.Errorf("not a time: %s", text)
	}
	r.Mul(r, big.NewRat(1e9, 1))
	if !r.IsInt() || !r.Num().IsUint64() {
		return 0, fmt.Errorf("not in nanoseconds: %s", text)
	}
	return r.Num().Uint64(), nil
}

func nanosText(n uint64) string {
	text := fmt.Sprintf("%d.%09d", n/1e9, n%1e9)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}

var verbs = map[string]func() command.Command{
	"bootstrap":          func() command.Command { return new(command.Bootstrap) },
	"create-customer":    func() command.Command { return new(command.CreateCustomer) },
	"update-customer":    func() command.Command { return new(command.UpdateCustomer) },
	"create-application": func() command.Command { return new(command.CreateApplication) },
	"update-application": func() command.Command { return new(command.UpdateApplication) },
	"create-key":         func() command.Command { return new(command.CreateKey) },
	"update-key":         func() command.Command { return new(command.UpdateKey) },
	"rotate-key":         func() command.Command { return new(command.RotateKey) },
	"delete-key":         func() command.Command { return new(command.DeleteKey) },
	"register":           func() command.Command { return new(command.Register) },
	"update-sig-key":     func() command.Command { return new(command.UpdateSigKey) },
	"update-enc-key":     func() command.Command { return new(command.UpdateEncKey) },
	"update-meta":        func() command.Command { return new(command.UpdateMeta) },
	"store-data":         func() command.Command { return new(command.StoreData) },
	"set-members":        func() command.Command { return new(command.SetMembers) },
	"retire":             func() command.Command { return new(command.Retire) },
	"touch":              func() command.Command { return new(command.Touch) },
	"accept":             func() command.Command { return new(command.Accept) },
	"ack":                func() command.Command { return new(command.Ack) },
	"expire":             func() command.Command { return new(command.Expire) },
}

// parseCommand reads "verb field=value …". Field names are those of the
// command's struct; the fields of Meta stand beside them (at, key, keygeneration).
func parseCommand(verb string, args []string) (command.Command, error) {
	construct, known := verbs[verb]
	if !known {
		return nil, fmt.Errorf("no such command: %s", verb)
	}
	c := construct()
	c.Origin().TxnID = "tx"
	v := reflect.ValueOf(c).Elem()
	for _, arg := range args {
		name, text, _ := strings.Cut(arg, "=")
		field := v.FieldByNameFunc(func(f string) bool { return strings.EqualFold(f, name) })
		if !field.IsValid() {
			return nil, fmt.Errorf("%s has no field %s", verb, name)
		}
		if err := setField(field, name, text); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", verb, name, err)
		}
	}
	return c, nil
}

func setField(f reflect.Value, name, text string) (err error) {
	switch p := f.Addr().Interface().(type) {
	case *address.Address:
		*p = who(text)
	case *[]address.Address:
		for _, one := range strings.Split(text, ",") {
			*p = append(*p, who(one))
		}
	case *[32]byte:
		*p = digestOf(text)
	case *[]byte:
		*p = []byte(text)
	case *[]uint64:
		for _, one := range strings.Split(text, ",") {
			n, err := parseNanos(one)
			if err != nil {
				return err
			}
			*p = append(*p, n)
		}
	case *uint64:
		if name == "keygeneration" {
			*p, err = strconv.ParseUint(text, 10, 64)
		} else {
			*p, err = parseNanos(text)
		}
	case *command.Proof:
		return parseProof(p, text)
	case **command.Proof:
		*p = new(command.Proof)
		return parseProof(*p, text)
	case **command.Rate:
		*p = new(command.Rate)
		return setField(reflect.ValueOf(*p).Elem(), name, text)
	case *command.Rate:
		_, err = fmt.Sscanf(text, "%d/%d/%d", &p.Requests, &p.Burst, &p.Messages)
	default:
		return setPlain(f, text)
	}
	return err
}

func parseProof(p *command.Proof, text string) error {
	digest, rest, _ := strings.Cut(text, "@")
	iat, signer, ok := strings.Cut(rest, "/")
	if !ok {
		return fmt.Errorf("not digest@iat/signer: %s", text)
	}
	p.Digest, p.Signer = digestOf(digest), signer
	var err error
	p.IssuedAt, err = strconv.ParseInt(iat, 10, 64)
	return err
}

func setPlain(f reflect.Value, text string) error {
	if f.Kind() == reflect.Pointer {
		f.Set(reflect.New(f.Type().Elem()))
		f = f.Elem()
	}
	switch {
	case f.Kind() == reflect.String:
		f.SetString(text)
	case f.Kind() == reflect.Bool:
		f.SetBool(text == "true" || text == "")
	case f.Kind() == reflect.Uint8 && f.Type().Name() == "uint8": // a message's kind
		f.SetUint(uint64(text[0]))
	case f.CanInt():
		n, err := strconv.ParseInt(text, 10, 64)
		f.SetInt(n)
		return err
	default:
		n, err := strconv.ParseUint(text, 10, 64)
		f.SetUint(n)
		return err
	}
	return nil
}

// fieldsText writes what is not zero of a struct, in its order.
func fieldsText(v any) string {
	var out []string
	r := reflect.ValueOf(v)
	for i := range r.NumField() {
		f, name := r.Field(i), r.Type().Field(i).Name
		if f.IsZero() || f.Kind() == reflect.Slice && f.Len() == 0 {
			continue
		}
		out = append(out, name+"="+valueText(name, f.Interface()))
	}
	return strings.Join(out, " ")
}

func valueText(name string, v any) string {
	switch v := v.(type) {
	case address.Address:
		return nameOf(v)
	case []address.Address:
		return listText(v, nameOf)
	case []byte:
		return string(v)
	case [32]byte:
		return digestText(v)
	case [][32]byte:
		return listText(v, digestText)
	case []string:
		return strings.Join(v, ",")
	case uint64:
		switch name {
		case "TS", "Before", "LastTS", "LastServed":
			return nanosText(v)
		}
	case uint8:
		return string(rune(v))
	case []command.KeySecret:
		return listText(v, func(s command.KeySecret) string { return "{" + fieldsText(s) + "}" })
	case command.Rate:
		return fmt.Sprintf("%d/%d/%d", v.Requests, v.Burst, v.Messages)
	case *command.Served:
		return fmt.Sprintf("{%s %s}", nanosText(v.TS), v.Token)
	case []command.Copy:
		return listText(v, func(c command.Copy) string { return "{" + fieldsText(c) + "}" })
	}
	return fmt.Sprint(v)
}

func digestText(d [32]byte) string { return string(bytes.TrimRight(d[:], "\x00")) }

func listText[T any](list []T, text func(T) string) string {
	var out []string
	for _, one := range list {
		out = append(out, text(one))
	}
	return strings.Join(out, ",")
}

var statusNames = map[command.Status]string{
	command.StatusOK: "ok", command.StatusExists: "exists", command.StatusServed: "served", command.StatusCleared: "cleared",
	command.StatusMore: "more", command.StatusNoSuchIdentity: "no such identity", command.StatusNoSuchDestination: "no such destination",
	command.StatusRetired: "retired", command.StatusDestRetired: "destination retired", command.StatusKeyNotCurrent: "key not current",
	command.StatusStale: "stale", command.StatusConflict: "conflict", command.StatusMailboxFull: "mailbox full",
	command.StatusTooManyItems: "too many items", command.StatusExpired: "expired", command.StatusWrongKind: "wrong kind",
	command.StatusNoSuchKey: "no such key", command.StatusKeyDisabled: "key disabled", command.StatusKeyExpired: "key expired",
	command.StatusTenantDisabled: "tenant disabled", command.StatusScope: "scope", command.StatusOtherApp: "other app",
	command.StatusNoSuchTenant: "no such tenant", command.StatusBusy: "busy",
}

func resultText(r command.Result) string {
	name, known := statusNames[r.Status]
	if !known {
		name = fmt.Sprintf("status %d", r.Status)
	}
	r.Status = 0
	return strings.TrimSpace(name + " " + fieldsText(r))
}

func numberText(b []byte) string {
	var out []string
	for ; len(b) >= 8; b = b[8:] {
		out = append(out, strconv.FormatUint(binary.BigEndian.Uint64(b), 10))
	}
	return strings.Join(out, "/")
}
