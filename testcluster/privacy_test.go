package testcluster_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/testcluster"
)

// house is one customer with everything it has. All that is private to it
// carries its canary.
type house struct {
	canary        string
	customer, app string
	key, admin    client.KeyCredentials // of the default scopes; with admin and event
	cl            *client.Client
	vault, reader *client.Identity
	pkg           string // id of a package that vault published to reader
	cursors       []string
}

func buildHouse(t *testing.T, c *testcluster.Cluster, operator *client.Client) *house {
	t.Helper()
	h := &house{canary: "canary" + rand.Text()}
	ctx := deadline(t)
	customer, err := operator.CreateCustomer(ctx, h.canary)
	if err != nil {
		t.Fatal(err)
	}
	app, err := operator.CreateApplication(ctx, customer.Address, h.canary)
	if err != nil {
		t.Fatal(err)
	}
	h.customer, h.app, h.pkg = customer.Address, app.Address, h.canary+"-package"
	h.key = h.newKey(t, operator)
	h.admin = h.newKey(t, operator, api.ScopeAdmin, api.ScopeEvent, api.ScopeIdentity, api.ScopeMessage)
	h.cl = c.ClientWith(h.key)
	h.vault, h.reader = h.identity(t, client.KindVault), h.identity(t, client.KindUser)
	if _, err := h.cl.Publish(ctx, h.vault, h.reader.Address(), client.Package{ID: h.pkg}, client.PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	send(t, h.cl, h.vault, client.Outgoing{To: h.reader.Address(), ID: h.canary, Body: map[string]any{"text": h.canary}})
	h.collectCursors(t, c)
	return h
}

func (h *house) newKey(t *testing.T, operator *client.Client, scopes ...string) client.KeyCredentials {
	t.Helper()
	key, err := operator.CreateKey(deadline(t), h.app, api.KeyRequest{Name: h.canary, Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return client.KeyCredentials{ID: key.Address, Secret: key.Secret}
}

func (h *house) identity(t *testing.T, kind string) *client.Identity {
	t.Helper()
	id, err := client.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.cl.Register(deadline(t), id, client.Metadata{Kind: kind, Private: map[string]any{"secret": h.canary}}); err != nil {
		t.Fatal(err)
	}
	return id
}

// collectCursors takes the cursors of the house's own lists, for others to try.
func (h *house) collectCursors(t *testing.T, c *testcluster.Cluster) {
	t.Helper()
	m := c.Node(0)
	for _, id := range []*client.Identity{h.vault, h.reader} {
		for _, path := range []string{api.PathFetch, api.PathPackages} {
			h.takeCursor(t, ask(t, m, h.key, http.MethodPost, path, proofBody(t, h.cl, id, path, map[string]any{"limit": 1})))
		}
	}
	for _, path := range []string{"/v1/customer/" + h.customer + "/application", "/v1/application/" + h.app + "/key", "/v1/customer/" + h.customer + "/stream/events"} {
		h.takeCursor(t, ask(t, m, h.admin, http.MethodGet, path+"?limit=1", nil))
	}
	if len(h.cursors) < 4 {
		t.Fatalf("only %d cursors", len(h.cursors))
	}
}

func (h *house) takeCursor(t *testing.T, raw []byte) {
	t.Helper()
	var reply api.Reply
	if err := json.Unmarshal(raw, &reply); err != nil || reply.Status != http.StatusOK {
		t.Fatalf("%s: %v", raw, err)
	}
	if reply.Last != "" {
		h.cursors = append(h.cursors, reply.Last)
	}
}

func proofBody(t *testing.T, cl *client.Client, id *client.Identity, path string, claims map[string]any) []byte {
	t.Helper()
	jwt, err := cl.Proof(id, path, claims)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(nil, `{"jwt":%q}`, jwt)
}

// ask gives the whole answer, or what comes of a stream within a moment.
func ask(t *testing.T, m *testcluster.Node, key client.KeyCredentials, method, path string, body []byte) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, m.URL()+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(key.ID, key.Secret)
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatalf("%s %s: %v (%q)", method, path, err, raw)
	}
	return raw
}

// probe is one thing that a stranger tries on another house. The second value
// tells whether the answer may be a success: then it must still hold nothing private.
type probe struct {
	name    string
	allowed bool
	do      func(t *testing.T, m *testcluster.Node, me, you *house, r *mathrand.Rand) []byte
}

func pick[T any](r *mathrand.Rand, from ...T) T { return from[r.IntN(len(from))] }

var probes = []probe{
	{"read or change its tenants", false, func(t *testing.T, m *testcluster.Node, me, you *house, r *mathrand.Rand) []byte {
		path := pick(r, "/v1/customer/"+you.customer, "/v1/customer/"+you.customer+"/application", "/v1/application/"+you.app,
			"/v1/application/"+you.app+"/key", "/v1/key/"+you.key.ID, "/v1/customer", "/v1/customer/"+you.customer+"/stream/events",
			"/v1/customer/"+you.customer+"/stream/events/listen")
		return ask(t, m, pick(r, me.key, me.admin), http.MethodGet, path, nil)
	}},
	{"change its tenants", false, func(t *testing.T, m *testcluster.Node, me, you *house, r *mathrand.Rand) []byte {
		switch r.IntN(4) {
		case 0:
			return ask(t, m, me.admin, http.MethodPatch, pick(r, "/v1/customer/"+you.customer, "/v1/application/"+you.app, "/v1/key/"+you.key.ID), []byte(`{"enabled":false}`))
		case 1:
			return ask(t, m, me.admin, http.MethodDelete, "/v1/key/"+you.key.ID, nil)
		case 2:
			return ask(t, m, me.admin, http.MethodPost, "/v1/key/"+you.key.ID+"/rotate", []byte(`{}`))
		}
		return ask(t, m, me.admin, http.MethodPost, "/v1/application/"+you.app+"/key", []byte(`{"name":"mine"}`))
	}},
	{"use its cursors", false, func(t *testing.T, m *testcluster.Node, me, you *house, r *mathrand.Rand) []byte {
		cursor := pick(r, you.cursors...)
		if r.IntN(2) == 0 {
			path := pick(r, "/v1/customer/"+me.customer+"/application", "/v1/application/"+me.app+"/key", "/v1/customer/"+me.customer+"/stream/events")
			return ask(t, m, me.admin, http.MethodGet, path+"?cursor="+cursor, nil)
		}
		path := pick(r, api.PathFetch, api.PathPackages)
		return ask(t, m, me.key, http.MethodPost, path, proofBody(t, me.cl, pick(r, me.vault, me.reader), path, map[string]any{"cursor": cursor}))
	}},
	{"prove to be one of its identities", false, func(t *testing.T, m *testcluster.Node, me, you *house, r *mathrand.Rand) []byte {
		path := pick(r, api.PathMe, api.PathFetch, api.PathListen, api.PathPackages, api.PathAck, api.PathMeRetire)
		claims := map[string]any{"iss": you.reader.Full(), "sub": you.reader.Full(), "upTo": "9000000000000000000"}
		return ask(t, m, me.key, http.MethodPost, path, proofBody(t, me.cl, me.reader, path, claims))
	}},
	{"use a proof that it made, with another key", false, func(t *testing.T, m *testcluster.Node, me, you *house, r *mathrand.Rand) []byte {
		path := pick(r, api.PathMe, api.PathFetch, api.PathListen, api.PathPackages)
		return ask(t, m, pick(r, me.key, me.admin), http.MethodPost, path, proofBody(t, you.cl, pick(r, you.vault, you.reader), path, nil))
	}},
	{"send a token that it signed, with another key", false, func(t *testing.T, m *testcluster.Node, me, you *house, r *mathrand.Rand) []byte {
		msgs, err := you.cl.Prepare(deadline(t), you.reader, client.Outgoing{Type: client.TypeRequest, To: you.vault.Address(), Kid: you.pkg})
		if err != nil {
			t.Fatal(err)
		}
		return ask(t, m, me.key, http.MethodPost, api.PathSend, fmt.Appendf(nil, `{"msgs":[%q]}`, msgs[0].Token))
	}},
	{"look at its identities", true, func(t *testing.T, m *testcluster.Node, me, you *house, r *mathrand.Rand) []byte {
		return ask(t, m, me.key, http.MethodGet, "/v1/identity/"+pick(r, you.vault, you.reader).Full(), nil)
	}},
	{"request its package", true, func(t *testing.T, m *testcluster.Node, me, you *house, r *mathrand.Rand) []byte {
		// The id of the package comes back in no answer; what was published must not either.
		msgs, err := me.cl.Prepare(deadline(t), me.reader, client.Outgoing{Type: client.TypeRequest, To: you.vault.Address(), Kid: you.pkg})
		if err != nil {
			t.Fatal(err)
		}
		return ask(t, m, me.key, http.MethodPost, api.PathSend, fmt.Appendf(nil, `{"msgs":[%q]}`, msgs[0].Token))
	}},
	{"follow its own streams", true, func(t *testing.T, m *testcluster.Node, me, you *house, r *mathrand.Rand) []byte {
		path := pick(r, api.PathFetch, api.PathPackages)
		return ask(t, m, me.key, http.MethodPost, path, proofBody(t, me.cl, me.vault, path, map[string]any{"src": you.vault.Full()}))
	}},
}

// For random pairs of customers, and everything that one can try on the other, no
// answer has a byte of the other's private data, and what is refused is refused.
func TestNoAnswerHasAByteOfAnothersPrivateData(t *testing.T) {
	const tries = 400
	c := testcluster.New(t, 3)
	operator := c.ClientWith(c.Operator(), c.Nodes()...)
	var houses []*house
	for range 4 {
		houses = append(houses, buildHouse(t, c, operator))
	}
	own := ask(t, c.Node(0), houses[0].key, http.MethodPost, api.PathMe, proofBody(t, houses[0].cl, houses[0].vault, api.PathMe, nil))
	if !strings.Contains(string(own), houses[0].canary) {
		t.Fatalf("what is private is not even shown to its owner: %s", own)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := mathrand.New(mathrand.NewPCG(seed, 0))
	for range tries {
		p := pick(r, probes...)
		order := r.Perm(len(houses))
		me, you := houses[order[0]], houses[order[1]]
		raw := p.do(t, c.Node(r.IntN(3)), me, you, r)
		// The stranger's own things have its own canary; all others' are private to it.
		for _, h := range houses {
			if h != me && strings.Contains(string(raw), h.canary) {
				t.Fatalf("%s: private data in %s", p.name, raw)
			}
		}
		var reply api.Reply
		if err := json.Unmarshal(raw, &reply); err != nil {
			t.Fatalf("%s: %q", p.name, raw)
		}
		if !p.allowed && reply.Code.Success() {
			t.Fatalf("%s: answered %s", p.name, raw)
		}
	}
	for _, h := range houses { // nothing was changed by trying
		if got := fetchAll(t, h.cl, h.reader); len(got) != 2 {
			t.Errorf("a mailbox has %d messages, it had 2", len(got))
		}
		if _, err := h.cl.Me(deadline(t), h.vault); err != nil {
			t.Error(err)
		}
	}
}
