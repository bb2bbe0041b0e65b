package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/httpapi"
	"github.com/nixnode/nixnode/relay"
)

func (f *fakeService) Packages(ctx context.Context, _ relay.Caller, r api.ProofRequest) (relay.List[api.Package], error) {
	return answerOf[relay.List[api.Package]](f, ctx, "Packages", r)
}

func (f *fakeService) Events(ctx context.Context, _ relay.Caller, customer string, q relay.EventQuery) (relay.EventPage, error) {
	return f.found, f.note(ctx, "Events", q, customer)
}

func (f *fakeService) ListenEvents(ctx context.Context, _ relay.Caller, customer string, q relay.EventQuery) (httpapi.EventStream, error) {
	if err := f.note(ctx, "ListenEvents", q, customer); err != nil {
		return nil, err
	}
	if f.events == nil {
		return &fakeEvents{fakeStream: newFakeStream(), events: make(chan []api.Event)}, nil
	}
	return f.events, nil
}

// fakeEvents gives what is put into it.
type fakeEvents struct {
	*fakeStream
	events chan []api.Event
}

func (s *fakeEvents) Begin() string { return "start" }

func (s *fakeEvents) Next(ctx context.Context) ([]api.Event, error) {
	select {
	case e := <-s.events:
		return e, nil
	case err := <-s.end:
		return nil, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

const eventsPath, eventsListenPath = "/v1/customer/cX/stream/events", "/v1/customer/cX/stream/events/listen"

func TestAllOfAnEventQueryReachesTheService(t *testing.T) {
	d := open(t, &fakeService{}, false)
	d.service.found = relay.EventPage{Events: []api.Event{{ID: "e1", TS: "5", Type: "message.acked", Size: 3}}, First: "f", Last: "l", More: true}
	const query = "?cursor=C&limit=7&order=ASC&from=1&to=2&type=T&app=A&key=K&src=S&dst=D%40x&kid=P%20Q&code=20022&unknown=1"
	e := d.reply(d.ask("GET", eventsPath+query, everything, ""), api.CodeEvents)
	if e.First != "f" || e.Last != "l" || !e.Continue || string(e.Body) != `[{"id":"e1","ts":"5","type":"message.acked","size":3}]` {
		t.Errorf("%+v", e)
	}
	want := relay.EventQuery{Cursor: "C", Limit: 7, Order: "ASC", From: "1", To: "2", EventFilter: relay.EventFilter{
		Type: "T", App: "A", Key: "K", Src: "S", Dst: "D@x", Kid: "P Q", Code: "20022",
	}}
	if got := d.service.seen(); len(got) != 1 || got[0].req != any(want) || !slices.Equal(got[0].args, []string{"cX"}) {
		t.Errorf("got %+v", got)
	}
	for _, bad := range []string{"?limit=0", "?limit=-1", "?limit=x", "?limit=99999999999999999999", "?type=a&type=b", "?%zz"} {
		for _, path := range []string{eventsPath, eventsListenPath} {
			d.reply(d.ask("GET", path+bad, everything, ""), api.CodeBadValue)
		}
	}
}

// listenTo opens a stream of events with these headers.
func listenTo(t *testing.T, d *door, query string, headers map[string]string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", d.server.URL+eventsListenPath+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", everything)
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	return d.do(req)
}

func TestEventsAreLinesOrServerSentEventsAsIsAccepted(t *testing.T) {
	for accept, sse := range map[string]bool{
		"": false, "*/*": false, "application/x-ndjson": false, "text/plain": false,
		"text/event-stream": true, "Text/Event-Stream;q=0.9": true, "text/html, text/event-stream": true,
	} {
		t.Run(accept, func(t *testing.T) {
			s := &fakeEvents{fakeStream: newFakeStream(), events: make(chan []api.Event)}
			d := open(t, &fakeService{events: s}, false)
			resp := listenTo(t, d, "", map[string]string{"Accept": accept})
			defer resp.Body.Close()
			r := bufio.NewReader(resp.Body)
			expect := func(want string) {
				t.Helper()
				got := make([]byte, len(want))
				if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
					t.Fatalf("got %q, %v, want %q", got, err, want)
				}
			}
			contentType, form := "application/x-ndjson", "%[2]s\n"
			if sse {
				contentType, form = "text/event-stream", "id: %[1]s\ndata: %[2]s\n\n"
				expect("id: start\n\n")
			}
			if got := resp.Header.Get("Content-Type"); got != contentType {
				t.Errorf("Content-Type is %q", got)
			}
			for _, batch := range [][]api.Event{{{ID: "1", TS: "1", Type: "a"}}, {{ID: "2", TS: "2", Type: "b", Code: 20022}, {ID: "3", TS: "3", Type: "c"}}} {
				s.events <- batch
				for _, e := range batch {
					code := ""
					if e.Code != 0 {
						code = fmt.Sprintf(`,"code":%d`, e.Code)
					}
					expect(fmt.Sprintf(form, e.ID, fmt.Sprintf(`{"id":"%s","ts":"%s","type":"%s"%s}`, e.ID, e.TS, e.Type, code)))
				}
			}
			s.end <- api.Errorf(api.CodeKeyDisabled, "")
			if sse {
				expect("event: end\ndata: ")
			}
			last, _ := r.ReadString('\n')
			if !strings.Contains(last, `"code":40102`) {
				t.Errorf("the last line is %q", last)
			}
			if rest, err := io.ReadAll(r); err == nil || strings.TrimSpace(string(rest)) != "" {
				t.Errorf("the body ended with %q, %v", rest, err)
			}
			<-s.closed
		})
	}
}

