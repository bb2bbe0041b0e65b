package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
)

// recorder notes the tokens of each send that passes it.
type recorder struct {
	mu    sync.Mutex
	calls [][]string
}

func (rec *recorder) note(r *http.Request) int {
	if r.URL.Path != api.PathSend {
		return 0
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	var q api.SendRequest
	_ = json.Unmarshal(body, &q)
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.calls = append(rec.calls, q.Msgs)
	return len(rec.calls)
}

func TestAMessageIsSentSignedAndReadVerified(t *testing.T) {
	f := newFakeCluster(t)
	c := f.client(t, nil, f.node(t))
	ann, bob := mustRegister(t, c, client.KindUser), mustRegister(t, c, client.KindUser)
	ctx := within(t, 10*time.Second)

	results, err := c.Send(ctx, ann, client.Outgoing{To: bob.Address(), ID: "m1", Body: text("hello")})
	if err != nil || len(results) != 1 || results[0].Code != api.CodeStored || results[0].TS == 0 {
		t.Fatalf("results %+v, error %v", results, err)
	}
	for m, err := range c.Fetch(ctx, bob, client.FetchOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if m.From != ann.Address() || m.To != bob.Address() || m.ID != "m1" || m.Verified != client.VerifiedCurrent || m.Err != nil {
			t.Fatalf("got %+v", m)
		}
		if string(m.Body) != `{"text":"hello"}` {
			t.Fatalf("body %s", m.Body)
		}
	}
}

func TestSendingAgainOnAnotherNodeSendsTheSameBytes(t *testing.T) {
	f := newFakeCluster(t)
	n1, n2 := f.node(t), f.node(t)
	c := f.client(t, nil, n1, n2)
	ann, bob := mustRegister(t, c, ""), mustRegister(t, c, "")
	var rec recorder
	n1.setHook(func(w http.ResponseWriter, r *http.Request) bool {
		if rec.note(r) == 0 {
			return false
		}
		f.serve(discard{}, r) // it is stored, but the answer is lost
		panic(http.ErrAbortHandler)
	})
	n2.setHook(func(_ http.ResponseWriter, r *http.Request) bool { rec.note(r); return false })

	results, err := c.Send(within(t, 10*time.Second), ann, client.Outgoing{To: bob.Address(), ID: "once"})
	if err != nil || results[0].Code != api.CodeDuplicate || results[0].TS == 0 {
		t.Fatalf("results %+v, error %v: want the first outcome, 20023", results, err)
	}
	if len(rec.calls) != 2 || !slices.Equal(rec.calls[0], rec.calls[1]) {
		t.Fatalf("calls %d, not the same tokens in each", len(rec.calls))
	}
	if n := len(f.mail[bob.Address()]); n != 1 {
		t.Fatalf("%d messages stored, want 1", n)
	}
}

// discard is a ResponseWriter whose answer nobody gets.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

func TestOnlyMessagesRefusedForTheMomentAreSentAgain(t *testing.T) {
	f := newFakeCluster(t)
	n := f.node(t)
	c := f.client(t, nil, n)
	ann, bob := mustRegister(t, c, ""), mustRegister(t, c, "")
	var rec recorder
	n.setHook(func(w http.ResponseWriter, r *http.Request) bool {
		if rec.note(r) != 1 {
			return false
		}
		succeed(w, api.CodeSent, []api.MessageResult{
			{Code: api.CodeStored, TS: "11"}, {Code: api.CodeNoLeader}, {Code: api.CodeMailboxFull}, {Code: api.CodeUnknownOutcome},
		})
		return true
	})
	msgs := make([]client.Outgoing, 4)
	for i := range msgs {
		msgs[i] = client.Outgoing{To: bob.Address(), ID: fmt.Sprint("m", i)}
	}
	prepared, err := c.Prepare(within(t, 10*time.Second), ann, msgs...)
	if err != nil {
		t.Fatal(err)
	}
	results, err := c.SendPrepared(within(t, 10*time.Second), prepared...)
	if !errors.Is(err, &api.Error{Code: api.CodeMailboxFull}) || errors.Is(err, client.ErrOutcomeUnknown) {
		t.Errorf("error %v, want that of the full mailbox alone", err)
	}
	want := []string{prepared[1].Token, prepared[3].Token}
	if len(rec.calls) != 2 || !slices.Equal(rec.calls[1], want) {
		t.Fatalf("the second call has %d messages, want the second and the fourth", len(rec.calls[1]))
	}
	for i, code := range []api.Code{api.CodeStored, api.CodeStored, api.CodeMailboxFull, api.CodeStored} {
		if results[i].Code != code || results[i].ID != prepared[i].ID {
			t.Errorf("result %d: %+v, want code %d", i, results[i], code)
		}
	}
}

func TestACallOfWhichNothingWasAcceptedStillHasItsResults(t *testing.T) {
	f := newFakeCluster(t)
	n := f.node(t)
	c := f.client(t, nil, n)
	ann := mustRegister(t, c, "")
	n.setHook(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != api.PathSend {
			return false
		}
		e := api.Failure(api.CodeNoIdentity, "1-1", "")
		e.Body = []api.MessageResult{{Code: api.CodeNoIdentity}, {Code: api.CodeMailboxFull}}
		w.WriteHeader(e.Status)
		_ = json.NewEncoder(w).Encode(e)
		return true
	})
	to := address.New(address.Identity)
	results, err := c.Send(within(t, 10*time.Second), ann, client.Outgoing{To: to}, client.Outgoing{To: to})
	if err == nil || results[0].Code != api.CodeNoIdentity || results[1].Code != api.CodeMailboxFull {
		t.Fatalf("results %+v, error %v", results, err)
	}
	if n.hitCount() != 2 { // the registration and one send
		t.Errorf("%d requests: what is refused for good was sent again", n.hitCount())
	}
}

