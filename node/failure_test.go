package node

import (
	"errors"
	"net/http"
	"testing"

	"github.com/nixnode/nixnode/internal/eventually"
)

// A node that has failed, in a program that does not end its process for it,
// answers nobody and takes part in nothing any more; it can still be closed.
func TestAFailedNodeAcknowledgesNothing(t *testing.T) {
	n := open(t, memoryConfig(), Options{})
	awaitReady(t, n)
	n.fatal(errors.New("the disk is gone"))
	eventually.True(t, patience, func() bool {
		resp, err := http.Get(n.URL() + "/ops/ready")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err != nil
	}, "the door is still open")
	eventually.True(t, patience, func() bool { return n.tryStore(t.Context()) != nil }, "it still takes proposals")
	if err := n.cluster.Barrier(t.Context()); err == nil {
		t.Error("it still confirms reads")
	}
	if len(n.NotReady()) == 0 {
		t.Error("it calls itself ready")
	}
	closeNode(t, n)
}
