package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/internal/eventually"
)

// What make run does, but for the port, which may be taken.
func TestMakeRunShowsAWorkedExchange(t *testing.T) {
	p := start(t, append(makeRunArgs, "--http", "127.0.0.1:0")...)
	eventually.True(t, patience, func() bool { return strings.Contains(p.out.String(), "Ctrl-C stops it.") }, "not there:\n%s", p.out)
	for _, want := range []string{"20016", "20024", "denies", "All is as it should be.", "export NIXNODE_URL=http://127.0.0.1:", "export NIXNODE_OPERATOR_KEY_SECRET="} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, p.out)
		}
	}
}

func TestMakeClusterKillsTheLeaderAndLosesNothing(t *testing.T) {
	out, err := exec.Command(binary(t), "cluster-demo").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"Killing the leader", "leads now", "answered from the cache (code 20016)", "nothing that was acknowledged is lost"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
}

func TestTheEnvFileNamesThreeNodesAndTheirKeys(t *testing.T) {
	env := startDev(t, "--nodes", "3")
	want := "NIXNODE_URL NIXNODE_URL_2 NIXNODE_URL_3 NIXNODE_KEY_ID NIXNODE_KEY_SECRET NIXNODE_OPERATOR_KEY_ID NIXNODE_OPERATOR_KEY_SECRET"
	if got := strings.Join(names(env), " "); got != want {
		t.Fatalf("got %s", got)
	}
	// The parties of the demo sit on different nodes, and need nothing but the file.
	runScript(t, "nixnode demo", env)
}

// A second start has the same keys, and what was stored is there.
func TestDevModeKeepsItsDataAndItsKeys(t *testing.T) {
	dir := t.TempDir()
	var first []string
	t.Run("first start", func(t *testing.T) {
		first = startDevOn(t, dir)
		runScript(t, "nixnode identity new alice && nixnode identity new bob && nixnode send alice --to bob --text kept && cp -r \"$HOME\"/. "+dir, first)
	})
	t.Run("second start", func(t *testing.T) {
		again := startDevOn(t, dir)
		for i, line := range first {
			if !strings.HasPrefix(line, envURL) && again[i] != line {
				t.Errorf("%s changed", names(again)[i])
			}
		}
		runScript(t, "cp -r "+dir+"/. \"$HOME\" && nixnode listen bob --count 1 | grep kept", again)
	})
}

func startDevOn(t *testing.T, dir string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "env")
	p := start(t, "dev", "--data", filepath.Join(dir, "dev"), "--http", "127.0.0.1:0", "--env-file", file)
	eventually.True(t, patience, func() bool { _, err := os.Stat(file); return err == nil }, "dev mode is not ready:\n%s", p.out)
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with secrets has mode %v (%v)", info.Mode(), err)
	}
	return strings.Split(strings.TrimSpace(readFile(t, file)), "\n")
}

// exitStatus runs the binary to its end.
func exitStatus(t *testing.T, env []string, args ...string) (int, string) {
	t.Helper()
	cmd := exec.Command(binary(t), args...)
	cmd.Env = append(withoutSettings(os.Environ()), env...)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func TestAWrongCommandLineSaysWhatIsWrong(t *testing.T) {
	for _, tc := range []struct {
		args string
		env  []string
		code int
		says []string
	}{
		{args: "server", code: exitUsage, says: []string{"domain:", "data_dir:", "cluster_key_file:"}},
		{args: "server --domain nix.test --memory --http-addr 0.0.0.0:80 --node-addr 192.0.2.1:1 --log-level loud", code: exitUsage, says: []string{"http_addr:", "node_addr:", "log_level:"}},
		{args: "server --config none.yaml", code: exitUsage, says: []string{"none.yaml"}},
		{args: "server --no-such-flag", code: exitUsage, says: []string{"no-such-flag"}},
		{args: "server", env: []string{"NIXNODE_MEMORY=perhaps"}, code: exitUsage, says: []string{"NIXNODE_MEMORY"}},
		{args: "dev --nodes 0", code: exitUsage, says: []string{"--nodes"}},
		{args: "dev --memory --data x", code: exitUsage, says: []string{"--memory"}},
		{args: "dev --memory --http 192.0.2.1:80", code: exitFailed, says: []string{"192.0.2.1"}},
		{args: "keygen", code: exitUsage, says: []string{"arg"}},
		{args: "keygen /no/such/directory/key", code: exitFailed, says: []string{"cluster key"}},
		{args: "demo", code: exitUsage, says: []string{"--url", "--key-id", "--key-secret"}},
		{args: "nonsense", code: exitUsage, says: []string{"nonsense"}},
		{args: "demo --url http://127.0.0.1:1 --key-id a --key-secret b", code: exitFailed, says: []string{"nixnode: "}},
	} {
		t.Run(tc.args, func(t *testing.T) {
			code, out := exitStatus(t, tc.env, strings.Fields(tc.args)...)
			if code != tc.code {
				t.Errorf("exit status %d, want %d", code, tc.code)
			}
			for _, want := range tc.says {
				if !strings.Contains(out, want) {
					t.Errorf("%q is missing in:\n%s", want, out)
				}
			}
			if strings.Contains(out, "goroutine ") {
				t.Errorf("it panicked:\n%s", out)
			}
		})
	}
}

func TestVersionSaysWhatItWasBuiltFrom(t *testing.T) {
	code, out := exitStatus(t, nil, "version")
	var v map[string]string
	if err := json.Unmarshal([]byte(out), &v); err != nil || code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	if v["version"] == "" || !strings.HasPrefix(v["go"], "go1.") || v["protocol"] == "" {
		t.Errorf("%v", v)
	}
}
