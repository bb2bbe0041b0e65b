package relay

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/jose"
)

func TestPeersSeeThePublicPartAcrossApplications(t *testing.T) {
	w, u := newUsers(t, 2)
	a := w.register(u.caller, "user")
	other := w.newTenant(u.operator)
	local, _, _ := strings.Cut(a.addr, "@")
	for _, id := range []string{a.addr, local, local + "@API.nix.software"} {
		got := must(w.nodes[1].PublicIdentity(t.Context(), other.caller, id))(t)
		if got.Address != a.addr || got.MetaPrivate != nil {
			t.Errorf("%s: %+v", id, got)
		}
	}
	for id, want := range map[string]api.Code{
		"x": api.CodeBadAddress, u.key: api.CodeBadAddress, local + "@elsewhere.org": api.CodeOtherDomain,
		address.New(address.Identity).Local(): api.CodeNoIdentity,
	} {
		_, err := w.nodes[1].PublicIdentity(t.Context(), other.caller, id)
		wantCode(t, err, want)
	}
	_, err := w.nodes[0].Me(t.Context(), other.caller, a.proof(api.PathMe))
	wantCode(t, err, api.CodeOtherApp)
}

// rotate makes the request that replaces p's signing key, and p as it is then.
func (p *party) rotate() (api.SigKeyRequest, *party) {
	next := *p
	next.sig, next.enc = newKey(p.w.t, jose.Sig), newKey(p.w.t, jose.Enc)
	return api.SigKeyRequest{
		SigPubKey: p.token("/v1/identity/me/sigPubKey#sigPubKey", next.sig.Public().JWK()),
		EncPubKey: next.token("/v1/identity/me/sigPubKey#encPubKey", next.enc.Public().JWK()),
	}, &next
}

func TestAfterASigningKeyUpdateTheOldKeyIsRefusedEverywhereAtOnce(t *testing.T) {
	w, u := newUsers(t, 2)
	lead, edge, ctx := w.nodes[0], w.nodes[1], t.Context()
	a := w.register(u.caller, "user")
	root := a.sig.Public().JWK()
	edge.setLag(true)
	req, next := a.rotate()
	id := must(lead.UpdateSigKey(ctx, u.caller, req))(t)
	if string(id.SigPubKey) != string(next.sig.Public().JWK()) || id.EncPubKey != req.EncPubKey ||
		len(id.SigChain) != 1 || id.SigChain[0] != req.SigPubKey || string(id.SigRoot) != string(root) {
		t.Errorf("after the update: %+v", id)
	}
	for _, n := range w.nodes {
		for name, err := range tokenCalls(t, n, u.caller, a) {
			if codeOf(t, err) != api.CodeKeyNotCurrent {
				t.Errorf("%s with the old key: %v", name, err)
			}
		}
		edge.setLag(true)
	}
	if got := w.send(edge, u.caller, a.message('s', a, nil)); got[0].Code != api.CodeKeyNotCurrent {
		t.Errorf("send with the old key: %+v", got)
	}
	// And the new key works on the node that lags.
	must(edge.Me(ctx, u.caller, next.proof(api.PathMe)))(t)
}

// tokenCalls makes each call that p signs, and gives what they fail with.
func tokenCalls(t *testing.T, n *testNode, c Caller, p *party) map[string]error {
	t.Helper()
	ctx, errs := t.Context(), map[string]error{}
	req, _ := p.rotate()
	_, errs["sigPubKey"] = n.UpdateSigKey(ctx, c, req)
	_, errs["encPubKey"] = n.UpdateEncKey(ctx, c, api.EncKeyRequest{EncPubKey: p.token("/v1/identity/me/encPubKey#encPubKey", p.enc.Public().JWK())})
	_, errs["meta"] = n.UpdateMeta(ctx, c, api.MetaRequest{MetaPublic: p.token("/v1/identity/me/meta#metaPublic", map[string]string{})})
	errs["data"] = n.StoreData(ctx, c, api.PathMeRecovery, "recovery", api.DataRequest{JWS: p.item(api.PathMeRecovery, "recovery")})
	errs["members"] = n.SetMembers(ctx, c, api.MembersRequest{Members: p.token("/v1/identity/me/members#members", []string{})})
	_, errs["me"] = n.Me(ctx, c, p.proof(api.PathMe))
	_, errs["fetch"] = n.Fetch(ctx, c, p.proof(api.PathFetch))
	_, errs["ack"] = n.Ack(ctx, c, p.proof(api.PathAck, "upTo", "1"))
	errs["retire"] = n.Retire(ctx, c, p.proof(api.PathMeRetire))
	s, err := n.Listen(ctx, c, p.proof(api.PathListen))
	if errs["listen"] = err; err == nil {
		s.Close()
	}
	return errs
}

