package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// documents whose commands are tested.
var documents = []string{"README.md", "CONTRIBUTING.md", "BENCHMARKS.md", "docs/*.md", "*/README.md"}

// shown is a command line of sotto in a document, after `sotto`.
type shown struct {
	at    string
	args  []string
	whole bool // in a block; else in running text, where what it is called on may be left out
}

var (
	blocks = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```") // of what, and what
	spans  = regexp.MustCompile("`sotto ([^`\n]+)`")
)

// commandsOf lists the command lines of a document's blocks, after a prompt or not, and of its text.
func commandsOf(path, text string) (all []shown) {
	for _, block := range shellBlocks(text) {
		for line := range strings.Lines(block) {
			line, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "$ "), " #")
			for _, program := range []string{"sotto ", "go run ./tools/sotto "} {
				if args, ok := strings.CutPrefix(line, program); ok {
					all = append(all, shown{path + ": " + line, shellWords(strings.TrimSuffix(args, " &")), true})
				}
			}
		}
	}
	for _, span := range spans.FindAllStringSubmatch(blocks.ReplaceAllString(text, ""), -1) {
		all = append(all, shown{path + ": sotto " + span[1], shellWords(span[1]), false})
	}
	return all
}

// shellBlocks are the blocks of no language, with lines joined that end in a backslash.
func shellBlocks(text string) (out []string) {
	for _, b := range blocks.FindAllStringSubmatch(text, -1) {
		if b[1] == "" {
			out = append(out, strings.ReplaceAll(b[2], "\\\n", " "))
		}
	}
	return out
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
	for _, pattern := range documents {
		paths, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d documents, error %v", pattern, len(paths), err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range commandsOf(path, string(text)) {
				n++
				checkShown(t, c)
			}
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

// TestTheTutorialRuns, command by command, as it is printed; those that end in & stay until the end. What they say of the class of an image,
// and that private is equal to clear, is what the tutorial shows.
func TestTheTutorialRuns(t *testing.T) {
	if os.Getenv("SOTTO_LONG") == "" {
		t.Skip("SOTTO_LONG=1 runs it: it trains networks")
	}
	text, err := os.ReadFile("../../docs/TUTORIAL.md")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(examples, filepath.Join(dir, "examples")); err != nil {
		t.Fatal(err)
	}
	for _, block := range shellBlocks(string(text)) {
		line, output, _ := strings.Cut(block, "\n")
		line, ok := strings.CutPrefix(line, "$ sotto ")
		if !ok {
			continue
		}
		args, stays := strings.CutSuffix(line, " &")
		cmd := exec.Command("sotto", shellWords(args)...)
		cmd.Dir = dir
		if stays {
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { cmd.Process.Kill(); cmd.Wait() }()
			time.Sleep(time.Second) // infer tries again, but not for long
			continue
		}
		got, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("sotto %s: %v\n%s", args, err, got)
		}
		for _, claim := range regexp.MustCompile(`(?m)class \d+|op by op +equal`).FindAllString(output, -1) {
			if !strings.Contains(string(got), claim) {
				t.Errorf("sotto %s: the tutorial shows %q, it says\n%s", args, claim, got)
			}
		}
	}
}
