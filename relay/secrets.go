package relay

import (
	"container/list"
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/jose"
)

// maxOpened is how many opened secrets are kept in memory.
const maxOpened = 4096

// opened names one sealed secret. The hash of what is sealed is in it, so that
// what is kept can never stand for other bytes than those in the store.
type opened struct {
	key        address.Address
	generation uint64
	sealed     [sha256.Size]byte
}

type openedSecret struct {
	name   opened
	secret jose.Secret
}

// secretCache opens sealed secrets and keeps those that were used last: opening
// one for each request would be dear.
type secretCache struct {
	sealer Sealer

	mu     sync.Mutex // never held while unsealing
	order  *list.List // of openedSecret, the last used first
	byName map[opened]*list.Element
}

func newSecretCache(sealer Sealer) *secretCache {
	return &secretCache{sealer: sealer, order: list.New(), byName: map[opened]*list.Element{}}
}

// open gives the secret of a generation of a key.
func (c *secretCache) open(key address.Address, s command.KeySecret) (jose.Secret, error) {
	name := opened{key: key, generation: s.Generation, sealed: sealedHash(s)}
	if secret, ok := c.get(name); ok {
		return secret, nil
	}
	plain, err := c.sealer.Open(s.Sealed)
	if err != nil {
		return jose.Secret{}, fmt.Errorf("open the secret of %s: %w", key, err)
	}
	if len(plain) != jose.SecretSize {
		return jose.Secret{}, fmt.Errorf("open the secret of %s: %d bytes", key, len(plain))
	}
	secret := jose.Secret(plain)
	c.put(openedSecret{name: name, secret: secret})
	return secret, nil
}

func (c *secretCache) get(name opened) (jose.Secret, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byName[name]
	if !ok {
		return jose.Secret{}, false
	}
	c.order.MoveToFront(e)
	return e.Value.(openedSecret).secret, true
}

func (c *secretCache) put(o openedSecret) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byName[o.name]; ok {
		return
	}
	c.byName[o.name] = c.order.PushFront(o)
	if c.order.Len() > maxOpened {
		last := c.order.Remove(c.order.Back()).(openedSecret)
		delete(c.byName, last.name)
	}
}

func sealedHash(s command.KeySecret) [sha256.Size]byte { return sha256.Sum256(s.Sealed) }
