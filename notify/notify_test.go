package notify_test

import (
	"sync"
	"testing"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/notify"
)

func identity() address.Address { return address.New(address.Identity) }

// rung reports whether s has been rung since it was last asked.
func rung(s *notify.Subscription) bool {
	select {
	case <-s.C():
		return true
	default:
		return false
	}
}

func TestOnlyListenersOfTheAddressAreWoken(t *testing.T) {
	b := notify.New(nil)
	x, y, z := identity(), identity(), identity()
	one, both := b.Subscribe(x), b.Subscribe(x, y, x)
	defer one.Close()
	defer both.Close()
	if rung(one) || rung(both) {
		t.Error("rung before anybody did")
	}
	b.Ring(y)
	if rung(one) || !rung(both) {
		t.Error("ringing y does not wake exactly its listener")
	}
	b.Ring(z, x)
	if !rung(one) || !rung(both) {
		t.Error("ringing x does not wake both")
	}
	b.Ring(z)
	b.Ring()
	if rung(one) || rung(both) {
		t.Error("ringing an address that nobody listens to wakes somebody")
	}
	b.RingAll()
	if !rung(one) || !rung(both) {
		t.Error("RingAll does not wake all")
	}
}

func TestManyRingsAreOneUntilTheListenerLooks(t *testing.T) {
	b := notify.New(nil)
	x := identity()
	s := b.Subscribe(x)
	defer s.Close()
	for range 1000 {
		b.Ring(x, x)
		b.RingAll()
		b.Hint(notify.Hint{To: x})
	}
	if !rung(s) || rung(s) {
		t.Error("a thousand rings are not one")
	}
	b.Ring(x)
	if !rung(s) {
		t.Error("a ring after the look is lost")
	}
}

func TestHintsComeInTheirOrder(t *testing.T) {
	b := notify.New(nil)
	x, y := identity(), identity()
	s, other := b.Subscribe(x), b.Subscribe(y)
	defer s.Close()
	defer other.Close()
	for i := range uint64(10) {
		if !b.Hint(notify.Hint{To: x, TS: i + 1, Before: i, Message: []byte{byte(i)}}) {
			t.Fatal("nobody is said to listen")
		}
	}
	if !rung(s) || rung(other) || len(other.TakeHints()) != 0 {
		t.Error("a hint does not wake exactly its listener")
	}
	got := s.TakeHints()
	if len(got) != 10 {
		t.Fatalf("%d hints", len(got))
	}
	for i, h := range got {
		if h.To != x || h.TS != uint64(i+1) || h.Before != uint64(i) || h.Message[0] != byte(i) {
			t.Errorf("hint %d is %+v", i, h)
		}
	}
	if len(s.TakeHints()) != 0 {
		t.Error("hints are given twice")
	}
	twice := b.Subscribe(y, y)
	defer twice.Close()
	if b.Hint(notify.Hint{To: y}); len(twice.TakeHints()) != 1 {
		t.Error("who names an address twice gets its hints twice")
	}
	if b.Hint(notify.Hint{To: identity()}) {
		t.Error("somebody is said to listen to an address of nobody")
	}
}

func TestHintsBeyondTheBoundOnlyRing(t *testing.T) {
	b := notify.New(nil)
	x := identity()
	s := b.Subscribe(x)
	defer s.Close()
	for i := range uint64(notify.MaxHints + 10) {
		b.Hint(notify.Hint{To: x, TS: i})
		if !rung(s) {
			t.Fatalf("hint %d does not ring", i)
		}
	}
	got := s.TakeHints()
	if len(got) != notify.MaxHints || got[0].TS != 0 || got[len(got)-1].TS != notify.MaxHints-1 {
		t.Errorf("%d hints are kept, and not the first ones", len(got))
	}
	big := make([]byte, notify.MaxHintBytes/2)
	for i := range uint64(3) {
		b.Hint(notify.Hint{To: x, TS: i, Message: big})
	}
	if got := s.TakeHints(); len(got) != 2 {
		t.Errorf("%d hints of half the bound are kept", len(got))
	}
	b.Hint(notify.Hint{To: x, Message: make([]byte, notify.MaxHintBytes+1)})
	if got := s.TakeHints(); len(got) != 0 || !rung(s) {
		t.Error("a hint above the bound is kept, or does not ring")
	}
	b.Hint(notify.Hint{To: x, Message: big})
	if len(s.TakeHints()) != 1 {
		t.Error("there is no room again after a look")
	}
}

