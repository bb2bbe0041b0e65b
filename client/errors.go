package client

import (
	"context"
	"errors"
	"net/url"
	"strconv"

	"github.com/nixnode/nixnode/api"
)

// Errors of this package, matched with errors.Is. What a server refuses is an
// *api.Error, found with errors.As; errors.Is(err, &api.Error{Code: c}) asks for
// one code.
var (
	// ErrOutcomeUnknown: the change may or may not have been made. Making it again
	// with the same tokens is safe; Prepared keeps those of messages.
	ErrOutcomeUnknown = errors.New("outcome unknown")
	// ErrBadAnswer: what came back is not an answer of a NiX server, or does not
	// fit what was asked.
	ErrBadAnswer = errors.New("unusable answer")
	// ErrConfig: the Config cannot be used.
	ErrConfig = errors.New("bad client configuration")
	// ErrTarget: the text is not a token's place, path#field.
	ErrTarget = errors.New("not a place of a token")
	// ErrNotRegistered: the identity has no address yet.
	ErrNotRegistered = errors.New("identity is not registered")
	// ErrAlreadyRegistered: the identity has an address already.
	ErrAlreadyRegistered = errors.New("identity is registered already")
	// ErrIdentity: the exported identity cannot be read.
	ErrIdentity = errors.New("unreadable identity")
	// ErrPeer: what the server shows as a peer does not hold together.
	ErrPeer = errors.New("peer's keys do not verify")
	// ErrPeerChanged: the peer's chain of keys does not continue the one seen
	// before. Either the server shows another's keys, or the store of pins is
	// from another cluster.
	ErrPeerChanged = errors.New("peer is not the one known by this address")
	// ErrUnverified: the message's signature was not, or could not be, verified.
	ErrUnverified = errors.New("message is not verified")
	// ErrTooLarge: the message is longer than api.MaxMessage allows.
	ErrTooLarge = errors.New("message too large")
	// ErrNoContent: there is nothing to encrypt, or to decrypt.
	ErrNoContent = errors.New("no encrypted content")
	// ErrContent: the content does not decrypt with this key.
	ErrContent = errors.New("content does not decrypt")
	// ErrPackage: not a content package that can be read.
	ErrPackage = errors.New("unreadable content package")
	// ErrDenied: the vault denied the request; *DeniedError has its reason.
	ErrDenied = errors.New("request denied")
)

// DeniedError is a vault's refusal of a request. It matches ErrDenied.
type DeniedError struct {
	Reason string // as the vault put it; may be empty
}

// Error gives the reason, quoted, as it is a stranger's text.
func (e *DeniedError) Error() string {
	if e.Reason == "" {
		return ErrDenied.Error()
	}
	return ErrDenied.Error() + ": " + strconv.Quote(e.Reason)
}

// Unwrap gives ErrDenied.
func (e *DeniedError) Unwrap() error { return ErrDenied }

// hasCode reports whether err is a server's refusal with one of codes.
func hasCode(err error, codes ...api.Code) bool {
	var e *api.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.Code == c {
			return true
		}
	}
	return false
}

// deadLetterCodes say that a destination takes no message: it does not exist, or
// no longer, or reads none.
var deadLetterCodes = []api.Code{api.CodeNoIdentity, api.CodeRetiredIdentity, api.CodeOtherDomain, api.CodeMailboxFull}

// hasTemporaryCause reports whether what failed with err may succeed later: the
// node or the network was at fault, or the context ended.
func hasTemporaryCause(err error) bool {
	var refusal *api.Error
	if errors.As(err, &refusal) {
		return refusal.Code.Temporary() || refusal.Code == api.CodeInternal
	}
	var transport *url.Error
	return errors.As(err, &transport) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, ErrBadAnswer)
}
