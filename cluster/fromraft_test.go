package cluster

import (
	"errors"
	"testing"

	"github.com/hashicorp/raft"
)

// Only what raft refused before it gave it an index may be called undone.
func TestWhatRaftMayHaveDoneIsUnknown(t *testing.T) {
	for _, err := range []error{raft.ErrLeadershipLost, raft.ErrAbortedByRestore, raft.ErrRaftShutdown, errors.New("disk")} {
		if got := fromRaft(err); !errors.Is(got, ErrOutcomeUnknown) || untouched(got) {
			t.Errorf("%v became %v", err, got)
		}
	}
	for _, err := range []error{raft.ErrNotLeader, raft.ErrLeadershipTransferInProgress, raft.ErrEnqueueTimeout} {
		if got := fromRaft(err); !untouched(got) {
			t.Errorf("%v became %v", err, got)
		}
	}
}
