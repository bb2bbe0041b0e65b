package relay

import (
	"context"
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
	s       *Service
	sub     *notify.Subscription
	letters []*letter
	// from is where each sender's mailbox ended before anything was sent.
	from map[address.Address]uint64
	// read is how far each mailbox was looked through.
	read map[address.Address]uint64
}

// startWait listens for the senders of the requests among letters.
func (s *Service) startWait(letters []*letter) (*waiter, error) {
	w := &waiter{s: s, from: map[address.Address]uint64{}, read: map[address.Address]uint64{}}
	var senders []address.Address
	for _, l := range letters {
		if l.refused == nil && l.payload.Type == message.Request {
			w.letters = append(w.letters, l)
			senders = append(senders, l.token.Key.Address)
		}
	}
	w.sub = s.bell.Subscribe(senders...)
	v, err := s.reader.Local()
	if err != nil {
		w.close()
		return nil, clusterError(err)
	}
	err = s.with(v, func(v View) error {
		for _, a := range senders {
			box, _, err := v.Mailbox(a)
			if err != nil {
				return err
			}
			w.from[a] = box.LastTS
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
	for len(w.letters) > 0 {
		if err := w.look(c); err != nil {
			if internal(err) {
				w.s.logger.Error("waiting for answers failed", "txnID", c.txnID, "error", err)
			}
			return
		}
		if len(w.letters) == 0 {
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
// have its answer already: its sender's mailbox is looked through from the start.
func (w *waiter) begin() {
	open := w.letters[:0]
	for _, l := range w.letters {
		a := l.token.Key.Address
		switch l.result.Code {
		case api.CodeDuplicate:
			w.from[a] = 0
		case api.CodeStored, api.CodeStoredListening:
		default:
			continue
		}
		open = append(open, l)
	}
	w.letters = open
	for _, l := range open {
		a := l.token.Key.Address
		w.read[a] = w.from[a]
	}
}

// look reads what is new in the mailboxes, for a caller whose key is still good.
func (w *waiter) look(c Caller) error {
	v, err := w.s.reader.Local()
	if err != nil {
		return clusterError(err)
	}
	return w.s.with(v, func(v View) error {
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
			w.answer(mailbox, m)
		}
		w.read[mailbox] = max(w.read[mailbox], page.Scanned)
		if !page.More {
			return nil
		}
	}
}

// answer gives m to the request that it answers, if there is one.
func (w *waiter) answer(mailbox address.Address, m command.Message) {
	for i, l := range w.letters {
		if l.token.Key.Address != mailbox || m.From != l.payload.To || m.Reply != l.payload.ID {
			continue
		}
		l.succeed(w.s.domain, answerCode(m.Kind), []api.StreamLine{line(m.TS, m.Token)})
		w.letters = append(w.letters[:i:i], w.letters[i+1:]...)
		return
	}
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
