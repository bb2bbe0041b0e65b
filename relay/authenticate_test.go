package relay

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/jose"
)

func basic(key, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":"+secret))
}

func bearer(t testing.TB, key, secret, audience string, now time.Time) string {
	t.Helper()
	s := must(jose.ParseSecret(secret))(t)
	return "Bearer " + must(jose.SignAPIToken(key, s, audience, now, 10*time.Minute))(t)
}

func TestAKeyIsLetInByBasicAndByBearer(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	local, _, _ := strings.Cut(u.key, "@")
	for name, header := range map[string]string{
		"basic":       basic(u.key, u.secret),
		"local form":  basic(local, u.secret),
		"alias":       basic(local+"@api.nix.software", u.secret),
		"scheme case": strings.Replace(basic(u.key, u.secret), "Basic", "bASIC", 1),
		"bearer":      bearer(t, u.key, u.secret, "nix.example.org", w.clock()),
		"alias aud":   bearer(t, u.key, u.secret, "api.nix.software", w.clock()),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := n.Authenticate(t.Context(), header, "txn")
			wantCode(t, err, api.CodeOK)
			if n.domain.Full(c.Key()) != u.key {
				t.Errorf("let in as %s", c.Key())
			}
			wantCode(t, c.Require(ScopeMessage), api.CodeOK)
			wantCode(t, c.Require(ScopeAdmin), api.CodeScope)
		})
	}
}

func TestEachWrongCredentialHasItsCode(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	other := jose.NewSecret().Text()
	unknown := n.domain.Full(address.New(address.APIKey))
	early := w.clock().Add(-time.Hour)
	tests := []struct {
		name, header string
		want         api.Code
	}{
		{"none", "", api.CodeNoCredentials},
		{"scheme", "Digest x", api.CodeNoCredentials},
		{"not base64", "Basic ???", api.CodeNoCredentials},
		{"no colon", "Basic " + base64.StdEncoding.EncodeToString([]byte("abc")), api.CodeNoCredentials},
		{"not a key's address", basic("i"+u.key[1:], u.secret), api.CodeNoCredentials},
		{"too long", "Basic " + strings.Repeat("A", maxCredentials), api.CodeNoCredentials},
		{"foreign", basic(u.key[:21]+"@elsewhere.org", u.secret), api.CodeUnknownKey},
		{"unknown", basic(unknown, u.secret), api.CodeUnknownKey},
		{"unknown, decoy", basic(unknown, decoys[0].Text()), api.CodeUnknownKey},
		{"wrong secret", basic(u.key, other), api.CodeBadCredentials},
		{"a decoy", basic(u.key, decoys[1].Text()), api.CodeBadCredentials},
		{"no secret", basic(u.key, ""), api.CodeBadCredentials},
		{"garbage token", "Bearer abc", api.CodeNoCredentials},
		{"wrong token key", bearer(t, u.key, other, "nix.example.org", w.clock()), api.CodeBadCredentials},
		{"wrong aud", bearer(t, u.key, u.secret, "elsewhere.org", w.clock()), api.CodeBadCredentials},
		{"expired", bearer(t, u.key, u.secret, "nix.example.org", early), api.CodeBadCredentials},
		{"unknown token key", bearer(t, unknown, u.secret, "nix.example.org", w.clock()), api.CodeUnknownKey},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := n.Authenticate(t.Context(), tt.header, "txn")
			wantCode(t, err, tt.want)
		})
	}
	if api.CodeUnknownKey.Text() != api.CodeBadCredentials.Text() {
		t.Error("an unknown key and a wrong secret say different texts")
	}
}

func TestWhatIsWrongWithAKeyIsToldToItsHolderAlone(t *testing.T) {
	w, u := newUsers(t, 1)
	n, ctx := w.nodes[0], t.Context()
	off, on := false, true
	soon := decimal(w.clock().Unix() + 10)
	tests := []struct {
		name     string
		do, undo func() error
		want     api.Code
	}{
		{"disabled", func() error { _, err := n.UpdateKey(ctx, u.operator, u.key, api.KeyPatch{Enabled: &off}); return err },
			func() error { _, err := n.UpdateKey(ctx, u.operator, u.key, api.KeyPatch{Enabled: &on}); return err }, api.CodeKeyDisabled},
		{"application", func() error {
			_, err := n.UpdateApplication(ctx, u.operator, u.app, api.TenantPatch{Enabled: &off})
			return err
		},
			func() error {
				_, err := n.UpdateApplication(ctx, u.operator, u.app, api.TenantPatch{Enabled: &on})
				return err
			}, api.CodeTenantDisabled},
		{"customer", func() error {
			_, err := n.UpdateCustomer(ctx, u.operator, u.customer, api.TenantPatch{Enabled: &off})
			return err
		},
			func() error {
				_, err := n.UpdateCustomer(ctx, u.operator, u.customer, api.TenantPatch{Enabled: &on})
				return err
			}, api.CodeTenantDisabled},
		{"expired", func() error {
			_, err := n.UpdateKey(ctx, u.operator, u.key, api.KeyPatch{Expires: &soon})
			w.advance(11 * time.Second)
			return err
		}, func() error {
			never := ""
			_, err := n.UpdateKey(ctx, u.operator, u.key, api.KeyPatch{Expires: &never})
			return err
		}, api.CodeKeyExpired},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantCode(t, tt.do(), api.CodeOK)
			_, err := n.Authenticate(ctx, basic(u.key, u.secret), "txn")
			wantCode(t, err, tt.want)
			_, err = n.Authenticate(ctx, basic(u.key, jose.NewSecret().Text()), "txn")
			wantCode(t, err, api.CodeBadCredentials)
			wantCode(t, tt.undo(), api.CodeOK)
			w.login(n, u.key, u.secret)
		})
	}
	wantCode(t, n.DeleteKey(ctx, u.operator, u.key), api.CodeOK)
	_, err := n.Authenticate(ctx, basic(u.key, u.secret), "txn")
	wantCode(t, err, api.CodeUnknownKey)
}

