package cluster

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/cluster/raftstore"
	"github.com/nixnode/nixnode/cluster/transport"
)

// Entry is one entry of the log as the state machine gets it.
type Entry struct {
	Index, Term uint64
	// Proposals in order. There are none in an entry that only moves the
	// index: a change of configuration, or the first entry of a leader.
	Proposals [][]byte
}

// StateMachine is what the log drives. Its methods are called from one
// goroutine at a time.
type StateMachine interface {
	// Apply applies entries in order, all in one durable-together step;
	// results[i][j] belongs to entries[i].Proposals[j]. It is deterministic.
	// Entries at or below its own applied index it skips (their results may be
	// empty, but must be there). An error means that the node must stop.
	Apply(entries []Entry) (results [][][]byte, err error)
	// Snapshot flushes, then makes a consistent copy as of now, quickly.
	Snapshot() (Snapshot, error)
	// Restore replaces all state by that of a snapshot's stream.
	Restore(r io.Reader) error
}

// Snapshot is a copy of the state machine's state that stays as it is while
// entries go on being applied.
type Snapshot interface {
	// Index is that of the last entry whose effects are in it.
	Index() uint64
	// Dir is a flat directory on Config.FS that holds the snapshot, or "".
	// A directory is taken over by renaming it, and its stream must be that of
	// internal/dirstream; without one, WriteTo is stored.
	Dir() string
	WriteTo(w io.Writer) (int64, error)
	Size() (int64, error)
	// Release frees what is left of it.
	Release()
}

// Hint tells a node that holds a listener of To that a message is there.
type Hint struct {
	To address.Address
	// TS is the message's place in To's mailbox, Before that of the one before.
	TS, Before uint64
	Message    []byte
}

// Peer is a node of the cluster.
type Peer struct {
	ID       string
	NodeAddr string // host:port of its node-to-node port
	// GossipAddr may be empty: it is then asked for over the node-to-node port.
	GossipAddr string
}

// Timing holds the times by which the cluster lives.
type Timing struct {
	// Heartbeat is how long a follower waits for its leader before it wants an
	// election (up to twice as long, at random); Election how long a candidate
	// waits for votes; Lease how long a leader without a majority stays one.
	Heartbeat, Election, Lease time.Duration
	// Commit is how long a leader waits before it tells idle followers of a
	// commit: the delay of a listener on a follower.
	Commit time.Duration
	// Patience bounds every call from outside.
	Patience time.Duration
}

// DefaultTiming suits nodes in one data centre: a lost leader is replaced within
// two to three seconds, and a machine that is busy for half a second loses nothing.
func DefaultTiming() Timing {
	return Timing{
		Heartbeat: time.Second,
		Election:  time.Second,
		Lease:     500 * time.Millisecond,
		Commit:    5 * time.Millisecond,
		Patience:  2 * time.Second,
	}
}

// Defaults of Config's numbers.
const (
	DefaultSnapshotThreshold = 8192
	DefaultTrailingLogs      = 10240
	DefaultSnapshotInterval  = 30 * time.Second
)

// Config says what this node is and where its things are.
type Config struct {
	// NodeID names the node for ever. Peers are all nodes, this one included.
	NodeID string
	Peers  []Peer
	// Bootstrap makes a new cluster of Peers when nothing is stored yet. All of
	// them may do it, with the same list.
	Bootstrap bool
	// Known says that this node has run before on this DataDir. Then Open fails
	// with ErrCorrupt when nothing is stored: a node that has lost its log has also
	// lost its votes, and what it told others it had stored.
	Known bool

	// NodeListener is a ready listener; if nil, NodeAddr is listened on.
	NodeListener net.Listener
	NodeAddr     string
	// GossipAddr is listened on by TCP and UDP; port 0 is any. Without it there
	// is no gossip, which a single node does not need.
	GossipAddr string
	// HTTPAddr, Version and FeatureLevel are told to the other nodes.
	HTTPAddr     string
	Version      string
	FeatureLevel uint32

	// DataDir holds log, votes and snapshots. Memory keeps log and votes in
	// memory instead, and DataDir is then a name within FS.
	DataDir string
	Memory  bool
	// FS holds the snapshots; nil means the disk (or a new file system in
	// memory). It must be the state machine's.
	FS raftstore.FS

	// StateMachine is driven by the log; StateMachineIndex is the index up to
	// which it is durable now.
	StateMachine      StateMachine
	StateMachineIndex uint64
	// OnHint is called for each hint received, from several goroutines. It must
	// not block. Nil drops them.
	OnHint func(Hint)
	// Fatal is called once, when this node must not go on. It must not block.
	Fatal func(error)

	// Tag tells clusters apart: nodes of different tags do not hear each other. It
	// is no secret.
	Tag transport.Tag

	// Dial and WrapGossip are for fault injection.
	Dial       transport.Dial
	WrapGossip func(memberlist.NodeAwareTransport) memberlist.NodeAwareTransport

	Timing            Timing
	SnapshotThreshold uint64 // entries between snapshots
	TrailingLogs      uint64 // entries kept behind a snapshot; 0 is the default
	SnapshotInterval  time.Duration
	Logger            *slog.Logger
}

// withDefaults fills in what was left zero.
func (c Config) withDefaults() Config {
	d := DefaultTiming()
	for _, f := range []struct {
		have *time.Duration
		want time.Duration
	}{
		{&c.Timing.Heartbeat, d.Heartbeat},
		{&c.Timing.Election, d.Election},
		{&c.Timing.Lease, d.Lease},
		{&c.Timing.Commit, d.Commit},
		{&c.Timing.Patience, d.Patience},
		{&c.SnapshotInterval, DefaultSnapshotInterval},
	} {
		if *f.have == 0 {
			*f.have = f.want
		}
	}
	if c.SnapshotThreshold == 0 {
		c.SnapshotThreshold = DefaultSnapshotThreshold
	}
	if c.TrailingLogs == 0 {
		c.TrailingLogs = DefaultTrailingLogs
	}
	if c.OnHint == nil {
		c.OnHint = func(Hint) {}
	}
	return c
}

// Validate reports all faults at once.
func (c Config) Validate() error {
	var errs []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("cluster: "+format, args...))
		}
	}
	fault(c.NodeID == "" || len(c.NodeID) > maxName, "NodeID must have 1 to %d bytes", maxName)
	fault(c.NodeListener == nil && c.NodeAddr == "", "NodeAddr is missing")
	fault(c.StateMachine == nil, "StateMachine is missing")
	fault(c.Fatal == nil, "Fatal is missing")
	fault(c.Logger == nil, "Logger is missing")
	fault(c.DataDir == "", "DataDir is missing")
	fault(len(c.HTTPAddr) > maxName || len(c.Version) > maxName, "HTTPAddr and Version must have at most %d bytes", maxName)
	seen := map[string]bool{}
	for _, p := range c.Peers {
		fault(p.ID == "" || p.NodeAddr == "", "a peer needs ID and NodeAddr")
		fault(seen[p.ID], "peer %s is listed twice", p.ID)
		seen[p.ID] = true
		if p.NodeAddr != "" {
			if err := transport.CheckLoopback(p.NodeAddr); err != nil {
				errs = append(errs, err)
			}
		}
	}
	fault(!seen[c.NodeID], "Peers must list this node")
	if c.GossipAddr != "" {
		if err := transport.CheckLoopback(c.GossipAddr); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
