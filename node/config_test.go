package node

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func validConfig(t *testing.T) Config {
	t.Helper()
	c := DefaultConfig()
	c.Domain, c.DataDir, c.ClusterKeyFile = "nix.example.org", t.TempDir(), "cluster.key"
	return c
}

func TestDefaultsNeedOnlyADomainADirectoryAndAKey(t *testing.T) {
	if err := validConfig(t).Validate(); err != nil {
		t.Fatal(err)
	}
}

func TestValidateReportsAllFaultsAtOnce(t *testing.T) {
	c := DefaultConfig()
	c.NodeID, c.HTTPAddr, c.NodeAddr, c.LogLevel, c.LogFormat = "a b", "0.0.0.0:80", "10.0.0.1:1", "loud", "xml"
	c.HeartbeatTimeout, c.SnapshotThreshold, c.TLSKeyFile = 0, 0, "key.pem"
	c.Peers = []Peer{{"n1", "127.0.0.1:1", "127.0.0.1:2"}, {"n1", "nowhere", "192.168.0.1:2"}}
	err := c.Validate()
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, setting := range []string{"node_id:", "domain:", "data_dir:", "http_addr:", "tls_cert_file:", "node_addr:", "peers:", "peers[1]:", "peers[1].node_addr:",
		"peers[1].gossip_addr:", "cluster_key_file:", "heartbeat_timeout:", "lease_timeout:", "snapshot_threshold:", "log_level:", "log_format:"} {
		if !strings.Contains(err.Error(), setting) {
			t.Errorf("no fault of %s in:\n%v", setting, err)
		}
	}
}

