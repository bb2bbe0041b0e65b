package eventually_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/nixnode/nixnode/internal/eventually"
)

// recorder is a testing.TB that remembers that it failed.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(string, ...any) {
	r.failed = true
	runtime.Goexit()
}

func run(within time.Duration, cond func() bool) (failed bool) {
	r := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		eventually.True(r, within, cond, "the condition")
	}()
	<-done
	return r.failed
}

func TestConditionThatComesToHoldPasses(t *testing.T) {
	looks := 0
	if run(time.Minute, func() bool { looks++; return looks == 3 }) {
		t.Fatal("failed although the condition came to hold")
	}
}

func TestConditionThatNeverHoldsFails(t *testing.T) {
	if !run(5*time.Millisecond, func() bool { return false }) {
		t.Fatal("passed although the condition never held")
	}
}

func TestConditionIsLookedAtOnceMoreAtTheDeadline(t *testing.T) {
	looks := 0
	if run(0, func() bool { looks++; return looks > 1 }) {
		t.Fatal("failed without a last look")
	}
}
