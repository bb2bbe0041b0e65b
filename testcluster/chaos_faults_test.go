package testcluster_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nixnode/nixnode/testcluster"
)

// chaos is a cluster and what is wrong with it at present.
type chaos struct {
	t      *testing.T
	c      *testcluster.Cluster
	rng    *rand.Rand
	down   []*testcluster.Node
	paused []*testcluster.Node
	cut    bool
}

// fault is something that happens to a cluster.
type fault struct {
	name   string
	guard  func(x *chaos) bool // whether it can happen now
	inject func(x *chaos)
}

// leader gives the node that leads, or any that runs when none does.
func (x *chaos) leader() *testcluster.Node {
	if m, ok := x.c.PresentLeader(); ok {
		return m
	}
	return x.any(x.c.Up())
}

// follower gives a node that runs and, as far as can be told, does not lead.
func (x *chaos) follower() *testcluster.Node { return x.any(x.c.Others(x.leader())) }

func (x *chaos) any(nodes []*testcluster.Node) *testcluster.Node {
	return nodes[x.rng.IntN(len(nodes))]
}

func (x *chaos) crash(m *testcluster.Node) {
	m.Crash()
	x.down = append(x.down, m)
}

func (x *chaos) restart() {
	i := x.rng.IntN(len(x.down))
	x.down[i].Restart()
	x.down = slices.Delete(x.down, i, i+1)
}

func (x *chaos) resume() {
	for _, m := range x.paused {
		m.Resume()
	}
	x.paused = nil
}

func (x *chaos) heal() {
	x.c.Heal()
	x.cut = false
}

// mend ends all that is wrong.
func (x *chaos) mend() {
	x.resume()
	x.heal()
	for len(x.down) > 0 {
		x.restart()
	}
}

func several(x *chaos) bool { return len(x.c.Up()) > 1 }
func anyDown(x *chaos) bool { return len(x.down) > 0 }
func whole(x *chaos) bool   { return !x.cut && several(x) }

// crashes can happen to any cluster.
var crashes = []fault{
	{"crash the leader", several, func(x *chaos) { x.crash(x.leader()) }},
	{"crash a follower", several, func(x *chaos) { x.crash(x.follower()) }},
	{"restart", anyDown, func(x *chaos) { x.restart() }},
	{"restart all that are down", anyDown, func(x *chaos) {
		for len(x.down) > 0 {
			x.restart()
		}
	}},
	{"stop a node gracefully", several, func(x *chaos) {
		m := x.leader()
		m.Stop()
		x.down = append(x.down, m)
	}},
	{"crash all at once", several, func(x *chaos) {
		for _, m := range x.c.Up() {
			x.crash(m)
		}
	}},
}

// partitions need nodes in one process.
var partitions = []fault{
	{"isolate the leader", whole, func(x *chaos) { x.c.Isolate(x.leader()); x.cut = true }},
	{"isolate a follower", whole, func(x *chaos) { x.c.Isolate(x.follower()); x.cut = true }},
	{"cut off everybody", whole, func(x *chaos) {
		n := x.c.Nodes()
		x.c.Partition(n[:1], n[1:2])
		x.cut = true
	}},
	{"the leader is not heard", whole, func(x *chaos) { x.c.OneWay(x.leader(), x.follower()); x.cut = true }},
	{"the leader hears nothing", whole, func(x *chaos) {
		leader := x.leader()
		for _, m := range x.c.Others(leader) {
			x.c.OneWay(m, leader)
		}
		x.cut = true
	}},
	{"heal", func(x *chaos) bool { return x.cut }, func(x *chaos) { x.heal() }},
}

// pauses need nodes in processes of their own.
var pauses = []fault{
	{"pause the leader", several, func(x *chaos) { x.pause(x.leader()) }},
	{"pause a follower", several, func(x *chaos) { x.pause(x.follower()) }},
	{"resume", func(x *chaos) bool { return len(x.paused) > 0 }, func(x *chaos) { x.resume() }},
}

func (x *chaos) pause(m *testcluster.Node) {
	m.Pause()
	x.paused = append(x.paused, m)
}
