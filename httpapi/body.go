package httpapi

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/internal/strictjson"
)

// decodeBody reads the body into a request of package api. Whether the fields
// make sense, and which must be there, is relay's to say.
func decodeBody[Req any](x *exchange) (Req, error) {
	var req Req
	data, err := x.readBody()
	if err != nil {
		return req, err
	}
	err = decode(data, &req)
	return req, err
}

// decode is strict as section 2 says: 40000 for what is not one JSON value, 40002
// for what has another type than its place demands.
func decode(data []byte, req any) error {
	var wrong *strictjson.TypeError
	switch err := strictjson.Unmarshal(data, req); {
	case errors.As(err, &wrong):
		return &api.Error{Code: api.CodeWrongType, Detail: orBody(wrong.Field)}
	case err != nil:
		return api.Wrap(api.CodeUnreadable, err)
	}
	// null is a value of every type to a JSON library, and no request.
	if !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		return &api.Error{Code: api.CodeWrongType, Detail: orBody("")}
	}
	return nil
}

// orBody names the place of an error for the client.
func orBody(field string) string {
	if field == "" {
		return "body: an object is wanted"
	}
	return field
}

// readBody reads the whole body within its limits of size and time.
func (x *exchange) readBody() ([]byte, error) {
	if enc := x.r.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		// A compressed body could be any size once it is understood.
		return nil, api.Errorf(api.CodeUnreadable, "Content-Encoding")
	}
	limit := x.route.MaxBody
	if x.r.ContentLength > limit {
		return nil, api.Errorf(api.CodeBodyTooLarge, "")
	}
	var buf bytes.Buffer
	if n := x.r.ContentLength; n > 0 {
		// What is announced need not come, so memory is not given on its word alone.
		buf.Grow(int(min(n, 64<<10)) + bytes.MinRead)
	}
	_, err := buf.ReadFrom(&pacedBody{x: x, from: http.MaxBytesReader(x.w.ResponseWriter, x.r.Body, limit)})
	if err != nil {
		return nil, bodyError(err)
	}
	// Or it would strike while the request is being worked on: net/http waits in a
	// read for the client to leave, and takes any error for that.
	x.readWithin(0)
	return buf.Bytes(), nil
}

// errNoRoom: the bodies of all requests together are too large for this node.
var errNoRoom = errors.New("too many bytes of bodies at once")

func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, errNoRoom):
		return api.Wrap(api.CodeOverloaded, err)
	case errors.As(err, &tooLarge):
		return api.Wrap(api.CodeBodyTooLarge, err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return api.Wrap(api.CodeSlowRequest, err)
	}
	return api.Wrap(api.CodeUnreadable, err) // cut off, or badly framed
}

// pacedBody moves the deadline on as bytes come: a large body may take its time,
// one that trickles may not.
type pacedBody struct {
	x    *exchange
	from io.Reader
	got  int
	paid int // how many steps of got are in the deadline
}

const paceStep = 64 << 10

func (b *pacedBody) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	b.got += n
	b.x.received = b.got
	if !b.x.hold(n) {
		return n, errNoRoom
	}
	if steps := b.got / paceStep; steps > b.paid {
		b.paid = steps
		limits := b.x.h.limits
		_ = b.x.rc.SetReadDeadline(b.x.start.Add(limits.Body + paceOf(steps*paceStep)))
	}
	return n, err
}
