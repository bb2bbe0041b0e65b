package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/internal/eventually"
)

func line(ts int) api.StreamLine {
	return api.StreamLine{TS: fmt.Sprint(ts), Msg: fmt.Sprintf("a.b<%d>.c", ts)}
}

// overBoth runs a test over HTTP/1.1 and over HTTP/2.
func overBoth(t *testing.T, f func(t *testing.T, d *door, s *fakeStream)) {
	for name, http2 := range map[string]bool{"HTTP1": false, "HTTP2": true} {
		t.Run(name, func(t *testing.T) {
			s := newFakeStream()
			f(t, open(t, &fakeService{stream: s}, http2), s)
		})
	}
}

func TestAStreamShowsItsHeadersAndEachLineAtOnce(t *testing.T) {
	overBoth(t, func(t *testing.T, d *door, s *fakeStream) {
		resp := d.ask("POST", api.PathListen, everything, `{"jwt":"x"}`) // returns on the headers, before there is a line
		defer resp.Body.Close()
		for name, want := range map[string]string{
			"Content-Type": "application/x-ndjson", "X-Accel-Buffering": "no", "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "*",
			"Access-Control-Allow-Headers": "Authorization, Content-Type", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		r := bufio.NewReader(resp.Body)
		for _, batch := range [][]api.StreamLine{{line(1)}, {line(2), line(3)}, {line(4)}} {
			s.lines <- batch
			for _, want := range batch {
				text, err := r.ReadString('\n')
				if err != nil || text != fmt.Sprintf(`{"ts":"%s","msg":"%s"}`+"\n", want.TS, want.Msg) {
					t.Fatalf("got %q, %v", text, err)
				}
			}
		}
	})
}

func TestAStreamThatTheServerEndsTellsWhyAndBreaks(t *testing.T) {
	for _, code := range []api.Code{api.CodeGoingDown, api.CodeKeyDisabled, api.CodeRetiredIdentity, api.CodeTooManyStreams, api.CodeNoLeader} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			overBoth(t, func(t *testing.T, d *door, s *fakeStream) {
				resp := d.ask("POST", api.PathListen, everything, `{}`)
				defer resp.Body.Close()
				s.lines <- []api.StreamLine{line(1)}
				s.end <- fmt.Errorf("listen: %w", api.Errorf(code, ""))
				checkBroken(t, resp, 1, code)
				<-s.closed
				eventually.True(t, 5*time.Second, func() bool { return len(d.log.lines(t, "request")) == 1 }, "one log line")
				if l := d.log.lines(t, "request")[0]; l["code"] != float64(code) || l["status"] != float64(200) {
					t.Errorf("logged: %v", l)
				}
			})
		})
	}
}

// checkBroken demands n lines, then a last one with the code, then no clean end.
func checkBroken(t *testing.T, resp *http.Response, n int, code api.Code) {
	t.Helper()
	data, err := io.ReadAll(resp.Body)
	if err == nil {
		t.Error("the body ends cleanly")
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if len(lines) != n+1 {
		t.Fatalf("%d lines before the last: %q", len(lines)-1, data)
	}
	var end api.StreamEnd
	if err := json.Unmarshal([]byte(lines[n]), &end); err != nil {
		t.Fatalf("%q: %v", lines[n], err)
	}
	if end.Code != code || end.Status != code.Status() || end.Err != code.Text() || !txnForm.MatchString(end.TxnID) {
		t.Errorf("the last line is %q", lines[n])
	}
}

func TestAStreamWhoseServiceFailsEndsWithoutDetail(t *testing.T) {
	overBoth(t, func(t *testing.T, d *door, s *fakeStream) {
		resp := d.ask("POST", api.PathListen, everything, `{}`)
		defer resp.Body.Close()
		s.end <- errors.New("the key is under the mat")
		checkBroken(t, resp, 0, api.CodeInternal)
	})
}

type panicStream struct{ *fakeStream }

func (panicStream) Next(context.Context) ([]api.StreamLine, error) { panic("the key is under the mat") }

func TestAStreamWhoseServicePanicsEndsTheSameWay(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		s := newFakeStream()
		d := open(t, &fakeService{stream: panicStream{s}}, http2)
		resp := d.ask("POST", api.PathListen, everything, `{}`)
		checkBroken(t, resp, 0, api.CodeInternal)
		resp.Body.Close()
		<-s.closed
		if len(d.log.lines(t, "panic")) != 1 {
			t.Error("the panic is not in the log")
		}
	}
}

