package node

import (
	"fmt"
	"time"

	"github.com/nixnode/nixnode/api"
)

// cutOffAfter is how long a node may be without contact to a leader and still
// call itself ready (section 11).
const cutOffAfter = 2 * time.Second

// stalledAfter is how long the disk may take for one write and the node still
// call itself ready.
const stalledAfter = 3 * time.Second

// ops fills httpapi.Ops.
type ops struct{ n *Node }

// Health gives the reasons for which the process must be restarted.
func (o ops) Health() []string {
	if p := o.n.failure.Load(); p != nil {
		return []string{"the node failed and must be restarted"}
	}
	return nil
}

// Ready gives the reasons for which no client should be sent here.
func (o ops) Ready() []string { return o.n.NotReady() }

// NotReady gives the reasons for which no client should be sent to this node;
// none when it is ready.
func (n *Node) NotReady() []string {
	reasons := ops{n}.Health()
	if n.draining.Load() {
		reasons = append(reasons, "the node is stopping")
	}
	if !n.selfTested.Load() {
		reasons = append(reasons, "the self-test has not passed yet")
	}
	if _, ok := n.cluster.Leader(); !ok {
		reasons = append(reasons, "there is no leader")
	} else if d := n.cluster.LastContact(); d > cutOffAfter {
		reasons = append(reasons, fmt.Sprintf("no contact with the leader for %s", d.Truncate(100*time.Millisecond)))
	}
	if d := n.cluster.Stalled(); d > stalledAfter {
		reasons = append(reasons, fmt.Sprintf("the disk has not answered for %s", d.Truncate(100*time.Millisecond)))
	}
	return reasons
}

// Version gives what the node was built from.
func (o ops) Version() api.Version { return o.n.opts.Version }

// Cluster gives what this node sees of the cluster.
func (o ops) Cluster() api.ClusterStatus {
	st := o.n.cluster.Status()
	out := api.ClusterStatus{
		Node: st.NodeID, Leader: st.Leader, Term: st.Term, Commit: st.Commit, Applied: o.n.machine.Applied(), Lag: o.n.cluster.Lag(),
		Streams: o.n.service.Streams(), Members: make([]api.Member, 0, len(st.Members)),
	}
	for _, m := range st.Members {
		role := "follower"
		if m.ID == st.Leader {
			role = "leader"
		}
		out.Members = append(out.Members, api.Member{Node: m.ID, Role: role, Voter: m.Voter, Alive: m.Alive, URL: m.HTTPAddr, Version: m.Version, Listeners: m.Listeners})
	}
	return out
}
