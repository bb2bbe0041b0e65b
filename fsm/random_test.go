package fsm

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
)

// generator draws commands over few names, so that they meet each other.
type generator struct {
	t  *rapid.T
	at uint64
	n  int // makes digests and new names
}

const oneSecond = 1_000_000_000

// prelude gives the generator's commands something to work on.
func prelude() []command.Command {
	out := []command.Command{
		&command.Bootstrap{Meta: command.Meta{At: oneSecond}, Customer: who("c-ops"), Application: who("p-0"), NewKey: who("a-root"), Sealed: []byte("s")},
		&command.CreateCustomer{Meta: command.Meta{At: oneSecond}, Customer: who("c-1"), Name: "one"},
		&command.CreateApplication{Meta: command.Meta{At: oneSecond}, Customer: who("c-1"), Application: who("p-1"), Name: "one"},
		&command.CreateKey{Meta: command.Meta{At: oneSecond}, Application: who("p-1"), NewKey: who("a-1"), Scopes: 15, Sealed: []byte("s")},
	}
	for i, kind := range []string{"vault", "user", "", "route"} {
		out = append(out, &command.Register{
			Meta: command.Meta{At: oneSecond}, Application: who("p-1"), Identity: who(fmt.Sprintf("i-%d", i)), Thumbprint: fmt.Sprintf("k%d", i),
			Kind: kind, Digest: digestOf(fmt.Sprintf("r%d", i)),
		})
	}
	return out
}

func (g *generator) pick(label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(g.t, label)
}

func (g *generator) int(label string, low, high int) int {
	return rapid.IntRange(low, high).Draw(g.t, label)
}

func (g *generator) meta() command.Meta {
	g.at += uint64(g.int("later", -1, 3) * oneSecond)
	g.n++
	m := command.Meta{At: g.at, TxnID: fmt.Sprint(g.n)}
	if key := g.pick("key", "", "", "a-1", "a-1", "a-root", "a-none"); key != "" {
		m.Key, m.KeyGeneration = who(key), uint64(g.int("generation", 1, 2))
	}
	return m
}

func (g *generator) identity(label string) (address.Address, string) {
	n := g.int(label, 0, 4)
	return who(fmt.Sprintf("i-%d", n)), fmt.Sprintf("k%d", n)
}

func (g *generator) fresh(word string) [32]byte {
	if g.n > 0 && g.int("repeated", 0, 4) == 0 {
		return digestOf(fmt.Sprintf("%s%d", word, g.int("digest of", 0, g.n)))
	}
	return digestOf(fmt.Sprintf("%s%d", word, g.n))
}

func (g *generator) proof(signer string) command.Proof {
	return command.Proof{Digest: g.fresh("t"), IssuedAt: int64(g.at/oneSecond) - int64(g.int("iat", 0, 2)), Signer: signer}
}

func (g *generator) command() command.Command {
	m := g.meta()
	a, signer := g.identity("who")
	switch n := g.int("command", 0, 99); {
	case n < 45:
		return g.accept(m, a, signer)
	case n < 53:
		return &command.Ack{Meta: m, Identity: a, Signer: signer, UpTo: g.at - uint64(g.int("back", 0, 20)*oneSecond)}
	case n < 70:
		return &command.Expire{Meta: command.Meta{At: g.at}, UpTo: int64(g.at / oneSecond), Limit: uint32(g.int("limit", 0, 6)),
			EventsBefore: g.at - uint64(g.int("old", 0, 4000)*oneSecond)}
	case n < 73:
		return &command.Retire{Meta: m, Identity: a, Proof: g.proof(signer)}
	case n < 80:
		return &command.Register{Meta: m, Application: who("p-1"), Identity: who(fmt.Sprintf("i-%d", g.int("new", 0, 8))), Thumbprint: signer,
			Digest: g.fresh("r")}
	}
	return g.change(m, a, signer)
}

func (g *generator) accept(m command.Meta, from address.Address, signer string) command.Command {
	to, _ := g.identity("to")
	expires := int64(g.at/oneSecond) + int64(g.int("life", 1, 30))
	return &command.Accept{Meta: m, From: from, To: to, Signer: signer, Digest: g.fresh("m"),
		Kind: g.pick("kind", "s", "e", "r", "p", "p", "p", "c", "d")[0], ID: fmt.Sprint(g.n), Package: g.pick("package", "", "K", "K", "L"),
		HasJWE: rapid.Bool().Draw(g.t, "jwe"), NoCache: g.int("no cache", 0, 5) == 0, Expires: expires,
		ForgetAfter: expires + int64(g.int("remember", 0, 1)*20), Token: make([]byte, g.int("size", 1, 2000))}
}

func (g *generator) change(m command.Meta, a address.Address, signer string) command.Command {
	p := g.proof(signer)
	switch g.int("change", 0, 9) {
	case 0:
		return &command.UpdateSigKey{Meta: m, Identity: a, Proof: p, Token: "t", SigKey: []byte("k"), Thumbprint: fmt.Sprintf("k%d", g.int("to key", 0, 9)), EncDigest: g.fresh("e")}
	case 1:
		return &command.UpdateEncKey{Meta: m, Identity: a, Proof: p, EncToken: fmt.Sprint(g.n)}
	case 2:
		return &command.UpdateMeta{Meta: m, Identity: a, PublicProof: &p, Public: fmt.Sprint(g.n), Kind: g.pick("identity type", "", "route", "vault")}
	case 3:
		return &command.StoreData{Meta: m, Identity: a, Proof: p, Name: g.pick("name", "recovery", "other"), Token: fmt.Sprint(g.n)}
	case 4:
		return &command.SetMembers{Meta: m, Identity: a, Proof: p, Members: []address.Address{who("i-0"), who("i-2")}}
	case 5:
		return &command.Touch{Meta: m, Identity: a}
	case 6:
		return &command.UpdateKey{Meta: m, Target: who("a-1"), Enabled: new(g.int("enabled", 0, 3) > 0)}
	case 7:
		return &command.RotateKey{Meta: m, Target: who("a-1"), Sealed: []byte(fmt.Sprint(g.n)), OldUntil: int64(g.at/oneSecond) + 5}
	case 8:
		return &command.UpdateApplication{Meta: m, Application: who("p-1"), Enabled: new(g.int("enabled", 0, 3) > 0)}
	}
	return &command.DeleteKey{Meta: m, Target: who("a-2")}
}

// entries draws a log.
func (g *generator) entries() []Entry {
	var log []Entry
	index := uint64(0)
	add := func(cmds []command.Command) {
		index++
		p, err := command.Encode(cmds...)
		if err != nil {
			g.t.Fatal(err)
		}
		e := Entry{Index: index, Term: 1, Proposals: [][]byte{p}}
		if len(log) > 0 && g.int("same entry", 0, 2) == 0 {
			last := &log[len(log)-1]
			last.Proposals = append(last.Proposals, p)
			index--
			return
		}
		log = append(log, e)
		if g.int("configuration", 0, 9) == 0 {
			index += 2 // one entry that only raft sees, and one without proposals
			log = append(log, Entry{Index: index, Term: 1})
		}
	}
	add(prelude())
	g.at = 10 * oneSecond
	for range g.int("proposals", 1, 40) {
		var cmds []command.Command
		for range g.int("commands", 1, 3) {
			cmds = append(cmds, g.command())
		}
		add(cmds)
	}
	return log
}
