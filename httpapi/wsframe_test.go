package httpapi

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/nixnode/nixnode/api"
)

func FuzzFrame(f *testing.F) {
	for _, seed := range []string{
		`{"op":"ping","ref":"a"}`, `{"op":"send","ref":7,"msgs":["x"],"wait":1}`, `{"op":"listen","jwt":"x"}`, `{"op":"ack","ref":-1.5e3,"jwt":""}`,
		`{"op":"dance"}`, `{"op":7}`, `{"ref":{}}`, `{"ref":"\u2028\ud83d\ude00"}`, `{"op":"ping","ref":1,"ref":2}`, `[]`, `null`, ``, `{`, `{"op":"pi\u006eg","ref":null}`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, fault, err := parseFrame(data)
		if err != nil && (fault != nil || frame.ref != nil || frame.op != "") {
			t.Fatalf("garbage has parts: %+v, %v", frame, fault)
		}
		if err != nil {
			return
		}
		if !json.Valid(data) || !utf8.Valid(data) {
			t.Fatal("a frame that is not JSON was taken")
		}
		if known := frame.op == api.OpListen || frame.op == api.OpSend || frame.op == api.OpAck || frame.op == api.OpPing; fault == nil && !known {
			t.Fatalf("op %q was taken", frame.op)
		}
		if len(frame.ref) > api.MaxSocketRef {
			t.Fatalf("ref of %d bytes", len(frame.ref))
		}
		// Whatever the ref is, the answer is one JSON object that has it unchanged.
		text, err := encode(api.SocketReply{Ref: frame.ref, Envelope: api.Failure(api.CodeBadValue, "1-1", "")})
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]any
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		var want any
		if frame.ref != nil {
			if err := json.Unmarshal(frame.ref, &want); err != nil {
				t.Skip("a number beyond what Go's decoder holds")
			}
		}
		if back["ref"] != want {
			t.Fatalf("ref %v came back as %v", want, back["ref"])
		}
	})
}

func TestEveryCodesTextFitsIntoACloseFrame(t *testing.T) {
	for _, c := range api.Codes() {
		if got := closeReason(c.Code); len(got) > 123 || len(got) < 6 || !utf8.ValidString(got) {
			t.Errorf("%d: %q", c.Code, got)
		}
	}
}
