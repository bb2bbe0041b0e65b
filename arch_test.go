package nixnode

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/nixnode/nixnode"

// room is one package: its level, and the packages of this module that it may
// import. Imports go to lower levels only. A new edge is made here, with its
// reason, in the change that needs it.
type room struct {
	level   int
	imports []string
}

// rooms is the import table of docs/architecture.md. "internal/*" stands for
// every helper below internal.
var rooms = map[string]room{
	".":            {0, nil},
	"address":      {0, nil},
	"api":          {1, []string{"address", "internal/*"}}, // still a leaf: types only
	"jose":         {1, []string{"address", "internal/*"}},
	"message":      {1, []string{"address", "internal/*"}},
	"notify":       {1, []string{"address", "internal/*"}},
	"fsm/keyspace": {1, []string{"address", "internal/*"}},
	"fsm/command":  {2, []string{"address", "message", "internal/*"}},
	"fsm":          {3, []string{"fsm/command", "fsm/keyspace", "address", "message", "internal/*"}},

	"cluster/raftstore": {2, []string{"address", "internal/*"}},
	"cluster/transport": {2, []string{"address", "internal/*"}},
	"cluster":           {3, []string{"cluster/raftstore", "cluster/transport", "address", "internal/*"}},

	"relay":   {4, []string{"address", "api", "jose", "message", "fsm/command", "notify", "internal/*"}},
	"httpapi": {5, []string{"address", "api", "relay", "internal/*"}},
	"node": {6, []string{"address", "api", "jose", "message", "notify", "fsm", "fsm/command", "fsm/keyspace",
		"cluster", "cluster/raftstore", "cluster/transport", "relay", "httpapi", "internal/*"}},
	"client": {6, []string{"address", "api", "jose", "message", "internal/*"}},

	// It shares with the server what is on the wire and nothing else, or it would
	// agree with its mistakes.
	"conformance": {6, []string{"address", "api", "jose"}},

	// The binary prints what the server answers, so it names api's types; it
	// parses addresses and keys that its user types.
	"cmd/nixnode": {7, []string{"node", "client", "conformance", "api", "address", "internal/*"}},
	"testcluster": {7, []string{"node", "client", "cluster", "api", "address", "internal/*"}},
	"bench":       {7, []string{"client", "api", "internal/*"}}, // speaks HTTP itself, to measure the node and not the SDK
}

// guarded says which packages may import a library whose types would otherwise
// spread through the house.
var guarded = map[string][]string{
	"log":                        {"cluster"}, // memberlist wants a *log.Logger; all else is log/slog
	"github.com/go-jose/go-jose": {"jose"},
	// internal/dirstream moves Pebble checkpoints between fsm and raftstore,
	// which must not know each other, on Pebble's file system interface.
	"github.com/cockroachdb/pebble": {"fsm", "cluster/raftstore", "internal/dirstream"},
	// What a package counts is declared in the package; node registers it.
	"github.com/prometheus":              {"fsm", "cluster", "relay", "httpapi", "node"},
	"github.com/hashicorp/raft":          {"cluster", "cluster/raftstore", "cluster/transport"},
	"github.com/hashicorp/raft-boltdb":   {"cluster/raftstore"},
	"github.com/hashicorp/memberlist":    {"cluster", "testcluster"}, // testcluster wraps its transport with faults
	"github.com/fxamacker/cbor":          {"fsm/command"},
	"github.com/go-json-experiment/json": {"internal/strictjson"},
	"github.com/coder/websocket":         {"httpapi", "conformance"},
	"github.com/spf13/cobra":             {"cmd/nixnode"},
	"go.yaml.in/yaml":                    {"node"},
}

// forbidden lists imports that no package may have.
var forbidden = []string{"math/rand", "github.com/boltdb/bolt"}

type sourceFile struct {
	room    string // directory relative to the module
	name    string
	test    bool
	imports []string
}

func sources(t *testing.T) []sourceFile {
	t.Helper()
	var files []sourceFile
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		s := sourceFile{room: path.Dir(filepath.ToSlash(p)), name: p, test: strings.HasSuffix(p, "_test.go")}
		for _, i := range f.Imports {
			v, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, v)
		}
		files = append(files, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func isInternal(room string) bool { return strings.HasPrefix(room, "internal/") }

func levelOf(room string) (int, bool) {
	if isInternal(room) {
		return 0, true
	}
	r, ok := rooms[room]
	return r.level, ok
}

func mayImport(from, to string) bool {
	if isInternal(from) {
		return isInternal(to)
	}
	if isInternal(to) {
		return slices.Contains(rooms[from].imports, "internal/*")
	}
	return slices.Contains(rooms[from].imports, to)
}

func TestImportsGoOneWay(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range sources(t) {
		seen[f.room] = true
		if _, ok := levelOf(f.room); !ok {
			t.Errorf("%s: package %q is not in the table of rooms", f.name, f.room)
			continue
		}
		if f.test {
			continue // a test may look at its neighbours; what it tests may not
		}
		for _, imp := range f.imports {
			to, ours := strings.CutPrefix(imp, module+"/")
			if ours && !mayImport(f.room, to) {
				t.Errorf("%s: %s must not import %s", f.name, f.room, to)
			}
		}
	}
	for name := range rooms {
		if !seen[name] {
			t.Errorf("the table has %q, the tree has not", name)
		}
	}
}

func TestTheTableItselfGoesDownwards(t *testing.T) {
	for name, r := range rooms {
		for _, to := range r.imports {
			if to == "internal/*" {
				continue
			}
			level, ok := levelOf(to)
			if !ok {
				t.Errorf("%s: unknown package %q", name, to)
			} else if level >= r.level {
				t.Errorf("%s (level %d) may not import %s (level %d)", name, r.level, to, level)
			}
		}
	}
}

func TestLibrariesStayInTheirRooms(t *testing.T) {
	for _, f := range sources(t) {
		for _, imp := range f.imports {
			for lib, allowed := range guarded {
				inside := strings.Contains(lib, ".") && strings.HasPrefix(imp, lib+"/") // of a module; log/slog is not in log
				if (imp == lib || inside) && !f.test && !slices.Contains(allowed, f.room) {
					t.Errorf("%s: only %v may import %s", f.name, allowed, lib)
				}
			}
			if slices.Contains(forbidden, imp) {
				t.Errorf("%s: nothing may import %s", f.name, imp)
			}
		}
	}
}

// The names that say nothing about what is inside.
func TestNoPackageIsAJunkRoom(t *testing.T) {
	for _, f := range sources(t) {
		switch path.Base(f.room) {
		case "common", "util", "utils", "types", "models", "server", "store", "helpers", "misc":
			t.Errorf("%s: a package needs a name that says what is inside", f.room)
		}
	}
}
