package relay

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/notify"
)

// take reads once from a stream, and does not wait for ever.
func take(t *testing.T, s *Stream) []api.StreamLine {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return must(s.Next(ctx))(t)
}

// next reads n lines of a stream.
func next(t *testing.T, s *Stream, n int) []api.StreamLine {
	t.Helper()
	var lines []api.StreamLine
	for len(lines) < n {
		lines = append(lines, take(t, s)...)
	}
	return lines
}

func (w *world) listen(t *testing.T, n *testNode, c Caller, p *party, claims ...any) *Stream {
	t.Helper()
	s := must(n.Listen(t.Context(), c, p.proof(api.PathListen, claims...)))(t)
	t.Cleanup(s.Close)
	return s
}

// silent demands that nothing more comes of a stream that has been read to its end.
func silent(t *testing.T, s *Stream) {
	t.Helper()
	for range 3 {
		lines, more, err := s.look()
		if err != nil || len(lines) > 0 || more {
			t.Fatalf("got %d lines, more %v, %v", len(lines), more, err)
		}
	}
}

func wantIDs(t *testing.T, w *world, lines []api.StreamLine, want []string) {
	t.Helper()
	if ids := idsOf(t, w, lines); !slices.Equal(ids, want) {
		t.Fatalf("got %v, want %v", ids, want)
	}
}

func TestAStreamBeginsWithWhatItAsksForAndGoesOnLive(t *testing.T) {
	for _, tt := range []struct {
		name   string
		claims func(ts func(i int) string) []any
		want   []string // of the seven that are there, and the three that come
	}{
		{"all", func(func(int) string) []any { return nil }, numbers(1, 10)},
		{"min", func(ts func(int) string) []any { return []any{"min", ts(3)} }, numbers(4, 10)},
		{"min of the last", func(ts func(int) string) []any { return []any{"min", ts(7)} }, numbers(8, 10)},
		{"newest two", func(func(int) string) []any { return []any{"limit", 2} }, numbers(6, 10)},
		{"more than there are", func(func(int) string) []any { return []any{"limit", 100} }, numbers(1, 10)},
		{"min and limit", func(ts func(int) string) []any { return []any{"min", ts(6), "limit", 5} }, numbers(7, 10)},
		{"descending", func(func(int) string) []any { return []any{"order", "DESC"} }, append(numbers(7, 1), numbers(8, 10)...)},
		{"descending two", func(func(int) string) []any { return []any{"order", "DESC", "limit", 2} }, append(numbers(7, 6), numbers(8, 10)...)},
		{"descending min", func(ts func(int) string) []any { return []any{"order", "DESC", "min", ts(5)} }, append(numbers(7, 6), numbers(8, 10)...)},
		{"filter", func(func(int) string) []any { return []any{"type", "e"} }, []string{"2", "4", "6", "8", "10"}},
		{"filter and limit", func(func(int) string) []any { return []any{"type", "e", "limit", 2} }, []string{"4", "6", "8", "10"}},
		{"filter descending", func(func(int) string) []any { return []any{"type", "e", "order", "DESC"} }, []string{"6", "4", "2", "8", "10"}},
		{"max", func(ts func(int) string) []any { return []any{"max", ts(4)} }, numbers(1, 3)},
		{"max and limit", func(ts func(int) string) []any { return []any{"max", ts(4), "limit", 1} }, []string{"3"}},
		{"max descending", func(ts func(int) string) []any { return []any{"max", ts(4), "order", "DESC"} }, numbers(3, 1)},
		{"nothing below max", func(ts func(int) string) []any { return []any{"max", ts(1)} }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, u := newUsers(t, 2)
			a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
			sent := fill(w, u.caller, a, b, 7)
			w.nodes[1].setLag(true) // it must catch up to begin
			s := w.listen(t, w.nodes[1], u.caller, b, tt.claims(func(i int) string { return sent[i-1].TS })...)
			w.nodes[1].setLag(false)
			var lines []api.StreamLine
			for more := true; more; { // all that is there, before anything comes
				got, again, err := s.look()
				if err != nil {
					t.Fatal(err)
				}
				lines, more = append(lines, got...), again
			}
			w.send(w.nodes[0], u.caller, a.message('e', b, nil), a.message('s', b, nil), a.message('e', b, nil))
			for len(lines) < len(tt.want) {
				lines = append(lines, take(t, s)...)
			}
			silent(t, s)
			wantIDs(t, w, lines, tt.want)
		})
	}
}

