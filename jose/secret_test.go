package jose_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/jose"
)

func TestSecretsSurviveTheirText(t *testing.T) {
	s := jose.NewSecret()
	text := s.Text()
	if len(text) != 44 {
		t.Errorf("%d characters", len(text))
	}
	if b, err := base64.StdEncoding.DecodeString(text); err != nil || string(b) != string(s[:]) {
		t.Errorf("not plain base64: %v", err)
	}
	back, err := jose.ParseSecret(text)
	if err != nil || back != s {
		t.Errorf("another secret came back: %v", err)
	}
	if !s.Equal(text) || s.Equal(jose.NewSecret().Text()) || s.Equal("") || s.Equal(text[:43]) || s.Equal(text+"=") {
		t.Error("Equal is wrong")
	}
	if other := jose.NewSecret(); other == s {
		t.Error("two secrets are the same")
	}
}

func TestOtherTextsAreNoSecrets(t *testing.T) {
	text := jose.NewSecret().Text()
	all := jose.Secret([]byte(strings.Repeat("\xff", 32))).Text() // has '/' at most places
	for name, in := range map[string]string{
		"empty": "", "cut": text[:40], "unpadded": text[:43], "too long": text + "=", "of 33 bytes": base64.StdEncoding.EncodeToString(make([]byte, 33)), "of 31 bytes": base64.StdEncoding.EncodeToString(make([]byte, 31)),
		"base64url": strings.ReplaceAll(all, "/", "_"), "line break": text[:20] + "\n" + text[21:], "a line break for padding": text[:43] + "\n", "stray bits": strings.Repeat("A", 42) + "B=", "spaces": strings.Repeat(" ", 44),
	} {
		s, err := jose.ParseSecret(in)
		if !errors.Is(err, jose.ErrSecret) || s != (jose.Secret{}) {
			t.Errorf("%s: got %v, want ErrSecret", name, err)
		} else if in != "" && strings.Contains(err.Error(), in) {
			t.Errorf("%s: the error shows it", name)
		}
	}
}

func TestSecretsDoNotShowThemselves(t *testing.T) {
	s := jose.Secret([]byte(strings.Repeat("k", 32)))
	var log strings.Builder
	for _, l := range []*slog.Logger{slog.New(slog.NewTextHandler(&log, nil)), slog.New(slog.NewJSONHandler(&log, nil))} {
		l.Info("x", "secret", s, "in", struct{ S jose.Secret }{s}, "list", []jose.Secret{s}, "ptr", &s)
	}
	if _, err := json.Marshal(struct{ S jose.Secret }{s}); err == nil {
		t.Error("JSON takes a secret")
	}
	out := []string{log.String(), s.String(), s.GoString(), fmt.Sprint(s, &s), fmt.Sprint([]any{s})}
	// Not %p, which passes by every Formatter, and which vet refuses for an array.
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b", "%o", "%c", "%U"} {
		out = append(out, fmt.Sprintf(verb, s), fmt.Sprintf(verb, struct{ S jose.Secret }{s}))
	}
	for _, o := range out {
		for _, leak := range []string{"kkk", "6b6b", "6B6B", "107 107", "[107", s.Text()[:8], "153 153", "U+006B", "1101011"} {
			if strings.Contains(o, leak) {
				t.Errorf("shown as %s", o)
			}
		}
	}
}
