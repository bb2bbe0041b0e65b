package conformance

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/nixnode/nixnode/api"
)

// messageCases are those of section 6 about send, wait, fetch and ack.
func messageCases() []Case {
	return slices.Concat(sendCases(), badMessageCases(), orderCases(), waitCases(), fetchCases(), filterCases(), ackCases(), limitCases())
}

func sendCases() []Case {
	cases := []Case{
		the("6.send.stored", "stored with no listener is 20022, with id, dst and ts", func(t *T) {
			p := t.party()
			a := p.send(p.message("s", p.addr, nil, obj{"id": "one"})).result(0, api.CodeStored)
			a.is("one", "body", 0, "id").is(p.addr, "body", 0, "dst")
			t.check(nanosOf(a.str("body", 0, "ts")) != nil, "%v; ts is %v", a, a.at("body", 0, "ts"))
		}),
		the("6.send.stored-listening", "stored while a listener is connected, to any node, is 20021", func(t *T) {
			p, q := t.party(), t.party()
			p.listen()
			t.until(soon, "20021 for a destination that listens", func() bool {
				return number(q.send(q.message("s", p.addr, nil)).at("body", 0, "code")) == int(api.CodeStoredListening)
			})
		}),
		the("6.send.empty", "an empty msgs is legal", func(t *T) {
			t.post(api.PathSend, obj{"msgs": []string{}}).want(api.CodeSent).is([]any{}, "body")
		}),
		the("6.send.without-msgs", "msgs is a field that must be there", func(t *T) { t.post(api.PathSend, obj{}).want(api.CodeMissingField) }),
		the("6.send.256", "256 messages in one call, with one result each, in order", func(t *T) {
			p := t.party()
			var msgs []string
			for i := range api.MaxMessages {
				msgs = append(msgs, p.message("s", p.addr, nil, obj{"id": fmt.Sprint(i)}))
			}
			a := p.send(msgs...)
			t.check(len(a.list("body")) == len(msgs), "%v; %d results", a, len(a.list("body")))
			for i := range msgs {
				a.is(fmt.Sprint(i), "body", i, "id")
			}
		}),
		the("6.send.257", "more than 256 messages are 400/40020", func(t *T) {
			p := t.standingParty()
			t.post(api.PathSend, obj{"msgs": slices.Repeat([]string{p.message("s", p.addr, nil)}, api.MaxMessages+1)}).want(api.CodeTooManyMessages)
		}),
		the("6.send.duplicate", "the same message again is 20023, and nothing is stored again", func(t *T) {
			p := t.party()
			msg := p.message("s", p.addr, nil)
			p.sends(msg)
			p.send(msg).result(0, api.CodeDuplicate)
			p.fetch(nil).holds(msg)
		}),
		the("6.send.duplicate-same-ts", "a duplicate's ts is the first one's", func(t *T) {
			p := t.party()
			msg := p.message("s", p.addr, nil)
			ts := p.sends(msg)
			p.send(msg).result(0, api.CodeDuplicate).is(ts, "body", 0, "ts")
		}),
		the("6.send.duplicate-in-call", "the same message twice in one call is stored once", func(t *T) {
			p := t.party()
			msg := p.message("s", p.addr, nil)
			p.send(msg, msg).result(0, api.CodeStored).result(1, api.CodeDuplicate)
			p.fetch(nil).holds(msg)
		}),
		the("6.send.duplicate-other-signature", "the same message has the same signing input, whatever its signature", func(t *T) {
			p := t.party()
			msg := p.message("s", p.addr, nil)
			parts := strings.Split(msg, ".")
			ts := p.sends(msg)
			again := parts[0] + "." + parts[1] + "." + b64(p.sig.signature(parts[0]+"."+parts[1]))
			p.send(again).result(0, api.CodeDuplicate).is(ts, "body", 0, "ts")
		}),
		the("6.send.duplicate-after-ack", "the same message again is 20023, also after it left the mailbox", func(t *T) {
			p := t.party()
			msg := p.message("s", p.addr, nil)
			ts := p.sends(msg)
			p.ack(obj{"ts": []string{ts}}).want(api.CodeAcked)
			p.send(msg).result(0, api.CodeDuplicate)
			p.fetch(nil).holds()
		}),
		the("6.send.same-id", "same id with different content is another message", func(t *T) {
			p := t.party()
			one, two := p.message("s", p.addr, obj{"n": 1}, obj{"id": "x"}), p.message("s", p.addr, obj{"n": 2}, obj{"id": "x"})
			p.sends(one)
			p.sends(two)
			p.fetch(obj{"order": "ASC"}).holds(one, two)
		}),
		the("6.send.independent", "one bad message never spoils a batch", func(t *T) {
			p := t.party()
			one, two := p.message("s", p.addr, nil), p.message("s", p.addr, nil)
			p.send(one, "garbage", p.message("s", t.nobody(), nil), two).result(0, api.CodeStored).result(1, api.CodeBadToken).result(2, api.CodeNoIdentity).result(3, api.CodeStored)
			p.fetch(obj{"order": "ASC"}).holds(one, two)
		}),
		the("6.send.first-refusal", "if nothing was accepted, the envelope has the first refusal, and the results all the same", func(t *T) {
			p := t.party()
			a := p.trySend(p.message("s", t.nobody(), nil), "garbage").want(api.CodeNoIdentity)
			a.result(0, api.CodeNoIdentity).result(1, api.CodeBadToken)
		}),
		the("6.send.clamped", "exp more than 30 days ahead is clamped, not refused", func(t *T) {
			p := t.party()
			p.sends(p.message("s", p.addr, nil, obj{"exp": now() + 400*86400}))
		}),
		the("6.send.large", "a message token of 256 KiB is accepted", func(t *T) {
			p := t.party()
			p.sends(p.messageOf(api.MaxMessage))
		}),
		the("6.send.too-large", "a larger one is 413/41301", func(t *T) {
			p := t.standingParty()
			p.refused(p.messageOf(api.MaxMessage+4), api.CodeMessageTooLarge)
		}),
		the("6.send.body-optional", "body may say whatever else the sender likes", func(t *T) {
			p := t.party()
			msg := p.message("s", p.addr, obj{"anything": []any{1, "x", nil, obj{"y": true}}})
			p.sends(msg)
			p.fetch(nil).holds(msg)
		}),
	}
	for _, kind := range []string{"s", "e", "r", "p", "c", "d"} {
		cases = append(cases, the("6.send.type-"+kind, "type "+kind+" is delivered", func(t *T) {
			p, q := t.party(), t.party()
			msg := p.message(kind, q.addr, obj{"kid": "k", "jwe": p.encrypted(q)})
			p.send(msg).result(0, api.CodeStored, api.CodeStoredListening, api.CodeCleared)
			q.fetch(nil).holds(msg)
		}))
	}
	return cases
}

