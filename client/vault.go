package client

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Vault answers for an identity that holds content packages. Its functions are
// called one at a time, in the order of the mailbox, and may be called again for
// the same message after a crash: a message leaves the mailbox only when it has
// been dealt with.
type Vault struct {
	Client   *Client
	Identity *Identity

	// OnRequest decides on a request for the package request.Kid by
	// request.From. It gives the package, which is published to the reader (and so
	// cached for ttl), or Refuse. Any other error stops Serve. Required.
	OnRequest func(ctx context.Context, request Message) (p Package, ttl time.Duration, err error)
	// OnPackage takes a package that an author, given.From, gives to the vault. An
	// error stops Serve. Nil ignores them.
	OnPackage func(ctx context.Context, given Message, p Package) error
	// OnServed, if set, is told of each message that has been dealt with.
	OnServed func(m Message)
	// OnConnect is as in ListenOptions.
	OnConnect func(url string)
}

// Refuse is the error by which OnRequest denies; the reader, and the cluster, can
// read the reason.
func Refuse(reason string) error { return &DeniedError{Reason: reason} }

// Serve deals with the vault's mailbox until ctx ends or something fails for
// good, and says which. Calling it again goes on where it stopped.
func (v *Vault) Serve(ctx context.Context) error {
	o := ListenOptions{OnConnect: v.OnConnect, Filter: Filter{Types: []Type{TypeRequest, TypeEncrypted}}}
	for m, err := range v.Client.Listen(ctx, v.Identity, o) {
		if err != nil {
			return fmt.Errorf("vault: %w", err)
		}
		if err := v.serve(ctx, m); err != nil {
			return fmt.Errorf("vault: message %s: %w", m.TS, err)
		}
		if _, err := v.Client.Ack(ctx, v.Identity, m.TS); err != nil {
			return fmt.Errorf("vault: %w", err)
		}
		if v.OnServed != nil {
			v.OnServed(m)
		}
	}
	return ctx.Err()
}

// serve deals with one message. Nil lets it leave the mailbox.
func (v *Vault) serve(ctx context.Context, m Message) error {
	if m.Verified == Unverified {
		if hasTemporaryCause(m.Err) {
			return m.Err // the keys were out of reach: it may be genuine
		}
		v.Client.log.WarnContext(ctx, "unverified message dropped", "ts", m.TS, "from", m.From, "error", m.Err)
		return nil
	}
	switch m.Type {
	case TypeRequest:
		return v.answer(ctx, m)
	case TypeEncrypted:
		return v.accept(ctx, m)
	}
	return nil
}

func (v *Vault) answer(ctx context.Context, request Message) error {
	p, ttl, err := v.OnRequest(ctx, request)
	if reason, ok := IsDenied(err); ok {
		_, err := v.Client.Deny(ctx, v.Identity, request, reason)
		return v.undeliverable(ctx, request, err)
	}
	if err != nil {
		return err
	}
	_, err = v.Client.Publish(ctx, v.Identity, request.From, p, PublishOptions{TTL: ttl, RespTo: request.ID})
	return v.undeliverable(ctx, request, err)
}

// undeliverable lets a request go whose sender cannot be answered: nobody shall be
// able to stop a vault by asking.
func (v *Vault) undeliverable(ctx context.Context, request Message, err error) error {
	if hasCode(err, deadLetterCodes...) || errors.Is(err, ErrPeer) || errors.Is(err, ErrPeerChanged) {
		v.Client.log.WarnContext(ctx, "answer not deliverable", "to", request.From, "error", err)
		return nil
	}
	return err
}

func (v *Vault) accept(ctx context.Context, given Message) error {
	if v.OnPackage == nil {
		return nil
	}
	p, err := given.Package(v.Identity)
	if err != nil {
		v.Client.log.WarnContext(ctx, "unreadable package dropped", "ts", given.TS, "from", given.From, "error", err)
		return nil
	}
	return v.OnPackage(ctx, given, p)
}
