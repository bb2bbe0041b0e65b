package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
)

// splice gives header and signature of one token, and the payload of another.
func splice(head, payload string) string {
	h, p := strings.Split(head, "."), strings.Split(payload, ".")
	return h[0] + "." + p[1] + "." + h[2]
}

func TestRegisteringAfterALostAnswerIsTheSameRegistration(t *testing.T) {
	f := newFakeCluster(t)
	n := f.node(t)
	c := f.client(t, func(cfg *client.Config) { cfg.RetryFor = -1 }, n)
	id, err := client.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	ctx := within(t, 10*time.Second)
	n.setHook(func(_ http.ResponseWriter, r *http.Request) bool {
		f.serve(discard{}, r)
		panic(http.ErrAbortHandler)
	})
	if _, err := c.Register(ctx, id, client.Metadata{}); !errors.Is(err, client.ErrOutcomeUnknown) {
		t.Fatalf("error %v, want ErrOutcomeUnknown", err)
	}
	n.setHook(nil)
	kept := reimport(t, id) // the program was restarted in between
	if _, err := c.Register(ctx, kept, client.Metadata{}); err != nil {
		t.Fatal(err)
	}
	if len(f.identities) != 1 || kept.Address().IsZero() {
		t.Fatalf("%d identities", len(f.identities))
	}
	if _, err := c.Register(ctx, kept, client.Metadata{}); !errors.Is(err, client.ErrAlreadyRegistered) {
		t.Errorf("error %v, want ErrAlreadyRegistered", err)
	}
}

func reimport(t *testing.T, id *client.Identity) *client.Identity {
	t.Helper()
	data, err := id.Export()
	if err != nil {
		t.Fatal(err)
	}
	again, err := client.ImportIdentity(data)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// Whenever the program is killed during a rotation, what was saved last is enough
// to go on.
func TestARotationSurvivesBeingKilledAnywhere(t *testing.T) {
	killed := errors.New("killed")
	for name, tc := range map[string]struct {
		killAtSave int // 0 is never
		loseAnswer bool
	}{
		"before it is sent":           {killAtSave: 1},
		"after it was taken":          {killAtSave: 2},
		"while the answer is awaited": {loseAnswer: true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeCluster(t)
			n := f.node(t)
			c := f.client(t, func(cfg *client.Config) { cfg.RetryFor = -1 }, n)
			id := mustRegister(t, c, "")
			disk, _ := id.Export()
			saves := 0
			save := func(id *client.Identity) error {
				if saves++; saves == tc.killAtSave {
					if saves == 1 {
						disk, _ = id.Export() // the kill comes right after the write
					}
					return killed
				}
				disk, _ = id.Export()
				return nil
			}
			n.setHook(func(_ http.ResponseWriter, r *http.Request) bool {
				if !tc.loseAnswer || r.URL.Path != api.PathMeSigKey {
					return false
				}
				f.serve(discard{}, r)
				panic(http.ErrAbortHandler)
			})
			old := id.EncryptionKey()
			jwe, err := id.Encrypt([]byte("from before"))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.RotateKeys(within(t, 10*time.Second), id, save); err == nil {
				t.Fatal("it was not killed")
			}
			n.setHook(nil)

			restarted, err := client.ImportIdentity(disk)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.RotateKeys(within(t, 10*time.Second), restarted, nil); err != nil {
				t.Fatal(err)
			}
			if restarted.EncryptionKey().Thumbprint() == old.Thumbprint() {
				t.Error("the old encryption key is still the current one")
			}
			if _, err := c.Me(within(t, 10*time.Second), restarted); err != nil {
				t.Errorf("the keys are not those of the server: %v", err)
			}
			if plain, err := restarted.Decrypt(jwe); err != nil || string(plain) != "from before" {
				t.Errorf("what was encrypted before is lost: %v", err)
			}
			if n := len(f.identities[restarted.Address()].SigChain); n != 1 {
				t.Errorf("%d rotations, want 1", n)
			}
		})
	}
}

func TestARotatedEncryptionKeyIsUsedAndTheOldOneKept(t *testing.T) {
	f := newFakeCluster(t)
	c := f.client(t, nil, f.node(t))
	bob := mustRegister(t, c, "")
	jwe, _ := bob.Encrypt([]byte("old"))
	old := bob.EncryptionKey().Thumbprint()
	ctx := within(t, 10*time.Second)
	if err := c.RotateEncryptionKey(ctx, bob, nil); err != nil {
		t.Fatal(err)
	}
	p, err := c.Peer(ctx, bob.Address())
	if err != nil {
		t.Fatal(err)
	}
	if k := p.EncryptionKey().Thumbprint(); k == old || k != bob.EncryptionKey().Thumbprint() {
		t.Error("peers do not see the new key")
	}
	if plain, err := reimport(t, bob).Decrypt(jwe); err != nil || string(plain) != "old" {
		t.Errorf("the old key is lost: %v", err)
	}
}

func TestAnIdentityNeverPrintsItsKeys(t *testing.T) {
	id, err := client.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	exported, _ := id.Export()
	var e struct {
		Sig struct{ D string } `json:"sig"`
	}
	if err := json.Unmarshal(exported, &e); err != nil || e.Sig.D == "" {
		t.Fatalf("no private key in the export: %v", err)
	}
	k := client.NewContentKey("k")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if strings.Contains(fmt.Sprintf(verb, id), e.Sig.D) {
			t.Errorf("%s shows the key", verb)
		}
		if got := fmt.Sprintf(verb, k); got != "content key k" {
			t.Errorf("%s of a content key gives %s", verb, got)
		}
	}
	creds := client.KeyCredentials{ID: "a", Secret: "hush"}
	if s := fmt.Sprintf("%v %+v %#v", creds, creds, creds); strings.Contains(s, "hush") {
		t.Errorf("credentials print as %s", s)
	}
}

