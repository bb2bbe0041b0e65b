package relay

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
)

// ending waits until a stream ends and gives the reason.
func ending(t *testing.T, s *Stream) api.Code {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		if _, err := s.Next(ctx); err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				t.Fatal("the stream goes on")
			}
			return codeOf(t, err)
		}
	}
}

func TestAStreamEndsWhenItsReasonIsGone(t *testing.T) {
	off, past := false, "1"
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, n *testNode, u tenant, b *party) error
		want api.Code
	}{
		{"key disabled", func(t *testing.T, n *testNode, u tenant, _ *party) error {
			_, err := n.UpdateKey(t.Context(), u.operator, u.key, api.KeyPatch{Enabled: &off})
			return err
		}, api.CodeKeyDisabled},
		{"key expired", func(t *testing.T, n *testNode, u tenant, _ *party) error {
			_, err := n.UpdateKey(t.Context(), u.operator, u.key, api.KeyPatch{Expires: &past})
			return err
		}, api.CodeKeyExpired},
		{"key deleted", func(t *testing.T, n *testNode, u tenant, _ *party) error {
			return n.DeleteKey(t.Context(), u.operator, u.key)
		}, api.CodeUnknownKey},
		{"secret rotated away", func(t *testing.T, n *testNode, u tenant, _ *party) error {
			_, err := n.RotateKey(t.Context(), u.operator, u.key, api.RotateRequest{})
			return err
		}, api.CodeBadCredentials},
		{"scope taken", func(t *testing.T, n *testNode, u tenant, _ *party) error {
			_, err := n.UpdateKey(t.Context(), u.operator, u.key, api.KeyPatch{Scopes: []string{api.ScopeIdentity}})
			return err
		}, api.CodeScope},
		{"customer disabled", func(t *testing.T, n *testNode, u tenant, _ *party) error {
			_, err := n.UpdateCustomer(t.Context(), u.operator, u.customer, api.TenantPatch{Enabled: &off})
			return err
		}, api.CodeTenantDisabled},
		{"identity retired", func(t *testing.T, n *testNode, u tenant, b *party) error {
			return n.Retire(t.Context(), u.caller, b.proof(api.PathMeRetire))
		}, api.CodeRetiredIdentity},
		{"out of touch", func(_ *testing.T, n *testNode, _ tenant, _ *party) error {
			n.set(func() { n.lastContact = maxSilence + 1 })
			return nil
		}, api.CodeNoLeader},
		{"going down", func(_ *testing.T, n *testNode, _ tenant, _ *party) error {
			n.Service.Close()
			return nil
		}, api.CodeGoingDown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, u := newUsers(t, 1)
			n := w.nodes[0]
			n.recheck = 5 * time.Millisecond
			b := w.register(u.caller, "user")
			s := w.listen(t, n, u.caller, b)
			silent(t, s)
			wantCode(t, tt.do(t, n, u, b), api.CodeOK)
			if got := ending(t, s); got != tt.want {
				t.Errorf("it ended with %d, want %d", got, tt.want)
			}
			s.Close()
			if n.Streams() != 0 || n.bell.Count() != 0 {
				t.Errorf("%d streams, %d listeners are left", n.Streams(), n.bell.Count())
			}
		})
	}
}

func TestANewSigningKeyDoesNotEndAStream(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	s := w.listen(t, n, u.caller, b)
	req, _ := b.rotate()
	must(n.UpdateSigKey(t.Context(), u.caller, req))(t)
	fill(w, u.caller, a, b, 1)
	wantIDs(t, w, next(t, s, 1), []string{"1"})
}

func TestBeyondAHundredStreamsTheOldestEnds(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	elsewhere := w.listen(t, n, u.caller, a)
	var all []*Stream
	for range maxStreams + 1 {
		all = append(all, w.listen(t, n, u.caller, b))
	}
	if got := ending(t, all[0]); got != api.CodeTooManyStreams {
		t.Errorf("the oldest ended with %d", got)
	}
	if n.Streams() != maxStreams+1 {
		t.Errorf("%d streams", n.Streams())
	}
	fill(w, u.caller, a, b, 1)
	for _, s := range all[1:] {
		wantIDs(t, w, next(t, s, 1), []string{"1"})
	}
	silent(t, elsewhere)
	for _, s := range all {
		s.Close()
		s.Close()
	}
	if n.Streams() != 1 {
		t.Errorf("%d streams are left", n.Streams())
	}
}

func TestNextGivesWayToItsContext(t *testing.T) {
	w, u := newUsers(t, 1)
	b := w.register(u.caller, "user")
	s := w.listen(t, w.nodes[0], u.caller, b)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := s.Next(ctx)
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	// And it stays where it was.
	a := w.register(u.caller, "user")
	fill(w, u.caller, a, b, 1)
	lines := must(s.Next(ctx))(t)
	wantIDs(t, w, lines, []string{"1"})
	if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestANodeThatGoesDownTakesNoNewStreams(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	b := w.register(u.caller, "user")
	n.Service.Close()
	n.Service.Close()
	_, err := n.Listen(t.Context(), u.caller, b.proof(api.PathListen))
	wantCode(t, err, api.CodeGoingDown)
	if n.bell.Count() != 0 {
		t.Error("somebody still listens")
	}
}
