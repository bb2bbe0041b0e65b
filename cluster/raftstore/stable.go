package raftstore

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// The names under which raft stores its vote.
const (
	keyVoteTerm      = "LastVoteTerm"
	keyVoteCandidate = "LastVoteCand"
)

// keyVote is where the two are stored together: term (8 bytes, big endian),
// then the candidate.
const keyVote = "nix.vote"

// stableStore makes a vote one write.
//
// raft stores a vote as two values, the term and then the candidate, each in
// its own transaction. After a crash between the two, the new term stands
// beside the candidate of an older vote, and raft takes that for a vote given
// in the new term: it grants the same candidate the new term again without
// comparing logs, so a candidate that lacks committed entries can win. So the
// term is held back until the candidate comes, and both are written at once.
// Before that write nothing was promised to anybody: raft answers a candidate
// only after both calls have returned.
type stableStore struct {
	inner raft.StableStore
	fault *fault
	dog   *watchdog

	mu      sync.Mutex
	pending uint64 // term of the vote whose candidate is to come
}

func (s *stableStore) SetUint64(key []byte, v uint64) error {
	if err := s.fault.check(); err != nil {
		return err
	}
	if string(key) == keyVoteTerm {
		s.mu.Lock()
		s.pending = v
		s.mu.Unlock()
		return nil
	}
	defer s.dog.watch("store the term")()
	return s.fault.note("store the term", s.inner.SetUint64(key, v))
}

func (s *stableStore) Set(key, v []byte) error {
	if err := s.fault.check(); err != nil {
		return err
	}
	if string(key) != keyVoteCandidate {
		return s.fault.note("store a value", s.inner.Set(key, v))
	}
	s.mu.Lock()
	record := append(binary.BigEndian.AppendUint64(nil, s.pending), v...)
	s.mu.Unlock()
	defer s.dog.watch("store the vote")()
	return s.fault.note("store the vote", s.inner.Set([]byte(keyVote), record))
}

func (s *stableStore) GetUint64(key []byte) (uint64, error) {
	if string(key) != keyVoteTerm {
		return s.inner.GetUint64(key)
	}
	record, err := s.vote()
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(record), nil
}

func (s *stableStore) Get(key []byte) ([]byte, error) {
	if string(key) != keyVoteCandidate {
		return s.inner.Get(key)
	}
	record, err := s.vote()
	if err != nil {
		return nil, err
	}
	return record[8:], nil
}

// vote reads the record. raft tells a missing value by the text of the error,
// so it is passed on as it is.
func (s *stableStore) vote() ([]byte, error) {
	record, err := s.inner.Get([]byte(keyVote))
	if err != nil {
		return nil, err
	}
	if len(record) == 0 {
		return nil, raftboltdb.ErrKeyNotFound
	}
	if len(record) < 8 {
		return nil, fmt.Errorf("%w: vote", ErrCorrupt)
	}
	return record, nil
}
