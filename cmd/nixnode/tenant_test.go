package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/api"
)

func TestCustomersApplicationsAndKeysAreManaged(t *testing.T) {
	inProcess(t, 1)
	customer := mustJSON[api.Customer](t, "customer", "create", "acme")
	app := mustJSON[api.Application](t, "application", "create", customer.Address, "first")
	if renamed := mustJSON[api.Customer](t, "customer", "update", customer.Address, "--name", "acme 2"); renamed.Name != "acme 2" || !renamed.Enabled {
		t.Errorf("renamed: %+v", renamed)
	}
	if shown := mustJSON[api.Customer](t, "customer", "show", customer.Address); shown.Name != "acme 2" {
		t.Errorf("shown: %+v", shown)
	}
	if all := mustJSON[[]api.Customer](t, "customer", "list"); len(all) != 3 { // operator, dev, acme
		t.Errorf("%d customers, want 3", len(all))
	}
	if off := mustJSON[api.Application](t, "application", "update", app.Address, "--enabled=false"); off.Enabled {
		t.Errorf("disabled: %+v", off)
	}
	if shown := mustJSON[api.Application](t, "application", "show", app.Address); shown.Enabled || shown.Customer != customer.Address {
		t.Errorf("shown: %+v", shown)
	}
	if all := must(t, "application", "list", customer.Address); !strings.Contains(all, app.Address) || !strings.Contains(all, "disabled") {
		t.Errorf("the list is\n%s", all)
	}
	if none := mustJSON[[]api.Key](t, "key", "list", app.Address); none == nil || len(none) != 0 {
		t.Errorf("keys of a new application: %v", none)
	}
}

func TestAKeyShowsItsSecretWhenItIsMadeAndNeverAgain(t *testing.T) {
	inProcess(t, 1)
	customer := mustJSON[api.Customer](t, "customer", "create", "acme")
	app := mustJSON[api.Application](t, "application", "create", customer.Address, "first")
	key := mustJSON[api.Key](t, "key", "create", app.Address, "k", "--scope", "identity", "--expires", "24h", "--rate-requests", "7")
	if key.Secret == "" || key.Expires == "" || key.Rate.Requests != 7 || len(key.Scopes) != 1 {
		t.Fatalf("made: %+v", key)
	}
	works := func(name, secret string) error {
		_, err := execute(t, "identity", "new", name, "--key-id", key.Address, "--key-secret", secret)
		return err
	}
	if err := works("a", key.Secret); err != nil {
		t.Errorf("the key does not work: %v", err)
	}
	rotated := mustJSON[api.Key](t, "key", "rotate", key.Address)
	if rotated.Secret == "" || rotated.Secret == key.Secret {
		t.Fatal("no new secret")
	}
	if err := works("b", key.Secret); !isCode(err, api.CodeBadCredentials) {
		t.Errorf("the old secret: %v", err)
	}
	if err := works("c", rotated.Secret); err != nil {
		t.Errorf("the new secret: %v", err)
	}
	for _, out := range []string{must(t, "key", "show", key.Address), must(t, "key", "list", app.Address), must(t, "key", "list", app.Address, "--json")} {
		if strings.Contains(out, key.Secret) || strings.Contains(out, rotated.Secret) || !strings.Contains(out, key.Address) {
			t.Errorf("shown again:\n%s", out)
		}
	}
	changed := mustJSON[api.Key](t, "key", "update", key.Address, "--name", "k2", "--expires=", "--enabled=false")
	if changed.Name != "k2" || changed.Expires != "" || changed.Enabled || len(changed.Scopes) != 1 || changed.Rate.Requests != 7 {
		t.Errorf("changed: %+v", changed)
	}
	must(t, "key", "delete", key.Address)
	if _, err := execute(t, "key", "show", key.Address); !isCode(err, api.CodeNoTenant) {
		t.Errorf("a deleted key: %v", err)
	}
}

func TestTenantsNeedTheOperatorsKey(t *testing.T) {
	inProcess(t, 1)
	t.Setenv(envOperatorKeyID, os.Getenv(envKeyID))
	t.Setenv(envOperatorKeySecret, os.Getenv(envKeySecret))
	if _, err := execute(t, "customer", "list"); !isCode(err, api.CodeScope) {
		t.Errorf("error %v, want %d", err, api.CodeScope)
	}
}

// isCode reports whether err is a node's refusal with that code, whatever its detail.
func isCode(err error, code api.Code) bool {
	var refusal *api.Error
	return errors.As(err, &refusal) && refusal.Code == code
}
