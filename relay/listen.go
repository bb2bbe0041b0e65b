package relay

import (
	"context"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/message"
)

const (
	// maxStreams is how many streams of one identity this node keeps; beyond it the
	// oldest ends (section 6).
	maxStreams = 100
	// recheck is how long a quiet stream goes on without looking whether it may.
	recheck = 2 * time.Second
	// maxSilence is how long a node may be without a leader before its streams end:
	// it would not learn of a disabled key.
	maxSilence = 5 * time.Second
	// What one look at the store reads, at most.
	streamPage      = 256
	streamPageBytes = 1 << 20
)

// Stream is the mailbox of one identity as it grows: first what is there, then
// what comes, in the mailbox's order, without a gap or a repeat (section 6).
//
// It holds no messages: what is next is read when Next asks for it, so a slow
// reader costs nothing. One goroutine at a time may call Next; Close may come from
// another one.
type Stream struct {
	*tap
	query message.Query

	// pos is where the reader stands: it has got, or does not want, all that lies at
	// or below pos. It never goes back.
	pos uint64
	// down is the descending part before the live one; nil when that is done.
	down *descent
	// started tells that the first state was looked at.
	started bool
}

// Listen opens a stream for the identity that signed the jwt. The claims are those
// of a fetch, save that the order is ascending unless it says otherwise: then what
// is there comes newest first, and what arrives after the stream began follows as
// it comes. With a limit, only the newest so many of what is there come. With max,
// nothing at or above it ever comes; the stream stays open and silent then, as a
// client would take its end for a fault. A cursor is that of an ascending fetch.
//
// The caller must Close the stream. ctx is for opening it alone.
func (s *Service) Listen(ctx context.Context, c Caller, req api.ProofRequest) (*Stream, error) {
	return s.listenAt(ctx, c, req, api.PathListen)
}

// listenAt is Listen for a jwt that is bound to that path.
func (s *Service) listenAt(ctx context.Context, c Caller, req api.ProofRequest, path string) (*Stream, error) {
	t, q, err := s.parseQuery(req, path, message.ListenDefaults)
	if err != nil {
		return nil, err
	}
	pos, err := startOf(t.Key.Address, q)
	if err != nil {
		return nil, err
	}
	err = s.read(ctx, c, ScopeMessage, func(v View, admitted Caller) error {
		c = admitted
		rec, err := verifyCurrent(v, c, t, api.FieldJWT)
		if err != nil {
			return err
		}
		s.toucher.heard(t.Key.Address, rec)
		return nil
	})
	if err != nil {
		return nil, err
	}
	// Subscribe before the first look, which Next takes: what that does not show
	// rings. The local state will do for it, as it only moves on from the one above.
	st := &Stream{tap: s.newTap(c, t.Key.Address), query: q, pos: pos}
	if err := st.open(); err != nil {
		return nil, err
	}
	return st, nil
}

// startOf gives the ts behind which a stream begins.
func startOf(mailbox address.Address, q message.Query) (uint64, error) {
	pos := uint64(q.Min)
	if q.Cursor == "" {
		return pos, nil
	}
	cursor, err := message.ParseCursor(q.Cursor, mailbox)
	if err != nil {
		return 0, inputError("cursor", err)
	}
	if cursor.Descending || q.Descending || cursor.Filter != q.Filter() {
		return 0, api.Errorf(api.CodeBadCursor, "a stream goes on from an ascending page with the same filters")
	}
	return max(pos, uint64(cursor.After)), nil
}

// Next gives the next messages, at least one, and waits for them if need be. An
// *api.Error ends the stream for that reason: the key or the identity is not good
// any more (401…, 41000), the node lost the leader (50300) or is going down
// (60000), or the identity opened too many streams (60002).
func (st *Stream) Next(ctx context.Context) ([]api.StreamLine, error) {
	return awaitNext(ctx, st.tap, st.look)
}
