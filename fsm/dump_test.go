package fsm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/fsm/keyspace"
)

// dump writes the whole store, or what of it begins with one of prefixes, one
// line a key. The facts about the store as a whole are left out.
func dump(t testing.TB, m *Machine, prefixes ...string) []string {
	t.Helper()
	v, err := m.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var lines []string
	err = v.scan(keyspace.All(), false, func(it *pebble.Iterator) (bool, error) {
		data, err := it.ValueAndErr()
		if err != nil {
			return false, err
		}
		if _, err := keyspace.ParseMeta(it.Key()); err == nil {
			return true, nil
		}
		line := lineOf(it.Key(), data)
		wanted := len(prefixes) == 0
		for _, p := range prefixes {
			wanted = wanted || strings.HasPrefix(line, p)
		}
		if wanted {
			lines = append(lines, line)
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func lineOf(key, data []byte) string {
	for _, family := range []func(k, d []byte) (string, error){tenantLine, identityLine, messageLine, packageLine, timeLine} {
		if line, err := family(key, data); err == nil {
			return line
		}
	}
	return fmt.Sprintf("UNKNOWN %x = %x", key, data)
}

func recordText[R command.Record](data []byte) string {
	r, err := command.DecodeRecord[R](data)
	if err != nil {
		return err.Error()
	}
	return fieldsText(r)
}

func tenantLine(k, d []byte) (string, error) {
	if a, err := keyspace.ParseCustomer(k); err == nil {
		return "customer " + nameOf(a) + ": " + recordText[command.CustomerRecord](d), nil
	}
	if a, err := keyspace.ParseApplication(k); err == nil {
		return "application " + nameOf(a) + ": " + recordText[command.ApplicationRecord](d), nil
	}
	if a, b, err := keyspace.ParseApplicationByCustomer(k); err == nil {
		return fmt.Sprintf("of %s: %s", nameOf(a), nameOf(b)), nil
	}
	if a, err := keyspace.ParseKey(k); err == nil {
		return "key " + nameOf(a) + ": " + recordText[command.KeyRecord](d), nil
	}
	a, b, err := keyspace.ParseKeyByApplication(k)
	return fmt.Sprintf("of %s: %s", nameOf(a), nameOf(b)), err
}

func identityLine(k, d []byte) (string, error) {
	if a, err := keyspace.ParseIdentity(k); err == nil {
		return "identity " + nameOf(a) + ": " + recordText[command.IdentityRecord](d), nil
	}
	if a, err := keyspace.ParseProfile(k); err == nil {
		return "profile " + nameOf(a) + ": " + recordText[command.ProfileRecord](d), nil
	}
	if a, name, err := keyspace.ParseData(k); err == nil {
		return "data " + nameOf(a) + "/" + name + ": " + recordText[command.DataRecord](d), nil
	}
	if a, target, err := keyspace.ParseMark(k); err == nil {
		return "mark " + nameOf(a) + "/" + target + ": " + recordText[command.MarkRecord](d), nil
	}
	thumb, err := keyspace.ParseThumbprint(k)
	if err != nil {
		return "", err
	}
	return "thumbprint " + thumb + ": " + nameOf([16]byte(d)), nil
}

func messageLine(k, d []byte) (string, error) {
	if a, err := keyspace.ParseMailbox(k); err == nil {
		return "mailbox " + nameOf(a) + ": " + recordText[command.MailboxRecord](d), nil
	}
	if a, ts, err := keyspace.ParseMessage(k); err == nil {
		return "message " + nameOf(a) + " " + nanosText(ts) + ": " + recordText[command.MessageRecord](d), nil
	}
	if digest, err := keyspace.ParseAccepted(k); err == nil {
		return "accepted " + digestText(digest) + ": " + recordText[command.AcceptedRecord](d), nil
	}
	if group, vault, kid, member, ts, err := keyspace.ParseVia(k); err == nil {
		return fmt.Sprintf("copy %s/%s to %s: %s %s", nameOf(vault), kid, nameOf(group), nameOf(member), nanosText(ts)), nil
	}
	reader, vault, kid, ts, err := keyspace.ParsePublish(k)
	return fmt.Sprintf("publish %s/%s to %s: %s", nameOf(vault), kid, nameOf(reader), nanosText(ts)), err
}

func packageLine(k, d []byte) (string, error) {
	if vault, kid, reader, err := keyspace.ParsePackage(k); err == nil {
		return fmt.Sprintf("package %s/%s/%s: %s", nameOf(vault), kid, nameOf(reader), recordText[command.PackageRecord](d)), nil
	}
	if reader, vault, kid, err := keyspace.ParsePackageByReader(k); err == nil {
		return fmt.Sprintf("package for %s: %s/%s", nameOf(reader), nameOf(vault), kid), nil
	}
	if vault, kid, err := keyspace.ParseHolders(k); err == nil {
		return fmt.Sprintf("holders %s/%s: %s", nameOf(vault), kid, numberText(d)), nil
	}
	if vault, err := keyspace.ParseVaultPackages(k); err == nil {
		return fmt.Sprintf("vault %s: %s", nameOf(vault), numberText(d)), nil
	}
	vault, kid, reader, err := keyspace.ParseServed(k)
	return fmt.Sprintf("served %s/%s/%s: %s", nameOf(vault), kid, nameOf(reader), numberText(d)), err
}

func timeLine(k, d []byte) (string, error) {
	if c, ts, err := keyspace.ParseEvent(k); err == nil {
		return "event " + nameOf(c) + " " + nanosText(ts) + ": " + recordText[command.EventRecord](d), nil
	}
	if c, err := keyspace.ParseEventLast(k); err == nil {
		return "event last " + nameOf(c) + ": " + numberText(d), nil
	}
	if bucket, c, err := keyspace.ParseEventBucket(k); err == nil {
		return fmt.Sprintf("event bucket %d: %s", bucket, nameOf(c)), nil
	}
	e, err := keyspace.ParseExpiry(k)
	switch {
	case err != nil:
		return "", err
	case e.Kind == keyspace.DueMessage && len(d) > 0:
		return fmt.Sprintf("due %d: message %s %s and accepted %s", e.At, nameOf(e.Mailbox), nanosText(e.TS), digestText([32]byte(d))), nil
	case e.Kind == keyspace.DueMessage:
		return fmt.Sprintf("due %d: message %s %s", e.At, nameOf(e.Mailbox), nanosText(e.TS)), nil
	case e.Kind == keyspace.DueAccepted:
		return fmt.Sprintf("due %d: accepted %s", e.At, digestText(e.Digest)), nil
	case e.Kind == keyspace.DuePackage:
		return fmt.Sprintf("due %d: package %s/%s/%s", e.At, nameOf(e.Vault), e.Package, nameOf(e.Mailbox)), nil
	}
	return fmt.Sprintf("due %d: purge %s", e.At, nameOf(e.Mailbox)), nil
}
