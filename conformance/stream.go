package conformance

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/nixnode/nixnode/api"
)

// stream is an open listen. A goroutine reads it until it ends.
type stream struct {
	t      *T
	resp   *http.Response
	cancel context.CancelFunc
	items  chan item
	ended  chan struct{}
}

// item is a line, a keep-alive between lines, or the end.
type item struct {
	line  []byte
	space bool
	err   error // io.EOF is a clean end
}

// soon is for how long to wait for what should come at once.
const soon = 10 * time.Second

// maxLine is more than any line has.
const maxLine = 1 << 20

// listen opens the stream of p; its end belongs to the case.
func (p *party) listen(claims ...obj) *stream {
	return p.t.stream(call{path: api.PathListen, body: p.jwt(api.PathListen, claims...), auth: p.auth})
}

// stream opens a stream, again if it has to. What is no stream fails the case.
func (t *T) stream(c call) *stream {
	deadline := time.Now().Add(patience)
	for {
		s, a, err := t.tryStream(c)
		switch {
		case s != nil:
			return s
		case err == nil && !temporary(a.code()):
			t.Failf("%v; want a stream", a)
		case time.Now().After(deadline):
			t.Failf("%s: no stream: %v %v", c, a, err)
		}
		t.disturbed.Store(true)
		t.rest(100 * time.Millisecond)
	}
}

func (t *T) tryStream(c call) (*stream, *answer, error) {
	ctx, cancel := context.WithCancel(t.ctx)
	resp, err := t.openIn(ctx, c)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer cancel()
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		a := newAnswer(t, c, resp, body)
		t.s.witness.saw(a)
		return nil, a, err
	}
	t.s.witness.stream(c.String(), resp.StatusCode, resp.Header.Get)
	s := &stream{t: t, resp: resp, cancel: cancel, items: make(chan item, 1), ended: make(chan struct{})}
	go s.read()
	t.cleanup(s.close)
	return s, nil, nil
}

// close leaves the stream and joins its reader.
func (s *stream) close() {
	s.cancel()
	for range s.items { // the reader may be about to hand one over
	}
	<-s.ended
}

func (s *stream) read() {
	defer close(s.ended)
	defer close(s.items)
	defer func() { _ = s.resp.Body.Close() }()
	r := bufio.NewReader(s.resp.Body)
	for {
		i := nextItem(r)
		s.items <- i
		if i.err != nil {
			return
		}
	}
}

func nextItem(r *bufio.Reader) item {
	var line []byte
	for {
		b, err := r.ReadByte()
		switch {
		case err != nil && errors.Is(err, io.EOF) && len(line) > 0:
			return item{err: io.ErrUnexpectedEOF}
		case err != nil:
			return item{err: err}
		case b == '\n':
			return item{line: line}
		case b == ' ' && len(line) == 0:
			return item{space: true}
		case len(line) == maxLine:
			return item{err: errors.New("a line without an end")}
		}
		line = append(line, b)
	}
}

// next gives what comes next but keep-alives.
func (s *stream) next(within time.Duration) item {
	timer := time.NewTimer(within)
	defer timer.Stop()
	for {
		select {
		case i, ok := <-s.items:
			if !ok {
				return item{err: io.EOF}
			}
			if !i.space {
				return i
			}
		case <-timer.C:
			s.t.Failf("nothing comes on the stream within %v", within)
		}
	}
}

// line gives the next line as an object.
func (s *stream) line(within time.Duration) obj {
	i := s.next(within)
	if i.err != nil {
		s.t.disturbed.Store(true)
		s.t.Failf("the stream ended: %v", i.err)
	}
	o := object(i.line)
	s.t.check(o != nil, "a line is no JSON object: %s", brief(string(i.line)))
	if temporary(number(o["code"])) {
		s.t.disturbed.Store(true)
	}
	return o
}

// brings demands that these messages come next, in this order, and gives the ts of the last.
func (s *stream) brings(msgs ...string) (ts string) {
	for n, want := range msgs {
		o := s.line(soon)
		got := text(o["msg"])
		s.t.check(got == want, "message %d of the stream: %s", n, difference([]string{got}, msgs)+" "+brief(show(o)))
		ts = text(o["ts"])
	}
	return ts
}

// silent demands that no message comes for a moment.
func (s *stream) silent(within time.Duration) {
	timer := time.NewTimer(within)
	defer timer.Stop()
	for {
		select {
		case i := <-s.items:
			s.t.check(i.space, "something came that should not: %s %v", brief(string(i.line)), i.err)
		case <-timer.C:
			return
		}
	}
}

// ends demands a last line with one of the codes, and a break behind it.
func (s *stream) ends(within time.Duration, codes ...api.Code) {
	o := s.line(within)
	ok := slices.Contains(codes, api.Code(number(o["code"])))
	s.t.check(ok, "the last line is %s, want %s", brief(show(o)), wanted(codes))
	s.t.check(o["status"] != nil && text(o["err"]) != "", "the last line lacks status or err: %s", brief(show(o)))
	end := s.next(soon)
	s.t.check(end.err != nil && !errors.Is(end.err, io.EOF), "behind the last line the body ends cleanly (%s %v); it must break", brief(string(end.line)), end.err)
}
