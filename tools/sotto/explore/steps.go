package explore

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"sotto/ir"
)

// Steps lists the forms that a network went through.
type Steps struct {
	Sotto int        `json:"sotto"`
	Steps []StepHead `json:"steps"`
}

// StepHead is one form: what a pass left.
type StepHead struct {
	Name   string  `json:"name"` // of the pass
	Doc    string  `json:"doc,omitempty"`
	Stage  string  `json:"stage"`
	MS     float64 `json:"ms,omitempty"` // that the pass took
	Values int     `json:"values"`
	Same   bool    `json:"same,omitempty"` // as the form before
}

// Step is the text of a form.
type Step struct {
	Sotto int    `json:"sotto"`
	Lines []Line `json:"lines"`
}

// Line is a line of the text, without the position that stands in it there.
type Line struct {
	Text string   `json:"t"`
	Defs []string `json:"v,omitempty"` // names of values that it defines
	File string   `json:"f,omitempty"` // where in the user's source it is from
	At   int      `json:"l,omitempty"` // the line there
	Col  int      `json:"c,omitempty"`
	Path string   `json:"p,omitempty"` // of the user's layer, weight or choice
	Note string   `json:"n,omitempty"` // derived numbers
}

// Recorder puts the forms of a network into a document as passes leave them.
type Recorder struct {
	Document *Document
	// Note gives what stands beside values of a module; it may be nil.
	Note func(*ir.Module) func(*ir.Value) string

	steps []StepHead
	last  string
}

// StepPart names the part with the text of a form.
func StepPart(i int) string { return fmt.Sprintf("step-%d", i) }

// Add records a module as a pass left it.
func (r *Recorder) Add(name, doc string, m *ir.Module, took time.Duration) error {
	var note func(*ir.Value) string
	if r.Note != nil {
		note = r.Note(m)
	}
	text := ir.Print(m, note)
	head := StepHead{Name: name, Doc: doc, Stage: m.Stage.String(), MS: milliseconds(took), Same: text == r.last}
	r.last = text
	for _, f := range m.Funcs {
		f.Walk(func(*ir.Value) { head.Values++ })
	}
	r.steps = append(r.steps, head)
	if err := r.Document.Put(StepPart(len(r.steps)-1), Step{Version, Lines(m, note)}); err != nil {
		return err
	}
	return r.Document.Put("steps", Steps{Version, slices.Clone(r.steps)})
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Lines gives the text of a module with what each line is of. note may be nil.
func Lines(m *ir.Module, note func(*ir.Value) string) []Line {
	values := layout(m)
	var out []Line
	for text := range strings.Lines(m.String()) {
		text = strings.TrimSuffix(text, "\n")
		at := values[0]
		values = values[1:]
		if strings.HasPrefix(text, "file ") {
			continue
		}
		line := Line{Text: places.ReplaceAllString(text, "")}
		for _, v := range at {
			line.Defs = append(line.Defs, v.Name)
		}
		if len(at) > 0 {
			v := at[0]
			line.File, line.At, line.Col, line.Path = v.Pos.File, v.Pos.Line, v.Pos.Col, v.Path
			if note != nil && !v.Is("input") {
				line.Note = note(v)
			}
		}
		out = append(out, line)
	}
	return out
}

// places are positions as the printer writes them.
var places = regexp.MustCompile(`  @\d+:\d+:\d+(/[^ \t,(){};=]*)?`)

// layout gives, by line of a module's text, the values that the line defines.
func layout(m *ir.Module) [][]*ir.Value {
	lines := make([][]*ir.Value, 1+len(m.Files))
	for _, f := range m.Funcs {
		lines = append(lines, nil, f.Params)
		lines = appendBody(lines, f.Body)
		lines = append(lines, nil, nil) // return, and the end
	}
	return lines
}

func appendBody(lines [][]*ir.Value, body []*ir.Value) [][]*ir.Value {
	for _, v := range body {
		lines = append(lines, []*ir.Value{v})
		for _, o := range v.Options {
			lines = append(appendBody(append(lines, nil), o.Body), nil) // option, and yield
		}
		if len(v.Options) > 0 {
			lines = append(lines, nil)
		}
	}
	return lines
}