func TestNobodyIsWokenAfterClosing(t *testing.T) {
	b := notify.New(nil)
	x, y := identity(), identity()
	s, other := b.Subscribe(x, y), b.Subscribe(x)
	defer other.Close()
	b.Hint(notify.Hint{To: x})
	rung(s)
	s.Close()
	s.Close()
	b.Ring(x, y)
	b.RingAll()
	if b.Hint(notify.Hint{To: y}) || rung(s) || len(s.TakeHints()) != 0 {
		t.Error("woken after Close")
	}
	if !rung(other) {
		t.Error("closing one listener ends another")
	}
	if b.Count() != 1 || !b.Listened(x) || b.Listened(y) {
		t.Errorf("%d listeners are left", b.Count())
	}
}

// change is one call of onChange.
type change struct {
	a        address.Address
	listened bool
}

func TestFirstAndLastListenersAreReported(t *testing.T) {
	var got []change
	b := notify.New(func(a address.Address, listened bool) { got = append(got, change{a, listened}) })
	x, y := identity(), identity()
	expect := func(want ...change) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("reported %v, want %v", got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("reported %v, want %v", got, want)
			}
		}
		got = nil
	}
	one := b.Subscribe(x, x)
	expect(change{x, true})
	two := b.Subscribe(x, y)
	expect(change{y, true})
	one.Close()
	one.Close()
	expect()
	two.Close()
	expect(change{x, false}, change{y, false})
	three := b.Subscribe(x)
	expect(change{x, true})
	three.Close()
	expect(change{x, false})
}

func TestTheBellMayBeUsedWhileReporting(t *testing.T) {
	var b *notify.Bell
	var inner *notify.Subscription
	var got []bool
	x := identity()
	b = notify.New(func(a address.Address, listened bool) {
		got = append(got, listened)
		b.Ring(a)
		if b.Listened(a) != listened || b.Hint(notify.Hint{To: a}) != listened {
			t.Error("the report is not what is")
		}
		if listened && inner == nil {
			inner = b.Subscribe(a)
		}
	})
	outer := b.Subscribe(x)
	outer.Close()
	inner.Close()
	if len(got) != 2 || !got[0] || got[1] {
		t.Errorf("reported %v", got)
	}
}

// Many come and go at once. The reports of one address must not overlap, must
// take turns, and the last must tell what is.
func TestReportsAreInOrderWhoeverComesAndGoes(t *testing.T) {
	addrs := []address.Address{identity(), identity(), identity()}
	var mu sync.Mutex
	told := map[address.Address]bool{}
	telling := map[address.Address]bool{}
	b := notify.New(func(a address.Address, listened bool) {
		mu.Lock()
		if telling[a] || told[a] == listened {
			t.Errorf("told %v again or meanwhile", listened)
		}
		telling[a] = true
		mu.Unlock()
		mu.Lock()
		told[a], telling[a] = listened, false
		mu.Unlock()
	})
	kept := make(chan *notify.Subscription, 8)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 500 {
				s := b.Subscribe(addrs[i%3], addrs[(i+w)%3])
				if w == 0 && i == 499 {
					kept <- s
					return
				}
				s.Close()
			}
		})
	}
	wg.Wait()
	check := func() {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		for _, a := range addrs {
			if told[a] != b.Listened(a) {
				t.Errorf("told %v last, but it is %v", told[a], b.Listened(a))
			}
		}
	}
	check()
	(<-kept).Close()
	check()
	if b.Count() != 0 {
		t.Errorf("%d listeners are left", b.Count())
	}
}

func TestClosingWhileOthersRing(t *testing.T) {
	b := notify.New(func(address.Address, bool) {})
	x := identity()
	var wg, ringers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		ringers.Go(func() {
			for i := uint64(0); ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				b.Ring(x)
				b.Hint(notify.Hint{To: x, TS: i})
				b.RingAll()
			}
		})
	}
	for range 4 {
		wg.Go(func() {
			for range 300 {
				s := b.Subscribe(x)
				<-s.C()
				s.TakeHints()
				wg.Go(s.Close)
				s.Close()
			}
		})
	}
	wg.Wait()
	close(stop)
	ringers.Wait()
}

// What a listener does: subscribe, read, wait, read. Nothing that is written
// before its ring may be missed.
func TestWhoSubscribesFirstAndThenReadsMissesNothing(t *testing.T) {
	const last = 2000
	b := notify.New(nil)
	x := identity()
	var mu sync.Mutex
	written := 0
	var wg sync.WaitGroup
	for range 3 {
		s := b.Subscribe(x)
		wg.Go(func() {
			defer s.Close()
			for {
				mu.Lock()
				seen := written
				mu.Unlock()
				if seen == last {
					return
				}
				<-s.C()
			}
		})
	}
	for range last {
		mu.Lock()
		written++
		mu.Unlock()
		b.Ring(x)
	}
	wg.Wait()
}

func BenchmarkRing(b *testing.B) {
	bell := notify.New(nil)
	x := identity()
	for range 3 {
		s := bell.Subscribe(x)
		defer s.Close()
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			bell.Ring(x)
		}
	})
}
