// Package docs reads the book that lies beside it, for the tests that hold it to what it says: what stands in its blocks, and tables that are
// made of what the code declares.
package docs

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Page is a document: Markdown as it is.
type Page struct {
	Path, Text string
	Blocks     []Block
}

// Block is a fenced block: what stands behind the fence, word by word, and the lines between, each with its line break.
type Block struct {
	Page  string
	Line  int // of the first line of Text
	Info  []string
	Text  string
	start int // of Text in the page
}

// At is the block's place, or with lines > 0 that of a line of it.
func (b *Block) At(lines int) string { return fmt.Sprintf("%s:%d", b.Page, b.Line+lines) }

// Is tells what a block holds: the first word behind its fence.
func (b *Block) Is(language string) bool { return len(b.Info) > 0 && b.Info[0] == language }

var fenced = regexp.MustCompile("(?ms)^```([^`\n]*)\n(.*?)^```$")

// Read reads a document.
func Read(path string) (*Page, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p := &Page{Path: path}
	p.set(string(text))
	return p, nil
}

func (p *Page) set(text string) {
	p.Text, p.Blocks = text, nil
	for _, m := range fenced.FindAllStringSubmatchIndex(text, -1) {
		p.Blocks = append(p.Blocks, Block{p.Path, 1 + strings.Count(text[:m[4]], "\n"), strings.Fields(text[m[2]:m[3]]), text[m[4]:m[5]], m[4]})
	}
}

// Prose is the page without its blocks, which leave their lines behind.
func (p *Page) Prose() string {
	return fenced.ReplaceAllStringFunc(p.Text, func(block string) string { return strings.Repeat("\n", strings.Count(block, "\n")) })
}

// HoldBlock demands that a block holds a text. With UPDATE=1 it is written instead.
func (p *Page) HoldBlock(i int, want string) error {
	b := p.Blocks[i]
	return p.hold(b.At(0), b.start, b.start+len(b.Text), want)
}

// HoldTable demands that a text stands between <!-- NAME --> and <!-- end -->. With UPDATE=1 it is written there instead.
func (p *Page) HoldTable(name, want string) error {
	head := "<!-- " + name + " -->\n"
	at := strings.Index(p.Text, head)
	end := strings.Index(p.Text[max(at, 0):], "<!-- end -->")
	if at < 0 || end < 0 {
		return fmt.Errorf("%s: no lines %q and <!-- end --> are there", p.Path, strings.TrimSpace(head))
	}
	return p.hold(p.Path+": "+name, at+len(head), at+end, want)
}

// hold demands a text from a byte to another.
func (p *Page) hold(at string, from, to int, want string) error {
	if got := p.Text[from:to]; got == want {
		return nil
	} else if os.Getenv("UPDATE") == "" {
		return fmt.Errorf("%s holds\n%swant (UPDATE=1 writes it)\n%s", at, got, want)
	}
	p.set(p.Text[:from] + want + p.Text[to:])
	return os.WriteFile(p.Path, []byte(p.Text), 0o644)
}
