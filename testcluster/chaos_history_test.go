package testcluster_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nixnode/nixnode/client"
)

// outcome is what a caller was told of a change.
type outcome string

const (
	acked   outcome = "acknowledged"
	refused outcome = "refused"
	unknown outcome = "unknown"
)

// span is the time between asking and being answered, since the run began.
type span struct{ begin, end time.Duration }

// before says that a was answered before b was asked.
func (a span) before(b span) bool { return a.end < b.begin }

// sent is one message that somebody tried to send.
type sent struct {
	span
	id      string
	outcome outcome
	ts      client.Timestamp // when acknowledged
	err     error            // when not
}

// placed is a message as a reader saw it.
type placed struct {
	id string
	ts client.Timestamp
}

// scan is one fetch of what comes after a place in a mailbox.
type scan struct {
	span
	after client.Timestamp
	got   []placed
	whole bool // it came to the end; else an error ended it
}

// mailboxHistory is all that was seen of one mailbox. Nothing is ever taken out
// of it, so what the nodes hold at the end is the whole truth.
type mailboxHistory struct {
	sends  []sent
	scans  []scan
	stream []placed
	final  map[string][]placed // by node, after all had quietened down
}

// violations judges promises 1, 2, 4, 5 and 7 of the consistency page.
func (h mailboxHistory) violations() (v []string) {
	names := slices.Sorted(maps.Keys(h.final))
	truth := h.final[names[0]]
	for _, name := range names[1:] {
		if !slices.Equal(h.final[name], truth) {
			v = append(v, fmt.Sprintf("%s and %s hold different mailboxes (%d and %d messages)", names[0], name, len(truth), len(h.final[name])))
		}
	}
	for i := 1; i < len(truth); i++ {
		if truth[i].ts <= truth[i-1].ts {
			v = append(v, fmt.Sprintf("%s at %v comes after %s at %v", truth[i].id, truth[i].ts, truth[i-1].id, truth[i-1].ts))
		}
	}
	if !slices.Equal(h.stream, truth) {
		v = append(v, fmt.Sprintf("the stream brought %d messages, not the mailbox's %d in its order", len(h.stream), len(truth)))
	}
	v = append(v, h.fates(truth)...)
	v = append(v, h.order(truth)...)
	return append(v, h.reads(truth)...)
}

// fates: acknowledged → once, at the place that was answered; refused → never;
// unknown → at most once; and nothing that nobody sent.
func (h mailboxHistory) fates(truth []placed) (v []string) {
	count, place := map[string]int{}, map[string]client.Timestamp{}
	for _, p := range truth {
		count[p.id]++
		place[p.id] = p.ts
	}
	for _, s := range h.sends {
		n := count[s.id]
		delete(count, s.id)
		switch {
		case s.outcome == acked && n != 1:
			v = append(v, fmt.Sprintf("%s was acknowledged and is there %d times", s.id, n))
		case s.outcome == acked && place[s.id] != s.ts:
			v = append(v, fmt.Sprintf("%s was acknowledged at %v and is at %v", s.id, s.ts, place[s.id]))
		case s.outcome == refused && n != 0:
			v = append(v, fmt.Sprintf("%s was refused (%v) and is there", s.id, s.err))
		case n > 1:
			v = append(v, fmt.Sprintf("%s is there %d times", s.id, n))
		}
	}
	for id := range count {
		v = append(v, fmt.Sprintf("%s is there, but was not sent", id))
	}
	return v
}

// order: of two messages, the one that was answered before the other was sent
// comes first. (Promised to one sender; it holds for all.)
func (h mailboxHistory) order(truth []placed) (v []string) {
	ops := map[string]sent{}
	for _, s := range h.sends {
		ops[s.id] = s
	}
	var latest sent // of those passed, the one that was sent last
	for _, p := range truth {
		s, ok := ops[p.id]
		if !ok {
			continue
		}
		if s.outcome == acked && s.before(latest.span) {
			v = append(v, fmt.Sprintf("%s was answered before %s was sent, and comes after it", s.id, latest.id))
		}
		if s.begin > latest.begin {
			latest = s
		}
	}
	return v
}

