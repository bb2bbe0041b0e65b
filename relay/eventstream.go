package relay

import (
	"context"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/message"
)

// EventStream is the events of one customer as they happen, in their order,
// without a gap or a repeat (section 10). Like Stream it holds none.
//
// One goroutine at a time may call Next; Close may come from another one.
type EventStream struct {
	*tap
	query command.EventQuery // After is where the reader stands
	begin string
}

// Begin gives the cursor of where the stream began: a reader who has got nothing
// yet goes on from there.
func (st *EventStream) Begin() string { return st.begin }

// ListenEvents opens a stream of a customer's events [event of that customer, or
// operator]: those behind the cursor, or those that happen from now on. The cursor
// is the id of an event, or the last of an ascending page with the same filters;
// limit, order and bounds of q do not apply. The caller must Close the stream. ctx
// is for opening it alone. Errors: as Events.
func (s *Service) ListenEvents(ctx context.Context, c Caller, customer string, q EventQuery) (*EventStream, error) {
	a, err := s.parseTenant(customer, address.Customer)
	if err != nil {
		return nil, err
	}
	query, err := s.parseEventFilter(q.EventFilter)
	if err != nil {
		return nil, err
	}
	query.Customer, query.Limit = a, streamPage
	if q.Cursor != "" {
		if query.After, err = eventCursor(query, q.Cursor); err != nil {
			return nil, err
		}
	}
	err = s.read(ctx, c, ScopeEvent|ScopeOperator, func(v View, admitted Caller) error {
		c = admitted
		if _, err := administeredCustomer(v, c, a); err != nil || q.Cursor != "" {
			return err
		}
		query.After, err = v.LastEvent(a)
		return err
	})
	if err != nil {
		return nil, err
	}
	// What happens between the look above and the subscription is seen by the first
	// look of Next.
	st := &EventStream{tap: s.newTap(c, a), query: query, begin: eventID(a, query.After)}
	if err := st.open(); err != nil {
		return nil, err
	}
	return st, nil
}

// eventCursor gives the ts behind which a stream begins.
func eventCursor(q command.EventQuery, text string) (uint64, error) {
	cursor, err := message.ParseCursor(text, q.Customer)
	if err != nil {
		return 0, inputError("cursor", err)
	}
	if cursor.Descending || cursor.Filter != 0 && cursor.Filter != eventFilter(q) {
		return 0, api.Errorf(api.CodeBadCursor, "a stream goes on from an event's id, or an ascending page with the same filters")
	}
	return uint64(cursor.After), nil
}

// Next gives the next events, at least one, and waits for them if need be. An
// *api.Error ends the stream, as it does in Stream.Next.
func (st *EventStream) Next(ctx context.Context) ([]api.Event, error) {
	return awaitNext(ctx, st.tap, st.look)
}

// look takes one look at the local state.
func (st *EventStream) look() (events []api.Event, more bool, err error) {
	v, err := st.s.reader.Local()
	if err != nil {
		return nil, false, clusterError(err)
	}
	err = using(v, func(v View) error {
		if err := st.check(v); err != nil {
			return err
		}
		page, err := v.Events(st.query)
		if err != nil {
			return err
		}
		st.query.After = max(st.query.After, page.Scanned)
		events, more = st.s.listEvents(st.who, page.Events), page.More
		return nil
	})
	return events, more, err
}

// check demands what the stream needs to go on. A key stays one of its customer.
func (st *EventStream) check(v View) error {
	if err := st.inTouch(); err != nil {
		return err
	}
	_, err := st.s.admit(v, st.caller, ScopeEvent|ScopeOperator)
	return err
}
