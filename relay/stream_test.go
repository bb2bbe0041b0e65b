package relay

import (
	"testing"

	"github.com/nixnode/nixnode/api"
)

// next reads n lines of a stream.
func next(t *testing.T, s *Stream, n int) []api.StreamLine {
	t.Helper()
	var lines []api.StreamLine
	for len(lines) < n {
		lines = append(lines, must(s.Next(t.Context()))(t)...)
	}
	return lines
}
