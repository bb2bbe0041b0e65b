package testcluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/testcluster"
)

// How much is done to the cluster while it suffers.
const (
	mailboxes      = 2
	sendersPerBox  = 3
	packageCount   = 2
	sendPause      = 8 * time.Millisecond
	packagePause   = 15 * time.Millisecond
	keyPause       = 20 * time.Millisecond
	keyLife        = 300 * time.Millisecond
	loadCallLimit  = 10 * time.Second
	messagesAtMost = 9000 // of a mailbox: a full one would only refuse
)

// load is what clients do all the time. stop ends the writers, after their
// present call; the streams go on until quit.
type load struct {
	c    *testcluster.Cluster
	rec  *recorder
	stop chan struct{}
	work sync.WaitGroup

	boxes   []*client.Identity
	streams sync.WaitGroup
	quit    context.CancelFunc
}

// startLoad registers everybody and lets them begin. The random numbers only
// spread the load: what goes wrong does not follow from them.
func startLoad(c *testcluster.Cluster) *load {
	l := &load{c: c, rec: &recorder{began: time.Now()}, stop: make(chan struct{})}
	l.rec.mailboxes = make([]mailboxHistory, mailboxes)
	l.rec.packages = make([]packageHistory, packageCount)
	ctx, cancel := context.WithCancel(context.Background())
	l.quit = cancel
	roaming := c.Client()
	for box := range mailboxes {
		to := c.Register(roaming, "user")
		l.boxes = append(l.boxes, to)
		for n := range sendersPerBox {
			from := c.Register(roaming, "user")
			cl := c.Client()
			if n == 0 { // one that does not try again, so that fates stay unknown
				cl = c.Once(c.Node(box % len(c.Nodes())))
			}
			l.work.Go(func() { l.send(cl, from, to, box, fmt.Sprintf("b%d-s%d", box, n)) })
		}
		fetcher, listener := c.Client(), c.Client()
		l.work.Go(func() { l.fetch(fetcher, to, box) })
		l.streams.Go(func() { l.listen(ctx, listener, to, box) })
	}
	vault, reader := c.Register(roaming, "vault"), c.Register(roaming, "user")
	for k := range packageCount {
		publisher, requester := c.Client(), c.Client()
		l.work.Go(func() { l.publish(publisher, vault, reader, k) })
		for range 2 {
			l.work.Go(func() { l.request(requester, vault, reader, k) })
		}
	}
	admin, prober := c.ClientWith(c.Operator()), c.Register(roaming, "user")
	l.work.Go(func() { l.keys(admin, prober) })
	return l
}

// finish ends the writers and waits for their last calls.
func (l *load) finish() {
	close(l.stop)
	l.work.Wait()
}

// hangUp ends the streams.
func (l *load) hangUp() {
	l.quit()
	l.streams.Wait()
}

// each calls f again and again until the writers are stopped.
func (l *load) each(pause time.Duration, f func(ctx context.Context, n int) bool) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), loadCallLimit)
		more := f(ctx, n)
		cancel()
		if !more {
			return
		}
	}
}

func outcomeOf(err error) outcome {
	switch {
	case err == nil:
		return acked
	case errors.Is(err, client.ErrOutcomeUnknown):
		return unknown
	}
	return refused
}

func (l *load) send(cl *client.Client, from, to *client.Identity, box int, name string) {
	l.each(sendPause, func(ctx context.Context, n int) bool {
		msgs := make([]client.Outgoing, 1+rand.IntN(3))
		for i := range msgs {
			msgs[i] = client.Outgoing{To: to.Address(), ID: fmt.Sprintf("%s-%d-%d", name, n, i)}
		}
		begin := l.rec.now()
		prepared, err := cl.Prepare(ctx, from, msgs...)
		if err != nil {
			return true // nothing was sent
		}
		results, _ := cl.SendPrepared(ctx, prepared...)
		end := l.rec.now()
		l.rec.change(func(r *recorder) {
			for i, res := range results {
				r.mailboxes[box].sends = append(r.mailboxes[box].sends,
					sent{span{begin, end}, msgs[i].ID, outcomeOf(res.Err), res.TS, res.Err})
			}
		})
		return n < messagesAtMost/sendersPerBox/len(msgs)
	})
}

