package httpapi

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/relay"
)

// take begins what a frame asks for. It blocks while enough is being worked on, or
// while the client does not take its answers: then nothing more is read.
func (s *socket) take(data []byte) {
	f, fault, err := parseFrame(data)
	f.txnID, f.began = s.x.h.txn.next(), time.Now()
	switch {
	case err != nil:
		s.endWith(err, f)
	case fault != nil:
		s.reply(s.live, f, answer{}, fault)
	case f.op == api.OpPing:
		s.reply(s.live, f, answer{code: api.CodeOK}, nil)
	default:
		s.begin(f)
	}
}

// begin works on a request beside reading on. Requests are accepted in the order
// in which they came: each waits for its turn. One that waits for answers lets the
// next one have it.
func (s *socket) begin(f frame) {
	weight := int64(max(len(f.data), room/maxOps))
	hear := s.goDeaf()
	err := s.room.Acquire(s.live, weight)
	hear()
	if err != nil {
		return // the socket ends
	}
	before, passed := s.turn, make(chan struct{})
	s.turn = passed
	s.parts.Go(func() {
		defer s.room.Release(weight)
		pass := sync.OnceFunc(func() { close(passed) })
		defer pass()
		s.guard(func() {
			select {
			case <-before:
				s.answer(f, pass)
			case <-s.ctx.Done():
			}
		})
	})
}

// answer does what is asked for, within the limits of any request.
func (s *socket) answer(f frame, pass func()) {
	h := s.x.h
	defer h.inFlight.Add(-1)
	if h.inFlight.Add(1) > int64(h.limits.InFlight) {
		s.reply(s.ctx, f, answer{}, api.Errorf(api.CodeOverloaded, ""))
		return
	}
	caller, err := h.service.Continue(s.x.caller, s.x.route.Scope, f.txnID)
	if err != nil {
		s.log(f, s.endWith(err, f))
		return
	}
	switch f.op {
	case api.OpListen:
		err = s.listen(f, caller)
	case api.OpAck:
		var a answer
		if a, err = s.ack(f, caller); err == nil {
			s.reply(s.ctx, f, a, nil)
		}
	case api.OpSend:
		var a answer
		if a, err = s.send(f, caller, pass); err == nil {
			s.reply(s.ctx, f, a, nil)
		}
	}
	if err != nil && s.ctx.Err() == nil {
		s.reply(s.ctx, f, answer{}, err)
	}
}

func (s *socket) send(f frame, c relay.Caller, pass func()) (answer, error) {
	var req api.SendRequest
	if err := decode(f.data, &req); err != nil {
		return answer{}, err
	}
	a, err := s.x.h.service.SocketSend(s.ctx, c, req, pass)
	if err != nil {
		return answer{}, err
	}
	return answer{code: a.Code, body: array(a.Results)}, nil
}

func (s *socket) ack(f frame, c relay.Caller) (answer, error) {
	var req api.ProofRequest
	if err := decode(f.data, &req); err != nil {
		return answer{}, err
	}
	body, err := s.x.h.service.SocketAck(s.ctx, c, req)
	return answer{code: api.CodeAcked, body: body}, err
}

// listen opens the stream of this socket. Its first answer, for who asks for one
// with a ref, comes before any message; without, the messages are the answer.
func (s *socket) listen(f frame, c relay.Caller) error {
	var req api.ProofRequest
	if err := decode(f.data, &req); err != nil {
		return err
	}
	if s.listening.Swap(true) {
		return api.Errorf(api.CodeBadValue, "op: this socket listens already")
	}
	stream, err := s.x.h.service.SocketListen(s.ctx, c, req)
	if err != nil {
		s.listening.Store(false)
		return err
	}
	if f.ref != nil {
		s.reply(s.ctx, f, answer{code: api.CodeOK}, nil)
	}
	s.parts.Go(func() {
		defer stream.Close()
		s.guard(func() { s.follow(stream, f) })
	})
	return nil
}

// follow brings the messages of a stream. While one is not taken, no more are
// asked for, so a slow reader costs a page and no more.
func (s *socket) follow(stream Stream, f frame) {
	for {
		lines, err := stream.Next(s.live)
		if s.live.Err() != nil {
			return
		}
		if err != nil {
			s.endWith(err, f)
			return
		}
		for _, line := range lines {
			if !s.say(s.live, line) {
				return
			}
		}
	}
}

// reply answers f, with err or with a, and logs it as a request.
func (s *socket) reply(until context.Context, f frame, a answer, err error) {
	var e api.Envelope
	if err != nil {
		shown := s.x.h.reason(err, f.txnID)
		e = api.Failure(shown.Code, f.txnID, shown.Detail)
	} else {
		e = a.envelope(f.txnID)
	}
	s.say(until, api.SocketReply{Ref: f.ref, Envelope: e})
	s.log(f, e.Code)
}

// log writes the line of a request on the socket, whose own id leads to the line
// of the connection.
func (s *socket) log(f frame, code api.Code) {
	s.x.h.metrics.countFrame(f.op, code, f.began)
	s.x.h.log.LogAttrs(context.WithoutCancel(s.ctx), slog.LevelInfo, "socket request",
		slog.String("txnID", f.txnID), slog.String("socket", s.x.txnID), slog.String("op", f.op),
		slog.Int("code", int(code)), slog.Int("bytes", len(f.data)),
		slog.Duration("took", time.Since(f.began)), slog.String("key", s.x.key))
}
