package node

import (
	"errors"
	"fmt"
	"testing"

	"github.com/nixnode/nixnode/cluster"
	"github.com/nixnode/nixnode/relay"
)

// An unknown outcome stays one, whatever else its error says: a client that is
// told that nothing was done would be told wrong (promise 7).
func TestAnUnknownOutcomeReachesTheServiceAsSuch(t *testing.T) {
	for _, row := range clusterErrors {
		if got := translate(row.from); !errors.Is(got, row.to) {
			t.Errorf("%v became %v", row.from, got)
		}
		got := translate(fmt.Errorf("%w: %w", cluster.ErrOutcomeUnknown, row.from))
		if !errors.Is(got, relay.ErrOutcomeUnknown) {
			t.Errorf("an unknown outcome became %v", got)
		}
		if row.to != relay.ErrOutcomeUnknown && errors.Is(got, row.to) {
			t.Errorf("an unknown outcome became %v too", row.to)
		}
	}
}