// fetch reads on from where it was, in pages.
func (l *load) fetch(cl *client.Client, id *client.Identity, box int) {
	var after client.Timestamp
	l.each(packagePause, func(ctx context.Context, _ int) bool {
		s := scan{after: after, whole: true}
		s.begin = l.rec.now()
		for m, err := range cl.Fetch(ctx, id, client.FetchOptions{After: after, OldestFirst: true, PageSize: 25}) {
			if err != nil { // it may say that it cannot
				s.whole = false
				break
			}
			s.got = append(s.got, placed{m.ID, m.TS})
		}
		s.end = l.rec.now()
		if n := len(s.got); n > 0 {
			after = s.got[n-1].ts
		}
		l.rec.change(func(r *recorder) { r.mailboxes[box].scans = append(r.mailboxes[box].scans, s) })
		return true
	})
}

func (l *load) listen(ctx context.Context, cl *client.Client, id *client.Identity, box int) {
	for m, err := range cl.Listen(ctx, id, client.ListenOptions{}) {
		if err != nil {
			return // the end of ctx; anything else shows as a stream that is cut short
		}
		l.rec.change(func(r *recorder) {
			r.mailboxes[box].stream = append(r.mailboxes[box].stream, placed{m.ID, m.TS})
		})
	}
}

// publish replaces and clears a package, one change after the other.
func (l *load) publish(cl *client.Client, vault, reader *client.Identity, k int) {
	l.each(packagePause, func(ctx context.Context, n int) bool {
		p := put{version: n}
		if n%3 == 0 {
			p.version = 0
		}
		var err error
		p.begin = l.rec.now()
		if p.version == 0 {
			_, err = cl.Clear(ctx, vault, reader.Address(), packageID(k))
		} else {
			content := client.Package{ID: packageID(k), Meta: json.RawMessage(fmt.Sprintf(`{"n":%d}`, n))}
			_, err = cl.Publish(ctx, vault, reader.Address(), content, client.PublishOptions{})
		}
		p.end, p.outcome = l.rec.now(), outcomeOf(err)
		l.rec.change(func(r *recorder) { r.packages[k].puts = append(r.packages[k].puts, p) })
		return n < messagesAtMost/packageCount
	})
}

func packageID(k int) string { return fmt.Sprintf("package-%d", k) }

func (l *load) request(cl *client.Client, vault, reader *client.Identity, k int) {
	l.each(packagePause, func(ctx context.Context, n int) bool {
		h := hit{span: span{begin: l.rec.now()}}
		a, err := cl.Request(ctx, reader, vault.Address(), packageID(k), client.RequestOptions{})
		h.end = l.rec.now()
		if err != nil || !a.FromCache {
			return true // a miss is always legal
		}
		var meta struct{ N int }
		if json.Unmarshal(a.Package.Meta, &meta) == nil {
			h.version = meta.N
		}
		l.rec.change(func(r *recorder) { r.packages[k].hits = append(r.packages[k].hits, h) })
		return true
	})
}

// keys makes one API key after the other, uses it, and disables it meanwhile.
func (l *load) keys(admin *client.Client, prober *client.Identity) {
	l.each(keyPause, func(ctx context.Context, n int) bool {
		key, err := admin.CreateKey(ctx, l.c.Tenant().Application, api.KeyRequest{Name: "short-lived"})
		if err != nil {
			return true
		}
		credentials := client.KeyCredentials{ID: key.Address, Secret: key.Secret}
		var h keyHistory
		var mu sync.Mutex
		over := make(chan struct{})
		var probes sync.WaitGroup
		for range 2 {
			cl := l.c.ClientWith(credentials)
			probes.Go(func() {
				for done := false; !done; {
					s := span{begin: l.rec.now()}
					_, err := cl.Me(ctx, prober)
					s.end = l.rec.now()
					if err == nil {
						mu.Lock()
						h.successes = append(h.successes, s)
						mu.Unlock()
					}
					select {
					case <-over:
						done = true
					case <-time.After(keyPause):
					}
				}
			})
		}
		live(ctx, keyLife)
		s := span{begin: l.rec.now()}
		if _, err := admin.UpdateKey(ctx, key.Address, api.KeyPatch{Enabled: off()}); err == nil {
			s.end = l.rec.now()
			h.disabled = s
		}
		live(ctx, keyLife)
		close(over)
		probes.Wait()
		l.rec.change(func(r *recorder) { r.keys = append(r.keys, h) })
		return true
	})
}

// live lets time pass: it is part of the load, nothing waits for it.
func live(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
