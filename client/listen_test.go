package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
)

// collect reads n messages of a listen stream.
func collect(t *testing.T, ctx context.Context, c *client.Client, id *client.Identity, o client.ListenOptions, n int) []client.Message {
	t.Helper()
	var got []client.Message
	for m, err := range c.Listen(ctx, id, o) {
		if err != nil {
			t.Fatalf("after %d messages: %v", len(got), err)
		}
		if got = append(got, m); len(got) == n {
			break
		}
	}
	return got
}

func checkSequence(t *testing.T, got []client.Message, n int) {
	t.Helper()
	if len(got) != n {
		t.Fatalf("%d messages, want %d", len(got), n)
	}
	for i, m := range got {
		if m.ID != fmt.Sprint(i) {
			t.Fatalf("message %d is %q", i, m.ID)
		}
		if m.Verified != client.VerifiedCurrent {
			t.Fatalf("message %d: %v", i, m.Err)
		}
	}
}

func sendSequence(t *testing.T, c *client.Client, from, to *client.Identity, first, n int) {
	t.Helper()
	msgs := make([]client.Outgoing, n)
	for i := range msgs {
		msgs[i] = client.Outgoing{To: to.Address(), ID: fmt.Sprint(first + i)}
	}
	if _, err := c.Send(within(t, 10*time.Second), from, msgs...); err != nil {
		t.Fatal(err)
	}
}

// cutter lets a stream's first lines through and then does as the test wants.
type cutter struct {
	http.ResponseWriter
	left int
	then func(w http.ResponseWriter, line []byte)
}

func (c *cutter) Write(p []byte) (int, error) {
	if c.left == 0 {
		c.then(c.ResponseWriter, p)
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left--
	return c.ResponseWriter.Write(p)
}

func (c *cutter) Flush() { c.ResponseWriter.(http.Flusher).Flush() }

func TestListenResumesWithoutGapOrRepeat(t *testing.T) {
	endLine := func(c api.Code) func(http.ResponseWriter, []byte) {
		return func(w http.ResponseWriter, _ []byte) {
			b, _ := json.Marshal(api.StreamEnd{Status: c.Status(), Code: c, Err: c.Text()})
			_, _ = w.Write(append(b, '\n'))
		}
	}
	for name, then := range map[string]func(http.ResponseWriter, []byte){
		"cut between lines":         func(http.ResponseWriter, []byte) {},
		"cut in the middle":         func(w http.ResponseWriter, line []byte) { _, _ = w.Write(line[:len(line)/2]) },
		"cut before the line break": func(w http.ResponseWriter, line []byte) { _, _ = w.Write(line[:len(line)-1]) },
		"going down":                endLine(api.CodeGoingDown),
		"reader too slow":           endLine(api.CodeReaderTooSlow),
		"garbage":                   func(w http.ResponseWriter, _ []byte) { _, _ = w.Write([]byte("<html>\n")) },
		"endless line":              func(w http.ResponseWriter, _ []byte) { _, _ = w.Write([]byte(strings.Repeat("x", 600<<10))) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeCluster(t)
			nodes := []*fakeNode{f.node(t), f.node(t), f.node(t)}
			c := f.client(t, nil, nodes...)
			ann, bob := mustRegister(t, c, ""), mustRegister(t, c, "")
			for _, n := range nodes {
				n.setHook(func(w http.ResponseWriter, r *http.Request) bool {
					if r.URL.Path != api.PathListen {
						return false
					}
					f.serve(&cutter{ResponseWriter: w, left: 2, then: then}, r)
					return true
				})
			}
			sendSequence(t, c, ann, bob, 0, 11)
			connected := 0
			o := client.ListenOptions{OnConnect: func(string) { connected++ }}
			checkSequence(t, collect(t, within(t, 20*time.Second), c, bob, o, 11), 11)
			if connected < 5 {
				t.Errorf("%d connections: the streams were not cut", connected)
			}
		})
	}
}

func TestListenGoesOnToWhatArrivesLater(t *testing.T) {
	f := newFakeCluster(t)
	c := f.client(t, nil, f.node(t))
	ann, bob := mustRegister(t, c, ""), mustRegister(t, c, "")
	sendSequence(t, c, ann, bob, 0, 2)
	ctx := within(t, 10*time.Second)
	var got []client.Message
	for m, err := range c.Listen(ctx, bob, client.ListenOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m)
		if len(got) == 2 {
			sendSequence(t, c, ann, bob, 2, 1)
		}
		if len(got) == 3 {
			break
		}
	}
	checkSequence(t, got, 3)

	after := collect(t, ctx, c, bob, client.ListenOptions{After: got[1].TS}, 1)
	if after[0].ID != "2" {
		t.Errorf("after the second message comes %q", after[0].ID)
	}
}

func TestListenDropsWhatAStreamRepeats(t *testing.T) {
	f := newFakeCluster(t)
	n := f.node(t)
	c := f.client(t, nil, n)
	ann, bob := mustRegister(t, c, ""), mustRegister(t, c, "")
	sendSequence(t, c, ann, bob, 0, 3)
	n.setHook(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != api.PathListen {
			return false
		}
		for _, i := range []int{0, 1, 0, 1, 2} {
			b, _ := json.Marshal(f.mail[bob.Address()][i])
			_, _ = w.Write(append(b, '\n'))
		}
		return true
	})
	checkSequence(t, collect(t, within(t, 10*time.Second), c, bob, client.ListenOptions{}, 3), 3)
}

