package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/internal/strictjson"
	"github.com/nixnode/nixnode/message"
)

// maxLine bounds a line of a stream: a message, its timestamp, and JSON around them.
const maxLine = message.MaxTokenBytes + 4<<10

// errBroken: the stream ended without saying why. It is always repaired.
var errBroken = errors.New("stream broken")

// stream is one connection that brings lines (section 6, listen).
type stream struct {
	body   io.Closer
	lines  *bufio.Reader
	cancel context.CancelFunc
	watch  *watchdog
}

// watchdog cancels a connection on which a read takes longer than the silence
// that keep-alives leave. It is off while nobody reads, as a slow reader is not
// a dead server.
type watchdog struct {
	from    io.Reader
	timer   *time.Timer
	silence time.Duration
}

// Read implements io.Reader.
func (w *watchdog) Read(p []byte) (int, error) {
	w.timer.Reset(w.silence)
	defer w.timer.Stop()
	return w.from.Read(p)
}

// openStream sends r to one node and gives the stream that it answers with.
func (c *Client) openStream(ctx context.Context, base *url.URL, r request) (*stream, *failure) {
	streamCtx, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(c.cfg.Silence, cancel) // the answer's header, too, must come
	fail := func(f *failure) (*stream, *failure) {
		timer.Stop()
		cancel()
		return nil, f
	}
	req, err := c.newRequest(streamCtx, base, r)
	if err != nil {
		return fail(&failure{err: err})
	}
	resp, err := c.streams.Do(req)
	if err != nil {
		return fail(transportFailure(ctx, err))
	}
	timer.Stop()
	if resp.StatusCode != http.StatusOK {
		defer func() { _ = resp.Body.Close() }()
		_, f := readReply(ctx, resp)
		if f == nil {
			f = &failure{err: fmt.Errorf("%w: an envelope where a stream begins", ErrBadAnswer)}
		}
		return fail(f)
	}
	w := &watchdog{from: resp.Body, timer: timer, silence: c.cfg.Silence}
	return &stream{body: resp.Body, lines: bufio.NewReaderSize(w, maxLine), cancel: cancel, watch: w}, nil
}

// next gives the next message line. It fails with *api.Error when the server
// ended the stream with a reason, else with errBroken.
func (s *stream) next() (api.StreamLine, error) {
	line, err := s.nextLine()
	if err != nil {
		return api.StreamLine{}, err
	}
	return parseLine(line)
}

// nextLine gives the next line of JSON, which is good until the next call.
func (s *stream) nextLine() ([]byte, error) {
	for {
		// A line that was cut in the middle has no line break, and is no line.
		line, err := s.lines.ReadSlice('\n')
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errBroken, err)
		}
		if line = bytes.Trim(line, " \r\n"); len(line) > 0 { // keep-alives are spaces
			return line, nil
		}
	}
}

func (s *stream) close() {
	s.watch.timer.Stop()
	s.cancel()
	_ = s.body.Close()
}

// parseLine reads a line of a stream: a message, or the reason of its end, which
// is given as *api.Error. What is neither is errBroken.
func parseLine(line []byte) (api.StreamLine, error) {
	var w struct {
		TS     *string  `json:"ts"`
		Msg    *string  `json:"msg"`
		Status int      `json:"status"`
		Code   api.Code `json:"code"`
		Err    string   `json:"err"`
		TxnID  string   `json:"txnID"`
	}
	if err := strictjson.Unmarshal(line, &w); err != nil {
		return api.StreamLine{}, fmt.Errorf("%w: unreadable line", errBroken)
	}
	if w.TS != nil && w.Msg != nil {
		return api.StreamLine{TS: *w.TS, Msg: *w.Msg}, nil
	}
	if w.Code == 0 {
		return api.StreamLine{}, fmt.Errorf("%w: neither a message nor an end", errBroken)
	}
	return api.StreamLine{}, &api.Error{Code: w.Code, Detail: detailOf(w.Code, w.Err), TxnID: w.TxnID}
}
