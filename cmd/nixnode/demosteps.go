package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
)

// demoPackage is the id of the package that changes hands.
const demoPackage = "demo-content"

// demo is one run: its parties, and what they hold.
type demo struct {
	cfg     demoConfig
	parties []*party

	vault, author, reader *party
	desk                  *vaultDesk

	content []byte // what the author wrote
	sealed  []byte // the same, encrypted with the key in the package
	given   client.Result
	publish client.Result

	wg      sync.WaitGroup
	stream  chan client.Message // what the reader's open stream brings
	stopped chan error          // why the vault or the stream ended
}

func (d *demo) register(ctx context.Context) (err error) {
	if d.vault, err = d.open(ctx, 0, "vault", client.KindVault); err != nil {
		return err
	}
	if d.author, err = d.open(ctx, 1, "author", client.KindUser); err != nil {
		return err
	}
	d.reader, err = d.open(ctx, 2, "reader", client.KindUser)
	return err
}

// streamBuffer is more than the messages that one demo makes.
const streamBuffer = 64

// listen starts the vault and opens the reader's stream, and waits for both.
func (d *demo) listen(ctx context.Context) error {
	d.stream, d.stopped = make(chan client.Message, streamBuffer), make(chan error, 2)
	d.desk = newVaultDesk(d.vault, d.author.id.Address(), d.reader.id.Address())
	connected := make(chan string, streamBuffer)
	note := func(url string) {
		select {
		case connected <- url:
		default: // more than anybody waits for
		}
	}
	d.wg.Go(func() { d.stopped <- d.desk.serve(ctx, note) })
	d.wg.Go(func() { d.stopped <- d.follow(ctx, note) })
	for range 2 {
		if err := await(ctx, d, connected, func(string) bool { return true }); err != nil {
			return err
		}
	}
	d.say("Vault and reader listen, each on an open stream.")
	return nil
}

// follow hands on what arrives at the reader.
func (d *demo) follow(ctx context.Context, onConnect func(string)) error {
	for m, err := range d.reader.Listen(ctx, d.reader.id, client.ListenOptions{OnConnect: onConnect}) {
		if err != nil {
			return err
		}
		select {
		case d.stream <- m:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// await takes values from c until one is wanted.
func await[T any](ctx context.Context, d *demo, c <-chan T, wanted func(T) bool) error {
	for {
		select {
		case v := <-c:
			if wanted(v) {
				return nil
			}
		case err := <-d.stopped:
			d.stopped <- err // close looks at it too
			return fmt.Errorf("a stream ended: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *demo) give(ctx context.Context) (err error) {
	key := client.NewContentKey(contentKeyName)
	d.sealed = key.Encrypt(d.content)
	p := client.Package{ID: demoPackage, Keys: []client.ContentKey{key}, Meta: []byte(`{"title":"Demo"}`)}
	d.given, err = d.author.Give(ctx, d.author.id, d.vault.id.Address(), p, 0)
	if err != nil {
		return err
	}
	d.say("The author encrypts its content, and gives the key to the vault, end-to-end encrypted (code %d).", d.given.Code)
	return nil
}

func (d *demo) published(ctx context.Context) error {
	err := await(ctx, d, d.desk.published, func(r client.Result) bool { d.publish = r; return true })
	if err != nil {
		return err
	}
	d.say("The vault publishes the package to the reader; the cluster caches what it cannot read (code %d).", d.publish.Code)
	return nil
}

func (d *demo) breakSomething(ctx context.Context) error {
	if d.cfg.AfterPublish == nil {
		return nil
	}
	return d.cfg.AfterPublish(ctx)
}

// kept checks that what was acknowledged is there, wherever it is asked for, and
// that the open stream brings it too.
func (d *demo) kept(ctx context.Context) error {
	found := 0
	for m, err := range d.reader.Fetch(ctx, d.reader.id, client.FetchOptions{}) {
		if err != nil {
			return err
		}
		if m.ID == d.publish.ID && m.TS == d.publish.TS && m.Verified != client.Unverified {
			found++
		}
	}
	if found != 1 {
		return fmt.Errorf("the published message is %d times in the reader's mailbox, want once", found)
	}
	err := await(ctx, d, d.stream, func(m client.Message) bool { return m.ID == d.publish.ID && m.From == d.vault.id.Address() })
	if err != nil {
		return err
	}
	d.say("The reader finds it once in its mailbox, and once on its stream, signed by the vault.")
	return nil
}

func (d *demo) request(ctx context.Context) error {
	a, err := d.reader.Request(ctx, d.reader.id, d.vault.id.Address(), demoPackage, client.RequestOptions{})
	if err != nil {
		return err
	}
	if !a.FromCache || a.Package == nil {
		return errors.New("the package was not answered from the cache")
	}
	if n := d.desk.requests(); n != 0 {
		return fmt.Errorf("the vault was disturbed by %d requests", n)
	}
	key, _ := a.Package.Key(contentKeyName)
	plain, err := key.Decrypt(d.sealed)
	if err != nil {
		return err
	}
	if !bytes.Equal(plain, d.content) {
		return errors.New("the reader reads something else than the author wrote")
	}
	d.say("The reader requests it: answered from the cache (code %d), without the vault.", api.CodeServedFromCache)
	d.say("The reader reads: %q", plain)
	return nil
}

func (d *demo) clear(ctx context.Context) error {
	d.desk.revoke()
	r, err := d.vault.Clear(ctx, d.vault.id, d.reader.id.Address(), demoPackage)
	if err != nil {
		return err
	}
	if r.Code != api.CodeCleared && r.Code != api.CodeDuplicate || r.Code == api.CodeCleared && r.Cleared != 1 {
		return fmt.Errorf("the clear removed %d packages (code %d), want 1", r.Cleared, r.Code)
	}
	d.say("The vault revokes it: cleared from the cache (code %d).", r.Code)
	return nil
}

func (d *demo) seeClear(ctx context.Context) error {
	err := await(ctx, d, d.stream, func(m client.Message) bool {
		return m.Type == client.TypeClear && m.Kid == demoPackage && m.From == d.vault.id.Address() && m.Verified != client.Unverified
	})
	if err != nil {
		return err
	}
	d.say("The reader hears of it on its open stream, and destroys its copy.")
	return nil
}

func (d *demo) requestAgain(ctx context.Context) error {
	a, err := d.reader.Request(ctx, d.reader.id, d.vault.id.Address(), demoPackage, client.RequestOptions{})
	if err != nil {
		return err
	}
	if a.FromCache {
		return errors.New("a cleared package was answered from the cache")
	}
	d.say("The reader requests it again: no longer in the cache, so the vault is asked.")
	_, err = d.reader.Await(ctx, d.reader.id, a)
	reason, denied := client.IsDenied(err)
	if err == nil {
		return errors.New("the vault answered, and should have denied")
	}
	if !denied {
		return err
	}
	d.say("The vault denies: %q.", reason)
	return nil
}

// because adds why a stream ended to what failed for that reason.
func (d *demo) because(err error) error {
	select {
	case cause := <-d.stopped:
		d.stopped <- cause
		if !errors.Is(err, cause) {
			return errors.Join(err, cause)
		}
	default:
	}
	return err
}

// close ends the streams, waits for them, and lets the connections go.
func (d *demo) close(cancel context.CancelFunc) error {
	cancel()
	d.wg.Wait()
	var errs []error
	for _, p := range d.parties {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}
