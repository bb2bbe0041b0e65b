package httpapi_test

import (
	"encoding/json"
	"testing"

	"github.com/nixnode/nixnode/api"
)

func TestLicensesNameEveryModuleOfTheBinary(t *testing.T) {
	d := open(t, &fakeService{}, false)
	e := d.reply(d.ask("GET", api.PathLicenses, "", ""), api.CodeOK)
	var all []api.License
	if err := json.Unmarshal(e.Body, &all); err != nil {
		t.Fatal(err)
	}
	found := map[string]api.License{}
	for _, l := range all {
		if l.SPDX == "" || l.Text == "" {
			t.Errorf("%s has no licence: %+v", l.Module, l)
		}
		found[l.Module] = l
	}
	for _, module := range []string{"std", "github.com/nixnode/nixnode", "github.com/go-jose/go-jose/v4"} {
		if _, ok := found[module]; !ok {
			t.Errorf("%s is not there", module)
		}
	}
	if found["std"].Version == "" {
		t.Error("the version of Go is not told")
	}
}