// A node that lags must not refuse what is good now.
func TestANewKeyAndANewSecretWorkOnALaggingNode(t *testing.T) {
	w, u := newUsers(t, 2)
	lead, edge := w.nodes[0], w.nodes[1]
	edge.setLag(true)
	key := must(lead.CreateKey(t.Context(), u.operator, u.app, api.KeyRequest{Name: "new"}))(t)
	w.login(edge, key.Address, key.Secret)
	before := edge.barrierCount()
	w.login(edge, key.Address, key.Secret)
	if edge.barrierCount() != before {
		t.Error("a key that the local state knows took a read barrier")
	}
	rotated := must(lead.RotateKey(t.Context(), u.operator, u.key, api.RotateRequest{}))(t)
	w.login(edge, u.key, rotated.Secret)
	w.setNoLeader(true)
	_, err := edge.Authenticate(t.Context(), basic(u.key, "wrong"), "txn")
	wantCode(t, err, api.CodeNoLeader)
}

func TestBothGenerationsOfARotatedKeyAreGoodWhileTheyOverlap(t *testing.T) {
	w, u := newUsers(t, 1)
	n, ctx := w.nodes[0], t.Context()
	rotated := must(n.RotateKey(ctx, u.operator, u.key, api.RotateRequest{Overlap: 60}))(t)
	if rotated.OldValidUntil != decimal(w.clock().Unix()+60) || rotated.Secret == u.secret {
		t.Errorf("rotated: until %s", rotated.OldValidUntil)
	}
	old, fresh := w.login(n, u.key, u.secret), w.login(n, u.key, rotated.Secret)
	if old.generation == fresh.generation {
		t.Error("the caller does not tell the generation that was shown")
	}
	a := w.register(old, "user")
	w.advance(60 * time.Second)
	_, err := n.Authenticate(ctx, basic(u.key, u.secret), "txn")
	wantCode(t, err, api.CodeBadCredentials)
	// What began with the old secret does not go on after its end.
	_, err = n.Fetch(ctx, old, a.proof(api.PathFetch))
	wantCode(t, err, api.CodeBadCredentials)
	_, err = n.Fetch(ctx, fresh, a.proof(api.PathFetch))
	wantCode(t, err, api.CodeOK)
}

func TestAStoredSecretThatCannotBeOpenedIsAnInternalError(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	key := must(n.domain.Parse(u.key))(t)
	if _, _, err := n.propose(t.Context(), &command.RotateKey{Meta: n.ownMeta(), Target: key, Sealed: []byte("damaged")}); err != nil {
		t.Fatal(err)
	}
	_, err := n.Authenticate(t.Context(), basic(u.key, u.secret), "txn")
	if err == nil || !internal(err) {
		t.Errorf("got %v", err)
	}
}

func TestOpenedSecretsAreKeptWithinABound(t *testing.T) {
	cache := newSecretCache(reverseSealer{})
	var first command.KeySecret
	key := address.New(address.APIKey)
	for i := range maxOpened + 10 {
		secret := jose.NewSecret()
		sealed := must(reverseSealer{}.Seal(secret[:]))(t)
		s := command.KeySecret{Generation: uint64(i), Sealed: sealed}
		if i == 0 {
			first = s
		}
		got := must(cache.open(key, s))(t)
		if !got.Equal(secret.Text()) {
			t.Fatal("another secret")
		}
		must(cache.open(key, first))(t) // stays in use
	}
	if n := cache.order.Len(); n != maxOpened || len(cache.byName) != n {
		t.Errorf("%d secrets are kept", n)
	}
	if _, ok := cache.byName[opened{key: key, generation: 0, sealed: sealedHash(first)}]; !ok {
		t.Error("the one in use was dropped")
	}
}

func FuzzCredentials(f *testing.F) {
	domain, err := address.NewDomain("nix.example.org")
	if err != nil {
		f.Fatal(err)
	}
	key := domain.Full(address.New(address.APIKey))
	token, err := jose.SignAPIToken(key, jose.NewSecret(), "nix.example.org", time.Unix(1_800_000_000, 0), time.Minute)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "Basic", "Basic  ", basic(key, "x"), basic(key, "a:b"), "Bearer " + token, "bearer a.b.c", "Basic \x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		c, err := parseCredentials(header, domain)
		if err != nil {
			switch codeOf(t, err) {
			case api.CodeNoCredentials, api.CodeUnknownKey, api.CodeBadCredentials:
			default:
				t.Errorf("code of %v", err)
			}
			return
		}
		if c.key.Type() != address.APIKey {
			t.Errorf("a key of type %v", c.key.Type())
		}
		if c.match(decoys[0]) && c.secret != decoys[0].Text() {
			t.Error("something else than the secret matches")
		}
	})
}
