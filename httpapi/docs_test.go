package httpapi_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/httpapi"
)

var update = flag.Bool("update", false, "write the tables of docs/api.md anew")

const apiPage = "../docs/api.md"

// endpointTable is the table of endpoints as docs/api.md has it.
func endpointTable() string {
	var b strings.Builder
	b.WriteString("| method | path | name | scope | success |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range httpapi.Routes() {
		var scopes []string
		for _, name := range []string{api.ScopeIdentity, api.ScopeMessage, api.ScopeEvent, api.ScopeAdmin, api.ScopeOperator} {
			if r.Scope&scopeBits[name] != 0 {
				scopes = append(scopes, "`"+name+"`")
			}
		}
		scope := strings.Join(scopes, " or ")
		if scope == "" {
			scope = "no credentials"
		}
		success := fmt.Sprint(int(r.Code))
		switch {
		case r.Stream:
			success = "a stream"
		case r.Socket:
			success = "a websocket"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s |\n", r.Method, r.Path, r.Name, scope, success)
	}
	return b.String()
}

func codeTable() string {
	var b strings.Builder
	b.WriteString("| code | name | HTTP status | text |\n| --- | --- | --- | --- |\n")
	for _, c := range api.Codes() {
		fmt.Fprintf(&b, "| %d | %s | %d | %s |\n", c.Code, c.Name, c.Status, c.Text)
	}
	return b.String()
}

// TestTheAPIPageHasTheTables: docs/api.md, Routes and api.Codes are one source
// (section 12). -update writes the page's tables.
func TestTheAPIPageHasTheTables(t *testing.T) {
	data, err := os.ReadFile(apiPage)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for name, table := range map[string]string{"endpoints": endpointTable(), "codes": codeTable()} {
		begin, end := fmt.Sprintf("<!-- %s: begin -->\n", name), fmt.Sprintf("<!-- %s: end -->", name)
		before, rest, ok := strings.Cut(page, begin)
		shown, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("the page has no place for the %s", name)
		}
		if *update {
			page = before + begin + table + end + after
			continue
		}
		if shown != table {
			t.Errorf("the %s of docs/api.md are not those of the code; `go test ./httpapi -run APIPage -update` writes them. Wanted:\n%s", name, table)
		}
	}
	if *update {
		if err := os.WriteFile(apiPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRoutesAreWellFormed(t *testing.T) {
	names, places := map[string]bool{}, map[string]bool{}
	for _, r := range httpapi.Routes() {
		if names[r.Name] || places[r.Method+r.Path] {
			t.Errorf("%s %s (%s) is there twice", r.Method, r.Path, r.Name)
		}
		names[r.Name], places[r.Method+r.Path] = true, true
		if !r.Code.Success() || r.MaxBody > api.MaxBody || (r.MaxBody > 0) != (r.Method == "POST" || r.Method == "PATCH") {
			t.Errorf("%+v", r)
		}
		if strings.HasPrefix(r.Path, "/v1/") && r.Scope == 0 {
			t.Errorf("%s needs no credentials", r.Path)
		}
	}
}
