package lsp

import (
	"sort"
	"strings"
	"unicode/utf8"

	"sotto/ir/pos"
)

// position is a place in a document as editors count: lines and UTF-16 code units from 0.
type position struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

// span is a range, its end left out.
type span struct {
	Start position `json:"start"`
	End   position `json:"end"`
}

// change is one edit: of a range, or of the whole text without one.
type change struct {
	Range *span  `json:"range"`
	Text  string `json:"text"`
}

// document is an open file.
type document struct {
	uri     string
	version int
	text    string
	starts  []int // of lines as editors count them: \n, \r\n and \r end one
	*analysis
}

func (d *document) set(text string) {
	d.text, d.analysis = text, nil
	d.starts = []int{0}
	for i := 0; i < len(text); i++ {
		if text[i] == '\n' || text[i] == '\r' && !strings.HasPrefix(text[i+1:], "\n") {
			d.starts = append(d.starts, i+1)
		}
	}
}

// apply makes an edit. Places beyond a line or the text are their ends, as the protocol has it.
func (d *document) apply(c change) {
	if c.Range == nil {
		d.set(c.Text)
		return
	}
	from, to := d.offset(c.Range.Start), d.offset(c.Range.End)
	d.set(d.text[:min(from, to)] + c.Text + d.text[max(from, to):])
}

// line gives the bounds of a line without its end.
func (d *document) line(n int) (from, to int) {
	from, to = d.starts[n], len(d.text)
	if n+1 < len(d.starts) {
		to = d.starts[n+1]
	}
	return from, from + len(strings.TrimRight(d.text[from:to], "\r\n"))
}

// offset gives the byte of a place.
func (d *document) offset(p position) int {
	if p.Line < 0 {
		return 0
	}
	if p.Line >= len(d.starts) {
		return len(d.text)
	}
	at, end := d.line(p.Line)
	for left := p.Character; at < end && left > 0; {
		r, n := utf8.DecodeRuneInString(d.text[at:end])
		at, left = at+n, left-units(r)
	}
	return at
}

// place gives the place of a byte.
func (d *document) place(offset int) position {
	offset = max(0, min(offset, len(d.text)))
	line := sort.SearchInts(d.starts, offset+1) - 1
	p := position{Line: line}
	for _, r := range d.text[d.starts[line]:offset] {
		p.Character += units(r)
	}
	return p
}

// units is how many UTF-16 code units a character takes; a byte that is no character is replaced by one.
func units(r rune) int {
	if r > 0xffff {
		return 2
	}
	return 1
}

func (d *document) span(offset, length int) span {
	return span{d.place(offset), d.place(offset + length)}
}

// at gives the byte of a position in a diagnostic, whose lines end with \n alone.
func (d *document) at(p pos.Pos) int {
	at := 0
	for range p.Line - 1 {
		i := strings.IndexByte(d.text[at:], '\n')
		if i < 0 {
			break
		}
		at += i + 1
	}
	return min(at+max(p.Col-1, 0), len(d.text))
}
