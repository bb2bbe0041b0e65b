package fsm

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/fsm/keyspace"
	"github.com/nixnode/nixnode/message"
)

// maxListed is how many entries one page looks at, so that a filter that lets
// little through does not make a read as long as all there is.
const maxListed = 10_000

// LastEvent gives the ts of a customer's newest event, also if that is gone; 0
// if there never was one.
func (v *View) LastEvent(customer address.Address) (uint64, error) {
	data, found, err := value(v.snap, keyspace.EventLast(customer))
	if err != nil || !found {
		return 0, v.m.read(err)
	}
	if len(data) != 8 {
		return 0, v.m.read(fmt.Errorf("%w: a number of %d bytes", ErrCorrupt, len(data)))
	}
	return binary.BigEndian.Uint64(data), nil
}

// Events reads one page of a customer's events. A Limit of 0 is the largest page
// (message.MaxPage).
func (v *View) Events(q command.EventQuery) (page command.EventPage, err error) {
	if q.Limit <= 0 {
		q.Limit = message.MaxPage
	}
	looked := 0
	err = v.scan(keyspace.Events(q.Customer, q.After, q.Before), q.Descending, func(it *pebble.Iterator) (bool, error) {
		if looked++; looked > maxListed {
			page.More = true
			return false, nil
		}
		e, err := decodeEvent(it)
		if err != nil {
			return false, err
		}
		if wantedEvent(q, e) {
			if len(page.Events) == q.Limit {
				page.More = true
				return false, nil
			}
			page.Events = append(page.Events, e)
		}
		page.Scanned = e.TS
		return true, nil
	})
	if err != nil {
		return command.EventPage{}, err
	}
	return page, nil
}

func decodeEvent(it *pebble.Iterator) (command.Event, error) {
	_, ts, err := keyspace.ParseEvent(it.Key())
	if err != nil {
		return command.Event{}, err
	}
	data, err := it.ValueAndErr()
	if err != nil {
		return command.Event{}, err
	}
	r, err := command.DecodeRecord[command.EventRecord](data)
	return command.Event{TS: ts, EventRecord: r}, err
}

// wantedEvent applies the filters of q.
func wantedEvent(q command.EventQuery, e command.Event) bool {
	return (q.Type == "" || q.Type == e.Type) &&
		(q.App.IsZero() || q.App == e.App) && (q.Key.IsZero() || q.Key == e.Key) &&
		(q.From.IsZero() || q.From == e.From) && (q.To.IsZero() || q.To == e.To) &&
		(q.Package == "" || q.Package == e.Package) && (q.Code == 0 || q.Code == e.Code)
}

// Packages reads one page of what a vault has cached. A Limit or MaxBytes of 0 is
// the largest page (message.MaxPage, MaxPageBytes).
func (v *View) Packages(q command.PackageQuery) (page command.PackagePage, err error) {
	if q.Limit <= 0 {
		q.Limit = message.MaxPage
	}
	if q.MaxBytes <= 0 {
		q.MaxBytes = message.MaxPageBytes
	}
	looked, size := 0, 0
	err = v.scan(packageRange(q), false, func(it *pebble.Iterator) (bool, error) {
		kid, reader, err := packageAt(q, it.Key())
		if err != nil {
			return false, err
		}
		if looked++; looked > maxListed {
			page.More = true
			return false, nil
		}
		if q.Package == "" || q.Package == kid {
			p, found, err := v.Package(q.Vault, kid, reader)
			if err != nil {
				return false, err
			}
			size += len(p.Token)
			if n := len(page.Packages); found && (n == q.Limit || n > 0 && size > q.MaxBytes) {
				page.More = true
				return false, nil
			}
			if found {
				page.Packages = append(page.Packages, command.Cached{Package: kid, Reader: reader, PackageRecord: p})
			}
		}
		page.LastPackage, page.LastReader = kid, reader
		return true, nil
	})
	if err != nil {
		return command.PackagePage{}, err
	}
	return page, nil
}

// packageRange spans what q may want: by reader where one is named, as a vault
// may have very many.
func packageRange(q command.PackageQuery) (r keyspace.Range) {
	switch {
	case !q.Reader.IsZero():
		r = keyspace.PackagesFor(q.Reader, q.Vault)
		if q.AfterPackage != "" {
			r = r.After(keyspace.PackageByReader(q.Reader, q.Vault, q.AfterPackage))
		}
		return r
	case q.Package != "":
		r = keyspace.PackageReaders(q.Vault, q.Package)
	default:
		r = keyspace.PackagesOf(q.Vault)
	}
	if q.AfterPackage != "" {
		r = r.After(keyspace.Package(q.Vault, q.AfterPackage, q.AfterReader))
	}
	return r
}

// packageAt reads a key of packageRange.
func packageAt(q command.PackageQuery, key []byte) (kid string, reader address.Address, err error) {
	if !q.Reader.IsZero() {
		reader, _, kid, err = keyspace.ParsePackageByReader(key)
		return kid, reader, err
	}
	_, kid, reader, err = keyspace.ParsePackage(key)
	return kid, reader, err
}
