package fsm

import (
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/nixnode/nixnode/fsm/command"
)

func TestTheExpiryBacklogIsWhatIsDueAndSinceWhen(t *testing.T) {
	m := openMem(t, vfs.NewMem(), nil)
	applyAll(t, m, []Entry{entry(t, 1, append(prelude(), plain(1, 10), plain(2, 10))...)}) // both until 1000
	var now int64
	metrics := m.Metrics(func() time.Time { return time.Unix(now, 0) })
	shows := func(at int64, count, age string) {
		t.Helper()
		now = at
		want := "# HELP nixnode_expiry_backlog What has expired and is not removed yet, counted up to 10,000.\n# TYPE nixnode_expiry_backlog gauge\nnixnode_expiry_backlog " + count +
			"\n# HELP nixnode_expiry_backlog_seconds How long ago the oldest of it expired.\n# TYPE nixnode_expiry_backlog_seconds gauge\nnixnode_expiry_backlog_seconds " + age + "\n"
		if err := testutil.CollectAndCompare(metrics, strings.NewReader(want), "nixnode_expiry_backlog", "nixnode_expiry_backlog_seconds"); err != nil {
			t.Errorf("at %d: %v", at, err)
		}
	}
	shows(999, "0", "0")
	shows(1000, "2", "0")
	shows(1090, "2", "90")
	applyAll(t, m, []Entry{entry(t, 2, &command.Expire{UpTo: 1090, Limit: 1})})
	shows(1090, "1", "90")
	applyAll(t, m, []Entry{entry(t, 3, &command.Expire{UpTo: 1090, Limit: 10})})
	shows(1090, "0", "0")
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if n := testutil.CollectAndCount(metrics); n != 0 {
		t.Errorf("a closed machine shows %d numbers", n)
	}
}
