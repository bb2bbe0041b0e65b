package keyspace

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/nixnode/nixnode/address"
)

// fields is one drawing of everything that a key may be made of.
type fields struct {
	a, b, c address.Address
	text    string
	n       uint64
	at      int64
	digest  [32]byte
}

// families has, for each builder, what it makes of fields and what its parser
// reads from that. Fields that a family has no room for stay zero.
var families = map[string]struct {
	build func(f fields) []byte
	parse func(k []byte) (fields, error)
}{
	"meta":     {func(f fields) []byte { return Meta(f.text) }, func(k []byte) (f fields, err error) { f.text, err = ParseMeta(k); return }},
	"customer": {func(f fields) []byte { return Customer(f.a) }, func(k []byte) (f fields, err error) { f.a, err = ParseCustomer(k); return }},
	"application": {func(f fields) []byte { return Application(f.a) },
		func(k []byte) (f fields, err error) { f.a, err = ParseApplication(k); return }},
	"application by customer": {func(f fields) []byte { return ApplicationByCustomer(f.a, f.b) },
		func(k []byte) (f fields, err error) { f.a, f.b, err = ParseApplicationByCustomer(k); return }},
	"key": {func(f fields) []byte { return Key(f.a) }, func(k []byte) (f fields, err error) { f.a, err = ParseKey(k); return }},
	"key by application": {func(f fields) []byte { return KeyByApplication(f.a, f.b) },
		func(k []byte) (f fields, err error) { f.a, f.b, err = ParseKeyByApplication(k); return }},
	"identity": {func(f fields) []byte { return Identity(f.a) }, func(k []byte) (f fields, err error) { f.a, err = ParseIdentity(k); return }},
	"profile":  {func(f fields) []byte { return Profile(f.a) }, func(k []byte) (f fields, err error) { f.a, err = ParseProfile(k); return }},
	"data":     {func(f fields) []byte { return Data(f.a, f.text) }, func(k []byte) (f fields, err error) { f.a, f.text, err = ParseData(k); return }},
	"mark":     {func(f fields) []byte { return Mark(f.a, f.text) }, func(k []byte) (f fields, err error) { f.a, f.text, err = ParseMark(k); return }},
	"thumbprint": {func(f fields) []byte { return Thumbprint(f.text) },
		func(k []byte) (f fields, err error) { f.text, err = ParseThumbprint(k); return }},
	"mailbox": {func(f fields) []byte { return Mailbox(f.a) }, func(k []byte) (f fields, err error) { f.a, err = ParseMailbox(k); return }},
	"message": {func(f fields) []byte { return Message(f.a, f.n) }, func(k []byte) (f fields, err error) { f.a, f.n, err = ParseMessage(k); return }},
	"accepted": {func(f fields) []byte { return Accepted(f.digest) },
		func(k []byte) (f fields, err error) { f.digest, err = ParseAccepted(k); return }},
	"publish": {func(f fields) []byte { return Publish(f.a, f.b, f.text, f.n) },
		func(k []byte) (f fields, err error) { f.a, f.b, f.text, f.n, err = ParsePublish(k); return }},
	"via": {func(f fields) []byte { return Via(f.a, f.b, f.text, f.c, f.n) },
		func(k []byte) (f fields, err error) { f.a, f.b, f.text, f.c, f.n, err = ParseVia(k); return }},
	"package": {func(f fields) []byte { return Package(f.a, f.text, f.b) },
		func(k []byte) (f fields, err error) { f.a, f.text, f.b, err = ParsePackage(k); return }},
	"package by reader": {func(f fields) []byte { return PackageByReader(f.a, f.b, f.text) },
		func(k []byte) (f fields, err error) { f.a, f.b, f.text, err = ParsePackageByReader(k); return }},
	"holders": {func(f fields) []byte { return Holders(f.a, f.text) },
		func(k []byte) (f fields, err error) { f.a, f.text, err = ParseHolders(k); return }},
	"served": {func(f fields) []byte { return Served(f.a, f.text, f.b) },
		func(k []byte) (f fields, err error) { f.a, f.text, f.b, err = ParseServed(k); return }},
	"vault packages": {func(f fields) []byte { return VaultPackages(f.a) },
		func(k []byte) (f fields, err error) { f.a, err = ParseVaultPackages(k); return }},
	"expiry of a message": {func(f fields) []byte { return ExpiryOfMessage(f.at, f.a, f.n) }, parseExpiry(DueMessage)},
	"expiry of accepted":  {func(f fields) []byte { return ExpiryOfAccepted(f.at, f.digest) }, parseExpiry(DueAccepted)},
	"expiry of a package": {func(f fields) []byte { return ExpiryOfPackage(f.at, f.b, f.a, f.text) }, parseExpiry(DuePackage)},
	"expiry of a reader":  {func(f fields) []byte { return ExpiryOfReader(f.a) }, parseExpiry(DuePurge)},
	"event":               {func(f fields) []byte { return Event(f.a, f.n) }, func(k []byte) (f fields, err error) { f.a, f.n, err = ParseEvent(k); return }},
	"event last":          {func(f fields) []byte { return EventLast(f.a) }, func(k []byte) (f fields, err error) { f.a, err = ParseEventLast(k); return }},
	"event bucket": {func(f fields) []byte { return EventBucket(f.n, f.a) },
		func(k []byte) (f fields, err error) { f.n, f.a, err = ParseEventBucket(k); return }},
}

