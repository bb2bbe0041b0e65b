package relay

import (
	"context"
	"errors"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/jose"
	"github.com/nixnode/nixnode/message"
	"github.com/nixnode/nixnode/notify"
)

// letter is one message of a send on its way.
type letter struct {
	token   *jose.Token
	payload message.Payload
	signer  string // thumbprint of the key that verified the token
	refused error
	ts      uint64 // where it lies in its mailbox; 0 before, or if in none
	result  api.MessageResult
}

// letterOverhead is more than a command has beside its token and names.
const letterOverhead = 512

// size gives no less than what the letter takes in a proposal.
func (l *letter) size() int {
	b := l.payload.Body
	return len(l.token.Raw) + len(l.payload.ID) + len(b.Kid) + len(b.RespTo) + letterOverhead
}

// head gives what each result of the message says, as far as it could be read.
func (l *letter) head(d address.Domain) api.MessageResult {
	r := api.MessageResult{ID: l.payload.ID, Dst: d.Full(l.payload.To)}
	if l.ts != 0 {
		r.TS = message.Timestamp(l.ts).String()
	}
	return r
}

// parseLetters reads tokens and checks all that needs no state, side by side.
func (s *Service) parseLetters(tokens []string) []*letter {
	letters := make([]*letter, len(tokens))
	inParallel(len(tokens), func(i int) {
		l := &letter{}
		if err := s.parseLetter(l, tokens[i]); err != nil {
			l.refuse(s.domain, err)
		}
		letters[i] = l
	})
	return letters
}

func (s *Service) parseLetter(l *letter, token string) (err error) {
	const field = "msg"
	if len(token) > message.MaxTokenBytes {
		return api.Errorf(api.CodeMessageTooLarge, "at most %d bytes", message.MaxTokenBytes)
	}
	if l.token, err = jose.ParseToken(token, s.domain); err != nil {
		return inputError(field, err)
	}
	if l.payload, err = message.ParsePayload(l.token.Payload, s.domain); err != nil {
		return inputError(field, err)
	}
	switch {
	case l.token.Target != "": // section 4: made for another place
		return api.Errorf(api.CodeBadTarget, "%s: a message token has no tgt", field)
	case l.token.Key.Address.IsZero():
		return api.Errorf(api.CodeBadToken, "%s: the kid must name the identity", field)
	case !l.payload.Expires.After(s.now()):
		return &api.Error{Code: api.CodeMessageExpired}
	}
	return nil
}

// verifyLetters finds the senders' keys and verifies the signatures, on the local
// state first. What is refused there is looked at once more on the current state,
// as the local one may be outdated. An error is about all of them.
func (s *Service) verifyLetters(ctx context.Context, c Caller, letters []*letter) error {
	open := make([]*letter, 0, len(letters))
	for _, l := range letters {
		if l.refused == nil {
			open = append(open, l)
		}
	}
	if len(open) == 0 {
		// Nothing is going to be applied, which would have checked the key again.
		return s.read(ctx, c, ScopeMessage, func(View, Caller) error { return nil })
	}
	v, err := s.reader.Local()
	if err != nil {
		return clusterError(err)
	}
	var refused []*letter
	err = using(v, func(v View) (err error) {
		refused, err = s.verifyOn(v, c, open)
		return err
	})
	if err != nil || len(refused) == 0 {
		return err
	}
	if v, err = s.reader.Current(ctx); err != nil {
		return clusterError(err)
	}
	return using(v, func(v View) error {
		c, err := s.admit(v, c, ScopeMessage) // for the same reason, if all are refused
		if err != nil {
			return err
		}
		_, err = s.verifyOn(v, c, refused)
		return err
	})
}

// verifyOn verifies letters and gives those that are refused.
func (s *Service) verifyOn(v View, c Caller, letters []*letter) ([]*letter, error) {
	senders, err := sendersOf(v, c, letters)
	if err != nil {
		return nil, err
	}
	inParallel(len(letters), func(i int) {
		l := letters[i]
		from := senders[l.token.Key.Address]
		l.refused = nil
		if err := from.verify(l.token); err != nil {
			l.refuse(s.domain, err)
			return
		}
		l.signer = from.key.Thumbprint()
		s.toucher.heard(l.token.Key.Address, from.record)
	})
	var refused []*letter
	for _, l := range letters {
		switch {
		case l.refused == nil:
		case internal(l.refused):
			return nil, l.refused
		default:
			refused = append(refused, l)
		}
	}
	return refused, nil
}

// sender is the identity that signed some of the messages of a call.
type sender struct {
	record command.IdentityRecord
	key    jose.PublicKey
	err    error // why nothing of it is accepted
}

func (f sender) verify(t *jose.Token) error {
	if f.err != nil {
		return f.err
	}
	if err := t.Verify(f.key); err != nil {
		return inputError("msg", err)
	}
	return nil
}

// sendersOf looks each sender up once.
func sendersOf(v View, c Caller, letters []*letter) (map[address.Address]sender, error) {
	senders := map[address.Address]sender{}
	for _, l := range letters {
		a := l.token.Key.Address
		if _, ok := senders[a]; ok {
			continue
		}
		f, err := senderOf(v, c, a)
		if err != nil {
			return nil, err
		}
		senders[a] = f
	}
	return senders, nil
}

func senderOf(v View, c Caller, a address.Address) (f sender, err error) {
	var refusal *api.Error
	if f.record, err = identityOf(v, c, a); errors.As(err, &refusal) {
		return sender{err: refusal}, nil
	} else if err != nil {
		return sender{}, err
	}
	if f.record.Retired {
		return sender{err: &api.Error{Code: api.CodeRetiredIdentity}}, nil
	}
	f.key, err = jose.ParsePublicKey(f.record.SigKey, jose.Sig)
	return f, err
}

// command gives what is to be applied. Times beyond the longest life are cut.
func (l *letter) command(meta command.Meta) *command.Accept {
	b := l.payload.Body
	longest := time.Unix(0, int64(meta.At)).Add(message.MaxLifetime).Unix()
	exp := l.payload.Expires.Unix()
	return &command.Accept{
		Meta: meta, From: l.token.Key.Address, To: l.payload.To, Signer: l.signer, Digest: l.token.Digest(),
		Kind: uint8(l.payload.Type), ID: l.payload.ID, Package: b.Kid, InReplyTo: b.RespTo,
		NoCache: b.NoCache, HasJWE: b.JWE != "",
		Expires: min(exp, longest), ForgetAfter: exp, Token: []byte(l.token.Raw),
	}
}

// hint brings an accepted message to whoever listens for it or for a copy of it,
// here and elsewhere, and reports whether somebody does here.
func (s *Service) hint(l *letter, r command.Result) (listened bool) {
	token := []byte(l.token.Raw)
	send := func(h notify.Hint) bool {
		s.router.Hint(h)
		return s.bell.Hint(h)
	}
	if r.TS != 0 {
		listened = send(notify.Hint{To: l.payload.To, TS: r.TS, Before: r.Before, Message: token})
	}
	for _, copied := range r.Copies {
		listened = send(notify.Hint{To: copied.To, TS: copied.TS, Before: copied.Before, Message: token}) || listened
	}
	return listened
}

// inParallel calls f for 0 … n-1, on as many processors as there are.
func inParallel(n int, f func(i int)) {
	if n == 1 {
		f(0)
		return
	}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		g.Go(func() error { f(i); return nil })
	}
	_ = g.Wait() // none of them fails
}
