package client

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/internal/strictjson"
	"github.com/nixnode/nixnode/jose"
)

// exportVersion is the format of Export. It is only ever raised; older ones stay readable.
const exportVersion = 1

// exported is an Identity in JSON. It holds private keys.
type exported struct {
	Version      int               `json:"v"`
	Address      string            `json:"address,omitempty"` // full form
	Sig          json.RawMessage   `json:"sig"`               // JWKs with their private part
	Enc          json.RawMessage   `json:"enc"`
	Past         []json.RawMessage `json:"past,omitempty"`
	Registration *registration     `json:"registration,omitempty"`
	Next         *exportedNext     `json:"next,omitempty"`
}

type exportedNext struct {
	Sig    json.RawMessage `json:"sig"`
	Enc    json.RawMessage `json:"enc"`
	SigJWS string          `json:"sigJWS"`
	EncJWS string          `json:"encJWS"`
	Made   time.Time       `json:"made"`
}

// Export gives all of the identity as JSON, private keys and begun changes
// included, for ImportIdentity. Whoever reads it can be this identity: keep it
// encrypted.
func (id *Identity) Export() ([]byte, error) {
	id.mu.RLock()
	defer id.mu.RUnlock()
	e := exported{
		Version: exportVersion, Address: id.full(),
		Sig: id.keys.sig.JWK(), Enc: id.keys.enc.JWK(),
		Registration: id.registration,
	}
	for _, k := range id.keys.past {
		e.Past = append(e.Past, k.JWK())
	}
	if n := id.next; n != nil {
		e.Next = &exportedNext{Sig: n.keys.sig.JWK(), Enc: n.keys.enc.JWK(), SigJWS: n.sigJWS, EncJWS: n.encJWS, Made: n.made}
	}
	return json.Marshal(e)
}

// ImportIdentity reads what Export gave. Errors: ErrIdentity.
func ImportIdentity(data []byte) (*Identity, error) {
	var e exported
	if err := strictjson.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("%w: not as it was exported", ErrIdentity)
	}
	if e.Version != exportVersion {
		return nil, fmt.Errorf("%w: of another version (%d)", ErrIdentity, e.Version)
	}
	id := &Identity{registration: e.Registration}
	var err error
	if err = id.importAddress(e.Address); err != nil {
		return nil, err
	}
	if id.keys, err = importKeys(e.Sig, e.Enc); err != nil {
		return nil, err
	}
	for _, jwk := range e.Past {
		k, err := jose.ParsePrivateKey(jwk, jose.Enc)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrIdentity, err)
		}
		id.keys.past = append(id.keys.past, k)
	}
	if n := e.Next; n != nil {
		k, err := importKeys(n.Sig, n.Enc)
		if err != nil {
			return nil, err
		}
		id.next = &rotation{keys: k, sigJWS: n.SigJWS, encJWS: n.EncJWS, made: n.Made}
	}
	return id, nil
}

func (id *Identity) importAddress(full string) error {
	if full == "" {
		return nil
	}
	_, host, _ := strings.Cut(full, "@")
	d, err := address.NewDomain(host)
	if err != nil {
		return fmt.Errorf("%w: address without its domain", ErrIdentity)
	}
	a, err := d.ParseType(full, address.Identity)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	id.addr, id.host = a, d.Name()
	return nil
}

func importKeys(sig, enc []byte) (k keys, err error) {
	if k.sig, err = jose.ParsePrivateKey(sig, jose.Sig); err != nil {
		return keys{}, fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	if k.enc, err = jose.ParsePrivateKey(enc, jose.Enc); err != nil {
		return keys{}, fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	return k, nil
}
