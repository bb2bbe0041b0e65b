// Package relay is what a node does for its users, without HTTP: it finds out
// who is asking, checks what identities signed, turns requests into commands for
// the log, and reads what the log made of them (protocol page, sections 3 to 9).
//
// It promises:
//
//   - Nothing of a request is believed that was not checked here: credentials,
//     tokens, sizes and names. What replicated state alone can decide (is the
//     key still current, is the mailbox full) is decided again when the command
//     is applied, and the answer says what was decided there.
//   - Reads see all that was answered before they began, on any node, and are
//     made for a caller whose key is good in the very state that is read. So a
//     disabled API key or a replaced signing key is never honoured by a request
//     that began after the change was answered, not even on a node that lags.
//   - A refusal that an outdated local view could explain is only given after a
//     look at the current state.
//   - Errors that callers see are *api.Error. Anything else is an internal error.
//   - Secrets, tokens and payloads are never logged.
//
// It does not know how the cluster agrees, how state is stored, or that there is
// HTTP: what it needs from below are the small interfaces Proposer, Reader, View,
// Router and Sealer, which package node fills.
package relay
