package jose

import "errors"

// What can be wrong with a token or a key. They are matched with errors.Is; the
// numbers are the codes of the protocol page.
var (
	// ErrForm: not a well-formed token of the kind that is expected here (40010).
	ErrForm = errors.New("malformed token")
	// ErrAlgorithm: "alg" is not the one algorithm of this place (40011).
	ErrAlgorithm = errors.New("token with another algorithm")
	// ErrSignature: the signature was not made by this key over this token (40012).
	ErrSignature = errors.New("bad signature")
	// ErrKeyNotCurrent: the token's key id does not select the key (40013).
	ErrKeyNotCurrent = errors.New("signed with a key that is not current")
	// ErrTarget: "tgt" is absent, or of another place (40014).
	ErrTarget = errors.New("token for another target")
	// ErrIssuedAt: "iat" is absent, not in whole seconds, or too far from now (40015).
	ErrIssuedAt = errors.New("token not issued now")
	// ErrTime: "exp", "nbf" or "iat" is absent, not valid now, or spans too long (40016).
	ErrTime = errors.New("token not valid at this time")
	// ErrAudience: "aud" does not name this cluster (40017).
	ErrAudience = errors.New("token for another audience")
	// ErrSubject: "iss" or "sub" is not the identity that signed (40018).
	ErrSubject = errors.New("token of another subject")
	// ErrKey: not a key that is accepted in this place (40019).
	ErrKey = errors.New("unacceptable key")
	// ErrEncryption: not a JWE that can be read here, or not for this key.
	ErrEncryption = errors.New("unreadable encryption")
	// ErrSecret: the text is not an API key secret as it was issued.
	ErrSecret = errors.New("malformed API key secret")
)
