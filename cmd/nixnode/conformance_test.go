package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// conform runs nixnode conformance and gives its output with the exit status.
func conform(t *testing.T, env []string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary(t), append([]string{"conformance"}, args...)...)
	cmd.Env = append(withoutSettings(os.Environ()), env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return string(out), 0
	case errors.As(err, &exit):
		return string(out), exit.ExitCode()
	}
	t.Fatal(err)
	return "", -1
}

func TestConformanceTellsByItsExitStatus(t *testing.T) {
	env := startDev(t)
	junit := filepath.Join(t.TempDir(), "report.xml")

	out, status := conform(t, env, "--run", `^11\.(health|ready|version)$|^9\.customer\.create$`, "--junit", junit)
	if status != 0 || !strings.Contains(out, "4 of 4 passed") {
		t.Errorf("status %d:\n%s", status, out)
	}
	if b, err := os.ReadFile(junit); err != nil || !strings.Contains(string(b), `<testsuites name="nix conformance" tests="4"`) {
		t.Errorf("%v %s", err, b)
	}
	if out, status = conform(t, env, "--run", `^11\.health$`, "--json"); status != 0 || !strings.Contains(out, `"result": "passed"`) {
		t.Errorf("status %d:\n%s", status, out)
	}

	wrong := append(env, envKeySecret+"=wrong") // the last one counts
	if out, status = conform(t, wrong, "--run", `^3\.basic\.accepted$`); status != exitFailed || !strings.Contains(out, "1 FAILED") {
		t.Errorf("status %d:\n%s", status, out)
	}
}

func TestConformanceRefusesBadCommandLines(t *testing.T) {
	for name, args := range map[string][]string{
		"no URL":   {"--key-id", "a", "--key-secret", "b"},
		"regexp":   {"--run", "("},
		"no case":  {"--run", "^nothing$", "--url", "http://127.0.0.1:1", "--key-id", "a", "--key-secret", "b"},
		"argument": {"now"},
	} {
		if out, status := conform(t, nil, args...); status != exitUsage {
			t.Errorf("%s: status %d: %s", name, status, out)
		}
	}
	if out, status := conform(t, nil, "--list", "--run", "^7"); status != 0 || !strings.Contains(out, "7.clear.for-everyone\t") {
		t.Errorf("status %d: %s", status, out)
	}
}