func TestAStreamGoesOnFromTheCursorOfAFetch(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	fill(w, u.caller, a, b, 5)
	page := fetch(t, w, u.caller, b, "order", "ASC", "limit", 2)
	wantIDs(t, w, next(t, w.listen(t, n, u.caller, b, "cursor", page.Last), 3), numbers(3, 5))
	down := fetch(t, w, u.caller, b, "limit", 2)
	for _, claims := range [][]any{{"cursor", down.Last}, {"cursor", page.Last, "order", "DESC"}, {"cursor", page.Last, "type", "s"}, {"cursor", "x"}} {
		_, err := n.Listen(t.Context(), u.caller, b.proof(api.PathListen, claims...))
		wantCode(t, err, api.CodeBadCursor)
	}
}

// Many senders, on all nodes, while the streams run, are resumed and acknowledged.
func TestStreamsHaveNoGapAndNoRepeatUnderConcurrentSends(t *testing.T) {
	const senders, each = 6, 25
	w, u := newUsers(t, 3)
	b := w.register(u.caller, "user")
	var batches [senders][]string
	for i := range senders {
		a := w.register(u.caller, "user")
		for range each {
			batches[i] = append(batches[i], a.message('s', b, nil))
		}
	}
	var sending sync.WaitGroup
	for i, batch := range batches {
		sending.Go(func() {
			for _, msg := range batch {
				if _, err := w.nodes[i%3].Send(t.Context(), u.caller, api.SendRequest{Msgs: []string{msg}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var reading sync.WaitGroup
	got := make([][]api.StreamLine, 4)
	for r := range got {
		reading.Go(func() {
			got[r] = follow(t, w, u.caller, b, r, senders*each)
		})
	}
	sending.Wait()
	reading.Wait()
	all := fetch(t, w, u.caller, b, "order", "ASC", "limit", 1000)
	for r, lines := range got {
		if !slices.Equal(lines, all.Lines) {
			t.Errorf("stream %d differs from the mailbox: %d and %d lines", r, len(lines), len(all.Lines))
		}
	}
}

// follow reads n lines, on another node each time that it resumes.
func follow(t *testing.T, w *world, c Caller, p *party, reader, n int) []api.StreamLine {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var lines []api.StreamLine
	for at := reader; len(lines) < n; at++ {
		var claims []any
		if len(lines) > 0 {
			claims = []any{"min", lines[len(lines)-1].TS}
		}
		s, err := w.nodes[at%len(w.nodes)].Listen(t.Context(), c, p.proof(api.PathListen, claims...))
		if err != nil {
			t.Error(err)
			return nil
		}
		for stop := len(lines) + 40; len(lines) < min(stop, n); {
			more, err := s.Next(ctx)
			if err != nil {
				t.Error(err)
				return nil
			}
			lines = append(lines, more...)
		}
		s.Close()
	}
	return lines
}

func TestAHintDeliversBeforeTheNodeHasAppliedTheMessage(t *testing.T) {
	w, u := newUsers(t, 2)
	lead, edge := w.nodes[0], w.nodes[1]
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	fill(w, u.caller, a, b, 1)
	plain := w.listen(t, edge, u.caller, b)
	only := w.listen(t, edge, u.caller, b, "type", "e", "src", a.addr)
	other := w.listen(t, edge, u.caller, b, "kid", "K")
	next(t, plain, 1)
	silent(t, only)
	silent(t, other)
	edge.setLag(true)
	fill(w, u.caller, a, b, 4)
	wantIDs(t, w, next(t, plain, 4), numbers(2, 5))
	wantIDs(t, w, next(t, only, 2), []string{"3", "5"})
	silent(t, other)
	edge.setLag(false)
	silent(t, plain)
	silent(t, only)
	w.send(lead, u.caller, a.message('s', b, map[string]string{"kid": "K"}))
	wantIDs(t, w, next(t, other, 1), []string{"6"})
	wantIDs(t, w, next(t, plain, 1), []string{"6"})
}

func TestAHintIsTakenAfterTheMessageBeforeItIsGone(t *testing.T) {
	w, u := newUsers(t, 2)
	edge := w.nodes[1]
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	sent := fill(w, u.caller, a, b, 2)
	must(w.nodes[0].Ack(t.Context(), u.caller, b.proof(api.PathAck, "upTo", sent[1].TS)))(t)
	s := w.listen(t, edge, u.caller, b)
	silent(t, s)
	edge.setLag(true)
	fill(w, u.caller, a, b, 1)
	wantIDs(t, w, next(t, s, 1), []string{"3"})
}

func TestAHintThatDoesNotGoOnExactlyIsAMereRing(t *testing.T) {
	w, u := newUsers(t, 2)
	edge := w.nodes[1]
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	s := w.listen(t, edge, u.caller, b)
	sent := fill(w, u.caller, a, b, 1)
	next(t, s, 1)
	pos := s.pos
	if fmt.Sprint(pos) != sent[0].TS {
		t.Fatalf("the stream stands at %d", pos)
	}
	edge.set(func() { edge.forward = false })
	w.nodes[0].set(func() { w.nodes[0].forward = false })
	edge.setLag(true)
	arrived := fill(w, u.caller, a, b, 2)
	forged := []byte("never shown")
	for _, h := range []notify.Hint{
		{To: b.local, Before: pos - 1, TS: pos + 1, Message: forged}, // a gap before
		{To: b.local, Before: pos + 1, TS: pos + 2, Message: forged}, // a gap after
		{To: b.local, Before: 0, TS: pos + 1, Message: forged},       // of an empty mailbox
		{To: b.local, Before: pos, TS: pos, Message: forged},         // back
	} {
		edge.bell.Hint(h)
		silent(t, s)
	}
	edge.setLag(false)
	lines := next(t, s, 2)
	if lines[0].TS != arrived[0].TS || lines[1].TS != arrived[1].TS {
		t.Errorf("got %v", lines)
	}
}

func TestHintsThatComeInAnyOrderAreSorted(t *testing.T) {
	w, u := newUsers(t, 2)
	lead, edge := w.nodes[0], w.nodes[1]
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	s := w.listen(t, edge, u.caller, b)
	silent(t, s)
	lead.set(func() { lead.forward = false })
	edge.setLag(true)
	fill(w, u.caller, a, b, 4)
	for _, h := range slices.Backward(lead.hints) {
		edge.bell.Hint(h)
	}
	wantIDs(t, w, next(t, s, 4), numbers(1, 4))
}

func TestAcknowledgingWhileStreamingLeavesNoGapBehind(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	s := w.listen(t, n, u.caller, b)
	for round := range 5 {
		fill(w, u.caller, a, b, 3)
		lines := next(t, s, 3)
		wantIDs(t, w, lines, numbers(3*round+1, 3*round+3))
		must(n.Ack(t.Context(), u.caller, b.proof(api.PathAck, "upTo", lines[2].TS)))(t)
	}
	// The hint of the next message goes on from one that is gone.
	fill(w, u.caller, a, b, 1)
	wantIDs(t, w, next(t, s, 1), []string{"16"})
}

func TestALargeBacklogComesInPages(t *testing.T) {
	for name, claims := range map[string][]any{"ASC": nil, "DESC": {"order", "DESC"}, "limit": {"limit", 3 * streamPage}} {
		t.Run(name, func(t *testing.T) {
			w, u := newUsers(t, 1)
			a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
			const total = 2*streamPage + 10
			for sent := 0; sent < total; sent += 130 {
				fill(w, u.caller, a, b, min(130, total-sent))
			}
			s := w.listen(t, w.nodes[0], u.caller, b, claims...)
			want := numbers(1, total)
			if name == "DESC" {
				slices.Reverse(want)
			}
			first := take(t, s)
			if len(first) > streamPage {
				t.Errorf("a page of %d", len(first))
			}
			wantIDs(t, w, append(first, next(t, s, total-len(first))...), want)
			fill(w, u.caller, a, b, 1)
			wantIDs(t, w, next(t, s, 1), numbers(total+1, total+1))
		})
	}
}
