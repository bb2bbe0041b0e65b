package testcluster_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/internal/eventually"
	"github.com/nixnode/nixnode/testcluster"
)

// What the server says of an identity wins over what its owner would like it to
// say, and what is no kind of identity is refused.
func TestWhatIsTheServersToSayCannotBeClaimed(t *testing.T) {
	d := openDoor(t, 1)
	m, tenant := d.c.Node(0), d.c.Tenant()
	auth := basic(tenant.Key)
	spoof := map[string]any{"identityType": "vault", "appAddress": "pAAAAAAAAAAAAAAAAAAAA@nix.test", "created": "1", "lastHeardDay": "1", "x": "kept"}
	register := func(o *oldSDK, public map[string]any) reply {
		t.Helper()
		return d.json(t, m, "POST", "/v1/identity", auth, map[string]any{
			"sigPubKey":   o.jwk("sig"),
			"encPubKey":   o.place(t, "/v1/identity#encPubKey", o.jwk("enc")),
			"metaPublic":  o.place(t, "/v1/identity#metaPublic", public),
			"metaPrivate": o.place(t, "/v1/identity#metaPrivate", spoof),
		})
	}
	me := newOldSDK(t)
	shown := register(me, spoof).body(t)
	me.local, _, _ = strings.Cut(shown["address"].(string), "@")
	check := func(where string, id map[string]any, private bool) {
		t.Helper()
		public := id["metaPublic"].(map[string]any)
		if public["appAddress"] != tenant.Application || public["x"] != "kept" || public["identityType"] != "vault" {
			t.Errorf("%s: metaPublic %v", where, public)
		}
		mine, there := id["metaPrivate"].(map[string]any)
		if there != private || private && (mine["created"] == "1" || mine["lastHeardDay"] == "1" || mine["x"] != "kept") {
			t.Errorf("%s: metaPrivate %v", where, mine)
		}
	}
	check("registered", shown, true)
	check("public", d.text(t, m, "GET", "/v1/identity/"+me.local, auth, "").body(t), false)
	update := me.place(t, "/v1/identity/me/meta#metaPublic", spoof)
	check("updated", d.json(t, m, "POST", "/v1/identity/me/meta", auth, map[string]any{"metaPublic": update}).body(t), true)
	for _, kind := range []any{"admin", "User", "user "} {
		register(newOldSDK(t), map[string]any{"identityType": kind}).want(t, fmt.Sprint(kind), api.CodeBadValue)
	}
	register(newOldSDK(t), map[string]any{"identityType": 7}).want(t, "a number", api.CodeWrongType)
	for _, kind := range []string{"app", "group", "route", "user", "vault", ""} {
		register(newOldSDK(t), map[string]any{"identityType": kind}).want(t, kind, api.CodeRegistered)
	}
	big := map[string]any{"x": strings.Repeat("x", 16<<10)}
	register(newOldSDK(t), big).want(t, "16 KiB and more", api.CodeItemTooLarge)
	d.wantNothingPrivateInTheLog(t)
}

// The same registration again, on any node, is the identity that is there; the
// same key with anything else is taken (section 5).
func TestRegisteringAgainAfterALostAnswer(t *testing.T) {
	d := openDoor(t, 3)
	other := d.c.NewTenant("other")
	me := newOldSDK(t)
	body := map[string]any{
		"sigPubKey":   me.jwk("sig"),
		"encPubKey":   me.place(t, "/v1/identity#encPubKey", me.jwk("enc")),
		"metaPublic":  me.place(t, "/v1/identity#metaPublic", map[string]any{}),
		"metaPrivate": me.place(t, "/v1/identity#metaPrivate", map[string]any{}),
	}
	var addresses []any
	for i := range 6 {
		got := d.json(t, d.c.Node(i%3), "POST", "/v1/identity", basic(d.c.Tenant().Key), body)
		got.want(t, "the same again", api.CodeRegistered)
		addresses = append(addresses, got.body(t)["address"])
	}
	for _, a := range addresses {
		if a != addresses[0] {
			t.Errorf("one registration made %v", addresses)
		}
	}
	d.json(t, d.c.Node(1), "POST", "/v1/identity", basic(other.Key), body).want(t, "in another application", api.CodeKeyTaken)
	changedBody := changed(body, "metaPublic", me.place(t, "/v1/identity#metaPublic", map[string]any{"x": 1}))
	d.json(t, d.c.Node(2), "POST", "/v1/identity", basic(d.c.Tenant().Key), changedBody).want(t, "with another token", api.CodeKeyTaken)
}