// messageOf makes a message to p itself whose token is at least so long, and at
// most three characters longer than the last one that fits.
func (p *party) messageOf(size int) string {
	body := obj{"x": ""}
	empty := len(p.message("s", p.addr, body))
	pad := (size - empty) * 3 / 4
	for {
		msg := p.message("s", p.addr, obj{"x": strings.Repeat("x", pad)})
		if len(msg) <= size {
			return msg
		}
		pad--
	}
}

// nanosOf reads a ts: a decimal string without sign or leading zeros.
func nanosOf(ts string) *big.Int {
	n, ok := new(big.Int).SetString(ts, 10)
	if !ok || n.Sign() <= 0 || n.String() != ts {
		return nil
	}
	return n
}

// badMessageCases: what the payload of a message must be.
func badMessageCases() (cases []Case) {
	bad := func(id, says string, code api.Code, payload func(p *party) any) {
		cases = append(cases, the("6.payload."+id, says, func(t *T) {
			p := t.standingParty()
			p.refused(p.sign(payload(p)), code)
		}))
	}
	with := func(change obj) func(p *party) any {
		return func(p *party) any {
			return changed(obj{"type": "s", "id": "x", "dst": p.addr, "exp": now() + 60, "body": obj{}}, change)
		}
	}
	bad("expired", "past exp is 400/40021", api.CodeMessageExpired, with(obj{"exp": 1500000000}))
	bad("no-destination", "no such destination is 404/40401", api.CodeNoIdentity, func(p *party) any { return with(obj{"dst": p.t.nobody()})(p) })
	for name, change := range map[string]obj{
		"type-unknown": {"type": "x"}, "type-long": {"type": "ss"}, "type-missing": {"type": nil}, "id-empty": {"id": ""}, "id-long": {"id": strings.Repeat("x", 129)},
		"id-number": {"id": 7}, "id-missing": {"id": nil}, "exp-missing": {"exp": nil}, "exp-text": {"exp": "tomorrow"}, "exp-fraction": {"exp": json.Number("4000000000.5")},
		"dst-missing": {"dst": nil}, "body-list": {"body": []string{}}, "body-text": {"body": "x"}, "kid-long": {"body": obj{"kid": strings.Repeat("x", 257)}},
		"kid-empty": {"body": obj{"kid": ""}}, "kid-number": {"body": obj{"kid": 1}}, "resp-to-number": {"body": obj{"respTo": 1}}, "jwe-number": {"body": obj{"jwe": 1}}, "no-cache-text": {"body": obj{"noCache": "yes"}},
	} {
		bad(name, "a payload that is not {type, id, dst, exp, body} is 400/40010", api.CodeBadToken, with(change))
	}
	bad("no-json", "a payload that is no JSON is 400/40010", api.CodeBadToken, func(*party) any { return "{" })
	bad("duplicate-names", "a payload with a name twice is 400/40010", api.CodeBadToken, func(p *party) any {
		return fmt.Sprintf(`{"type":"s","type":"s","id":"x","dst":%q,"exp":%d}`, p.addr, now()+60)
	})
	for name, change := range map[string]obj{"id": {"id": strings.Repeat("x", 128)}, "kid": {"body": obj{"kid": strings.Repeat("x", 256)}}} {
		cases = append(cases, the("6.payload.longest-"+name, "the longest "+name+" is accepted", func(t *T) {
			p := t.party()
			p.send(p.sign(with(change)(p))).result(0, api.CodeStored)
		}))
	}
	return cases
}

