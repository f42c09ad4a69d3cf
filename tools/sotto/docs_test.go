package main

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sotto/docs"
)

// documents whose commands are tested.
var documents = []string{"README.md", "CONTRIBUTING.md", "BENCHMARKS.md", "docs/*.md", "*/README.md"}

// shown is a command line of sotto in a document, after `sotto`.
type shown struct {
	at    string
	args  []string
	whole bool // in a block; else in running text, where what it is called on may be left out
}

var spans = regexp.MustCompile("`sotto ([^`\n]+)`")

// commandsOf lists the command lines of a document's blocks, after a prompt or not, and of its text.
func commandsOf(p *docs.Page) (all []shown) {
	for _, b := range p.Blocks {
		if len(b.Info) > 0 && !b.Is("console") && !b.Is("sh") {
			continue
		}
		for line := range strings.Lines(strings.ReplaceAll(b.Text, "\\\n", " ")) {
			line, _, _ = strings.Cut(prompt.ReplaceAllString(strings.TrimSpace(line), ""), " #")
			line, _, _ = strings.Cut(line, " > ")
			for _, program := range []string{"sotto ", "go run ./tools/sotto "} {
				if args, ok := strings.CutPrefix(line, program); ok {
					all = append(all, shown{b.At(0) + ": " + line, shellWords(strings.TrimSuffix(args, " &")), true})
				}
			}
		}
	}
	for _, span := range spans.FindAllStringSubmatch(p.Prose(), -1) {
		all = append(all, shown{p.Path + ": sotto " + span[1], shellWords(span[1]), false})
	}
	return all
}

// shellWords splits a line as a shell does that meets quotes alone.
func shellWords(line string) (out []string) {
	for _, w := range regexp.MustCompile(`(?:'[^']*'|"[^"]*"|[^\s'"])+`).FindAllString(line, -1) {
		out = append(out, strings.NewReplacer("'", "", `"`, "").Replace(w))
	}
	return out
}

// TestDocumentsShowCommandsThatExist: each with flags that it has, and in a block with as many arguments as it takes.
func TestDocumentsShowCommandsThatExist(t *testing.T) {
	n := 0
	for _, p := range pages(t, documents...) {
		for _, c := range commandsOf(p) {
			n++
			checkShown(t, c)
		}
	}
	if n < 50 {
		t.Errorf("%d commands were found: the documents have more", n)
	}
}

func checkShown(t *testing.T, c shown) {
	t.Helper()
	if first := c.args[0]; strings.ToUpper(first) == first {
		return // `sotto COMMAND --help`
	}
	root := newRootCmd(&app{out: io.Discard, err: io.Discard})
	root.InitDefaultCompletionCmd()
	cmd, rest, err := root.Find(slices.DeleteFunc(c.args, func(a string) bool { return a == "..." }))
	if err != nil || cmd == root {
		t.Errorf("%s: no such command: %v", c.at, err)
		return
	}
	cmd.InitDefaultHelpFlag()
	if !c.whole { // a flag may be named without its value
		for _, a := range rest {
			name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
			if strings.HasPrefix(a, "--") && cmd.Flags().Lookup(name) == nil && cmd.InheritedFlags().Lookup(name) == nil {
				t.Errorf("%s: it has no flag --%s", c.at, name)
			}
		}
		return
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Errorf("%s: %v", c.at, err)
		return
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil && !slices.Contains(rest, "--help") {
		t.Errorf("%s: %v", c.at, err)
	}
}

// TestDocumentsNameWhatThereIs: links lead somewhere, and files of the repository, tests, and packages of `go test` that are named are there.
func TestDocumentsNameWhatThereIs(t *testing.T) {
	tests := testsThatThereAre(t)
	for _, p := range pages(t, documents...) {
		here := filepath.Dir(p.Path)
		var written []string // by the page itself
		for _, b := range p.Blocks {
			written = append(written, b.Info[min(1, len(b.Info)):]...)
		}
		for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(p.Prose(), -1) {
			path, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(path, "://") {
				continue
			}
			target := p.Path
			if path != "" {
				target = filepath.Join(here, path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link %s leads nowhere: %v", p.Path, m[1], err)
			} else if anchor != "" && !slices.Contains(anchors(t, target), anchor) {
				t.Errorf("%s: %s has no heading #%s: accepted are %v", p.Path, target, anchor, anchors(t, target))
			}
		}
		for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(p.Prose(), -1) {
			if name := m[1]; regexp.MustCompile(`^Test[A-Z]\w+$`).MatchString(name) && !tests[name] {
				t.Errorf("%s: there is no test %s", p.Path, name)
			} else if !isThere(here, name) && !slices.Contains(written, name) {
				t.Errorf("%s: there is no file %s, here or in the repository", p.Path, name)
			}
		}
	}
}

// isThere tells whether a name that looks like a path into the repository is one, from a document's folder or from the root.
func isThere(here, name string) bool {
	first, _, _ := strings.Cut(name, "/")
	if !regexp.MustCompile(`^[a-z]\w*(/[\w.-]+)+/?$`).MatchString(name) {
		return true
	}
	if info, err := os.Stat(filepath.Join("../..", first)); err != nil || !info.IsDir() {
		return true // of a folder that a command writes
	}
	for _, from := range []string{here, "../.."} {
		if _, err := os.Stat(filepath.Join(from, name)); err == nil {
			return true
		}
	}
	return false
}

// anchors are the headings of a document as links call them.
func anchors(t *testing.T, path string) (out []string) {
	t.Helper()
	p, err := docs.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(p.Prose(), -1) {
		text := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		out = append(out, strings.ReplaceAll(text, " ", "-"))
	}
	return out
}

// testsThatThereAre are the names of all test functions of the repository.
func testsThatThereAre(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(text, -1) {
			all[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
