package conformance

import (
	"fmt"
	"mime"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/nixnode/nixnode/api"
)

// witness sees every answer of a run, and keeps what was wrong with the first
// ones. What section 2 says of every response is judged by it in the end.
type witness struct {
	mu     sync.Mutex
	seen   int
	txnIDs map[string]bool
	first  map[string]string // the first offence against each rule
}

func newWitness() *witness {
	return &witness{txnIDs: map[string]bool{}, first: map[string]string{}}
}

// The rules, each with its case.
const (
	ruleEnvelope = "2.envelope.every-answer"
	ruleType     = "2.envelope.json-type"
	ruleStatus   = "2.envelope.status"
	ruleErr      = "2.envelope.err-of-errors-only"
	ruleMsg      = "2.envelope.msg-of-successes-only"
	ruleNull     = "2.envelope.absent-not-null"
	ruleTxnID    = "2.envelope.txnid-form"
	ruleUnique   = "2.envelope.txnid-unique"
	ruleContinue = "2.envelope.paging-types"
	ruleOrigin   = "2.cors.origin"
	ruleMethods  = "2.cors.methods"
	ruleHeaders  = "2.cors.headers"
	ruleRedirect = "2.transport.no-redirects"
	ruleRetry    = "2.envelope.retry-after"
	ruleCode     = "12.codes.status-of-code"
)

var txnIDForm = regexp.MustCompile(`^[0-9]{19}-[0-9]{1,10}$`)

// ownForm are the paths whose answers are in a form of their own.
var ownForm = []string{"/ops/metrics", "/ops/openapi.json"}

// saw judges one complete answer.
func (w *witness) saw(a *answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen++
	w.header(a.String(), a.status, a.header.Get, a.header.Values("Access-Control-Allow-Headers"))
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	if slices.Contains(ownForm, a.call.path) && a.status == 200 {
		return
	}
	w.rule(ruleType, kind == "application/json", "%v: Content-Type %q", a, a.header.Get("Content-Type"))
	e := a.envelope
	w.rule(ruleEnvelope, e != nil && number(e["status"]) >= 0 && a.code() >= 0, "%v", a)
	if e == nil {
		return
	}
	success := a.status < 400
	w.rule(ruleStatus, number(e["status"]) == a.status, "%v: status %v", a, e["status"])
	w.rule(ruleErr, (text(e["err"]) != "") == !success, "%v: err %v", a, e["err"])
	w.rule(ruleMsg, (text(e["msg"]) != "") == success, "%v: msg %v", a, e["msg"])
	for name, v := range e {
		w.rule(ruleNull, v != nil, "%v: %s is null", a, name)
	}
	w.paging(a)
	w.txnID(a)
	info := api.Code(a.code()).Info()
	w.rule(ruleCode, info.Name != "Unknown" && info.Status == a.status, "%v", a)
}

// stream judges the head of a stream.
func (w *witness) stream(what string, status int, header func(string) string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen++
	w.header(what, status, header, []string{header("Access-Control-Allow-Headers")})
}

func (w *witness) header(what string, status int, header func(string) string, allowed []string) {
	w.rule(ruleOrigin, header("Access-Control-Allow-Origin") != "", "%s: no Access-Control-Allow-Origin", what)
	w.rule(ruleMethods, header("Access-Control-Allow-Methods") == "*", "%s: Access-Control-Allow-Methods %q", what, header("Access-Control-Allow-Methods"))
	all := strings.ToLower(strings.Join(allowed, ","))
	w.rule(ruleHeaders, strings.Contains(all, "authorization") && strings.Contains(all, "content-type"), "%s: Access-Control-Allow-Headers %q", what, all)
	w.rule(ruleRedirect, status < 300 || status >= 400, "%s: a redirect", what)
	if status == 429 || status == 503 {
		w.rule(ruleRetry, header("Retry-After") != "", "%s: no Retry-After", what)
	}
}

func (w *witness) paging(a *answer) {
	for _, name := range []string{"first", "last", "msg", "err"} {
		v, there := a.envelope[name]
		_, ok := v.(string)
		w.rule(ruleContinue, !there || ok, "%v: %s is no string", a, name)
	}
	v, there := a.envelope["continue"]
	_, ok := v.(bool)
	w.rule(ruleContinue, !there || ok, "%v: continue is no boolean", a)
}

func (w *witness) txnID(a *answer) {
	id := text(a.envelope["txnID"])
	w.rule(ruleTxnID, txnIDForm.MatchString(id), "%v: txnID %q", a, id)
	w.rule(ruleUnique, !w.txnIDs[id], "%v: the txnID of another answer", a)
	w.txnIDs[id] = true
}

func (w *witness) rule(name string, ok bool, format string, args ...any) {
	if _, already := w.first[name]; !ok && !already {
		w.first[name] = fmt.Sprintf(format, args...)
	}
}

// observed makes the case of a rule. It asks for a few answers of different kinds
// itself, so that it judges something even when it runs alone.
func observed(rule, says string) Case {
	return Case{ID: rule, Says: says, last: true, run: func(t *T) {
		t.get("/v1/identity/" + t.nobody())
		t.get("/v1/no/such/endpoint")
		t.do(call{path: "/v1/identity/me", body: "{", auth: none})
		p := t.standingParty()
		t.get("/v1/identity/" + p.addr).want(api.CodeIdentity)
		p.fetch(nil).want(api.CodeMessages)
		t.do(call{path: "/ops/health", auth: none})
		w := t.s.witness
		w.mu.Lock()
		offence, seen := w.first[rule], w.seen
		w.mu.Unlock()
		t.check(offence == "", "of %d answers, the first that offends: %s", seen, offence)
	}}
}
