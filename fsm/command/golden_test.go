package command

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goldenDir holds the bytes of format 1. A release never changes a file in it:
// the log and the store of running clusters are made of these bytes. A new
// command or record adds its file (write it with NIXNODE_GOLDEN=new).
const goldenDir = "testdata/golden/v1"

func TestEncodingsAreThoseOfTheFirstRelease(t *testing.T) {
	want, err := map[string][]byte{}, error(nil)
	for name, c := range samples {
		data, err := Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		want["command-"+name] = data
	}
	for name, sample := range recordSamples {
		data, _, _, err := sample()
		if err != nil {
			t.Fatal(err)
		}
		want["record-"+name] = data
	}
	for name, results := range map[string][]Result{"results": sampleResults, "results-shared": sharedResults} {
		if want[name], err = EncodeResults(results); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range want {
		compareGolden(t, name, data)
	}
	files, err := filepath.Glob(filepath.Join(goldenDir, "*.hex"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(want) {
		t.Errorf("%d golden files for %d encodings: none may be taken away", len(files), len(want))
	}
}

func compareGolden(t *testing.T, name string, data []byte) {
	t.Helper()
	path := filepath.Join(goldenDir, name+".hex")
	text := hex.EncodeToString(data) + "\n"
	old, err := os.ReadFile(path)
	if os.IsNotExist(err) && os.Getenv("NIXNODE_GOLDEN") == "new" {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if string(old) != text {
		t.Errorf("%s: the format changed\n was %s\n  is %s", name, strings.TrimSpace(string(old)), strings.TrimSpace(text))
	}
}
