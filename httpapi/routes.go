package httpapi

import (
	"net/http"
	"slices"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/relay"
)

// Route is a row of the table of endpoints.
type Route struct {
	Method string
	// Path is the pattern: a segment that begins with a colon is a parameter.
	Path string
	// Name is stable and unique: logs, metrics and the OpenAPI page use it.
	Name string
	// Scope is the set of scopes of which the caller's key needs one; none means
	// that the endpoint takes no credentials.
	Scope relay.Scope
	// MaxBody is the most bytes of a request body; 0 means that a body is not read.
	MaxBody int64
	// Code is the code of a success.
	Code api.Code
	// Media is the media type of a success that is no envelope; "" is one.
	Media string
	// Stream says that the answer is a stream of lines, not an envelope.
	Stream bool
	// Socket says that the answer to the handshake of a websocket is one.
	Socket bool

	handle handle
	listen listen
}

// Routes gives the table. The caller owns it.
func Routes() []Route {
	return slices.Concat(identityRoutes, messageRoutes, tenantRoutes, eventRoutes, opsRoutes)
}

const (
	open        = relay.Scope(0)
	forIdentity = relay.ScopeIdentity
	forMessage  = relay.ScopeMessage
	forOperator = relay.ScopeOperator
	// forAdmin: relay decides whose admin it is (section 9).
	forAdmin = relay.ScopeAdmin | relay.ScopeOperator
	// forEvents: of one's own customer, or of any.
	forEvents = relay.ScopeEvent | relay.ScopeOperator
)

func get(path, name string, scope relay.Scope, code api.Code, h handle) Route {
	return Route{Method: http.MethodGet, Path: path, Name: name, Scope: scope, Code: code, handle: h}
}

func post(path, name string, scope relay.Scope, code api.Code, h handle) Route {
	return Route{Method: http.MethodPost, Path: path, Name: name, Scope: scope, Code: code, handle: h, MaxBody: api.MaxBody}
}

func patch(path, name string, scope relay.Scope, code api.Code, h handle) Route {
	r := post(path, name, scope, code, h)
	r.Method = http.MethodPatch
	return r
}

// raw makes r one that answers with media and not with an envelope.
func raw(r Route, media string) Route {
	r.Media = media
	return r
}

// Section 5, and members of section 8.
var identityRoutes = []Route{
	post(api.PathIdentity, "identity.register", forIdentity, api.CodeRegistered, takes(Service.Register)),
	post(api.PathMe, "identity.me", forIdentity, api.CodeIdentity, takes(Service.Me)),
	post(api.PathMeSigKey, "identity.sigPubKey", forIdentity, api.CodeSigKeyUpdated, takes(Service.UpdateSigKey)),
	post(api.PathMeEncKey, "identity.encPubKey", forIdentity, api.CodeEncKeyUpdated, takes(Service.UpdateEncKey)),
	post(api.PathMeMeta, "identity.meta", forIdentity, api.CodeMetaUpdated, takes(Service.UpdateMeta)),
	post(api.PathMeRecovery, "identity.storeRecovery", forIdentity, api.CodeDataStored, storeData),
	// The 2019 SDK's /v1/identity/me/data/recovery is the row below with its name.
	post(api.PathMeData, "identity.storeData", forIdentity, api.CodeDataStored, storeData),
	post(api.PathMeMembers, "identity.members", forIdentity, api.CodeMembersSet, does(Service.SetMembers)),
	post(api.PathMeRetire, "identity.retire", forIdentity, api.CodeRetired, does(Service.Retire)),
	get(api.PathPublic, "identity.public", forIdentity, api.CodeIdentity, shows("id", Service.PublicIdentity)),
	get(api.PathPublicRecovery, "identity.recovery", forIdentity, api.CodeData, showData),
	get(api.PathPublicData, "identity.data", forIdentity, api.CodeData, showData),
}