// sendMany sends so many messages to p itself, and gives them with their ts.
func (p *party) sendMany(n int) (msgs, stamps []string) {
	for range n {
		msgs = append(msgs, p.message("s", p.addr, nil))
	}
	a := p.send(msgs...)
	for i := range msgs {
		a.result(i, api.CodeStored, api.CodeStoredListening)
		stamps = append(stamps, a.str("body", i, "ts"))
	}
	return msgs, stamps
}

func orderCases() []Case {
	return []Case{
		the("6.order.of-a-call", "messages of one sender to one destination keep their order", func(t *T) {
			p := t.party()
			msgs, _ := p.sendMany(50)
			p.fetch(obj{"order": "ASC"}).holds(msgs...)
		}),
		the("6.order.of-calls", "later calls come later", func(t *T) {
			p := t.party()
			var msgs []string
			for range 8 {
				msg := p.message("s", p.addr, nil)
				p.sends(msg)
				msgs = append(msgs, msg)
			}
			p.fetch(obj{"order": "ASC"}).holds(msgs...)
		}),
		the("6.ts.increasing", "ts is unique and strictly increasing within a mailbox", func(t *T) {
			p := t.party()
			_, one := p.sendMany(20)
			_, two := p.sendMany(20)
			all := append(one, two...)
			for i := 1; i < len(all); i++ {
				a, b := nanosOf(all[i-1]), nanosOf(all[i])
				t.check(a != nil && b != nil && a.Cmp(b) < 0, "ts %s is followed by %s", all[i-1], all[i])
			}
		}),
		the("6.ts.time", "ts is nanoseconds since 1970", func(t *T) {
			p := t.party()
			ts := nanosOf(p.sends(p.message("s", p.addr, nil)))
			t.check(ts != nil, "the ts is no decimal string")
			off := time.Since(time.Unix(0, ts.Int64())).Abs()
			t.check(off < time.Hour, "ts %v is %v off", ts, off)
		}),
		the("6.ts.as-fetched", "the ts of the result is that of the mailbox", func(t *T) {
			p := t.party()
			ts := p.sends(p.message("s", p.addr, nil))
			p.fetch(nil).want(api.CodeMessages).is(ts, "body", 0, "ts")
		}),
		the("6.current.fetch-after-send", "a fetch that starts after a send was answered sees it, whichever nodes served the two", func(t *T) {
			p := t.party()
			var msgs []string
			for range 10 {
				msg := p.message("s", p.addr, nil)
				p.sends(msg)
				msgs = append([]string{msg}, msgs...)
				p.fetch(nil).holds(msgs...)
			}
		}),
	}
}

