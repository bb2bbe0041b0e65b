package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/jose"
	"github.com/nixnode/nixnode/message"
)

// inputCodes says which code goes with which fault of a request. Addresses come
// first: a wrong address inside of something is still a wrong address.
var inputCodes = []struct {
	err  error
	code api.Code
}{
	{address.ErrForeign, api.CodeOtherDomain},
	{address.ErrMalformed, api.CodeBadAddress},
	{jose.ErrForm, api.CodeBadToken},
	{jose.ErrAlgorithm, api.CodeBadAlgorithm},
	{jose.ErrSignature, api.CodeBadSignature},
	{jose.ErrKeyNotCurrent, api.CodeKeyNotCurrent},
	{jose.ErrTarget, api.CodeBadTarget},
	{jose.ErrIssuedAt, api.CodeBadIssuedAt},
	{jose.ErrTime, api.CodeProofTime},
	{jose.ErrAudience, api.CodeProofAudience},
	{jose.ErrSubject, api.CodeProofSubject},
	{jose.ErrKey, api.CodeBadKey},
	{message.ErrPayload, api.CodeBadToken},
	{message.ErrQuery, api.CodeBadValue},
	{message.ErrCursor, api.CodeBadCursor},
}

// inputError gives the public form of a fault in the request, at that field. The
// texts of those errors are constant words and show nothing of the input. What
// is not in the table stays what it is: an internal error.
func inputError(field string, err error) error {
	for _, row := range inputCodes {
		if errors.Is(err, row.err) {
			return &api.Error{Code: row.code, Detail: field + ": " + err.Error()}
		}
	}
	return err
}

// missing says that a field is not there.
func missing(field string) error { return api.Errorf(api.CodeMissingField, "%s", field) }

// clusterCodes says which code goes with which failure below.
var clusterCodes = []struct {
	err  error
	code api.Code
}{
	{ErrNoLeader, api.CodeNoLeader},
	{ErrOverloaded, api.CodeOverloaded},
	{ErrOutcomeUnknown, api.CodeUnknownOutcome},
	{ErrTooLarge, api.CodeBodyTooLarge},
}

// clusterError gives the public form of what a Proposer or Reader failed with.
// Whoever gave up waiting does not know what became of it.
func clusterError(err error) error {
	for _, row := range clusterCodes {
		if errors.Is(err, row.err) {
			return api.Wrap(row.code, err)
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return api.Wrap(api.CodeUnknownOutcome, err)
	}
	return err
}

// refusals says which code goes with which status that is not OK.
var refusals = map[command.Status]api.Code{
	command.StatusNoSuchIdentity:    api.CodeNoIdentity,
	command.StatusNoSuchDestination: api.CodeNoIdentity,
	command.StatusRetired:           api.CodeRetiredIdentity,
	command.StatusDestRetired:       api.CodeRetiredIdentity,
	command.StatusKeyNotCurrent:     api.CodeKeyNotCurrent,
	command.StatusStale:             api.CodeStaleToken,
	command.StatusConflict:          api.CodeKeyTaken,
	command.StatusBusy:              api.CodeOverloaded,
	command.StatusMailboxFull:       api.CodeMailboxFull,
	command.StatusTooManyItems:      api.CodeTooManyItems,
	command.StatusExpired:           api.CodeMessageExpired,
	command.StatusWrongKind:         api.CodeNoMembersHere,
	command.StatusNoSuchKey:         api.CodeUnknownKey,
	command.StatusKeyDisabled:       api.CodeKeyDisabled,
	command.StatusKeyExpired:        api.CodeKeyExpired,
	command.StatusTenantDisabled:    api.CodeTenantDisabled,
	command.StatusScope:             api.CodeScope,
	command.StatusOtherApp:          api.CodeOtherApp,
	command.StatusNoSuchTenant:      api.CodeNoTenant,
}

// statusError gives nil for what was done, now or before, and else the refusal.
func statusError(s command.Status) error {
	if s.OK() {
		return nil
	}
	if code, ok := refusals[s]; ok {
		return &api.Error{Code: code}
	}
	return fmt.Errorf("unknown status %d", s)
}

// asAPI gives err as an *api.Error; an internal error becomes 50000 with the
// error as its cause.
func asAPI(err error) *api.Error {
	var e *api.Error
	if errors.As(err, &e) {
		return e
	}
	return api.Wrap(api.CodeInternal, err)
}
