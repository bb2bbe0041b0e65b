package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
)

// SendAnswer is what became of a send.
type SendAnswer struct {
	// Code is 20020, or that of the first refusal if nothing was accepted.
	Code api.Code
	// Results has one for each message, in order.
	Results []api.MessageResult
}

// maxProposal is how many bytes of messages go into one proposal, unless a single
// one has more. It leaves room in a log entry of 1 MiB for the largest message.
const maxProposal = 512 << 10

// Send accepts messages independently of each other; those of one sender to one
// destination keep their order (section 6). An error is about the call as a whole,
// of which nothing was accepted then.
func (s *Service) Send(ctx context.Context, c Caller, req api.SendRequest) (SendAnswer, error) {
	return s.send(ctx, c, req, func() {})
}

// send is Send, and calls accepted when all messages have been accepted or refused
// and it waits for nothing but answers.
func (s *Service) send(ctx context.Context, c Caller, req api.SendRequest, accepted func()) (SendAnswer, error) {
	c, err := s.Authorize(ctx, c, ScopeMessage)
	if err != nil {
		return SendAnswer{}, err
	}
	if err := checkSend(req); err != nil {
		return SendAnswer{}, err
	}
	if err := s.rates.sends(c, len(req.Msgs), s.now()); err != nil {
		return SendAnswer{}, err
	}
	letters := s.parseLetters(req.Msgs)
	if err := s.verifyLetters(ctx, c, letters); err != nil {
		return SendAnswer{}, err
	}
	if req.Wait == 0 {
		s.acceptLetters(ctx, c, letters)
		return answer(letters), nil
	}
	w, err := s.startWait(letters)
	if err != nil {
		return SendAnswer{}, err
	}
	defer w.close()
	s.acceptLetters(ctx, c, letters)
	accepted()
	w.wait(ctx, c, time.Duration(req.Wait)*time.Second)
	return answer(letters), nil
}

func checkSend(req api.SendRequest) error {
	switch {
	case req.Msgs == nil:
		return missing("msgs")
	case len(req.Msgs) > api.MaxMessages:
		return api.Errorf(api.CodeTooManyMessages, "at most %d", api.MaxMessages)
	case req.Wait < 0 || req.Wait > api.MaxWaitSeconds:
		return api.Errorf(api.CodeBadValue, "wait: 0 to %d", api.MaxWaitSeconds)
	}
	return nil
}

func answer(letters []*letter) SendAnswer {
	out := SendAnswer{Code: api.CodeSent, Results: make([]api.MessageResult, len(letters))}
	accepted := false
	for i, l := range letters {
		out.Results[i] = l.result
		accepted = accepted || l.refused == nil // also one that was denied then
	}
	if len(letters) > 0 && !accepted {
		out.Code = letters[0].result.Code
	}
	return out
}

// acceptLetters proposes what was not refused, in order: one proposal after the
// other, as two of them under way could change places. After a failure nothing
// more is tried, or a later message could come before an earlier one that is sent
// again.
func (s *Service) acceptLetters(ctx context.Context, c Caller, letters []*letter) {
	defer s.metrics.count(letters)
	meta := s.meta(c)
	rest := make([]*letter, 0, len(letters))
	for _, l := range letters {
		if l.refused == nil {
			rest = append(rest, l)
		}
	}
	// One log entry copies only so much to members of groups. What did not fit comes
	// first in the next proposal, which takes as many as went in the last time, so that
	// not the same is proposed in vain again and again.
	window, futile := len(rest), 0
	for len(rest) > 0 {
		n := min(proposalSize(rest, s.maxProposal), window)
		busy, err := s.acceptTogether(ctx, meta, rest[:n])
		switch accepted := n - len(busy); {
		case err != nil:
			s.giveUp(rest[n:], err)
			return
		case accepted == 0:
			if window, futile = 1, futile+1; futile == maxFutile {
				s.giveUp(rest, &api.Error{Code: api.CodeOverloaded})
				return
			}
		case len(busy) > 0:
			window, futile = accepted, 0
		default:
			window, futile = 2*window, 0
		}
		rest = append(busy, rest[n:]...)
	}
}

