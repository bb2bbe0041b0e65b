package relay

import (
	"context"
	"slices"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/message"
	"github.com/nixnode/nixnode/notify"
)

// waiter waits for the answers to the requests of one send (section 6, "wait").
// It listens before anything is sent, so that no answer comes too early for it.
type waiter struct {
	s    *Service
	sub  *notify.Subscription
	open []request
	// ends is where each sender's mailbox ended before anything was sent.
	ends map[address.Address]uint64
	// read is how far each mailbox was looked through.
	read map[address.Address]uint64
}

// request is one request without an answer yet, which lies behind after.
type request struct {
	*letter
	after uint64
}

// startWait listens for the senders of the requests among letters.
func (s *Service) startWait(letters []*letter) (*waiter, error) {
	w := &waiter{s: s, ends: map[address.Address]uint64{}, read: map[address.Address]uint64{}}
	var senders []address.Address
	for _, l := range letters {
		if l.refused == nil && l.payload.Type == message.Request {
			w.open = append(w.open, request{letter: l})
			senders = append(senders, l.token.Key.Address)
		}
	}
	w.sub = s.bell.Subscribe(senders...)
	v, err := s.reader.Local()
	if err != nil {
		w.close()
		return nil, clusterError(err)
	}
	err = using(v, func(v View) error {
		for _, a := range senders {
			box, _, err := v.Mailbox(a)
			if err != nil {
				return err
			}
			w.ends[a] = box.LastTS
		}
		return nil
	})
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *waiter) close() { w.sub.Close() }

// wait returns when each request has its answer, or none can come any more, or
// time is up. What has none keeps the result that it has: the messages are stored,
// and their answers will be in the mailbox.
func (w *waiter) wait(ctx context.Context, c Caller, most time.Duration) {
	w.begin()
	timer := time.NewTimer(most)
	defer timer.Stop()
	for len(w.open) > 0 {
		if err := w.look(c); err != nil {
			if internal(err) {
				w.s.logger.Error("waiting for answers failed", "txnID", c.txnID, "error", err)
			}
			return
		}
		if len(w.open) == 0 {
			return
		}
		select {
		case <-w.sub.C():
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		case <-w.s.closing:
			return
		}
	}
}

// begin drops the requests that need no waiting. One that was accepted before may
// have its answer already: for it, the whole mailbox is looked through.
func (w *waiter) begin() {
	var open []request
	for _, r := range w.open {
		a := r.token.Key.Address
		switch r.result.Code {
		case api.CodeDuplicate:
		case api.CodeStored, api.CodeStoredListening:
			r.after = w.ends[a]
		default:
			continue
		}
		open = append(open, r)
		if from, known := w.read[a]; !known || r.after < from {
			w.read[a] = r.after
		}
	}
	w.open = open
}

// look reads what is new in the mailboxes, for a caller whose key is still good.
func (w *waiter) look(c Caller) error {
	v, err := w.s.reader.Local()
	if err != nil {
		return clusterError(err)
	}
	return using(v, func(v View) error {
		if _, err := w.s.admit(v, c, ScopeMessage); err != nil {
			return err
		}
		for mailbox := range w.read {
			if err := w.lookInto(v, mailbox); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *waiter) lookInto(v View, mailbox address.Address) error {
	for {
		page, err := v.Messages(command.MessageQuery{
			Mailbox: mailbox, After: w.read[mailbox], Limit: streamPage, MaxBytes: streamPageBytes,
		})
		if err != nil {
			return err
		}
		for _, m := range page.Messages {
			if err := w.answer(v, mailbox, m); err != nil {
				return err
			}
		}
		w.read[mailbox] = max(w.read[mailbox], page.Scanned)
		if !page.More {
			return nil
		}
	}
}

// answer gives m to the request that it answers, if there is one.
func (w *waiter) answer(v View, mailbox address.Address, m command.Message) error {
	for i, r := range w.open {
		if r.token.Key.Address != mailbox || m.Reply != r.payload.ID || m.TS <= r.after {
			continue
		}
		may, err := mayAnswer(v, r.payload.To, m.From)
		if err != nil {
			return err
		}
		if may {
			r.succeed(w.s.domain, answerCode(m.Kind), []api.StreamLine{line(m.TS, m.Token)})
			w.open = slices.Delete(w.open, i, i+1)
			return nil
		}
	}
	return nil
}

// mayAnswer reports whether from answers for asked: it is that identity, or a
// member of that route or group (section 8).
func mayAnswer(v View, asked, from address.Address) (bool, error) {
	if from == asked {
		return true, nil
	}
	rec, found, err := v.Identity(asked)
	if err != nil || !found || rec.Kind != "route" && rec.Kind != "group" {
		return false, err
	}
	p, _, err := v.Profile(asked)
	return slices.Contains(p.Members, from), err
}

func answerCode(kind uint8) api.Code {
	switch message.Type(kind) {
	case message.Publish:
		return api.CodeAnsweredPackage
	case message.Deny:
		return api.CodeDenied
	}
	return api.CodeAnswered
}