func (p *party) item(path, name string) string {
	return p.token(path+"#jws", api.DataPayload{Name: name, JWE: "a.b.c.d.e"})
}

func TestTheSameUpdateAgainGivesTheSameSuccessAlsoOnALaggingNode(t *testing.T) {
	w, u := newUsers(t, 2)
	lead, edge, ctx := w.nodes[0], w.nodes[1], t.Context()
	a := w.register(u.caller, "user")
	meta := api.MetaRequest{
		MetaPublic:  a.token("/v1/identity/me/meta#metaPublic", map[string]string{"identityType": "vault", "name": "A"}),
		MetaPrivate: a.token("/v1/identity/me/meta#metaPrivate", map[string]string{"p": "q"}),
	}
	enc := api.EncKeyRequest{EncPubKey: a.token("/v1/identity/me/encPubKey#encPubKey", newKey(t, jose.Enc).Public().JWK())}
	data := api.DataRequest{JWS: a.item("/v1/identity/me/recovery", "recovery")}
	must(lead.UpdateMeta(ctx, u.caller, meta))(t)
	must(lead.UpdateEncKey(ctx, u.caller, enc))(t)
	wantCode(t, lead.StoreData(ctx, u.caller, "/v1/identity/me/recovery", "recovery", data), api.CodeOK)
	edge.setLag(true)
	sig, next := a.rotate()
	first := must(lead.UpdateSigKey(ctx, u.caller, sig))(t)
	for _, n := range []*testNode{lead, edge} {
		again := must(n.UpdateSigKey(ctx, u.caller, sig))(t)
		if string(again.SigPubKey) != string(next.sig.Public().JWK()) || again.EncPubKey != first.EncPubKey || len(again.SigChain) != 1 {
			t.Errorf("again: %+v", again)
		}
		must(n.UpdateMeta(ctx, u.caller, meta))(t)
		must(n.UpdateEncKey(ctx, u.caller, enc))(t)
		wantCode(t, n.StoreData(ctx, u.caller, "/v1/identity/me/recovery", "recovery", data), api.CodeOK)
	}
	// A forged signature over the same signing input is no repetition.
	forged := sig
	forged.SigPubKey = sig.SigPubKey[:len(sig.SigPubKey)-86] + sig.EncPubKey[len(sig.EncPubKey)-86:]
	_, err := lead.UpdateSigKey(ctx, u.caller, forged)
	wantCode(t, err, api.CodeBadSignature)
}

func TestAnOlderUpdateIsRefused(t *testing.T) {
	w, u := newUsers(t, 1)
	n, ctx := w.nodes[0], t.Context()
	a := w.register(u.caller, "user")
	old := api.MetaRequest{MetaPrivate: a.token("/v1/identity/me/meta#metaPrivate", map[string]string{"v": "1"})}
	must(n.UpdateMeta(ctx, u.caller, old))(t)
	w.advance(time.Second)
	must(n.UpdateMeta(ctx, u.caller, api.MetaRequest{MetaPrivate: a.token("/v1/identity/me/meta#metaPrivate", map[string]string{"v": "2"})}))(t)
	_, err := n.UpdateMeta(ctx, u.caller, old)
	wantCode(t, err, api.CodeStaleToken)
}

