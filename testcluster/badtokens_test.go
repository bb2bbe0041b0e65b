package testcluster_test

import (
	"crypto/elliptic"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/httpapi"
	"github.com/nixnode/nixnode/testcluster"
)

// A listen answers a success with a stream; all else here is an envelope.
func TestEveryTokenFaultIsRefusedInEveryPlace(t *testing.T) {
	d := openDoor(t, 1)
	m, auth := d.c.Node(0), basic(d.c.Tenant().Key)
	me, stranger := newOldSDK(t), newOldSDK(t)
	me.register(t, m, d.c.Tenant().Key, "group")
	stranger.register(t, m, d.c.Tenant().Key, "user")
	faults := append(headerFaults(), placeFaults(stranger)...)
	faults = append(faults, formFaults()...)
	faults = append(faults, signatureFaults(stranger)...)
	all := here(places(t, me))
	wantEveryTokenRoute(t, all)
	for _, p := range all {
		t.Run(p.name, func(t *testing.T) {
			refused := func(f tokenFault, code api.Code) {
				t.Helper()
				token := f.make(t, p)
				d.keepToken(token)
				d.json(t, m, p.method, p.path, auth, p.body(token)).want(t, f.name, code)
			}
			for _, f := range faults {
				switch {
				case f.code == 0:
					refused(f, p.notJSON)
				default:
					refused(f, f.code)
				}
			}
			if p.atBirth {
				refused(tokenFault{"kid with an address", 0, p.from(me.local)}, api.CodeBadToken)
				return
			}
			refused(tokenFault{"kid without an address", 0, p.from("")}, api.CodeBadToken)
			if p.proof {
				for _, f := range claimFaults(me, stranger) {
					refused(f, f.code)
				}
			} else if p.signer == me && p.route != "identity.sigPubKey" {
				refused(tokenFault{"an identity that is not there", 0, p.from("iAAAAAAAAAAAAAAAAAAAA")}, api.CodeNoIdentity)
			}
		})
	}
	d.wantPlacesToWork(t, m, all)
	d.wantNothingPrivateInTheLog(t)
}

// from signs with a kid that names somebody else.
func (p place) from(who string) func(*testing.T, place) string {
	return func(t *testing.T, p place) string {
		return p.sign(t, changed(p.header(), "kid", who+"/"+p.signer.thumb), p.payload)
	}
}

// here leaves out places of routes that this release does not have.
func here(all []place) []place {
	have := map[string]bool{}
	for _, r := range httpapi.Routes() {
		have[r.Path] = true
	}
	var out []place
	for _, p := range all {
		if p.path != "/v1/packages/list" || have[p.path] {
			out = append(out, p)
		}
	}
	return out
}

// wantEveryTokenRoute demands that no route that takes a token is left out.
func wantEveryTokenRoute(t *testing.T, all []place) {
	t.Helper()
	covered := map[string]bool{"messages.send": true} // badmessages_test.go
	for _, p := range all {
		covered[p.route] = true
	}
	for _, r := range httpapi.Routes() {
		if len(scopesOf(r)) == 1 && r.MaxBody > 0 && strings.HasPrefix(r.Path, "/v1/") && r.Path != "/v1/customer" && !covered[r.Name] {
			t.Errorf("no tokens were tried at %s", r.Name)
		}
	}
}

// wantPlacesToWork shows that each place takes a good token, after all that was
// refused there: nothing of it was let through.
func (d *door) wantPlacesToWork(t *testing.T, m *testcluster.Node, all []place) {
	t.Helper()
	auth := basic(d.c.Tenant().Key)
	for _, p := range all {
		if p.route == "messages.listen" || p.name == "identity.sigPubKey encPubKey" {
			continue // a stream; the same request as the next place
		}
		if p.name == "identity.retire" {
			// The place before has replaced the key.
			d.json(t, m, p.method, p.path, auth, p.body(p.good(t))).want(t, "by the old key", api.CodeKeyNotCurrent)
			continue
		}
		got := d.json(t, m, p.method, p.path, auth, p.body(p.good(t)))
		got.want(t, p.name, p.success)
	}
}

