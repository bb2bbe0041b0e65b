package relay

import (
	"context"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/jose"
	"github.com/nixnode/nixnode/message"
)

// Page is one page of a mailbox, in the order that was asked for.
type Page struct {
	Lines []api.StreamLine
	// First and Last are cursors: of the first line, and of where the next page
	// goes on. Empty when there is no such place.
	First, Last string
	// More tells that there are further messages now. A page may have it without
	// any line, when what was looked through so far is filtered out.
	More bool
}

// Fetch gives a page of the mailbox of the identity that signed the jwt, which
// sees each send that was answered before (section 6). Going on from Last never
// skips or repeats a message, whatever arrives meanwhile. Errors: 40004, 40005.
func (s *Service) Fetch(ctx context.Context, c Caller, req api.ProofRequest) (page Page, err error) {
	t, q, err := s.parseQuery(req, api.PathFetch, message.FetchDefaults)
	if err != nil {
		return Page{}, err
	}
	query, err := messageQuery(t.Key.Address, q)
	if err != nil {
		return Page{}, err
	}
	err = s.read(ctx, c, ScopeMessage, func(v View, c Caller) error {
		rec, err := verifyCurrent(v, c, t, api.FieldJWT)
		if err != nil {
			return err
		}
		s.toucher.heard(t.Key.Address, rec)
		found, err := v.Messages(query)
		if err != nil {
			return err
		}
		page = showPage(query, q, found)
		return nil
	})
	return page, err
}

// parseQuery reads the jwt of a fetch or a listen with what it asks for.
func (s *Service) parseQuery(req api.ProofRequest, path string, defaults message.Defaults) (*jose.Token, message.Query, error) {
	t, err := s.parseProof(req.JWT, path)
	if err != nil {
		return nil, message.Query{}, err
	}
	q, err := message.ParseQuery(t.Payload, s.domain, defaults)
	if err != nil {
		return nil, message.Query{}, inputError(api.FieldJWT, err)
	}
	return t, q, nil
}

// messageQuery gives the scan for a page: that of q, from its cursor on.
func messageQuery(mailbox address.Address, q message.Query) (command.MessageQuery, error) {
	m := command.MessageQuery{
		Mailbox: mailbox, After: uint64(q.Min), Before: uint64(q.Max), Descending: q.Descending,
		Limit: q.Limit, MaxBytes: message.MaxPageBytes, From: q.From, Package: q.Kid,
	}
	for _, t := range q.Types {
		m.Kinds = append(m.Kinds, uint8(t))
	}
	if q.Cursor == "" {
		return m, nil
	}
	cursor, err := message.ParseCursor(q.Cursor, mailbox)
	if err != nil {
		return m, inputError("cursor", err)
	}
	if cursor.Descending != q.Descending || cursor.Filter != q.Filter() {
		return m, api.Errorf(api.CodeBadCursor, "of a page in another order or with other filters")
	}
	after := uint64(cursor.After)
	switch {
	case !q.Descending:
		m.After = max(m.After, after)
	case m.Before == 0 || after < m.Before:
		m.Before = after
	}
	return m, nil
}

func showPage(query command.MessageQuery, q message.Query, found command.MessagePage) Page {
	at := func(ts uint64) string {
		return message.Cursor{
			Mailbox: query.Mailbox, After: message.Timestamp(ts), Descending: q.Descending, Filter: q.Filter(),
		}.String()
	}
	page := Page{Lines: make([]api.StreamLine, len(found.Messages)), Last: q.Cursor, More: found.More}
	for i, m := range found.Messages {
		page.Lines[i] = line(m.TS, m.Token)
	}
	if len(found.Messages) > 0 {
		page.First = at(found.Messages[0].TS)
	}
	if found.Scanned != 0 {
		page.Last = at(found.Scanned)
	}
	return page
}

func line(ts uint64, token []byte) api.StreamLine {
	return api.StreamLine{TS: message.Timestamp(ts).String(), Msg: string(token)}
}
