package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nixnode/nixnode/httpapi"
	"github.com/nixnode/nixnode/node"
)

const (
	docsDir = "../../docs"
	runMark = "<!-- run -->"
)

var fenced = regexp.MustCompile("(?ms)^(<!-- run -->\n)?```sh\n(.*?)^```$")

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func pages(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"*.md", "*/*.md"} {
		found, err := filepath.Glob(filepath.Join(docsDir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, found...)
	}
	if len(out) < 10 {
		t.Fatalf("only %d pages", len(out))
	}
	return out
}

// Every block of commands in docs/ is run, the blocks of a page in its order, by
// one shell that stops at the first failure, against a node in dev mode.
func TestEveryCommandOfTheDocumentationWorks(t *testing.T) {
	for _, page := range pages(t) {
		blocks := fenced.FindAllStringSubmatch(readFile(t, page), -1)
		if len(blocks) == 0 {
			continue
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			var script strings.Builder
			for _, b := range blocks {
				if b[1] == "" {
					t.Errorf("a block of commands is not marked %q:\n%s", runMark, b[2])
				}
				script.WriteString(b[2])
			}
			if _, err := exec.LookPath("curl"); err != nil && strings.Contains(script.String(), "curl ") {
				t.Skip("curl is not installed here, and Go and make are all that make test may ask for; CI installs it")
			}
			runScript(t, script.String(), startDev(t))
		})
	}
}

// docs/curl.md has an example for every row of the route table, and no other.
func TestEveryEndpointHasAnExampleWithCurl(t *testing.T) {
	page := readFile(t, filepath.Join(docsDir, "curl.md"))
	examples := map[string]string{}
	for _, part := range strings.Split(page, "\n### ")[1:] {
		heading, text, _ := strings.Cut(part, "\n")
		text, _, _ = strings.Cut(text, "\n## ")
		examples[heading] = text
	}
	params := regexp.MustCompile(`:[a-z]+`)
	for _, r := range httpapi.Routes() {
		heading := r.Method + " " + r.Path
		text, ok := examples[heading]
		path := params.ReplaceAllString(regexp.QuoteMeta(r.Path), `[^ /"?]+`)
		if !ok || !regexp.MustCompile(path+`["? ]`).MatchString(text) {
			t.Errorf("no example calls %s", heading)
		}
		delete(examples, heading)
	}
	for heading := range examples {
		t.Errorf("%s is no endpoint", heading)
	}
}

// ports are those that a page may name; the test puts free ones in their place.
var ports = regexp.MustCompile(`77(\d|\$\{i\})\d`)

// withFreePorts replaces the page's fixed ports, also those built with ${i}, by
// free ones that differ in the same places.
func withFreePorts(t *testing.T, script string) string {
	t.Helper()
	if !ports.MatchString(script) {
		return script
	}
	addrs, err := freeAddrs(9) // three nodes with three ports each
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("port() { case $1 in\n")
	for i, addr := range addrs {
		_, p, _ := strings.Cut(addr, ":")
		fmt.Fprintf(&table, "77%d%d) echo %s;;\n", i/3+1, i%3, p)
	}
	table.WriteString("*) echo \"no port for $1\" >&2; exit 1;; esac; }\n")
	return table.String() + ports.ReplaceAllStringFunc(script, func(p string) string { return "$(port " + p + ")" })
}

// runScript runs commands as a reader would type them. What they leave running
// is ended by process group, which is the script's own.
func runScript(t *testing.T, script string, env []string) {
	t.Helper()
	script = "set -euo pipefail\n" + withFreePorts(t, script)
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(withoutSettings(os.Environ()), env...)
	cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(binary(t))+":"+os.Getenv("PATH"), "HOME="+cmd.Dir, "NIXNODE_PASSPHRASE=for a test")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err = <-done:
	case <-time.After(2 * time.Minute):
		err = fmt.Errorf("it takes too long")
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if err != nil {
		t.Errorf("%v\n%s", err, tail(readFile(t, out.Name()), 6000))
	}
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// The settings' table is what the code says.
func TestTheSettingsTableIsTrue(t *testing.T) {
	path := filepath.Join(docsDir, "operations.md")
	page := readFile(t, path)
	begin, end := "| --- | --- | --- |\n", "<!-- end of settings -->"
	_, rest, ok := strings.Cut(page, begin)
	got, _, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("no table of settings")
	}
	want := ""
	for _, s := range node.Settings() {
		def := "`" + s.Default + "`"
		if s.Default == "" {
			def = ""
		}
		want += fmt.Sprintf("| `%s` | %s | %s |\n", s.Name, def, s.Doc)
	}
	if got != want {
		t.Errorf("%s has another table; it should be:\n%s", path, want)
	}
}

// README's set-up is two commands, and they are what the Makefile runs: the first
// is run by TestMakeRunShowsAWorkedExchange, the second is what runs this test.
func TestReadmeHasTwoCommandsForSetUp(t *testing.T) {
	blocks := fenced.FindAllStringSubmatch(readFile(t, "../../README.md"), -1)
	if len(blocks) != 1 {
		t.Fatalf("%d blocks of commands", len(blocks))
	}
	var commands []string
	for line := range strings.Lines(blocks[0][2]) {
		command, _, _ := strings.Cut(line, "#")
		commands = append(commands, strings.TrimSpace(command))
	}
	if strings.Join(commands, ";") != "make run;make test" {
		t.Errorf("the set-up is %q", commands)
	}
	makefile := readFile(t, "../../Makefile")
	for _, want := range []string{"\nrun: build\n\t$(BIN) " + strings.Join(makeRunArgs, " ") + "\n", "\ncluster: build\n\t$(BIN) cluster-demo\n", "\ntest:\n"} {
		if !strings.Contains(makefile, want) {
			t.Errorf("the Makefile lacks %q", want)
		}
	}
}