func TestStoredDataComesBackWithItsSigner(t *testing.T) {
	f := newFakeCluster(t)
	c := f.client(t, nil, f.node(t))
	bob, eve := mustRegister(t, c, ""), mustRegister(t, c, "")
	ctx := within(t, 10*time.Second)
	for _, name := range []string{"recovery", "notes"} {
		jwe, err := bob.Encrypt([]byte("keep " + name))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.StoreData(ctx, bob, name, jwe); err != nil {
			t.Fatal(err)
		}
		d, err := c.LoadData(ctx, bob.Address(), name)
		if err != nil || d.Err != nil {
			t.Fatalf("%v, %v", err, d.Err)
		}
		if plain, err := bob.Decrypt(d.JWE); err != nil || string(plain) != "keep "+name {
			t.Errorf("got %q, %v", plain, err)
		}
	}
	f.data[eve.Address().Local()+"/data/notes"] = f.data[bob.Address().Local()+"/data/notes"]
	if d, err := c.LoadData(ctx, eve.Address(), "notes"); err != nil || !errors.Is(d.Err, client.ErrUnverified) {
		t.Errorf("bob's item shown as eve's: %v, %v", err, d.Err)
	}
}

func TestBearerTokensAreTakenToo(t *testing.T) {
	f := newFakeCluster(t)
	c := f.client(t, func(cfg *client.Config) { cfg.Bearer = true }, f.node(t))
	id := mustRegister(t, c, "")
	if _, err := c.Me(within(t, 10*time.Second), id); err != nil {
		t.Fatal(err)
	}
}

func TestTheDomainIsLearnedFromTheServer(t *testing.T) {
	f := newFakeCluster(t)
	local, _, _ := strings.Cut(f.key.ID, "@")
	c := f.client(t, func(cfg *client.Config) { cfg.Key.ID = local }, f.node(t))
	a := address.New(address.Identity)
	if got := c.Full(a); got != a.Local() {
		t.Errorf("before: %s", got)
	}
	id := mustRegister(t, c, "")
	if got := c.Full(a); got != a.Local()+"@"+fakeDomain {
		t.Errorf("after: %s", got)
	}
	if id.Full() != f.domain.Full(id.Address()) {
		t.Errorf("the identity is %s", id.Full())
	}
	// A stored identity is enough for a client that has seen nothing yet: its
	// proofs are for the domain, not for the URL's host.
	fresh := f.client(t, func(cfg *client.Config) { cfg.Key.ID = local }, f.node(t))
	if _, err := fresh.Me(within(t, 10*time.Second), reimport(t, id)); err != nil {
		t.Error(err)
	}
}

func TestAConfigThatCannotWorkIsRefusedAtOnce(t *testing.T) {
	good := func() client.Config {
		f := newFakeCluster(t)
		return client.Config{URLs: []string{"https://nix.example.org"}, Key: f.key}
	}
	if _, err := client.New(good()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*client.Config){
		"no URLs":              func(c *client.Config) { c.URLs = nil },
		"not a URL":            func(c *client.Config) { c.URLs = []string{"::"} },
		"no host":              func(c *client.Config) { c.URLs = []string{"https://"} },
		"plain, not loopback":  func(c *client.Config) { c.URLs = []string{"http://nix.example.org"} },
		"plain, like loopback": func(c *client.Config) { c.URLs = []string{"http://localhost.example.org"} },
		"password in the URL":  func(c *client.Config) { c.URLs = []string{"https://u:p@nix.example.org"} },
		"key of another kind":  func(c *client.Config) { c.Key.ID = "i" + c.Key.ID[1:] },
		"secret cut":           func(c *client.Config) { c.Key.Secret = c.Key.Secret[1:] },
		"bad domain":           func(c *client.Config) { c.Domain = "a b" },
		"bearer, no domain":    func(c *client.Config) { c.Bearer = true; c.Key.ID, _, _ = strings.Cut(c.Key.ID, "@") },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good()
			spoil(&cfg)
			_, err := client.New(cfg)
			if !errors.Is(err, client.ErrConfig) {
				t.Fatalf("error %v, want ErrConfig", err)
			}
			if s := cfg.Key.Secret; s != "" && strings.Contains(err.Error(), s) {
				t.Error("the error shows the secret")
			}
		})
	}
}

func TestCredentialsDoNotFollowARedirect(t *testing.T) {
	f := newFakeCluster(t)
	thief := f.node(t)
	n := f.node(t)
	c := f.client(t, func(cfg *client.Config) { cfg.RetryFor = -1 }, n)
	id := mustRegister(t, c, "")
	n.setHook(func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, thief.URL+r.URL.Path, http.StatusTemporaryRedirect)
		return true
	})
	if _, err := c.Me(within(t, 10*time.Second), id); !errors.Is(err, client.ErrBadAnswer) {
		t.Errorf("error %v, want ErrBadAnswer", err)
	}
	if thief.hitCount() != 0 {
		t.Error("the redirect was followed")
	}
}

func TestCallsGoRoundWhenAskedTo(t *testing.T) {
	f := newFakeCluster(t)
	nodes := []*fakeNode{f.node(t), f.node(t), f.node(t)}
	c := f.client(t, func(cfg *client.Config) { cfg.RoundRobin = true }, nodes...)
	id := mustRegister(t, c, "")
	for range 5 {
		if _, err := c.Me(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	for i, n := range nodes {
		if n.hitCount() != 2 {
			t.Errorf("node %d was asked %d times, want 2", i, n.hitCount())
		}
	}
}
