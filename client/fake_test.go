package client_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/jose"
)

const fakeDomain = "nix.example.org"

// fakeCluster is the least that a cluster must be for the client to be tried: it
// verifies what the client signs with the real package jose, keeps mailboxes and
// the package cache, and lets a test spoil anything through its nodes' hooks.
type fakeCluster struct {
	t      *testing.T
	domain address.Domain
	key    client.KeyCredentials
	secret jose.Secret

	mu         sync.Mutex
	identities map[address.Address]*api.Identity
	mail       map[address.Address][]api.StreamLine
	seen       map[string]string // token → ts, as a server tells repeats
	cache      map[string]api.StreamLine
	data       map[string]string
	arrived    chan struct{} // closed and replaced when a message arrives
	lastTS     uint64
	full       map[address.Address]bool // mailboxes that take no more
}

// fakeNode is one door to a fakeCluster.
type fakeNode struct {
	*httptest.Server
	cluster *fakeCluster

	mu sync.Mutex
	// hook sees each request first, and says whether it has answered it.
	hook func(w http.ResponseWriter, r *http.Request) bool
	hits int
}

func newFakeCluster(t *testing.T) *fakeCluster {
	t.Helper()
	d, err := address.NewDomain(fakeDomain, "api.nix.software")
	if err != nil {
		t.Fatal(err)
	}
	secret := jose.NewSecret()
	return &fakeCluster{
		t: t, domain: d, secret: secret,
		key:        client.KeyCredentials{ID: d.Full(address.New(address.APIKey)), Secret: secret.Text()},
		identities: map[address.Address]*api.Identity{},
		mail:       map[address.Address][]api.StreamLine{},
		seen:       map[string]string{}, cache: map[string]api.StreamLine{}, data: map[string]string{},
		full:    map[address.Address]bool{},
		arrived: make(chan struct{}),
	}
}

func (f *fakeCluster) node(t *testing.T) *fakeNode {
	t.Helper()
	n := &fakeNode{cluster: f}
	n.Server = httptest.NewServer(n)
	t.Cleanup(n.Close)
	return n
}

// client makes a client that roams over the nodes, with waits fit for tests.
func (f *fakeCluster) client(t *testing.T, change func(*client.Config), nodes ...*fakeNode) *client.Client {
	t.Helper()
	cfg := client.Config{
		Key: f.key, MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond,
		RetryFor: 5 * time.Second, Silence: 5 * time.Second,
	}
	for _, n := range nodes {
		cfg.URLs = append(cfg.URLs, n.URL)
	}
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

func (n *fakeNode) setHook(hook func(w http.ResponseWriter, r *http.Request) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hook = hook
}

func (n *fakeNode) hitCount() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.hits
}

func (n *fakeNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	n.hits++
	hook := n.hook
	n.mu.Unlock()
	if hook != nil && hook(w, r) {
		return
	}
	n.cluster.serve(w, r)
}

func fail(w http.ResponseWriter, c api.Code) {
	w.WriteHeader(c.Status())
	_ = json.NewEncoder(w).Encode(api.Failure(c, "1-1", "as the test wants it"))
}

func succeed(w http.ResponseWriter, c api.Code, body any) {
	_ = json.NewEncoder(w).Encode(api.Success(c, "1-1", body))
}

func (f *fakeCluster) authorized(r *http.Request) bool {
	id, secret, ok := r.BasicAuth()
	if ok {
		a, err := f.domain.Parse(id)
		return err == nil && f.domain.Full(a) == f.key.ID && f.secret.Equal(secret)
	}
	raw, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	token, err := jose.ParseAPIToken(raw, f.domain)
	return err == nil && token.Verify(f.secret) == nil && token.Check(f.domain, time.Now()) == nil
}

func (f *fakeCluster) serve(w http.ResponseWriter, r *http.Request) {
	if !f.authorized(r) {
		fail(w, api.CodeBadCredentials)
		return
	}
	dec := json.NewDecoder(r.Body)
	switch r.URL.Path {
	case api.PathIdentity:
		serveJSON(w, dec, f.register)
	case api.PathMe:
		serveJSON(w, dec, func(q api.ProofRequest) (api.Code, any) {
			a, _, code := f.proof(q.JWT, api.PathMe)
			return orIdentity(f, a, code, api.CodeIdentity)
		})
	case api.PathMeSigKey:
		serveJSON(w, dec, f.rotate)
	case api.PathMeEncKey:
		serveJSON(w, dec, f.rotateEnc)
	case api.PathSend:
		serveJSON(w, dec, f.send)
	case api.PathFetch:
		f.fetch(w, dec)
	case api.PathAck:
		serveJSON(w, dec, f.ack)
	case api.PathListen:
		f.listen(w, r, dec)
	default:
		f.serveRest(w, r, dec)
	}
}

