package testcluster_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/testcluster"
)

// post sends a JSON body as the SDK of 2019 does, with Basic credentials, and
// gives the answer's envelope.
func post(t *testing.T, m *testcluster.Node, key client.KeyCredentials, path string, body any) map[string]any {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, m, key, http.MethodPost, path, b)
}

func do(t *testing.T, m *testcluster.Node, key client.KeyCredentials, method, path string, body []byte) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(deadline(t), method, m.URL()+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(key.ID, key.Secret)
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var envelope map[string]any
	if err := json.Unmarshal(data, &envelope); err != nil {
		t.Fatalf("%s %s: %d %q", method, path, resp.StatusCode, data)
	}
	if envelope["status"] != float64(resp.StatusCode) {
		t.Errorf("%s: status %v in the envelope of a %d", path, envelope["status"], resp.StatusCode)
	}
	return envelope
}

func code(envelope map[string]any) int { c, _ := envelope["code"].(float64); return int(c) }

// The registration sample of the 2019 documentation passes when the clock is set
// to its time, and gives an answer of the shape shown there.
func TestTheRegistrationSampleOf2019Passes(t *testing.T) {
	data, err := os.ReadFile("../jose/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		SigPubKey      json.RawMessage
		EncPubKeyJWS   string
		MetaPublicJWS  string
		MetaPrivateJWS string
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	var clock atomic.Int64
	clock.Store(1569116334)
	c := testcluster.New(t, 1, testcluster.Clock(func() time.Time { return time.Unix(clock.Load(), 0) }))
	body := map[string]any{"sigPubKey": v.SigPubKey, "encPubKey": v.EncPubKeyJWS, "metaPublic": v.MetaPublicJWS, "metaPrivate": v.MetaPrivateJWS}

	got := post(t, c.Node(0), c.Tenant().Key, "/v1/identity", body)

	if code(got) != 20011 || got["msg"] == "" || got["err"] != nil {
		t.Fatalf("%v", got)
	}
	if !regexp.MustCompile(`^1569116334\d{9}-\d{1,10}$`).MatchString(got["txnID"].(string)) {
		t.Errorf("txnID %v", got["txnID"])
	}
	id := got["body"].(map[string]any)
	var wantKey map[string]any
	if err := json.Unmarshal(v.SigPubKey, &wantKey); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(id["sigPubKey"]) != fmt.Sprint(wantKey) || id["encPubKey"] != v.EncPubKeyJWS {
		t.Errorf("keys: %v", id)
	}
	public, private := id["metaPublic"].(map[string]any), id["metaPrivate"].(map[string]any)
	if public["identityType"] != "user" || public["appAddress"] != c.Tenant().Application {
		t.Errorf("metaPublic: %v", public)
	}
	if private["created"] != "1569116334" || private["lastHeardDay"] != "1569116334" {
		t.Errorf("metaPrivate: %v", private)
	}
	if !regexp.MustCompile(`^i[A-Za-z0-9_-]{20}@nix\.test$`).MatchString(id["address"].(string)) {
		t.Errorf("address: %v", id["address"])
	}
	if again := post(t, c.Node(0), c.Tenant().Key, "/v1/identity", body); again["body"].(map[string]any)["address"] != id["address"] {
		t.Errorf("registered again: %v", again)
	}
	clock.Add(301)
	if late := post(t, c.Node(0), c.Tenant().Key, "/v1/identity", body); code(late) != 40015 {
		t.Errorf("301 s later: %v", late)
	}
}

// oldSDK signs as a client of 2019 does, with nothing of ours.
type oldSDK struct {
	key   *ecdsa.PrivateKey
	thumb string // padded, 44 characters
	local string // address without a host
}

func newOldSDK(t *testing.T) *oldSDK {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	o := &oldSDK{key: key}
	sum := sha256.Sum256([]byte(fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, o.coordinate(key.X), o.coordinate(key.Y))))
	o.thumb = base64.URLEncoding.EncodeToString(sum[:])
	return o
}

func (o *oldSDK) coordinate(n *big.Int) string {
	return base64.RawURLEncoding.EncodeToString(n.FillBytes(make([]byte, 32)))
}

func (o *oldSDK) jwk(use string) map[string]any {
	return map[string]any{"kty": "EC", "crv": "P-256", "use": use, "kid": o.thumb, "x": o.coordinate(o.key.X), "y": o.coordinate(o.key.Y)}
}

