package client_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/jose"
	"github.com/nixnode/nixnode/message"
)

// The fake cluster's mailboxes and package cache.

func (f *fakeCluster) send(q api.SendRequest) (api.Code, any) {
	results := make([]api.MessageResult, len(q.Msgs))
	for i, raw := range q.Msgs {
		results[i] = f.sendOne(raw)
		results[i].Status = results[i].Code.Status()
	}
	return api.CodeSent, results
}

func (f *fakeCluster) sendOne(raw string) api.MessageResult {
	t, code := f.token(raw, "", "")
	if code != 0 {
		return api.MessageResult{Code: code, Err: code.Text()}
	}
	p, err := message.ParsePayload(t.Payload, f.domain)
	if err != nil {
		return api.MessageResult{Code: api.CodeBadToken}
	}
	r := api.MessageResult{ID: p.ID, Dst: f.domain.Full(p.To)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.identities[p.To] == nil {
		r.Code = api.CodeNoIdentity
		return r
	}
	if f.full[p.To] {
		r.Code = api.CodeMailboxFull
		return r
	}
	if r.TS = f.seen[raw]; r.TS != "" {
		r.Code = api.CodeDuplicate
		return r
	}
	published := func(vault, reader address.Address) string { return vault.Local() + p.Body.Kid + reader.Local() }
	switch p.Type {
	case message.Request:
		if line, ok := f.cache[published(p.To, t.Key.Address)]; ok && !p.Body.NoCache {
			r.Code, r.Body = api.CodeServedFromCache, []api.StreamLine{line}
			return r
		}
	case message.Clear:
		key := published(t.Key.Address, p.To)
		if _, ok := f.cache[key]; ok {
			r.Body = api.ClearBody{Cleared: 1}
		} else {
			r.Body = api.ClearBody{}
		}
		delete(f.cache, key)
	}
	line := f.deliver(p.To, raw)
	if p.Type == message.Publish {
		f.cache[published(t.Key.Address, p.To)] = line
	}
	r.Code, r.TS = api.CodeStored, line.TS
	if p.Type == message.Clear {
		r.Code = api.CodeCleared
	}
	f.seen[raw] = line.TS
	return r
}

// deliver puts a token into a mailbox. f.mu is held.
func (f *fakeCluster) deliver(to address.Address, raw string) api.StreamLine {
	f.lastTS = max(f.lastTS+1, uint64(time.Now().UnixNano()))
	line := api.StreamLine{TS: strconv.FormatUint(f.lastTS, 10), Msg: raw}
	f.mail[to] = append(f.mail[to], line)
	close(f.arrived)
	f.arrived = make(chan struct{})
	return line
}

// lines gives the lines of a mailbox above min, oldest first, and a channel that
// is closed when there may be more.
func (f *fakeCluster) lines(a address.Address, q message.Query, after message.Timestamp) ([]api.StreamLine, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []api.StreamLine
	for _, line := range f.mail[a] {
		ts, _ := message.ParseTimestamp(line.TS)
		t, err := jose.ParseToken(line.Msg, f.domain)
		wanted := ts > after && (q.From.IsZero() || err == nil && t.Key.Address == q.From)
		if wanted && err == nil && len(q.Types) > 0 {
			p, err := message.ParsePayload(t.Payload, f.domain)
			wanted = err == nil && slices.Contains(q.Types, p.Type)
		}
		if wanted {
			out = append(out, line)
		}
	}
	return out, f.arrived
}

func (f *fakeCluster) fetch(w http.ResponseWriter, dec *json.Decoder) {
	var q api.ProofRequest
	_ = dec.Decode(&q)
	a, claims, code := f.proof(q.JWT, api.PathFetch)
	if code != 0 {
		fail(w, code)
		return
	}
	query, err := message.ParseQuery(claims, f.domain, message.FetchDefaults)
	if err != nil {
		fail(w, api.CodeBadValue)
		return
	}
	lines, _ := f.lines(a, query, query.Min)
	if query.Descending {
		slices.Reverse(lines)
	}
	from, _ := strconv.Atoi(query.Cursor)
	page := lines[from:min(from+query.Limit, len(lines))]
	more := from+len(page) < len(lines)
	e := api.Success(api.CodeMessages, "1-1", page)
	e.Last, e.Continue = strconv.Itoa(from+len(page)), &more
	_ = json.NewEncoder(w).Encode(e)
}

func (f *fakeCluster) ack(q api.ProofRequest) (api.Code, any) {
	a, payload, code := f.proof(q.JWT, api.PathAck)
	if code != 0 {
		return code, nil
	}
	var claims struct {
		UpTo string   `json:"upTo"`
		TS   []string `json:"ts"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return api.CodeWrongType, nil
	}
	upTo, _ := message.ParseTimestamp(claims.UpTo)
	f.mu.Lock()
	defer f.mu.Unlock()
	before := len(f.mail[a])
	f.mail[a] = slices.DeleteFunc(f.mail[a], func(l api.StreamLine) bool {
		ts, _ := message.ParseTimestamp(l.TS)
		return ts <= upTo || slices.Contains(claims.TS, l.TS)
	})
	return api.CodeAcked, api.AckBody{Acked: before - len(f.mail[a])}
}

func (f *fakeCluster) listen(w http.ResponseWriter, r *http.Request, dec *json.Decoder) {
	var q api.ProofRequest
	_ = dec.Decode(&q)
	a, claims, code := f.proof(q.JWT, api.PathListen)
	if code != 0 {
		fail(w, code)
		return
	}
	query, err := message.ParseQuery(claims, f.domain, message.ListenDefaults)
	if err != nil {
		fail(w, api.CodeBadValue)
		return
	}
	flush := w.(http.Flusher).Flush
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	flush()
	for last := query.Min; ; {
		lines, arrived := f.lines(a, query, last)
		for _, line := range lines {
			b, _ := json.Marshal(line)
			_, _ = fmt.Fprintf(w, " %s\n", b)
			last, _ = message.ParseTimestamp(line.TS)
		}
		flush()
		select {
		case <-arrived:
		case <-r.Context().Done():
			return
		}
	}
}
