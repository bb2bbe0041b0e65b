package notify

import (
	"testing"

	"github.com/nixnode/nixnode/address"
)

// A node sees many more addresses in its life than listen at one time.
func TestNothingIsKeptOfListenersThatLeft(t *testing.T) {
	b := New(func(address.Address, bool) {})
	for range 10 {
		x, y := address.New(address.Identity), address.New(address.Identity)
		one, two := b.Subscribe(x, y), b.Subscribe(x)
		one.Close()
		two.Close()
	}
	if len(b.listeners) != 0 || len(b.reports) != 0 || b.count != 0 {
		t.Errorf("%d addresses, %d reports and %d listeners are kept", len(b.listeners), len(b.reports), b.count)
	}
}
