package testcluster_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/internal/eventually"
	"github.com/nixnode/nixnode/testcluster"
)

// rawStream is a listen stream as it comes over the wire.
type rawStream struct {
	resp *http.Response
	in   *bufio.Reader
}

// listen opens a stream of o, whose headers are there when it returns.
func (d *door) listen(t *testing.T, m *testcluster.Node, auth string, o *oldSDK) *rawStream {
	t.Helper()
	body := toJSON(t, map[string]any{"jwt": o.place(t, "/v1/messages/listen#jwt", o.claims(nil))})
	req, err := http.NewRequestWithContext(t.Context(), "POST", m.URL()+"/v1/messages/listen", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", auth)
	resp, err := d.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/x-ndjson" || resp.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("listen on %s: %d %v", m, resp.StatusCode, resp.Header)
	}
	return &rawStream{resp: resp, in: bufio.NewReader(resp.Body)}
}

// line gives the next line, without the keep-alives before it.
func (s *rawStream) line() (map[string]any, error) {
	text, err := s.in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	var v map[string]any
	err = json.Unmarshal([]byte(text), &v)
	return v, err
}

// end reads up to the end and gives the code of the last line. The connection
// must be broken there, not ended (section 6).
func (s *rawStream) end(t *testing.T) api.Code {
	t.Helper()
	var last map[string]any
	for {
		v, err := s.line()
		if err == nil {
			last = v
			continue
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the stream ended with %v", err)
		}
		got := code(last)
		if last["err"] == "" || last["status"] != float64(api.Code(got).Status()) {
			t.Errorf("the last line is %v", last)
		}
		return api.Code(got)
	}
}

// wantEnd waits for the end of streams, which must come within five seconds of now.
func wantEnd(t *testing.T, what string, want api.Code, streams ...*rawStream) {
	t.Helper()
	ended := make(chan api.Code, len(streams))
	began := time.Now()
	for _, s := range streams {
		go func() { ended <- s.end(t) }()
	}
	for range streams {
		select {
		case got := <-ended:
			if got != want || time.Since(began) > 5*time.Second {
				t.Errorf("%s: ended with %d after %s, want %d within 5 s", what, got, time.Since(began), want)
			}
		case <-time.After(testcluster.Patience):
			t.Fatalf("%s: a stream goes on", what)
		}
	}
}

// A key that is not good any more ends the streams that were opened with it, on
// every node, within five seconds (section 3), and says why.
func TestStreamsEndWithTheirKeyOnEveryNode(t *testing.T) {
	d := openDoor(t, 3)
	tenant, operator := d.c.Tenant(), basic(d.c.Operator())
	me := newOldSDK(t)
	me.register(t, d.c.Node(0), tenant.Key, "user")
	change := func(method, path, body string) func() {
		return func() {
			t.Helper()
			if got := d.text(t, d.c.Node(1), method, path, operator, body); got.status != 200 {
				t.Fatalf("%s %s: %v", method, path, got.env)
			}
		}
	}
	type ending struct {
		name    string
		want    api.Code
		streams []*rawStream
	}
	var endings []ending
	add := func(name string, want api.Code, change func(), auth string, who *oldSDK) {
		e := ending{name: name, want: want}
		for _, m := range d.c.Nodes() {
			e.streams = append(e.streams, d.listen(t, m, auth, who))
		}
		change()
		endings = append(endings, e)
	}
	for _, row := range []struct {
		name, method, path, body string
		want                     api.Code
	}{
		{"disabled", "PATCH", "", `{"enabled":false}`, api.CodeKeyDisabled},
		{"rotated", "POST", "/rotate", `{}`, api.CodeBadCredentials},
		{"scope taken", "PATCH", "", `{"scopes":["identity"]}`, api.CodeScope},
		{"deleted", "DELETE", "", "", api.CodeUnknownKey},
	} {
		auth, k := d.newKey(t, tenant.Application, api.KeyRequest{})
		add(row.name, row.want, change(row.method, "/v1/key/"+k.ID+row.path, row.body), auth, me)
	}
	other := d.c.NewTenant("goes")
	theirs, leaver := newOldSDK(t), newOldSDK(t)
	theirs.register(t, d.c.Node(0), other.Key, "user")
	leaver.register(t, d.c.Node(0), tenant.Key, "user")
	add("customer disabled", api.CodeTenantDisabled, change("PATCH", "/v1/customer/"+other.Customer, `{"enabled":false}`), basic(other.Key), theirs)
	add("retired", api.CodeRetiredIdentity, func() {
		all := places(t, leaver)
		p := all[len(all)-1]
		d.json(t, d.c.Node(0), p.method, p.path, basic(tenant.Key), p.body(p.good(t))).want(t, "retire", api.CodeRetired)
	}, basic(tenant.Key), leaver)
	for _, e := range endings {
		wantEnd(t, e.name, e.want, e.streams...)
	}
	d.wantNothingPrivateInTheLog(t)
}

