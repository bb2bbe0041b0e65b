package conformance_test

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/conformance"
	"github.com/nixnode/nixnode/testcluster"
)

// hides gives a mutant that says code instead of another one.
func hides(run string, from, status, code int) mutant {
	return mutant{run: run, answer: func(r *reply) {
		if r.code() == from {
			r.becomes(status, code)
		}
	}}
}

// result gives a mutant that changes the results of a send that have a code.
func result(run string, code float64, change func(o obj)) mutant {
	return mutant{run: run, answer: func(r *reply) {
		if !r.is("/v1/messages/send") {
			return
		}
		for _, o := range r.results() {
			if o["code"] == code {
				change(o)
			}
		}
	}}
}

// on gives a mutant that changes the answers with a code.
func on(run string, code int, change func(r *reply)) mutant {
	return mutant{run: run, answer: func(r *reply) {
		if r.code() == code {
			change(r)
		}
	}}
}

func twice(_ int, line []byte) [][]byte { return [][]byte{line, line} }

func dropSecond(n int, line []byte) [][]byte {
	if n == 1 {
		return nil
	}
	return [][]byte{line}
}

// swapped holds every first line back until the next has come.
func swapped() func(n int, line []byte) [][]byte {
	var held []byte
	return func(n int, line []byte) [][]byte {
		if n%2 == 0 {
			held = bytes.Clone(line)
			return nil
		}
		return [][]byte{line, held}
	}
}

func setBody(r *reply, name string, v any) { r.body()[name] = v }

