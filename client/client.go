package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/jose"
)

// The defaults of Config.
const (
	DefaultCallTimeout = 15 * time.Second
	DefaultRetryFor    = time.Minute
	DefaultMinBackoff  = 50 * time.Millisecond
	DefaultMaxBackoff  = 2 * time.Second
	DefaultSilence     = 45 * time.Second // three keep-alives of a stream
	DefaultPeerMaxAge  = time.Minute
)

// legacyDomain is what clients of 2019 fill in where an address has no host.
const legacyDomain = "api.nix.software"

// Config says how to reach a cluster and as whom. URLs and Key are required.
type Config struct {
	// URLs are the base URLs of the cluster's nodes, for example
	// "https://n1.example.org". A call goes to the one that answered last, and to
	// the next when it fails. http is only accepted for loopback hosts.
	URLs []string
	// RoundRobin makes each call start at the next of URLs.
	RoundRobin bool
	// AllowPlain accepts http URLs of any host: credentials then travel
	// unprotected, unless something else protects that network.
	AllowPlain bool

	// Key is the API key of every call.
	Key KeyCredentials
	// Bearer sends short-lived tokens made with the key's secret instead of the
	// secret. It needs Domain, or a Key.ID in full form.
	Bearer bool

	// Domain is the cluster's domain. Empty: it is learned from the first address
	// that the server, the API key's id or an identity brings.
	Domain string
	// Aliases are other names of the domain. Nil means api.nix.software alone,
	// which clients of 2019 write.
	Aliases []string

	// HTTP is used for the requests; nil is a client made for this. Its Timeout
	// bounds calls but not streams; redirects are never followed.
	HTTP *http.Client
	// Pins remembers the first keys of peers; nil keeps them in memory.
	Pins PeerStore
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Logger gets a line per repeated call; nil is silent.
	Logger *slog.Logger

	CallTimeout time.Duration // one try of one call; 0 is DefaultCallTimeout
	RetryFor    time.Duration // how long a call is repeated; 0 is DefaultRetryFor, negative never
	MinBackoff  time.Duration // 0 is DefaultMinBackoff
	MaxBackoff  time.Duration // 0 is DefaultMaxBackoff
	Silence     time.Duration // a stream without a byte for so long is dead; 0 is DefaultSilence
	PeerMaxAge  time.Duration // how old a peer's keys may be before they are asked for again; 0 is DefaultPeerMaxAge
}

// Client talks to one cluster with one API key. Close it after use.
type Client struct {
	cfg     Config
	key     credentials
	bases   []*url.URL
	current atomic.Uint64 // index into bases, modulo their number
	calls   *http.Client
	streams *http.Client
	owned   *http.Transport // nil when the caller brought its own
	home    home
	peers   peerCache
	log     *slog.Logger
}