func (f *fakeCluster) serveRest(w http.ResponseWriter, r *http.Request, dec *json.Decoder) {
	rest := strings.TrimPrefix(r.URL.Path, api.PathIdentity+"/")
	if r.Method == http.MethodPost && strings.HasPrefix(rest, "me/") {
		serveJSON(w, dec, func(q api.DataRequest) (api.Code, any) {
			t, code := f.token(q.JWS, r.URL.Path, api.FieldJWS)
			if code != 0 {
				return code, nil
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			f.data[t.Key.Address.Local()+strings.TrimPrefix(rest, "me")] = q.JWS
			return api.CodeDataStored, nil
		})
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if jws, ok := f.data[rest]; ok {
		succeed(w, api.CodeData, api.Data{Name: rest, JWS: jws, Updated: "1"})
		return
	}
	a, err := f.domain.Parse(rest)
	if id := f.identities[a]; err == nil && id != nil {
		succeed(w, api.CodeIdentity, id)
		return
	}
	fail(w, api.CodeNoIdentity)
}

// serveJSON decodes, calls, answers.
func serveJSON[Q any](w http.ResponseWriter, dec *json.Decoder, handle func(Q) (api.Code, any)) {
	var q Q
	if err := dec.Decode(&q); err != nil {
		fail(w, api.CodeUnreadable)
		return
	}
	if code, body := handle(q); code.Success() {
		succeed(w, code, body)
	} else {
		fail(w, code)
	}
}

func orIdentity(f *fakeCluster, a address.Address, code, success api.Code) (api.Code, any) {
	if code != 0 {
		return code, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	shown := *f.identities[a]
	return success, shown
}

// token reads a token of a registered identity and verifies all of it.
func (f *fakeCluster) token(raw, path, field string) (*jose.Token, api.Code) {
	t, err := jose.ParseToken(raw, f.domain)
	if err != nil {
		return nil, api.CodeBadToken
	}
	f.mu.Lock()
	id := f.identities[t.Key.Address]
	f.mu.Unlock()
	if id == nil {
		return nil, api.CodeNoIdentity
	}
	k, err := jose.ParsePublicKey(id.SigPubKey, jose.Sig)
	switch {
	case err != nil:
		return nil, api.CodeInternal
	case t.Verify(k) != nil:
		return nil, api.CodeKeyNotCurrent
	case field != "" && (t.CheckTarget(path, field) != nil || t.CheckIssuedAt(time.Now()) != nil):
		return nil, api.CodeBadTarget
	}
	return t, 0
}

func (f *fakeCluster) proof(jwt, path string) (address.Address, []byte, api.Code) {
	t, code := f.token(jwt, path, api.FieldJWT)
	if code != 0 {
		return address.Address{}, nil, code
	}
	if _, err := t.Proof(f.domain, []string{"127.0.0.1"}, time.Now()); err != nil {
		return address.Address{}, nil, api.CodeProofTime
	}
	return t.Key.Address, t.Payload, 0
}

func (f *fakeCluster) register(q api.RegisterRequest) (api.Code, any) {
	k, err := jose.ParsePublicKey(q.SigPubKey, jose.Sig)
	if err != nil {
		return api.CodeBadKey, nil
	}
	for field, raw := range map[string]string{
		api.FieldEncPubKey: q.EncPubKey, api.FieldMetaPublic: q.MetaPublic, api.FieldMetaPrivate: q.MetaPrivate,
	} {
		t, err := jose.ParseToken(raw, f.domain)
		if err != nil || t.Verify(k) != nil || t.CheckTarget(api.PathIdentity, field) != nil {
			return api.CodeBadToken, nil
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range f.identities {
		if string(id.SigPubKey) == string(q.SigPubKey) {
			if id.EncPubKey != q.EncPubKey {
				return api.CodeKeyTaken, nil
			}
			return api.CodeRegistered, id
		}
	}
	a := address.New(address.Identity)
	f.identities[a] = &api.Identity{
		Address: f.domain.Full(a), SigPubKey: q.SigPubKey, SigRoot: q.SigPubKey, EncPubKey: q.EncPubKey,
		MetaPublic: json.RawMessage(`{"appAddress":"p"}`), MetaPublicJWS: q.MetaPublic, SigChain: []string{},
	}
	return api.CodeRegistered, f.identities[a]
}

func (f *fakeCluster) rotate(q api.SigKeyRequest) (api.Code, any) {
	t, code := f.token(q.SigPubKey, api.PathMeSigKey, api.FieldSigPubKey)
	if code != 0 {
		return code, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	id := *f.identities[t.Key.Address]
	id.SigChain = append(slices.Clone(id.SigChain), q.SigPubKey)
	id.SigPubKey, id.EncPubKey = t.Payload, q.EncPubKey
	f.identities[t.Key.Address] = &id
	return api.CodeSigKeyUpdated, id
}

func (f *fakeCluster) rotateEnc(q api.EncKeyRequest) (api.Code, any) {
	t, code := f.token(q.EncPubKey, api.PathMeEncKey, api.FieldEncPubKey)
	if code != 0 {
		return code, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	id := *f.identities[t.Key.Address]
	id.EncPubKey = q.EncPubKey
	f.identities[t.Key.Address] = &id
	return api.CodeEncKeyUpdated, id
}
