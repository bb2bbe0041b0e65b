package relay

import (
	"container/list"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
)

// What an API key may ask of one node a second, unless its rate says otherwise
// (section 9): requests, requests at once, and messages. They are generous: all
// users of an application share its key, and a node that is asked for too much by
// all of them together says so by 50301.
const (
	DefaultRequests = 5_000
	DefaultBurst    = 10_000
	DefaultMessages = 20_000
)

// maxRated is of how many keys a node remembers what they asked for. A key that is
// forgotten, as others came since, begins with a full measure.
const maxRated = 16_384

// rates measures what API keys ask of this node. It is the node's own memory: a
// key gets its measure on each node. What protects the cluster itself (mailboxes,
// copies to groups, everything stored) is bounded in replicated state.
type rates struct {
	mu    sync.Mutex
	order *list.List // of *rated, the last used first
	byKey map[address.Address]*list.Element
}

// rated has the two measures of one key.
type rated struct {
	key                address.Address
	as                 command.Rate // what they are set to
	requests, messages *rate.Limiter
}

func newRates() *rates {
	return &rates{order: list.New(), byKey: map[address.Address]*list.Element{}}
}

// request demands that the caller may make a request now. Errors: 42900.
func (r *rates) request(c Caller, now time.Time) error {
	if !r.of(c, now).requests.AllowN(now, 1) {
		return api.Errorf(api.CodeRateLimited, "requests")
	}
	return nil
}

// sends demands that the caller may send n messages now, all or none. Errors: 42900.
func (r *rates) sends(c Caller, n int, now time.Time) error {
	if !r.of(c, now).messages.AllowN(now, n) {
		return api.Errorf(api.CodeRateLimited, "messages")
	}
	return nil
}

// of gives the measures of the caller's key, as its record has them now. When a
// rate changes, what was asked for so far goes on counting.
func (r *rates) of(c Caller, now time.Time) *rated {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, known := r.byKey[c.key]
	if !known {
		e = r.order.PushFront(newRated(c))
		r.byKey[c.key] = e
		if r.order.Len() > maxRated {
			delete(r.byKey, r.order.Remove(r.order.Back()).(*rated).key)
		}
	}
	r.order.MoveToFront(e)
	k := e.Value.(*rated)
	if k.as != c.rate {
		k.as = c.rate
		adjust(k.requests, requestMeasure(c.rate), now)
		adjust(k.messages, messageMeasure(c.rate), now)
	}
	return k
}

// newRated gives full measures.
func newRated(c Caller) *rated {
	r, m := requestMeasure(c.rate), messageMeasure(c.rate)
	return &rated{key: c.key, as: c.rate, requests: rate.NewLimiter(r.perSecond, r.burst), messages: rate.NewLimiter(m.perSecond, m.burst)}
}

func adjust(l *rate.Limiter, m measure, now time.Time) {
	l.SetLimitAt(now, m.perSecond)
	l.SetBurstAt(now, m.burst)
}

// measure is how much a second, and how much at once.
type measure struct {
	perSecond rate.Limit
	burst     int
}

func requestMeasure(r command.Rate) measure {
	m := measure{rate.Limit(r.Requests), int(r.Burst)}
	switch {
	case r.Requests == 0:
		m.perSecond = DefaultRequests
		if m.burst == 0 {
			m.burst = DefaultBurst
		}
	case m.burst == 0:
		m.burst = 2 * int(r.Requests)
	}
	return m
}

// messageMeasure allows a call of as many messages as one may have at any rate.
func messageMeasure(r command.Rate) measure {
	perSecond := int(r.Messages)
	if perSecond == 0 {
		perSecond = DefaultMessages
	}
	return measure{rate.Limit(perSecond), max(perSecond, api.MaxMessages)}
}
