// Package leakcheck fails a package's tests that leave goroutines behind.
//
// It is go.uber.org/goleak with more patience: memberlist does not join its last
// probe at shutdown, which ends by itself within a probe interval.
package leakcheck

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long goroutines that are ending may take.
const patience = 10 * time.Second

// Main runs the tests of m and ends the process, with failure if goroutines are
// left. Before it ends, it calls after, in order.
func Main(m *testing.M, after ...func()) {
	code := m.Run()
	if code == 0 {
		if err := await(time.Now().Add(patience)); err != nil {
			fmt.Fprintln(os.Stderr, "leakcheck: goroutines are left behind:", err)
			code = 1
		}
	}
	for _, f := range after {
		f()
	}
	os.Exit(code)
}

// await gives what is left at the deadline. goleak itself waits between looks.
func await(deadline time.Time) error {
	for {
		err := goleak.Find()
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}