// Section 2: without TLS, the API is served on loopback or behind a proxy only.
// Between nodes there is no TLS yet, so they stay on loopback whatever is said.
func TestANodeRefusesPlainTextOffLoopback(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Config)
		ok     bool
	}{
		"loopback":             {func(c *Config) { c.HTTPAddr = "[::1]:0" }, true},
		"localhost":            {func(c *Config) { c.HTTPAddr = "localhost:0" }, true},
		"any address":          {func(c *Config) { c.HTTPAddr = ":443" }, false},
		"public":               {func(c *Config) { c.HTTPAddr = "192.0.2.1:443" }, false},
		"public with TLS":      {func(c *Config) { c.HTTPAddr, c.TLSCertFile, c.TLSKeyFile = ":443", "c", "k" }, true},
		"public behind proxy":  {func(c *Config) { c.HTTPAddr, c.BehindProxy = ":80", true }, true},
		"host name":            {func(c *Config) { c.HTTPAddr, c.BehindProxy = "example.org:80", true }, false},
		"nodes off loopback":   {func(c *Config) { c.NodeAddr = "192.0.2.1:1" }, false},
		"gossip off loopback":  {func(c *Config) { c.GossipAddr = "0.0.0.0:1" }, false},
		"peer off loopback":    {func(c *Config) { c.Peers = []Peer{{"n1", "192.0.2.1:1", "127.0.0.1:1"}} }, false},
		"proxy beside own TLS": {func(c *Config) { c.TLSCertFile, c.TLSKeyFile, c.BehindProxy = "c", "k", true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := validConfig(t)
			tc.change(&c)
			if err := c.Validate(); (err == nil) != tc.ok {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestFileThenEnvironmentThenFlags(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.yaml")
	file := `
node_id: from-file
domain: nix.example.org
domain_aliases: [old.example.org]
heartbeat_timeout: 2s
trailing_logs: 77
peers:
  - {id: n1, node_addr: "127.0.0.1:1", gossip_addr: "127.0.0.1:2"}
`
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"NIXNODE_NODE_ID": "from-env", "NIXNODE_HOSTS": "a.example.org, b.example.org", "NIXNODE_MEMORY": "true",
		"NIXNODE_PEERS": "n2=127.0.0.1:3/127.0.0.1:4"}
	c := DefaultConfig()
	if err := c.Load(path, func(k string) (string, bool) { v, ok := env[k]; return v, ok }); err != nil {
		t.Fatal(err)
	}
	for _, s := range Settings() {
		if s.Name == "log_level" {
			if err := s.Set(&c, "debug"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if c.NodeID != "from-env" || c.HeartbeatTimeout != 2*time.Second || c.TrailingLogs != 77 || len(c.Hosts) != 2 || !c.Memory ||
		c.LogLevel != "debug" || len(c.Peers) != 1 || c.Peers[0] != (Peer{"n2", "127.0.0.1:3", "127.0.0.1:4"}) || c.DomainAliases[0] != "old.example.org" {
		t.Fatalf("%+v", c)
	}
}

func TestLoadReportsAllFaultsAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.yaml")
	if err := os.WriteFile(path, []byte("node_idd: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"NIXNODE_MEMORY": "perhaps", "NIXNODE_ELECTION_TIMEOUT": "soon", "NIXNODE_TRAILING_LOGS": "-1", "NIXNODE_PEERS": "n1"}
	c := DefaultConfig()
	err := c.Load(path, func(k string) (string, bool) { v, ok := env[k]; return v, ok })
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, want := range []string{"node_idd", "NIXNODE_MEMORY", "NIXNODE_ELECTION_TIMEOUT", "NIXNODE_TRAILING_LOGS", "NIXNODE_PEERS"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no fault of %s in:\n%v", want, err)
		}
	}
}

// What Text writes, Set reads: a configuration can go through the environment.
func TestAConfigurationSurvivesTheEnvironment(t *testing.T) {
	c := validConfig(t)
	c.Hosts, c.Memory, c.TrailingLogs = []string{"a.example.org", "b.example.org"}, true, 5
	c.Peers = []Peer{{"n1", "127.0.0.1:1", ""}, {"n2", "127.0.0.1:2", "127.0.0.1:3"}}
	env := map[string]string{}
	for _, s := range Settings() {
		if text := s.Text(c); text != "" {
			env[s.Env] = text
		}
	}
	got := DefaultConfig()
	if err := got.Load("", func(k string) (string, bool) { v, ok := env[k]; return v, ok }); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, c) {
		t.Fatalf("got  %+v\nwant %+v", got, c)
	}
}

// Every setting can be set as text, says what it is for, and has a text form
// that sets it back to its default.
func TestEverySettingHasANameADocAndATextForm(t *testing.T) {
	for _, s := range Settings() {
		if s.Name == "" || s.Doc == "" {
			t.Errorf("%+v", s)
		}
		c := Config{}
		if s.Default == "" {
			continue
		}
		if err := s.Set(&c, s.Default); err != nil {
			t.Errorf("the default of %s: %v", s.Name, err)
		}
	}
}

func TestTheClusterKeyNeverShowsItself(t *testing.T) {
	k := NewClusterKey()
	secret := strings.TrimSpace(strings.TrimPrefix(k.Text(), clusterKeyPrefix))
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%+v %#v %s %q", k, k, k, k), k.LogValue().String()} {
		if strings.Contains(s, secret) || strings.Contains(s, "raw") {
			t.Errorf("shown as %q", s)
		}
	}
}

func TestAClusterKeyFileIsPrivateAndNeverReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cluster.key")
	k := NewClusterKey()
	if err := WriteClusterKey(path, k); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info.Mode(), err)
	}
	if got, err := ReadClusterKey(path); err != nil || got != k {
		t.Fatalf("%v", err)
	}
	if err := WriteClusterKey(path, NewClusterKey()); err == nil {
		t.Fatal("the key was replaced")
	}
	for _, bad := range []string{"", "x", clusterKeyPrefix, clusterKeyPrefix + "AAAA", strings.TrimPrefix(k.Text(), "nixnode")} {
		if _, err := ParseClusterKey(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestSealedSecretsOpenWithTheirClusterKeyAlone(t *testing.T) {
	one, err := newSealer(NewClusterKey())
	if err != nil {
		t.Fatal(err)
	}
	other, err := newSealer(NewClusterKey())
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := one.Seal([]byte("thirty-two bytes of API secret!!"))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := one.Open(sealed); err != nil || string(plain) != "thirty-two bytes of API secret!!" {
		t.Fatalf("%q %v", plain, err)
	}
	if _, err := other.Open(sealed); err == nil {
		t.Error("another cluster's key opened it")
	}
	for i := range sealed {
		bad := append([]byte(nil), sealed...)
		bad[i] ^= 1
		if _, err := one.Open(bad); err == nil {
			t.Errorf("opened with byte %d altered", i)
		}
		if _, err := one.Open(sealed[:i]); err == nil {
			t.Errorf("opened when cut to %d bytes", i)
		}
	}
}

func FuzzParseClusterKey(f *testing.F) {
	f.Add(NewClusterKey().Text())
	f.Add("nixnode-cluster-key-1:AA==")
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := ParseClusterKey(s); err == nil {
			if again, err := ParseClusterKey(k.Text()); err != nil || again != k {
				t.Fatalf("%v", err)
			}
		}
	})
}
