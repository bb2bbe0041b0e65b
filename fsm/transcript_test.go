package fsm

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/nixnode/nixnode/fsm/command"
)

var updateFlag = flag.Bool("update", false, "write what the transcripts give into them, to be read before it is committed")

// TestTranscripts runs testdata/*.txt. A line that begins with ">" is a command,
// or one of the harness:
//
//	> state [prefix …]     what the store holds (of these families)
//	> limit name=number    a limit that the machine is to have from now on
//	> again                the last command once more
//	> repeat n verb …      the command n times; # in its fields is the count
//
// What follows it up to the next ">" or comment is what it must give.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := (&transcript{t: t, m: openMem(t, vfs.NewMem(), nil)}).run(string(text))
			if *updateFlag {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if *updateFlag || got == string(text) {
				return
			}
			want, have := strings.Split(string(text), "\n"), strings.Split(got, "\n")
			for i := range min(len(want), len(have)) {
				if want[i] != have[i] {
					t.Fatalf("%s:%d:\nwant %s\n got %s", file, i+1, want[i], have[i])
				}
			}
			t.Fatalf("%s: %d lines, got %d", file, len(want), len(have))
		})
	}
}

func openMem(t testing.TB, fs vfs.FS, n Notifier) *Machine {
	t.Helper()
	m, err := Open(Options{Dir: "fsm", FS: fs, Notifier: n, Fatal: func(err error) { t.Errorf("fatal: %v", err) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

type transcript struct {
	t    *testing.T
	m    *Machine
	last []string
}

func (s *transcript) run(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, ">"):
			fmt.Fprintln(&out, line)
			for _, l := range s.do(strings.Fields(line[1:])) {
				fmt.Fprintln(&out, l)
			}
		case strings.HasPrefix(line, "#") || line == "":
			fmt.Fprintln(&out, line)
		}
	}
	return out.String()
}

func (s *transcript) do(words []string) []string {
	switch words[0] {
	case "state":
		return dump(s.t, s.m, words[1:]...)
	case "limit":
		s.limit(words[1])
		return nil
	case "again":
		return s.apply(s.last)
	case "repeat":
		n, err := strconv.Atoi(words[1])
		if err != nil {
			s.t.Fatal(err)
		}
		var out []string
		for i := range n {
			var one []string
			for _, w := range words[2:] {
				one = append(one, strings.ReplaceAll(w, "#", strconv.Itoa(i)))
			}
			out = s.apply(one)
		}
		return out
	}
	s.last = words
	return s.apply(words)
}

func (s *transcript) limit(arg string) {
	name, text, _ := strings.Cut(arg, "=")
	n, err := strconv.Atoi(text)
	if err != nil {
		s.t.Fatal(err)
	}
	switch name {
	case "messages":
		s.m.limits.mailboxMessages = uint64(n)
	case "bytes":
		s.m.limits.mailboxBytes = uint64(n)
	case "holders":
		s.m.limits.holders = uint64(n)
	case "packages":
		s.m.limits.vaultPackages = uint64(n)
	case "clear":
		s.m.limits.clearWork = n
	case "copies":
		s.m.limits.copies = n
	case "copybytes":
		s.m.limits.copyBytes = n
	default:
		s.t.Fatalf("no limit %s", name)
	}
}

func (s *transcript) apply(words []string) []string {
	c, err := parseCommand(words[0], words[1:])
	if err != nil {
		s.t.Fatal(err)
	}
	return []string{resultText(applyOne(s.t, s.m, c))}
}

// applyOne applies one command as an entry of its own.
func applyOne(t testing.TB, m *Machine, c command.Command) command.Result {
	t.Helper()
	p, err := command.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.Apply([]Entry{{Index: m.Applied() + 1, Term: 1, Proposals: [][]byte{p}}})
	if err != nil {
		t.Fatal(err)
	}
	results, err := command.DecodeResults(out[0][0])
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}

func TestTranscriptsHaveEveryCommandAndEveryStatus(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			for verb := range verbs {
				seen[verb] = seen[verb] || strings.HasPrefix(line, "> "+verb+" ")
			}
			for _, status := range statusNames {
				seen[status] = seen[status] || line == status || strings.HasPrefix(line, status+" ")
			}
		}
	}
	for what, there := range seen {
		if !there {
			t.Errorf("no transcript has %q", what)
		}
	}
}