// waits sends a request with a wait in the background; what it gives waits for it.
func (p *party) waits(to *party, seconds int, id string) func() *answer {
	answers := make(chan *answer, 1)
	t := &T{ctx: p.t.ctx, s: p.t.s, id: p.t.id, pin: p.t.pin}
	body := obj{"msgs": []string{p.message("r", to.addr, obj{"kid": "k"}, obj{"id": id})}, "wait": seconds}
	go func() {
		defer close(answers)
		if a, err := t.try(call{path: api.PathSend, body: body, auth: p.auth}); err == nil {
			answers <- a
		}
	}()
	return func() *answer {
		a, ok := <-answers
		if !ok || temporary(a.code()) {
			p.t.disturbed.Store(true)
			p.t.Failf("the waiting call has no answer: %v", a)
		}
		return a
	}
}

func waitCases() (cases []Case) {
	for _, c := range []struct {
		name, kind, says string
		code             api.Code
	}{
		{"package", "p", "answered with a package is 10016", api.CodeAnsweredPackage},
		{"denied", "d", "denied is 10403", api.CodeDenied},
		{"other", "e", "any other answer is 10001", api.CodeAnswered},
	} {
		cases = append(cases, the("6.wait."+c.name, c.says+", with {ts, msg} in body", func(t *T) {
			v, u := t.party(), t.party()
			id := rand.Text()
			join := u.waits(v, 20, id)
			body := obj{"kid": "k", "respTo": id}
			if c.kind == "p" {
				body["jwe"] = v.encrypted(u)
			}
			msg := v.message(c.kind, u.addr, body)
			t.until(soon, "the request has arrived", func() bool { return len(v.fetch(nil).want(api.CodeMessages).list("body")) == 1 })
			v.send(msg)
			join().want(api.CodeSent).result(0, c.code).is(msg, "body", 0, "body", 0, "msg").has("body", 0, "body", 0, "ts")
		}))
	}
	return append(cases,
		the("6.wait.time-out", "it stays 20021/20022 when time runs out", func(t *T) {
			v, u := t.party(), t.party()
			began := time.Now()
			u.waits(v, 1, "x")().want(api.CodeSent).result(0, api.CodeStored, api.CodeStoredListening)
			t.check(time.Since(began) >= time.Second, "answered after %v", time.Since(began))
		}),
		the("6.wait.other-resp-to", "an answer to something else does not end the wait", func(t *T) {
			v, u := t.party(), t.party()
			join := u.waits(v, 2, rand.Text())
			v.send(v.message("e", u.addr, obj{"respTo": "something else"}))
			join().want(api.CodeSent).result(0, api.CodeStored, api.CodeStoredListening)
		}),
		the("6.wait.other-sender", "a message from another destination does not end the wait", func(t *T) {
			v, u, w := t.party(), t.party(), t.party()
			id := rand.Text()
			join := u.waits(v, 2, id)
			w.send(w.message("e", u.addr, obj{"respTo": id}))
			join().want(api.CodeSent).result(0, api.CodeStored, api.CodeStoredListening)
		}),
		the("6.wait.no-requests", "it waits for answers to r messages only", func(t *T) {
			p := t.party()
			began := time.Now()
			t.post(api.PathSend, obj{"msgs": []string{p.message("s", p.addr, nil)}, "wait": 30}).want(api.CodeSent).result(0, api.CodeStored)
			t.check(time.Since(began) < 20*time.Second, "answered after %v", time.Since(began))
		}),
		the("6.wait.too-long", "wait is at most 60", func(t *T) { t.post(api.PathSend, obj{"msgs": []string{}, "wait": 61}).want(api.CodeBadValue) }),
		the("6.wait.negative", "wait is a number of seconds", func(t *T) { t.post(api.PathSend, obj{"msgs": []string{}, "wait": -1}).want(api.CodeBadValue) }),
		the("6.wait.answer-is-kept", "the answer is in the mailbox all the same", func(t *T) {
			v, u := t.party(), t.party()
			id := rand.Text()
			join := u.waits(v, 20, id)
			t.until(soon, "the request has arrived", func() bool { return len(v.fetch(nil).want(api.CodeMessages).list("body")) == 1 })
			msg := v.message("e", u.addr, obj{"respTo": id})
			v.send(msg)
			join().want(api.CodeSent).result(0, api.CodeAnswered)
			u.fetch(nil).holds(msg)
		}),
	)
}
