package conformance_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/conformance"
	"github.com/nixnode/nixnode/httpapi"
	"github.com/nixnode/nixnode/testcluster"
)

var update = flag.Bool("update", false, "write the table of what is tested where into docs/api.md")

// elsewhere names the Go tests of codes that no black box can make a healthy
// node say, or not in a bounded time.
var elsewhere = map[api.Code]string{
	api.CodeSlowRequest:    "TestABodyThatTricklesIsCutOffAfter30Seconds",
	api.CodeInternal:       "TestEveryRouteSurvivesPanicsAndHidesInternalErrors",
	api.CodeNoLeader:       "TestACutOffLeaderNeitherAcknowledgesNorServes",
	api.CodeOverloaded:     "TestAGroupThatNoEntryHasRoomForIsOverload",
	api.CodeNotReady:       "TestReadyAndHealthAreTruthful",
	api.CodeUnknownOutcome: "TestAnUnknownOutcomeReachesTheServiceAsSuch",
	api.CodeGoingDown:      "TestAStreamEndsWhenItsReasonIsGone",
	api.CodeTLSRequired:    "TestPlainRequestsAreServedOnlyWhereTheyMayBe",
	api.CodeMailboxFull:    "TestTranscripts", // and the suite's slow cases
	api.CodeTooManyStreams: "TestBeyondAHundredStreamsTheOldestEnds",
	api.CodeReaderTooSlow:  "TestASlowReaderIsToldSoAndLosesTheStream",
}

// elsewhereRoutes does so for endpoints that the protocol page does not have.
var elsewhereRoutes = map[string]string{
	"GET /ops/docs": "TestTheDocumentationShowsEveryRouteTypeAndCode",
}

// witness stands before a node and notes which case met which endpoint and code.
type witness struct {
	mu     sync.Mutex
	routes map[string]map[string]bool // "POST /v1/identity" → case ids
	codes  map[api.Code]map[string]bool
}

func note[K comparable](m map[K]map[string]bool, k K, id string) {
	if m[k] == nil {
		m[k] = map[string]bool{}
	}
	m[k][id] = true
}

// look notes an answer, and every code in its body.
func (w *witness) look(resp *http.Response) error {
	_, id, ok := strings.Cut(resp.Request.UserAgent(), " ")
	if !ok {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := routeOf(resp.Request); r != "" {
		note(w.routes, r, id)
	}
	if resp.Header.Get("Content-Type") != "application/json" { // streams must not be held up
		if resp.StatusCode == http.StatusOK {
			resp.Body = &lines{ReadCloser: resp.Body, w: w, id: id}
		}
		return nil
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(raw))
	w.find(raw, id)
	return nil
}

// find notes the codes of an envelope and of the results in it; the mutex is held.
func (w *witness) find(raw []byte, id string) {
	var answer struct {
		Code api.Code
		Body json.RawMessage
	}
	if json.Unmarshal(raw, &answer) != nil {
		return
	}
	note(w.codes, answer.Code, id)
	var results []struct{ Code api.Code }
	if json.Unmarshal(answer.Body, &results) == nil {
		for _, r := range results {
			note(w.codes, r.Code, id)
		}
	}
}

// lines looks at a stream as it passes.
type lines struct {
	io.ReadCloser
	w    *witness
	id   string
	rest []byte
}

func (l *lines) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	l.rest = append(l.rest, p[:n]...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			return n, err
		}
		l.rest = rest
		l.w.mu.Lock()
		l.w.find(line, l.id)
		l.w.mu.Unlock()
	}
}

// routeOf gives the row of the route table that a request meets.
func routeOf(r *http.Request) string {
	parts := strings.Split(r.URL.Path, "/")
	for _, row := range httpapi.Routes() {
		pattern := strings.Split(row.Path, "/")
		if row.Method != r.Method || len(pattern) != len(parts) {
			continue
		}
		fits := true
		for i := range parts {
			fits = fits && (pattern[i] == parts[i] || strings.HasPrefix(pattern[i], ":") && parts[i] != "" && !exact(row.Method, parts, i))
		}
		if fits {
			return row.Method + " " + row.Path
		}
	}
	return ""
}

// exact reports whether another row has this very segment, which then goes first
// ("me" is no identity).
func exact(method string, parts []string, i int) bool {
	for _, row := range httpapi.Routes() {
		pattern := strings.Split(row.Path, "/")
		if row.Method == method && len(pattern) == len(parts) && pattern[i] == parts[i] && slices.Equal(pattern[:i], parts[:i]) {
			return true
		}
	}
	return false
}