// Another application's key may not act for the identity, in any place; nor may
// anybody once it is retired.
func TestOtherApplicationsAndTheRetiredAreRefusedInEveryPlace(t *testing.T) {
	d := openDoor(t, 1)
	m, own, other := d.c.Node(0), d.c.Tenant(), d.c.NewTenant("other")
	d.keep(other.Key.Secret)
	me := newOldSDK(t)
	me.register(t, m, own.Key, "group")
	all := here(places(t, me))
	for _, p := range all {
		if !p.atBirth {
			d.json(t, m, p.method, p.path, basic(other.Key), p.body(p.good(t))).want(t, p.name, api.CodeOtherApp)
		}
	}
	retire := all[len(all)-1]
	token := retire.good(t)
	for range 2 { // the same again is the same success
		d.json(t, m, "POST", retire.path, basic(own.Key), retire.body(token)).want(t, "retire", api.CodeRetired)
	}
	for _, p := range all {
		if !p.atBirth {
			again := p.sign(t, changed(p.header(), "typ", "another"), p.payload)
			d.json(t, m, p.method, p.path, basic(own.Key), p.body(again)).want(t, p.name, api.CodeRetiredIdentity)
		}
	}
	for _, path := range []string{"", "/recovery", "/data/notes"} {
		d.text(t, m, "GET", "/v1/identity/"+me.local+path, basic(own.Key), "").want(t, path, api.CodeRetiredIdentity)
	}
	d.wantNothingPrivateInTheLog(t)
}

// The rules for a public key (section 4), wherever one is sent.
func TestEveryFaultOfAPublicKeyIsRefused(t *testing.T) {
	d := openDoor(t, 1)
	m, auth := d.c.Node(0), basic(d.c.Tenant().Key)
	me, other := newOldSDK(t), newOldSDK(t)
	me.register(t, m, d.c.Tenant().Key, "user")
	faults := map[string]func(k map[string]any) map[string]any{
		"private part": func(k map[string]any) map[string]any { return changed(k, "d", b64.EncodeToString(make([]byte, 32))) },
		"kty RSA":      func(k map[string]any) map[string]any { return changed(k, "kty", "RSA") },
		"kty OKP":      func(k map[string]any) map[string]any { return changed(k, "kty", "OKP") },
		"kty absent":   func(k map[string]any) map[string]any { return changed(k, "kty", nil) },
		"crv P-384":    func(k map[string]any) map[string]any { return changed(k, "crv", "P-384") },
		"crv secp256k1": func(k map[string]any) map[string]any {
			return changed(k, "crv", "secp256k1")
		},
		"use absent": func(k map[string]any) map[string]any { return changed(k, "use", nil) },
		"use another": func(k map[string]any) map[string]any {
			return changed(k, "use", map[any]string{"sig": "enc", "enc": "sig"}[k["use"]])
		},
		"kid another's": func(k map[string]any) map[string]any { return changed(k, "kid", other.thumb) },
		"kid cut":       func(k map[string]any) map[string]any { return changed(k, "kid", me.thumb[:8]) },
		"kid a number":  func(k map[string]any) map[string]any { return changed(k, "kid", 7) },
		"off the curve": func(k map[string]any) map[string]any { return changed(k, "y", other.coordinate(other.key.Y)) },
		"the origin": func(k map[string]any) map[string]any {
			z := b64.EncodeToString(make([]byte, 32))
			return changed(changed(k, "x", z), "y", z)
		},
		"x of 31 bytes": func(k map[string]any) map[string]any { return changed(k, "x", b64.EncodeToString(make([]byte, 31))) },
		"x of 33 bytes": func(k map[string]any) map[string]any { return changed(k, "x", "AA"+k["x"].(string)) },
		"x padded":      func(k map[string]any) map[string]any { return changed(k, "x", k["x"].(string)+"=") },
		"x + p": func(k map[string]any) map[string]any {
			return changed(k, "x", b64.EncodeToString(elliptic.P256().Params().P.Bytes()))
		},
		"y absent":   func(k map[string]any) map[string]any { return changed(k, "y", nil) },
		"y a number": func(k map[string]any) map[string]any { return changed(k, "y", 7) },
		"not a key":  func(map[string]any) map[string]any { return map[string]any{} },
	}
	for name, spoil := range faults {
		bad := spoil(me.jwk("sig"))
		d.json(t, m, "POST", "/v1/identity", auth, map[string]any{"sigPubKey": bad}).want(t, "register sigPubKey: "+name, api.CodeBadKey)
		for _, p := range places(t, me) {
			if p.notJSON != api.CodeBadKey {
				continue
			}
			jwk := p.payload.(map[string]any)
			token := p.sign(t, p.header(), spoil(jwk))
			d.json(t, m, p.method, p.path, auth, p.body(token)).want(t, p.name+": "+name, api.CodeBadKey)
		}
	}
	got := d.text(t, m, "GET", "/v1/identity/"+me.local, auth, "")
	if key, _ := got.body(t)["sigPubKey"].(map[string]any); key["x"] != me.jwk("sig")["x"] {
		t.Errorf("the key has changed: %v", key)
	}
}
