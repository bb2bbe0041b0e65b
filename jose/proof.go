package jose

import (
	"fmt"
	"time"

	"github.com/nixnode/nixnode/address"
)

// MaxProofLife is how far apart "nbf" and "exp" of a proof may be (section 4).
const MaxProofLife = 15 * time.Minute

// Proof is what a token in the field "jwt" says: it is me, now (section 4).
type Proof struct {
	Subject                      address.Address // the identity that signed
	ID                           string          // "jti", or else "id"; may be empty
	Expires, NotBefore, IssuedAt time.Time
}

// Proof reads the payload of t as such a proof and checks all that it claims at
// now: issuer and subject are the identity of the kid, the audience is the domain,
// an alias or one of hosts, the times hold. The signature, target and header are
// for Verify, CheckTarget and CheckIssuedAt. Further claims are left for others to
// read from t.Payload. Errors: ErrForm, ErrSubject, ErrAudience, ErrTime.
func (t *Token) Proof(d address.Domain, hosts []string, now time.Time) (Proof, error) {
	c, err := parseClaims(t.Payload)
	if err != nil {
		return Proof{}, err
	}
	for _, who := range []string{c.issuer, c.subject} {
		a, err := d.ParseType(who, address.Identity)
		if err != nil || a != t.Key.Address {
			return Proof{}, fmt.Errorf("%w: iss and sub must be the identity of the kid", ErrSubject)
		}
	}
	if err := c.checkAudience(d, hosts); err != nil {
		return Proof{}, err
	}
	if err := c.checkTime(now, MaxProofLife, "exp", "nbf", "iat"); err != nil {
		return Proof{}, err
	}
	return Proof{
		Subject: t.Key.Address, ID: c.id,
		Expires: c.times["exp"], NotBefore: c.times["nbf"], IssuedAt: c.times["iat"],
	}, nil
}
