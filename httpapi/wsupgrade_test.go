package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/httpapi"
)

// handshake asks for a websocket with plain HTTP, changed as the test likes.
func (d *door) handshake(change func(r *http.Request)) *http.Response {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), "GET", d.server.URL+api.PathSocket, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Authorization": everything, "Connection": "Upgrade", "Upgrade": "websocket",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		req.Header.Set(name, value)
	}
	change(req)
	resp := d.do(req)
	if resp.StatusCode == http.StatusSwitchingProtocols {
		resp.Body.Close()
	}
	return resp
}

func TestWhatOpensNoSocketGetsAnEnvelope(t *testing.T) {
	set := func(name string, values ...string) func(r *http.Request) {
		return func(r *http.Request) {
			r.Header.Del(name)
			for _, v := range values {
				r.Header.Add(name, v)
			}
		}
	}
	for name, c := range map[string]struct {
		change func(r *http.Request)
		code   api.Code
	}{
		"no credentials":    {set("Authorization"), api.CodeNoCredentials},
		"wrong credentials": {set("Authorization", "Bearer wrong"), api.CodeBadCredentials},
		"lacking scope":     {set("Authorization", "Bearer identity"), api.CodeScope},
		"no upgrade":        {set("Upgrade"), api.CodeBadValue},
		"another upgrade":   {set("Upgrade", "h2c"), api.CodeBadValue},
		"no connection":     {set("Connection"), api.CodeBadValue},
		"old version":       {set("Sec-WebSocket-Version", "8"), api.CodeBadValue},
		"no version":        {set("Sec-WebSocket-Version"), api.CodeBadValue},
		"no key":            {set("Sec-WebSocket-Key"), api.CodeBadValue},
		"short key":         {set("Sec-WebSocket-Key", "dGhl"), api.CodeBadValue},
		"two keys":          {set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="), api.CodeBadValue},
		"POST":              {func(r *http.Request) { r.Method = "POST" }, api.CodeWrongMethod},
		"bearer and header": {set("Sec-WebSocket-Protocol", "nix.v1, nix.bearer.message"), api.CodeNoCredentials},
		"credentials come first": {func(r *http.Request) {
			r.Header.Del("Authorization")
			r.Header.Del("Upgrade")
		}, api.CodeNoCredentials},
		"two bearers": {func(r *http.Request) {
			r.Header.Del("Authorization")
			r.Header.Set("Sec-WebSocket-Protocol", "nix.v1, nix.bearer.message, nix.bearer.message")
		}, api.CodeNoCredentials},
		"bearer alone": {func(r *http.Request) {
			r.Header.Del("Authorization")
			r.Header.Set("Sec-WebSocket-Protocol", "nix.bearer.message")
		}, api.CodeBadValue},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, &fakeService{}, false)
			resp := d.handshake(c.change)
			d.reply(resp, c.code)
			if c.code == api.CodeBadValue && strings.HasSuffix(name, "version") && resp.Header.Get("Sec-WebSocket-Version") != "13" {
				t.Error("the version that is taken is not named")
			}
		})
	}
	t.Run("plain GET over HTTP/2", func(t *testing.T) {
		d := open(t, &fakeService{}, true)
		d.reply(d.ask("GET", api.PathSocket, everything, ""), api.CodeBadValue)
	})
	t.Run("without TLS", func(t *testing.T) {
		d := open(t, &fakeService{}, false, func(o *httpapi.Options) { o.Plain = httpapi.PlainRefused })
		d.reply(d.handshake(func(*http.Request) {}), api.CodeTLSRequired)
	})
	t.Run("overloaded", func(t *testing.T) {
		hold, held := make(chan struct{}), make(chan struct{})
		d := open(t, &fakeService{hook: func(context.Context, call) error { close(held); <-hold; return nil }}, false, func(o *httpapi.Options) { o.Limits.InFlight = 1 })
		var wg sync.WaitGroup
		wg.Go(func() { d.ask("GET", "/v1/identity/"+sampleIdentity, everything, "").Body.Close() })
		<-held
		d.reply(d.handshake(func(*http.Request) {}), api.CodeOverloaded)
		close(hold)
		wg.Wait()
	})
}