func TestASilentStreamIsDialledAgain(t *testing.T) {
	f := newFakeCluster(t)
	n1, n2 := f.node(t), f.node(t)
	ordinary := f.client(t, nil, n1, n2)
	ann, bob := mustRegister(t, ordinary, ""), mustRegister(t, ordinary, "")
	for name, silent := range map[string]func(w http.ResponseWriter, r *http.Request){
		"no answer":      func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"header, no end": func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush(); <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			var hung atomic.Bool
			n1.setHook(func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != api.PathListen {
					return false
				}
				hung.Store(true)
				// The server only notices that the client left when the body has been read.
				_, _ = r.Body.Read(make([]byte, 1<<16))
				_, _ = r.Body.Read(make([]byte, 1))
				silent(w, r)
				return true
			})
			c := f.client(t, func(cfg *client.Config) { cfg.Silence = 200 * time.Millisecond }, n1, n2)
			sendSequence(t, c, ann, bob, 0, 1)
			got := collect(t, within(t, 10*time.Second), c, bob, client.ListenOptions{}, 1)
			if len(got) != 1 || !hung.Load() {
				t.Fatalf("got %d messages, hung %v", len(got), hung.Load())
			}
		})
	}
}

func TestKeepAlivesHoldAStream(t *testing.T) {
	f := newFakeCluster(t)
	n := f.node(t)
	c := f.client(t, func(cfg *client.Config) { cfg.Silence = 500 * time.Millisecond }, n)
	ann, bob := mustRegister(t, c, ""), mustRegister(t, c, "")
	sendSequence(t, c, ann, bob, 0, 1)
	n.setHook(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != api.PathListen {
			return false
		}
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for range 30 { // three silences long
			_, _ = w.Write([]byte(" "))
			w.(http.Flusher).Flush()
			<-tick.C
		}
		b, _ := json.Marshal(f.mail[bob.Address()][0])
		_, _ = w.Write(append(b, '\n'))
		return true
	})
	connected := 0
	o := client.ListenOptions{OnConnect: func(string) { connected++ }}
	checkSequence(t, collect(t, within(t, 10*time.Second), c, bob, o, 1), 1)
	if connected != 1 {
		t.Errorf("%d connections, want the one to hold", connected)
	}
}

func TestListenEndsWhenTheServerRefusesForGood(t *testing.T) {
	for _, code := range []api.Code{api.CodeKeyDisabled, api.CodeRetiredIdentity, api.CodeTooManyStreams} {
		for _, at := range []string{"at once", "in the stream"} {
			t.Run(fmt.Sprint(code, " ", at), func(t *testing.T) {
				f := newFakeCluster(t)
				n := f.node(t)
				c := f.client(t, nil, n)
				bob := mustRegister(t, c, "")
				n.setHook(func(w http.ResponseWriter, r *http.Request) bool {
					if at == "at once" {
						fail(w, code)
						return true
					}
					w.WriteHeader(http.StatusOK)
					b, _ := json.Marshal(api.StreamEnd{Status: code.Status(), Code: code, Err: code.Text()})
					_, _ = w.Write(append(b, '\n'))
					w.(http.Flusher).Flush()
					panic(http.ErrAbortHandler)
				})
				for m, err := range c.Listen(within(t, 10*time.Second), bob, client.ListenOptions{}) {
					if !errors.Is(err, &api.Error{Code: code}) {
						t.Fatalf("got %v, %v", m, err)
					}
				}
				if n.hitCount() != 2 {
					t.Errorf("%d requests, want the registration and one listen", n.hitCount())
				}
			})
		}
	}
}

func TestListenSaysThatTheContextEnded(t *testing.T) {
	f := newFakeCluster(t)
	c := f.client(t, nil, f.node(t))
	bob := mustRegister(t, c, "")
	ctx, cancel := context.WithCancel(t.Context())
	o := client.ListenOptions{OnConnect: func(string) { cancel() }}
	calls := 0
	for _, err := range c.Listen(ctx, bob, o) {
		calls++
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v", err)
		}
	}
	if calls != 1 {
		t.Fatalf("the loop ran %d times", calls)
	}
}

func TestFetchGoesThroughAllPagesBothWays(t *testing.T) {
	f := newFakeCluster(t)
	c := f.client(t, nil, f.node(t), f.node(t))
	ann, bob := mustRegister(t, c, ""), mustRegister(t, c, "")
	sendSequence(t, c, ann, bob, 0, 25)
	ctx := within(t, 10*time.Second)
	for _, oldestFirst := range []bool{true, false} {
		var got []string
		for m, err := range c.Fetch(ctx, bob, client.FetchOptions{OldestFirst: oldestFirst, PageSize: 10}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, m.ID)
		}
		first, last := "0", "24"
		if !oldestFirst {
			first, last = last, first
		}
		if len(got) != 25 || got[0] != first || got[24] != last {
			t.Errorf("oldest first %v: %v", oldestFirst, got)
		}
	}
}

func TestAcknowledgedMessagesLeaveTheMailbox(t *testing.T) {
	f := newFakeCluster(t)
	c := f.client(t, nil, f.node(t))
	ann, bob := mustRegister(t, c, ""), mustRegister(t, c, "")
	sendSequence(t, c, ann, bob, 0, 5)
	ctx := within(t, 10*time.Second)
	got := collect(t, ctx, c, bob, client.ListenOptions{}, 5)
	if n, err := c.AckUpTo(ctx, bob, got[1].TS); n != 2 || err != nil {
		t.Fatalf("acknowledged %d, %v", n, err)
	}
	if n, err := c.Ack(ctx, bob, got[3].TS); n != 1 || err != nil {
		t.Fatalf("acknowledged %d, %v", n, err)
	}
	left := collect(t, ctx, c, bob, client.ListenOptions{}, 2)
	if left[0].ID != "2" || left[1].ID != "4" {
		t.Fatalf("left are %s and %s", left[0].ID, left[1].ID)
	}
}
