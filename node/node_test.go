package node

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/internal/eventually"
	"github.com/nixnode/nixnode/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

const patience = 20 * time.Second

func memoryConfig() Config {
	c := DefaultConfig()
	c.Domain, c.Memory = "nix.test", true
	c.HTTPAddr, c.NodeAddr, c.GossipAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	return c
}

func open(t *testing.T, cfg Config, o Options) *Node {
	t.Helper()
	n, err := Open(t.Context(), cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNode(t, n) })
	return n
}

func closeNode(t *testing.T, n *Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.Close(ctx); err != nil {
		t.Error(err)
	}
}

func awaitReady(t *testing.T, n *Node) {
	t.Helper()
	eventually.True(t, patience, func() bool { return len(n.NotReady()) == 0 }, "not ready")
}

// get gives the status and the envelope of an operational endpoint.
func get(t *testing.T, url string) (int, api.Reply) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var r api.Reply
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, r
}

// operatorKey collects what Options.Operator is told.
type operatorKey struct {
	mu   sync.Mutex
	keys []string
}

func (o *operatorKey) take(key, _ string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keys = append(o.keys, key)
}

func (o *operatorKey) all() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.keys...)
}

func TestTheFirstStartMakesTheOperatorKeyAndNoOther(t *testing.T) {
	cfg := memoryConfig()
	cfg.Memory, cfg.DataDir = false, t.TempDir()
	key := NewClusterKey()
	var told operatorKey
	o := Options{ClusterKey: &key, Operator: told.take}
	n, err := Open(t.Context(), cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	eventually.True(t, patience, func() bool { return len(told.all()) == 1 }, "no operator key")
	if got := told.all()[0]; !strings.HasPrefix(got, "a") || !strings.HasSuffix(got, "@nix.test") {
		t.Errorf("key %q", got)
	}
	closeNode(t, n)

	n = open(t, cfg, o)
	awaitReady(t, n)
	// A duty that runs after the node is ready would have made another by the
	// time the node has expired something; Close joins the duties in any case.
	closeNode(t, n)
	if got := told.all(); len(got) != 1 {
		t.Errorf("operator keys after a restart: %v", got)
	}
}

func TestReadyAndHealthAreTruthful(t *testing.T) {
	cfg := memoryConfig()
	cfg.OpsAddr = "127.0.0.1:0"
	n := open(t, cfg, Options{Version: api.Version{Version: "v-test"}})
	awaitReady(t, n)
	opsURL := "http://" + n.opsSocket.Addr().String()
	for _, url := range []string{n.URL(), opsURL} {
		if status, r := get(t, url+api.PathReady); status != 200 || r.Code != api.CodeOK {
			t.Errorf("%s: ready %d %+v", url, status, r)
		}
		if status, _ := get(t, url+api.PathHealth); status != 200 {
			t.Errorf("%s: health %d", url, status)
		}
		if _, r := get(t, url+api.PathVersion); !strings.Contains(string(r.Body), "v-test") {
			t.Errorf("%s: version %s", url, r.Body)
		}
	}
	if status, r := get(t, opsURL+"/v1/identity/x"); status != 404 || r.Code != api.CodeNoEndpoint {
		t.Errorf("the ops listener serves /v1: %d %+v", status, r)
	}

	n.fatal(errors.New("the disk is gone"))
	if len(n.NotReady()) == 0 || len(ops{n}.Health()) == 0 {
		t.Error("a failed node calls itself ready or healthy")
	}
	// It cuts itself off: nobody is served any more.
	eventually.True(t, patience, func() bool {
		c, err := net.Dial("tcp", n.doorSocket.Addr().String())
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	}, "a failed node still listens")
}

func TestAFailureIsToldOnce(t *testing.T) {
	var mu sync.Mutex
	var told []error
	n := open(t, memoryConfig(), Options{Fatal: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, err)
	}})
	first := errors.New("first")
	n.fatal(first)
	n.fatal(errors.New("second"))
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 1 || told[0] != first {
		t.Errorf("told %v", told)
	}
}

// Whatever fails while opening, nothing is left behind: leakcheck sees to the
// goroutines, this to the ports and the data directory.
func TestAFailedOpenLeavesNothingBehind(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	key := NewClusterKey()
	cfg := memoryConfig()
	cfg.Memory, cfg.DataDir = false, t.TempDir()
	for name, change := range map[string]func(*Config){
		"http_addr is taken":    func(c *Config) { c.HTTPAddr = taken.Addr().String() },
		"ops_addr is taken":     func(c *Config) { c.OpsAddr = taken.Addr().String() },
		"node_addr is taken":    func(c *Config) { c.NodeAddr = taken.Addr().String() },
		"no certificate":        func(c *Config) { c.TLSCertFile, c.TLSKeyFile = "none.pem", "none.key" },
		"bad domain":            func(c *Config) { c.Domain = "a b" },
		"no such key file":      func(c *Config) { c.ClusterKeyFile = "none.key" },
		"directory is not ours": func(c *Config) { c.DataDir = "/dev/null/x" },
	} {
		t.Run(name, func(t *testing.T) {
			bad := cfg
			change(&bad)
			o := Options{ClusterKey: &key}
			if bad.ClusterKeyFile != "" {
				o.ClusterKey = nil
			}
			if n, err := Open(t.Context(), bad, o); err == nil {
				closeNode(t, n)
				t.Fatal("opened")
			}
		})
	}
	n := open(t, cfg, Options{ClusterKey: &key}) // ports and locks are free
	awaitReady(t, n)
}

func TestCloseIsIdempotentAndKillAfterItToo(t *testing.T) {
	n := open(t, memoryConfig(), Options{})
	closeNode(t, n)
	closeNode(t, n)
	n.Kill()
}
