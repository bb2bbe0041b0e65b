package raftstore

import (
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// dog is a watchdog that must find nothing.
func dog(t *testing.T) *watchdog {
	w := startWatchdog(func(op string) { t.Errorf("%s hangs", op) })
	t.Cleanup(w.close)
	return w
}

// A write that never comes back is reported as a failure, once, after HungAfter
// and not before; until then it can be seen to stall.
func TestAHungWriteIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := make(chan string, 9)
		w := startWatchdog(func(op string) { hung <- op })
		defer w.close()
		over := w.watch("one that ends")
		w.watch("one that hangs")
		time.Sleep(HungAfter / 2) // time of the bubble
		over()
		if s := w.stalled(); s < HungAfter/2-lookEvery || s > HungAfter/2+lookEvery || len(hung) != 0 {
			t.Fatalf("stalled %s, %d reports", s, len(hung))
		}
		time.Sleep(HungAfter)
		synctest.Wait()
		if len(hung) != 1 || <-hung != "one that hangs" {
			t.Error("the one that hangs was not reported, or another was")
		}
	})
}

// Writes that come back are never reported, however many there are.
func TestWritesThatComeBackAreNotReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startWatchdog(func(op string) { t.Errorf("%s was reported", op) })
		defer w.close()
		for range 100 {
			over := w.watch("a slow one")
			time.Sleep(HungAfter - 2*lookEvery)
			over()
		}
		if s := w.stalled(); s != 0 {
			t.Errorf("stalled %s, and nothing is written", s)
		}
	})
}

// hangingLog is a log whose disk does not answer.
type hangingLog struct {
	raft.LogStore
	release chan struct{}
}

func (l hangingLog) StoreLogs([]*raft.Log) error { <-l.release; return nil }

// The log and the votes are watched, and a hung one is the end of the store as
// a failed one is, also when it comes back after all.
func TestAHungLogIsTheEndOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reported := make(chan error, 1)
		s, err := Open(Options{Dir: "raft", Memory: true, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), OnError: func(err error) { reported <- err }})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
		release := make(chan struct{})
		log := &guardedLog{LogStore: hangingLog{release: release}, fault: s.fault, dog: s.dog}
		late := make(chan error, 1)
		go func() { late <- log.StoreLog(&raft.Log{Index: 1}) }()
		if err := <-reported; !errors.Is(err, ErrHung) {
			t.Errorf("reported %v", err)
		}
		if s.Stalled() < HungAfter {
			t.Errorf("stalled %s", s.Stalled())
		}
		close(release)
		if err := <-late; !errors.Is(err, ErrHung) {
			t.Errorf("it came back as a success: %v", err)
		}
		if err := log.StoreLog(&raft.Log{Index: 2}); !errors.Is(err, ErrHung) {
			t.Errorf("a write after it: %v", err)
		}
		if err := s.Stable.SetUint64([]byte("CurrentTerm"), 1); !errors.Is(err, ErrHung) {
			t.Errorf("a term after it: %v", err)
		}
	})
}
