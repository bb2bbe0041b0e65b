package relay

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/message"
)

// EventQuery asks for events of a customer (section 10), in the words of the wire:
// an empty field is absent.
type EventQuery struct {
	// Cursor is the Last of the page before, in the same order and with the same
	// filters; or, for an ascending page without filters and for a stream, the id of
	// an event.
	Cursor string
	Limit  int    // 0 is the default; more than the most is cut
	Order  string // DESC, which is the default, or ASC
	// From and To bound the time of the events, From included: nanoseconds since
	// 1970, as in their ts.
	From, To string
	EventFilter
}

// EventFilter says which events are wanted; those that have all of its values.
type EventFilter struct {
	Type, App, Key, Src, Dst, Kid, Code string
}

// EventPage is one page of events, in the order that was asked for.
type EventPage struct {
	Events []api.Event
	// First, Last and More are as in Page.
	First, Last string
	More        bool
}

// Events gives a page of a customer's events [event of that customer, or operator]
// (section 10). Going on from Last never skips or repeats one, whatever happens
// meanwhile. Errors: 40003, 40004, 40005, 40404.
func (s *Service) Events(ctx context.Context, c Caller, customer string, q EventQuery) (page EventPage, err error) {
	a, err := s.parseTenant(customer, address.Customer)
	if err != nil {
		return page, err
	}
	query, err := s.parseEvents(a, q)
	if err != nil {
		return page, err
	}
	err = s.read(ctx, c, ScopeEvent|ScopeOperator, func(v View, c Caller) error {
		if _, err := administeredCustomer(v, c, a); err != nil {
			return err
		}
		found, err := v.Events(query)
		if err != nil {
			return err
		}
		page = s.showEvents(query, q.Cursor, found)
		return nil
	})
	return page, err
}

// parseEvents reads a query. Errors: 40003, 40004, 40005, 40403.
func (s *Service) parseEvents(customer address.Address, q EventQuery) (command.EventQuery, error) {
	query, err := s.parseEventFilter(q.EventFilter)
	if err != nil {
		return query, err
	}
	query.Customer = customer
	switch {
	case q.Limit < 0:
		return query, api.Errorf(api.CodeBadValue, "limit")
	case q.Limit == 0:
		query.Limit = defaultList
	default:
		query.Limit = min(q.Limit, maxList)
	}
	switch q.Order {
	case "", "DESC":
		query.Descending = true
	case "ASC":
	default:
		return query, api.Errorf(api.CodeBadValue, "order: ASC or DESC")
	}
	if err := parseSpan(&query, q.From, q.To); err != nil {
		return query, err
	}
	if q.Cursor == "" {
		return query, nil
	}
	cursor, err := message.ParseCursor(q.Cursor, customer)
	if err != nil {
		return query, inputError("cursor", err)
	}
	if cursor.Descending != query.Descending || cursor.Filter != eventFilter(query) {
		return query, api.Errorf(api.CodeBadCursor, "of a page in another order or with other filters")
	}
	after := uint64(cursor.After)
	switch {
	case !query.Descending:
		query.After = max(query.After, after)
	case query.Before == 0 || after < query.Before:
		query.Before = after
	}
	return query, nil
}

// parseSpan reads the bounds of time.
func parseSpan(query *command.EventQuery, from, to string) error {
	if from != "" {
		ts, err := message.ParseTimestamp(from)
		if err != nil {
			return api.Errorf(api.CodeBadValue, "from is not a timestamp")
		}
		query.After = uint64(max(ts, 1)) - 1
	}
	if to != "" {
		ts, err := message.ParseTimestamp(to)
		if err != nil {
			return api.Errorf(api.CodeBadValue, "to is not a timestamp")
		}
		query.Before = uint64(max(ts, 1)) // nothing happened before 1970
	}
	return nil
}

