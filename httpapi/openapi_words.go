package httpapi

import (
	"encoding/json"

	"github.com/nixnode/nixnode/api"
)

// operation is what the OpenAPI document says of a route beside what the table of
// routes says itself. A test demands one for each route.
type operation struct {
	summary string
	text    string
	takes   any // an example of the request, of its type; nil for none
	gives   any // of the type of the body, or of a stream's lines; nil for none
	query   []parameter
	// raw is the JSON type of an answer that is no envelope.
	raw        string
	results    bool // the envelope may have the code of a refusal (section 6)
	serverSent bool // a stream that there is as server-sent events, too
	unready    bool // may be 503 without credentials
}

type parameter struct{ name, text, example string }

const introduction = "Every answer but streams, metrics and this description is an envelope: `status`, `code`, `msg` or `err`, `txnID`, and what was asked for in `body`. " +
	"Codes tell more than statuses and never change their meaning.\n\nThe API key says which application asks. What an identity says is signed by the identity: " +
	"the fields that hold tokens are compact JWS, ES256 on P-256. The tokens in the examples show header and payload; their signatures are none."

var tagTexts = map[string]string{
	"identity": "Who identities are: keys, metadata, stored data, members.", "messages": "Sending, fetching, following and acknowledging messages.",
	"packages": "What a vault has in the cache.", "customer": "Customers of the cluster.", "application": "Applications of a customer.",
	"key": "API keys of an application.", "events": "What happened, for the customer.", "ops": "For those who run the node.",
}

var pathParameters = map[string]parameter{
	"id":   {text: "address of an identity", example: sampleUser},
	"name": {text: "name of the item: 1 to 64 of A-Z a-z 0-9 _ -", example: "photo"},
	"cust": {text: "address of a customer", example: sampleCustomer},
	"app":  {text: "address of an application", example: sampleApplication},
	"key":  {text: "address of an API key", example: sampleAPIKey},
}

// fieldTexts describes fields of the wire types by their names, which mean the
// same wherever they are.
var fieldTexts = map[string]string{
	"status": "HTTP status", "code": "outcome", "err": "what is wrong, in words", "msg": "what was done, in words; in a line of a stream or mailbox, the message token",
	"txnID": "names this exchange; also in the log and in events", "first": "opaque cursor", "last": "opaque cursor: where the next page begins", "continue": "whether there is likely more",
	"jwt": "token that proves \"it is me, now\"", "jws": "token over {name, jwe}", "sigPubKey": "the signing key: a JWK, or a token over it", "encPubKey": "token over the encryption key's JWK",
	"metaPublic": "public metadata: an object, or a token over it", "metaPrivate": "private metadata: an object, or a token over it", "members": "token over an array of addresses; or the nodes of the cluster",
	"sigRoot": "the first signing key", "sigChain": "tokens, oldest first, by which each signing key signed the next", "ts": "decimal nanoseconds since 1970: the place in the mailbox",
	"msgs": "message tokens, at most 256", "wait": "for how many seconds to wait for answers to requests, at most 60", "dst": "address", "src": "address",
	"created": "decimal unix seconds", "updated": "decimal unix seconds", "expires": "decimal unix seconds; absent for never", "exp": "decimal unix seconds",
	"secret": "shown this once", "overlap": "for how many seconds the old secret is still accepted", "scopes": "identity, message, event, admin, operator",
	"skipped": "members of a group whose mailboxes were full", "lag": "committed entries that this node has not applied yet", "reasons": "why not; empty when all is well",
	"spdx": "SPDX licence expression", "kid": "content package",
}

var (
	pageQuery = []parameter{{"limit", "at most so many: 100 if absent, 1,000 at most", "10"}, {"cursor", "`last` of the page before", ""}}

	eventFilters = []parameter{
		{"type", "type of event, such as message.accepted", "message.accepted"}, {"app", "address of an application", ""}, {"key", "address of an API key", ""},
		{"src", "address", ""}, {"dst", "address", ""}, {"kid", "content package", ""}, {"code", "code of the outcome", ""},
	}
	eventQueryWords = append([]parameter{
		{"limit", "at most so many", "10"}, {"cursor", "`last` of the page before, or an event's `id`", ""}, {"order", "DESC, the default, or ASC", "ASC"},
		{"from", "only events from this time on: decimal nanoseconds since 1970", ""}, {"to", "only events before this time", ""},
	}, eventFilters...)
)

