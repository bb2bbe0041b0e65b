package node

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/internal/eventually"
)

// What `promtool check metrics` says, and that the page lists each of ours with
// its type: docs/metrics.md is the one source for operators.
func TestMetricsPassTheLintAndAreOnThePage(t *testing.T) {
	n := open(t, memoryConfig(), Options{Version: api.Version{Version: "v-test"}})
	awaitReady(t, n)
	get(t, n.URL()+api.PathVersion) // so that what is counted by route is there
	problems, err := testutil.GatherAndLint(n.metrics)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	families, err := n.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(nixnode_\\w+)` \\| (\\w+) \\|").FindAllStringSubmatch(string(page), -1) {
		rows[row[1]] = row[2]
	}
	declared := declaredBy(n.metrics)
	for name := range declared {
		if strings.HasPrefix(name, "nixnode_") && rows[name] == "" {
			t.Errorf("docs/metrics.md does not have %s", name)
		}
	}
	for _, f := range families {
		name, kind := f.GetName(), strings.ToLower(f.GetType().String())
		if strings.HasPrefix(name, "nixnode_") && rows[name] != kind {
			t.Errorf("docs/metrics.md says %q of %s, which is a %s: %s", rows[name], name, kind, f.GetHelp())
		}
	}
	for name := range rows {
		if !declared[name] {
			t.Errorf("docs/metrics.md has %s, which nothing counts", name)
		}
	}
}

// declaredBy gives the names of all that is registered, also of what has counted
// nothing yet and shows nothing.
func declaredBy(r *prometheus.Registry) map[string]bool {
	descs := make(chan *prometheus.Desc)
	go func() {
		r.Describe(descs)
		close(descs)
	}()
	names := map[string]bool{}
	for d := range descs {
		_, rest, _ := strings.Cut(d.String(), `fqName: "`)
		name, _, _ := strings.Cut(rest, `"`)
		names[name] = true
	}
	return names
}

func scrape(t *testing.T, n *Node) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.URL()+api.PathMetrics, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Several nodes of one process count for themselves, and their numbers are those
// of what happened: the self-test has written and read through the log.
func TestEachNodeShowsItsOwnNumbers(t *testing.T) {
	a, b := open(t, memoryConfig(), Options{}), open(t, memoryConfig(), Options{})
	awaitReady(t, a)
	awaitReady(t, b)
	get(t, a.URL()+api.PathVersion)
	const asked = `nixnode_http_requests_total{code="20001",route="ops.version"} 1`
	eventually.True(t, patience, func() bool { return strings.Contains(scrape(t, a), asked+"\n") }, "no %s", asked)
	if strings.Contains(scrape(t, b), `route="ops.version"`) {
		t.Error("a node shows the requests of another")
	}
	for _, want := range []string{
		"nixnode_cluster_is_leader 1", "nixnode_ready 1", "nixnode_cluster_leader_changes_total 1", "nixnode_streams 0",
		`nixnode_cluster_proposals_total{outcome="ok"} [1-9]`, `nixnode_cluster_barriers_total{outcome="ok"} [1-9]`,
		"nixnode_cluster_entries_applied_total [1-9]", "nixnode_cluster_apply_seconds_count [1-9]", "nixnode_cluster_pack_proposals_count [1-9]",
		"nixnode_cluster_lag_entries 0", "nixnode_store_disk_bytes [0-9]", "nixnode_expiry_backlog 0", "go_goroutines [1-9]",
	} {
		pattern := regexp.MustCompile("(?m)^" + strings.NewReplacer("{", `\{`, "}", `\}`).Replace(want))
		eventually.True(t, patience, func() bool { return pattern.MatchString(scrape(t, a)) }, "no %s", want)
	}
}
