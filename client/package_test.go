package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/internal/eventually"
)

const packageID = "report-7"

func newPackage() client.Package {
	return client.Package{
		ID: packageID, Keys: []client.ContentKey{client.NewContentKey("body"), client.NewContentKey("index")},
		Meta: json.RawMessage(`{"title":"Report"}`),
	}
}

func TestContentIsOnlyReadWithItsKeyAndName(t *testing.T) {
	k := client.NewContentKey("body")
	sealed := k.Encrypt([]byte("words"))
	if plain, err := k.Decrypt(sealed); err != nil || string(plain) != "words" {
		t.Fatalf("got %q, %v", plain, err)
	}
	renamed := k
	renamed.Name = "index"
	for name, fails := range map[string]func() error{
		"another key":  func() error { _, err := client.NewContentKey("body").Decrypt(sealed); return err },
		"another name": func() error { _, err := renamed.Decrypt(sealed); return err },
		"altered":      func() error { s := append([]byte(nil), sealed...); s[20] ^= 1; _, err := k.Decrypt(s); return err },
		"cut":          func() error { _, err := k.Decrypt(sealed[:8]); return err },
		"empty":        func() error { _, err := k.Decrypt(nil); return err },
	} {
		if err := fails(); !errors.Is(err, client.ErrContent) {
			t.Errorf("%s: error %v, want ErrContent", name, err)
		}
	}
}

