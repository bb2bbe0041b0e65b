package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

func TestTheDemoRunsWithEachPartyOnAnotherNode(t *testing.T) {
	c := inProcess(t, 3)
	broken := false
	var out bytes.Buffer
	err := runDemo(t.Context(), demoConfig{
		URLs: c.urls(), Key: c.saved.Tenant.Key, Out: &out,
		AfterPublish: func(context.Context) error { broken = true; return nil },
	})
	if err != nil || !broken {
		t.Fatalf("error %v, hook called %v\n%s", err, broken, &out)
	}
	for _, url := range c.urls() {
		if !strings.Contains(out.String(), url) {
			t.Errorf("nobody is on %s\n%s", url, &out)
		}
	}
	if !strings.HasSuffix(out.String(), "All is as it should be.\n") {
		t.Errorf("it ends with other words:\n%s", &out)
	}
}

// A demo that cannot fail shows nothing.
func TestTheDemoFailsWhenAnythingIsNotAsItShouldBe(t *testing.T) {
	c := inProcess(t, 1)
	stop := errors.New("stop")
	for name, tc := range map[string]struct {
		old, new string
		step     string
	}{
		"not from the cache":       {`"code":20016`, `"code":20022`, "request"},
		"nothing was cleared":      {`"cleared":1`, `"cleared":0`, "clear"},
		"the clear is not done":    {`"code":20024`, `"code":20022`, "clear"},
		"the mailbox is gone":      {`"code":20025`, `"code":40401`, "kept"},
		"sending is refused":       {`"code":2002`, `"code":4040`, "give"},
		"registration is refused":  {`"code":20011`, `"code":40902`, "register"},
		"the hook finds something": {"", "", "break"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			cfg := demoConfig{URLs: []string{altering(t, c.urls()[0], tc.old, tc.new)}, Key: c.saved.Tenant.Key, Out: &out}
			if tc.step == "break" {
				cfg.AfterPublish = func(context.Context) error { return stop }
			}
			err := runDemo(t.Context(), cfg)
			if err == nil || !strings.Contains(err.Error(), "demo: "+tc.step) {
				t.Errorf("error %v, want one of step %q\n%s", err, tc.step, &out)
			}
			if strings.Contains(out.String(), "All is as it should be") {
				t.Error("it says that all is well")
			}
		})
	}
}

// altering stands before a node and exchanges text in its answers.
func altering(t *testing.T, target, old, replacement string) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	proxy.FlushInterval = -1
	proxy.ModifyResponse = func(r *http.Response) error {
		if old == "" || strings.Contains(r.Header.Get("Content-Type"), "ndjson") {
			return nil
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		body = bytes.ReplaceAll(body, []byte(old), []byte(replacement))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Del("Content-Length")
		return nil
	}
	s := httptest.NewServer(proxy)
	t.Cleanup(s.Close)
	return s.URL
}
