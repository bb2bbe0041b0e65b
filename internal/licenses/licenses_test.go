package licenses

import (
	"bytes"
	"compress/gzip"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// allowed are the licences under which this project takes modules in
// (docs/dependencies.md): permissive ones and the MPL.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}

func all(t *testing.T) []Module {
	t.Helper()
	modules, err := All()
	if err != nil {
		t.Fatal(err)
	}
	return modules
}

// linked asks the go command what the binary is linked from here.
func linked(t *testing.T) map[string]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}} {{.Version}}{{end}}", Main+"/cmd/nixnode")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if path, version, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			versions[path] = version
		} else if path != "" {
			versions[path] = ""
		}
	}
	if len(versions) < 20 {
		t.Fatalf("only %d modules are linked", len(versions))
	}
	return versions
}

func TestEveryLinkedModuleHasItsLicence(t *testing.T) {
	listed := map[string]Module{}
	for _, m := range all(t) {
		listed[m.Path] = m
	}
	for path, version := range linked(t) {
		m, ok := listed[path]
		switch {
		case !ok:
			t.Errorf("%s %s is linked and has no licence here; `make licenses` collects them", path, version)
		case m.Version != version:
			t.Errorf("%s is linked as %s, and the licence is that of %s; `make licenses` collects them", path, version, m.Version)
		}
	}
}

func TestEveryLicenceIsOneThatWeTakeAndHasItsText(t *testing.T) {
	modules := all(t)
	for i, m := range modules {
		for _, name := range strings.Split(m.SPDX, " AND ") {
			if !slices.Contains(allowed, name) {
				t.Errorf("%s is under %q", m.Path, name)
			}
		}
		if len(m.Text) < 500 || !strings.Contains(strings.ToLower(m.Text), "warrant") { // which each of them disclaims
			t.Errorf("the text of %s is no licence: %.100q", m.Path, m.Text)
		}
		if i > 0 && modules[i-1].Path >= m.Path {
			t.Errorf("%s is not in order", m.Path)
		}
	}
}

func TestABuildShowsItsOwnModulesAndVersions(t *testing.T) {
	modules := []Module{{Path: "a", Version: "v1"}, {Path: "b", Version: "v2"}, {Path: Main}, {Path: Std}}
	info := &debug.BuildInfo{GoVersion: "go1.99", Main: debug.Module{Path: Main, Version: "v7"}, Deps: []*debug.Module{{Path: "b"}}}
	want := []Module{{Path: "b", Version: "v2"}, {Path: Main, Version: "v7"}, {Path: Std, Version: "go1.99"}}
	if got := Of(modules, info); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
	if got := Of(modules, nil); len(got) != len(modules) {
		t.Errorf("an unknown build has %+v", got)
	}
	if modules[2].Version != "" {
		t.Error("Of changed what it was given")
	}
}

func TestDamagedDataIsAnError(t *testing.T) {
	var noJSON bytes.Buffer
	z := gzip.NewWriter(&noJSON)
	if _, err := z.Write([]byte("{")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"empty": nil, "no gzip": []byte("hello"), "cut": packed[:len(packed)/2], "no JSON": noJSON.Bytes()} {
		if _, err := unpack(data); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
