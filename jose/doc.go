// Package jose reads, checks and makes what is signed and encrypted: identity
// tokens (protocol page, section 4), API key tokens and secrets (section 3),
// public and private keys (JWK), and the JWE of content packages. It is the only
// importer of go-jose. The cryptography is that of go-jose and of the standard
// library; this package decides what is let through to it.
//
// It promises:
//
//   - One reading of each text. Only the compact serializations are read, each
//     part in canonical base64url: no padding, no line breaks, no stray bits. So
//     a token that was changed anywhere is refused, and no second spelling of
//     the same token exists save the twin that any ES256 signature has: (r, n-s)
//     verifies wherever (r, s) does. Hence tokens are told apart by Digest,
//     which leaves the signature out.
//   - The algorithm is chosen by the place, never by the token: ES256 for
//     identities, HS256 for API keys, ECDH-ES with A256GCM for packages.
//   - Keys come from the caller, never from a token's header.
//   - Bad input gives one of the errors below and never panics. Error texts are
//     made of constant words: no key, secret, claim or payload is in them.
//
// It does not know which keys are current, which tokens were seen before, what
// a payload means, or what time it is: all of that is handed in.
package jose
