package conformance

import (
	"slices"

	"github.com/nixnode/nixnode/api"
)

func fetchCases() []Case {
	cases := []Case{
		the("6.fetch.empty", "an empty mailbox is 20025 with an empty body", func(t *T) {
			t.party().fetch(nil).want(api.CodeMessages).is([]any{}, "body").is(false, "continue")
		}),
		the("6.fetch.default-order", "DESC is the default: newest first", func(t *T) {
			p := t.party()
			msgs, _ := p.sendMany(5)
			slices.Reverse(msgs)
			p.fetch(nil).holds(msgs...)
			p.fetch(obj{"order": "DESC"}).holds(msgs...)
		}),
		the("6.fetch.asc", "ASC is oldest first", func(t *T) {
			p := t.party()
			msgs, _ := p.sendMany(5)
			p.fetch(obj{"order": "ASC"}).holds(msgs...)
		}),
		the("6.fetch.min-exclusive", "min is an exclusive bound", func(t *T) {
			p := t.party()
			msgs, stamps := p.sendMany(5)
			p.fetch(obj{"order": "ASC", "min": stamps[1]}).holds(msgs[2:]...)
		}),
		the("6.fetch.max-exclusive", "max is an exclusive bound", func(t *T) {
			p := t.party()
			msgs, stamps := p.sendMany(5)
			p.fetch(obj{"order": "ASC", "max": stamps[3]}).holds(msgs[:3]...)
		}),
		the("6.fetch.min-and-max", "both bounds hold", func(t *T) {
			p := t.party()
			msgs, stamps := p.sendMany(6)
			p.fetch(obj{"order": "ASC", "min": stamps[0], "max": stamps[4]}).holds(msgs[1:4]...)
		}),
		the("6.fetch.limit", "limit is the most of a page, and continue says that there is more", func(t *T) {
			p := t.party()
			msgs, _ := p.sendMany(5)
			p.fetch(obj{"order": "ASC", "limit": 2}).holds(msgs[:2]...).is(true, "continue").has("first").has("last")
			p.fetch(obj{"order": "ASC", "limit": 5}).holds(msgs...).is(false, "continue")
		}),
		the("6.fetch.default-limit", "the default limit is 100", func(t *T) {
			p := t.party()
			msgs, _ := p.sendMany(101)
			p.fetch(obj{"order": "ASC"}).holds(msgs[:100]...).is(true, "continue")
		}),
		the("6.fetch.limit-1000", "the limit is at most 1,000", func(t *T) {
			p := t.party()
			for range 4 {
				p.sendMany(api.MaxMessages)
			}
			a := p.fetch(obj{"limit": 5000}).want(api.CodeMessages, api.CodeBadValue)
			if a.code() == int(api.CodeMessages) {
				t.check(len(a.list("body")) == 1000, "%v; %d messages", a, len(a.list("body")))
			}
		}),
		the("6.fetch.pages-asc", "paging by cursor gives each message once, in order", func(t *T) { t.pages("ASC") }),
		the("6.fetch.pages-desc", "paging by cursor gives each message once, in order, newest first too", func(t *T) { t.pages("DESC") }),
		the("6.fetch.page-bytes", "a page also ends at 4 MiB", func(t *T) {
			p := t.party()
			var msgs []string
			for range 20 {
				msgs = append(msgs, p.messageOf(api.MaxMessage))
			}
			p.send(msgs...)
			a := p.fetch(obj{"order": "ASC"}).want(api.CodeMessages).is(true, "continue")
			size, got := 0, a.tokens()
			for _, m := range got {
				size += len(m)
			}
			t.check(size <= 4<<20+api.MaxMessage && len(got) > 0, "%v; a page of %d messages, %d bytes", a, len(got), size)
			p.fetch(obj{"order": "ASC", "cursor": a.str("last")}).holds(msgs[len(got):]...)
		}),
		the("6.fetch.while-arriving", "paging while messages arrive never skips or repeats one", func(t *T) {
			p := t.party()
			old, _ := p.sendMany(9)
			slices.Reverse(old)
			var got []string
			cursor := obj{"limit": 2}
			for range 20 {
				a := p.fetch(cursor).want(api.CodeMessages)
				got = append(got, a.tokens()...)
				if a.at("continue") != true {
					break
				}
				cursor = obj{"limit": 2, "cursor": a.str("last")}
				p.sendMany(1)
			}
			t.check(same(got, old), "%s", difference(got, old))
		}),
		the("6.fetch.goes-on", "the last cursor of ASC goes on with what came later", func(t *T) {
			p := t.party()
			p.sendMany(3)
			last := p.fetch(obj{"order": "ASC"}).want(api.CodeMessages).str("last")
			more, _ := p.sendMany(2)
			p.fetch(obj{"order": "ASC", "cursor": last}).holds(more...)
		}),
		the("6.fetch.expired-hidden", "what has expired is gone", func(t *T) {
			p := t.party()
			p.sends(p.message("s", p.addr, nil, obj{"exp": now() + 2}))
			t.until(soon, "an expired message leaves the mailbox", func() bool { return len(p.fetch(nil).want(api.CodeMessages).list("body")) == 0 })
		}),
		the("6.fetch.only-own", "a mailbox is its owner's alone", func(t *T) {
			p, q := t.party(), t.party()
			p.sends(p.message("s", q.addr, nil))
			p.fetch(nil).holds()
		}),
	}
	return append(cases, cursorCases()...)
}

