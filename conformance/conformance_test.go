package conformance_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/nixnode/nixnode/conformance"
	"github.com/nixnode/nixnode/testcluster"
)

// slow are the cases that wait for half a minute, or send as much as a mailbox holds.
var slow = regexp.MustCompile(`^2\.limit\.(slow-body|header-time)$|^6\.limit\.|keep-alive$`)

// without gives a selection of all cases but those.
func quickOnes() *regexp.Regexp {
	var ids []string
	for _, c := range conformance.Cases() {
		if !slow.MatchString(c.ID) {
			ids = append(ids, regexp.QuoteMeta(c.ID))
		}
	}
	return regexp.MustCompile("^(" + strings.Join(ids, "|") + ")$")
}

func allPass(t *testing.T, o conformance.Options) {
	t.Helper()
	report, err := conformance.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, outcome := range report.Outcomes {
		if outcome.Result == conformance.Failed {
			t.Errorf("%s (%s): %s", outcome.Case.ID, outcome.Case.Says, outcome.Reason)
		}
	}
	if n := report.Count(conformance.Passed); n < len(report.Outcomes)*9/10 {
		t.Errorf("only %d of %d cases passed", n, len(report.Outcomes))
	}
}

func TestOneNodeConforms(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, 1)
	o := options(c, c.Node(0).URL())
	o.Run = quickOnes()
	allPass(t, o)
}

func TestThreeNodesConformAsOne(t *testing.T) {
	c := testcluster.New(t, 3)
	o := options(c, c.Node(0).URL(), c.Node(1).URL(), c.Node(2).URL())
	o.Run = quickOnes()
	allPass(t, o)
}

// A node that goes away half-way, the leader at that, fails no case.
func TestThreeNodesConformWhileTheLeaderIsKilled(t *testing.T) {
	c := testcluster.New(t, 3)
	o := options(c, c.Node(0).URL(), c.Node(1).URL(), c.Node(2).URL())
	o.Run = quickOnes()
	done, leader := 0, c.Leader()
	o.Progress = func(conformance.Outcome) {
		if done++; done == len(conformance.Cases())/3 {
			leader.Crash()
		}
	}
	allPass(t, o)
}

// What the page calls temporary fails no case: each request is refused once.
func TestTemporaryFailuresAreTriedAgain(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, 1)
	behind := &proxy{target: c.Node(0).URL()}
	var mu sync.Mutex
	refused := map[string]bool{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		first := !refused[r.Method+r.URL.Path]
		refused[r.Method+r.URL.Path] = true
		mu.Unlock()
		if !first {
			behind.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Retry-After", "1")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = json.NewEncoder(w).Encode(obj{"status": 503, "code": 50300, "err": "no leader"})
	}))
	t.Cleanup(s.Close)
	o := options(c, s.URL)
	o.Run = regexp.MustCompile(`^6\.(send\.(stored|duplicate)|listen\.cached|fetch\.pages)|^7\.request`)
	allPass(t, o)
}

func TestCasesAreNamedBySection(t *testing.T) {
	cases := conformance.Cases()
	if len(cases) < 300 {
		t.Errorf("%d cases", len(cases))
	}
	seen, sections := map[string]bool{}, map[string]bool{}
	for _, c := range cases {
		if seen[c.ID] || c.Says == "" || !regexp.MustCompile(`^(1[0-2]|[1-9])(\.[a-zA-Z0-9-]+)+$`).MatchString(c.ID) {
			t.Errorf("case %q says %q", c.ID, c.Says)
		}
		seen[c.ID] = true
		sections[c.Section()] = true
	}
	if len(sections) != 12 {
		t.Errorf("cases of %d sections", len(sections))
	}
}

func TestBadOptionsAreRefusedAtOnce(t *testing.T) {
	key := conformance.Credentials{ID: "a", Secret: "b"}
	for name, o := range map[string]conformance.Options{
		"no URL":   {Key: key},
		"no key":   {URLs: []string{"http://127.0.0.1:1"}},
		"a path":   {URLs: []string{"http://127.0.0.1:1/v1"}, Key: key},
		"a scheme": {URLs: []string{"ftp://127.0.0.1"}, Key: key},
		"no case":  {URLs: []string{"http://127.0.0.1:1"}, Key: key, Run: regexp.MustCompile("^nothing$")},
	} {
		if _, err := conformance.Run(t.Context(), o); !errors.Is(err, conformance.ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A report says what differs and where to look, and what was left out and why.
func TestTheReportTellsFailuresAndSkips(t *testing.T) {
	c := testcluster.New(t, 1)
	o := against(t, c, mutant{answer: func(r *reply) {
		if r.code() == 20012 {
			r.becomes(200, 20001)
		}
	}})
	o.Operator = conformance.Credentials{}
	o.Run = regexp.MustCompile(`^5\.me\.answer$|^2\.options|^9\.customer\.create$`)
	report, err := conformance.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var text, junit bytes.Buffer
	if err := report.Write(&text, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"1 of 3 passed, 1 FAILED, 1 skipped", "failed 5.me.answer", "POST /v1/identity/me: 200/20001", "want 200/20012", "txnID 1", "skipped: 1, as no operator key was given",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, text.String())
		}
	}
	if err := report.WriteJUnit(&junit); err != nil {
		t.Fatal(err)
	}
	var read struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Skipped  int `xml:"skipped,attr"`
		Suites   []struct {
			Cases []struct {
				Name    string    `xml:"name,attr"`
				Failure *struct{} `xml:"failure"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(junit.Bytes(), &read); err != nil {
		t.Fatal(err)
	}
	if read.Tests != 3 || read.Failures != 1 || read.Skipped != 1 || len(read.Suites) != 3 || read.Suites[1].Cases[0].Failure == nil || read.Suites[2].Cases[0].Skipped == nil {
		t.Errorf("%s", junit.String())
	}
}