// New checks cfg and makes a Client. Nothing is sent. Errors: ErrConfig, which
// tells all that is wrong at once.
func New(cfg Config) (*Client, error) {
	cfg.setDefaults()
	c := &Client{cfg: cfg, log: cfg.Logger.With("component", "client")}
	var errs []error
	for _, raw := range cfg.URLs {
		u, err := parseBase(raw, cfg.AllowPlain)
		errs = append(errs, err)
		c.bases = append(c.bases, u)
	}
	if len(cfg.URLs) == 0 {
		errs = append(errs, fmt.Errorf("%w: no URLs", ErrConfig))
	}
	var err error
	c.key, err = cfg.Key.parse()
	errs = append(errs, err, c.home.configure(cfg.Domain, c.key.host, cfg.Aliases))
	if cfg.Bearer && err == nil && cfg.Domain == "" && c.key.host == "" {
		errs = append(errs, fmt.Errorf("%w: Bearer needs Domain, or a Key.ID with its domain", ErrConfig))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	c.setHTTP()
	return c, nil
}

func (cfg *Config) setDefaults() {
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&cfg.CallTimeout, DefaultCallTimeout}, {&cfg.RetryFor, DefaultRetryFor},
		{&cfg.MinBackoff, DefaultMinBackoff}, {&cfg.MaxBackoff, DefaultMaxBackoff},
		{&cfg.Silence, DefaultSilence}, {&cfg.PeerMaxAge, DefaultPeerMaxAge},
	} {
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	if cfg.Aliases == nil {
		cfg.Aliases = []string{legacyDomain}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Pins == nil {
		cfg.Pins = NewMemoryPins()
	}
}

// parseBase reads a base URL. The errors do not repeat it, as a URL can hold a password.
func parseBase(raw string, allowPlain bool) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(raw, "/"))
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%w: a URL must be scheme://host[:port][/path]", ErrConfig)
	case u.Scheme == "https", u.Scheme == "http" && (allowPlain || isLoopback(u.Hostname())):
		return u, nil
	}
	return nil, fmt.Errorf("%w: %s is neither https nor on loopback", ErrConfig, u.Host)
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// setHTTP makes the two clients: calls with a time limit, streams without.
func (c *Client) setHTTP() {
	base := http.Client{}
	if c.cfg.HTTP != nil {
		base = *c.cfg.HTTP
	} else {
		c.owned = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: 5 * time.Second,
			MaxIdleConnsPerHost: 256, // many senders share a client
			IdleConnTimeout:     90 * time.Second,
			ForceAttemptHTTP2:   true,
		}
		base.Transport = c.owned
	}
	// The protocol has no redirects (section 2); following one would hand the
	// credentials to whoever sent it.
	base.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	calls, streams := base, base
	streams.Timeout = 0
	c.calls, c.streams = &calls, &streams
}

// Close lets go of idle connections. It is idempotent, and does not end calls
// and streams: their contexts do.
func (c *Client) Close() error {
	if c.owned != nil {
		c.owned.CloseIdleConnections()
	}
	return nil
}

// now is the clock, cut to the second as tokens have it.
func (c *Client) now() time.Time { return c.cfg.Now().Truncate(time.Second) }

// sleep waits, or returns what ended ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// KeyCredentials are an API key as it was issued. Printing or logging them hides
// the secret.
type KeyCredentials struct {
	ID     string // the key's address, in any form
	Secret string // the base64 text that was shown once
}

// String names the key and hides its secret.
func (k KeyCredentials) String() string { return "API key " + k.ID }

// GoString is String, for %#v.
func (k KeyCredentials) GoString() string { return k.String() }

// LogValue logs String.
func (k KeyCredentials) LogValue() slog.Value { return slog.StringValue(k.String()) }

// credentials are KeyCredentials, parsed.
type credentials struct {
	key    address.Address
	host   string // the domain in the id, or empty
	secret jose.Secret
}

func (k KeyCredentials) parse() (credentials, error) {
	local, host, _ := strings.Cut(k.ID, "@")
	a, err := address.ParseLocal(local)
	if err != nil || a.Type() != address.APIKey {
		return credentials{}, fmt.Errorf("%w: Key.ID is not the address of an API key", ErrConfig)
	}
	s, err := jose.ParseSecret(k.Secret)
	if err != nil {
		return credentials{}, fmt.Errorf("%w: Key.Secret is not a secret as it was issued", ErrConfig)
	}
	return credentials{key: a, host: host, secret: s}, nil
}

// authorize puts the credentials on req (section 3).
func (c *Client) authorize(req *http.Request) error {
	if !c.cfg.Bearer {
		req.SetBasicAuth(c.key.key.Local(), c.key.secret.Text())
		return nil
	}
	token, err := c.apiToken()
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return nil
}

func (c *Client) apiToken() (string, error) {
	d, _ := c.home.get()
	// A minute back, for a server whose clock is behind; it allows as much again.
	token, err := jose.SignAPIToken(d.Full(c.key.key), c.key.secret, d.Name(), c.cfg.Now().Add(-time.Minute), 5*time.Minute)
	if err != nil {
		return "", fmt.Errorf("sign an API token: %w", err)
	}
	return token, nil
}