func TestUpdatesRefuseWhatDoesNotBelongTogether(t *testing.T) {
	w, u := newUsers(t, 1)
	n, ctx := w.nodes[0], t.Context()
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	ofA, nextA := a.rotate()
	ofB, _ := b.rotate()
	_, err := n.UpdateSigKey(ctx, u.caller, api.SigKeyRequest{SigPubKey: ofA.SigPubKey, EncPubKey: ofB.EncPubKey})
	wantCode(t, err, api.CodeBadToken)
	// Signed by the old key instead of the new one.
	_, err = n.UpdateSigKey(ctx, u.caller, api.SigKeyRequest{
		SigPubKey: ofA.SigPubKey, EncPubKey: a.token("/v1/identity/me/sigPubKey#encPubKey", nextA.enc.Public().JWK()),
	})
	wantCode(t, err, api.CodeKeyNotCurrent)
	_, err = n.UpdateSigKey(ctx, u.caller, api.SigKeyRequest{SigPubKey: ofA.SigPubKey})
	wantCode(t, err, api.CodeMissingField)
	_, err = n.UpdateMeta(ctx, u.caller, api.MetaRequest{})
	wantCode(t, err, api.CodeMissingField)
	_, err = n.UpdateMeta(ctx, u.caller, api.MetaRequest{
		MetaPublic:  a.token("/v1/identity/me/meta#metaPublic", map[string]string{}),
		MetaPrivate: b.token("/v1/identity/me/meta#metaPrivate", map[string]string{}),
	})
	wantCode(t, err, api.CodeBadToken)
	// The signing key of somebody else.
	taken := *a
	taken.sig = b.sig
	_, err = n.UpdateSigKey(ctx, u.caller, api.SigKeyRequest{
		SigPubKey: a.token("/v1/identity/me/sigPubKey#sigPubKey", b.sig.Public().JWK()),
		EncPubKey: taken.token("/v1/identity/me/sigPubKey#encPubKey", a.enc.Public().JWK()),
	})
	wantCode(t, err, api.CodeKeyTaken)
}

func TestDataIsStoredUnderItsNameWhicheverPathWasUsed(t *testing.T) {
	w, u := newUsers(t, 2)
	n, ctx := w.nodes[0], t.Context()
	a := w.register(u.caller, "user")
	const short, long = "/v1/identity/me/recovery", "/v1/identity/me/data/recovery"
	wantCode(t, n.StoreData(ctx, u.caller, short, "recovery", api.DataRequest{JWS: a.item(short, "recovery")}), api.CodeOK)
	w.advance(time.Second)
	jws := a.item(long, "recovery")
	wantCode(t, n.StoreData(ctx, u.caller, long, "recovery", api.DataRequest{JWS: jws}), api.CodeOK)
	got := must(w.nodes[1].Data(ctx, u.caller, a.addr, "recovery"))(t)
	if got != (api.Data{Name: "recovery", JWS: jws, Updated: decimal(w.clock().Unix())}) {
		t.Errorf("got %+v", got)
	}
	_, err := n.Data(ctx, u.caller, a.addr, "other")
	wantCode(t, err, api.CodeNoData)
	_, err = n.Data(ctx, u.caller, a.addr, "no name")
	wantCode(t, err, api.CodeBadValue)
	_, err = n.Data(ctx, u.caller, address.New(address.Identity).Local(), "recovery")
	wantCode(t, err, api.CodeNoIdentity)
	path := func(name string) string { return "/v1/identity/me/data/" + name }
	tests := []struct {
		name, path, item, jws string
		want                  api.Code
	}{
		{"missing", short, "recovery", "", api.CodeMissingField},
		{"other path", long, "recovery", a.item(short, "recovery"), api.CodeBadTarget},
		{"bad name", path("a.b"), "a.b", a.item(path("a.b"), "a.b"), api.CodeBadValue},
		{"empty name", path(""), "", a.item(path(""), ""), api.CodeBadValue},
		{"other name", path("x"), "x", a.item(path("x"), "y"), api.CodeBadValue},
		{"no jwe", path("x"), "x", a.token(path("x")+"#jws", map[string]string{"name": "x"}), api.CodeMissingField},
		{"no name inside", path("x"), "x", a.token(path("x")+"#jws", map[string]string{"jwe": "x"}), api.CodeMissingField},
		{"not an object", path("x"), "x", a.token(path("x")+"#jws", "x"), api.CodeBadToken},
		{"too large", path("x"), "x", a.token(path("x")+"#jws", api.DataPayload{Name: "x", JWE: strings.Repeat("e", api.MaxDataItem)}), api.CodeItemTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantCode(t, n.StoreData(ctx, u.caller, tt.path, tt.item, api.DataRequest{JWS: tt.jws}), tt.want)
		})
	}
	for i := range api.MaxDataItems { // one is taken
		name := "n" + decimal(int64(i))
		want := api.CodeOK
		if i == api.MaxDataItems-1 {
			want = api.CodeTooManyItems
		}
		wantCode(t, n.StoreData(ctx, u.caller, path(name), name, api.DataRequest{JWS: a.item(path(name), name)}), want)
	}
}

