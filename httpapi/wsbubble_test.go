package httpapi_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/relay"
)

// socket opens a websocket within the bubble; wire is its client's end.
func (b *bubble) socket() (s *socket, wire net.Conn) {
	b.t.Helper()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		b.pipes.conns <- theirs
		wire = ours
		return ours, nil
	}}
	s, _ = dial(b.t, &http.Client{Transport: transport}, "http://x", everything)
	return s, wire
}

// ended gives the code with which the socket's one line was logged.
func (b *bubble) ended() api.Code {
	b.t.Helper()
	synctest.Wait()
	lines := b.log.lines(b.t, "request")
	if len(lines) != 1 {
		b.t.Fatalf("%d lines for one socket", len(lines))
	}
	return api.Code(lines[0]["code"].(float64))
}

func TestAnIdleSocketThatAnswersPingsLivesOn(t *testing.T) {
	inBubble(t, &fakeService{}, func(b *bubble) {
		s, _ := b.socket()
		began := time.Now()
		go func() { // reading is what answers pings
			<-time.After(24 * time.Hour)
			s.say(`{"op":"ping"}`)
		}()
		_, _, err := s.conn.Read(b.t.Context())
		if err != nil || time.Since(began) != 24*time.Hour {
			b.t.Errorf("%v after %v", err, time.Since(began))
		}
		_ = s.conn.CloseNow()
		if code := b.ended(); code != api.CodeOK {
			b.t.Errorf("%d", code)
		}
	})
}

// The first ping comes after 15 s; its pong may take 30.
func TestASocketWithoutPongsIsClosedAfter30Seconds(t *testing.T) {
	inBubble(t, &fakeService{}, func(b *bubble) {
		_, wire := b.socket()
		began := time.Now()
		var got []byte
		chunk := make([]byte, 1024)
		for {
			n, err := wire.Read(chunk) // takes everything, and answers nothing
			got = append(got, chunk[:n]...)
			if err != nil {
				break
			}
		}
		// The goodbye waits 5 s for the answer to its close frame.
		if took := time.Since(began); took != 50*time.Second {
			b.t.Errorf("after %v", took)
		}
		if !strings.Contains(string(got), `"code":60003`) || !strings.Contains(string(got), "\x11\x3860003 ") { // 0x1138 is 4408
			b.t.Errorf("%q", got)
		}
		if code := b.ended(); code != api.CodeReaderTooSlow {
			b.t.Errorf("%d", code)
		}
	})
}

func TestASlowReaderOfASocketIsToldSo(t *testing.T) {
	inBubble(t, &fakeService{}, func(b *bubble) {
		s, _ := b.socket()
		s.say(`{"op":"listen","jwt":"x"}`)
		b.stream.lines <- []api.StreamLine{line(1)}
		<-time.After(11 * time.Second) // more than a write may take, less than what is cut off
		if v := s.hear(); v["ts"] != "1" {
			b.t.Errorf("%v", v)
		}
		s.answer(nil, api.CodeReaderTooSlow)
		s.closed(4408)
		<-b.stream.closed
	})
}

func TestAReaderOfASocketThatTakesNothingIsCutOffAndCostsOnePage(t *testing.T) {
	inBubble(t, &fakeService{}, func(b *bubble) {
		s, _ := b.socket()
		s.say(`{"op":"listen","jwt":"x"}`)
		b.stream.lines <- []api.StreamLine{line(1), line(2)}
		began := time.Now()
		select {
		case b.stream.lines <- []api.StreamLine{line(3)}:
			b.t.Error("more was fetched")
		case <-b.stream.closed:
		}
		if took := time.Since(began); took < 20*time.Second || took > 21*time.Second {
			b.t.Errorf("after %v", took)
		}
		if code := b.ended(); code != api.CodeReaderTooSlow {
			b.t.Errorf("%d", code)
		}
	})
}

// 16 requests of one socket are worked on at once. Then nothing more is read, and
// the missing pongs are not held against the client.
func TestWhoSendsTooMuchIsNotReadUntilSomethingIsDone(t *testing.T) {
	release := make(chan struct{})
	service := &fakeService{sent: relay.SendAnswer{Code: api.CodeSent}}
	inBubble(t, service, func(b *bubble) {
		release = make(chan struct{})
		service.hook = func(_ context.Context, c call) error {
			if c.method == "SocketSend" {
				<-release
			}
			return nil
		}
		s, _ := b.socket()
		const n = 40
		go func() {
			for i := range n {
				_ = s.conn.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, `{"op":"send","ref":%d,"msgs":["x"],"wait":60}`, i))
			}
		}()
		heard := make(chan int, n)
		go func() {
			for {
				if _, _, err := s.conn.Read(context.Background()); err != nil {
					close(heard)
					return
				}
				heard <- 1
			}
		}()
		// Not a multiple of the pings' 15 s: the client's library answers a ping from
		// its reader, which on this pipe without a buffer waits for its own writer.
		<-time.After(5*time.Minute + 7*time.Second)
		working := 0
		for _, c := range service.seen() {
			if c.method == "SocketSend" {
				working++
			}
		}
		if working != 16 {
			b.t.Errorf("%d are worked on", working)
		}
		for range n {
			release <- struct{}{}
		}
		for range n {
			if _, ok := <-heard; !ok {
				b.t.Fatal("an answer is missing")
			}
		}
		_ = s.conn.CloseNow()
		b.ended()
	})
}

