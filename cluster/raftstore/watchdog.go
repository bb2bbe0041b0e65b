package raftstore

import (
	"errors"
	"sync"
	"time"
)

// ErrHung says that a write, or its fsync, has not come back for HungAfter.
var ErrHung = errors.New("the disk does not answer")

// HungAfter is how long a write to the log may take before it counts as failed:
// a disk that is alive answers sooner, and one that is not tells nobody.
const HungAfter = 10 * time.Second

// lookEvery is how often the watchdog looks.
const lookEvery = 250 * time.Millisecond

// watchdog sees writes that do not come back. It counts its own looks, not the
// time that has passed: a process that was stopped and goes on has not looked,
// so its writes are not blamed for the time it stood still.
type watchdog struct {
	hung func(op string) // told once, when a write has taken HungAfter

	mu      sync.Mutex
	running map[*write]struct{}

	stopOnce sync.Once
	stop     chan struct{}
	done     chan struct{}
}

type write struct {
	op    string
	looks int
}

func startWatchdog(hung func(op string)) *watchdog {
	w := &watchdog{hung: hung, running: map[*write]struct{}{}, stop: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w
}

// watch begins to watch a write; the caller calls what it gives when it is over.
func (w *watchdog) watch(op string) (over func()) {
	one := &write{op: op}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running[one] = struct{}{}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.running, one)
	}
}

// stalled says how long the write has taken that takes longest now.
func (w *watchdog) stalled() time.Duration {
	_, looks := w.slowest()
	return time.Duration(looks) * lookEvery
}

func (w *watchdog) slowest() (op string, looks int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.running {
		if one.looks >= looks {
			op, looks = one.op, one.looks
		}
	}
	return op, looks
}

func (w *watchdog) run() {
	defer close(w.done)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-w.stop:
			return
		}
		w.look()
		if op, looks := w.slowest(); time.Duration(looks)*lookEvery >= HungAfter {
			w.hung(op)
			return
		}
	}
}

func (w *watchdog) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.running {
		one.looks++
	}
}

// close may be called again.
func (w *watchdog) close() {
	w.stopOnce.Do(func() { close(w.stop) })
	<-w.done
}