// Section 6.
var messageRoutes = []Route{
	post(api.PathSend, "messages.send", forMessage, api.CodeSent, send),
	post(api.PathFetch, "messages.fetch", forMessage, api.CodeMessages, fetch),
	{
		Method: http.MethodPost, Path: api.PathListen, Name: "messages.listen", Scope: forMessage,
		MaxBody: api.MaxBody, Code: api.CodeOK, Stream: true, listen: listens(Service.Listen),
	},
	post(api.PathAck, "messages.ack", forMessage, api.CodeAcked, takes(Service.Ack)),
	post(api.PathPackages, "packages.list", forMessage, api.CodePackages, listPackages), // section 7
	{Method: http.MethodGet, Path: api.PathSocket, Name: "messages.ws", Scope: forMessage, Code: api.CodeOK, Socket: true},
}

// Section 9.
var tenantRoutes = []Route{
	post(api.PathCustomers, "customer.create", forOperator, api.CodeCustomerCreated, takes(Service.CreateCustomer)),
	get(api.PathCustomers, "customer.list", forOperator, api.CodeCustomers, lists(Service.Customers)),
	get(api.PathCustomer, "customer.show", forAdmin, api.CodeCustomer, shows("cust", Service.Customer)),
	patch(api.PathCustomer, "customer.update", forAdmin, api.CodeCustomerUpdated, takesAt("cust", Service.UpdateCustomer)),
	post(api.PathApplications, "application.create", forAdmin, api.CodeAppCreated, takesAt("cust", Service.CreateApplication)),
	get(api.PathApplications, "application.list", forAdmin, api.CodeApps, listsAt("cust", Service.Applications)),
	get(api.PathApplication, "application.show", forAdmin, api.CodeApp, shows("app", Service.Application)),
	patch(api.PathApplication, "application.update", forAdmin, api.CodeAppUpdated, takesAt("app", Service.UpdateApplication)),
	post(api.PathKeys, "key.create", forAdmin, api.CodeKeyCreated, takesAt("app", Service.CreateKey)),
	get(api.PathKeys, "key.list", forAdmin, api.CodeKeys, listsAt("app", Service.Keys)),
	get(api.PathKey, "key.show", forAdmin, api.CodeKey, shows("key", Service.Key)),
	patch(api.PathKey, "key.update", forAdmin, api.CodeKeyUpdated, takesAt("key", Service.UpdateKey)),
	post(api.PathKeyRotate, "key.rotate", forAdmin, api.CodeKeyRotated, takesAt("key", Service.RotateKey)),
	{
		Method: http.MethodDelete, Path: api.PathKey, Name: "key.delete", Scope: forAdmin,
		Code: api.CodeKeyDeleted, handle: removes("key", Service.DeleteKey),
	},
}

// Section 10.
var eventRoutes = []Route{
	get(api.PathEvents, "events.list", forEvents, api.CodeEvents, events),
	{
		Method: http.MethodGet, Path: api.PathEventsListen, Name: "events.listen", Scope: forEvents,
		Code: api.CodeOK, Stream: true, listen: listenEvents,
	},
}

// Section 11.
var opsRoutes = []Route{
	get(api.PathHealth, "ops.health", open, api.CodeOK, health),
	get(api.PathReady, "ops.ready", open, api.CodeOK, ready),
	get(api.PathVersion, "ops.version", open, api.CodeOK, version),
	get(api.PathCluster, "ops.cluster", forOperator, api.CodeClusterStatus, clusterStatus),
	get(api.PathLicenses, "ops.licenses", open, api.CodeOK, showLicenses),
	raw(get(api.PathMetrics, "ops.metrics", open, api.CodeOK, showMetrics), string(metricsFormat)),
	raw(get(api.PathOpenAPI, "ops.openapi", open, api.CodeOK, showOpenAPI), jsonMedia),
	raw(get(api.PathDocs, "ops.docs", open, api.CodeOK, showDocs), docsMedia),
}
