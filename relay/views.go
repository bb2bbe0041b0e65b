package relay

import (
	"context"
	"errors"

	"github.com/nixnode/nixnode/api"
)

// read runs f on a current state, in which the caller's key is good and has one
// of the scopes: what every read begins with.
func (s *Service) read(ctx context.Context, c Caller, scope Scope, f func(v View, c Caller) error) error {
	v, err := s.reader.Current(ctx)
	if err != nil {
		return clusterError(err)
	}
	return using(v, func(v View) error {
		c, err := s.admit(v, c, scope)
		if err != nil {
			return err
		}
		return f(v, c)
	})
}

// readAfter runs f on a state that includes a log entry: what answers a change.
// When that state cannot be had, the change is done all the same, so it must not
// be called undone: sending it again gives the answer.
func (s *Service) readAfter(ctx context.Context, index uint64, f func(v View) error) error {
	v, err := s.reader.After(ctx, index)
	if err != nil && !internal(clusterError(err)) {
		return api.Wrap(api.CodeUnknownOutcome, err)
	}
	if err != nil {
		return err
	}
	return using(v, f)
}

// decide runs f on the local state, and once more on the current one if it
// refused: the local state may be outdated. What f lets through is decided again
// when the command is applied, so an outdated yes does no harm.
func (s *Service) decide(ctx context.Context, f func(v View) error) error {
	v, err := s.reader.Local()
	if err != nil {
		return clusterError(err)
	}
	err = using(v, f)
	var refusal *api.Error
	if err == nil || !errors.As(err, &refusal) {
		return err
	}
	if v, err = s.reader.Current(ctx); err != nil {
		return clusterError(err)
	}
	return using(v, f)
}

// using runs f and closes v, also when f panics: an open view keeps what it shows.
func using(v View, f func(v View) error) (err error) {
	defer func() {
		if closed := v.Close(); err == nil {
			err = closed
		}
	}()
	return f(v)
}
