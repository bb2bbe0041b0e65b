package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/jose"
)

// rotations gives an identity n more signing keys.
func rotations(t *testing.T, c *client.Client, id *client.Identity, n int) {
	t.Helper()
	for range n {
		if err := c.RotateKeys(within(t, 10*time.Second), id, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPeerIsVerifiedFromRootToCurrentKey(t *testing.T) {
	f := newFakeCluster(t)
	c := f.client(t, nil, f.node(t))
	bob := mustRegister(t, c, client.KindVault)
	root := bob.SigningKey().Thumbprint()
	rotations(t, c, bob, 3)
	p, err := c.Peer(within(t, 10*time.Second), bob.Address())
	if err != nil {
		t.Fatal(err)
	}
	if p.RootKey().Thumbprint() != root || p.SigningKey().Thumbprint() != bob.SigningKey().Thumbprint() ||
		p.EncryptionKey().Thumbprint() != bob.EncryptionKey().Thumbprint() {
		t.Error("another key than bob's")
	}
	if string(p.Public) != `{"identityType":"vault"}` || p.Application != "p" {
		t.Errorf("metadata %s, application %s", p.Public, p.Application)
	}
}

func TestAPeerThatDoesNotHoldTogetherIsRefused(t *testing.T) {
	f := newFakeCluster(t)
	c := f.client(t, nil, f.node(t))
	eve := mustRegister(t, c, "")
	rotations(t, c, eve, 1)
	other := f.identities[eve.Address()]
	for name, spoil := range map[string]func(bob *api.Identity){
		"another's address":             func(b *api.Identity) { b.Address = other.Address },
		"another's current key":         func(b *api.Identity) { b.SigPubKey = other.SigPubKey },
		"another's root":                func(b *api.Identity) { b.SigRoot = other.SigRoot },
		"another's chain":               func(b *api.Identity) { b.SigChain = other.SigChain },
		"no chain":                      func(b *api.Identity) { b.SigChain = nil },
		"a link left out":               func(b *api.Identity) { b.SigChain = b.SigChain[1:] },
		"links exchanged":               func(b *api.Identity) { b.SigChain[0], b.SigChain[1] = b.SigChain[1], b.SigChain[0] },
		"a link too many":               func(b *api.Identity) { b.SigChain = append(b.SigChain, other.SigChain[0]) },
		"an encryption token as a link": func(b *api.Identity) { b.SigChain[1] = b.EncPubKey },
		"another's encryption key":      func(b *api.Identity) { b.EncPubKey = other.EncPubKey },
		"a link as encryption key":      func(b *api.Identity) { b.EncPubKey = b.SigChain[1] },
		"no encryption key":             func(b *api.Identity) { b.EncPubKey = "" },
		"another's metadata":            func(b *api.Identity) { b.MetaPublicJWS = other.MetaPublicJWS },
		"unreadable metadata":           func(b *api.Identity) { b.MetaPublic = json.RawMessage("3") },
		"no root":                       func(b *api.Identity) { b.SigRoot = nil },
	} {
		t.Run(name, func(t *testing.T) {
			bob := mustRegister(t, c, "")
			rotations(t, c, bob, 2)
			shown := f.identities[bob.Address()]
			spoil(shown)
			fresh := f.client(t, nil, f.node(t))
			_, err := fresh.Peer(within(t, 10*time.Second), bob.Address())
			if !errors.Is(err, client.ErrPeer) && !errors.Is(err, client.ErrBadAnswer) {
				t.Errorf("error %v, want ErrPeer", err)
			}
		})
	}
}

func TestAnEncryptionKeyOfARetiredSigningKeyIsRefused(t *testing.T) {
	f := newFakeCluster(t)
	c := f.client(t, nil, f.node(t))
	bob := mustRegister(t, c, "")
	old := f.identities[bob.Address()].EncPubKey
	rotations(t, c, bob, 1)
	f.identities[bob.Address()].EncPubKey = old
	if _, err := c.Peer(within(t, 10*time.Second), bob.Address()); !errors.Is(err, client.ErrPeer) {
		t.Fatalf("error %v, want ErrPeer", err)
	}
}

// Two identities may have one key, by mistake or malice; what it signed for the
// one says nothing of the other.
func TestATokenInAnothersNameIsNotThePeers(t *testing.T) {
	f := newFakeCluster(t)
	c := f.client(t, nil, f.node(t))
	bob, eve := mustRegister(t, c, ""), mustRegister(t, c, "")
	enc := string(bob.EncryptionKey().JWK())
	shown := f.identities[bob.Address()]
	for name, want := range map[string]error{bob.Full(): nil, eve.Full(): client.ErrPeer} {
		shown.EncPubKey = signAs(t, bob, name, api.PathMeEncKey+"#"+api.FieldEncPubKey, enc)
		if _, err := c.Peer(within(t, 10*time.Second), bob.Address()); !errors.Is(err, want) {
			t.Errorf("in the name of %s: error %v, want %v", name, err, want)
		}
	}
}

func TestAPeerWithAnotherPastThanRememberedIsRefused(t *testing.T) {
	f := newFakeCluster(t)
	pins := client.NewMemoryPins()
	c := f.client(t, func(cfg *client.Config) { cfg.Pins = pins }, f.node(t))
	bob := mustRegister(t, c, "")
	before := *f.identities[bob.Address()]
	rotations(t, c, bob, 1)
	ctx := within(t, 10*time.Second)
	if _, err := c.Peer(ctx, bob.Address()); err != nil {
		t.Fatal(err)
	}
	rotations(t, c, bob, 1)
	if _, err := c.Peer(ctx, bob.Address()); err != nil {
		t.Fatalf("a longer chain is refused: %v", err)
	}

	f.identities[bob.Address()] = shortened(t, f, bob)
	if _, err := c.Peer(ctx, bob.Address()); !errors.Is(err, client.ErrPeerChanged) {
		t.Errorf("a chain without its beginning: error %v, want ErrPeerChanged", err)
	}
	f.identities[bob.Address()] = &before
	if _, err := c.Peer(ctx, bob.Address()); !errors.Is(err, client.ErrPeerChanged) {
		t.Errorf("an older chain: error %v, want ErrPeerChanged", err)
	}

	impostor := mustRegister(t, c, "")
	shown := *f.identities[impostor.Address()]
	shown.Address = f.domain.Full(bob.Address())
	f.identities[bob.Address()] = &shown
	restarted := f.client(t, func(cfg *client.Config) { cfg.Pins = pins }, f.node(t))
	if _, err := restarted.Peer(ctx, bob.Address()); !errors.Is(err, client.ErrPeerChanged) {
		t.Errorf("another root: error %v, want ErrPeerChanged", err)
	}
}

// shortened shows an identity as if its second key were its root.
func shortened(t *testing.T, f *fakeCluster, id *client.Identity) *api.Identity {
	t.Helper()
	shown := *f.identities[id.Address()]
	link, err := jose.ParseToken(shown.SigChain[0], f.domain)
	if err != nil {
		t.Fatal(err)
	}
	shown.SigRoot, shown.SigChain = link.Payload, shown.SigChain[1:]
	shown.MetaPublicJWS = signFor(t, id, api.PathMeMeta+"#"+api.FieldMetaPublic, `{}`)
	return &shown
}

// signFor makes a token that the client itself would not make.
func signFor(t *testing.T, id *client.Identity, target, payload string) string {
	t.Helper()
	return signAs(t, id, id.Full(), target, payload)
}

// signAs is signFor under any name.
func signAs(t *testing.T, id *client.Identity, name, target, payload string) string {
	t.Helper()
	exported, err := id.Export()
	if err != nil {
		t.Fatal(err)
	}
	var e struct {
		Sig json.RawMessage `json:"sig"`
	}
	if err := json.Unmarshal(exported, &e); err != nil {
		t.Fatal(err)
	}
	key, err := jose.ParsePrivateKey(e.Sig, jose.Sig)
	if err != nil {
		t.Fatal(err)
	}
	token, err := key.Sign([]byte(payload), jose.SignOptions{
		Kid: name + "/" + key.Public().Thumbprint(), Target: target, IssuedAt: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestMessagesAreVerifiedByTheSendersChain(t *testing.T) {
	f := newFakeCluster(t)
	c := f.client(t, nil, f.node(t))
	ann, bob := mustRegister(t, c, ""), mustRegister(t, c, "")
	sendSequence(t, c, ann, bob, 0, 1)
	ctx := within(t, 10*time.Second)
	got := collect(t, ctx, c, bob, client.ListenOptions{}, 1) // ann's keys are cached now
	rotations(t, c, ann, 1)
	sendSequence(t, c, ann, bob, 1, 1)
	got = append(got, collect(t, ctx, c, bob, client.ListenOptions{After: got[0].TS}, 1)...)
	if got[1].Verified != client.VerifiedCurrent {
		t.Errorf("signed with the new key: %v, %v", got[1].Verified, got[1].Err)
	}
	if old := collect(t, ctx, c, bob, client.ListenOptions{}, 1)[0]; old.Verified != client.VerifiedPast {
		t.Errorf("signed with the old key: %v, %v", old.Verified, old.Err)
	}
}

func TestAForgedMessageIsNeverTrusted(t *testing.T) {
	f := newFakeCluster(t)
	c := f.client(t, nil, f.node(t))
	ann, bob, eve := mustRegister(t, c, ""), mustRegister(t, c, ""), mustRegister(t, c, "")
	ctx := within(t, 10*time.Second)
	prepared, err := c.Prepare(ctx, eve, client.Outgoing{Type: client.TypeEncrypted, To: bob.Address(), Content: []byte("from ann, honestly")})
	if err != nil {
		t.Fatal(err)
	}
	genuine, err := c.Prepare(ctx, ann, client.Outgoing{To: bob.Address()})
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"payload and header exchanged": splice(genuine[0].Token, prepared[0].Token),
		"not a token":                  "x",
		"signature cut":                prepared[0].Token[:len(prepared[0].Token)-4],
	} {
		t.Run(name, func(t *testing.T) {
			f.mu.Lock()
			f.mail[bob.Address()] = nil
			f.deliver(bob.Address(), token)
			f.mu.Unlock()
			m := collect(t, ctx, c, bob, client.ListenOptions{}, 1)[0]
			if m.Verified != client.Unverified || !errors.Is(m.Err, client.ErrUnverified) {
				t.Errorf("verified %v, error %v", m.Verified, m.Err)
			}
			if plain, err := m.Content(bob); !errors.Is(err, client.ErrUnverified) {
				t.Errorf("its content is given: %q, %v", plain, err)
			}
		})
	}
}

func TestATokenMadeForAnotherPlaceIsNoMessage(t *testing.T) {
	f := newFakeCluster(t)
	c := f.client(t, nil, f.node(t))
	bob := mustRegister(t, c, "")
	payload := fmt.Sprintf(`{"type":"s","id":"1","dst":%q,"exp":2000000000,"body":{}}`, bob.Full())
	for target, want := range map[string]client.Verification{
		"": client.VerifiedCurrent, api.PathMeMeta + "#" + api.FieldMetaPublic: client.Unverified,
	} {
		m := client.Message{Token: signFor(t, bob, target, payload)}
		c.Verify(within(t, 10*time.Second), &m)
		if m.Verified != want {
			t.Errorf("target %q: %v, %v", target, m.Verified, m.Err)
		}
	}
}
