package conformance

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// attemptTime bounds one attempt of a case; the longest waits for a keep-alive.
	attemptTime = 60 * time.Second
	// maxAttempts is how often a case is begun that temporary failures disturb.
	maxAttempts = 3
)

// suite is one run.
type suite struct {
	o         Options
	urls      []string
	transport *http.Transport
	next      atomic.Uint64  // round robin over urls
	down      []atomic.Int64 // until when (unix nanoseconds) a URL is passed over
	witness   *witness

	// standing is an identity that cases share which leave it as it is.
	standingOnce sync.Mutex
	standing     *party
}

func newSuite(o Options) *suite {
	s := &suite{o: o, witness: newWitness(), transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}
	for _, u := range o.URLs {
		s.urls = append(s.urls, strings.TrimRight(u, "/"))
	}
	s.down = make([]atomic.Int64, len(s.urls))
	return s
}

func (s *suite) close() { s.transport.CloseIdleConnections() }

// runAll runs the cases of one phase, some at a time.
func (s *suite) runAll(ctx context.Context, cases []Case, last bool, outcomes []Outcome) {
	parallel := s.o.Parallel
	if parallel <= 0 {
		parallel = defaultParallel
	}
	places := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	var telling sync.Mutex
	for i, c := range cases {
		if c.last != last {
			continue
		}
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			outcomes[i] = s.runCase(ctx, c)
			if s.o.Progress != nil {
				telling.Lock()
				defer telling.Unlock()
				s.o.Progress(outcomes[i])
			}
		})
	}
	wg.Wait()
}

// runCase begins a case anew when it failed after a temporary failure: what it
// was then told may be true of the second try only (20023 instead of 20022).
func (s *suite) runCase(ctx context.Context, c Case) (out Outcome) {
	began := time.Now()
	defer func() { out.Took = time.Since(began) }()
	if why := c.needs.missing(s.o); why != "" {
		return Outcome{Case: c, Result: Skipped, Reason: why}
	}
	for n := 1; ; n++ {
		t := s.attempt(ctx, c)
		if t.skip != "" {
			return Outcome{Case: c, Result: Skipped, Reason: t.skip, Attempts: n}
		}
		if t.failure == "" {
			return Outcome{Case: c, Result: Passed, Attempts: n}
		}
		if !t.disturbed.Load() || n == maxAttempts || ctx.Err() != nil {
			return Outcome{Case: c, Result: Failed, Reason: t.failure, Attempts: n}
		}
	}
}

// attempt runs a case once.
func (s *suite) attempt(ctx context.Context, c Case) (t *T) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	t = &T{ctx: ctx, s: s, id: c.ID}
	defer t.cleanUp()
	defer func() {
		switch v := recover().(type) {
		case nil:
		case failed:
			t.failure = string(v)
		case skipped:
			t.skip = string(v)
		default:
			t.failure = fmt.Sprintf("the case itself broke: %v", v)
		}
	}()
	c.run(t)
	return t
}

// failed is what Failf throws and attempt catches.
type failed string

// skipped is what Skipf throws.
type skipped string

// T is one attempt of a case.
type T struct {
	ctx       context.Context
	s         *suite
	id        string // of the case
	pin       string // URL that all requests go to; empty is round robin
	failure   string
	skip      string
	disturbed atomic.Bool // a temporary failure was met
	cleanups  []func()
}

// Failf ends the attempt.
func (t *T) Failf(format string, args ...any) { panic(failed(fmt.Sprintf(format, args...))) }

// Skipf ends the attempt of a case that this server gives no occasion for.
func (t *T) Skipf(format string, args ...any) { panic(skipped(fmt.Sprintf(format, args...))) }

// check ends the attempt unless ok.
func (t *T) check(ok bool, format string, args ...any) {
	if !ok {
		t.Failf(format, args...)
	}
}

// must ends the attempt on an error of the suite's own making.
func must[V any](v V, err error) V {
	if err != nil {
		panic(failed("the suite cannot go on: " + err.Error()))
	}
	return v
}

func (t *T) cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *T) cleanUp() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}

// passOver is for how long a node that takes no connections is not asked again.
const passOver = 2 * time.Second

// url gives where the next request goes: to the next node that was not just seen
// to be down, or else to the next.
func (t *T) url() string {
	if t.pin != "" {
		return t.pin
	}
	n, now := uint64(len(t.s.urls)), time.Now().UnixNano()
	for range n {
		if i := (t.s.next.Add(1) - 1) % n; t.s.down[i].Load() < now {
			return t.s.urls[i]
		}
	}
	return t.s.urls[(t.s.next.Add(1)-1)%n]
}

// isDown has the others asked for a while, as a client would.
func (s *suite) isDown(url string) {
	if i := slices.Index(s.urls, url); i >= 0 {
		s.down[i].Store(time.Now().Add(passOver).UnixNano())
	}
}

// oneNode has all further requests of the attempt go to one node, for what the
// page promises of one.
func (t *T) oneNode() { t.pin = t.url() }

// until tries cond again and again, for what the page allows some time for.
func (t *T) until(within time.Duration, what string, cond func() bool) {
	deadline := time.Now().Add(within)
	for !cond() {
		t.check(time.Now().Before(deadline), "not within %v: %s", within, what)
		t.rest(50 * time.Millisecond)
	}
}

// rest waits.
func (t *T) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.ctx.Done():
		t.Failf("out of time")
	}
}
