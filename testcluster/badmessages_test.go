package testcluster_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/testcluster"
)

// messages is the place of message tokens: they name their sender and no place.
func messages(o, to *oldSDK) place {
	return place{
		name: "messages.send", route: "messages.send", method: "POST", path: "/v1/messages/send", signer: o, kid: o.local + "/" + o.thumb[:8],
		payload: map[string]any{"type": "s", "id": "1", "dst": to.local, "exp": time.Now().Add(time.Hour).Unix(), "body": map[string]any{}},
		success: api.CodeStored, notJSON: api.CodeBadToken,
		body: func(token string) map[string]any { return map[string]any{"msgs": []string{token}} },
	}
}

// letter signs a message as its header and payload say.
func (p place) letter(t *testing.T, headerChanges, payloadChanges map[string]any) string {
	t.Helper()
	h, m := map[string]any{"alg": "ES256", "kid": p.kid}, maps.Clone(p.payload.(map[string]any))
	for k, v := range headerChanges {
		h = changed(h, k, v)
	}
	for k, v := range payloadChanges {
		m = changed(m, k, v)
	}
	return p.sign(t, h, m)
}

// wantRefused sends one token and wants its fault both in its result and, as
// nothing was accepted, in the envelope (section 6).
func (d *door) wantRefused(t *testing.T, m *testcluster.Node, auth, what, token string, code api.Code) {
	t.Helper()
	d.keepToken(token)
	got := d.json(t, m, "POST", "/v1/messages/send", auth, map[string]any{"msgs": []string{token}})
	got.want(t, what, code)
	results, _ := got.env["body"].([]any)
	if len(results) != 1 {
		t.Errorf("%s: results %v", what, got.env["body"])
		return
	}
	r := results[0].(map[string]any)
	if r["code"] != float64(code) || r["status"] != float64(code.Status()) || r["ts"] != nil || r["err"] == "" {
		t.Errorf("%s: result %v, want %d", what, r, code)
	}
}

