package message_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/message"
)

func TestQueriesAreRead(t *testing.T) {
	fetch, listen := message.FetchDefaults, message.ListenDefaults
	for _, c := range []struct {
		claims   string
		defaults message.Defaults
		want     message.Query
	}{
		{`{}`, fetch, message.Query{Descending: true, Limit: 100}},
		{`{}`, listen, message.Query{}},
		{`{"iss":"x","exp":1,"aud":["y"]}`, fetch, message.Query{Descending: true, Limit: 100}},
		{`{"min":null,"max":null,"order":null,"limit":null,"cursor":null,"type":null,"src":null,"kid":null}`, fetch, message.Query{Descending: true, Limit: 100}},
		{`{"min":"5","max":9223372036854775807,"order":"ASC","limit":7}`, fetch, message.Query{Min: 5, Max: message.MaxTimestamp, Limit: 7}},
		{`{"min":1569116334295433531,"order":"DESC","limit":1}`, listen, message.Query{Min: 1569116334295433531, Descending: true, Limit: 1}},
		{`{"limit":1000}`, fetch, message.Query{Descending: true, Limit: 1000}},
		{`{"limit":1001}`, fetch, message.Query{Descending: true, Limit: 1000}},
		{`{"limit":9223372036854775807}`, fetch, message.Query{Descending: true, Limit: 1000}},
		{`{"limit":5000}`, listen, message.Query{Limit: 5000}},
		{`{"limit":50000}`, listen, message.Query{Limit: message.MaxMailboxMessages}},
		{`{"cursor":"abc"}`, listen, message.Query{Cursor: "abc"}},
		{`{"type":"r"}`, listen, message.Query{Types: []message.Type{message.Request}}},
		{`{"type":["s","r","c","r"]}`, listen, message.Query{Types: []message.Type{'c', 'r', 's'}}},
		{`{"type":[]}`, listen, message.Query{}},
		{`{"src":"` + identity + `@api.nix.software","kid":"K"}`, listen, message.Query{From: mailbox(t, identity), Kid: "K"}},
	} {
		if q, err := message.ParseQuery([]byte(c.claims), domain(t), c.defaults); err != nil || !reflect.DeepEqual(q, c.want) {
			t.Errorf("%s: read as %+v, %v", c.claims, q, err)
		}
	}
}

func TestWrongClaimsOfAQueryAreNamed(t *testing.T) {
	for claims, names := range map[string]string{
		``: "claims", `null x`: "claims", `[]`: "claims", `{"min":1,"min":2}`: "claims",
		`{"min":""}`: "min", `{"min":"01"}`: "min", `{"min":-1}`: "min", `{"min":1.5}`: "min", `{"min":1e9}`: "min", `{"min":true}`: "min", `{"min":["1"]}`: "min", `{"min":{}}`: "min",
		`{"max":"x"}`: "max", `{"max":9223372036854775808}`: "max", `{"max":" 1"}`: "max",
		`{"order":"asc"}`: "order", `{"order":""}`: "order", `{"order":1}`: "order",
		`{"limit":0}`: "limit", `{"limit":-1}`: "limit", `{"limit":"10"}`: "limit", `{"limit":1.5}`: "limit", `{"limit":99999999999999999999}`: "limit",
		`{"cursor":1}`: "cursor", `{"cursor":{}}`: "cursor",
		`{"type":"x"}`: "type", `{"type":""}`: "type", `{"type":"sr"}`: "type", `{"type":1}`: "type", `{"type":["s",1]}`: "type", `{"type":["s","x"]}`: "type", `{"type":{}}`: "type", `{"type":[null]}`: "type",
		`{"src":""}`: "src", `{"src":1}`: "src", `{"src":"nobody"}`: "src", `{"src":"a` + identity[1:] + `"}`: "src", `{"src":"` + identity + `@other.org"}`: "src",
		`{"kid":""}`: "kid", `{"kid":1}`: "kid", `{"kid":"` + strings.Repeat("k", 257) + `"}`: "kid",
	} {
		_, err := message.ParseQuery([]byte(claims), domain(t), message.FetchDefaults)
		if !errors.Is(err, message.ErrQuery) || !strings.Contains(err.Error(), names) {
			t.Errorf("%s: got %v, want ErrQuery naming %s", claims, err, names)
		}
	}
	if _, err := message.ParseQuery([]byte(`{"src":"`+identity+`@other.org"}`), domain(t), message.FetchDefaults); !errors.Is(err, address.ErrForeign) {
		t.Errorf("an address of another domain: %v", err)
	}
}

func TestFiltersAreToldApart(t *testing.T) {
	seen := map[uint32]string{}
	for _, claims := range []string{
		`{}`, `{"type":"s"}`, `{"type":"r"}`, `{"type":["r","s"]}`, `{"src":"` + identity + `"}`, `{"kid":"k"}`, `{"kid":"s"}`, `{"type":"s","kid":"k"}`, `{"src":"` + identity + `","kid":"k"}`,
	} {
		q, err := message.ParseQuery([]byte(claims), domain(t), message.FetchDefaults)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[q.Filter()]; ok {
			t.Errorf("%s and %s have the same hash", claims, other)
		}
		seen[q.Filter()] = claims
	}
	if seen[0] != `{}` {
		t.Error("no filter is not 0")
	}
	a, errA := message.ParseQuery([]byte(`{"type":["s","r"],"min":"1","limit":3}`), domain(t), message.FetchDefaults)
	b, errB := message.ParseQuery([]byte(`{"type":["r","s","r"],"cursor":"x"}`), domain(t), message.ListenDefaults)
	if errA != nil || errB != nil || a.Filter() != b.Filter() {
		t.Error("the same filter, said in another way, has another hash")
	}
	// Cursors outlive a rolling upgrade, so the hash is a format.
	if h := (message.Query{Types: []message.Type{'p', 'r'}, From: mailbox(t, identity), Kid: "k"}).Filter(); h != 0x7f142c10 {
		t.Errorf("the hash has become %#x", h)
	}
}

func FuzzParseQuery(f *testing.F) {
	f.Add([]byte(`{"min":"1","max":2,"order":"ASC","limit":5,"cursor":"x","type":["s","r"],"src":"` + identity + `","kid":"k"}`))
	f.Add([]byte(`{"type":"s","min":null}`))
	f.Add([]byte(`{"limit":1e400}`))
	d := domain(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		q, err := message.ParseQuery(in, d, message.FetchDefaults)
		if err != nil {
			if !errors.Is(err, message.ErrQuery) {
				t.Fatalf("an error that is not promised: %v", err)
			}
			return
		}
		if q.Limit < 1 || q.Limit > message.MaxPage || q.Min > message.MaxTimestamp || q.Max > message.MaxTimestamp || len(q.Types) > 6 {
			t.Fatalf("%s read as %+v", in, q)
		}
	})
}
