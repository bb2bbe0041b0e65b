package cluster

import (
	"time"

	"github.com/hashicorp/raft"
)

// Role is what a node is in the agreement just now.
type Role string

// The roles.
const (
	RoleLeader    Role = "leader"
	RoleFollower  Role = "follower"
	RoleCandidate Role = "candidate"
	RoleStopped   Role = "stopped"
)

// Member is a node as this one knows it.
type Member struct {
	ID       string
	NodeAddr string
	HTTPAddr string // as the node itself says, if gossip has heard of it
	Version  string
	// FeatureLevel is the node's, 0 if not heard of.
	FeatureLevel uint32
	Voter        bool
	// Alive says that gossip hears of it (this node itself always is).
	Alive bool
	// Listeners is how many addresses are listened to there.
	Listeners int
}

// Status is a picture of this node's part. Its fields may be a moment apart.
type Status struct {
	NodeID  string
	Leader  string // "" when none is known
	Role    Role
	Term    uint64
	Commit  uint64
	Applied uint64 // by the local state machine
	Members []Member
}

// Status says how things are now.
func (c *Cluster) Status() Status {
	leader, _ := c.Leader()
	applied, _, _ := c.applier.state()
	return Status{
		NodeID:  c.cfg.NodeID,
		Leader:  leader,
		Role:    c.role(),
		Term:    c.raft.CurrentTerm(),
		Commit:  c.raft.CommitIndex(),
		Applied: applied,
		Members: c.members(),
	}
}

func (c *Cluster) role() Role {
	switch c.raft.State() {
	case raft.Leader:
		return RoleLeader
	case raft.Candidate:
		return RoleCandidate
	case raft.Follower:
		return RoleFollower
	default:
		return RoleStopped
	}
}

// members are those of the configuration, then others that gossip knows.
func (c *Cluster) members() []Member {
	heard := c.routes.members()
	self := c.self()
	heard[self.id] = Member{
		ID: self.id, NodeAddr: self.nodeAddr, HTTPAddr: self.httpAddr, Version: self.version,
		FeatureLevel: self.feature, Alive: true, Listeners: c.routes.local.size(),
	}
	var all []Member
	for _, s := range c.raft.GetConfiguration().Configuration().Servers {
		m, ok := heard[string(s.ID)]
		if !ok {
			m = Member{ID: string(s.ID), NodeAddr: string(s.Address)}
		}
		m.Voter = s.Suffrage == raft.Voter
		all = append(all, m)
		delete(heard, m.ID)
	}
	for _, id := range sortedKeys(heard) {
		all = append(all, heard[id])
	}
	return all
}

// Leader gives the id of the node that leads, as far as this one knows.
func (c *Cluster) Leader() (id string, ok bool) {
	_, leader := c.raft.LeaderWithID()
	return string(leader), leader != ""
}

func (c *Cluster) hasLeader() bool {
	_, ok := c.Leader()
	return ok
}

// IsLeader reports that this node takes itself for the leader. Only Barrier
// makes sure of it.
func (c *Cluster) IsLeader() bool { return c.raft.State() == raft.Leader }

// LastContact says how long this node has been without a leader: 0 on a leader
// that has committed an entry of its own term (a leader that loses touch with
// the majority stops being one within Timing.Lease), and on others the time
// since they last heard from one, or since Open.
func (c *Cluster) LastContact() time.Duration {
	term := c.raft.CurrentTerm()
	if _, applied, _ := c.applier.state(); c.IsLeader() && applied == term {
		return 0
	}
	last := c.raft.LastContact()
	if last.Before(c.started) {
		last = c.started
	}
	return time.Since(last)
}

// Stalled says for how long this node's disk has kept a write to the log or the
// votes waiting; 0 when it has not noticeably. After raftstore.HungAfter the node
// fails.
func (c *Cluster) Stalled() time.Duration { return c.store.Stalled() }
