package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
)

// realClient is a client of a real node: what the fake cluster leaves out, or
// takes for granted, is tried there.
func realClient(t *testing.T, change func(*client.Config)) *client.Client {
	t.Helper()
	url, key, stop := startNode()
	t.Cleanup(stop)
	cfg := client.Config{URLs: []string{url}, Key: key}
	if change != nil {
		change(&cfg)
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestARealNodeTakesEveryChangeOfAnIdentity(t *testing.T) {
	c := realClient(t, func(cfg *client.Config) { cfg.Bearer = true })
	ctx := within(t, time.Minute)
	id := mustRegister(t, c, client.KindUser)
	root := id.SigningKey().Thumbprint()
	old, _ := id.Encrypt([]byte("old"))

	rotations(t, c, id, 2)
	if err := c.RotateEncryptionKey(ctx, id, nil); err != nil {
		t.Fatal(err)
	}
	shown, err := c.UpdateMeta(ctx, id, client.Metadata{
		Kind: client.KindVault, Public: map[string]any{"name": "V"}, Private: map[string]any{"note": "mine"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var private map[string]string
	if err := json.Unmarshal(shown.MetaPrivate, &private); err != nil || private["note"] != "mine" || private["created"] == "" {
		t.Errorf("private metadata %s, %v", shown.MetaPrivate, err)
	}
	p, err := c.Peer(ctx, id.Address())
	if err != nil {
		t.Fatal(err)
	}
	if p.RootKey().Thumbprint() != root || p.SigningKey().Thumbprint() != id.SigningKey().Thumbprint() ||
		p.EncryptionKey().Thumbprint() != id.EncryptionKey().Thumbprint() || string(p.Public) != `{"identityType":"vault","name":"V"}` {
		t.Errorf("peer %s, metadata %s", p.Address, p.Public)
	}
	if p.Application == "" {
		t.Error("no application")
	}
	if plain, err := reimport(t, id).Decrypt(old); err != nil || string(plain) != "old" {
		t.Errorf("what was encrypted three keys ago: %q, %v", plain, err)
	}
	for _, name := range []string{"recovery", "notes"} {
		jwe, err := id.Encrypt([]byte(name))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.StoreData(ctx, id, name, jwe); err != nil {
			t.Fatal(err)
		}
		if d, err := c.LoadData(ctx, id.Address(), name); err != nil || d.Err != nil || d.JWE != jwe {
			t.Errorf("%s: %v, %v", name, err, d.Err)
		}
	}
	if err := c.Retire(ctx, id); err != nil {
		t.Fatal(err)
	}
	if err := c.Retire(ctx, id); err != nil {
		t.Errorf("retiring twice: %v", err)
	}
	if _, err := c.Peer(ctx, id.Address()); !errors.Is(err, &api.Error{Code: api.CodeRetiredIdentity}) {
		t.Errorf("a retired peer: %v", err)
	}
}

func TestARealNodeAnswersARequestThatWaits(t *testing.T) {
	c := realClient(t, nil)
	ctx := within(t, time.Minute)
	vault, friend, stranger := mustRegister(t, c, client.KindVault), mustRegister(t, c, ""), mustRegister(t, c, "")
	serving(t, &client.Vault{
		Client: c, Identity: vault,
		OnRequest: func(_ context.Context, r client.Message) (client.Package, time.Duration, error) {
			if r.From != friend.Address() {
				return client.Package{}, 0, client.Refuse("no")
			}
			p := newPackage()
			p.ID = r.Kid
			return p, time.Hour, nil
		},
	})
	o := client.RequestOptions{Wait: 30 * time.Second}
	a, err := c.Request(ctx, friend, vault.Address(), packageID, o)
	if err != nil || a.Pending || a.FromCache || a.Package == nil || len(a.Package.Keys) != 2 {
		t.Fatalf("answer %+v, error %v", a, err)
	}
	a, err = c.Request(ctx, friend, vault.Address(), packageID, o)
	if err != nil || !a.FromCache {
		t.Errorf("the second time: %+v, %v", a, err)
	}
	a, err = c.Request(ctx, friend, vault.Address(), packageID, client.RequestOptions{Wait: 30 * time.Second, NoCache: true})
	if err != nil || a.FromCache || a.Package == nil {
		t.Errorf("without the cache: %+v, %v", a, err)
	}
	if _, err = c.Request(ctx, stranger, vault.Address(), packageID, o); !errors.Is(err, client.ErrDenied) {
		t.Errorf("a stranger: %v", err)
	}
}

func TestARealNodePagesAndFilters(t *testing.T) {
	c := realClient(t, nil)
	ctx := within(t, time.Minute)
	ann, eve, bob := mustRegister(t, c, ""), mustRegister(t, c, ""), mustRegister(t, c, "")
	sendSequence(t, c, ann, bob, 0, 23)
	sendSequence(t, c, eve, bob, 100, 5)
	count := func(o client.FetchOptions) (n int, first, last string) {
		for m, err := range c.Fetch(ctx, bob, o) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 1 {
				first = m.ID
			}
			last = m.ID
		}
		return n, first, last
	}
	if n, first, last := count(client.FetchOptions{PageSize: 5}); n != 28 || first != "104" || last != "0" {
		t.Errorf("newest first: %d from %s to %s", n, first, last)
	}
	ofAnn := client.FetchOptions{PageSize: 7, OldestFirst: true, Filter: client.Filter{From: ann.Address(), Types: []client.Type{client.TypeSigned}}}
	if n, first, last := count(ofAnn); n != 23 || first != "0" || last != "22" {
		t.Errorf("ann's, oldest first: %d from %s to %s", n, first, last)
	}
	ofAnn.Types = []client.Type{client.TypeEncrypted}
	if n, _, _ := count(ofAnn); n != 0 {
		t.Errorf("%d encrypted messages, want none", n)
	}
}
