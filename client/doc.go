// Package client is the Go SDK of a NiX cluster: keys, registration, signed and
// encrypted messages, streams that resume, and content packages (protocol page,
// sections 3 to 7).
//
// It promises:
//
//   - Nothing that a server says is taken for a peer's word. A Message says
//     whether its signature was verified against the sender's chain of keys
//     (Message.Verified, Message.Err); a Peer is only returned when root, chain,
//     current key and encryption key fit together and the root is the one that
//     was seen first (PeerStore).
//   - What is safe is repeated, on the next node where there is one: every change
//     is idempotent, and a repeated message is the same token, byte for byte. The
//     repeating ends with the context, or after Config.RetryFor.
//   - An outcome that is not known is said to be unknown (ErrOutcomeUnknown),
//     even when the last of several tries was refused for good.
//   - A listen stream goes on over broken connections, dying nodes and silent
//     networks without a gap or a repeat.
//
// A Client and an Identity are safe for concurrent use. The package starts no
// goroutines; iterators run on the caller's. Secrets, keys, tokens and contents
// are never logged, nor put into errors.
//
// It deliberately does not store anything: Identity.Export gives the keys to keep.
package client