func TestAnErrorBeforeTheFirstLineIsAPlainEnvelope(t *testing.T) {
	d := open(t, &fakeService{hook: func(context.Context, call) error { return api.Errorf(api.CodeProofTime, "jwt") }}, false)
	d.reply(d.ask("POST", api.PathListen, everything, `{"jwt":"x"}`), api.CodeProofTime)
}

func TestAStreamEndsWhenItsClientLeaves(t *testing.T) {
	overBoth(t, func(t *testing.T, d *door, s *fakeStream) {
		resp := d.ask("POST", api.PathListen, everything, `{}`)
		s.lines <- []api.StreamLine{line(1)}
		resp.Body.Close()
		<-s.closed
		eventually.True(t, 5*time.Second, func() bool { return len(d.log.lines(t, "request")) == 1 }, "one log line")
		if log := d.log.String(); strings.Contains(log, "ERROR") || strings.Contains(log, "WARN") {
			t.Errorf("a client that leaves is logged as a fault: %s", log)
		}
	})
}

func TestASilentStreamIsKeptAliveWithASpaceEvery15Seconds(t *testing.T) {
	inBubble(t, &fakeService{}, func(b *bubble) {
		s := b.stream
		resp := b.listen(b.dial())
		began := time.Now()
		body := make([]byte, 1)
		for i := range 5 {
			if _, err := io.ReadFull(resp.Body, body); err != nil || body[0] != ' ' {
				b.t.Fatalf("%q, %v", body, err)
			}
			if at := time.Since(began); at != time.Duration(i+1)*15*time.Second {
				b.t.Errorf("space %d after %v", i, at)
			}
		}
		// A line begins the silence anew.
		<-time.After(10 * time.Second)
		s.lines <- []api.StreamLine{line(7)}
		said := time.Now()
		text, err := bufio.NewReader(io.LimitReader(resp.Body, int64(len(`{"ts":"7","msg":"a.b<7>.c"}`)+1))).ReadString('\n')
		if err != nil || !strings.Contains(text, `"7"`) {
			b.t.Fatalf("%q, %v", text, err)
		}
		if _, err := io.ReadFull(resp.Body, body); err != nil || body[0] != ' ' || time.Since(said) != 15*time.Second {
			b.t.Errorf("%q, %v after %v", body, err, time.Since(said))
		}
		b.hangUp()
	})
}

// hangUp ends the stream of the bubble, so that all its goroutines end.
func (b *bubble) hangUp() {
	b.stream.end <- api.Errorf(api.CodeGoingDown, "")
	synctest.Wait()
}

func TestAStreamLivesLongerThanAnyDeadline(t *testing.T) {
	inBubble(t, &fakeService{}, func(b *bubble) {
		resp := b.listen(b.dial())
		began := time.Now()
		body := make([]byte, 1)
		for time.Since(began) < 24*time.Hour {
			if _, err := io.ReadFull(resp.Body, body); err != nil {
				b.t.Fatalf("after %v: %v", time.Since(began), err)
			}
		}
		b.hangUp()
	})
}

func TestASlowReaderIsToldSoAndLosesTheStream(t *testing.T) {
	inBubble(t, &fakeService{}, func(b *bubble) {
		s := b.stream
		resp := b.listen(b.dial())
		s.lines <- []api.StreamLine{line(1)}
		<-time.After(11 * time.Second) // more than a write may take, less than what is cut off
		checkBroken(b.t, resp, 1, api.CodeReaderTooSlow)
		<-s.closed
	})
}

func TestAReaderThatTakesNothingIsCutOff(t *testing.T) {
	inBubble(t, &fakeService{}, func(b *bubble) {
		s := b.stream
		b.listen(b.dial())
		began := time.Now()
		s.lines <- []api.StreamLine{line(1)}
		<-s.closed
		if took := time.Since(began); took != 20*time.Second {
			b.t.Errorf("after %v", took)
		}
		synctest.Wait()
		if l := b.log.lines(b.t, "request"); len(l) != 1 || l[0]["code"] != float64(api.CodeReaderTooSlow) {
			b.t.Errorf("logged: %v", l)
		}
	})
}

// While a reader is slow nothing is fetched for it: a page is all that it costs.
func TestASlowReaderCostsOnePage(t *testing.T) {
	inBubble(t, &fakeService{}, func(b *bubble) {
		s := b.stream
		b.listen(b.dial())
		s.lines <- []api.StreamLine{line(1)}
		select {
		case s.lines <- []api.StreamLine{line(2)}:
			b.t.Error("more was fetched")
		case <-s.closed:
		}
	})
}