func TestManyMessagesGoInSeveralCallsInOrder(t *testing.T) {
	f := newFakeCluster(t)
	n := f.node(t)
	c := f.client(t, nil, n)
	ann, bob := mustRegister(t, c, ""), mustRegister(t, c, "")
	var rec recorder
	n.setHook(func(_ http.ResponseWriter, r *http.Request) bool { rec.note(r); return false })
	msgs := make([]client.Outgoing, api.MaxMessages+10)
	for i := range msgs {
		msgs[i] = client.Outgoing{To: bob.Address(), ID: fmt.Sprint(i)}
	}
	results, err := c.Send(within(t, 30*time.Second), ann, msgs...)
	if err != nil {
		t.Fatal(err)
	}
	if len(rec.calls) != 2 || len(rec.calls[0]) != api.MaxMessages {
		t.Fatalf("%d calls", len(rec.calls))
	}
	for i := 1; i < len(results); i++ {
		if results[i].TS <= results[i-1].TS {
			t.Fatalf("message %d is before the one sent before it", i)
		}
	}
}

func TestAnOutcomeThatNobodyKnowsIsCalledUnknown(t *testing.T) {
	f := newFakeCluster(t)
	n := f.node(t)
	c := f.client(t, func(cfg *client.Config) { cfg.RetryFor = -1 }, n)
	ann, bob := mustRegister(t, c, ""), mustRegister(t, c, "")
	for name, tc := range map[string]struct {
		answer  func(w http.ResponseWriter)
		unknown bool
	}{
		"answer lost":     {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, true},
		"timed out":       {func(w http.ResponseWriter) { fail(w, api.CodeUnknownOutcome) }, true},
		"internal error":  {func(w http.ResponseWriter) { fail(w, api.CodeInternal) }, true},
		"not an envelope": {func(w http.ResponseWriter) { w.WriteHeader(502); _, _ = w.Write([]byte("<html>")) }, true},
		"no leader":       {func(w http.ResponseWriter) { fail(w, api.CodeNoLeader) }, false},
		"key disabled":    {func(w http.ResponseWriter) { fail(w, api.CodeKeyDisabled) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			n.setHook(func(w http.ResponseWriter, r *http.Request) bool { tc.answer(w); return true })
			results, err := c.Send(within(t, 10*time.Second), ann, client.Outgoing{To: bob.Address()})
			if err == nil || errors.Is(err, client.ErrOutcomeUnknown) != tc.unknown {
				t.Errorf("error %v, want unknown %v", err, tc.unknown)
			}
			if len(results) != 1 || errors.Is(results[0].Err, client.ErrOutcomeUnknown) != tc.unknown {
				t.Errorf("results %+v", results)
			}
		})
	}
}

