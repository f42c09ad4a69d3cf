// Package goals reads what a search is to make least, and under which limits, from a search block of the language or from flags.
package goals

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"sotto/frontend/syntax"
)

// Goal is a search block.
type Goal struct {
	Name, Net string
	Data      string // empty: not said
	Method    string // empty: not said
	Settings  map[string]Setting
	Objective []Term // beside the loss
	Limits    []Limit
	Levels    []Limit // of one figure: a network is to be found for each, beside Limits; empty: one network
}

// Target is that of the first figure which is of one, of the objective before the limits; empty: there is none.
func (g *Goal) Target() string {
	var figures []Figure
	for _, t := range g.Objective {
		figures = append(figures, t.Figure)
	}
	for _, l := range g.Limits {
		figures = append(figures, l.Figure)
	}
	if i := slices.IndexFunc(figures, func(f Figure) bool { return f.Target != "" }); i >= 0 {
		return figures[i].Target
	}
	return ""
}

// Under is the goal whose networks hold one of its levels too.
func (g *Goal) Under(level Limit) *Goal {
	under := *g
	under.Limits, under.Levels = append(slices.Clone(g.Limits), level), nil
	return &under
}

// Setting is a field of a method: a number, or a word.
type Setting struct {
	syntax.Node
	Number float64
	Word   string
}

// Figure is a measure of a network, of those in Measures, on a target where it depends on one.
type Figure struct{ Measure, Target string }

func (f Figure) String() string {
	if f.Target == "" {
		return f.Measure
	}
	return f.Measure + "(" + f.Target + ")"
}

// Term is a part of the objective: so many times a figure, per unit of its kind (millisecond, byte or one).
type Term struct {
	Figure
	Weight float64
}

// Limit is what a figure may not exceed.
type Limit struct {
	Figure
	Most float64
}

// kind is what a number counts.
type kind string

const (
	plain kind = ""
	times kind = "time"
	sizes kind = "size"
)

// measures are the figures there are.
var measures = map[string]struct {
	kind     kind
	onTarget bool
	doc      string
}{
	"latency": {times, true, "time of the online phase, ms"},
	"offline": {times, true, "time of the offline phase, ms"},
	"total":   {times, true, "time of both phases, ms"},
	"traffic": {sizes, true, "bytes that both parties send in both phases"},
	"online":  {sizes, true, "bytes that both parties send in the online phase"},
	"rounds":  {plain, true, "rounds of the online phase"},
	"relus":   {plain, false, "ReLUs of an inference"},
	"macs":    {plain, false, "multiply-adds of the linear layers"},
	"params":  {plain, false, "numbers that are trained"},
	"lut":     {plain, true, "of a board, by the kernels that the network needs"},
	"ff":      {plain, true, "of a board"},
	"dsp":     {plain, true, "of a board"},
	"bram":    {plain, true, "of a board"},
	"uram":    {plain, true, "of a board"},
}

// Measures lists the names of figures with what they are.
func Measures() (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(measures)) {
		m := measures[name]
		if m.onTarget {
			name += "(TARGET)"
		}
		lines = append(lines, name+": "+m.doc)
	}
	return lines
}

// Read takes a search block apart. Errors are positioned.
func Read(s *syntax.Search) (*Goal, error) {
	g := &Goal{Name: s.Name.Name, Net: s.Net.Name, Settings: map[string]Setting{}}
	for _, setting := range s.Settings {
		var err error
		switch v := setting.(type) {
		case *syntax.Data:
			g.Data, err = word(v.Value)
		case *syntax.Method:
			err = g.method(v)
		case *syntax.Objective:
			err = g.objective(v)
		case *syntax.Constraints:
			for _, e := range v.Exprs {
				var l Limit
				if l, err = limit(e); err != nil {
					return nil, err
				}
				g.Limits = append(g.Limits, l)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return g, nil
}

func (g *Goal) method(m *syntax.Method) error {
	g.Method = m.Name.Name
	for _, f := range m.Fields {
		s := Setting{Node: f.Node}
		switch v := f.Value.(type) {
		case *syntax.Name:
			s.Word = v.Name
		case *syntax.Bool:
			s.Word = strconv.FormatBool(v.Value)
		case *syntax.Str:
			text, err := word(v)
			if err != nil {
				return err
			}
			s.Word = text
		default:
			x, err := evaluate(f.Value)
			if err == nil && (len(x.terms) > 0 || x.kind != plain) {
				err = f.Value.At().Errorf("%s: accepted is a plain number or a word", f.Name.Name)
			}
			if err != nil {
				return err
			}
			s.Number = x.constant
		}
		g.Settings[f.Name.Name] = s
	}
	return nil
}

// loss is the figure that every objective has.
const loss = "loss"

func (g *Goal) objective(o *syntax.Objective) error {
	if o.Sense == syntax.Maximize {
		return o.Errorf("maximize: a search makes its loss least: accepted is minimize loss, and figures that are weighed against it, such as minimize loss + 0.02 * latency(pair) / ms")
	}
	x, err := evaluate(o.Value)
	if err != nil {
		return err
	}
	if x.kind != plain {
		return o.Value.At().Errorf("minimize: a %s: accepted is loss and figures per unit, such as loss + 0.02 * latency(pair) / ms", x.kind)
	}
	if w := x.terms[Figure{Measure: loss}]; w != 1 {
		return o.Value.At().Errorf("minimize: the loss counts %g times: accepted is loss once, with figures that are weighed against it", w)
	}
	for _, f := range slices.SortedFunc(maps.Keys(x.terms), func(a, b Figure) int { return strings.Compare(a.String(), b.String()) }) {
		if f.Measure != loss {
			g.Objective = append(g.Objective, Term{f, x.terms[f]})
		}
	}
	return nil
}

// limit reads FIGURE <= NUMBER.
func limit(e syntax.Expr) (Limit, error) {
	b, ok := e.(*syntax.Binary)
	if !ok || b.Op != "<=" {
		return Limit{}, e.At().Errorf("subject to: accepted is a figure that is at most something, such as relus <= 100K or latency(pair) <= 63 ms")
	}
	left, err := evaluate(b.X)
	if err != nil {
		return Limit{}, err
	}
	right, err := evaluate(b.Y)
	if err != nil {
		return Limit{}, err
	}
	if left.kind != right.kind {
		return Limit{}, b.Errorf("subject to: %s <= %s: accepted are two of a kind, such as latency(pair) <= 63 ms", left.kind.name(), right.kind.name())
	}
	figures := slices.Collect(maps.Keys(left.terms))
	if len(figures) != 1 || left.constant != 0 || len(right.terms) != 0 {
		return Limit{}, b.Errorf("subject to: accepted is one figure on the left and a number on the right")
	}
	f, weight := figures[0], left.terms[figures[0]]
	if f.Measure == loss || weight <= 0 {
		return Limit{}, b.Errorf("subject to: accepted is one figure of %s", strings.Join(slices.Sorted(maps.Keys(measures)), ", "))
	}
	return Limit{f, right.constant / weight}, nil
}

func (k kind) name() string {
	if k == plain {
		return "a number"
	}
	return "a " + string(k)
}

func word(e syntax.Expr) (string, error) {
	if s, ok := e.(*syntax.Str); ok && len(s.Parts) == 1 && s.Parts[0].X == nil {
		return s.Parts[0].Text, nil
	}
	return "", e.At().Errorf("accepted is a text such as \"cifar10\"")
}
