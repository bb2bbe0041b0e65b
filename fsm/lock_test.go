package fsm

import (
	"testing"
)

// A second process on the same directory must fail before it tidies up: what it
// would take for leftovers is the first one's work.
func TestASecondMachineTouchesNothingOfTheFirst(t *testing.T) {
	fs := MemoryFS()
	first, err := Open(Options{Dir: "data", FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	inTheMaking := fs.PathJoin("data", "store-2") // as Restore makes it
	if err := fs.MkdirAll(inTheMaking, 0o755); err != nil {
		t.Fatal(err)
	}
	if m, err := Open(Options{Dir: "data", FS: fs}); err == nil {
		_ = m.Close()
		t.Fatal("opened twice")
	}
	if _, err := fs.Stat(inTheMaking); err != nil {
		t.Errorf("the second one removed what the first was making: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(Options{Dir: "data", FS: fs})
	if err != nil {
		t.Fatalf("after the first was closed: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}
