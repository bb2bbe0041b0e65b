package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/jose"
)

// Peer is another identity, verified: each signing key was signed by the one
// before it, from the root that was seen first to the current key, and the
// current key signed the encryption key.
type Peer struct {
	Address address.Address
	// Public is the public metadata that the peer signed.
	Public json.RawMessage
	// Application is the address of the peer's application, on the server's word.
	Application string

	keys []jose.PublicKey // signing keys, the root first and the current one last
	enc  jose.PublicKey
}

// SigningKey gives the current signing key.
func (p Peer) SigningKey() jose.PublicKey { return p.keys[len(p.keys)-1] }

// RootKey gives the first signing key, by which the peer is known for good. Its
// thumbprint is what people compare.
func (p Peer) RootKey() jose.PublicKey { return p.keys[0] }

// EncryptionKey gives the key to encrypt to.
func (p Peer) EncryptionKey() jose.PublicKey { return p.enc }

func (p Peer) hasKey(thumbprint string) bool {
	for _, k := range p.keys {
		if k.Thumbprint() == thumbprint {
			return true
		}
	}
	return false
}

// keyFor gives the newest of the peer's keys that the token's kid selects, and
// whether it is the current one.
func (p Peer) keyFor(t *jose.Token) (k jose.PublicKey, current, ok bool) {
	for i := len(p.keys) - 1; i >= 0; i-- {
		if t.Key.KeyID.Selects(p.keys[i].Thumbprint()) {
			return p.keys[i], i == len(p.keys)-1, true
		}
	}
	return jose.PublicKey{}, false, false
}

// Peer asks for an identity and verifies what the server shows of it.
// Errors: ErrPeer, ErrPeerChanged, *api.Error (40401, 41000).
func (c *Client) Peer(ctx context.Context, a address.Address) (Peer, error) {
	p, err := c.fetchPeer(ctx, a)
	if errors.Is(err, ErrPeerChanged) {
		// Another goroutine may have pinned a newer chain while this answer was
		// under way; an answer from now on must have that one.
		p, err = c.fetchPeer(ctx, a)
	}
	if err != nil {
		return Peer{}, fmt.Errorf("peer %s: %w", a.Local(), err)
	}
	c.peers.put(p, time.Now())
	return p, nil
}

func (c *Client) fetchPeer(ctx context.Context, a address.Address) (Peer, error) {
	r := request{method: http.MethodGet, path: api.PathIdentity + "/" + a.Local(), reads: true}
	var shown api.Identity
	if _, err := c.callInto(ctx, r, &shown); err != nil {
		return Peer{}, err
	}
	c.home.learn(shown.Address)
	if got, err := c.identityAddress(shown.Address); err != nil || got != a {
		return Peer{}, fmt.Errorf("%w: shown for another address", ErrPeer)
	}
	d, _ := c.home.get()
	p, err := verifyPeer(d, a, shown)
	if err != nil {
		return Peer{}, err
	}
	return p, c.checkPin(ctx, p)
}

// verifyPeer puts a Peer together from what the server shows. Errors: ErrPeer.
func verifyPeer(d address.Domain, a address.Address, shown api.Identity) (Peer, error) {
	p := Peer{Address: a}
	if err := p.verifyChain(d, shown); err != nil {
		return Peer{}, fmt.Errorf("%w: %w", ErrPeer, err)
	}
	if err := p.verifyEncryptionKey(d, shown.EncPubKey); err != nil {
		return Peer{}, fmt.Errorf("%w: encryption key: %w", ErrPeer, err)
	}
	if err := p.verifyMeta(d, shown); err != nil {
		return Peer{}, fmt.Errorf("%w: metadata: %w", ErrPeer, err)
	}
	return p, nil
}

// maxChain bounds the work of verifying a chain.
const maxChain = 10_000

// verifyChain walks from the root to the current key (section 5, "sigChain").
func (p *Peer) verifyChain(d address.Domain, shown api.Identity) error {
	root, err := jose.ParsePublicKey(shown.SigRoot, jose.Sig)
	if err != nil {
		return fmt.Errorf("root: %w", err)
	}
	if len(shown.SigChain) > maxChain {
		return fmt.Errorf("a chain of %d keys", len(shown.SigChain))
	}
	p.keys = []jose.PublicKey{root}
	for i, raw := range shown.SigChain {
		token, err := p.ownToken(d, raw, p.SigningKey(), target(api.PathMeSigKey, api.FieldSigPubKey))
		if err != nil {
			return fmt.Errorf("link %d: %w", i, err)
		}
		next, err := jose.ParsePublicKey(token.Payload, jose.Sig)
		if err != nil {
			return fmt.Errorf("link %d: %w", i, err)
		}
		p.keys = append(p.keys, next)
	}
	current, err := jose.ParsePublicKey(shown.SigPubKey, jose.Sig)
	if err != nil || current.Thumbprint() != p.SigningKey().Thumbprint() {
		return errors.New("the chain does not lead to the current key")
	}
	return nil
}