// pages reads a mailbox in pages of 3.
func (t *T) pages(order string) {
	p := t.party()
	msgs, _ := p.sendMany(10)
	if order == "DESC" {
		slices.Reverse(msgs)
	}
	var got []string
	query := obj{"order": order, "limit": 3}
	for {
		a := p.fetch(query).want(api.CodeMessages)
		page := a.tokens()
		t.check(len(page) <= 3, "%v; %d messages on a page of 3", a, len(page))
		got = append(got, page...)
		if a.at("continue") != true || len(got) > len(msgs) {
			break
		}
		query = obj{"order": order, "limit": 3, "cursor": a.str("last")}
	}
	t.check(same(got, msgs), "%s", difference(got, msgs))
}

func cursorCases() (cases []Case) {
	for name, spoil := range map[string]func(c string) string{
		"altered": func(c string) string { return c[:5] + other(c[5:6]) + c[6:] },
		"cut":     func(c string) string { return c[:len(c)-3] },
		"garbage": func(string) string { return "garbage" },
		"longer":  func(c string) string { return c + "AAAA" },
	} {
		cases = append(cases, the("6.cursor."+name, "a cursor that is none of this mailbox is 400/40005", func(t *T) {
			p := t.party()
			p.sendMany(2)
			cursor := p.fetch(obj{"limit": 1}).want(api.CodeMessages).str("last")
			t.check(len(cursor) > 8, "the cursor is %q", cursor)
			p.fetch(obj{"limit": 1, "cursor": spoil(cursor)}).want(api.CodeBadCursor)
		}))
	}
	return append(cases, the("6.cursor.other-mailbox", "a cursor of another mailbox is 400/40005", func(t *T) {
		p, q := t.party(), t.party()
		q.sendMany(2)
		p.fetch(obj{"cursor": q.fetch(obj{"limit": 1}).want(api.CodeMessages).str("last")}).want(api.CodeBadCursor)
	}))
}

func other(c string) string {
	if c == "A" {
		return "B"
	}
	return "A"
}