var operations = map[string]operation{
	"identity.register": {
		summary: "Register an identity", gives: api.Identity{},
		text: "The address is the server's to give. The same registration again gives the same identity. In `metaPublic`, `identityType` is one of app, group, route, user, vault, or absent.",
		takes: api.RegisterRequest{
			SigPubKey:   json.RawMessage(sampleSigKey),
			EncPubKey:   signedFor("", api.PathIdentity+"#encPubKey", json.RawMessage(sampleEncKey)),
			MetaPublic:  signedFor("", api.PathIdentity+"#metaPublic", object{"identityType": "user", "name": "Ada"}),
			MetaPrivate: signedFor("", api.PathIdentity+"#metaPrivate", object{"note": "for me alone"}),
		},
	},
	"identity.me": {
		summary: "Show one's own identity", gives: api.Identity{}, takes: api.ProofRequest{JWT: proofFor(sampleUser, api.PathMe, nil)},
	},
	"identity.sigPubKey": {
		summary: "Replace the signing key", gives: api.Identity{},
		text: "The old key is refused from then on. The encryption key is named anew, by the new signing key.",
		takes: api.SigKeyRequest{
			SigPubKey: signedFor(sampleUser, api.PathMeSigKey+"#sigPubKey", json.RawMessage(sampleNewKey)),
			EncPubKey: sampleToken(object{"alg": "ES256", "kid": sampleUser + "/" + sampleNewKeyID, "tgt": api.PathMeSigKey + "#encPubKey", "iat": sampleIssued}, json.RawMessage(sampleEncKey)),
		},
	},
	"identity.encPubKey": {
		summary: "Replace the encryption key", gives: api.Identity{},
		takes: api.EncKeyRequest{EncPubKey: signedFor(sampleUser, api.PathMeEncKey+"#encPubKey", json.RawMessage(sampleEncKey))},
	},
	"identity.meta": {
		summary: "Replace metadata", gives: api.Identity{}, text: "One of the two, or both; at most 16 KiB each.",
		takes: api.MetaRequest{MetaPublic: signedFor(sampleUser, api.PathMeMeta+"#metaPublic", object{"identityType": "user", "name": "Ada L."})},
	},
	"identity.storeRecovery": {
		summary: "Store the recovery item",
		text:    "`/v1/identity/me/data/recovery` is the same item; the token is bound to the path that is used.",
		takes:   api.DataRequest{JWS: signedFor(sampleUser, api.PathMeRecovery+"#jws", api.DataPayload{Name: "recovery", JWE: "eyJhbGciOiJFQ0RILUVTIn0...."})},
	},
	"identity.storeData": {
		summary: "Store an item", text: "At most 64 KiB, and 16 items.",
		takes: api.DataRequest{JWS: signedFor(sampleUser, "/v1/identity/me/data/photo#jws", api.DataPayload{Name: "photo", JWE: "eyJhbGciOiJFQ0RILUVTIn0...."})},
	},
	"identity.members": {
		summary: "Say who the members of a route or group are", text: "The list replaces the one before; at most 1,000.",
		takes: api.MembersRequest{Members: signedFor(sampleGroup, api.PathMeMembers+"#members", []string{sampleUser, sampleVault})},
	},
	"identity.retire": {
		summary: "Retire the identity", text: "It answers 410/41000 from then on. Its mailbox, data and cached packages are gone.",
		takes: api.ProofRequest{JWT: proofFor(sampleUser, api.PathMeRetire, nil)},
	},
	"identity.public":   {summary: "Show the public part of an identity", gives: api.Identity{}},
	"identity.recovery": {summary: "Show the recovery item of an identity", gives: api.Data{}},
	"identity.data":     {summary: "Show an item of an identity", gives: api.Data{}},
	"messages.send": {
		summary: "Send messages", gives: []api.MessageResult{}, results: true,
		text: "Each is accepted or refused for itself: look at each result. If not one was accepted, the envelope has status and code of the first refusal, with the results in `body` all the same. Sending the same token again is safe.",
		takes: api.SendRequest{Msgs: []string{
			messageFrom(sampleVault, "p", "1764000000.1", sampleUser, object{"kid": "holiday", "jwe": "eyJhbGciOiJFQ0RILUVTIn0...."}),
			messageFrom(sampleUser, "r", "1764000000.2", sampleVault, object{"kid": "holiday"}),
		}},
	},
	"messages.fetch": {
		summary: "Fetch messages", gives: []api.StreamLine{},
		text:  "Claims of the jwt, all optional: `min`, `max` (exclusive), `order` (DESC or ASC), `limit` (100; at most 1,000), `cursor`, and the filters `type`, `src`, `kid`.",
		takes: api.ProofRequest{JWT: proofFor(sampleUser, api.PathFetch, object{"order": "ASC", "limit": 10, "type": []string{"s", "p"}})},
	},
	"messages.listen": {
		summary: "Follow messages", gives: api.StreamLine{},
		text:  "First what is there above `min`, then what comes. After 15 s of silence there is a space. When the server ends the stream it says why in a last line and breaks the connection.",
		takes: api.ProofRequest{JWT: proofFor(sampleUser, api.PathListen, object{"min": sampleTS})},
	},
	"messages.ack": {
		summary: "Acknowledge messages", gives: api.AckBody{}, text: "They leave the mailbox. Claims: `upTo`, or `ts` with an array.",
		takes: api.ProofRequest{JWT: proofFor(sampleUser, api.PathAck, object{"upTo": sampleTS})},
	},
	"messages.ws": {
		summary: "Follow, send and acknowledge on a websocket",
		text:    "Frames are JSON text: SocketRequest to the server; StreamLine and SocketReply from it. Browsers offer the subprotocols `nix.v1` and `nix.bearer.<API key JWT>`. Close codes: 1001 going down, 1008 policy, 1009 too big, 4401 not authorised, 4408 too slow.",
	},
	"packages.list": {
		summary: "List what one has cached", gives: []api.Package{}, text: "Claims of the jwt, all optional: `kid`, `dst`, `limit`, `cursor`.",
		takes: api.ProofRequest{JWT: proofFor(sampleVault, api.PathPackages, object{"kid": "holiday"})},
	},
	"customer.create":    {summary: "Create a customer", gives: api.Customer{}, takes: api.NameRequest{Name: "Example Ltd"}},
	"customer.list":      {summary: "List customers", gives: []api.Customer{}, query: pageQuery},
	"customer.show":      {summary: "Show a customer", gives: api.Customer{}},
	"customer.update":    {summary: "Change a customer", gives: api.Customer{}, text: "What is absent stays.", takes: api.TenantPatch{Name: new("Example plc")}},
	"application.create": {summary: "Create an application", gives: api.Application{}, takes: api.NameRequest{Name: "First app"}},
	"application.list":   {summary: "List applications", gives: []api.Application{}, query: pageQuery},
	"application.show":   {summary: "Show an application", gives: api.Application{}},
	"application.update": {summary: "Change an application", gives: api.Application{}, text: "Disabling it refuses its keys on every node at once.", takes: api.TenantPatch{Enabled: new(false)}},
	"key.create": {
		summary: "Create an API key", gives: api.Key{}, text: "The secret is shown this once.",
		takes: api.KeyRequest{Name: "Backend", Scopes: []string{api.ScopeIdentity, api.ScopeMessage}, Rate: &api.Rate{Requests: 100, Burst: 200}},
	},
	"key.list":   {summary: "List API keys", gives: []api.Key{}, query: pageQuery},
	"key.show":   {summary: "Show an API key", gives: api.Key{}},
	"key.update": {summary: "Change an API key", gives: api.Key{}, text: "Disabling it takes effect on every node before this is answered.", takes: api.KeyPatch{Enabled: new(false)}},
	"key.rotate": {summary: "Give an API key a new secret", gives: api.Key{}, text: "The secret is shown this once.", takes: api.RotateRequest{Overlap: 3600}},
	"key.delete": {summary: "Delete an API key"},
	"events.list": {
		summary: "List events", gives: []api.Event{}, query: eventQueryWords, text: "Newest first unless `order` says otherwise. Kept for 30 days by default.",
	},
	"events.listen": {
		summary: "Follow events", gives: api.Event{}, query: eventQueryWords, serverSent: true,
		text: "From `cursor` on, or from now on. As server-sent events where `Accept` has text/event-stream; `Last-Event-ID` is honoured.",
	},
	"ops.health":   {summary: "Tell whether the process must be restarted", gives: api.Condition{}, unready: true},
	"ops.ready":    {summary: "Tell whether the node should get requests", gives: api.Condition{}, unready: true},
	"ops.version":  {summary: "Tell what runs", gives: api.Version{}},
	"ops.cluster":  {summary: "Tell what this node sees of the cluster", gives: api.ClusterStatus{}},
	"ops.licenses": {summary: "List every module in the binary with its licence", gives: []api.License{}},
	"ops.metrics":  {summary: "Show metrics for Prometheus", raw: "string"},
	"ops.openapi":  {summary: "Describe all endpoints for programs", raw: "object"},
	"ops.docs":     {summary: "Describe all endpoints for people", raw: "string"},
}
