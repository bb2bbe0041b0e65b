package main

import (
	"strings"
	"testing"
)

// The commands that make tokens are tried for good by docs/curl.md; this is what
// they refuse.
func TestTokenCommandsRefuseWhatCannotBeSigned(t *testing.T) {
	env := []string{"NIXNODE_URL=http://127.0.0.1:1", "NIXNODE_KEY_ID=aAAAAAAAAAAAAAAAAAAAA@nix.test",
		"NIXNODE_KEY_SECRET=" + strings.Repeat("A", 43) + "=", "NIXNODE_PASSPHRASE=x", "NIXNODE_KEYSTORE=" + t.TempDir()}
	for _, tc := range []struct {
		args string
		code int
		says string
	}{
		{"token", exitUsage, "needs a command"},
		{"token proof nobody", exitUsage, "--path"},
		{"token proof nobody --path /v1/identity/me", exitFailed, "nobody"},
		{"token proof nobody --path /v1/identity/me --claims [1]", exitUsage, "--claims"},
		{"token sign nobody --place x --payload {", exitUsage, "--payload"},
		{"token message nobody --to x --type long", exitUsage, "--type"},
	} {
		if code, out := exitStatus(t, env, strings.Fields(tc.args)...); code != tc.code || !strings.Contains(out, tc.says) {
			t.Errorf("%s: exit status %d, want %d:\n%s", tc.args, code, tc.code, out)
		}
	}
	code, out := exitStatus(t, env, "token", "key")
	if code != 0 || strings.Count(strings.TrimSpace(out), ".") != 2 {
		t.Errorf("token key: %d %s", code, out)
	}
	code, out = exitStatus(t, env, "token", "register", "--kind", "vault")
	if code != 0 || !strings.Contains(out, `"encPubKey":"ey`) || strings.Contains(out, `"d"`) {
		t.Errorf("token register: %d %s", code, out)
	}
}
