package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/httpapi"
)

// head sends a request by hand, so that an answer before the end of the body is
// seen for sure, and gives the connection to go on with.
func (d *door) head(r httpapi.Route, headers string) (net.Conn, *bufio.Reader) {
	d.t.Helper()
	conn, err := net.Dial("tcp", d.server.Listener.Addr().String())
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n%s\r\n", r.Method, pathOf(r), everything, headers)
	return conn, bufio.NewReader(conn)
}

func (d *door) answer(r *bufio.Reader, code api.Code) *http.Response {
	d.t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	d.reply(resp, code)
	return resp
}

func TestEveryRouteRefusesHugeBodies(t *testing.T) {
	d := open(t, &fakeService{}, false)
	chunk := strings.Repeat(" ", 1<<20)
	eachRoute(t, d, func(t *testing.T, d *door, r httpapi.Route) {
		if r.MaxBody == 0 {
			return
		}
		_, answers := d.head(r, fmt.Sprintf("Content-Length: %d\r\n", r.MaxBody+1))
		if resp := d.answer(answers, api.CodeBodyTooLarge); !resp.Close {
			t.Error("the connection stays open with a body under way")
		}
		conn, answers := d.head(r, "Transfer-Encoding: chunked\r\n")
		for range r.MaxBody / int64(len(chunk)) {
			fmt.Fprintf(conn, "%x\r\n%s\r\n", len(chunk), chunk)
		}
		fmt.Fprintf(conn, "1\r\n \r\n")
		d.answer(answers, api.CodeBodyTooLarge)
	})
	if calls := d.service.seen(); len(calls) != 0 {
		t.Errorf("the service was called: %v", calls)
	}
}

func TestABodyOfTheLargestSizeIsTaken(t *testing.T) {
	d := open(t, &fakeService{}, false)
	const frame = `{"jwt":""}`
	body := `{"jwt":"` + strings.Repeat("x", api.MaxBody-len(frame)) + `"}`
	d.reply(d.ask("POST", api.PathMe, everything, body), api.CodeIdentity)
	req, err := http.NewRequestWithContext(t.Context(), "POST", d.server.URL+api.PathMe, io.MultiReader(strings.NewReader(body))) // of unknown length
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", everything)
	d.reply(d.do(req), api.CodeIdentity)
	for i, c := range d.service.seen() {
		if got := len(c.req.(api.ProofRequest).JWT); got != api.MaxBody-len(frame) {
			t.Errorf("call %d: %d bytes arrived", i, got)
		}
	}
}

func TestCompressedBodiesAreRefused(t *testing.T) {
	d := open(t, &fakeService{}, false)
	for encoding, code := range map[string]api.Code{"gzip": api.CodeUnreadable, "deflate, gzip": api.CodeUnreadable, "identity": api.CodeIdentity, "Identity": api.CodeIdentity} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", d.server.URL+api.PathMe, strings.NewReader(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", everything)
		req.Header.Set("Content-Encoding", encoding)
		d.reply(d.do(req), code)
	}
}

func TestAnyContentTypeWillDo(t *testing.T) {
	d := open(t, &fakeService{}, false)
	for _, contentType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "no type at all"} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", d.server.URL+api.PathMe, strings.NewReader(`{"jwt":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", everything)
		req.Header.Set("Content-Type", contentType)
		d.reply(d.do(req), api.CodeIdentity)
	}
}

func TestABodyThatIsCutOffIsUnreadable(t *testing.T) {
	d := open(t, &fakeService{}, false)
	conn, answers := d.head(httpapi.Route{Method: "POST", Path: api.PathMe}, "Content-Length: 100\r\n")
	fmt.Fprint(conn, `{"jwt":"x`)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	d.answer(answers, api.CodeUnreadable)
}

func TestABodyThatTricklesIsCutOffAfter30Seconds(t *testing.T) {
	inBubble(t, &fakeService{}, func(b *bubble) {
		conn, r := b.dial()
		began := time.Now()
		b.post(conn, api.PathMe, "Content-Length: 100\r\n", `{"jwt":"`)
		stop := make(chan struct{})
		go func() { // a byte a second
			for {
				select {
				case <-time.After(time.Second):
					if _, err := conn.Write([]byte("x")); err != nil {
						return
					}
				case <-stop:
					return
				}
			}
		}()
		b.read(r, api.CodeSlowRequest)
		close(stop)
		if took := time.Since(began); took != 30*time.Second {
			b.t.Errorf("after %v", took)
		}
		if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
			b.t.Errorf("the connection goes on: %v", err)
		}
	})
}

