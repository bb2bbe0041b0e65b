package node

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/cluster"
	"github.com/nixnode/nixnode/internal/strictjson"
	"github.com/nixnode/nixnode/relay"
)

// onDisk is a node of its own with a data directory that may be used again.
func onDisk(t *testing.T) (Config, Options) {
	t.Helper()
	cfg := memoryConfig()
	cfg.Memory, cfg.DataDir = false, t.TempDir()
	key := NewClusterKey()
	return cfg, Options{ClusterKey: &key}
}

func TestADataDirectoryIsRefusedToAnotherNode(t *testing.T) {
	cfg, o := onDisk(t)
	n := open(t, cfg, o)
	awaitReady(t, n)
	closeNode(t, n)
	another := NewClusterKey()
	for name, c := range map[string]struct {
		change func(c *Config, o *Options)
		want   string
	}{
		"another id":     {func(c *Config, _ *Options) { c.NodeID = "n2" }, `node_id: it is of "n1", the configuration says "n2"`},
		"another domain": {func(c *Config, _ *Options) { c.Domain = "other.test" }, `domain: it is of "nix.test", the configuration says "other.test"`},
		"another key":    {func(_ *Config, o *Options) { o.ClusterKey = &another }, "cluster_key_file"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, o := cfg, o
			c.change(&cfg, &o)
			m, err := Open(t.Context(), cfg, o)
			if err == nil {
				closeNode(t, m)
			}
			if !errors.Is(err, ErrOtherNode) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	awaitReady(t, open(t, cfg, o)) // and the node itself starts again
}

// A node that has lost its log must not begin a new one under its old name: it
// has voted, and it has told a leader what it had stored.
func TestANodeWithoutItsLogDoesNotStart(t *testing.T) {
	cfg, o := onDisk(t)
	n := open(t, cfg, o)
	awaitReady(t, n)
	closeNode(t, n)
	for _, lost := range []string{"raft", "state"} {
		if err := os.RemoveAll(filepath.Join(cfg.DataDir, lost)); err != nil {
			t.Fatal(err)
		}
	}
	if m, err := Open(t.Context(), cfg, o); !errors.Is(err, cluster.ErrCorrupt) {
		if err == nil {
			closeNode(t, m)
		}
		t.Errorf("got %v", err)
	}
}

func TestADamagedIdentityIsRefused(t *testing.T) {
	cfg, o := onDisk(t)
	for _, text := range []string{"", "{", `{"version": 2}`, `{"version": 1, "version": 1}`} {
		if err := os.WriteFile(filepath.Join(cfg.DataDir, identityName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if m, err := Open(t.Context(), cfg, o); err == nil {
			closeNode(t, m)
			t.Errorf("%q was taken", text)
		}
	}
}

func FuzzIdentity(f *testing.F) {
	f.Add([]byte(`{"version": 1, "node_id": "n1", "domain": "nix.test", "cluster_key_check": "00"}`))
	f.Add([]byte(`{`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, identityName), data, 0o600); err != nil {
			t.Fatal(err)
		}
		id, known, err := readIdentity(dir)
		if known != (err == nil) {
			t.Fatalf("known %v, %v", known, err)
		}
		if known && (id.Version != identityVersion || strictjson.Unmarshal(data, new(any)) != nil) {
			t.Fatalf("read %+v from %q", id, data)
		}
	})
}

// A change was made, but this node does not get there: its caller is not held
// for ever, and relay says that the outcome is unknown.
func TestAnAnswerDoesNotWaitForEverForANodeThatLags(t *testing.T) {
	n := open(t, memoryConfig(), Options{})
	awaitReady(t, n)
	if _, err := (reader{n.cluster, n.machine}).After(t.Context(), 1<<40); !errors.Is(err, relay.ErrOverloaded) {
		t.Errorf("got %v", err)
	}
}
