package fsm

import (
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// An operation that does not come back is the end of the machine, but not one
// that only seems so because the process was stopped meanwhile.
func TestAHungDiskIsFatal(t *testing.T) {
	var fatal []error
	m, err := Open(Options{Dir: "data", FS: MemoryFS(), Fatal: func(err error) { fatal = append(fatal, err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	slow := m.storeListener().DiskSlow
	report := func(path string, d time.Duration) {
		slow(pebble.DiskSlowInfo{Path: path, OpType: vfs.OpTypeSync, Duration: d})
	}
	report("a", hungAfter-time.Second)
	report("a", hungAfter-time.Millisecond)
	report("a", hungAfter+time.Second) // perhaps the process was stopped
	report("b", hungAfter+2*time.Second)
	report("a", time.Minute)
	report("a", hungAfter) // another one on the same file
	if len(fatal) != 0 {
		t.Fatalf("fatal: %v", fatal)
	}
	report("a", hungAfter+2*time.Second)
	if len(fatal) != 1 || !errors.Is(fatal[0], errHung) || !errors.Is(fatal[0], ErrFailed) {
		t.Fatalf("fatal: %v", fatal)
	}
	if _, err := m.View(); !errors.Is(err, ErrFailed) {
		t.Errorf("it goes on serving: %v", err)
	}
}
