package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/client"
)

const testPassphrase = "correct horse"

// fastScrypt keeps the tests from spending their time in scrypt.
func fastScrypt(t *testing.T) {
	t.Helper()
	before := scryptWorkFactor
	scryptWorkFactor = 4
	t.Cleanup(func() { scryptWorkFactor = before })
}

// inProcess runs a dev cluster in this process, and sets the environment that its
// --env-file would.
func inProcess(t *testing.T, nodes int) *devCluster {
	t.Helper()
	c := &devCluster{o: devOptions{memory: true, nodes: nodes, http: "127.0.0.1:0", logLevel: "error"}}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, step := range []func(context.Context) error{c.open, c.awaitReady, c.provision} {
		if err := step(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range splitLines(c.env()) {
		name, value, _ := strings.Cut(line, "=")
		t.Setenv(name, value)
	}
	t.Setenv(envPassphrase, testPassphrase)
	t.Setenv(envKeystore, filepath.Join(t.TempDir(), "keys"))
	fastScrypt(t)
	return c
}

// execute runs a command line and gives what it prints. Whatever it prints, it
// must not show the passphrase or the API key's secret.
func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out bytes.Buffer
	root := newRootCmd()
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	said := out.String()
	if err != nil {
		said += err.Error()
	}
	for _, name := range []string{envPassphrase, envKeySecret, envOperatorKeySecret} {
		if secret := os.Getenv(name); secret != "" && strings.Contains(said, secret) {
			t.Errorf("%v shows %s", args, name)
		}
	}
	return out.String(), err
}

// must runs a command line that must succeed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := execute(t, args...)
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return out
}

