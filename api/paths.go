package api

// The paths of the interface. A segment that begins with a colon is a parameter.
const (
	PathIdentity       = "/v1/identity"
	PathMe             = "/v1/identity/me"
	PathMeSigKey       = "/v1/identity/me/sigPubKey"
	PathMeEncKey       = "/v1/identity/me/encPubKey"
	PathMeMeta         = "/v1/identity/me/meta"
	PathMeRecovery     = "/v1/identity/me/recovery"
	PathMeData         = "/v1/identity/me/data/:name"
	PathMeMembers      = "/v1/identity/me/members"
	PathMeRetire       = "/v1/identity/me/retire"
	PathPublic         = "/v1/identity/:id"
	PathPublicRecovery = "/v1/identity/:id/recovery"
	PathPublicData     = "/v1/identity/:id/data/:name"

	PathSend   = "/v1/messages/send"
	PathFetch  = "/v1/messages/fetch"
	PathListen = "/v1/messages/listen"
	PathAck    = "/v1/messages/ack"
	PathSocket = "/v1/messages/ws"

	PathPackages = "/v1/packages/list"

	PathCustomers    = "/v1/customer"
	PathCustomer     = "/v1/customer/:cust"
	PathApplications = "/v1/customer/:cust/application"
	PathApplication  = "/v1/application/:app"
	PathKeys         = "/v1/application/:app/key"
	PathKey          = "/v1/key/:key"
	PathKeyRotate    = "/v1/key/:key/rotate"

	PathEvents       = "/v1/customer/:cust/stream/events"
	PathEventsListen = "/v1/customer/:cust/stream/events/listen"

	PathHealth  = "/ops/health"
	PathReady   = "/ops/ready"
	PathVersion = "/ops/version"
	PathCluster = "/ops/cluster"

	PathLicenses = "/ops/licenses"
	PathMetrics  = "/ops/metrics"
	PathOpenAPI  = "/ops/openapi.json"
	PathDocs     = "/ops/docs"
)

// The fields that hold tokens: what follows '#' in a tgt (section 4).
const (
	FieldSigPubKey   = "sigPubKey"
	FieldEncPubKey   = "encPubKey"
	FieldMetaPublic  = "metaPublic"
	FieldMetaPrivate = "metaPrivate"
	FieldJWS         = "jws"
	FieldJWT         = "jwt"
	FieldMembers     = "members"
)

// The limits of section 2, 5 and 6 that both sides know.
const (
	MaxBody        = 8 << 20
	MaxMessages    = 256
	MaxMessage     = 256 << 10
	MaxMeta        = 16 << 10
	MaxDataItem    = 64 << 10
	MaxDataItems   = 16
	MaxMembers     = 1000
	MaxWaitSeconds = 60
)