// The bytes of what is worked on are bounded like one body.
func TestLargeRequestsOfASocketAreWorkedOnOneAtATime(t *testing.T) {
	service := &fakeService{sent: relay.SendAnswer{Code: api.CodeSent}}
	inBubble(t, service, func(b *bubble) {
		release := make(chan struct{})
		service.hook = func(_ context.Context, c call) error {
			if c.method == "SocketSend" {
				<-release
			}
			return nil
		}
		s, _ := b.socket()
		large := fmt.Sprintf(`{"op":"send","msgs":[%q],"wait":60}`, strings.Repeat("x", api.MaxBody/2))
		go func() {
			for range 3 {
				_ = s.conn.Write(context.Background(), websocket.MessageText, []byte(large))
			}
		}()
		heard := make(chan struct{})
		go func() {
			defer close(heard)
			for range 3 {
				if _, _, err := s.conn.Read(context.Background()); err != nil {
					b.t.Error(err)
				}
			}
		}()
		<-time.After(time.Minute)
		if calls := service.seen(); len(calls) != 2 { // "accept" and "SocketSend" of the first
			b.t.Errorf("%d calls", len(calls))
		}
		for range 3 {
			release <- struct{}{}
		}
		<-heard
		_ = s.conn.CloseNow()
		b.ended()
	})
}

func TestAFrameThatTricklesIsCutOff(t *testing.T) {
	inBubble(t, &fakeService{}, func(b *bubble) {
		s, wire := b.socket()
		began := time.Now()
		go func() {
			_, err := wire.Write([]byte("\x81\xfe\xff\xff\x00\x00\x00\x00")) // 65,535 bytes of text are to come
			for err == nil {
				_, err = wire.Write([]byte(" "))
				<-time.After(time.Second)
			}
		}()
		s.answer(nil, api.CodeSlowRequest)
		if took := time.Since(began); took != 30*time.Second {
			b.t.Errorf("after %v", took)
		}
		s.closed(1008)
		<-time.After(time.Minute)
		if code := b.ended(); code != api.CodeSlowRequest {
			b.t.Errorf("%d", code)
		}
	})
}

// The rest of a frame that ends a socket need not come, and is not waited for.
func TestAFrameThatNeverEndsDoesNotHoldAClosedSocket(t *testing.T) {
	for name, head := range map[string]string{
		"binary":  "\x82\xff\x00\x00\x00\x00\x40\x00\x00\x00\x00\x00\x00\x00", // 1 GiB is to come
		"too big": "\x81\xff\x00\x00\x00\x00\x40\x00\x00\x00\x00\x00\x00\x00" + strings.Repeat(" ", api.MaxBody+1),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, &fakeService{}, func(b *bubble) {
				_, wire := b.socket()
				began := time.Now()
				go func() { // takes what comes, or nothing could be written to it
					for chunk := make([]byte, 1024); ; {
						if _, err := wire.Read(chunk); err != nil {
							return
						}
					}
				}()
				_, err := wire.Write([]byte(head))
				for err == nil {
					<-time.After(time.Second)
					_, err = wire.Write([]byte(" "))
				}
				if took := time.Since(began); took > 10*time.Second {
					b.t.Errorf("after %v", took)
				}
				b.ended()
			})
		})
	}
}

func TestShutdownTellsIdleSocketsAndRefusesNewOnes(t *testing.T) {
	inBubble(t, &fakeService{}, func(b *bubble) {
		s, _ := b.socket()
		done := make(chan struct{})
		go func() { b.door.Shutdown(context.Background()); close(done) }()
		s.answer(nil, api.CodeGoingDown)
		s.closed(1001)
		<-done
		if code := b.ended(); code != api.CodeGoingDown {
			b.t.Errorf("%d", code)
		}
		b.door.Shutdown(context.Background())
		conn, r := b.dial()
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", api.PathSocket, everything)
		b.read(r, api.CodeGoingDown)
	})
}

func TestShutdownLetsRequestsOnSocketsFinish(t *testing.T) {
	service := &fakeService{sent: relay.SendAnswer{Code: api.CodeSent}}
	inBubble(t, service, func(b *bubble) {
		release := make(chan struct{})
		service.hook = func(ctx context.Context, c call) error {
			if c.method == "SocketSend" {
				<-release
			}
			return ctx.Err()
		}
		s, _ := b.socket()
		s.say(`{"op":"send","ref":"under way","msgs":["x"]}`)
		synctest.Wait()
		done := make(chan struct{})
		go func() { b.door.Shutdown(context.Background()); close(done) }()
		synctest.Wait()
		close(release)
		s.answer("under way", api.CodeSent)
		s.answer(nil, api.CodeGoingDown)
		s.closed(1001)
		<-done
	})
}

// As a crash would: nobody may take it for a node that has said goodbye.
func TestShutdownWithoutTimeSaysNothing(t *testing.T) {
	inBubble(t, &fakeService{}, func(b *bubble) {
		var heard []chan error
		for range 10 {
			s, _ := b.socket()
			err := make(chan error, 1)
			go func() {
				_, _, e := s.conn.Read(b.t.Context())
				err <- e
			}()
			heard = append(heard, err)
		}
		b.door.Shutdown(past())
		for _, err := range heard {
			if err := <-err; err == nil || websocket.CloseStatus(err) != -1 {
				b.t.Errorf("%v", err)
			}
		}
	})
}

func TestShutdownCutsOffWhatOutlivesItsContext(t *testing.T) {
	service := &fakeService{sent: relay.SendAnswer{Code: api.CodeSent}}
	inBubble(t, service, func(b *bubble) {
		service.hook = func(ctx context.Context, c call) error {
			if c.method == "SocketSend" {
				<-ctx.Done()
			}
			return nil
		}
		s, _ := b.socket()
		s.say(`{"op":"send","ref":1,"msgs":["x"]}`)
		b.socket() // and one that takes nothing, not even a close frame
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		began := time.Now()
		b.door.Shutdown(ctx)
		if took := time.Since(began); took > 4*time.Second {
			b.t.Errorf("took %v", took)
		}
	})
}
