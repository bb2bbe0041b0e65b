package client

import (
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/nixnode/nixnode/address"
)

// home is what the client knows of the cluster's domain. Until it is settled it
// may hold a guess: the domain in the API key's id, which can be an alias.
type home struct {
	mu      sync.RWMutex
	domain  address.Domain
	known   bool
	settled bool
	aliases []string
}

// configure sets the domain as configured, or else the guess.
func (h *home) configure(domain, guess string, aliases []string) error {
	h.aliases = aliases
	h.settled = domain != ""
	if !h.settled {
		domain = guess
	}
	if guess != "" {
		h.aliases = append([]string{guess}, aliases...)
	}
	if domain == "" {
		return nil
	}
	d, err := address.NewDomain(domain, h.aliases...)
	if err != nil {
		return fmt.Errorf("%w: Domain, Aliases or Key.ID: %w", ErrConfig, err)
	}
	h.domain, h.known = d, true
	return nil
}

// learn takes the domain from an address that the server, or an identity that it
// registered, brought. The first one settles it.
func (h *home) learn(full string) {
	_, host, ok := strings.Cut(full, "@")
	if !ok {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.settled {
		return
	}
	if d, err := address.NewDomain(host, h.aliases...); err == nil {
		h.domain, h.known, h.settled = d, true, true
	}
}

// get gives the domain, and whether one is known. Without one, the zero Domain
// still reads local forms.
func (h *home) get() (address.Domain, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.domain, h.known
}

// full gives a with the domain if that is known, else its local form, which the
// server takes for the same.
func (h *home) full(a address.Address) string {
	if d, ok := h.get(); ok {
		return d.Full(a)
	}
	return a.Local()
}

// audience is what proofs and tokens sent to base are meant for (section 4).
func (h *home) audience(base *url.URL) string {
	if d, ok := h.get(); ok {
		return d.Name()
	}
	return base.Hostname()
}

// Full gives an address with the cluster's domain, or the local form as long as
// the domain is not known.
func (c *Client) Full(a address.Address) string { return c.home.full(a) }

// ParseAddress reads an address in any form. Errors: address.ErrMalformed,
// address.ErrForeign.
func (c *Client) ParseAddress(s string) (address.Address, error) {
	d, known := c.home.get()
	if !known { // there is nothing yet to compare the domain with
		s, _, _ = strings.Cut(s, "@")
	}
	return d.Parse(s)
}
