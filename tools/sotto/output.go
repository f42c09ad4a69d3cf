package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// head begins every JSON object.
type head struct {
	Sotto int `json:"sotto"`
}

var version1 = head{1}

// show prints a command's result: the object with --json, otherwise what text writes.
func (a *app) show(object any, text func(w io.Writer)) error {
	a.progress.done()
	if !a.json {
		text(inert{a.out})
		return nil
	}
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	return e.Encode(object)
}

// notice prints one line about the work on stderr.
func (a *app) notice(format string, args ...any) {
	if !a.quiet && !a.json {
		a.progress.done()
		fmt.Fprintf(inert{a.err}, "note: "+format+"\n", args...)
	}
}

// inert writes text without what a terminal would obey: names of networks, layers and price lists come from files that others made.
type inert struct{ io.Writer }

func (s inert) Write(text []byte) (int, error) {
	_, err := s.Writer.Write(bytes.Map(harmless, text))
	return len(text), err
}

// harmless is a character as it is shown: a question mark for control characters that do not set text.
func harmless(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' {
		return '?'
	}
	return r
}

// table writes rows in aligned columns under their names; a name that begins with > aligns its column to the right, and _
// stands for a space.
func table(w io.Writer, header string, rows [][]string) {
	names := strings.Fields(header)
	width := make([]int, len(names))
	title := make([]string, len(names))
	for i, name := range names {
		title[i] = strings.ReplaceAll(strings.TrimPrefix(name, ">"), "_", " ")
	}
	all := append([][]string{title}, rows...)
	for _, row := range all {
		for i, cell := range row {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	for _, row := range all {
		var line strings.Builder
		for i, cell := range row {
			space := strings.Repeat(" ", width[i]-len([]rune(cell)))
			if strings.HasPrefix(names[i], ">") {
				cell = space + cell
			} else {
				cell += space
			}
			line.WriteString(cell + "  ")
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// pairs writes names and values in two columns.
func pairs(w io.Writer, namesAndValues ...string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		fmt.Fprintf(t, "%s\t%s\n", namesAndValues[i], namesAndValues[i+1])
	}
	t.Flush()
}

// count prints an integer with commas, nothing for zero in tables.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func blankZero(n int64) string {
	if n == 0 {
		return ""
	}
	return count(n)
}

// size prints bytes with three digits, MB = 10^6.
func size(bytes int64) string {
	x := float64(bytes)
	for _, unit := range []struct {
		name  string
		bytes float64
	}{{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if x >= unit.bytes {
			return three(x/unit.bytes) + " " + unit.name
		}
	}
	return fmt.Sprintf("%d B", bytes)
}

// duration prints milliseconds with three digits.
func duration(ms float64) string {
	if ms >= 1000 {
		return three(ms/1000) + " s"
	}
	return three(ms) + " ms"
}

// three prints a number with three significant digits, without an exponent.
func three(x float64) string {
	if x == 0 {
		return "0"
	}
	digits := max(0, 2-int(math.Floor(math.Log10(math.Abs(x)))))
	return strconv.FormatFloat(x, 'f', min(digits, 6), 64)
}

func shapeText(shape []int) string {
	parts := make([]string, len(shape))
	for i, d := range shape {
		parts[i] = strconv.Itoa(d)
	}
	return strings.Join(parts, "x")
}