func parseExpiry(want Due) func(k []byte) (fields, error) {
	return func(k []byte) (fields, error) {
		e, err := ParseExpiry(k)
		if err == nil && e.Kind != want {
			err = fmt.Errorf("%w: kind %d", ErrKey, e.Kind)
		}
		return fields{at: e.At, a: e.Mailbox, b: e.Vault, n: e.TS, digest: e.Digest, text: e.Package}, err
	}
}

func drawFields(t *rapid.T) fields {
	who := func(label string) address.Address {
		a := address.Address(rapid.SliceOfN(rapid.Byte(), address.Size, address.Size).Draw(t, label))
		a[0] = byte(rapid.SampledFrom([]address.Type{'a', 'c', 'i', 'p'}).Draw(t, label+" type"))
		return a
	}
	return fields{a: who("a"), b: who("b"), c: who("c"), text: rapid.StringN(0, 300, -1).Draw(t, "text"), n: rapid.Uint64().Draw(t, "n"),
		at: rapid.Int64Min(0).Draw(t, "at"), digest: [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "digest"))}
}

func TestEveryKeyReadsBackAsItsFieldsAndAsNoOtherFamily(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFields(t)
		for name, family := range families {
			k := family.build(f)
			got, err := family.parse(k)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !bytes.Equal(family.build(got), k) {
				t.Fatalf("%s: %x reads as %+v", name, k, got)
			}
			for other, o := range families {
				if _, err := o.parse(k); other != name && !errors.Is(err, ErrKey) {
					t.Fatalf("a key of %q is read as %q: %v", name, other, err)
				}
			}
			all := All()
			if !inside(all, k) {
				t.Fatalf("%s: %x lies outside of everything", name, k)
			}
		}
	})
}

// FuzzRoundTrip: no bytes make a parser panic, and what one accepts is exactly
// what its builder makes.
func FuzzRoundTrip(f *testing.F) {
	one := fields{a: address.Address{'i', 1}, b: address.Address{'c', 2}, c: address.Address{'i', 3}, text: "kid", n: 7, at: 9}
	for _, family := range families {
		f.Add(family.build(one))
	}
	f.Fuzz(func(t *testing.T, k []byte) {
		for name, family := range families {
			got, err := family.parse(k)
			if err != nil {
				continue
			}
			if !bytes.Equal(family.build(got), k) {
				t.Fatalf("%s: accepted %x, which is not how it is built", name, k)
			}
		}
	})
}

func TestKeysSortAsTheirNumbersDo(t *testing.T) {
	a := address.Address{'i', 0xff}
	numbers := []uint64{0, 1, 255, 256, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64}
	for name, build := range map[string]func(n uint64) []byte{
		"message": func(n uint64) []byte { return Message(a, n) },
		"publish": func(n uint64) []byte { return Publish(a, a, "k", n) },
		"event":   func(n uint64) []byte { return Event(a, n) },
		"bucket":  func(n uint64) []byte { return EventBucket(n, a) },
		"expiry":  func(n uint64) []byte { return ExpiryOfMessage(int64(n>>1), a, n) },
	} {
		var keys [][]byte
		for _, n := range numbers {
			keys = append(keys, build(n))
		}
		if !slices.IsSortedFunc(keys, bytes.Compare) {
			t.Errorf("%s: %x", name, keys)
		}
	}
}

func inside(r Range, k []byte) bool {
	return bytes.Compare(k, r.Lower) >= 0 && bytes.Compare(k, r.Upper) < 0
}

