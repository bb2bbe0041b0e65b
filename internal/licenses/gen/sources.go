package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/nixnode/nixnode/internal/licenses"
)

// platforms are those that the binary is built for; which modules are linked
// differs between them, and with cgo.
var platforms = []struct{ os, arch, cgo string }{
	{"linux", "amd64", "1"}, {"linux", "amd64", "0"}, {"linux", "arm64", "0"},
	{"darwin", "arm64", "1"}, {"darwin", "arm64", "0"}, {"windows", "amd64", "0"},
}

// source is a module and where it lies on disk.
type source struct {
	path, version, root string
	dirs                map[string]bool // of the packages that are linked
}

// pkg is what `go list -json` says of a package.
type pkg struct {
	Dir      string
	Standard bool
	Module   *struct {
		Path, Version, Dir string
		Replace            *struct{ Path string }
	}
}

// linked asks the go command for the modules of cmd/nixnode, ordered by path.
func linked() ([]source, error) {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	found := map[string]source{
		licenses.Std: {path: licenses.Std, root: strings.TrimSpace(string(goroot)), dirs: map[string]bool{}},
	}
	for _, p := range platforms {
		cmd := exec.Command("go", "list", "-deps", "-json=Dir,Standard,Module", licenses.Main+"/cmd/nixnode")
		cmd.Env = append(os.Environ(), "GOOS="+p.os, "GOARCH="+p.arch, "CGO_ENABLED="+p.cgo)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("go list for %s/%s: %w", p.os, p.arch, err)
		}
		if err := collect(found, out); err != nil {
			return nil, err
		}
	}
	var all []source
	for _, s := range found {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b source) int { return strings.Compare(a.path, b.path) })
	return all, nil
}

func collect(found map[string]source, listed []byte) error {
	for dec := json.NewDecoder(bytes.NewReader(listed)); ; {
		var p pkg
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case p.Standard:
			continue
		case p.Module == nil || p.Module.Dir == "":
			return fmt.Errorf("%s belongs to no module that is here", p.Dir)
		case p.Module.Replace != nil:
			return fmt.Errorf("%s is replaced by %s: say here whose licence counts", p.Module.Path, p.Module.Replace.Path)
		}
		s, ok := found[p.Module.Path]
		if !ok {
			s = source{path: p.Module.Path, version: p.Module.Version, root: p.Module.Dir, dirs: map[string]bool{}}
			found[s.path] = s
		}
		s.dirs[p.Dir] = true
	}
}

type file struct {
	name string // relative to the module, with slashes
	text []byte
}

// licenceFile is how licences, and the notices that go with them, are named.
var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents|unlicense)([-._].*)?$`)

// files gives the licence files at the module's root and on the way from there to
// each package that is linked: a part may have been taken from elsewhere.
func (s source) files() ([]file, error) {
	where := map[string]bool{s.root: true}
	for dir := range s.dirs {
		for ; len(dir) > len(s.root); dir = filepath.Dir(dir) {
			where[dir] = true
		}
	}
	var all []file
	for dir := range where {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !e.Type().IsRegular() || !licenceFile.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
				continue
			}
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
			name, err := filepath.Rel(s.root, filepath.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
			all = append(all, file{name: filepath.ToSlash(name), text: text})
		}
	}
	slices.SortFunc(all, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return all, nil
}