// 8 MiB at 128 KiB a second take longer than the time that little gets.
func TestALargeBodyMayTakeItsTime(t *testing.T) {
	inBubble(t, &fakeService{}, func(b *bubble) {
		conn, r := b.dial()
		const size = api.MaxBody
		b.post(conn, api.PathMe, fmt.Sprintf("Content-Length: %d\r\n", size), "{}")
		go func() {
			chunk := []byte(strings.Repeat(" ", 128<<10))
			for sent := 2; sent < size; sent += len(chunk) {
				<-time.After(time.Second)
				if _, err := conn.Write(chunk[:min(len(chunk), size-sent)]); err != nil {
					b.t.Error(err)
					return
				}
			}
		}()
		began := time.Now()
		b.read(r, api.CodeIdentity)
		if took := time.Since(began); took < time.Minute {
			b.t.Fatalf("the test was not slow enough: %v", took)
		}
	})
}

func TestTheTimeOfTheBodyDoesNotEndTheWork(t *testing.T) {
	service := &fakeService{hook: func(ctx context.Context, _ call) error {
		select {
		case <-ctx.Done():
			return api.Wrap(api.CodeUnknownOutcome, ctx.Err())
		case <-time.After(10 * time.Minute):
			return nil
		}
	}}
	inBubble(t, service, func(b *bubble) {
		conn, r := b.dial()
		body := "{}" + strings.Repeat(" ", 64<<10) // large enough to move the deadline
		for range 2 {                              // nor does it strike in the next request of the connection
			b.post(conn, api.PathMe, fmt.Sprintf("Content-Length: %d\r\n", len(body)), body)
			b.read(r, api.CodeIdentity)
		}
	})
}

// An early answer leaves the body unread; whoever never sends it must not hold the
// connection for ever.
func TestAnUnreadBodyIsNotWaitedForWithoutEnd(t *testing.T) {
	inBubble(t, &fakeService{}, func(b *bubble) {
		conn, r := b.dial()
		began := time.Now()
		b.post(conn, "/v1/nothing", "Content-Length: 100\r\n", `{`)
		b.read(r, api.CodeNoEndpoint)
		if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
			b.t.Errorf("the connection goes on: %v", err)
		}
		if took := time.Since(began); took > 31*time.Second {
			b.t.Errorf("after %v", took)
		}
	})
}

func TestAClientThatTakesNoAnswerIsCutOff(t *testing.T) {
	inBubble(t, &fakeService{hook: func(context.Context, call) error {
		return api.Errorf(api.CodeBadValue, "%s", strings.Repeat("x", 64<<10))
	}}, func(b *bubble) {
		conn, _ := b.dial()
		began := time.Now()
		b.post(conn, api.PathMe, "Content-Length: 2\r\n", "{}")
		ended := func() bool { return len(b.log.lines(b.t, "request")) == 1 }
		for !ended() && time.Since(began) < time.Hour {
			<-time.After(time.Second)
			synctest.Wait()
		}
		if took := time.Since(began); took > 35*time.Second {
			b.t.Errorf("held for %v", took)
		}
	})
}

// The write deadline of one answer must not strike in the next request of the
// connection, whose first bytes back are "100 Continue".
func TestDeadlinesDoNotOutliveTheirRequest(t *testing.T) {
	inBubble(t, &fakeService{}, func(b *bubble) {
		conn, r := b.dial()
		b.post(conn, api.PathMe, "Content-Length: 2\r\n", "{}")
		b.read(r, api.CodeIdentity)
		<-time.After(90 * time.Second)
		b.post(conn, api.PathMe, "Content-Length: 2\r\nExpect: 100-continue\r\n", "")
		if line, err := r.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
			b.t.Fatalf("%q, %v", line, err)
		}
		if _, err := r.Discard(len("\r\n")); err != nil {
			b.t.Fatal(err)
		}
		if _, err := conn.Write([]byte("{}")); err != nil {
			b.t.Fatal(err)
		}
		b.read(r, api.CodeIdentity)
	})
}