// ownToken reads a token that key must have signed for one of the targets. At
// registration the address was not known yet, so only the key names the signer.
func (p *Peer) ownToken(d address.Domain, raw string, key jose.PublicKey, targets ...string) (*jose.Token, error) {
	token, err := jose.ParseToken(raw, d)
	if err != nil {
		return nil, err
	}
	registering := token.Target == target(api.PathIdentity, api.FieldEncPubKey) ||
		token.Target == target(api.PathIdentity, api.FieldMetaPublic)
	if token.Key.Address != p.Address && !(registering && token.Key.Address.IsZero()) {
		return nil, errors.New("signed by another identity")
	}
	for _, t := range targets {
		if token.Target == t {
			return token, token.Verify(key)
		}
	}
	return nil, jose.ErrTarget
}

// verifyEncryptionKey: each change of the signing key brings a new encryption
// key, so the one that counts is always signed by the current signing key. A key
// that a retired signing key vouched for is an old one, or a thief's.
func (p *Peer) verifyEncryptionKey(d address.Domain, raw string) error {
	token, err := p.ownToken(d, raw, p.SigningKey(),
		target(api.PathIdentity, api.FieldEncPubKey),
		target(api.PathMeEncKey, api.FieldEncPubKey),
		target(api.PathMeSigKey, api.FieldEncPubKey))
	if err != nil {
		return err
	}
	p.enc, err = jose.ParsePublicKey(token.Payload, jose.Enc)
	return err
}

// verifyMeta takes the public metadata from its token, which any key of the chain
// may have signed.
func (p *Peer) verifyMeta(d address.Domain, shown api.Identity) error {
	token, err := jose.ParseToken(shown.MetaPublicJWS, d)
	if err != nil {
		return err
	}
	key, _, ok := p.keyFor(token)
	if !ok {
		return jose.ErrKeyNotCurrent
	}
	token, err = p.ownToken(d, shown.MetaPublicJWS, key,
		target(api.PathIdentity, api.FieldMetaPublic), target(api.PathMeMeta, api.FieldMetaPublic))
	if err != nil {
		return err
	}
	p.Public = token.Payload
	var serverSide struct {
		AppAddress string `json:"appAddress"`
	}
	if err := json.Unmarshal(shown.MetaPublic, &serverSide); err != nil {
		return errors.New("not an object")
	}
	p.Application = serverSide.AppAddress
	return nil
}

// maxPeers bounds the memory of a client that hears from many.
const maxPeers = 4096

// peerCache keeps verified peers for a while.
type peerCache struct {
	mu    sync.Mutex
	peers map[address.Address]cachedPeer
}

type cachedPeer struct {
	peer Peer
	at   time.Time
}

func (pc *peerCache) put(p Peer, at time.Time) {
	pc.mu.Lock()
	defer pc.mu.Unlock()
	if pc.peers == nil {
		pc.peers = map[address.Address]cachedPeer{}
	}
	if len(pc.peers) >= maxPeers {
		for a := range pc.peers { // any one: all are cheap to get again
			delete(pc.peers, a)
			break
		}
	}
	pc.peers[p.Address] = cachedPeer{peer: p, at: at}
}

func (pc *peerCache) get(a address.Address, maxAge time.Duration) (Peer, bool) {
	pc.mu.Lock()
	defer pc.mu.Unlock()
	e, ok := pc.peers[a]
	return e.peer, ok && time.Since(e.at) <= maxAge
}

// peer gives a verified peer that is not older than Config.PeerMaxAge.
func (c *Client) peer(ctx context.Context, a address.Address) (p Peer, cached bool, err error) {
	if p, ok := c.peers.get(a, c.cfg.PeerMaxAge); ok {
		return p, true, nil
	}
	p, err = c.Peer(ctx, a)
	return p, false, err
}
