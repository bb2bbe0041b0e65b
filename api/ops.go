package api

// Protocol is the version of the protocol page that this code implements.
const Protocol = "1"

// Version is the body of GET /ops/version (section 11).
type Version struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Built    string `json:"built"`
	Go       string `json:"go"`
	Protocol string `json:"protocol"`
}

// Condition is the body of GET /ops/health and /ops/ready: Reasons is empty when
// all is well.
type Condition struct {
	Reasons []string `json:"reasons"`
}

// ClusterStatus is the body of GET /ops/cluster, as the asked node sees it.
type ClusterStatus struct {
	Node    string `json:"node"`
	Leader  string `json:"leader,omitempty"`
	Term    uint64 `json:"term"`
	Commit  uint64 `json:"commit"`
	Applied uint64 `json:"applied"`
	// Lag is how many committed entries the asked node has not applied yet.
	Lag     uint64   `json:"lag"`
	Members []Member `json:"members"`
	// Streams is the number of open streams on the asked node.
	Streams int `json:"streams"`
}

// Member is one node of the cluster.
type Member struct {
	Node  string `json:"node"`
	Role  string `json:"role"` // leader, follower or candidate; "" when not known
	Voter bool   `json:"voter"`
	Alive bool   `json:"alive"` // as gossip sees it
	URL   string `json:"url,omitempty"`
	// Version is what the node runs, and Listeners how many addresses are listened
	// to there; of another node as far as gossip has told.
	Version   string `json:"version,omitempty"`
	Listeners int    `json:"listeners"`
}

// License is one of the body of GET /ops/licenses: a module of the binary, and
// under which terms it is there.
type License struct {
	Module  string `json:"module"`
	Version string `json:"version"`
	SPDX    string `json:"spdx"` // an SPDX licence expression
	Text    string `json:"text"` // of the licences, and of the notices that go with them
}
