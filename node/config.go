package node

import (
	"time"

	"github.com/nixnode/nixnode/cluster"
)

// Config is everything that an operator can say of a node. Its fields are set
// by a YAML file, by NIXNODE_* environment variables and by flags, in this order
// (Load); the names are those of the yaml tags, upper-cased for the environment
// and with dashes for flags. Start from DefaultConfig, and call Validate.
type Config struct {
	NodeID string `yaml:"node_id" doc:"name of this node in the cluster: 1 to 64 of a-z A-Z 0-9 . _ -"`

	Domain        string   `yaml:"domain" doc:"the cluster's domain, which all addresses carry"`
	DomainAliases []string `yaml:"domain_aliases" doc:"other domains that mean the same cluster"`
	Hosts         []string `yaml:"hosts" doc:"host names of the API that a proof may name as its audience, beside the domains"`

	DataDir        string `yaml:"data_dir" doc:"directory for all that the node keeps"`
	Memory         bool   `yaml:"memory" doc:"keep everything in memory: all is lost when the node stops"`
	ClusterKeyFile string `yaml:"cluster_key_file" doc:"file with the cluster key, made by 'nixnode keygen'; the same on all nodes"`

	HTTPAddr    string `yaml:"http_addr" doc:"listen address of the API"`
	PublicURL   string `yaml:"public_url" doc:"URL under which clients reach this node; empty: made from http_addr"`
	OpsAddr     string `yaml:"ops_addr" doc:"listen address that serves /ops only, without TLS; empty: none"`
	TLSCertFile string `yaml:"tls_cert_file" doc:"PEM certificate chain of the API; needed off loopback unless behind_proxy"`
	TLSKeyFile  string `yaml:"tls_key_file" doc:"PEM private key of tls_cert_file"`
	BehindProxy bool   `yaml:"behind_proxy" doc:"a proxy in front terminates TLS, so http_addr serves plain HTTP"`
	AllowOrigin string `yaml:"allow_origin" doc:"value of Access-Control-Allow-Origin"`

	NodeAddr   string `yaml:"node_addr" doc:"listen address for the other nodes; loopback only in this release"`
	GossipAddr string `yaml:"gossip_addr" doc:"listen address for gossip; loopback only in this release"`
	Peers      []Peer `yaml:"peers" doc:"the nodes of the cluster, this one included, as id=node_addr or id=node_addr/gossip_addr; empty: a cluster of one"`

	HeartbeatTimeout  time.Duration `yaml:"heartbeat_timeout" doc:"a follower that hears nothing for this long stands for election"`
	ElectionTimeout   time.Duration `yaml:"election_timeout" doc:"how long a candidate waits for votes"`
	LeaseTimeout      time.Duration `yaml:"lease_timeout" doc:"a leader without a quorum for this long steps down"`
	CommitTimeout     time.Duration `yaml:"commit_timeout" doc:"how soon followers learn of a commit when nothing else is sent"`
	SnapshotThreshold uint64        `yaml:"snapshot_threshold" doc:"log entries after which a snapshot is taken"`
	TrailingLogs      uint64        `yaml:"trailing_logs" doc:"log entries kept behind a snapshot for followers that lag"`
	EventRetention    time.Duration `yaml:"event_retention" doc:"how long events are kept"`

	LogLevel  string `yaml:"log_level" doc:"debug, info, warn or error"`
	LogFormat string `yaml:"log_format" doc:"text or json"`
}

// Peer is one node of the cluster as configuration names it.
type Peer struct {
	ID       string `yaml:"id"`
	NodeAddr string `yaml:"node_addr"`
	// GossipAddr may be empty: it is then asked for over NodeAddr.
	GossipAddr string `yaml:"gossip_addr"`
}

// DefaultConfig gives a node on loopback that still needs a domain, a data
// directory (or Memory) and a cluster key.
func DefaultConfig() Config {
	timing := cluster.DefaultTiming()
	return Config{
		NodeID:            "n1",
		HTTPAddr:          "127.0.0.1:7780",
		NodeAddr:          "127.0.0.1:7781",
		GossipAddr:        "127.0.0.1:7782",
		AllowOrigin:       "*",
		HeartbeatTimeout:  timing.Heartbeat,
		ElectionTimeout:   timing.Election,
		LeaseTimeout:      timing.Lease,
		CommitTimeout:     timing.Commit,
		SnapshotThreshold: cluster.DefaultSnapshotThreshold,
		TrailingLogs:      cluster.DefaultTrailingLogs,
		EventRetention:    30 * 24 * time.Hour,
		LogLevel:          "info",
		LogFormat:         "text",
	}
}