// The table in docs/api.md says where each endpoint and each code is tested. It
// has every row of the route table and of the code table, and what it names
// does meet them.
func TestEveryEndpointAndCodeIsMetByATestThatTheDocumentationNames(t *testing.T) {
	c := testcluster.New(t, 1)
	w := &witness{routes: map[string]map[string]bool{}, codes: map[api.Code]map[string]bool{}}
	target, err := url.Parse(c.Node(0).URL())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	defer transport.CloseIdleConnections()
	front := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: w.look, FlushInterval: -1, Transport: transport,
		ErrorLog:     log.New(io.Discard, "", 0), // streams are broken on purpose
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	})
	defer front.Close()
	o := options(c, front.URL)
	o.Run = quickOnes()
	if _, err := conformance.Run(t.Context(), o); err != nil { // whether they pass is for other tests
		t.Fatal(err)
	}
	goTests := testNames(t)
	rows := documented(t, w)
	for _, r := range httpapi.Routes() {
		key := r.Method + " " + r.Path
		check(t, key, rows[key], w.routes[key], goTests)
		delete(rows, key)
	}
	for _, info := range api.Codes() {
		key := fmt.Sprint(int(info.Code))
		check(t, key, rows[key], w.codes[info.Code], goTests)
		delete(rows, key)
	}
	for key := range rows {
		t.Errorf("docs/api.md says where %q is tested, which is no endpoint and no code", key)
	}
}

func check(t *testing.T, what, named string, seen map[string]bool, goTests map[string]bool) {
	t.Helper()
	switch {
	case named == "":
		t.Errorf("docs/api.md does not say where %s is tested", what)
	case strings.HasPrefix(named, "Test"):
		if !goTests[named] {
			t.Errorf("%s: there is no test %s", what, named)
		}
	case !seen[named]:
		t.Errorf("%s: the case %s did not meet it", what, named)
	}
}

const (
	tableBegin = "<!-- tested: begin -->\n"
	tableEnd   = "<!-- tested: end -->"
)

// documented reads the table, and writes it first with -update.
func documented(t *testing.T, w *witness) map[string]string {
	t.Helper()
	path := filepath.Join("..", "docs", "api.md")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), tableBegin)
	table, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatal("docs/api.md has no table of what is tested where")
	}
	if *update {
		table = newTable(w)
		if err := os.WriteFile(path, []byte(before+tableBegin+table+tableEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rows := map[string]string{}
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, "|"); len(cells) == 4 && strings.Contains(line, "`") {
			rows[strings.Trim(cells[1], " `")] = strings.Trim(cells[2], " `")
		}
	}
	return rows
}

func newTable(w *witness) string {
	var b strings.Builder
	b.WriteString("| endpoint or code | conformance case, or Go test |\n| --- | --- |\n")
	row := func(key string, seen map[string]bool, otherwise string) {
		named := otherwise
		if ids := slices.Sorted(maps.Keys(seen)); len(ids) > 0 {
			named = best(ids, key)
		}
		fmt.Fprintf(&b, "| `%s` | `%s` |\n", key, named)
	}
	for _, r := range httpapi.Routes() {
		row(r.Method+" "+r.Path, w.routes[r.Method+" "+r.Path], elsewhereRoutes[r.Method+" "+r.Path])
	}
	for _, info := range api.Codes() {
		seen := w.codes[info.Code]
		if elsewhere[info.Code] != "" {
			seen = nil // a case may meet it by chance
		}
		row(fmt.Sprint(int(info.Code)), seen, elsewhere[info.Code])
	}
	return b.String()
}

// best prefers a case of section 5 on, where endpoints and codes are stated, to
// one of the general sections.
func best(ids []string, key string) string {
	for _, id := range ids {
		section, _, _ := strings.Cut(id, ".")
		if !slices.Contains([]string{"1", "2", "3", "4", "12"}, section) {
			return id
		}
	}
	return ids[0]
}

// testNames lists the Go tests of the module.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, pattern := range []string{"../*/*_test.go", "../*/*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(b)) {
				if rest, ok := strings.CutPrefix(line, "func "); ok && strings.HasPrefix(rest, "Test") {
					name, _, _ := strings.Cut(rest, "(")
					names[name] = true
				}
			}
		}
	}
	return names
}