// TestRangesCoverTheirOwnKeysAndNoOthers draws pairs of fields that often share
// parts, and compares each range with what it says about the fields.
func TestRangesCoverTheirOwnKeysAndNoOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, g := drawFields(t), drawFields(t)
		if rapid.Bool().Draw(t, "same a") {
			g.a = f.a
		}
		if rapid.Bool().Draw(t, "same b") {
			g.b = f.b
		}
		switch rapid.IntRange(0, 2).Draw(t, "text of") {
		case 1:
			g.text = f.text
		case 2:
			g.text = f.text + "x"
		}
		sameA, sameB, sameText := f.a == g.a, f.b == g.b, f.text == g.text
		for name, c := range map[string]struct {
			r    Range
			k    []byte
			want bool
		}{
			"customers":       {CustomersAfter(f.a), Customer(g.a), bytes.Compare(g.a[:], f.a[:]) > 0},
			"applications":    {ApplicationsAfter(f.a, f.b), ApplicationByCustomer(g.a, g.b), sameA && bytes.Compare(g.b[:], f.b[:]) > 0},
			"keys":            {KeysAfter(f.a, f.b), KeyByApplication(g.a, g.b), sameA && bytes.Compare(g.b[:], f.b[:]) > 0},
			"data":            {DataOf(f.a), Data(g.a, g.text), sameA},
			"marks":           {MarksOf(f.a), Mark(g.a, g.text), sameA},
			"messages":        {Messages(f.a, f.n, 0), Message(g.a, g.n), sameA && g.n > f.n},
			"messages before": {Messages(f.a, 0, f.n), Message(g.a, g.n), sameA && (f.n == 0 || g.n < f.n)},
			"messages up to":  {Messages(f.a, 0, 0).UpTo(Message(f.a, f.n)), Message(g.a, g.n), sameA && g.n <= f.n},
			"publishes of":    {PublishesOf(f.a, f.b, f.text), Publish(g.a, g.b, g.text, g.n), sameA && sameB && sameText},
			"publishes from":  {PublishesFrom(f.a, f.b), Publish(g.a, g.b, g.text, g.n), sameA && sameB},
			"publishes to":    {PublishesTo(f.a), Publish(g.a, g.b, g.text, g.n), sameA},
			"copies of":       {CopiesOf(f.a, f.b, f.text), Via(g.a, g.b, g.text, g.c, g.n), sameA && sameB && sameText},
			"copies from":     {CopiesFrom(f.a, f.b), Via(g.a, g.b, g.text, g.c, g.n), sameA && sameB},
			"copies via":      {CopiesVia(f.a), Via(g.a, g.b, g.text, g.c, g.n), sameA},
			"package readers": {PackageReaders(f.a, f.text), Package(g.a, g.text, g.b), sameA && sameText},
			"packages of":     {PackagesOf(f.a), Package(g.a, g.text, g.b), sameA},
			"packages for":    {PackagesFor(f.a, f.b), PackageByReader(g.a, g.b, g.text), sameA && sameB},
			"packages read":   {PackagesRead(f.a), PackageByReader(g.a, g.b, g.text), sameA},
			"holders of":      {HoldersOf(f.a), Holders(g.a, g.text), sameA},
			"served of":       {ServedOf(f.a), Served(g.a, g.text, g.b), sameA},
			"expiry":          {ExpiryUpTo(f.at), ExpiryOfAccepted(g.at, g.digest), g.at <= f.at},
			"expiry none":     {ExpiryUpTo(-1), ExpiryOfReader(g.a), false},
			"events after":    {Events(f.a, f.n, 0), Event(g.a, g.n), sameA && (f.n == 0 || g.n > f.n)},
			"events before":   {Events(f.a, 0, f.n), Event(g.a, g.n), sameA && (f.n == 0 || g.n < f.n)},
			"events of":       {EventsOfBucket(f.a, f.n/BucketNanos), Event(g.a, g.n), sameA && g.n/BucketNanos == f.n/BucketNanos},
			"buckets":         {EventBucketsBefore(f.n), EventBucket(g.n/BucketNanos, g.a), g.n/BucketNanos < f.n/BucketNanos},
		} {
			if got := inside(c.r, c.k); got != c.want {
				t.Fatalf("%s: %x in [%x, %x) is %v", name, c.k, c.r.Lower, c.r.Upper, got)
			}
		}
	})
}
