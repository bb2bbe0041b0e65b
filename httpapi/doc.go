// Package httpapi is the door: it turns HTTP into calls of package relay and
// their answers into the envelope (sections 2, 3, 6, 9, 11 and 12 of the
// protocol page).
//
// Routes gives the one table of endpoints; router, tests, docs/api.md and later
// the OpenAPI page read it. Every request takes the same way: headers that each
// answer has, route, TLS, in-flight limit, credentials, scope, body, call,
// envelope, one log line. A stream leaves that way after the call: see stream.go.
// A websocket leaves it after the scope, and its frames take one of their own: see
// ws.go.
//
// Promises: each answer is the envelope, with a txnID that no other answer of
// this process has, whatever the request was and whatever panics behind it (what
// is not HTTP at all is answered by net/http itself). An error that has no code is
// 50000, and its text stays in the log. Nothing is redirected and no path is
// cleaned. Bodies are bounded in size and in time before they are understood.
// Credentials are looked at before the body, route and method before both.
//
// Deliberately not here: what a request means, who may do it beyond the scope of
// the route, and anything about tokens. That is relay's. The package starts no
// goroutines but those of a websocket, which are joined within its request.
package httpapi
