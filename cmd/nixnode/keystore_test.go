package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/client"
)

// losingAnswers stands before a node and loses its answers to one path: the call
// is done, and nobody hears of it. Then it is down for that path, as is a node
// that died, so that a client gives up soon.
func losingAnswers(t *testing.T, target, path string) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	lost := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			proxy.ServeHTTP(w, r)
			return
		}
		if lost++; lost > 1 {
			w.WriteHeader(http.StatusTeapot) // no envelope, and no use in trying again
			return
		}
		proxy.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func testKeystore(t *testing.T, pass string) *keystore {
	t.Helper()
	return &keystore{dir: filepath.Join(t.TempDir(), "keys"), passphrase: func(bool) (string, error) { return pass, nil }, workFactor: 4}
}

// saveRegistered keeps an identity that has an address, though no node knows it.
func saveRegistered(t *testing.T, k *keystore, name string) stored {
	t.Helper()
	id, err := client.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	data, err := id.Export()
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	fields["address"], _ = json.Marshal(address.New(address.Identity).Local() + "@" + devDomain)
	if data, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	if id, err = client.ImportIdentity(data); err != nil {
		t.Fatal(err)
	}
	pass, _ := k.passphrase(true)
	s := stored{name: name, id: id, pass: pass}
	if err := k.save(s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAnIdentityIsReadBackWithItsPassphraseAlone(t *testing.T) {
	k := testKeystore(t, testPassphrase)
	s := saveRegistered(t, k, "me")
	got, err := k.load("me")
	if err != nil || got.id.Full() != s.id.Full() || got.id.SigningKey().Thumbprint() != s.id.SigningKey().Thumbprint() {
		t.Fatalf("read back %v, %v", got.id, err)
	}
	thief := &keystore{dir: k.dir, passphrase: func(bool) (string, error) { return "guess", nil }, workFactor: 4}
	if _, err := thief.load("me"); !errors.Is(err, errWrongPassphrase) {
		t.Errorf("with another passphrase: %v", err)
	}
	if _, err := k.load("you"); !errors.Is(err, errNoIdentity) {
		t.Errorf("an identity that is not there: %v", err)
	}
}

func TestTheFileShowsTheAddressAndNothingElse(t *testing.T) {
	k := testKeystore(t, testPassphrase)
	s := saveRegistered(t, k, "me")
	path, _ := k.path("me")
	data := readFile(t, path)
	if !strings.Contains(data, s.id.Full()) {
		t.Error("the address is not in the file")
	}
	exported, _ := s.id.Export()
	var e struct{ Sig, Enc struct{ D, X string } }
	if err := json.Unmarshal(exported, &e); err != nil || e.Sig.D == "" {
		t.Fatalf("no private key in the export: %v", err)
	}
	for _, secret := range []string{e.Sig.D, e.Enc.D, e.Sig.X, testPassphrase} {
		if strings.Contains(data, secret) {
			t.Error("the file shows what it must not")
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	dir, err := os.Stat(k.dir)
	if err != nil || dir.Mode().Perm() != 0o700 {
		t.Errorf("mode of the directory %v, %v", dir.Mode(), err)
	}
	entries, _ := os.ReadDir(k.dir)
	if len(entries) != 1 {
		t.Errorf("%d files are left in the keystore, want 1", len(entries))
	}
}

func TestAnAlteredFileIsRefused(t *testing.T) {
	k := testKeystore(t, testPassphrase)
	s := saveRegistered(t, k, "me")
	path, _ := k.path("me")
	good := readFile(t, path)
	other := address.New(address.Identity).Local() + "@" + devDomain
	middle := strings.Index(good, "-----END") - 40
	for name, bad := range map[string]string{
		"another address outside": strings.Replace(good, s.id.Full(), other, 1),
		"another name":            strings.Replace(good, `"me"`, `"you"`, 1),
		"another version":         strings.Replace(good, `"v": 1`, `"v": 2`, 1),
		"cut":                     good[:len(good)/2],
		"a character exchanged":   good[:middle] + string(good[middle]^1) + good[middle+1:],
		"empty":                   "",
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := k.load("me"); !errors.Is(err, errWrongPassphrase) && !errors.Is(err, errNoIdentityFile) && !strings.Contains(err.Error(), errNoIdentity.Error()) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestAPinThatCannotBeReadIsNotTakenForNone(t *testing.T) {
	f := filePins{dir: filepath.Join(t.TempDir(), "peers")}
	a := address.New(address.Identity)
	if _, ok, err := f.Pinned(t.Context(), a); ok || err != nil {
		t.Fatalf("before: %v, %v", ok, err)
	}
	want := client.Pin{Root: "r", Latest: "l"}
	if err := f.Pin(t.Context(), a, want); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := f.Pinned(t.Context(), a); got != want || !ok || err != nil {
		t.Fatalf("after: %v, %v, %v", got, ok, err)
	}
	for _, bad := range []string{"", "{}", "x"} {
		if err := os.WriteFile(f.path(a), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := f.Pinned(t.Context(), a); err == nil {
			t.Errorf("%q: %v and no error", bad, ok)
		}
	}
}

// What parses is the file of an identity, and never a panic.
func FuzzIdentityFile(f *testing.F) {
	f.Add([]byte(`{"v":1,"name":"a","sealed":""}`))
	f.Add([]byte(`{"v":1,"name":"../a"}`))
	f.Add([]byte(`{"v":1,"name":"a"}{}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseIdentityFile(data)
		if err != nil {
			if !errors.Is(err, errNoIdentityFile) {
				t.Errorf("error %v", err)
			}
			return
		}
		if got.Version != identityFileVersion || strings.ContainsAny(got.Name, "./") {
			t.Errorf("got %+v", got)
		}
	})
}