func TestAnyOriginMayOpenASocketUnlessOneIsNamed(t *testing.T) {
	from := func(origin string) func(r *http.Request) {
		return func(r *http.Request) { r.Header.Set("Origin", origin) }
	}
	d := open(t, &fakeService{}, false)
	if resp := d.handshake(from("https://elsewhere.example")); resp.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("%v", resp.Status)
	}
	d = open(t, &fakeService{}, false, func(o *httpapi.Options) { o.AllowOrigin = "https://app.example" })
	if resp := d.handshake(from("https://app.example")); resp.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("%v", resp.Status)
	}
	resp := d.handshake(from("https://elsewhere.example"))
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("%v", resp.Status)
	}
}

func TestABrowsersCredentialsComeAsASubprotocolAndAreNeverShown(t *testing.T) {
	const token = "identity+message+event"
	d := open(t, &fakeService{}, false)
	s, resp := dial(t, d.server.Client(), d.server.URL, "", api.SubprotocolNiX, api.SubprotocolBearer+token)
	if got := resp.Header.Values("Sec-WebSocket-Protocol"); len(got) != 1 || got[0] != api.SubprotocolNiX {
		t.Errorf("selected %q", got)
	}
	s.say(`{"op":"ping","ref":1}`)
	s.answer(1.0, api.CodeOK)
	s.say("garbage")
	s.answer(nil, api.CodeUnreadable)
	s.closed(1008)
	d.reply(d.handshake(func(r *http.Request) {
		r.Header.Del("Authorization")
		r.Header.Set("Sec-WebSocket-Protocol", "nix.v1,nix.bearer.wrong+"+token)
	}), api.CodeBadCredentials)
	var shown bytes.Buffer
	if err := resp.Header.Write(&shown); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(shown.String(), token) {
		t.Errorf("in the answer: %s", &shown)
	}
	if log := d.log.String(); strings.Contains(log, token) || strings.Contains(log, "bearer") {
		t.Errorf("in the log: %s", log)
	}
}

// What is no websocket frame at all, after the handshake.
func TestBrokenFramesCloseTheConnection(t *testing.T) {
	for name, c := range map[string]struct {
		bytes  string
		status websocket.StatusCode
	}{
		"not masked":        {"\x81\x02{}", 1002},
		"reserved opcode":   {"\x83\x80\x00\x00\x00\x00", 1002},
		"reserved bits":     {"\xf1\x80\x00\x00\x00\x00", 1002},
		"long ping":         {"\x89\xfe\x01\x00\x00\x00\x00\x00" + strings.Repeat("x", 256), 1002},
		"continues nothing": {"\x80\x80\x00\x00\x00\x00", 1002},
		"HTTP again":        {"GET / HTTP/1.1\r\n\r\n", 1002},
		"no length":         {"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", 1002},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, &fakeService{}, false)
			conn, err := net.Dial("tcp", d.server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			request := "GET " + api.PathSocket + " HTTP/1.1\r\nHost: x\r\nAuthorization: " + everything +
				"\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
			if _, err := conn.Write([]byte(request + c.bytes)); err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(conn)
			resp, err := http.ReadResponse(r, nil)
			if err != nil || resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
				t.Fatalf("%v %v", resp, err)
			}
			head := make([]byte, 4)
			if _, err := r.Read(head); err != nil {
				t.Fatal(err)
			}
			if got := websocket.StatusCode(int(head[2])<<8 | int(head[3])); head[0] != 0x88 || got != c.status {
				t.Errorf("frame % x, status %d; want %d", head, got, c.status)
			}
		})
	}
}