// reads: each fetch has exactly the truth between its ends, and all that was
// acknowledged before it began if it came to the end.
func (h mailboxHistory) reads(truth []placed) (v []string) {
	for _, r := range h.scans {
		from, found := slices.BinarySearchFunc(truth, r.after, func(p placed, ts client.Timestamp) int { return cmp.Compare(p.ts, ts) })
		if found {
			from++
		}
		if rest := truth[from:]; len(r.got) > len(rest) || !slices.Equal(r.got, rest[:len(r.got)]) {
			v = append(v, fmt.Sprintf("a fetch from %v on is not what is there", r.after))
			continue
		}
		end := r.after
		if n := len(r.got); n > 0 {
			end = r.got[n-1].ts
		}
		for _, s := range h.sends {
			if r.whole && s.outcome == acked && s.before(r.span) && s.ts > end {
				v = append(v, fmt.Sprintf("a fetch began after %s was acknowledged and did not bring it", s.id))
			}
		}
	}
	return v
}

// put is a change of one cached package: version n, or 0 for a clear.
type put struct {
	span
	version int
	outcome outcome
}

// hit is a request that was answered from the cache.
type hit struct {
	span
	version int
}

// packageHistory is all that was seen of one package of one reader.
type packageHistory struct {
	puts []put
	hits []hit
}

// violations: a hit must not be of a version that had been replaced or cleared
// for certain before the request began. A miss is always legal. A change of
// unknown outcome may happen whenever it likes, but once: so from the first hit
// of its version on, it has happened.
func (h packageHistory) violations() (v []string) {
	happened := map[int]time.Duration{} // by when it certainly had, of each version
	begun := map[int]time.Duration{}
	for _, p := range h.puts {
		begun[p.version] = p.begin
		if p.version != 0 && p.outcome == acked {
			happened[p.version] = p.end
		}
	}
	for _, x := range h.hits {
		if known, ok := happened[x.version]; !ok || x.end < known {
			happened[x.version] = x.end
		}
	}
	for _, x := range h.hits {
		if b, ok := begun[x.version]; !ok || b > x.end {
			v = append(v, fmt.Sprintf("version %d was served, but not published", x.version))
			continue
		}
		for _, p := range h.puts {
			if p.outcome == acked && p.version != x.version && p.begin > happened[x.version] && p.before(x.span) {
				v = append(v, fmt.Sprintf("version %d was served after version %d (0: a clear) had been answered", x.version, p.version))
			}
		}
	}
	return v
}

// keyHistory is the life of an API key that was disabled.
type keyHistory struct {
	disabled  span // zero if that was never answered
	successes []span
}

func (h keyHistory) violations() (v []string) {
	for _, s := range h.successes {
		if h.disabled.end != 0 && h.disabled.before(s) {
			v = append(v, fmt.Sprintf("a request of %v succeeded with a key whose disabling was answered at %v", s.begin, h.disabled.end))
		}
	}
	return v
}

// recorder collects a history from many goroutines.
type recorder struct {
	began time.Time

	mu        sync.Mutex
	mailboxes []mailboxHistory
	packages  []packageHistory
	keys      []keyHistory
}

func (r *recorder) now() time.Duration { return time.Since(r.began) }

func (r *recorder) change(f func(r *recorder)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r)
}

// violations judges everything, and says how much there was to judge.
func (r *recorder) violations() (v []string, summary string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	outcomes, scans, hits, puts, successes := map[outcome]int{}, 0, 0, 0, 0
	for _, h := range r.mailboxes {
		v = append(v, h.violations()...)
		scans += len(h.scans)
		for _, s := range h.sends {
			outcomes[s.outcome]++
		}
	}
	for _, h := range r.packages {
		v = append(v, h.violations()...)
		hits, puts = hits+len(h.hits), puts+len(h.puts)
	}
	for _, h := range r.keys {
		v = append(v, h.violations()...)
		successes += len(h.successes)
	}
	return v, fmt.Sprintf("%d sends acknowledged, %d unknown, %d refused; %d fetches; %d publishes and clears, %d cache hits; %d keys disabled, %d calls with them",
		outcomes[acked], outcomes[unknown], outcomes[refused], scans, puts, hits, len(r.keys), successes)
}
