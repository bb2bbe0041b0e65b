// Package eventually waits, in tests, for a condition with a deadline, so that
// no test sleeps for a time that somebody guessed.
//
// It polls: use it for what cannot be waited on by a channel. It promises to
// look at the condition at least once, and once more at the deadline.
package eventually

import (
	"testing"
	"time"
)

// interval is how long True rests between two looks: short beside what is
// waited for, long enough to leave the processor to the code under test.
const interval = 2 * time.Millisecond

// True waits until cond holds and fails the test at once, with the message
// that format and args make, when it does not hold within the given time.
// cond is called on the caller's goroutine.
func True(t testing.TB, within time.Duration, cond func() bool, format string, args ...any) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if cond() {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			if !cond() {
				t.Fatalf("not within "+within.String()+": "+format, args...)
			}
			return
		}
	}
}
