// Package conformance checks a server against the protocol page, from outside:
// over HTTP alone, as any client sees it. Each Case is one sentence of the page
// that can be observed, and its id begins with the section.
//
// It promises that a case needs nothing but the keys it is given, makes the
// identities and tenants it works with itself, and leaves alone what it did not
// make, so that it may be run against a server that is in use. Cases run side by
// side. With several URLs each request goes to the next one, so that a server
// of several nodes is seen as the one thing that it has to be.
//
// What the page calls temporary (50300, 50301, 50302, 50400, 60000, 42900, and a
// connection that breaks) is tried again, and a case that was disturbed by it is
// begun anew a few times. Anything else that differs from the page fails its case.
//
// It shares no code with the server but the wire contract (api), addresses and
// JOSE; signatures, both good and forged, it makes itself.
package conformance
