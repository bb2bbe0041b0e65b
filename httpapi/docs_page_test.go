package httpapi_test

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/httpapi"
)

func docsPage(t *testing.T) (page string, policy string) {
	t.Helper()
	resp := open(t, &fakeService{}, false).ask("GET", api.PathDocs, "", "")
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%d, %v", resp.StatusCode, err)
	}
	return string(text), resp.Header.Get("Content-Security-Policy")
}

func TestTheDocumentationShowsEveryRouteTypeAndCode(t *testing.T) {
	page, _ := docsPage(t)
	for _, r := range httpapi.Routes() {
		if strings.Count(page, `<article id="`+r.Name+`">`) != 1 || !strings.Contains(page, "<code>"+r.Path+"</code>") {
			t.Errorf("%s %s is not there once", r.Name, r.Path)
		}
	}
	for _, c := range api.Codes() {
		if !strings.Contains(page, "<td>"+c.Name+"</td>") {
			t.Errorf("%d %s is not there", c.Code, c.Name)
		}
	}
	if strings.Contains(page, "`") || strings.Contains(page, "ZgotmplZ") || strings.Contains(page, "<nil>") {
		t.Error("something was not rendered")
	}
}

// An offline page: all that it refers to is on it, or on this node.
func TestTheDocumentationLoadsNothingAndItsLinksLeadSomewhere(t *testing.T) {
	page, policy := docsPage(t)
	if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("policy %q", policy)
	}
	for _, from := range []string{"<script", "<link", "<img", "<iframe", "src=", "//", "javascript:", " style=", " on"} {
		for _, tag := range regexp.MustCompile(`<[^>]*>`).FindAllString(page, -1) {
			if strings.Contains(tag, from) {
				t.Errorf("%s has %q", tag, from)
			}
		}
	}
	if strings.Contains(page, "@import") || strings.Contains(page, "url(") {
		t.Error("the style loads something")
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if ids[m[1]] {
			t.Errorf("the id %s is there twice", m[1])
		}
		ids[m[1]] = true
	}
	links := regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(links) < 100 {
		t.Errorf("only %d links", len(links))
	}
	for _, m := range links {
		if anchor, here := strings.CutPrefix(m[1], "#"); here && !ids[anchor] || !here && m[1] != api.PathOpenAPI {
			t.Errorf("a link leads to %s", m[1])
		}
	}
}