func (o *oldSDK) sign(t *testing.T, header, payload map[string]any) string {
	t.Helper()
	header["alg"] = "ES256"
	h, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	p, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	input := base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(p)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, o.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	sig := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return input + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// place signs a token that is bound to its place, at registration without an address.
func (o *oldSDK) place(t *testing.T, tgt string, payload map[string]any) string {
	t.Helper()
	return o.sign(t, map[string]any{"kid": o.local + "/" + o.thumb, "tgt": tgt, "iat": time.Now().Unix()}, payload)
}

// proof makes a jwt whose audience is the host name of the URL it is sent to.
func (o *oldSDK) proof(t *testing.T, m *testcluster.Node, path string, more map[string]any) string {
	t.Helper()
	u, err := url.Parse(m.URL())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	claims := map[string]any{"iss": o.local, "sub": o.local, "aud": []string{u.Hostname()}, "iat": now, "nbf": now - 10, "exp": now + 300}
	for k, v := range more {
		claims[k] = v
	}
	return o.place(t, path+"#jwt", claims)
}

// message signs as the SDK's send does: an 8-character key id, no hosts.
func (o *oldSDK) message(t *testing.T, typ, id, dst string, body map[string]any) string {
	t.Helper()
	return o.sign(t, map[string]any{"kid": o.local + "/" + o.thumb[:8]},
		map[string]any{"type": typ, "id": id, "dst": dst, "exp": time.Now().Add(time.Hour).Unix(), "body": body})
}

func (o *oldSDK) register(t *testing.T, m *testcluster.Node, key client.KeyCredentials, kind string) {
	t.Helper()
	got := post(t, m, key, "/v1/identity", map[string]any{
		"sigPubKey":   o.jwk("sig"),
		"encPubKey":   o.place(t, "/v1/identity#encPubKey", o.jwk("enc")),
		"metaPublic":  o.place(t, "/v1/identity#metaPublic", map[string]any{"identityType": kind}),
		"metaPrivate": o.place(t, "/v1/identity#metaPrivate", map[string]any{}),
	})
	if code(got) != 20011 {
		t.Fatalf("register: %v", got)
	}
	o.local, _, _ = strings.Cut(got["body"].(map[string]any)["address"].(string), "@")
}

// Requests as the SDK of 2019 makes them: Basic credentials, padded thumbprints at
// registration, 8-character key ids and host-less addresses in messages, the URL's
// host name as the audience, /me/data/recovery, and packages by ECDH-ES direct,
// which pass through untouched.
func TestRequestsOfThe2019SDKWork(t *testing.T) {
	c := testcluster.New(t, 1)
	m, key := c.Node(0), c.Tenant().Key
	vault, reader := newOldSDK(t), newOldSDK(t)
	vault.register(t, m, key, "vault")
	reader.register(t, m, key, "user")

	if got := post(t, m, key, "/v1/identity/me", map[string]any{"jwt": vault.proof(t, m, "/v1/identity/me", nil)}); code(got) != 20012 {
		t.Fatalf("me: %v", got)
	}

	const recovery = "/v1/identity/me/data/recovery"
	stored := vault.place(t, recovery+"#jws", map[string]any{"name": "recovery", "jwe": "opaque"})
	if got := post(t, m, key, recovery, map[string]any{"jws": stored}); code(got) != 20017 {
		t.Fatalf("store recovery: %v", got)
	}
	got := do(t, m, key, http.MethodGet, "/v1/identity/"+vault.local+"@api.nix.software/recovery", nil)
	if data, _ := got["body"].(map[string]any); code(got) != 20018 || data["jws"] != stored || data["name"] != "recovery" {
		t.Fatalf("recovery: %v", got)
	}

	// ECDH-ES direct: no encrypted key between the dots. The server must not mind.
	jwe := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ECDH-ES","enc":"A256GCM","kid":"`+reader.local+"/"+reader.thumb+`"}`)) + "..aXY.Y2lwaGVydGV4dA.dGFn"
	publish := vault.message(t, "p", "1569116334.1", reader.local, map[string]any{"kid": "article-1", "jwe": jwe})
	results := post(t, m, key, "/v1/messages/send", map[string]any{"msgs": []string{publish}})["body"].([]any)
	if r := results[0].(map[string]any); r["code"] != float64(20022) || r["id"] != "1569116334.1" || r["dst"] != reader.local+"@nix.test" {
		t.Fatalf("publish: %v", r)
	}
	request := reader.message(t, "r", "1569116335.1", vault.local, map[string]any{"kid": "article-1"})
	results = post(t, m, key, "/v1/messages/send", map[string]any{"msgs": []string{request}})["body"].([]any)
	r := results[0].(map[string]any)
	if r["code"] != float64(20016) || r["body"].([]any)[0].(map[string]any)["msg"] != publish {
		t.Fatalf("request: %v", r)
	}
	fetched := post(t, m, key, "/v1/messages/fetch", map[string]any{"jwt": reader.proof(t, m, "/v1/messages/fetch", map[string]any{"order": "DESC", "limit": 10})})
	page, _ := fetched["body"].([]any)
	if code(fetched) != 20025 || len(page) != 1 || page[0].(map[string]any)["msg"] != publish || fetched["continue"] != false {
		t.Fatalf("fetch: %v", fetched)
	}
}