func TestAPublishedPackageIsServedFromTheCacheUntilCleared(t *testing.T) {
	f := newFakeCluster(t)
	c := f.client(t, nil, f.node(t))
	vault, reader := mustRegister(t, c, client.KindVault), mustRegister(t, c, client.KindUser)
	ctx := within(t, 10*time.Second)
	p := newPackage()
	sealed := p.Keys[0].Encrypt([]byte("the content"))
	if _, err := c.Publish(ctx, vault, reader.Address(), p, client.PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	// The cached package is encrypted to a key that the reader replaces.
	rotations(t, c, reader, 1)
	a, err := c.Request(ctx, reader, vault.Address(), packageID, client.RequestOptions{})
	if err != nil || !a.FromCache || a.Pending || a.Package == nil {
		t.Fatalf("answer %+v, error %v", a, err)
	}
	k, ok := a.Package.Key("body")
	if plain, err := k.Decrypt(sealed); !ok || err != nil || string(plain) != "the content" {
		t.Fatalf("the key does not open the content: %v", err)
	}
	if string(a.Package.Meta) != `{"title":"Report"}` {
		t.Errorf("meta %s", a.Package.Meta)
	}
	if r, err := c.Clear(ctx, vault, reader.Address(), packageID); err != nil || r.Cleared != 1 {
		t.Fatalf("cleared %d, %v", r.Cleared, err)
	}
	if a, err = c.Request(ctx, reader, vault.Address(), packageID, client.RequestOptions{}); err != nil || !a.Pending || a.FromCache {
		t.Fatalf("after the clear: %+v, %v", a, err)
	}
}

// serving runs a vault until the test ends.
func serving(t *testing.T, v *client.Vault) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := v.Serve(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("the vault stopped: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
}

func TestAVaultTakesFromAuthorsAndAnswersReaders(t *testing.T) {
	f := newFakeCluster(t)
	c := f.client(t, nil, f.node(t), f.node(t))
	vault, author := mustRegister(t, c, client.KindVault), mustRegister(t, c, "")
	friend, stranger := mustRegister(t, c, ""), mustRegister(t, c, "")
	ctx := within(t, 20*time.Second)
	held := make(chan client.Package, 1)
	var p client.Package
	serving(t, &client.Vault{
		Client: c, Identity: vault,
		OnPackage: func(_ context.Context, m client.Message, p client.Package) error {
			if m.From == author.Address() {
				held <- p
			}
			return nil
		},
		OnRequest: func(_ context.Context, r client.Message) (client.Package, time.Duration, error) {
			if r.From != friend.Address() {
				return client.Package{}, 0, client.Refuse("you are not on the list")
			}
			return p, time.Hour, nil
		},
	})
	given := newPackage()
	if _, err := c.Give(ctx, stranger, vault.Address(), newPackage(), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Give(ctx, author, vault.Address(), given, 0); err != nil {
		t.Fatal(err)
	}
	if p = <-held; p.ID != given.ID || p.Keys[0] != given.Keys[0] {
		t.Fatal("the vault holds another package than the author gave")
	}

	a, err := c.Request(ctx, friend, vault.Address(), packageID, client.RequestOptions{})
	if err != nil || !a.Pending {
		t.Fatalf("answer %+v, error %v", a, err)
	}
	if a, err = c.Await(ctx, friend, a); err != nil || a.Package == nil || a.Package.Keys[1] != given.Keys[1] {
		t.Fatalf("answer %+v, error %v", a, err)
	}
	if a, err = c.Request(ctx, friend, vault.Address(), packageID, client.RequestOptions{}); err != nil || !a.FromCache {
		t.Fatalf("the answer is not cached: %+v, %v", a, err)
	}

	a, err = c.Request(ctx, stranger, vault.Address(), packageID, client.RequestOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Await(ctx, stranger, a)
	if reason, ok := client.IsDenied(err); !ok || reason != "you are not on the list" || !errors.Is(err, client.ErrDenied) {
		t.Fatalf("error %v, want a denial", err)
	}
	eventually.True(t, 10*time.Second, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.mail[vault.Address()]) == 0
	}, "the vault's mailbox is not empty")
}

func TestNobodyStopsAVaultByAsking(t *testing.T) {
	f := newFakeCluster(t)
	n := f.node(t)
	c := f.client(t, nil, n)
	vault, reader := mustRegister(t, c, client.KindVault), mustRegister(t, c, "")
	ctx := within(t, 20*time.Second)
	gone := mustRegister(t, c, "")
	served := make(chan client.Message, 10)
	serving(t, &client.Vault{
		Client: c, Identity: vault, OnServed: func(m client.Message) { served <- m },
		OnRequest: func(context.Context, client.Message) (client.Package, time.Duration, error) {
			return newPackage(), 0, nil
		},
	})
	f.mu.Lock()
	f.deliver(vault.Address(), "not even a token")
	f.mu.Unlock()
	if _, err := c.Send(ctx, reader, client.Outgoing{Type: client.TypeEncrypted, To: vault.Address(), Content: []byte("no package")}); err != nil {
		t.Fatal(err)
	}
	prepared, err := c.Prepare(ctx, gone, client.Outgoing{Type: client.TypeRequest, To: vault.Address(), Kid: packageID})
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.deliver(vault.Address(), prepared[0].Token)
	delete(f.identities, gone.Address()) // retired before the vault looks
	f.mu.Unlock()
	hoarder := mustRegister(t, c, "")
	f.mu.Lock()
	f.full[hoarder.Address()] = true // no answer fits into its mailbox
	f.mu.Unlock()
	if _, err := c.Request(ctx, hoarder, vault.Address(), packageID, client.RequestOptions{}); err != nil {
		t.Fatal(err)
	}
	a, err := c.Request(ctx, reader, vault.Address(), packageID, client.RequestOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Await(ctx, reader, a); err != nil {
		t.Fatal(err)
	}
	if m := <-served; m.Err == nil {
		t.Errorf("the unreadable message was served as %+v", m)
	}
}

// What the cluster hands out from its cache is believed only when it is the
// vault's, for this reader and this id.
func TestACacheThatGivesSomethingElseIsNotBelieved(t *testing.T) {
	f := newFakeCluster(t)
	n := f.node(t)
	c := f.client(t, nil, n)
	vault, reader, eve := mustRegister(t, c, client.KindVault), mustRegister(t, c, ""), mustRegister(t, c, "")
	ctx := within(t, 20*time.Second)
	publish := func(from *client.Identity, to address.Address, id string) api.StreamLine {
		p := newPackage()
		p.ID = id
		if _, err := c.Publish(ctx, from, to, p, client.PublishOptions{}); err != nil {
			t.Fatal(err)
		}
		return f.mail[to][len(f.mail[to])-1]
	}
	plain := func() api.StreamLine {
		if _, err := c.Send(ctx, vault, client.Outgoing{To: reader.Address(), Kid: packageID}); err != nil {
			t.Fatal(err)
		}
		return f.mail[reader.Address()][len(f.mail[reader.Address()])-1]
	}
	mislabelled := func() api.StreamLine {
		m := client.Outgoing{Type: client.TypePublish, To: reader.Address(), Kid: packageID, Content: []byte(`{"v":1,"kid":"other","keys":[]}`)}
		if _, err := c.Send(ctx, vault, m); err != nil {
			t.Fatal(err)
		}
		return f.mail[reader.Address()][len(f.mail[reader.Address()])-1]
	}
	genuine := publish(vault, reader.Address(), packageID)
	for name, line := range map[string]api.StreamLine{
		"eve's package":   publish(eve, reader.Address(), packageID),
		"for eve":         publish(vault, eve.Address(), packageID),
		"another package": publish(vault, reader.Address(), "other"),
		"not a package":   plain(),
		"another inside":  mislabelled(),
		"not a token":     {TS: "1", Msg: "x"},
		"no timestamp":    {TS: "", Msg: genuine.Msg},
	} {
		t.Run(name, func(t *testing.T) {
			n.setHook(func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != api.PathSend {
					return false
				}
				succeed(w, api.CodeSent, []api.MessageResult{{Code: api.CodeServedFromCache, Body: []api.StreamLine{line}}})
				return true
			})
			a, err := c.Request(ctx, reader, vault.Address(), packageID, client.RequestOptions{})
			if err == nil || a.Package != nil {
				t.Fatalf("answer %+v, error %v", a, err)
			}
		})
	}
}

func TestARequestThatWaitsGetsTheAnswerInTheSameCall(t *testing.T) {
	f := newFakeCluster(t)
	n := f.node(t)
	c := f.client(t, nil, n)
	vault, reader := mustRegister(t, c, client.KindVault), mustRegister(t, c, "")
	ctx := within(t, 20*time.Second)
	n.setHook(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != api.PathSend {
			return false
		}
		var q api.SendRequest
		_ = json.NewDecoder(r.Body).Decode(&q)
		if q.Wait == 0 { // the vault's denial, below
			_, _ = f.send(q)
			succeed(w, api.CodeSent, []api.MessageResult{{Code: api.CodeStored, TS: "1"}})
			return true
		}
		asked := client.Message{Token: q.Msgs[0]}
		c.Verify(ctx, &asked)
		if _, err := c.Deny(ctx, vault, asked, "no"); err != nil {
			t.Error(err)
		}
		f.mu.Lock()
		line := f.mail[reader.Address()][0]
		f.mu.Unlock()
		e := api.Success(api.CodeDenied, "1-1", []api.MessageResult{{Code: api.CodeDenied, TS: "5", Body: []api.StreamLine{line}}})
		_ = json.NewEncoder(w).Encode(e)
		return true
	})
	_, err := c.Request(ctx, reader, vault.Address(), packageID, client.RequestOptions{Wait: 3 * time.Second})
	if reason, ok := client.IsDenied(err); !ok || reason != "no" {
		t.Fatalf("error %v, want a denial", err)
	}
}

func TestTenantsAreListedPageByPageAndMadeOnce(t *testing.T) {
	f := newFakeCluster(t)
	n := f.node(t)
	c := f.client(t, nil, n)
	ctx := within(t, 10*time.Second)
	creations := 0
	n.setHook(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			creations++
			fail(w, api.CodeUnknownOutcome)
			return true
		}
		more := r.URL.Query().Get("cursor") == ""
		e := api.Success(api.CodeCustomers, "1-1", []api.Customer{{Name: "a"}, {Name: "b"}})
		if !more {
			e.Body = []api.Customer{{Name: "c"}}
		}
		e.Last, e.Continue = "next", &more
		_ = json.NewEncoder(w).Encode(e)
		return true
	})
	var names string
	for customer, err := range c.Customers(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		names += customer.Name
	}
	if names != "abc" {
		t.Errorf("customers %q", names)
	}
	if _, err := c.CreateCustomer(ctx, "x"); !errors.Is(err, client.ErrOutcomeUnknown) || creations != 1 {
		t.Errorf("error %v after %d calls: a second call would make a second customer", err, creations)
	}
}
