// Package notify is the bell of a node: who on this node is listening for which
// addresses, and wake-up signals for them.
//
// A ring carries no message. It says "look again", and any number of rings
// before the listener looks are one. So a slow listener costs one slot and not a
// queue, nothing can be lost by it, and nobody who rings ever waits. Whoever
// subscribes first and reads then misses nothing.
//
// A hint is a ring that brings the message along, so that a listener need not
// wait for its node to apply it. Hints are kept in a short list and dropped when
// it is full: the ring remains, and what is dropped is read from the store.
//
// The package starts no goroutine and holds no lock while it calls back.
package notify

import (
	"slices"
	"sync"

	"github.com/nixnode/nixnode/address"
)

// Hint is a message that is on its way to the store of this node.
type Hint struct {
	To      address.Address
	TS      uint64 // its place in the mailbox
	Before  uint64 // the place of the message before it, or 0: only a listener that stands there may take it
	Message []byte // the token; shared, not to be changed
}

// Bell knows the listeners of one node. Its methods are safe for concurrent use.
type Bell struct {
	onChange func(a address.Address, listened bool)

	mu        sync.RWMutex // before a Subscription's, if both; never held while calling onChange
	listeners map[address.Address][]*Subscription
	count     int
	reports   map[address.Address]*report
}

// report is what onChange was told last of an address. There is one for each
// address that is, or is told to be, listened to.
type report struct {
	told    bool
	telling bool // a goroutine is calling onChange for this address
}

// New makes a Bell. onChange, which may be nil, hears when an address gets its
// first listener and loses its last. For one address the calls come one at a
// time and in order, never twice the same, and the last one tells the truth;
// a quick change back may go unmentioned. It is called without locks held, by
// whoever subscribes or closes, or by another one who is just at it for the same
// address: then Subscribe or Close may return before.
func New(onChange func(a address.Address, listened bool)) *Bell {
	return &Bell{
		onChange:  onChange,
		listeners: map[address.Address][]*Subscription{},
		reports:   map[address.Address]*report{},
	}
}

// Subscribe starts listening for addrs; one named twice counts once. Each ring
// for one of them after Subscribe has returned is heard. The caller must Close
// the Subscription.
func (b *Bell) Subscribe(addrs ...address.Address) *Subscription {
	s := &Subscription{bell: b, addrs: distinct(addrs), c: make(chan struct{}, 1)}
	b.mu.Lock()
	for _, a := range s.addrs {
		b.listeners[a] = append(b.listeners[a], s)
	}
	b.count++
	b.mu.Unlock()
	for _, a := range s.addrs {
		b.tell(a)
	}
	return s
}

func distinct(addrs []address.Address) []address.Address {
	out := make([]address.Address, 0, len(addrs))
	seen := make(map[address.Address]struct{}, len(addrs))
	for _, a := range addrs {
		if _, ok := seen[a]; !ok {
			seen[a] = struct{}{}
			out = append(out, a)
		}
	}
	return out
}

// remove takes s out. Its Close sees to it that this happens once.
func (b *Bell) remove(s *Subscription) {
	b.mu.Lock()
	for _, a := range s.addrs {
		left := slices.DeleteFunc(b.listeners[a], func(o *Subscription) bool { return o == s })
		if len(left) == 0 {
			delete(b.listeners, a)
		} else {
			b.listeners[a] = left
		}
	}
	b.count--
	b.mu.Unlock()
	for _, a := range s.addrs {
		b.tell(a)
	}
}

// tell calls onChange until what it was told of a is what is. Only one goroutine
// does so for an address at a time, which keeps the order; one that finds it
// being done leaves, as the other looks again after each call.
func (b *Bell) tell(a address.Address) {
	if b.onChange == nil {
		return
	}
	for {
		b.mu.Lock()
		listened := len(b.listeners[a]) > 0
		r := b.reports[a]
		if r == nil {
			r = &report{}
			b.reports[a] = r
		}
		if r.telling || r.told == listened {
			if !r.telling && !r.told {
				delete(b.reports, a)
			}
			b.mu.Unlock()
			return
		}
		r.told, r.telling = listened, true
		b.mu.Unlock()
		b.onChange(a, listened)
		b.mu.Lock()
		r.telling = false
		b.mu.Unlock()
	}
}

// Ring wakes the listeners of addrs.
func (b *Bell) Ring(addrs ...address.Address) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, a := range addrs {
		for _, s := range b.listeners[a] {
			s.wake()
		}
	}
}

// RingAll wakes every listener, as when all of the store has been replaced.
func (b *Bell) RingAll() {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, subs := range b.listeners {
		for _, s := range subs {
			s.wake()
		}
	}
}

// Hint wakes the listeners of h.To and leaves h with them. It reports whether
// there is one.
func (b *Bell) Hint(h Hint) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, s := range b.listeners[h.To] {
		s.take(h)
		s.wake()
	}
	return len(b.listeners[h.To]) > 0
}

// Listened reports whether a has a listener on this node.
func (b *Bell) Listened(a address.Address) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.listeners[a]) > 0
}

// Count gives the number of open Subscriptions.
func (b *Bell) Count() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.count
}
