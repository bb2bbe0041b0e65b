package relay

import (
	"testing"
	"time"

	"github.com/nixnode/nixnode/fsm/command"
)

// isFounding tells the command that makes the operator key.
func isFounding(cmds []command.Command) bool {
	_, ok := cmds[0].(*command.Bootstrap)
	return ok
}

// The answer gets lost, whether or not the key was made: the next call gives the
// key that works, and its secret.
func TestTheOperatorKeyOfAnUnknownOutcomeIsNotLost(t *testing.T) {
	for name, applied := range map[string]bool{"it was made": true, "it was not made": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 2)
			fails := 3
			w.failWith(func(cmds []command.Command) (bool, error) {
				if !isFounding(cmds) || fails == 0 {
					return true, nil
				}
				fails--
				return applied, ErrOutcomeUnknown
			})
			for fails > 0 {
				if _, _, created, err := w.nodes[0].EnsureOperator(t.Context()); err == nil {
					t.Fatalf("no error, created %v", created)
				}
			}
			key, secret, created, err := w.nodes[0].EnsureOperator(t.Context())
			if err != nil || !created {
				t.Fatalf("created %v, %v", created, err)
			}
			if _, err := w.nodes[1].Authenticate(t.Context(), basic(w.nodes[1].domain.Full(key), secret.Text()), "txn"); err != nil {
				t.Errorf("the key does not work: %v", err)
			}
			if _, _, created, err := w.nodes[1].EnsureOperator(t.Context()); err != nil || created {
				t.Errorf("another node made a second one: %v, %v", created, err)
			}
		})
	}
}

// Whoever repeats its command after another node has made the key learns so.
func TestOnlyOneNodeMakesTheOperatorKey(t *testing.T) {
	w := newWorld(t, 2)
	lost := true
	w.failWith(func(cmds []command.Command) (bool, error) {
		if isFounding(cmds) && lost {
			lost = false
			return false, ErrOutcomeUnknown
		}
		return true, nil
	})
	if _, _, _, err := w.nodes[0].EnsureOperator(t.Context()); err == nil {
		t.Fatal("no error")
	}
	if _, _, created, err := w.nodes[1].EnsureOperator(t.Context()); err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	key, secret, created, err := w.nodes[0].EnsureOperator(t.Context())
	if err != nil || created || !key.IsZero() || secret != [32]byte{} {
		t.Errorf("created %v, key %v, %v", created, key, err)
	}
}

// Events go when the configured time is over, neither sooner nor later.
func TestEventsAreKeptAsLongAsConfigured(t *testing.T) {
	w := newWorld(t, 1)
	n := w.nodes[0]
	n.eventsKept = 48 * time.Hour
	if _, _, _, err := n.EnsureOperator(t.Context()); err != nil { // leaves an event
		t.Fatal(err)
	}
	due := func() bool {
		due, err := n.machine.EventsDue(uint64(w.clock().Add(-n.eventsKept).UnixNano()))
		if err != nil {
			t.Fatal(err)
		}
		return due
	}
	w.advance(47 * time.Hour)
	if due() {
		t.Fatal("due too soon")
	}
	w.advance(48 * time.Hour) // an event goes with the last one of its bucket
	if !due() {
		t.Fatal("not due")
	}
	for more := true; more; {
		var err error
		if more, err = n.Expire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if due() {
		t.Error("a full run of expiry leaves what is due")
	}
}
