// Command gen writes licenses.json.gz for package licenses: it asks the go
// command which modules cmd/nixnode is linked from, and reads their licences where
// the go command keeps them. It fails when a module has no licence that it knows.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	classifier "github.com/google/licenseclassifier/v2"
	"github.com/google/licenseclassifier/v2/assets"

	"github.com/nixnode/nixnode/internal/licenses"
)

const output = "licenses.json.gz"

func main() {
	if err := run(); err != nil {
		slog.Error("licences cannot be collected", "err", err)
		os.Exit(1)
	}
}

func run() error {
	sources, err := linked()
	if err != nil {
		return err
	}
	known, err := assets.DefaultClassifier()
	if err != nil {
		return err
	}
	var all []licenses.Module
	for _, s := range sources {
		m, err := s.module(known)
		if err != nil {
			return fmt.Errorf("%s: %w", s.path, err)
		}
		all = append(all, m)
	}
	data, err := pack(all)
	if err != nil {
		return err
	}
	return os.WriteFile(output, data, 0o644)
}

// module reads the licences of s.
func (s source) module(known *classifier.Classifier) (licenses.Module, error) {
	files, err := s.files()
	if err != nil {
		return licenses.Module{}, err
	}
	var names []string
	var text strings.Builder
	for _, f := range files {
		names = append(names, identify(known, f.text)...)
		if len(files) > 1 {
			fmt.Fprintf(&text, "--- %s ---\n\n", f.name)
		}
		text.WriteString(strings.TrimSpace(string(f.text)))
		text.WriteString("\n\n")
	}
	if len(names) == 0 {
		return licenses.Module{}, fmt.Errorf("no licence is recognised in %d files of %s", len(files), s.root)
	}
	slices.Sort(names)
	return licenses.Module{
		Path: s.path, Version: s.version, SPDX: strings.Join(slices.Compact(names), " AND "), Text: strings.TrimSpace(text.String()) + "\n",
	}, nil
}

// identify gives the SPDX names of the licences whose text a file has.
func identify(known *classifier.Classifier, text []byte) []string {
	var names []string
	for _, m := range known.Match(text).Matches {
		if m.MatchType == "License" {
			names = append(names, m.Name)
		}
	}
	return names
}

func pack(all []licenses.Module) ([]byte, error) {
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(text); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}
