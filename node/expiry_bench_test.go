package node

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
)

// BenchmarkWritesDuringExpiry lets a backlog of messages expire at once, on a node
// with its data on disk, and tells how long single writes take meanwhile, and
// without it. NIXNODE_BACKLOG is the number of messages (make bench-expiry).
func BenchmarkWritesDuringExpiry(b *testing.B) {
	backlog := 200_000
	if text, set := os.LookupEnv("NIXNODE_BACKLOG"); set {
		var err error
		if backlog, err = strconv.Atoi(text); err != nil || backlog < 1 {
			b.Fatalf("NIXNODE_BACKLOG=%q", text)
		}
	}
	for b.Loop() {
		e := openExpiry(b)
		e.fill(backlog)
		quiet := e.write(func(since time.Duration) bool { return since < 5*time.Second })
		began := time.Now()
		e.late.Store(int64(2 * time.Hour))
		busy := e.write(func(time.Duration) bool { return e.due() })
		took := time.Since(began)
		e.close()
		report(b, "quiet", quiet)
		report(b, "expiring", busy)
		b.ReportMetric(float64(backlog)/took.Seconds(), "expired/s")
	}
}

func report(b *testing.B, name string, took []time.Duration) {
	slices.Sort(took)
	at := func(share float64) float64 {
		return float64(took[int(share*float64(len(took)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(at(0.5), name+"-p50-ms")
	b.ReportMetric(at(0.99), name+"-p99-ms")
	b.ReportMetric(at(1), name+"-max-ms")
	b.ReportMetric(float64(len(took)), name+"-writes")
}

// expiry is a node whose clock can be moved, with one sender and its readers.
type expiry struct {
	b       *testing.B
	n       *Node
	late    atomic.Int64 // nanoseconds that the clock is ahead
	sender  address.Address
	readers []address.Address
	sent    atomic.Uint64
}

func openExpiry(b *testing.B) *expiry {
	b.Helper()
	e := &expiry{b: b, sender: address.New(address.Identity)}
	cfg := memoryConfig()
	cfg.Memory, cfg.DataDir = false, b.TempDir()
	key := NewClusterKey()
	var err error
	e.n, err = Open(b.Context(), cfg, Options{ClusterKey: &key, Now: func() time.Time { return time.Now().Add(time.Duration(e.late.Load())) }})
	if err != nil {
		b.Fatal(err)
	}
	for len(e.n.NotReady()) > 0 {
		<-time.After(10 * time.Millisecond)
	}
	customer, app := address.New(address.Customer), address.New(address.Application)
	cmds := []command.Command{
		&command.CreateCustomer{Customer: customer, Name: "c"}, &command.CreateApplication{Customer: customer, Application: app, Name: "p"},
		&command.Register{Application: app, Identity: e.sender, Thumbprint: "sender"},
	}
	for i := range 150 { // of 10,000 messages each, at most
		e.readers = append(e.readers, address.New(address.Identity))
		cmds = append(cmds, &command.Register{Application: app, Identity: e.readers[i], Thumbprint: fmt.Sprint(i)})
	}
	if err := e.propose(cmds...); err != nil {
		b.Fatal(err)
	}
	return e
}

func (e *expiry) close() {
	if err := e.n.Close(e.b.Context()); err != nil {
		e.b.Error(err)
	}
}

// propose fails also for what is refused.
func (e *expiry) propose(cmds ...command.Command) error {
	for _, c := range cmds {
		c.Origin().At = uint64(e.n.opts.Now().UnixNano())
	}
	proposal, err := command.Encode(cmds...)
	if err != nil {
		return err
	}
	data, _, err := e.n.cluster.Propose(e.b.Context(), proposal)
	if err != nil {
		return err
	}
	results, err := command.DecodeResults(data)
	if err != nil {
		return err
	}
	for _, r := range results {
		if !r.Status.OK() {
			return fmt.Errorf("refused: status %d", r.Status)
		}
	}
	return nil
}

// message makes the next one, of half a KiB.
func (e *expiry) message(expires time.Time) command.Command {
	i := e.sent.Add(1)
	m := &command.Accept{
		From: e.sender, To: e.readers[i%uint64(len(e.readers))], Signer: "sender", Kind: 'e', ID: fmt.Sprint(i),
		Expires: expires.Unix(), ForgetAfter: expires.Unix(), Token: make([]byte, 512),
	}
	binary.BigEndian.PutUint64(m.Digest[:], i*0x9e3779b97f4a7c15) // spread, as hashes are
	return m
}

// fill stores messages that all expire in the same second, an hour from now.
func (e *expiry) fill(count int) {
	e.b.Helper()
	const batch = 200
	expires := time.Now().Add(time.Hour)
	var g errgroup.Group
	g.SetLimit(4)
	for done := 0; done < count; done += batch {
		g.Go(func() error {
			var cmds []command.Command
			for range min(batch, count-done) {
				cmds = append(cmds, e.message(expires))
			}
			return e.propose(cmds...)
		})
	}
	if err := g.Wait(); err != nil {
		e.b.Fatal(err)
	}
}

// write stores one message after the other and gives how long each took.
func (e *expiry) write(goOn func(since time.Duration) bool) (took []time.Duration) {
	e.b.Helper()
	for began := time.Now(); goOn(time.Since(began)); {
		at := time.Now()
		if err := e.propose(e.message(at.Add(24 * time.Hour))); err != nil {
			e.b.Fatal(err)
		}
		took = append(took, time.Since(at))
	}
	return took
}

// due reports whether there is something left to expire.
func (e *expiry) due() bool {
	due, err := e.n.machine.Due(e.n.opts.Now().Unix())
	if err != nil {
		e.b.Fatal(err)
	}
	return due
}
