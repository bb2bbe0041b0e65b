package fsm

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"pgregory.net/rapid"

	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/fsm/keyspace"
)

// census counts what the store holds, and what it says that it holds.
type census struct {
	boxes   map[string][2]uint64 // messages and bytes: counters minus what is there
	holders map[string]uint64    // counters minus packages that are there
	faults  []string
}

func (c *census) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

func (c *census) visit(v *View) func(it *pebble.Iterator) (bool, error) {
	return func(it *pebble.Iterator) (bool, error) {
		data, err := it.ValueAndErr()
		if err != nil {
			return false, err
		}
		c.mailboxes(v, it.Key(), data)
		c.packages(v, it.Key(), data)
		return true, nil
	}
}

func (c *census) count(box string, messages, bytes uint64) {
	n := c.boxes[box]
	c.boxes[box] = [2]uint64{n[0] + messages, n[1] + bytes}
}

func (c *census) mailboxes(v *View, key, data []byte) {
	if a, err := keyspace.ParseMailbox(key); err == nil {
		r, _ := command.DecodeRecord[command.MailboxRecord](data)
		c.count(nameOf(a), r.Messages, r.Bytes)
	}
	if a, ts, err := keyspace.ParseMessage(key); err == nil {
		r, _ := command.DecodeRecord[command.MessageRecord](data)
		c.count(nameOf(a), ^uint64(0), -uint64(len(r.Token)))
		if isPublish(r.Kind, r.Package) {
			if _, found, _ := value(v.snap, keyspace.Publish(a, r.From, r.Package, ts)); !found {
				c.fault("message %s %d is not listed as a publish", nameOf(a), ts)
			}
			group, _, _ := v.Identity(r.Via)
			_, found, _ := value(v.snap, keyspace.Via(r.Via, r.From, r.Package, a, ts))
			if listed := !r.Via.IsZero() && !group.Retired; found != listed {
				c.fault("message %s %d is listed as a copy: %v", nameOf(a), ts, found)
			}
		}
		if _, found, _ := value(v.snap, keyspace.ExpiryOfMessage(r.Expires, a, ts)); !found {
			c.fault("message %s %d never expires", nameOf(a), ts)
		}
	}
	if group, _, _, a, ts, err := keyspace.ParseVia(key); err == nil {
		if _, found, _ := value(v.snap, keyspace.Message(a, ts)); !found {
			c.fault("a copy of %s by %s is listed that is not there: %d", nameOf(a), nameOf(group), ts)
		}
	}
	if a, _, _, ts, err := keyspace.ParsePublish(key); err == nil {
		if _, found, _ := value(v.snap, keyspace.Message(a, ts)); !found {
			c.fault("a publish of %s is listed that is not there: %d", nameOf(a), ts)
		}
	}
}

func (c *census) packages(v *View, key, data []byte) {
	if vault, kid, err := keyspace.ParseHolders(key); err == nil {
		tx := numberText(data)
		var n uint64
		if _, err := fmt.Sscan(tx, &n); err != nil || n == 0 {
			c.fault("holders of %s/%s: %q", nameOf(vault), kid, tx)
		}
		c.holders[nameOf(vault)+"/"+kid] += n
	}
	if vault, err := keyspace.ParseVaultPackages(key); err == nil {
		var n uint64
		if _, err := fmt.Sscan(numberText(data), &n); err != nil || n == 0 {
			c.fault("packages of %s: %q", nameOf(vault), numberText(data))
		}
		c.holders[nameOf(vault)] += n
	}
	if vault, kid, reader, err := keyspace.ParsePackage(key); err == nil {
		r, _ := command.DecodeRecord[command.PackageRecord](data)
		c.holders[nameOf(vault)+"/"+kid]--
		c.holders[nameOf(vault)]--
		for name, k := range map[string][]byte{
			"listed": keyspace.PackageByReader(reader, vault, kid), "to expire": keyspace.ExpiryOfPackage(r.Expires, vault, reader, kid),
		} {
			if _, found, _ := value(v.snap, k); !found {
				c.fault("package %s/%s/%s is not %s", nameOf(vault), kid, nameOf(reader), name)
			}
		}
	}
}

func (c *census) compare(t *rapid.T) {
	for box, n := range c.boxes {
		if n != [2]uint64{} {
			c.fault("mailbox %s: counters are off by %d messages, %d bytes", box, int64(n[0]), int64(n[1]))
		}
	}
	for kid, n := range c.holders {
		if n != 0 {
			c.fault("package %s: the number of its holders is off by %d", kid, int64(n))
		}
	}
	if len(c.faults) > 0 {
		t.Fatal(c.faults)
	}
}