func TestARefusalAfterALostAnswerStaysUnknown(t *testing.T) {
	f := newFakeCluster(t)
	n := f.node(t)
	c := f.client(t, nil, n)
	ann, bob := mustRegister(t, c, ""), mustRegister(t, c, "")
	var rec recorder
	n.setHook(func(w http.ResponseWriter, r *http.Request) bool {
		if rec.note(r) == 1 {
			panic(http.ErrAbortHandler)
		}
		fail(w, api.CodeKeyDisabled)
		return true
	})
	_, err := c.Send(within(t, 10*time.Second), ann, client.Outgoing{To: bob.Address()})
	if !errors.Is(err, client.ErrOutcomeUnknown) || !errors.Is(err, &api.Error{Code: api.CodeKeyDisabled}) && len(rec.calls) != 2 {
		t.Fatalf("error %v after %d calls", err, len(rec.calls))
	}
}

func TestReadingHasNoUnknownOutcome(t *testing.T) {
	f := newFakeCluster(t)
	n := f.node(t)
	c := f.client(t, func(cfg *client.Config) { cfg.RetryFor = -1 }, n)
	ann := mustRegister(t, c, "")
	n.setHook(func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) })
	if _, err := c.Me(within(t, 10*time.Second), ann); err == nil || errors.Is(err, client.ErrOutcomeUnknown) {
		t.Fatalf("error %v", err)
	}
}

func TestNothingIsSentOnceTheContextHasEnded(t *testing.T) {
	f := newFakeCluster(t)
	n := f.node(t)
	c := f.client(t, nil, n)
	ann := mustRegister(t, c, "")
	hits := n.hitCount()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Send(ctx, ann, client.Outgoing{To: address.New(address.Identity)})
	if !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrOutcomeUnknown) || n.hitCount() != hits {
		t.Fatalf("error %v, %d requests", err, n.hitCount()-hits)
	}
}

func TestRetryAfterIsGranted(t *testing.T) {
	f := newFakeCluster(t)
	n := f.node(t)
	c := f.client(t, nil, n)
	ann := mustRegister(t, c, "")
	var first time.Time
	n.setHook(func(w http.ResponseWriter, _ *http.Request) bool {
		if !first.IsZero() {
			return false
		}
		first = time.Now()
		w.Header().Set("Retry-After", "1")
		fail(w, api.CodeRateLimited)
		return true
	})
	if _, err := c.Me(within(t, 10*time.Second), ann); err != nil {
		t.Fatal(err)
	}
	if passed := time.Since(first); passed < time.Second {
		t.Fatalf("asked again after %v, want a second", passed)
	}
}

func TestEncryptedContentIsOnlyReadByTheReceiver(t *testing.T) {
	f := newFakeCluster(t)
	c := f.client(t, nil, f.node(t))
	ann, bob, eve := mustRegister(t, c, ""), mustRegister(t, c, ""), mustRegister(t, c, "")
	ctx := within(t, 10*time.Second)
	if _, err := c.Send(ctx, ann, client.Outgoing{Type: client.TypeEncrypted, To: bob.Address(), Content: []byte("between us")}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(ctx, ann, client.Outgoing{Type: client.TypeEncrypted, To: bob.Address()}); !errors.Is(err, client.ErrNoContent) {
		t.Errorf("an encrypted message without content: %v", err)
	}
	for m, err := range c.Fetch(ctx, bob, client.FetchOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := m.Content(bob); err != nil || string(plain) != "between us" {
			t.Errorf("bob reads %q, %v", plain, err)
		}
		if _, err := m.Content(eve); err == nil {
			t.Error("eve reads it too")
		}
	}
}
