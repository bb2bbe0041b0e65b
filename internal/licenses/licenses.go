// Package licenses holds the licences of every module that the binary is linked
// from: the body of GET /ops/licenses (section 11).
//
// The data is made by `go generate ./internal/licenses` (make licenses) from the
// module graph of cmd/nixnode on all platforms it is built for, and committed, so
// that a build needs no network and no module cache beyond its own. A test holds
// it against the graph: a new module, another version, or a module without a
// licence that is known by name fails it.
package licenses

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
)

//go:generate go run ./gen

// Std is the name under which the standard library and runtime of Go are listed.
const Std = "std"

// Main is the module of this program.
const Main = "github.com/nixnode/nixnode"

// Module is a module and the licence under which it is used.
type Module struct {
	Path    string `json:"module"`
	Version string `json:"version"` // "" of Main and Std until Of fills them in
	SPDX    string `json:"spdx"`    // an SPDX licence expression
	// Text has all licence and notice files of the module and of the directories
	// that are linked from it, each under its name where there are several.
	Text string `json:"text"`
}

//go:embed licenses.json.gz
var packed []byte

// All gives every module that a build for some platform is linked from, ordered
// by path. The caller must not change it.
var All = sync.OnceValues(func() ([]Module, error) { return unpack(packed) })

func unpack(data []byte) ([]Module, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("licenses: %w", err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("licenses: %w", err)
	}
	var all []Module
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("licenses: %w", err)
	}
	return all, nil
}

// Of gives those of the modules that a build has, with the versions of this
// program and of Go. A build that does not say what it is made from (a nil info,
// or one without modules) has all of them.
func Of(all []Module, info *debug.BuildInfo) []Module {
	if info == nil {
		info = &debug.BuildInfo{}
	}
	linked := map[string]bool{Main: true, Std: true}
	for _, m := range info.Deps {
		linked[m.Path] = true
	}
	var out []Module
	for _, m := range all {
		if !linked[m.Path] && len(info.Deps) > 0 {
			continue
		}
		switch m.Path {
		case Main:
			m.Version = info.Main.Version
		case Std:
			m.Version = info.GoVersion
		}
		out = append(out, m)
	}
	return out
}