func TestLastEventIDGoesBeforeTheCursorOfTheURL(t *testing.T) {
	for name, c := range map[string]struct {
		accept, id, want string
	}{
		"server-sent events":         {"text/event-stream", "newer", "newer"},
		"without an id":              {"text/event-stream", "", "C"},
		"lines do not have the rule": {"", "newer", "C"},
	} {
		d := open(t, &fakeService{}, false)
		listenTo(t, d, "?cursor=C", map[string]string{"Accept": c.accept, "Last-Event-ID": c.id}).Body.Close()
		if got := d.service.seen(); len(got) != 1 || got[0].req.(relay.EventQuery).Cursor != c.want {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestARefusalBeforeAStreamOfEventsIsAnEnvelope(t *testing.T) {
	d := open(t, &fakeService{hook: func(context.Context, call) error { return api.Errorf(api.CodeNoTenant, "") }}, false)
	for _, accept := range []string{"", "text/event-stream"} {
		d.reply(listenTo(t, d, "", map[string]string{"Accept": accept}), api.CodeNoTenant)
	}
}

func TestHEADOfAStreamHasItsHeadersAndEnds(t *testing.T) {
	s := &fakeEvents{fakeStream: newFakeStream(), events: make(chan []api.Event)}
	d := open(t, &fakeService{events: s}, false)
	resp := d.ask(http.MethodHead, eventsListenPath, everything, "")
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	<-s.closed
}

func TestAQuietServerSentStreamIsKeptAlive(t *testing.T) {
	inBubble(t, &fakeService{}, func(b *bubble) {
		conn, r := b.dial()
		if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nAccept: text/event-stream\r\n\r\n", eventsListenPath, everything); err != nil {
			b.t.Fatal(err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			b.t.Fatal(err)
		}
		began := time.Now()
		for _, want := range []string{"id: start\n\n", ":\n\n", ":\n\n"} {
			got := make([]byte, len(want))
			if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want {
				b.t.Fatalf("got %q, %v", got, err)
			}
		}
		if took := time.Since(began); took != 30*time.Second {
			b.t.Errorf("two keep-alives came in %v", took)
		}
		conn.Close()
		synctest.Wait()
	})
}