func TestEveryFaultOfAMessageIsItsResult(t *testing.T) {
	d := openDoor(t, 1)
	m, auth := d.c.Node(0), basic(d.c.Tenant().Key)
	me, to, stranger, gone := newOldSDK(t), newOldSDK(t), newOldSDK(t), newOldSDK(t)
	for _, o := range []*oldSDK{me, to, stranger, gone} {
		o.register(t, m, d.c.Tenant().Key, "user")
	}
	retired := places(t, gone)
	d.json(t, m, "POST", "/v1/identity/me/retire", auth, retired[len(retired)-1].body(retired[len(retired)-1].good(t))).want(t, "retire", api.CodeRetired)
	p := messages(me, to)
	refused := func(what string, token string, code api.Code) {
		t.Helper()
		d.wantRefused(t, m, auth, what, token, code)
	}
	header := func(name string, v any, code api.Code) {
		t.Helper()
		refused(fmt.Sprintf("%s %v", name, v), p.letter(t, map[string]any{name: v}, nil), code)
	}
	for _, alg := range []any{"none", "HS256", "ES384"} {
		header("alg", alg, api.CodeBadAlgorithm)
	}
	header("alg", nil, api.CodeBadToken)
	for _, extra := range []string{"crit", "jwk", "jku", "x5c", "b64", "zip"} {
		header(extra, []string{"exp"}, api.CodeBadToken)
	}
	header("tgt", "/v1/messages/send#msgs", api.CodeBadTarget)
	header("iat", 1.5, api.CodeBadToken)
	header("kid", nil, api.CodeBadToken)
	header("kid", me.local, api.CodeBadToken)
	header("kid", "/"+me.thumb, api.CodeBadToken)
	header("kid", me.local+"/"+me.thumb[:7], api.CodeBadToken)
	header("kid", me.local+"/"+stranger.thumb, api.CodeKeyNotCurrent)
	header("kid", me.local+"@elsewhere.org/"+me.thumb, api.CodeOtherDomain)
	header("kid", "iAAAAAAAAAAAAAAAAAAAA/"+me.thumb, api.CodeNoIdentity)
	header("kid", stranger.local+"/"+me.thumb, api.CodeKeyNotCurrent)
	header("kid", stranger.local+"/"+stranger.thumb, api.CodeBadSignature)

	good := p.letter(t, nil, nil)
	parts := strings.Split(good, ".")
	for what, token := range map[string]string{
		"empty": "", "garbage": "x", "two parts": parts[0] + "." + parts[1], "four parts": good + "." + parts[2], "padded": good + "=",
		"line break": good[:30] + "\n" + good[30:], "truncated": good[:len(good)-3],
	} {
		refused(what, token, api.CodeBadToken)
	}
	refused("another's signature", parts[0]+"."+parts[1]+"."+strings.Split(messages(stranger, to).letter(t, nil, nil), ".")[2], api.CodeBadSignature)
	refused("a huge one", p.letter(t, nil, map[string]any{"body": map[string]any{"x": strings.Repeat("x", 256<<10)}}), api.CodeMessageTooLarge)

	payload := func(code api.Code, name string, values ...any) {
		t.Helper()
		for _, v := range values {
			refused(fmt.Sprintf("%s %.40v", name, v), p.letter(t, nil, map[string]any{name: v}), code)
		}
	}
	payload(api.CodeBadToken, "type", nil, "", "x", "S", "ss", 7)
	payload(api.CodeBadToken, "id", nil, "", 7, strings.Repeat("x", 129))
	payload(api.CodeBadToken, "dst", nil, 7)
	payload(api.CodeBadAddress, "dst", "", "bob", d.c.Tenant().Customer, to.local+"x")
	payload(api.CodeOtherDomain, "dst", to.local+"@elsewhere.org")
	payload(api.CodeNoIdentity, "dst", "iAAAAAAAAAAAAAAAAAAAA")
	payload(api.CodeRetiredIdentity, "dst", gone.local)
	payload(api.CodeBadToken, "exp", nil, "tomorrow", -1, 1.5, json.RawMessage("99999999999999999999"))
	payload(api.CodeMessageExpired, "exp", 0, 1569116334, time.Now().Unix()-1)
	payload(api.CodeBadToken, "body", "x", 7, []string{}, map[string]any{"kid": 7}, map[string]any{"kid": ""},
		map[string]any{"kid": strings.Repeat("x", 257)}, map[string]any{"respTo": strings.Repeat("x", 129)}, map[string]any{"noCache": "yes"}, map[string]any{"jwe": 7})
	raw := func(what, text string) {
		t.Helper()
		refused(what, compact(toJSON(t, map[string]any{"alg": "ES256", "kid": p.kid}), []byte(text), me.es256), api.CodeBadToken)
	}
	raw("not JSON", "x")
	raw("empty", "")
	raw("null", "null")
	raw("an array", "[]")
	raw("trailing garbage", string(toJSON(t, p.payload))+"{}")
	raw("a name twice", `{"id":"2",`+string(toJSON(t, p.payload))[1:])
	raw("bad UTF-8", strings.Replace(string(toJSON(t, p.payload)), `"id":"1"`, "\"id\":\"\xff\"", 1))
	raw("too deep", strings.Replace(string(toJSON(t, p.payload)), `"body":{}`, `"body":{"x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`}`, 1))

	by := messages(gone, to)
	refused("a retired sender", by.letter(t, nil, nil), api.CodeRetiredIdentity)
	other := d.c.NewTenant("other")
	d.keep(other.Key.Secret)
	d.wantRefused(t, m, basic(other.Key), "another application's sender", good, api.CodeOtherApp)

	d.wantOneOfMany(t, m, auth, p, to)
	d.wantNothingPrivateInTheLog(t)
}

// wantOneOfMany shows that bad messages do not spoil a good one among them, and
// that of all that was refused nothing came to be.
func (d *door) wantOneOfMany(t *testing.T, m *testcluster.Node, auth string, p place, to *oldSDK) {
	t.Helper()
	good := p.letter(t, nil, map[string]any{"id": "the good one"})
	batch := []string{"x", p.letter(t, nil, map[string]any{"type": "x"}), good, "", p.letter(t, map[string]any{"tgt": "x"}, nil), good}
	got := d.json(t, m, "POST", "/v1/messages/send", auth, map[string]any{"msgs": batch})
	got.want(t, "a mixed batch", api.CodeSent)
	var codes []api.Code
	for _, r := range got.env["body"].([]any) {
		codes = append(codes, api.Code(r.(map[string]any)["code"].(float64)))
	}
	if fmt.Sprint(codes) != fmt.Sprint([]api.Code{40010, 40010, 20022, 40010, 40014, 20023}) {
		t.Errorf("a mixed batch: %v", codes)
	}
	fetched := d.json(t, m, "POST", "/v1/messages/fetch", auth, map[string]any{"jwt": to.place(t, "/v1/messages/fetch#jwt", to.claims(nil))})
	page, _ := fetched.env["body"].([]any)
	if len(page) != 1 || page[0].(map[string]any)["msg"] != good {
		t.Errorf("of all this came to be: %v", page)
	}
}
