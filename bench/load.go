package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
)

// sample is what one round measured.
type sample struct {
	rate     float64 // accepted messages a second
	p50, p99 time.Duration
	// again is how many calls were answered with "try again", and were: a busy
	// machine can make a leader step down.
	again int
}

func median(s []sample) sample {
	s = slices.Clone(s)
	slices.SortFunc(s, func(a, b sample) int { return int(a.rate - b.rate) })
	return s[len(s)/2]
}

// load lets the first n senders send for one round, each its next call when the
// one before is answered, spread over the nodes.
func (t *target) load(ctx context.Context, n int, o options) (sample, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: n}
	defer transport.CloseIdleConnections()
	took := make([][]time.Duration, n)
	var again atomic.Int64
	began := time.Now()
	end := began.Add(o.round)
	g, ctx := errgroup.WithContext(ctx)
	for i := range n {
		g.Go(func() error {
			s := sender{t: t, transport: transport, number: i, url: t.urls[i%len(t.urls)] + api.PathSend}
			for time.Now().Before(end) {
				d, repeats, err := s.call(ctx, o)
				if err != nil {
					return err
				}
				again.Add(int64(repeats))
				took[i] = append(took[i], d)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return sample{}, err
	}
	elapsed := time.Since(began)
	all := slices.Concat(took...)
	slices.Sort(all)
	return sample{
		rate: float64(len(all)*o.batch) / elapsed.Seconds(),
		p50:  all[len(all)/2], p99: all[len(all)*99/100], again: int(again.Load()),
	}, nil
}

// sender is one identity at work. It speaks HTTP itself: what is measured is the
// node, and not what the SDK does around a call.
type sender struct {
	t         *target
	transport http.RoundTripper
	number    int
	url       string
	sent      int
}

// call signs a batch, sends it until it is accepted, and gives how long that
// took. Signing is not in that time, though it takes its share of the machine.
func (s *sender) call(ctx context.Context, o options) (took time.Duration, repeats int, err error) {
	body, err := s.prepare(ctx, o)
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	for {
		err := s.try(ctx, body, o.batch)
		var refusal *api.Error
		if errors.As(err, &refusal) && refusal.Code.Temporary() && repeats < maxRepeats {
			repeats++
			continue
		}
		return time.Since(began), repeats, err
	}
}

// maxRepeats bounds the tries of one call; a refusal takes up to two seconds.
const maxRepeats = 10

func (s *sender) try(ctx context.Context, body []byte, batch int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(s.t.key.ID+":"+s.t.key.Secret)))
	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return err
	}
	return checkAnswer(answer, batch)
}

// checkAnswer makes sure that what is counted was really accepted: each message
// stored, now or by an earlier try.
func checkAnswer(answer []byte, batch int) error {
	var reply api.Reply
	if err := json.Unmarshal(answer, &reply); err != nil {
		return err
	}
	if reply.Code != api.CodeSent {
		return &api.Error{Code: reply.Code, Detail: reply.Err, TxnID: reply.TxnID}
	}
	var results []api.MessageResult
	if err := json.Unmarshal(reply.Body, &results); err != nil || len(results) != batch {
		return fmt.Errorf("%d results for %d messages (%v)", len(results), batch, err)
	}
	for _, r := range results {
		switch r.Code {
		case api.CodeStored, api.CodeStoredListening, api.CodeDuplicate:
		default:
			return &api.Error{Code: r.Code, Detail: r.Err}
		}
	}
	return nil
}

// prepare signs messages to the next receivers in turn, so that no mailbox fills.
func (s *sender) prepare(ctx context.Context, o options) ([]byte, error) {
	from := s.t.senders[s.number]
	var req api.SendRequest
	for range o.batch {
		to := s.t.senders[(s.number+s.sent+1)%len(s.t.senders)]
		s.sent++
		filler := make([]byte, o.size*3/4)
		rand.Read(filler)
		msgs, err := s.t.client.Prepare(ctx, from, client.Outgoing{
			To: to.Address(), TTL: time.Hour, Body: map[string]any{"text": base64.StdEncoding.EncodeToString(filler)},
		})
		if err != nil {
			return nil, err
		}
		req.Msgs = append(req.Msgs, msgs[0].Token)
	}
	return json.Marshal(req)
}