// maxFutile is how many log entries in a row may have no room for copies to the
// members of a group before its sender is told that the cluster is overloaded.
const maxFutile = 16

// proposalSize gives how many letters go into a proposal of at most so many bytes;
// one goes in any case.
func proposalSize(letters []*letter, most int) int {
	bytes := 0
	for i, l := range letters {
		if bytes += l.size(); i > 0 && bytes > most {
			return i
		}
	}
	return len(letters)
}

// acceptTogether proposes letters at once and gives those that are to be proposed
// again.
func (s *Service) acceptTogether(ctx context.Context, meta command.Meta, letters []*letter) (busy []*letter, err error) {
	cmds := make([]command.Command, len(letters))
	for i, l := range letters {
		cmds[i] = l.command(meta)
	}
	results, _, err := s.propose(ctx, cmds...)
	if err != nil {
		if internal(err) { // the results below do not show it
			s.logger.Error("proposing messages failed", "txnID", meta.TxnID, "error", err)
		}
		for _, l := range letters {
			l.refuse(s.domain, err)
		}
		return nil, err
	}
	for i, l := range letters {
		if results[i].Status == command.StatusBusy {
			busy = append(busy, l)
			continue
		}
		s.settle(meta.TxnID, l, results[i])
	}
	return busy, nil
}

// giveUp answers for letters that were not tried, because an earlier proposal
// failed. If that one's outcome is unknown, theirs is called so too: what its
// sender is to do about it is the same, and in the same order.
func (s *Service) giveUp(letters []*letter, err error) {
	failed := asAPI(err)
	for _, l := range letters {
		l.refuse(s.domain, &api.Error{Code: failed.Code, Detail: "not tried, as an earlier message of the call failed", Err: err})
	}
}

// settle turns what applying gave into the result of a message, and wakes those
// who listen for it.
func (s *Service) settle(txnID string, l *letter, r command.Result) {
	if err := statusError(r.Status); err != nil {
		if internal(err) {
			s.logger.Error("a message has no result", "txnID", txnID, "error", err)
		}
		l.refuse(s.domain, err)
		return
	}
	l.ts = r.TS
	switch r.Status {
	case command.StatusExists:
		l.succeed(s.domain, api.CodeDuplicate, nil)
	case command.StatusServed:
		l.ts = 0 // it was put into no mailbox
		l.succeed(s.domain, api.CodeServedFromCache, servedBody(r.Served))
	case command.StatusCleared:
		s.hint(l, r)
		l.succeed(s.domain, api.CodeCleared, api.ClearBody{Cleared: int(r.Count)})
		l.result.Skipped = int(r.Skipped)
	default:
		code := api.CodeStored
		if s.hint(l, r) || s.listenedElsewhere(l, r) {
			code = api.CodeStoredListening
		}
		l.succeed(s.domain, code, nil)
		l.result.Skipped = int(r.Skipped)
	}
}

// listenedElsewhere reports whether another node has a listener of whoever got l.
func (s *Service) listenedElsewhere(l *letter, r command.Result) bool {
	return s.router.ListenedElsewhere(l.payload.To) ||
		slices.ContainsFunc(r.Copies, func(c command.Copy) bool { return s.router.ListenedElsewhere(c.To) })
}

func servedBody(served *command.Served) any {
	if served == nil {
		return nil
	}
	return []api.StreamLine{line(served.TS, served.Token)}
}

// refuse makes err the result of the message. The cause of an internal error
// goes to nobody.
func (l *letter) refuse(d address.Domain, err error) {
	e := asAPI(err)
	info := e.Code.Info()
	l.refused = err
	l.result = l.head(d)
	l.result.Status, l.result.Code, l.result.Err = info.Status, e.Code, info.Text
	if e.Detail != "" {
		l.result.Err = fmt.Sprintf("%s (%s)", info.Text, e.Detail)
	}
}

func (l *letter) succeed(d address.Domain, code api.Code, body any) {
	l.result = l.head(d)
	l.result.Status, l.result.Code, l.result.Body = code.Status(), code, body
}

// internal reports whether err is nothing that a caller may see.
func internal(err error) bool {
	var e *api.Error
	return !errors.As(err, &e)
}
