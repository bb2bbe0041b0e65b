package conformance

import (
	"crypto/rand"
	"encoding/json"
	"strings"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/jose"
)

// party is an identity as its owner has it.
type party struct {
	t        *T
	auth     string // Authorization of its application's key; "" is the run's
	sig, enc *keypair
	addr     string // full form
	local    string
	domain   string
}

// nobody gives an address that no identity has.
func (t *T) nobody() string { return address.New(address.Identity).Local() }

// party registers a new identity of type user.
func (t *T) party() *party { return t.partyOf("user", "") }

// partyOf registers an identity of a type, with the key of its application.
func (t *T) partyOf(kind, auth string) *party {
	p := &party{t: t, auth: auth, sig: newKeypair(), enc: newKeypair()}
	a := t.do(call{path: api.PathIdentity, body: p.registration(obj{"identityType": kind}, obj{}), auth: auth}).want(api.CodeRegistered)
	p.named(a.str("body", "address"))
	return p
}

func (p *party) named(full string) {
	local, domain, ok := strings.Cut(full, "@")
	_, err := address.ParseLocal(local)
	p.t.check(ok && err == nil, "registered under %q, which is no full address", full)
	p.addr, p.local, p.domain = full, local, domain
}

// registration gives the body that registers p. Its kids have no address yet.
func (p *party) registration(public, private any) obj {
	return obj{
		"sigPubKey":   p.sig.jwk("sig"),
		"encPubKey":   p.token("/v1/identity#encPubKey", p.enc.jwk("enc")),
		"metaPublic":  p.token("/v1/identity#metaPublic", public),
		"metaPrivate": p.token("/v1/identity#metaPrivate", private),
	}
}

// standingParty gives the identity that cases share which change nothing of it.
func (t *T) standingParty() *party {
	t.s.standingOnce.Lock()
	defer t.s.standingOnce.Unlock()
	if t.s.standing == nil {
		t.s.standing = t.party()
	}
	p := *t.s.standing
	p.t = t
	return &p
}

func (p *party) kid() string { return p.local + "/" + p.sig.thumb }

// header gives the protected header of a token for a target, with changes. A
// message has neither target nor iat.
func (p *party) header(tgt string, changes ...obj) obj {
	if tgt == "" {
		return changed(obj{"alg": "ES256", "kid": p.kid()}, changes...)
	}
	return changed(obj{"alg": "ES256", "kid": p.kid(), "tgt": tgt, "iat": now()}, changes...)
}

// token signs a payload for a target.
func (p *party) token(tgt string, payload any, changes ...obj) string {
	return p.sig.sign(p.header(tgt, changes...), payload)
}

func now() int64 { return time.Now().Unix() }

// claims gives the payload of "it is me, now".
func (p *party) claims(changes ...obj) obj {
	at := now()
	return changed(obj{"iss": p.addr, "sub": p.addr, "aud": p.domain, "iat": at, "nbf": at - 10, "exp": at + 300}, changes...)
}

// jwt gives the body {jwt} for a path, with further claims.
func (p *party) jwt(path string, claims ...obj) obj {
	return obj{"jwt": p.token(path+"#jwt", p.claims(claims...))}
}

func (p *party) post(path string, body any) *answer {
	return p.t.do(call{path: path, body: body, auth: p.auth})
}

func (p *party) me() *answer { return p.post(api.PathMe, p.jwt(api.PathMe)) }

func (p *party) fetch(claims obj) *answer { return p.post(api.PathFetch, p.jwt(api.PathFetch, claims)) }

func (p *party) ack(claims obj) *answer { return p.post(api.PathAck, p.jwt(api.PathAck, claims)) }

// message makes a message token: an id of its own, and an hour to live.
func (p *party) message(kind, dst string, body obj, changes ...obj) string {
	if body == nil {
		body = obj{}
	}
	payload := changed(obj{"type": kind, "id": rand.Text(), "dst": dst, "exp": now() + 3600, "body": body}, changes...)
	return p.sign(payload)
}

// sign signs a message payload.
func (p *party) sign(payload any, changes ...obj) string {
	return p.sig.sign(changed(obj{"alg": "ES256", "kid": p.kid()}, changes...), payload)
}

// send sends messages and demands that the call was processed.
func (p *party) send(msgs ...string) *answer { return p.trySend(msgs...).want(api.CodeSent) }

func (p *party) trySend(msgs ...string) *answer {
	return p.post(api.PathSend, obj{"msgs": msgs})
}

// sends sends one message and demands that it is stored; it gives its ts.
func (p *party) sends(msg string) string {
	a := p.send(msg).result(0, api.CodeStored, api.CodeStoredListening)
	return a.str("body", 0, "ts")
}

// refused demands that a lone message gets a code, in its result and above it.
func (p *party) refused(msg string, code api.Code) {
	a := p.trySend(msg).want(code)
	a.is(json.Number(show(int(code))), "body", 0, "code")
}

// result demands the code of a result, with its status.
func (a *answer) result(i int, codes ...api.Code) *answer {
	for _, c := range codes {
		if number(a.at("body", i, "code")) == int(c) && number(a.at("body", i, "status")) == c.Status() {
			return a
		}
	}
	a.t.Failf("%v; result %d is %s, want %s", a, i, brief(show(a.at("body", i))), wanted(codes))
	return a
}

// tokens gives the messages of a fetch, a list of {ts, msg}.
func (a *answer) tokens() []string {
	var all []string
	for i := range a.list("body") {
		all = append(all, a.str("body", i, "msg"))
	}
	return all
}

// holds demands that a fetch gave exactly these, in this order.
func (a *answer) holds(want ...string) *answer {
	got := a.want(api.CodeMessages).tokens()
	a.t.check(same(got, want) || len(got) == 0 && len(want) == 0, "%v; %s", a, difference(got, want))
	return a
}

// difference names tokens by where the wanted list has them.
func difference(got, want []string) string {
	var places []int
	for _, g := range got {
		at := -1
		for i, w := range want {
			if g == w {
				at = i
			}
		}
		places = append(places, at)
	}
	return "of the " + show(len(want)) + " expected messages it has, in this order (-1 is another one): " + show(places)
}

// encrypted makes a JWE for q.
func (p *party) encrypted(q *party) string {
	key := must(jose.ParsePublicKey([]byte(show(q.enc.jwk("enc"))), jose.Enc))
	return must(jose.Encrypt([]byte("content"), key, q.local+"/"+q.enc.thumb))
}

// pack gives the body of a publish.
func (p *party) pack(q *party, kid string) obj { return obj{"kid": kid, "jwe": p.encrypted(q)} }

// publishes caches a package for q, and gives its token.
func (p *party) publishes(q *party, kid string) string {
	msg := p.message("p", q.addr, p.pack(q, kid))
	p.sends(msg)
	return msg
}

// requests asks for a package, and gives the answer with its one result.
func (p *party) requests(from *party, kid string, changes ...obj) *answer {
	return p.send(p.message("r", from.addr, changed(obj{"kid": kid}, changes...)))
}
