package fsm

import (
	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
)

// cacheEntries is how many decoded records of a kind are held at most.
const cacheEntries = 16_384

// cache holds, decoded, what nearly every command reads. It belongs to the
// applying goroutine and outlives a tx, which it may: what a tx changes in it is
// committed, or the machine ends. It is only ever what the store would say, so
// nothing depends on what happens to be in it.
type cache struct {
	identities map[address.Address]*command.IdentityRecord // nil: there is none
	tenants    map[address.Address]tenant                  // by API key
	boxes      map[address.Address]*command.MailboxRecord
	lastEvents map[address.Address]uint64 // by customer
}

func newCache() *cache {
	return &cache{
		identities: map[address.Address]*command.IdentityRecord{},
		tenants:    map[address.Address]tenant{},
		boxes:      map[address.Address]*command.MailboxRecord{},
		lastEvents: map[address.Address]uint64{},
	}
}

// trim keeps the cache from growing with the data. Starting anew is crude, and
// cheap beside what filled it.
func (c *cache) trim() {
	if len(c.identities) > cacheEntries {
		clear(c.identities)
	}
	if len(c.tenants) > cacheEntries {
		clear(c.tenants)
	}
	if len(c.boxes) > cacheEntries {
		clear(c.boxes)
	}
	if len(c.lastEvents) > cacheEntries {
		clear(c.lastEvents)
	}
}
