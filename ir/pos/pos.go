// Package pos holds source positions and the diagnostics that point at them.
//
// A diagnostic is what a user of the compiler reads when something is wrong: a position, one message, further
// positioned notes, and the source line with carets under the offending text. Lists of diagnostics sort by position
// and drop repetitions, so that a front end may report every error it finds in one run.
package pos

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Pos is a place in a source file. Line and Col count from 1, Col in bytes; the zero Pos means "no known place".
type Pos struct {
	File string
	Line int
	Col  int
}

// IsValid reports whether p names a line.
func (p Pos) IsValid() bool { return p.Line > 0 }

// String gives file:line:col, the form editors jump to.
func (p Pos) String() string {
	if !p.IsValid() {
		if p.File == "" {
			return "-"
		}
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Compare orders positions by file, line and column.
func (p Pos) Compare(q Pos) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Col, q.Col))
}

// Note is a further position that explains a diagnostic.
type Note struct {
	Pos Pos
	Msg string
}

// Diagnostic is one error in a user's file. It is an error value.
type Diagnostic struct {
	Pos   Pos
	Len   int // bytes underlined from Pos; 0 or 1 underline one
	Msg   string
	Notes []Note
}

// Errorf makes a diagnostic at p.
func Errorf(p Pos, format string, args ...any) *Diagnostic {
	return &Diagnostic{Pos: p, Msg: fmt.Sprintf(format, args...)}
}

// Span sets how many bytes the carets underline and returns d.
func (d *Diagnostic) Span(n int) *Diagnostic {
	d.Len = n
	return d
}

// Note adds a positioned explanation and returns d.
func (d *Diagnostic) Note(p Pos, format string, args ...any) *Diagnostic {
	d.Notes = append(d.Notes, Note{p, fmt.Sprintf(format, args...)})
	return d
}

// Error gives the message and the notes without the source text.
func (d *Diagnostic) Error() string {
	var b strings.Builder
	d.write(&b, nil)
	return strings.TrimSuffix(b.String(), "\n")
}

func (d *Diagnostic) write(b *strings.Builder, src Source) {
	if d.Pos != (Pos{}) {
		fmt.Fprintf(b, "%s: ", d.Pos)
	}
	fmt.Fprintln(b, d.Msg)
	if line, ok := src.line(d.Pos); ok {
		text, indent := excerpt(line, d.Pos.Col-1)
		carets := max(min(d.Len, len(text)-indent), 1)
		fmt.Fprintf(b, "    %s\n    %s%s\n", text, strings.Repeat(" ", indent), strings.Repeat("^", carets))
	}
	for _, n := range d.Notes {
		if n.Pos.IsValid() {
			fmt.Fprintf(b, "    %s: %s\n", n.Pos, n.Msg)
		} else {
			fmt.Fprintf(b, "    %s\n", n.Msg)
		}
	}
}

// shownBytes bounds the excerpt of a source line.
const shownBytes = 160

// excerpt gives the part of a line around an offset that is shown, and the offset in it. Control characters, which a
// hostile file may hold, and broken UTF-8 become a question mark for each byte.
func excerpt(line string, at int) (text string, indent int) {
	at = max(min(at, len(line)), 0)
	from := 0
	if at > shownBytes/2 && len(line) > shownBytes {
		from = min(at-shownBytes/2, len(line)-shownBytes)
	}
	shown := []byte(line[from:min(from+shownBytes, len(line))])
	for i := 0; i < len(shown); {
		r, n := utf8.DecodeRune(shown[i:])
		switch {
		case shown[i] == '\t':
			shown[i] = ' '
		case (r == utf8.RuneError && n == 1) || unicode.IsControl(r):
			for j := range n {
				shown[i+j] = '?'
			}
		}
		i += n
	}
	return string(shown), at - from
}

// Source gives the text of the files that diagnostics point into, by file name.
type Source map[string]string

func (s Source) line(p Pos) (string, bool) {
	text, ok := s[p.File]
	if !ok || !p.IsValid() {
		return "", false
	}
	lines := strings.Split(text, "\n")
	if p.Line > len(lines) {
		return "", false
	}
	return strings.TrimSuffix(lines[p.Line-1], "\r"), true
}

// List is a set of diagnostics. The zero List is empty and ready to use.
type List []*Diagnostic

// Add appends d to the list.
func (l *List) Add(d *Diagnostic) { *l = append(*l, d) }

// Err returns nil for an empty list, and otherwise the list sorted by position without repetitions.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	sorted := slices.Clone(l)
	slices.SortStableFunc(sorted, func(a, b *Diagnostic) int {
		return cmp.Or(a.Pos.Compare(b.Pos), strings.Compare(a.Msg, b.Msg))
	})
	return slices.CompactFunc(sorted, func(a, b *Diagnostic) bool { return a.Pos == b.Pos && a.Msg == b.Msg })
}

// Error joins the diagnostics, one after the other.
func (l List) Error() string {
	texts := make([]string, len(l))
	for i, d := range l {
		texts[i] = d.Error()
	}
	return strings.Join(texts, "\n")
}

// Print writes err for a person: diagnostics with their source lines and carets, other errors as they are.
func Print(w io.Writer, err error, src Source) {
	var b strings.Builder
	switch e := err.(type) {
	case List:
		for _, d := range e {
			d.write(&b, src)
		}
	case *Diagnostic:
		e.write(&b, src)
	default:
		fmt.Fprintln(&b, err)
	}
	io.WriteString(w, b.String())
}
