package node

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/nixnode/nixnode/address"
)

var nodeIDForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Validate reports all faults of c at once, joined, each with the name of its
// setting; nil when there are none.
func (c Config) Validate() error {
	var faults []error
	fault := func(setting, format string, args ...any) {
		faults = append(faults, fmt.Errorf("%s: %s", setting, fmt.Sprintf(format, args...)))
	}
	if !nodeIDForm.MatchString(c.NodeID) {
		fault("node_id", "%q is not 1 to 64 of a-z A-Z 0-9 . _ -", c.NodeID)
	}
	if _, err := address.NewDomain(c.Domain, c.DomainAliases...); err != nil {
		fault("domain", "%v", err)
	}
	if c.DataDir == "" && !c.Memory {
		fault("data_dir", "is missing (or set memory)")
	}
	c.validateDoor(fault)
	c.validateCluster(fault)
	c.validateTiming(fault)
	if _, err := ParseLogLevel(c.LogLevel); err != nil {
		fault("log_level", "%v", err)
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		fault("log_format", "%q is neither text nor json", c.LogFormat)
	}
	return errors.Join(faults...)
}

type faultFunc func(setting, format string, args ...any)

// validateDoor checks section 2 of the protocol page: /v1/ needs TLS, a proxy
// that terminates it, or loopback.
func (c Config) validateDoor(fault faultFunc) {
	loopback, err := isLoopback(c.HTTPAddr)
	switch {
	case err != nil:
		fault("http_addr", "%v", err)
	case !loopback && c.TLSCertFile == "" && !c.BehindProxy:
		fault("http_addr", "%s is not loopback: set tls_cert_file and tls_key_file, or behind_proxy", c.HTTPAddr)
	}
	if (c.TLSCertFile == "") != (c.TLSKeyFile == "") {
		fault("tls_cert_file", "tls_cert_file and tls_key_file go together")
	}
	if c.TLSCertFile != "" && c.BehindProxy {
		fault("behind_proxy", "has no use beside tls_cert_file")
	}
	if c.OpsAddr != "" {
		if _, err := isLoopback(c.OpsAddr); err != nil {
			fault("ops_addr", "%v", err)
		}
	}
	if c.PublicURL != "" {
		if u, err := url.Parse(c.PublicURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			fault("public_url", "%q is not an http or https URL", c.PublicURL)
		}
	}
	if c.AllowOrigin == "" || strings.ContainsAny(c.AllowOrigin, "\r\n") {
		fault("allow_origin", "%q is not a header value", c.AllowOrigin)
	}
}

// validateCluster holds this release's rule that nodes speak plain TCP to each
// other, and therefore on loopback only.
func (c Config) validateCluster(fault faultFunc) {
	for _, a := range []struct{ setting, addr string }{{"node_addr", c.NodeAddr}, {"gossip_addr", c.GossipAddr}} {
		faultUnlessLoopback(fault, a.setting, a.addr)
	}
	seen := map[string]bool{}
	for i, p := range c.Peers {
		setting := fmt.Sprintf("peers[%d]", i)
		if !nodeIDForm.MatchString(p.ID) {
			fault(setting, "%q is not a node id", p.ID)
		}
		if seen[p.ID] {
			fault(setting, "%q is there twice", p.ID)
		}
		seen[p.ID] = true
		faultUnlessLoopback(fault, setting+".node_addr", p.NodeAddr)
		if p.GossipAddr != "" { // it is asked for over node_addr
			faultUnlessLoopback(fault, setting+".gossip_addr", p.GossipAddr)
		}
	}
	if len(c.Peers) > 0 && !seen[c.NodeID] {
		fault("peers", "this node (%q) is not among them", c.NodeID)
	}
	if c.ClusterKeyFile == "" && !c.Memory {
		fault("cluster_key_file", "is missing; 'nixnode keygen' makes one")
	}
}

func (c Config) validateTiming(fault faultFunc) {
	for _, d := range []struct {
		setting string
		value   time.Duration
		least   time.Duration
	}{
		{"heartbeat_timeout", c.HeartbeatTimeout, 20 * time.Millisecond},
		{"election_timeout", c.ElectionTimeout, 20 * time.Millisecond},
		{"lease_timeout", c.LeaseTimeout, 10 * time.Millisecond},
		{"commit_timeout", c.CommitTimeout, time.Millisecond},
		{"event_retention", c.EventRetention, time.Hour},
	} {
		if d.value < d.least {
			fault(d.setting, "%v is less than %v", d.value, d.least)
		}
	}
	if c.ElectionTimeout < c.HeartbeatTimeout {
		fault("election_timeout", "is shorter than heartbeat_timeout")
	}
	if c.LeaseTimeout > c.HeartbeatTimeout {
		fault("lease_timeout", "is longer than heartbeat_timeout: an old leader could outlive the next election")
	}
	if c.SnapshotThreshold == 0 {
		fault("snapshot_threshold", "is zero")
	}
}

func faultUnlessLoopback(fault faultFunc, setting, addr string) {
	switch loopback, err := isLoopback(addr); {
	case err != nil:
		fault(setting, "%v", err)
	case !loopback:
		fault(setting, "%s is not loopback: nodes speak plain TCP to each other in this release", addr)
	}
}

// isLoopback reports whether a listen address is reachable from this machine
// alone. A host name other than localhost is an error: what it stands for may change.
func isLoopback(addr string) (bool, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "" {
		return false, fmt.Errorf("%q is not host:port", addr)
	}
	if host == "localhost" {
		return true, nil
	}
	if host == "" {
		return false, nil
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false, fmt.Errorf("%q has neither an IP address nor localhost as its host", addr)
	}
	return ip.IsLoopback(), nil
}

// ParseLogLevel reads the log_level setting.
func ParseLogLevel(s string) (slog.Level, error) {
	switch s {
	case "debug", "info", "warn", "error":
		var l slog.Level
		err := l.UnmarshalText([]byte(s))
		return l, err
	}
	return 0, fmt.Errorf("%q is none of debug, info, warn, error", s)
}