func mutants() map[string]mutant {
	return map[string]mutant{
		"no txnID":           {run: `^2\.envelope\.txnid-form$`, answer: func(r *reply) { delete(r.json, "txnID") }},
		"one txnID":          {run: `^2\.envelope\.txnid-unique$`, answer: func(r *reply) { r.json["txnID"] = "1795447822497229785-1229713378" }},
		"txnID in ms":        {run: `^2\.envelope\.txnid-time$`, answer: func(r *reply) { r.json["txnID"] = "1795447822497-1229713378" }},
		"always 200":         {run: `^2\.envelope\.status$`, answer: func(r *reply) { r.status = 200 }},
		"status elsewhere":   {run: `^2\.envelope\.status$`, answer: func(r *reply) { r.json["status"] = 200 }},
		"no CORS":            {run: `^2\.cors\.origin$`, answer: func(r *reply) { r.header.Del("Access-Control-Allow-Origin") }},
		"CORS without auth":  {run: `^2\.cors\.headers$`, answer: func(r *reply) { r.header.Set("Access-Control-Allow-Headers", "Content-Type") }},
		"no CORS on errors":  {run: `^2\.cors\.on-errors$`, answer: func(r *reply) { r.onErrors(func() { r.header.Del("Access-Control-Allow-Origin") }) }},
		"no CORS on streams": {run: `^2\.cors\.on-streams$`, stream: func(h http.Header) { h.Del("Access-Control-Allow-Origin") }},
		"null for absent":    {run: `^2\.envelope\.absent-not-null$`, answer: func(r *reply) { r.json["first"] = nil }},
		"errors without err": {run: `^2\.envelope\.err-of`, answer: func(r *reply) { delete(r.json, "err") }},
		"errors with msg":    {run: `^2\.envelope\.msg-of`, answer: func(r *reply) { r.json["msg"] = "hello" }},
		"plain text 404":     on(`^2\.envelope\.every-answer$`, 40400, func(r *reply) { r.raw = []byte("404 page not found\n") }),
		"text/plain":         {run: `^2\.envelope\.json-type$`, answer: func(r *reply) { r.header.Set("Content-Type", "text/plain") }},
		"redirects":          on(`^2\.(path|transport)`, 40400, func(r *reply) { r.status = 301; r.header.Set("Location", "/") }),
		"text continue":      {run: `^2\.envelope\.paging-types$`, answer: func(r *reply) { r.json["continue"] = "false" }},
		"unknown code":       {run: `^12\.codes`, answer: func(r *reply) { r.json["code"] = 99999 }},
		"OPTIONS guarded": {run: `^2\.options`, answer: func(r *reply) {
			if r.request.Method == http.MethodOptions {
				r.becomes(401, 40100)
			}
		}},
		"lenient JSON":      hides(`^2\.json`, 40000, 200, 20020),
		"no body limit":     hides(`^2\.limit\.body$`, 41300, 200, 20020),
		"405 as 404":        hides(`^2\.method`, 40500, 404, 40400),
		"foreign is absent": hides(`^1\.foreign`, 40403, 404, 40401),
		"malformed value":   hides(`^1\.malformed`, 40003, 400, 40004),
		"local addresses": {run: `^1\.`, answer: func(r *reply) {
			if b := r.body(); b != nil && b["address"] != nil {
				b["address"], _, _ = strings.Cut(b["address"].(string), "@")
			}
		}},
		"tells unknown keys apart": on(`^3\.refused\.same-text$`, 40101, func(r *reply) { r.json["err"] = "There is no such key." }),
		"wrong secret let in":      hides(`^3\.basic`, 40105, 404, 40401),
		"disabled key let in":      hides(`^3\.disabled\.key$`, 40102, 404, 40401),
		"no scopes":                hides(`^3\.scope\.(send|customer)$`, 40300, 200, 20020),
		"tgt ignored":              hides(`^4\.me\.tgt`, 40014, 200, 20012),
		"iat ignored":              hides(`^4\.me\.iat`, 40015, 200, 20012),
		"alg as form":              hides(`^4\.me\.alg`, 40011, 400, 40010),
		"old key accepted":         hides(`^(4\.me|5\.sigPubKey\.old)`, 40013, 200, 20012),
		"hidden 40900":             hides(`^4\.replay\.older`, 40900, 200, 20015),
		"hidden 40902":             hides(`^5\.register\.other-tokens$`, 40902, 200, 20011),
		"chain cut":                on(`^5\.sigPubKey\.chain$`, 20012, func(r *reply) { setBody(r, "sigChain", []any{}) }),
		"private part shown": on(`^5\.public\.answer$`, 20012, func(r *reply) {
			if r.request.Method == http.MethodGet {
				setBody(r, "metaPrivate", obj{})
			}
		}),
		"private part hidden":   on(`^5\.me\.answer$`, 20012, func(r *reply) { delete(r.body(), "metaPrivate") }),
		"retired is absent":     hides(`^5\.retire\.gone-public$`, 41000, 404, 40401),
		"numbers for times":     on(`^5\.register\.decimal-times$`, 20012, func(r *reply) { setBody(r, "metaPrivate", obj{"created": 1, "lastHeardDay": 2}) }),
		"old data":              on(`^5\.data\.replaced$`, 20018, func(r *reply) { setBody(r, "jws", "a.b.c") }),
		"duplicates as new":     result(`^6\.send\.duplicate`, 20023, func(o obj) { o["code"] = 20022 }),
		"duplicate with new ts": result(`^6\.send\.duplicate-same-ts$`, 20023, func(o obj) { o["ts"] = "1795447822497229785" }),
		"one ts for all":        result(`^6\.ts`, 20022, func(o obj) { o["ts"] = "1795447822497229785" }),
		"ts as a number":        result(`^6\.(ts|send\.stored)`, 20022, func(o obj) { o["ts"] = 1795447822497229 }),
		"never listening":       result(`^6\.send\.stored-listening$`, 20021, func(o obj) { o["code"] = 20022 }),
		"answers not waited":    result(`^6\.wait\.package$`, 10016, func(o obj) { o["code"] = 20022; delete(o, "body") }),
		"denied as answered":    result(`^6\.wait\.denied$`, 10403, func(o obj) { o["code"] = 10001 }),
		"result order": {run: `^6\.send\.(256|independent)$`, answer: func(r *reply) {
			if list, ok := r.json["body"].([]any); ok && r.is("/v1/messages/send") {
				slices.Reverse(list)
			}
		}},
		"refusal in a success": hides(`^6\.send\.first-refusal$`, 40401, 200, 20020),
		"fetch reversed":       on(`^6\.fetch\.(asc|default-order)$`, 20025, func(r *reply) { slices.Reverse(r.json["body"].([]any)) }),
		"fetch loses one": on(`^6\.(fetch|order)`, 20025, func(r *reply) {
			if list := r.json["body"].([]any); len(list) > 1 {
				r.json["body"] = list[1:]
			}
		}),
		"fetch repeats one": on(`^6\.(fetch\.pages|order)`, 20025, func(r *reply) {
			if list := r.json["body"].([]any); len(list) > 1 {
				r.json["body"] = append(list, list[0])
			}
		}),
		"never continues":       on(`^6\.fetch\.(limit|pages)`, 20025, func(r *reply) { r.json["continue"] = false }),
		"always continues":      on(`^6\.fetch\.(empty|limit)$`, 20025, func(r *reply) { r.json["continue"] = true }),
		"no cursors":            on(`^6\.fetch\.(limit|goes-on)$`, 20025, func(r *reply) { delete(r.json, "last") }),
		"cursors not checked":   hides(`^6\.cursor`, 40005, 200, 20025),
		"ack that does nothing": on(`^6\.ack\.list$`, 20025, func(r *reply) { r.json["body"] = append(r.json["body"].([]any), obj{"ts": "1", "msg": "a.b.c"}) }),
		"stream ends cleanly":   {run: `^3\.disabled\.streams$|^6\.listen\.retired`, cleanEnd: true},
		"stream ends silently": {run: `^6\.listen\.retired`, line: func(_ int, line []byte) [][]byte {
			if bytes.Contains(line, []byte(`"code"`)) {
				return nil
			}
			return [][]byte{line}
		}},
		"stream repeats":        {run: `^6\.listen\.no-repeat$`, line: twice},
		"stream skips":          {run: `^6\.listen\.cached-then-live$`, line: dropSecond},
		"stream out of order":   {run: `^6\.listen\.cached-then-live$`, line: swapped()},
		"stream as JSON":        {run: `^6\.listen\.head$`, stream: func(h http.Header) { h.Set("Content-Type", "application/json") }},
		"stream without spaces": {run: `^6\.listen\.keep-alive$`, noSpaces: true},
		"cache silent":          result(`^7\.request\.cached$`, 20016, func(o obj) { o["code"] = 20022; delete(o, "body") }),
		"another package":       result(`^7\.request\.cached$`, 20016, func(o obj) { o["body"] = []any{obj{"ts": "1", "msg": "a.b.c"}} }),
		"clear miscounted":      result(`^7\.clear\.count$`, 20024, func(o obj) { o["body"] = obj{"cleared": 1} }),
		"members for all":       hides(`^8\.members\.not-of-user$`, 40023, 200, 20019),
		"secret listed":         on(`^9\.key\.secret-once$`, 20050, func(r *reply) { setBody(r, "secret", "c2VjcmV0") }),
		"others' things":        hides(`^9\.admin\.not-others`, 40404, 200, 20042),
		"events lost":           on(`^10\.type\.message\.accepted$`, 20028, func(r *reply) { r.json["body"] = []any{} }),
		"event ids lost":        on(`^10\.event\.fields$`, 20028, func(r *reply) { delete(r.results()[0], "txnID") }),
		"never ready": {run: `^11\.ready$`, answer: func(r *reply) {
			if r.is("/ops/ready") {
				r.becomes(500, 50000)
			}
		}},
	}
}

// onErrors does something to answers that are errors.
func (r *reply) onErrors(change func()) {
	if r.status >= 400 {
		change()
	}
}

// Every way to be wrong is noticed by a case that is about it; and none of those
// cases complains of the server as it is.
func TestEveryMutantIsNoticed(t *testing.T) {
	t.Parallel() // it waits for a keep-alive that does not come
	c := testcluster.New(t, 1)
	all := mutants()
	if len(all) < 30 {
		t.Fatalf("%d mutants", len(all))
	}
	for name, m := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := against(t, c, m)
			o.Run = regexp.MustCompile(m.run)
			report, err := conformance.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if report.Count(conformance.Failed) == 0 {
				t.Errorf("no case of %s noticed", m.run)
			}
			for _, outcome := range report.Outcomes {
				if strings.Contains(outcome.Reason, "the case itself broke") {
					t.Errorf("%s: %s", outcome.Case.ID, outcome.Reason)
				}
			}
		})
	}
}
