package command

// What applying bounds (protocol page, sections 5 to 8), beside the limits of a
// mailbox, which are message.MaxMailboxMessages and MaxMailboxBytes. The limits are part of
// the log's meaning: two nodes with different ones would hold different states,
// so they are constants and no configuration.
const (
	// MaxChain is how many links a chain of signing keys may have.
	MaxChain = 1000
	// MaxMembers is how many members a route or group may have.
	MaxMembers = 1000
	// MaxDataItems is how many named items an identity may store.
	MaxDataItems = 16
	// MaxHolders is for how many readers one package of one vault may be cached.
	// It bounds what a clear for everyone has to do in one step.
	MaxHolders = 10_000
	// MaxVaultPackages is how many packages may be cached for one vault, each reader
	// counted.
	MaxVaultPackages = 100_000
	// MaxClearWork is how many cached packages and published messages one clear may
	// remove; a clear of more is refused and has to name a package, or a reader.
	MaxClearWork = 50_000
	// MaxClearBytes is how many bytes of copies a clear for everyone may make:
	// its token's size times its readers.
	MaxClearBytes = 32 << 20
	// MaxCopies is how many copies for members of routes and groups one log entry may
	// make, and MaxCopyBytes how many bytes of them; the latter holds for each message,
	// too. They bound what applying an entry costs. No list of members is longer than
	// MaxCopies, so what is alone in its entry is never refused for that.
	MaxCopies    = 4000
	MaxCopyBytes = 32 << 20
	// MaxMarks is how many tokens of one second are remembered for one target.
	MaxMarks = 8
	// MaxRemember is how long an accepted message is remembered at most, in seconds.
	MaxRemember = 366 * 24 * 3600
)

// The targets under which the last applied token of an identity is remembered
// (MarkRecord). The target of a data item is DataTarget of its name.
const (
	TargetSigKey      = "sigPubKey"
	TargetEncKey      = "encPubKey"
	TargetMetaPublic  = "metaPublic"
	TargetMetaPrivate = "metaPrivate"
	TargetMembers     = "members"
	TargetRetire      = "retire"
)

// DataTarget gives the target of the data item of that name, whichever path
// the token was made for.
func DataTarget(name string) string { return "data/" + name }
