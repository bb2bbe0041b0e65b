package testcluster_test

import (
	"testing"
	"time"
)

func at(begin, end int) span { return span{time.Duration(begin), time.Duration(end)} }

// sound is a history of a mailbox that keeps every promise.
func sound() mailboxHistory {
	truth := func() []placed { return []placed{{"a", 10}, {"b", 20}, {"u", 30}, {"c", 40}} }
	return mailboxHistory{
		sends: []sent{
			{at(1, 2), "a", acked, 10, nil}, {at(3, 6), "b", acked, 20, nil}, {at(4, 9), "u", unknown, 0, nil},
			{at(7, 8), "r", refused, 0, nil}, {at(7, 9), "lost", unknown, 0, nil}, {at(10, 11), "c", acked, 40, nil},
		},
		scans: []scan{
			{at(5, 6), 0, []placed{{"a", 10}}, true},
			{at(12, 13), 10, []placed{{"b", 20}, {"u", 30}, {"c", 40}}, true},
			{at(12, 13), 10, []placed{{"b", 20}}, false},
		},
		stream: truth(),
		final:  map[string][]placed{"n1": truth(), "n2": truth()},
	}
}

// A judge that cannot find anything proves nothing: each kind of broken history
// must be found, and a sound one must pass.
func TestTheJudgeFindsEachBrokenPromise(t *testing.T) {
	everywhere := func(h *mailboxHistory, truth ...placed) {
		h.stream = truth
		h.final = map[string][]placed{"n1": truth, "n2": truth}
	}
	for name, breakIt := range map[string]func(h *mailboxHistory){
		"acknowledged and lost": func(h *mailboxHistory) {
			h.scans = nil
			everywhere(h, placed{"a", 10}, placed{"b", 20}, placed{"u", 30})
		},
		"acknowledged elsewhere":     func(h *mailboxHistory) { h.sends[0].ts = 11 },
		"stored twice":               func(h *mailboxHistory) { h.scans = nil; everywhere(h, append(h.stream, placed{"u", 50})...) },
		"refused and stored":         func(h *mailboxHistory) { h.scans = nil; everywhere(h, append(h.stream, placed{"r", 50})...) },
		"never sent":                 func(h *mailboxHistory) { h.scans = nil; everywhere(h, append(h.stream, placed{"x", 50})...) },
		"in another order elsewhere": func(h *mailboxHistory) { h.final["n2"][0], h.final["n2"][1] = h.final["n2"][1], h.final["n2"][0] },
		"missing on one node":        func(h *mailboxHistory) { h.final["n2"] = h.final["n2"][1:] },
		"ts not rising": func(h *mailboxHistory) {
			h.scans = nil
			everywhere(h, placed{"a", 10}, placed{"b", 20}, placed{"u", 20}, placed{"c", 40})
		},
		"against the order of time": func(h *mailboxHistory) {
			h.scans = nil
			h.sends[0].ts, h.sends[1].ts = 20, 10
			everywhere(h, placed{"b", 10}, placed{"a", 20}, placed{"u", 30}, placed{"c", 40})
		},
		"a gap in the stream":    func(h *mailboxHistory) { h.stream = append(h.stream[:1:1], h.stream[2:]...) },
		"a repeat in the stream": func(h *mailboxHistory) { h.stream = append(h.stream, h.stream[3]) },
		"a stale fetch":          func(h *mailboxHistory) { h.scans[1].got = h.scans[1].got[:1] },
		"an empty stale fetch":   func(h *mailboxHistory) { h.scans[0].got = nil },
		"a fetch with a gap":     func(h *mailboxHistory) { h.scans[1].got = h.scans[1].got[1:] },
	} {
		t.Run(name, func(t *testing.T) {
			h := sound()
			if v := h.violations(); len(v) != 0 {
				t.Fatalf("the sound history: %q", v)
			}
			breakIt(&h)
			if len(h.violations()) == 0 {
				t.Error("not found")
			}
		})
	}
}

func TestTheJudgeKnowsWhatACacheMayServe(t *testing.T) {
	one := func(outcome outcome) []put {
		return []put{{at(1, 2), 1, outcome}, {at(5, 6), 0, acked}}
	}
	for name, c := range map[string]struct {
		h     packageHistory
		sound bool
	}{
		"before the clear":                   {packageHistory{one(acked), []hit{{at(3, 4), 1}}}, true},
		"while it is cleared":                {packageHistory{one(acked), []hit{{at(4, 9), 1}}}, true},
		"after the clear":                    {packageHistory{one(acked), []hit{{at(7, 8), 1}}}, false},
		"published late":                     {packageHistory{one(unknown), []hit{{at(7, 8), 1}}}, true},
		"published, seen, cleared, and seen": {packageHistory{one(unknown), []hit{{at(3, 4), 1}, {at(7, 8), 1}}}, false},
		"replaced": {packageHistory{
			[]put{{at(1, 2), 1, acked}, {at(5, 6), 2, acked}}, []hit{{at(7, 8), 1}},
		}, false},
		"perhaps cleared": {packageHistory{
			[]put{{at(1, 2), 1, acked}, {at(5, 6), 0, unknown}}, []hit{{at(7, 8), 1}},
		}, true},
		"never published":         {packageHistory{nil, []hit{{at(7, 8), 1}}}, false},
		"served before its time":  {packageHistory{one(acked), []hit{{at(0, 0), 1}}}, false},
		"published while cleared": {packageHistory{[]put{{at(1, 9), 1, acked}, {at(2, 8), 0, acked}}, []hit{{at(10, 11), 1}}}, true},
	} {
		if v := c.h.violations(); (len(v) == 0) != c.sound {
			t.Errorf("%s: %q", name, v)
		}
	}
}

func TestTheJudgeKnowsWhenAKeyWasDisabled(t *testing.T) {
	h := keyHistory{disabled: at(5, 6), successes: []span{at(1, 2), at(5, 9), at(6, 9)}}
	if v := h.violations(); len(v) != 0 {
		t.Errorf("calls that overlap the change: %q", v)
	}
	h.successes = append(h.successes, at(7, 8))
	if len(h.violations()) != 1 {
		t.Error("a call after the change was not found")
	}
	h.disabled = span{}
	if v := h.violations(); len(v) != 0 {
		t.Errorf("never disabled: %q", v)
	}
}
