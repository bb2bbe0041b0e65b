package conformance

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/nixnode/nixnode/api"
)

// streamCases are those of section 6 about listen.
func streamCases() []Case {
	cases := []Case{
		the("6.listen.head", "200 and application/x-ndjson, flushed at once", func(t *T) {
			began := time.Now()
			s := t.standingParty().listen()
			t.check(s.resp.Header.Get("Content-Type") == "application/x-ndjson", "Content-Type %q", s.resp.Header.Get("Content-Type"))
			t.check(time.Since(began) < 5*time.Second, "the headers came after %v", time.Since(began))
		}),
		the("6.listen.cached-then-live", "first the cached ones, oldest first, then live, without a gap", func(t *T) {
			p := t.party()
			old, _ := p.sendMany(3)
			s := p.listen()
			s.brings(old...)
			more, _ := p.sendMany(3)
			s.brings(more...)
		}),
		the("6.listen.line", "a line is {ts, msg}", func(t *T) {
			p := t.party()
			msgs, stamps := p.sendMany(1)
			o := p.listen().line(soon)
			t.check(len(o) == 2 && o["ts"] == stamps[0] && o["msg"] == msgs[0], "the line is %s", brief(show(o)))
		}),
		the("6.listen.desc", "DESC: the cached ones newest first, then live", func(t *T) {
			p := t.party()
			old, _ := p.sendMany(3)
			slices.Reverse(old)
			s := p.listen(obj{"order": "DESC"})
			s.brings(old...)
			more, _ := p.sendMany(2)
			s.brings(more...)
		}),
		the("6.listen.min", "those above min; so a client resumes", func(t *T) {
			p := t.party()
			msgs, stamps := p.sendMany(4)
			p.listen(obj{"min": stamps[1]}).brings(msgs[2:]...)
		}),
		the("6.listen.newest-limit", "with limit the newest of the cached ones, oldest first", func(t *T) {
			p := t.party()
			msgs, _ := p.sendMany(5)
			s := p.listen(obj{"limit": 2})
			s.brings(msgs[3:]...)
			more, _ := p.sendMany(3)
			s.brings(more...)
		}),
		the("6.listen.no-repeat", "without a gap or a repeat within one stream", func(t *T) {
			p := t.party()
			s := p.listen()
			var all []string
			for range 10 {
				msgs, _ := p.sendMany(5)
				all = append(all, msgs...)
			}
			s.brings(all...)
			s.silent(300 * time.Millisecond)
		}),
		the("6.listen.resume", "a client resumes with min = its last ts", func(t *T) {
			p := t.party()
			s := p.listen()
			msgs, _ := p.sendMany(4)
			last := s.brings(msgs[:2]...)
			s.close()
			p.listen(obj{"min": last}).brings(msgs[2:]...)
		}),
		the("6.listen.other-nodes", "what is sent to any node reaches the stream", func(t *T) {
			p, q := t.party(), t.party()
			s := p.listen()
			for range 2 * len(t.s.urls) {
				msg := q.message("s", p.addr, nil)
				q.sends(msg)
				s.brings(msg)
			}
		}),
		the("6.listen.each-gets-all", "any number of streams coexist, with or without the same jti, and each gets every message", func(t *T) {
			p := t.party()
			jti := obj{"jti": "same"}
			streams := []*stream{p.listen(jti), p.listen(jti), p.listen(), p.listen()}
			msgs, _ := p.sendMany(3)
			for _, s := range streams {
				s.brings(msgs...)
			}
			more, _ := p.sendMany(1)
			for _, s := range streams {
				s.brings(more...)
			}
		}),
		the("6.listen.100-streams", "up to 100 streams of an identity; beyond that the oldest ends", func(t *T) {
			t.oneNode()
			p := t.party()
			var streams []*stream
			for range 101 {
				streams = append(streams, p.listen())
			}
			streams[0].ends(soon, api.CodeTooManyStreams)
			msgs, _ := p.sendMany(1)
			for _, s := range streams[1:] {
				s.brings(msgs...)
			}
		}),
		the("6.listen.keep-alive", "between messages a single space is sent every 15 s", func(t *T) {
			s := t.party().listen()
			began := time.Now()
			select {
			case i := <-s.items:
				took := time.Since(began)
				t.check(i.space && took > 10*time.Second, "after %v came %s %v", took, brief(string(i.line)), i.err)
			case <-time.After(20 * time.Second):
				t.Failf("no keep-alive within 20 s")
			}
		}),
		the("6.listen.ascii", "the body of a stream is ASCII", func(t *T) {
			p := t.party()
			p.sends(p.message("s", p.addr, obj{"x": "é\u2028😀"}))
			i := p.listen().next(soon)
			t.check(i.err == nil && bytes.IndexFunc(i.line, func(r rune) bool { return r > 126 || r < 32 }) < 0, "%q", i.line)
		}),
		the("6.listen.error-is-envelope", "an error before the first line is a plain, complete envelope", func(t *T) {
			a := t.post(api.PathListen, obj{"jwt": "garbage"}).want(api.CodeBadToken).has("txnID").has("err")
			t.check(a.header.Get("Content-Length") != "", "%v; its length is not told", a)
		}),
		the("6.listen.retired-ends", "a stream that the server must end has a last line, and then breaks", func(t *T) {
			p := t.party()
			s := p.listen()
			p.retires()
			s.ends(soon, api.CodeRetiredIdentity)
		}),
		the("6.listen.max", "nothing at or above max comes", func(t *T) {
			p := t.party()
			msgs, stamps := p.sendMany(3)
			s := p.listen(obj{"max": stamps[2]})
			s.brings(msgs[:2]...)
			s.silent(300 * time.Millisecond)
		}),
		the("6.listen.stream-is-flushed", "each line arrives as it comes", func(t *T) {
			p := t.party()
			s := p.listen()
			for i := range 5 {
				began := time.Now()
				msg := p.message("s", p.addr, nil)
				p.sends(msg)
				s.brings(msg)
				t.check(time.Since(began) < 5*time.Second, "line %d came after %v", i, time.Since(began))
			}
		}),
	}
	for name, bad := range map[string]obj{"order": {"order": "UP"}, "limit": {"limit": 0}, "min": {"min": "x"}, "type": {"type": "x"}} {
		cases = append(cases, the("6.listen.bad-"+name, "the claims of fetch: one that means nothing is 400/40004", func(t *T) {
			p := t.standingParty()
			p.post(api.PathListen, p.jwt(api.PathListen, bad)).want(api.CodeBadValue)
		}))
	}
	for _, n := range []int{2, 5} {
		cases = append(cases, the(fmt.Sprintf("6.listen.while-sending-%d", n), "cached and live join without a gap or a repeat", func(t *T) {
			p := t.party()
			var all []string
			for range n {
				msgs, _ := p.sendMany(10)
				all = append(all, msgs...)
				s := p.listen()
				more, _ := p.sendMany(10)
				all = append(all, more...)
				s.brings(all...)
			}
		}))
	}
	return cases
}
