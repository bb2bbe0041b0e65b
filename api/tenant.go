package api

// The names of the scopes (section 3).
const (
	ScopeIdentity = "identity"
	ScopeMessage  = "message"
	ScopeEvent    = "event"
	ScopeAdmin    = "admin"
	ScopeOperator = "operator"
)

// NameRequest is the body that makes a customer or an application (section 9).
type NameRequest struct {
	Name string `json:"name"`
}

// TenantPatch changes a customer or an application; absent fields stay.
type TenantPatch struct {
	Name    *string `json:"name,omitempty"`
	Enabled *bool   `json:"enabled,omitempty"`
}

// Customer is a customer as the server shows it. Times are decimal strings of unix seconds.
type Customer struct {
	Address string `json:"address"`
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
	Created string `json:"created"`
}

// Application is an application of a customer.
type Application struct {
	Address  string `json:"address"`
	Customer string `json:"customer"`
	Name     string `json:"name"`
	Enabled  bool   `json:"enabled"`
	Created  string `json:"created"`
}

// Rate limits what an API key may ask of each node; a zero or absent field means
// the default.
type Rate struct {
	Requests uint32 `json:"requests,omitempty"` // a second
	// Burst is how many requests may come at once; absent, it is twice Requests.
	Burst    uint32 `json:"burst,omitempty"`
	Messages uint32 `json:"messages,omitempty"` // a second
}

// KeyRequest makes an API key. Without scopes it gets identity and message.
type KeyRequest struct {
	Name    string   `json:"name"`
	Scopes  []string `json:"scopes,omitempty"`
	Expires string   `json:"expires,omitempty"` // decimal string of unix seconds; absent = never
	Rate    *Rate    `json:"rate,omitempty"`
}

// KeyPatch changes an API key; absent fields stay. An empty Expires means never.
type KeyPatch struct {
	Name    *string  `json:"name,omitempty"`
	Enabled *bool    `json:"enabled,omitempty"`
	Expires *string  `json:"expires,omitempty"`
	Scopes  []string `json:"scopes,omitempty"`
	Rate    *Rate    `json:"rate,omitempty"`
}

// RotateRequest gives an API key a new secret; the old one stays valid for
// Overlap seconds (0 ends it at once, 7 days at most).
type RotateRequest struct {
	Overlap int `json:"overlap,omitempty"`
}

// Key is an API key as the server shows it. Secret is there once, in the answer
// that makes it.
type Key struct {
	Address     string   `json:"address"`
	Application string   `json:"application"`
	Customer    string   `json:"customer"`
	Name        string   `json:"name"`
	Scopes      []string `json:"scopes"`
	Enabled     bool     `json:"enabled"`
	Expires     string   `json:"expires,omitempty"`
	Rate        Rate     `json:"rate"`
	Created     string   `json:"created"`
	Secret      string   `json:"secret,omitempty"`
	// OldValidUntil is until when the secret before the newest is accepted.
	OldValidUntil string `json:"oldValidUntil,omitempty"`
}
