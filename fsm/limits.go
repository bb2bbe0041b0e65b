package fsm

import (
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/message"
)

// limits are those that a test would otherwise need thousands of commands to
// meet. They are no configuration: nodes with different ones would diverge.
type limits struct {
	mailboxMessages, mailboxBytes uint64
	holders, vaultPackages        uint64
	// clearWork is how many cached packages and messages one clear may remove.
	clearWork int
	// copies and copyBytes are what one entry may copy for members of groups.
	copies, copyBytes int
}

var allLimits = limits{
	mailboxMessages: message.MaxMailboxMessages,
	mailboxBytes:    message.MaxMailboxBytes,
	holders:         command.MaxHolders,
	vaultPackages:   command.MaxVaultPackages,
	clearWork:       command.MaxClearWork,
	copies:          command.MaxCopies,
	copyBytes:       command.MaxCopyBytes,
}
