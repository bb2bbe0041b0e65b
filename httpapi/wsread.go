package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/nixnode/nixnode/api"
)

// What is wrong with a frame as such. RFC 6455 has close codes for it.
var (
	errBinary  = errors.New("a binary frame")
	errNotUTF8 = errors.New("a text frame that is not UTF-8")
)

// read takes frames until the end. It must return then, as closing takes its place.
func (s *socket) read() {
	for s.live.Err() == nil {
		data, err := s.readFrame()
		if err == nil && !utf8.Valid(data) {
			err = errNotUTF8
		}
		if err != nil {
			s.end(s.readEnding(err))
			s.stop()
			return
		}
		if s.live.Err() == nil {
			s.take(data)
		}
	}
}

// readFrame reads one frame within the limits that a body has.
func (s *socket) readFrame() ([]byte, error) {
	kind, r, err := s.conn.Reader(context.Background()) // closing the connection ends it
	if err != nil {
		return nil, err
	}
	if kind != websocket.MessageText {
		return nil, errBinary
	}
	hear := s.goDeaf()
	defer hear()
	slow := time.AfterFunc(s.x.h.limits.Body, func() {
		s.endWith(api.Errorf(api.CodeSlowRequest, ""), frame{txnID: s.x.txnID})
	})
	defer slow.Stop()
	var buf bytes.Buffer
	_, err = buf.ReadFrom(&pacedFrame{from: r, slow: slow, until: time.Now().Add(s.x.h.limits.Body)})
	return buf.Bytes(), err
}

// goDeaf says that pongs are not read, until what it gives is called.
func (s *socket) goDeaf() (hear func()) {
	s.deaf.Store(math.MaxInt64)
	return func() { s.deaf.Store(time.Now().UnixNano()) }
}

// pacedFrame moves the time limit on as bytes come, like pacedBody.
type pacedFrame struct {
	from  io.Reader
	slow  *time.Timer
	until time.Time
	got   int
	paid  int // how many steps of got are in the timer
}

func (f *pacedFrame) Read(p []byte) (int, error) {
	n, err := f.from.Read(p)
	f.got += n
	if steps := f.got / paceStep; steps > f.paid {
		f.paid = steps
		// One that has fired has ended the socket, whatever it is set to now.
		f.slow.Reset(time.Until(f.until.Add(paceOf(steps * paceStep))))
	}
	return n, err
}

// readEnding judges why nothing more can be read.
func (s *socket) readEnding(err error) ending {
	var network *net.OpError
	switch {
	case errors.Is(err, errBinary):
		return ending{code: api.CodeUnreadable, status: api.CloseUnsupported}
	case errors.Is(err, errNotUTF8):
		return ending{code: api.CodeUnreadable, status: api.CloseNotUTF8}
	case errors.Is(err, websocket.ErrMessageTooBig):
		return ending{code: api.CodeBodyTooLarge, status: api.CloseTooBig}
	case errors.Is(err, context.DeadlineExceeded):
		// The pong to its ping did not come through: it does not read.
		return ending{code: api.CodeReaderTooSlow, status: api.CloseTooSlow}
	case websocket.CloseStatus(err) != -1, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe),
		errors.Is(err, net.ErrClosed), errors.Is(err, syscall.ECONNRESET), errors.As(err, &network):
		return ending{code: s.x.route.Code} // the client has left
	}
	return ending{code: api.CodeUnreadable, status: api.CloseProtocol}
}

// frame is what a client asks for.
type frame struct {
	op    string
	ref   json.RawMessage // as the client wrote it, a string or a number; nil without
	data  []byte          // the whole, with the fields of the op
	txnID string
	began time.Time
}

// parseFrame reads what all frames have. An error is about garbage, which ends the
// socket; a fault is told as an answer. f has the ref also when there is a fault.
func parseFrame(data []byte) (f frame, fault *api.Error, err error) {
	var head struct {
		Op  json.RawMessage `json:"op"`
		Ref json.RawMessage `json:"ref"`
	}
	if err := decode(data, &head); err != nil {
		return frame{}, nil, err
	}
	f.data = data
	switch ref := head.Ref; {
	case len(ref) == 0 || string(ref) == "null":
	case len(ref) > api.MaxSocketRef:
		return f, api.Errorf(api.CodeBadValue, "ref: at most %d bytes", api.MaxSocketRef), nil
	case ref[0] != '"' && ref[0] != '-' && (ref[0] < '0' || ref[0] > '9'):
		return f, api.Errorf(api.CodeWrongType, "ref"), nil
	default:
		f.ref = ref
	}
	if len(head.Op) == 0 {
		return f, api.Errorf(api.CodeMissingField, "op"), nil
	}
	if json.Unmarshal(head.Op, &f.op) != nil || head.Op[0] != '"' {
		return f, api.Errorf(api.CodeWrongType, "op"), nil
	}
	switch f.op {
	case api.OpListen, api.OpSend, api.OpAck, api.OpPing:
		return f, nil, nil
	}
	return f, api.Errorf(api.CodeBadValue, "op: %s", knownOps), nil
}

const knownOps = "one of " + api.OpListen + ", " + api.OpSend + ", " + api.OpAck + ", " + api.OpPing