// A node that is cut off cannot learn that a key was disabled, so it ends its
// streams; on the other nodes they go on.
func TestStreamsOfANodeThatIsCutOffEnd(t *testing.T) {
	t.Parallel() // it takes five seconds, of waiting
	d := openDoor(t, 3)
	me, auth := newOldSDK(t), basic(d.c.Tenant().Key)
	me.register(t, d.c.Node(0), d.c.Tenant().Key, "user")
	lonely := d.c.Others(d.c.Leader())[0]
	s := d.listen(t, lonely, auth, me)
	rest := d.listen(t, d.c.Leader(), auth, me)
	d.c.Isolate(lonely)
	ended := make(chan api.Code, 1)
	began := time.Now()
	go func() { ended <- s.end(t) }()
	select {
	case got := <-ended:
		// Five seconds of silence, and up to one heartbeat before it was noticed.
		if took := time.Since(began); got != api.CodeNoLeader || took > 8*time.Second {
			t.Errorf("ended with %d after %s", got, took)
		}
	case <-time.After(testcluster.Patience):
		t.Fatal("the stream of the lonely node goes on")
	}
	p := messages(me, me)
	d.json(t, d.c.Leader(), p.method, p.path, auth, p.body(p.letter(t, nil, nil))).want(t, "send", api.CodeSent)
	if got, err := rest.line(); err != nil || got["ts"] == nil {
		t.Errorf("the other stream: %v, %v", got, err)
	}
	d.c.Heal()
}

// Beyond a hundred streams of an identity on a node the oldest ends; the others
// each get each message.
func TestTheHundredAndFirstStreamEndsTheFirst(t *testing.T) {
	d := openDoor(t, 1)
	m, auth, me := d.c.Node(0), basic(d.c.Tenant().Key), newOldSDK(t)
	me.register(t, m, d.c.Tenant().Key, "user")
	streams := make([]*rawStream, 101)
	for i := range streams {
		streams[i] = d.listen(t, m, auth, me)
	}
	wantEnd(t, "the first", api.CodeTooManyStreams, streams[0])
	p := messages(me, me)
	token := p.letter(t, nil, nil)
	got := d.json(t, m, p.method, p.path, auth, p.body(token))
	if results := got.env["body"].([]any); results[0].(map[string]any)["code"] != float64(api.CodeStoredListening) {
		t.Errorf("sent: %v", results)
	}
	for i, s := range streams[1:] {
		if line, err := s.line(); err != nil || line["msg"] != token {
			t.Fatalf("stream %d: %v, %v", i+1, line, err)
		}
	}
}

// openFiles counts what this process has open.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc here")
	}
	return len(entries)
}

// Streams that come and go leave nothing behind: no goroutine, no file, no listener.
func TestStreamsThatComeAndGoLeaveNothingBehind(t *testing.T) {
	const identities, each = 5, 100
	d := openDoor(t, 1)
	m, auth := d.c.Node(0), basic(d.c.Tenant().Key)
	people := make([]*oldSDK, identities)
	for i := range people {
		people[i] = newOldSDK(t)
		people[i].register(t, m, d.c.Tenant().Key, "user")
	}
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	var streams []*rawStream
	for _, me := range people {
		for range each {
			streams = append(streams, d.listen(t, m, auth, me))
		}
	}
	if now := runtime.NumGoroutine(); now < goroutines+identities*each {
		t.Fatalf("%d goroutines with %d streams, %d before: they are not open", now, len(streams), goroutines)
	}
	for i, s := range streams {
		if i%25 == 0 { // some in the middle of a message, some while they wait
			p := messages(people[i/each], people[i/each])
			d.json(t, m, p.method, p.path, auth, p.body(p.letter(t, nil, map[string]any{"id": fmt.Sprint(i)}))).want(t, "send", api.CodeSent)
		}
		_ = s.resp.Body.Close()
	}
	const slack = 20 // what keeps its connection, and what the runtime does beside
	eventually.True(t, testcluster.Patience, func() bool {
		status := d.text(t, m, "GET", "/ops/cluster", basic(d.c.Operator()), "").body(t)
		return status["streams"] == float64(0) && runtime.NumGoroutine() <= goroutines+slack && openFiles(t) <= files+slack
	}, "streams, goroutines or files stay open")
	d.wantNothingPrivateInTheLog(t)
}

// Clients that begin a request and never end it are cut off, and are in nobody's
// way until then.
func TestClientsThatNeverFinishTheirHeadersAreCutOff(t *testing.T) {
	t.Parallel() // it takes ten seconds, of waiting
	d := openDoor(t, 1)
	m := d.c.Node(0)
	addr := strings.TrimPrefix(m.URL(), "http://")
	ended := make(chan error, 50)
	for range cap(ended) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, "POST /v1/messages/send HTTP/1.1\r\nHost: localhost\r\nX-Slow: "); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(testcluster.Patience)); err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := io.Copy(io.Discard, conn)
			ended <- err
		}()
	}
	d.text(t, m, "GET", "/v1/customer", basic(d.c.Operator()), "").want(t, "meanwhile", api.CodeCustomers)
	for range cap(ended) {
		if err := <-ended; errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("a connection is still open")
		}
	}
}