func filterCases() []Case {
	var cases []Case
	for name, bad := range map[string]obj{
		"order": {"order": "UP"}, "limit-zero": {"limit": 0}, "limit-text": {"limit": "many"}, "min": {"min": "yesterday"}, "max": {"max": -1}, "type": {"type": "x"}, "kid": {"kid": 7}, "src": {"src": 7}, "cursor": {"cursor": 7},
	} {
		cases = append(cases, the("6.fetch.bad-"+name, "a claim that means nothing is 400/40004", func(t *T) { t.standingParty().fetch(bad).want(api.CodeBadValue) }))
	}
	mixed := func(id, says string, claims func(p, q *party) obj, want ...int) Case {
		return the("6.filter."+id, says, func(t *T) {
			p, q := t.party(), t.party()
			msgs := []string{
				p.message("s", p.addr, nil), q.message("s", p.addr, nil), p.message("e", p.addr, obj{"kid": "k"}), q.message("d", p.addr, obj{"kid": "k"}), q.message("d", p.addr, obj{"kid": "l"}),
			}
			for _, m := range msgs {
				p.sends(m)
			}
			var expected []string
			for _, i := range want {
				expected = append(expected, msgs[i])
			}
			query := claims(p, q)
			query["order"] = "ASC"
			p.fetch(query).holds(expected...)
			p.listen(query).brings(expected...)
		})
	}
	return append(cases,
		mixed("type", "filter type", func(_, _ *party) obj { return obj{"type": "d"} }, 3, 4),
		mixed("types", "filter type with a list", func(_, _ *party) obj { return obj{"type": []string{"e", "d"}} }, 2, 3, 4),
		mixed("src", "filter src", func(_, q *party) obj { return obj{"src": q.addr} }, 1, 3, 4),
		mixed("src-local", "filter src in local form", func(_, q *party) obj { return obj{"src": q.local} }, 1, 3, 4),
		mixed("kid", "filter kid", func(_, _ *party) obj { return obj{"kid": "k"} }, 2, 3),
		mixed("all", "filters together", func(_, q *party) obj { return obj{"kid": "k", "src": q.addr, "type": "d"} }, 3),
	)
}

func ackCases() []Case {
	return []Case{
		the("6.ack.list", "those messages leave the mailbox; 20026", func(t *T) {
			p := t.party()
			msgs, stamps := p.sendMany(4)
			p.ack(obj{"ts": []string{stamps[0], stamps[2]}}).want(api.CodeAcked)
			p.fetch(obj{"order": "ASC"}).holds(msgs[1], msgs[3])
		}),
		the("6.ack.up-to", "upTo takes all up to that ts", func(t *T) {
			p := t.party()
			msgs, stamps := p.sendMany(4)
			p.ack(obj{"upTo": stamps[2]}).want(api.CodeAcked)
			p.fetch(obj{"order": "ASC"}).holds(msgs[3])
		}),
		the("6.ack.again", "what is not there any more is no error", func(t *T) {
			p := t.party()
			_, stamps := p.sendMany(1)
			p.ack(obj{"ts": stamps}).want(api.CodeAcked)
			p.ack(obj{"ts": stamps}).want(api.CodeAcked)
		}),
		the("6.ack.only-own", "only one's own mailbox", func(t *T) {
			p, q := t.party(), t.party()
			msgs, stamps := p.sendMany(1)
			q.ack(obj{"upTo": stamps[0]}).want(api.CodeAcked)
			p.fetch(nil).holds(msgs...)
		}),
		the("6.ack.neither", "upTo or ts must be there", func(t *T) { t.standingParty().ack(nil).want(api.CodeMissingField) }),
		the("6.ack.bad-ts", "a ts is a decimal string", func(t *T) { t.standingParty().ack(obj{"ts": []string{"x"}}).want(api.CodeBadValue) }),
	}
}

// limitCases fill a mailbox.
func limitCases() []Case {
	return []Case{
		the("6.limit.mailbox-bytes", "a mailbox takes 64 MiB; beyond it is 429/42901", func(t *T) {
			p := t.party()
			const most = 64 << 20
			for sent := 0; ; {
				var msgs []string
				for range 16 {
					msgs = append(msgs, p.messageOf(api.MaxMessage))
				}
				a := p.trySend(msgs...)
				for i := range msgs {
					code := number(a.at("body", i, "code"))
					if code == int(api.CodeMailboxFull) {
						t.check(sent+api.MaxMessage > most-(1<<20), "%v; full after %d bytes", a, sent)
						return
					}
					a.result(i, api.CodeStored)
					sent += len(msgs[i])
				}
				t.check(sent <= most, "%v; %d bytes in a mailbox", a, sent)
			}
		}),
		the("6.limit.mailbox-count", "a mailbox takes 10,000 messages; beyond it is 429/42901", func(t *T) {
			p := t.party()
			const most = 10000
			for sent := 0; sent < most; {
				n := min(api.MaxMessages, most-sent)
				p.sendMany(n)
				sent += n
			}
			a := p.trySend(p.message("s", p.addr, nil)).want(api.CodeMailboxFull)
			t.check(a.header.Get("Retry-After") != "", "%v; no Retry-After", a)
		}),
	}
}