// parseEventFilter reads the filters.
func (s *Service) parseEventFilter(f EventFilter) (q command.EventQuery, err error) {
	for _, field := range []struct {
		name, text string
		into       *address.Address
		of         address.Type // 0 is any
	}{
		{"app", f.App, &q.App, address.Application},
		{"key", f.Key, &q.Key, address.APIKey},
		{"src", f.Src, &q.From, address.Identity},
		{"dst", f.Dst, &q.To, 0},
	} {
		if field.text == "" {
			continue
		}
		if *field.into, err = s.domain.Parse(field.text); err == nil && field.of != 0 {
			*field.into, err = s.domain.ParseType(field.text, field.of)
		}
		if err != nil {
			return q, inputError(field.name, err)
		}
	}
	if f.Type != "" && !slices.Contains(api.EventTypes(), f.Type) {
		return q, api.Errorf(api.CodeBadValue, "type: there is no such type of event")
	}
	if utf8.RuneCountInString(f.Kid) > message.MaxPackageIDChars {
		return q, api.Errorf(api.CodeBadValue, "kid: at most %d characters", message.MaxPackageIDChars)
	}
	q.Type, q.Package = f.Type, f.Kid
	if f.Code != "" {
		// ParseUint takes no sign.
		code, err := strconv.ParseUint(f.Code, 10, 32)
		if err != nil || code == 0 {
			return q, api.Errorf(api.CodeBadValue, "code")
		}
		q.Code = uint32(code)
	}
	return q, nil
}

// eventFilter is a hash of the filters of q, as message.Query.Filter is of its own
// (docs/format/cursor.md); no filters give 0.
func eventFilter(q command.EventQuery) uint32 {
	if q.Type == "" && q.App.IsZero() && q.Key.IsZero() && q.From.IsZero() && q.To.IsZero() && q.Package == "" && q.Code == 0 {
		return 0
	}
	b := []byte("nixnode event filter v1\x00")
	for _, a := range []address.Address{q.App, q.Key, q.From, q.To} {
		b = append(b, a[:]...)
	}
	b = binary.BigEndian.AppendUint32(b, q.Code)
	b = append(b, byte(len(q.Type)))
	b = append(b, q.Type...)
	b = append(b, q.Package...)
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint32(sum[:])
}

func (s *Service) showEvents(q command.EventQuery, cursor string, found command.EventPage) EventPage {
	at := func(ts uint64) string {
		return message.Cursor{
			Mailbox: q.Customer, After: message.Timestamp(ts), Descending: q.Descending, Filter: eventFilter(q),
		}.String()
	}
	page := EventPage{Events: s.listEvents(q.Customer, found.Events), Last: cursor, More: found.More}
	if len(found.Events) > 0 {
		page.First = at(found.Events[0].TS)
	}
	if found.Scanned != 0 {
		page.Last = at(found.Scanned)
	}
	return page
}

func (s *Service) listEvents(customer address.Address, events []command.Event) []api.Event {
	out := make([]api.Event, len(events))
	for i, e := range events {
		out[i] = s.showEvent(customer, e)
	}
	return out
}

// eventID is an event's place in its customer's stream, whoever asks and however.
func eventID(customer address.Address, ts uint64) string {
	return message.Cursor{Mailbox: customer, After: message.Timestamp(ts)}.String()
}

func (s *Service) showEvent(customer address.Address, e command.Event) api.Event {
	return api.Event{
		ID: eventID(customer, e.TS), TS: message.Timestamp(e.TS).String(), Type: e.Type, TxnID: e.TxnID, Code: api.Code(e.Code),
		App: s.full(e.App), Key: s.full(e.Key), Src: s.full(e.From), Dst: s.full(e.To),
		MsgID: e.ID, Kid: e.Package, Size: e.Size,
	}
}

// full gives the full form of an address, and nothing for none.
func (s *Service) full(a address.Address) string {
	if a.IsZero() {
		return ""
	}
	return s.domain.Full(a)
}
