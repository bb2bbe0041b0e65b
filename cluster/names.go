package cluster

import (
	"github.com/hashicorp/memberlist"

	"github.com/nixnode/nixnode/cluster/raftstore"
)

// FS is the file system that Config.FS takes, under a name that does not ask
// whoever wires a node to import the libraries below this package.
type FS = raftstore.FS

// GossipTransport is what Config.WrapGossip wraps.
type GossipTransport = memberlist.NodeAwareTransport
