package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/nixnode/nixnode/api"
)

func (t *T) ops(path string) *answer { return t.do(call{path: path, auth: none}) }

// opsCases are those of section 11.
func opsCases() []Case {
	return []Case{
		the("11.health", "GET /ops/health 200 while the process works, without credentials", func(t *T) {
			for range t.s.urls {
				t.ops(api.PathHealth).want(api.CodeOK).is([]any{}, "body", "reasons")
			}
		}),
		the("11.ready", "GET /ops/ready 200 once initialised and in touch with a leader", func(t *T) {
			for range t.s.urls {
				t.ops(api.PathReady).want(api.CodeOK).is([]any{}, "body", "reasons")
			}
		}),
		the("11.version", "GET /ops/version {version, commit, built, go, protocol}", func(t *T) {
			a := t.ops(api.PathVersion).want(api.CodeOK)
			for _, name := range []string{"version", "commit", "built", "go", "protocol"} {
				_, ok := a.at("body", name).(string)
				t.check(ok, "%v; %s is %v", a, name, a.at("body", name))
			}
		}),
		the("11.licenses", "GET /ops/licenses: every module with version, SPDX licence and text", func(t *T) {
			a := t.ops(api.PathLicenses)
			t.check(a.status == 200, "%v", a)
			list, ok := a.at("body").([]any)
			t.check(ok && len(list) > 5, "%v; %d modules", a, len(list))
			for i := range list {
				for _, name := range []string{"module", "version", "spdx", "text"} {
					t.check(a.str("body", i, name) != "", "%v; module %d lacks %s", a, i, name)
				}
			}
		}),
		the("11.metrics", "GET /ops/metrics Prometheus", func(t *T) { checkMetrics(t, t.ops("/ops/metrics")) }),
		withOperator("11.cluster", "GET /ops/cluster [operator]: members, leader, applied index", func(t *T) {
			a := t.operator("", api.PathCluster, nil).want(api.CodeClusterStatus).has("body", "node").has("body", "applied").has("body", "leader")
			t.check(len(a.list("body", "members")) >= len(t.s.urls), "%v; %d members of %d nodes", a, len(a.list("body", "members")), len(t.s.urls))
		}),
		withOperator("11.cluster.one-leader", "roles: one member leads", func(t *T) {
			t.until(soon, "exactly one leader", func() bool {
				a, leaders := t.operator("", api.PathCluster, nil).want(api.CodeClusterStatus), 0
				for i := range a.list("body", "members") {
					if a.str("body", "members", i, "role") == "leader" {
						leaders++
					}
				}
				return leaders == 1
			})
		}),
		the("11.openapi", "GET /ops/openapi.json, the OpenAPI 3.1 description of all of this", func(t *T) {
			a := t.ops("/ops/openapi.json")
			doc := object(a.text)
			t.check(a.status == 200 && strings.HasPrefix(text(doc["openapi"]), "3.1"), "%d, openapi %v", a.status, doc["openapi"])
			paths, _ := doc["paths"].(obj)
			for _, path := range []string{api.PathIdentity, api.PathMe, api.PathSend, api.PathFetch, api.PathListen, api.PathSocket, api.PathPackages, "/v1/customer/{cust}/stream/events", api.PathReady} {
				t.check(paths[path] != nil, "the description lacks %s", path)
			}
		}),
		the("11.ops.cors", "CORS there too", func(t *T) {
			t.check(t.ops(api.PathReady).header.Get("Access-Control-Allow-Origin") != "", "no Access-Control-Allow-Origin on /ops/ready")
		}),
	}
}

var sample = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? [^ ]+( [0-9]+)?$`)

// checkMetrics holds an answer to the text format of Prometheus.
func checkMetrics(t *T, a *answer) {
	t.check(a.status == 200 && strings.HasPrefix(a.header.Get("Content-Type"), "text/plain"), "%d %q", a.status, a.header.Get("Content-Type"))
	lines, samples := bufio.NewScanner(bytes.NewReader(a.text)), 0
	for lines.Scan() {
		if line := lines.Text(); line != "" && line[0] != '#' {
			t.check(sample.MatchString(line), "a line of the metrics is %q", line)
			samples++
		}
	}
	t.check(samples > 10, "%d samples", samples)
}

// codeCases are those of section 12.
func codeCases() []Case {
	return []Case{
		observed(ruleCode, "every code is one of the list, with its status"),
		the("12.codes.temporary", "60000, 503 and 504 are not answers of a server at rest", func(t *T) {
			a := t.get("/v1/identity/" + t.standingParty().addr)
			t.check(a.status < 500, "%v", a)
		}),
		the("12.codes.number", "a code is a number of five digits", func(t *T) {
			n, ok := t.get("/v1/none").at("code").(json.Number)
			t.check(ok && len(n) == 5, "code %v", n)
		}),
	}
}
