package testcluster_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nixnode/nixnode/internal/eventually"
	"github.com/nixnode/nixnode/node"
	"github.com/nixnode/nixnode/testcluster"
)

// What a run is told by its environment (make chaos).
const (
	chaosMinutes = "TESTCLUSTER_CHAOS" // how long to go on; unset: one short run
	chaosSeed    = "TESTCLUSTER_SEED"  // repeats the schedule of a run; unset: another one each time
)

// How long one round of faults is, and how long each fault lasts before the next.
const (
	shortRound = 6 * time.Second
	longRound  = 15 * time.Second
	faultLeast = 150 * time.Millisecond
	faultMost  = 1500 * time.Millisecond
)

// Nodes crash, stop, and are cut off from each other, in every way at any time,
// while clients go on: what the consistency page promises holds for all that
// they were told.
func TestPromisesHoldWhateverHappensToNodesAndNetwork(t *testing.T) {
	chaosRounds(t, slices.Concat(crashes, partitions), testcluster.Snapshots(time.Second))
}

// Nodes in processes of their own are killed, and stopped where they stand and
// let go on.
func TestPromisesHoldWhateverHappensToProcesses(t *testing.T) {
	chaosRounds(t, slices.Concat(crashes, pauses), testcluster.Processes())
}

// chaosRounds runs one round, or as many as fit in the time that was asked for,
// each with a seed and a cluster of its own.
func chaosRounds(t *testing.T, faults []fault, opts ...testcluster.Option) {
	seed, length := uint64(time.Now().UnixNano()), shortRound
	if text := os.Getenv(chaosSeed); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", chaosSeed, err)
		}
	}
	var until time.Time
	if text := os.Getenv(chaosMinutes); text != "" {
		minutes, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("%s: %v", chaosMinutes, err)
		}
		length, until = longRound, time.Now().Add(time.Duration(minutes*float64(time.Minute)))
	}
	// Snapshots and what goes with them come every few hundred entries.
	opts = append(opts, testcluster.Configure(func(cfg *node.Config) { cfg.SnapshotThreshold, cfg.TrailingLogs = 200, 100 }))
	for once := true; once || time.Now().Before(until); once = false {
		ok := t.Run("seed "+strconv.FormatUint(seed, 10), func(t *testing.T) { chaosRound(t, seed, length, faults, opts...) })
		if !ok {
			return // its log is what is wanted
		}
		seed++
	}
}

// chaosRound lets faults happen for a while, mends all of them, and judges.
func chaosRound(t *testing.T, seed uint64, length time.Duration, faults []fault, opts ...testcluster.Option) {
	c := testcluster.New(t, 3, opts...)
	x := &chaos{t: t, c: c, rng: rand.New(rand.NewPCG(seed, 0))}
	l := startLoad(c)
	defer l.hangUp()

	rest := time.NewTimer(0)
	defer rest.Stop()
	for l.rec.now() < length {
		possible := slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return !f.guard(x) })
		f := possible[x.rng.IntN(len(possible))]
		t.Logf("%8s %s", l.rec.now().Truncate(time.Millisecond), f.name)
		f.inject(x)
		rest.Reset(faultLeast + time.Duration(x.rng.Int64N(int64(faultMost-faultLeast))))
		<-rest.C
	}
	mended := l.rec.now()
	x.mend()
	c.WaitReady()
	t.Logf("%8s ready, %s after all was mended", l.rec.now().Truncate(time.Millisecond), (l.rec.now() - mended).Truncate(time.Millisecond))
	l.finish()
	c.WaitConverged()
	x.drain(l)
	v, summary := l.rec.violations()
	t.Log(summary)
	for _, one := range v {
		t.Error(one)
	}
	x.sameState()
}

// drain reads every mailbox from every node, and lets the streams come to
// their end.
func (x *chaos) drain(l *load) {
	x.t.Helper()
	for box, id := range l.boxes {
		final := map[string][]placed{}
		for _, m := range x.c.Nodes() {
			for _, msg := range fetchAll(x.t, x.c.Client(m), id) {
				final[m.ID()] = append(final[m.ID()], placed{msg.ID, msg.TS})
			}
		}
		l.rec.change(func(r *recorder) { r.mailboxes[box].final = final })
		want := len(final[x.c.Node(0).ID()])
		eventually.True(x.t, testcluster.Patience, func() bool {
			got := 0
			l.rec.change(func(r *recorder) { got = len(r.mailboxes[box].stream) })
			return got >= want
		}, "the stream of mailbox %d does not bring its %d messages", box, want)
	}
}

// sameState compares what the nodes hold, where it can be seen.
func (x *chaos) sameState() {
	x.t.Helper()
	if !x.c.InProcess() {
		return
	}
	var hashes []node.StateHash
	eventually.True(x.t, testcluster.Patience, func() bool {
		hashes = nil
		for _, m := range x.c.Nodes() {
			hashes = append(hashes, m.StateHash())
		}
		return hashes[0].Applied == hashes[1].Applied && hashes[0].Applied == hashes[2].Applied
	}, "the nodes do not come to rest")
	for i, h := range hashes {
		if h != hashes[0] {
			x.t.Errorf("%s and %s differ at entry %d", x.c.Node(0), x.c.Node(i), h.Applied)
		}
	}
}
