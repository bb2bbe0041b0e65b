package fsm

import (
	"testing"

	"github.com/nixnode/nixnode/api"
)

// An event's code is that of the answer to what caused it. fsm does not import
// api; this test holds the two together.
func TestEventCodesAreThoseOfTheAnswers(t *testing.T) {
	for k, want := range map[kind]api.Code{
		eventRegistered: api.CodeRegistered, eventSigKeyUpdated: api.CodeSigKeyUpdated, eventEncKeyUpdated: api.CodeEncKeyUpdated,
		eventMetaUpdated: api.CodeMetaUpdated, eventDataStored: api.CodeDataStored, eventMembersChanged: api.CodeMembersSet, eventRetired: api.CodeRetired,
		eventAccepted: api.CodeStored, eventAcked: api.CodeAcked, eventPublished: api.CodeStored, eventRequested: api.CodeStored,
		eventServed: api.CodeServedFromCache, eventCleared: api.CodeCleared, eventDenied: api.CodeStored, eventExpired: 0,
		eventCustomerCreated: api.CodeCustomerCreated, eventCustomerUpdated: api.CodeCustomerUpdated,
		eventAppCreated: api.CodeAppCreated, eventAppUpdated: api.CodeAppUpdated,
		eventKeyCreated: api.CodeKeyCreated, eventKeyUpdated: api.CodeKeyUpdated, eventKeyRotated: api.CodeKeyRotated, eventKeyDeleted: api.CodeKeyDeleted,
	} {
		if api.Code(k.code) != want {
			t.Errorf("%s has code %d, its answer %d", k.name, k.code, want)
		}
	}
}