func TestMembersAreIdentitiesEachOnce(t *testing.T) {
	w, u := newUsers(t, 1)
	n, ctx := w.nodes[0], t.Context()
	route, user := w.register(u.caller, "route"), w.register(u.caller, "user")
	set := func(p *party, payload any) error {
		w.advance(time.Second)
		return n.SetMembers(ctx, u.caller, api.MembersRequest{Members: p.token("/v1/identity/me/members#members", payload)})
	}
	wantCode(t, set(route, []string{user.addr, user.local.Local(), user.addr}), api.CodeOK)
	v := must(n.Local())(t)
	profile, _, err := v.Profile(route.local)
	if err != nil || len(profile.Members) != 1 || profile.Members[0] != user.local {
		t.Errorf("members %v, %v", profile.Members, err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	many := make([]string, api.MaxMembers+1)
	for i := range many {
		many[i] = address.New(address.Identity).Local()
	}
	wantCode(t, set(route, many), api.CodeTooManyItems)
	wantCode(t, set(route, []string{u.app}), api.CodeBadAddress)
	wantCode(t, set(route, []string{user.local.Local() + "@elsewhere.org"}), api.CodeOtherDomain)
	wantCode(t, set(route, map[string]string{}), api.CodeBadToken)
	wantCode(t, set(route, []byte("null")), api.CodeBadToken)
	wantCode(t, set(user, []string{route.addr}), api.CodeNoMembersHere)
	wantCode(t, set(route, []string{}), api.CodeOK)
}

func TestARetiredIdentityIsGoneForGood(t *testing.T) {
	w, u := newUsers(t, 2)
	lead, edge, ctx := w.nodes[0], w.nodes[1], t.Context()
	req, p := w.registration("user")
	p.addr = must(lead.Register(ctx, u.caller, req))(t).Address
	edge.setLag(true)
	proof := p.proof(api.PathMeRetire)
	wantCode(t, lead.Retire(ctx, u.caller, proof), api.CodeOK)
	wantCode(t, edge.Retire(ctx, u.caller, proof), api.CodeOK) // the same again
	w.advance(time.Second)                                     // or the next jwt would be the same, too
	for name, err := range tokenCalls(t, edge, u.caller, &p) {
		if codeOf(t, err) != api.CodeRetiredIdentity {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := edge.PublicIdentity(ctx, u.caller, p.addr)
	wantCode(t, err, api.CodeRetiredIdentity)
	_, err = edge.Data(ctx, u.caller, p.addr, "recovery")
	wantCode(t, err, api.CodeRetiredIdentity)
	_, err = lead.Register(ctx, u.caller, req)
	wantCode(t, err, api.CodeRetiredIdentity)
	a := w.register(u.caller, "user")
	if got := w.send(lead, u.caller, a.message('s', &p, nil), p.message('s', a, nil)); got[0].Code != api.CodeRetiredIdentity || got[1].Code != api.CodeRetiredIdentity {
		t.Errorf("send to and from it: %+v", got)
	}
}

func TestLastHeardDayMovesOnceADayBesideTheRequest(t *testing.T) {
	w, u := newUsers(t, 1)
	n, ctx := w.nodes[0], t.Context()
	a := w.register(u.caller, "user")
	heard := func() string {
		id := must(n.Me(ctx, u.caller, a.proof(api.PathMe)))(t)
		var o map[string]string
		if err := json.Unmarshal(id.MetaPrivate, &o); err != nil {
			t.Fatal(err)
		}
		return o["lastHeardDay"]
	}
	first := heard()
	w.advance(24 * time.Hour)
	eventuallyTrue(t, func() bool { return heard() == decimal(w.clock().Unix()) }, "the day does not move")
	second := heard()
	w.advance(time.Second)
	if heard() != second || second == first {
		t.Errorf("from %s to %s to %s", first, second, heard())
	}
}