// A peer that never met an identity verifies it by its chain after three changes of
// key on three nodes, and its recovery data is there as it was stored, by each path.
func TestAChainOfKeysAndTheRecoveryDataOutliveChangesOfKey(t *testing.T) {
	d := openDoor(t, 3)
	alice := d.c.Register(d.c.Client(d.c.Node(0)), "user")
	if err := d.c.Client(d.c.Node(0)).StoreData(deadline(t), alice, "recovery", "an.opaque.jwe.of.hers"); err != nil {
		t.Fatal(err)
	}
	path := "/v1/identity/" + alice.Address().Local()
	auth := basic(d.c.Tenant().Key)
	before := d.text(t, d.c.Node(1), "GET", path+"/recovery", auth, "").body(t)
	root := alice.SigningKey().Thumbprint()
	for i := range 3 {
		if err := d.c.Client(d.c.Node(i)).RotateKeys(deadline(t), alice, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range d.c.Nodes() {
		peer, err := d.c.Client(m).Peer(deadline(t), alice.Address())
		if err != nil || peer.SigningKey().Thumbprint() != alice.SigningKey().Thumbprint() || alice.SigningKey().Thumbprint() == root {
			t.Fatalf("%s: %v", m, err)
		}
		id := d.text(t, m, "GET", path, auth, "").body(t)
		if chain := id["sigChain"].([]any); len(chain) != 3 || id["sigRoot"].(map[string]any)["kid"] != root {
			t.Errorf("%s: root %v, chain of %d", m, id["sigRoot"], len(chain))
		}
		for _, where := range []string{"/recovery", "/data/recovery"} {
			after := d.text(t, m, "GET", path+where, auth, "").body(t)
			if after["jws"] != before["jws"] || after["updated"] != before["updated"] || after["name"] != "recovery" {
				t.Errorf("%s%s on %s: %v, before %v", path, where, m, after, before)
			}
		}
	}
}

// lastHeardDay moves with the first sign of life of a day, whichever it is.
func TestLastHeardDayMovesOnceADay(t *testing.T) {
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	d := openDoor(t, 1, testcluster.Clock(now))
	auth, me := basic(d.c.Tenant().Key), newOldSDK(t)
	me.register(t, d.c.Node(0), d.c.Tenant().Key, "user")
	heard := func() int64 {
		t.Helper()
		at := now().Unix()
		claims := me.claims(map[string]any{"iat": at, "nbf": at, "exp": at + 60})
		jwt := me.sign(t, map[string]any{"kid": me.local + "/" + me.thumb, "tgt": "/v1/identity/me#jwt", "iat": at}, claims)
		private := d.json(t, d.c.Node(0), "POST", "/v1/identity/me", auth, map[string]any{"jwt": jwt}).body(t)["metaPrivate"].(map[string]any)
		var sec int64
		if _, err := fmt.Sscan(private["lastHeardDay"].(string), &sec); err != nil {
			t.Fatal(err)
		}
		return sec
	}
	first := heard()
	ahead.Store(int64(24 * time.Hour))
	eventually.True(t, testcluster.Patience, func() bool { return heard()/86400 == now().Unix()/86400 }, "the day does not move")
	if second, third := heard(), heard(); second == first || third != second {
		t.Errorf("heard at %d, then at %d and %d on one day", first, second, third)
	}
}
