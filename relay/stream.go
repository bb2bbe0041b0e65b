package relay

import (
	"math"
	"slices"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/jose"
	"github.com/nixnode/nixnode/message"
	"github.com/nixnode/nixnode/notify"
)

// descent is the part of a stream that goes from the newest message downwards.
type descent struct {
	top    uint64 // the newest message of the first state: all above it is live
	before uint64 // the next one lies below
	left   int    // how many more are wanted
}

// look takes one look at the local state: whether the stream may go on, and what
// is next. more tells to look again at once.
func (st *Stream) look() (lines []api.StreamLine, more bool, err error) {
	hints := st.sub.TakeHints()
	v, err := st.s.reader.Local()
	if err != nil {
		return nil, false, clusterError(err)
	}
	err = using(v, func(v View) error {
		if err := st.check(v); err != nil {
			return err
		}
		lines, more, err = st.advance(v, hints)
		return err
	})
	return lines, more, err
}

// check demands what a stream needs to go on. A replaced signing key is no reason
// to end it (section 5).
func (st *Stream) check(v View) error {
	if err := st.inTouch(); err != nil {
		return err
	}
	if _, err := st.s.admit(v, st.caller, ScopeMessage); err != nil {
		return err
	}
	rec, found, err := v.Identity(st.who)
	if err != nil {
		return err
	}
	if !found || rec.Retired {
		return &api.Error{Code: api.CodeRetiredIdentity}
	}
	return nil
}

// advance reads on from where the stream stands.
func (st *Stream) advance(v View, hints []notify.Hint) (lines []api.StreamLine, more bool, err error) {
	box, _, err := v.Mailbox(st.who)
	if err != nil {
		return nil, false, err
	}
	if !st.started {
		if err := st.start(v, box.LastTS); err != nil {
			return nil, false, err
		}
		st.started = true
	}
	if st.down != nil {
		return st.descend(v)
	}
	return st.ascend(v, box.LastTS, hints)
}

// start sets where the stream begins in the first state that it sees, whose
// newest message is at top. All above top is live.
func (st *Stream) start(v View, top uint64) error {
	if st.query.Descending {
		st.down = &descent{top: top, before: top + 1, left: st.query.Limit}
		if st.query.Limit == 0 {
			st.down.left = math.MaxInt
		}
		return nil
	}
	if st.query.Limit == 0 {
		return nil
	}
	// The newest so many, oldest first: count them from above.
	left, q := st.query.Limit, st.scan()
	q.Descending, q.Before = true, st.bound(top+1)
	for q.Before > q.After {
		q.Limit = min(left, streamPage)
		page, err := v.Messages(q)
		if err != nil {
			return err
		}
		if left -= len(page.Messages); left <= 0 {
			oldest := page.Messages[len(page.Messages)-1].TS
			st.pos = max(st.pos, oldest-1)
			return nil
		}
		if !page.More {
			return nil
		}
		q.Before = page.Scanned
	}
	return nil
}

// scan gives what the stream reads above its position, ascending.
func (st *Stream) scan() command.MessageQuery {
	q := command.MessageQuery{
		Mailbox: st.who, After: st.pos, Before: uint64(st.query.Max),
		Limit: streamPage, MaxBytes: streamPageBytes, From: st.query.From, Package: st.query.Kid,
	}
	for _, t := range st.query.Types {
		q.Kinds = append(q.Kinds, uint8(t))
	}
	return q
}

// bound gives the lower of an exclusive upper bound and the query's own.
func (st *Stream) bound(before uint64) uint64 {
	if top := uint64(st.query.Max); top != 0 {
		return min(top, before)
	}
	return before
}

// descend reads the next page downwards. When there is none, the live part begins
// above the message with which this one began.
func (st *Stream) descend(v View) (lines []api.StreamLine, more bool, err error) {
	d, q := st.down, st.scan()
	q.Descending, q.Before, q.Limit = true, st.bound(d.before), min(d.left, streamPage)
	page, err := v.Messages(q)
	if err != nil {
		return nil, false, err
	}
	d.before, d.left = page.Scanned, d.left-len(page.Messages)
	if d.left == 0 || !page.More {
		st.pos, st.down = max(st.pos, d.top), nil
	}
	return showLines(page.Messages), true, nil
}

// ascend reads the next page upwards, and at the end of what this state has takes
// the hints that go on from there.
func (st *Stream) ascend(v View, top uint64, hints []notify.Hint) (lines []api.StreamLine, more bool, err error) {
	if st.pos < top {
		page, err := v.Messages(st.scan())
		if err != nil {
			return nil, false, err
		}
		lines = showLines(page.Messages)
		if page.More {
			st.pos = max(st.pos, page.Scanned)
			return lines, true, nil
		}
		st.pos = top
	}
	return st.follow(lines, hints), false, nil
}

// follow appends the messages of hints that go on exactly where the stream
// stands. Any other hint was a mere ring: the store will show what it told of.
func (st *Stream) follow(lines []api.StreamLine, hints []notify.Hint) []api.StreamLine {
	slices.SortFunc(hints, func(a, b notify.Hint) int {
		switch {
		case a.TS < b.TS:
			return -1
		case a.TS > b.TS:
			return 1
		}
		return 0
	})
	for _, h := range hints {
		if h.Before != st.pos || h.TS <= st.pos {
			continue
		}
		wanted, ok := st.wants(h)
		if !ok {
			break
		}
		st.pos = h.TS
		if wanted {
			lines = append(lines, line(h.TS, h.Message))
		}
	}
	return lines
}

// wants reports whether the filters of the stream let the hint's message through.
// It is not ok when that cannot be told.
func (st *Stream) wants(h notify.Hint) (wanted, ok bool) {
	if st.query.Max != 0 && h.TS >= uint64(st.query.Max) {
		return false, true
	}
	if st.query.Filter() == 0 {
		return true, true
	}
	t, err := jose.ParseToken(string(h.Message), st.s.domain)
	if err != nil {
		return false, false
	}
	p, err := message.ParsePayload(t.Payload, st.s.domain)
	if err != nil {
		return false, false
	}
	q := st.query
	return (len(q.Types) == 0 || slices.Contains(q.Types, p.Type)) &&
		(q.From.IsZero() || q.From == t.Key.Address) &&
		(q.Kid == "" || q.Kid == p.Body.Kid), true
}

func showLines(messages []command.Message) []api.StreamLine {
	lines := make([]api.StreamLine, len(messages))
	for i, m := range messages {
		lines[i] = line(m.TS, m.Token)
	}
	return lines
}
