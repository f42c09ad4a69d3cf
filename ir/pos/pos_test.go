package pos

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPrintShowsCaretsAndNotes(t *testing.T) {
	src := Source{"net.sotto": "net n {\n  x = conv(x, 32, kernel = 5)\n}\n"}
	var l List
	l.Add(Errorf(Pos{"net.sotto", 2, 19}, "conv: kernel 5 does not fit a 3x3 input with pad 0").Span(10).
		Note(Pos{"net.sotto", 1, 5}, "x has shape f32[16, 3, 3] from here"))
	l.Add(l[0])
	l.Add(Errorf(Pos{"net.sotto", 1, 1}, "first"))
	var b strings.Builder
	Print(&b, l.Err(), src)
	want := `net.sotto:1:1: first
    net n {
    ^
net.sotto:2:19: conv: kernel 5 does not fit a 3x3 input with pad 0
      x = conv(x, 32, kernel = 5)
                      ^^^^^^^^^^
    net.sotto:1:5: x has shape f32[16, 3, 3] from here
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestEmptyListIsNoError(t *testing.T) {
	if err := (List{}).Err(); err != nil {
		t.Errorf("empty list: got %v", err)
	}
}

func TestExcerptsAreShortAndPrintable(t *testing.T) {
	line := strings.Repeat("a", 500) + "\x1b[2J\xff" + strings.Repeat("b", 500)
	var b strings.Builder
	Print(&b, Errorf(Pos{"f", 1, 501}, "here"), Source{"f": line})
	lines := strings.Split(b.String(), "\n")
	if len(lines[1]) > 4+shownBytes || strings.Contains(lines[1], "\x1b") || !utf8.ValidString(lines[1]) {
		t.Errorf("excerpt %q", lines[1])
	}
	if at := strings.IndexByte(lines[2], '^'); lines[1][at] != '?' || lines[1][at-1] != 'a' {
		t.Errorf("caret at %d under %q", at, lines[1])
	}
}
