package jose

import (
	"fmt"
	"strings"
	"time"

	"github.com/nixnode/nixnode/address"
)

// Skew is how far the clocks of a client and of a node may differ when "exp" and
// "nbf" are judged (sections 3 and 4).
const Skew = 60 * time.Second

// claims are the registered claims of a JWT (RFC 7519 §4.1) as far as they are
// used here. Times are in whole unix seconds.
type claims struct {
	issuer, subject string
	id              string // "jti", or else "id"
	audience        []string
	times           map[string]time.Time // those of exp, nbf and iat that are there
}

// parseClaims reads a payload. Claims that are not named above are ignored.
// Errors: ErrForm.
func parseClaims(payload []byte) (claims, error) {
	o, ok := parseObject(payload)
	if !ok {
		return claims{}, fmt.Errorf("%w: the payload is not a JSON object", ErrForm)
	}
	c := claims{times: map[string]time.Time{}}
	for _, m := range []struct {
		name string
		to   *string
	}{{"iss", &c.issuer}, {"sub", &c.subject}, {"id", &c.id}, {"jti", &c.id}} {
		text, ok := o.text(m.name)
		if !ok {
			return claims{}, fmt.Errorf("%w: %s is not a string", ErrForm, m.name)
		}
		if o.has(m.name) {
			*m.to = text
		}
	}
	if c.audience, ok = o.texts("aud"); !ok {
		return claims{}, fmt.Errorf("%w: aud is not a string or a list of strings", ErrForm)
	}
	for _, name := range []string{"exp", "nbf", "iat"} {
		sec, present, ok := o.seconds(name)
		if !ok {
			return claims{}, fmt.Errorf("%w: %s is not in whole seconds", ErrForm, name)
		}
		if present {
			c.times[name] = time.Unix(sec, 0).UTC()
		}
	}
	return c, nil
}

// checkTime demands the named times, and that now lies between nbf and exp, which
// must not be further apart than longest (RFC 7519 §4.1.4, §4.1.5). Errors: ErrTime.
func (c claims) checkTime(now time.Time, longest time.Duration, demanded ...string) error {
	for _, name := range demanded {
		if _, ok := c.times[name]; !ok {
			return fmt.Errorf("%w: %s is missing", ErrTime, name)
		}
	}
	exp, nbf := c.times["exp"], c.times["nbf"]
	switch {
	case exp.Before(nbf):
		return fmt.Errorf("%w: exp is before nbf", ErrTime)
	case exp.Sub(nbf) > longest:
		return fmt.Errorf("%w: exp is more than %d s after nbf", ErrTime, int(longest.Seconds()))
	case now.Before(nbf.Add(-Skew)):
		return fmt.Errorf("%w: not yet valid", ErrTime)
	case !now.Before(exp.Add(Skew)):
		return fmt.Errorf("%w: expired", ErrTime)
	}
	return nil
}

// checkAudience demands that one of the audiences is the domain, an alias, or one
// of hosts (RFC 7519 §4.1.3). Names are compared without case, and an IPv6
// address with or without the brackets it has in a URL. Errors: ErrAudience.
func (c claims) checkAudience(d address.Domain, hosts []string) error {
	for _, aud := range c.audience {
		if d.Serves(aud) {
			return nil
		}
		for _, h := range hosts {
			if strings.EqualFold(strings.Trim(aud, "[]"), strings.Trim(h, "[]")) {
				return nil
			}
		}
	}
	return fmt.Errorf("%w: aud does not name this cluster", ErrAudience)
}
