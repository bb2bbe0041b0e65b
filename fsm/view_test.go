package fsm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
)

func view(t *testing.T, m *Machine) *View {
	t.Helper()
	v, err := m.View()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

// mailbox makes a machine whose i-1 has nine messages of 100 bytes, ts 101 s to
// 109 s, of kinds s e p in turn, from i-0 and i-2 in turn; the third has expired.
func mailbox(t *testing.T) *View {
	t.Helper()
	m := openMem(t, vfs.NewMem(), nil)
	cmds := prelude()
	for i := 1; i <= 9; i++ {
		c := plain(i, 100)
		c.Kind = "sep"[(i-1)%3]
		c.Package = map[uint8]string{'p': "K"}[c.Kind]
		if i%2 == 0 {
			c.From, c.Signer = who("i-2"), "k2"
		}
		if i == 3 {
			c.Expires = 200
		}
		cmds = append(cmds, c)
	}
	cmds = append(cmds, &command.Expire{UpTo: 199, Limit: 1})
	applyAll(t, m, []Entry{entry(t, 1, cmds...)})
	// Time passes, but nothing is removed yet: the step's limit is reached by another entry.
	applyAll(t, m, []Entry{entry(t, 2, &command.Retire{Identity: who("i-3"), Proof: command.Proof{Signer: "k3"}}, &command.Expire{UpTo: 200, Limit: 1})})
	return view(t, m)
}

func TestPagesOfAMailbox(t *testing.T) {
	v := mailbox(t)
	if v.Clock() != 200 {
		t.Fatalf("the clock is at %d", v.Clock())
	}
	s := func(n uint64) uint64 { return n * oneSecond }
	for name, c := range map[string]struct {
		q       command.MessageQuery
		want    string // seconds beyond 100
		more    bool
		scanned uint64
	}{
		"all, without the expired":  {command.MessageQuery{}, "1 2 4 5 6 7 8 9", false, 109},
		"newest first":              {command.MessageQuery{Descending: true}, "9 8 7 6 5 4 2 1", false, 101},
		"bounds are exclusive":      {command.MessageQuery{After: s(104), Before: s(107)}, "5 6", false, 106},
		"bounds that exclude all":   {command.MessageQuery{After: s(107), Before: s(104)}, "", false, 0},
		"a page":                    {command.MessageQuery{Limit: 3}, "1 2 4", true, 104},
		"the page after":            {command.MessageQuery{After: s(104), Limit: 3}, "5 6 7", true, 107},
		"the last page is known":    {command.MessageQuery{After: s(107), Limit: 2}, "8 9", false, 109},
		"a page from the end":       {command.MessageQuery{Descending: true, Limit: 2}, "9 8", true, 108},
		"bytes":                     {command.MessageQuery{MaxBytes: 250}, "1 2", true, 103},
		"one message in any case":   {command.MessageQuery{MaxBytes: 1}, "1", true, 101},
		"by kind":                   {command.MessageQuery{Kinds: []uint8{'e', 'p'}}, "2 5 6 8 9", false, 109},
		"by sender":                 {command.MessageQuery{From: who("i-2")}, "2 4 6 8", false, 109},
		"by package":                {command.MessageQuery{Package: "K"}, "6 9", false, 109},
		"a filter hides the end":    {command.MessageQuery{Package: "K", Limit: 1}, "6", true, 108},
		"a filter hides everything": {command.MessageQuery{Package: "L"}, "", false, 109},
		"all filters, from the end": {command.MessageQuery{Kinds: []uint8{'p'}, From: who("i-2"), Descending: true}, "6", false, 101},
		"a mailbox that never was":  {command.MessageQuery{Mailbox: who("i-7")}, "", false, 0},
	} {
		if c.q.Mailbox.IsZero() {
			c.q.Mailbox = who("i-1")
		}
		page, err := v.Messages(c.q)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range page.Messages {
			got = append(got, fmt.Sprint(m.TS/oneSecond-100))
		}
		if strings.Join(got, " ") != c.want || page.More != c.more || page.Scanned != s(c.scanned) {
			t.Errorf("%s: got %v, more %v, scanned %d; want %q, %v, %d", name, got, page.More, page.Scanned/oneSecond, c.want, c.more, c.scanned)
		}
	}
}

func TestListingsArePagedByAddress(t *testing.T) {
	m := openMem(t, vfs.NewMem(), nil)
	cmds := prelude()
	for _, n := range []string{"3", "2", "5", "4"} {
		cmds = append(cmds,
			&command.CreateCustomer{Customer: who("c-" + n)},
			&command.CreateApplication{Customer: who("c-1"), Application: who("p-" + n)},
			&command.CreateKey{Application: who("p-1"), NewKey: who("a-" + n)})
	}
	cmds = append(cmds, &command.DeleteKey{Target: who("a-3")})
	applyAll(t, m, []Entry{entry(t, 1, cmds...)})
	v := view(t, m)
	check := func(name string, list func(after address.Address) ([]string, bool), want ...string) {
		t.Helper()
		var got []string
		after, more := address.Address{}, true
		for more {
			var page []string
			page, more = list(after)
			got = append(got, page...)
			if len(page) == 0 || len(page) > 2 {
				t.Fatalf("%s: a page of %d", name, len(page))
			}
			after = who(page[len(page)-1])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	check("customers", func(after address.Address) ([]string, bool) {
		return listedNames[command.CustomerRecord](t)(v.Customers(after, 2))
	},
		"c-1", "c-2", "c-3", "c-4", "c-5", "c-ops")
	check("applications", func(after address.Address) ([]string, bool) {
		return listedNames[command.ApplicationRecord](t)(v.Applications(who("c-1"), after, 2))
	},
		"p-1", "p-2", "p-3", "p-4", "p-5")
	check("keys", func(after address.Address) ([]string, bool) {
		return listedNames[command.KeyRecord](t)(v.Keys(who("p-1"), after, 2))
	},
		"a-1", "a-2", "a-4", "a-5")
	if _, found, err := v.Key(who("a-3")); found || err != nil {
		t.Errorf("a deleted key is found: %v", err)
	}
	if a, found, err := v.Operator(); !found || err != nil || a != who("c-ops") {
		t.Errorf("the operator is %s, %v", nameOf(a), err)
	}
	if a, found, err := v.ByThumbprint("k2"); !found || err != nil || a != who("i-2") {
		t.Errorf("k2 is of %s, %v", nameOf(a), err)
	}
	if _, found, err := v.ByThumbprint("k9"); found || err != nil {
		t.Errorf("k9 is found: %v", err)
	}
	page, err := v.Events(command.EventQuery{Customer: who("c-ops"), After: oneSecond, Limit: 2})
	events := page.Events
	if err != nil || len(events) != 2 || events[0].TS != oneSecond+1 || events[1].Type != "key.created" {
		t.Errorf("events: %+v, %v", events, err)
	}
}

func listedNames[R any](t *testing.T) func(list []command.Listed[R], more bool, err error) ([]string, bool) {
	return func(list []command.Listed[R], more bool, err error) ([]string, bool) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, l := range list {
			out = append(out, nameOf(l.Address))
		}
		return out, more
	}
}

func TestPackageIsHiddenOnceExpiredAndCountsItsReaders(t *testing.T) {
	m := openMem(t, vfs.NewMem(), nil)
	p := plain(1, 10)
	p.Kind, p.Package, p.HasJWE = 'p', "K", true
	r := &command.Accept{Meta: command.Meta{At: 150 * oneSecond}, From: who("i-1"), To: who("i-0"), Signer: "k1", Digest: digestOf("r"), Kind: 'r',
		Package: "K", Expires: 1000, ForgetAfter: 1000}
	applyAll(t, m, []Entry{entry(t, 1, append(prelude(), p, r, r)...)})
	got, found, err := view(t, m).Package(who("i-0"), "K", who("i-1"))
	if err != nil || !found || got.TS != 101*oneSecond || got.Served != 2 || got.LastServed != 150*oneSecond || string(got.Token) != string(p.Token) {
		t.Fatalf("got %+v, %v, %v", got, found, err)
	}
	applyAll(t, m, []Entry{entry(t, 2, &command.Retire{Identity: who("i-3"), Proof: command.Proof{Signer: "k3"}}, &command.Expire{UpTo: 1000, Limit: 1})})
	if lines := dump(t, m, "package i-0"); len(lines) != 1 {
		t.Fatalf("it was to be there still: %v", lines)
	}
	if _, found, err := view(t, m).Package(who("i-0"), "K", who("i-1")); found || err != nil {
		t.Fatalf("an expired package is shown: %v", err)
	}
}

func TestDueSaysWhetherExpiryHasWork(t *testing.T) {
	m := openMem(t, vfs.NewMem(), nil)
	applyAll(t, m, []Entry{entry(t, 1, append(prelude(), plain(1, 10))...)})
	for now, want := range map[int64]bool{-1: false, 0: false, 999: false, 1000: true, 1 << 62: true} {
		if got, err := m.Due(now); err != nil || got != want {
			t.Errorf("due at %d: %v, %v", now, got, err)
		}
	}
	for before, want := range map[uint64]bool{0: false, 3599 * oneSecond: false, 3600 * oneSecond: true} {
		if got, err := m.EventsDue(before); err != nil || got != want {
			t.Errorf("events due before %d: %v, %v", before, got, err)
		}
	}
}