// mustJSON is must, with its output read into a T.
func mustJSON[T any](t *testing.T, args ...string) T {
	t.Helper()
	var v T
	out := must(t, append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return v
}

func TestTwoIdentitiesOfTheKeystoreTalk(t *testing.T) {
	inProcess(t, 1)
	alice := mustJSON[shownIdentity](t, "identity", "new", "alice")
	bob := mustJSON[shownIdentity](t, "identity", "new", "bob", "--kind", "vault")
	if _, err := execute(t, "identity", "new", "bob"); !errors.Is(err, errIdentityExists) {
		t.Errorf("a second bob: %v", err)
	}
	must(t, "send", "alice", "--to", "bob", "--text", "for bob alone")
	must(t, "send", "alice", "--to", bob.Address, "--text", "for everybody", "--plain", "--id", "m2")

	before := mustJSON[shownIdentity](t, "identity", "show", "bob")
	must(t, "identity", "rotate", "bob")
	after := mustJSON[shownIdentity](t, "identity", "show", "bob")
	if after.SigningKey == before.SigningKey || after.EncryptionKey == before.EncryptionKey || after.RootKey != before.SigningKey {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if peer := mustJSON[shownIdentity](t, "identity", "show", bob.Address); peer.SigningKey != after.SigningKey {
		t.Errorf("others see %+v", peer)
	}

	// What was encrypted before the rotation is read after it.
	first := mustJSON[shownMessage](t, "listen", "bob", "--count", "1")
	if first.Content == nil || *first.Content != "for bob alone" || first.From != alice.Address || first.Verified != "current" {
		t.Errorf("the first message is %+v", first)
	}
	rest := must(t, "listen", "bob", "--after", first.TS, "--count", "1", "--ack")
	if !strings.Contains(rest, "for everybody") {
		t.Errorf("the second message prints as %q", rest)
	}
	must(t, "send", "alice", "--to", "bob", "--text", "third\x1b[2J")
	line := must(t, "listen", "bob", "--after", first.TS, "--count", "1")
	if !strings.Contains(line, "third") || strings.ContainsRune(line, 0x1b) {
		t.Errorf("the third message prints as %q", line)
	}
	third := mustJSON[shownMessage](t, "listen", "bob", "--after", first.TS, "--from", "alice", "--count", "1")
	if third.Content == nil || *third.Content != "third\x1b[2J" {
		t.Errorf("the acknowledged message is there again: %+v", third)
	}
	if list := must(t, "identity", "list"); !strings.Contains(list, alice.Address) || !strings.Contains(list, bob.Address) {
		t.Errorf("the list is %s", list)
	}
}

func TestAFileGoesFromVaultToReaderUntilItIsCleared(t *testing.T) {
	inProcess(t, 1)
	must(t, "identity", "new", "vault", "--kind", "vault")
	must(t, "identity", "new", "reader")
	dir := t.TempDir()
	in, sealed, out := filepath.Join(dir, "f"), filepath.Join(dir, "f.sealed"), filepath.Join(dir, "opened")
	content := "what is in the file"
	if err := os.WriteFile(in, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "package", "publish", "vault", "--to", "reader", "--id", "doc", "--file", in, "--meta", `{"title":"x"}`)
	if b, err := os.ReadFile(sealed); err != nil || bytes.Contains(b, []byte(content)) {
		t.Fatalf("the sealed file: %v", err)
	}
	a := mustJSON[shownAnswer](t, "package", "request", "reader", "--from", "vault", "--id", "doc", "--file", sealed, "--out", out)
	if a.State != "cached" || len(a.Keys) != 1 || !strings.Contains(string(a.Meta), `"title"`) {
		t.Errorf("answer %+v", a)
	}
	if b, err := os.ReadFile(out); err != nil || string(b) != content {
		t.Errorf("opened: %q, %v", b, err)
	}
	for _, to := range [][]string{{"--to", "reader"}, {"--everyone"}} {
		r := mustJSON[shownResult](t, append([]string{"package", "clear", "vault", "--id", "doc"}, to...)...)
		if r.Cleared == nil || *r.Cleared != 1 {
			t.Errorf("%v: result %+v", to, r)
		}
		printed, err := execute(t, "package", "request", "reader", "--from", "vault", "--id", "doc", "--json")
		if !errors.Is(err, errPending) || !strings.Contains(printed, `"pending"`) {
			t.Errorf("%v: after the clear: %v\n%s", to, err, printed)
		}
		must(t, "package", "publish", "vault", "--to", "reader", "--id", "doc")
	}
}

func TestARegistrationWithoutAnAnswerIsGoneOnWith(t *testing.T) {
	inProcess(t, 1)
	url := os.Getenv(envURL)
	t.Setenv(envURL, losingAnswers(t, url, "/v1/identity"))
	if _, err := execute(t, "identity", "new", "carol"); !errors.Is(err, client.ErrOutcomeUnknown) {
		t.Fatalf("error %v, want ErrOutcomeUnknown", err)
	}
	if _, err := execute(t, "send", "carol", "--to", "carol", "--text", "x"); err == nil || !strings.Contains(err.Error(), "not registered yet") {
		t.Errorf("an identity without an address sends: %v", err)
	}
	t.Setenv(envURL, url)
	v := mustJSON[shownIdentity](t, "identity", "new", "carol")
	mustJSON[shownIdentity](t, "identity", "show", "carol")
	if v.Address == "" {
		t.Error("no address")
	}
}

func TestARotationWithoutAnAnswerIsGoneOnWith(t *testing.T) {
	inProcess(t, 1)
	before := mustJSON[shownIdentity](t, "identity", "new", "carol")
	url := os.Getenv(envURL)
	t.Setenv(envURL, losingAnswers(t, url, "/v1/identity/me/sigPubKey"))
	if _, err := execute(t, "identity", "rotate", "carol"); !errors.Is(err, client.ErrOutcomeUnknown) {
		t.Fatalf("error %v, want ErrOutcomeUnknown", err)
	}
	t.Setenv(envURL, url)
	must(t, "identity", "rotate", "carol")
	if after := mustJSON[shownIdentity](t, "identity", "show", "carol"); after.SigningKey == before.SigningKey {
		t.Error("it was not rotated")
	}
}

func TestWrongCommandLinesAreUsageErrors(t *testing.T) {
	fastScrypt(t)
	t.Setenv(envURL, "http://127.0.0.1:1")
	t.Setenv(envKeyID, address.New(address.APIKey).Local())
	t.Setenv(envKeySecret, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	t.Setenv(envPassphrase, testPassphrase)
	t.Setenv(envKeystore, t.TempDir())
	keys := keystore{dir: os.Getenv(envKeystore), passphrase: askPassphrase, workFactor: scryptWorkFactor}
	saveRegistered(t, &keys, "me")
	for _, line := range []string{
		"identity", "identity bogus", "identity new", "identity new a/b", "identity new x --kind other", "identity show",
		"send me", "send me --to me", "send me --to nobody --text x", "send me --bogus",
		"listen me --after x", "listen me --after 1 --new", "listen me --count -1",
		"package", "package publish me --to me", "package publish me --to me --id x --meta 3", "package publish me --to me --id x --out y",
		"package request me --from me", "package request me --from me --id x --file y", "package request me --from me --id x --wait 2m",
		"package clear me --id x", "package clear me --to me --everyone --id x", "package clear me --everyone",
		"customer", "customer create", "customer update c", "key create a n --expires yesterday", "key update a", "key rotate a --overlap 1ms",
		"application update x", "demo x", "customer list --url http://example.org",
	} {
		t.Run(line, func(t *testing.T) {
			out, err := execute(t, strings.Fields(line)...)
			var usage usageError
			if !errors.As(err, &usage) {
				t.Errorf("error %v\n%s", err, out)
			}
		})
	}
	t.Setenv(envURL, "")
	t.Setenv(envKeyID, "")
	_, err := execute(t, "demo")
	var usage usageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), envURL) || !strings.Contains(err.Error(), envKeyID) {
		t.Errorf("without URL and key: %v, want both named", err)
	}
}

func TestWhatStrangersWriteCannotSteerTheTerminal(t *testing.T) {
	for in, want := range map[string]string{
		"plain ä 漢 🙂": "plain ä 漢 🙂", "\x1b[31mred": "\uFFFD[31mred", "a\nb\rc\td": "a\uFFFDb\uFFFDc\uFFFDd",
		"\u009b2J": "\uFFFD2J", "abc\u202egnp": "abc\uFFFDgnp", "\x7f": "\uFFFD",
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestURLsComeFromTheEnvironmentInOrder(t *testing.T) {
	env := map[string]string{"NIXNODE_URL": "a", "NIXNODE_URL_2": "b", "NIXNODE_URL_3": "c", "NIXNODE_URL_5": "e"}
	if got := strings.Join(envURLs(func(n string) string { return env[n] }), " "); got != "a b c" {
		t.Errorf("got %q", got)
	}
	if got := envURLs(func(string) string { return "" }); got != nil {
		t.Errorf("from nothing: %q", got)
	}
}

func TestExpiryIsATimeOrADuration(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for in, want := range map[string]string{"": "", "1h": "1003600", "1970-01-12T13:46:41Z": "1000001"} {
		if got, err := parseExpiry(in, now); got != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"x", "-1h", "0s", "12:00"} {
		if got, err := parseExpiry(in, now); err == nil {
			t.Errorf("%q: %q", in, got)
		}
	}
}
