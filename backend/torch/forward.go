package torch

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"sotto/ir"
)

// writer writes the lines of forward. Activations are kept in variables x, x1, x2, ...: a value takes the first that holds nothing which is
// read later, so that PyTorch frees what the network needs no more.
type writer struct {
	lines   []string
	keeps   []string // entries of KEEP
	indent  string
	names   map[*ir.Value]string // of activations: variables; of weights: expressions
	busy    []bool               // variables
	choices int
}

// forward writes the body of a function.
func (w *writer) forward(f *ir.Func) error {
	if shape := f.Result.Type.Shape; len(shape) != 1 {
		return fmt.Errorf("%s: the network gives shape %v: accepted is a vector, a number for each class", f.Pos, shape)
	}
	input := f.Params[0]
	w.names[input] = w.take()
	if err := w.body(f.Body, f.Result, input); err != nil {
		return err
	}
	w.line("return "+w.names[f.Result], nil)
	return nil
}

// take gives the first free variable.
func (w *writer) take() string {
	i := slices.Index(w.busy, false)
	if i < 0 {
		i, w.busy = len(w.busy), append(w.busy, false)
	}
	w.busy[i] = true
	if i == 0 {
		return "x"
	}
	return fmt.Sprintf("x%d", i)
}

// free gives back the variable of a value.
func (w *writer) free(v *ir.Value) {
	i := 0
	if name := w.names[v]; name != "x" {
		fmt.Sscanf(name, "x%d", &i)
	}
	w.busy[i] = false
}

// body writes values in order. After the last value of the body that reads it, an input of the body or a value that was made in it frees its
// variable; result and what stands outside stay.
func (w *writer) body(values []*ir.Value, result *ir.Value, inputs ...*ir.Value) error {
	last, read := lastReads(values)
	own := map[*ir.Value]bool{}
	for _, x := range inputs {
		own[x] = true
	}
	for i, v := range values {
		var done []*ir.Value
		for _, a := range last[i] {
			if own[a] && a != result {
				done = append(done, a)
			}
		}
		if err := w.value(v, done); err != nil {
			return err
		}
		if own[v] = !v.IsConstant(); own[v] && !read[v] && v != result {
			w.free(v)
		}
	}
	return nil
}

// lastReads lists, for each value of a body, the values that nothing in the body reads after it; read are all that the body reads.
func lastReads(values []*ir.Value) (out [][]*ir.Value, read map[*ir.Value]bool) {
	out, read = make([][]*ir.Value, len(values)), map[*ir.Value]bool{}
	for i, v := range slices.Backward(values) {
		reads(v, func(a *ir.Value) {
			if !read[a] {
				read[a] = true
				out[i] = append(out[i], a)
			}
		})
	}
	return out, read
}

// reads visits what v and the options in it read.
func reads(v *ir.Value, visit func(*ir.Value)) {
	for _, a := range v.Args {
		visit(a)
	}
	for _, o := range v.Options {
		for _, inner := range o.Body {
			reads(inner, visit)
		}
		visit(o.Result)
	}
}

// value writes one value; done are those whose variables are free from here on, so that v may take one of them.
func (w *writer) value(v *ir.Value, done []*ir.Value) error {
	switch {
	case v.Is("param"):
		w.names[v] = "p(" + quote(v.Path) + ")"
		return nil
	case v.Is("choice"):
		return w.choice(v, done)
	}
	text, err := w.expression(v)
	if err != nil {
		return err
	}
	if v.IsConstant() {
		w.names[v] = "c" + fmt.Sprint(len(w.names))
		w.line(w.names[v]+" = "+text, v)
		return nil
	}
	w.frees(done)
	w.names[v] = w.take()
	w.line(w.names[v]+" = "+text, v)
	return nil
}

func (w *writer) frees(done []*ir.Value) {
	for _, a := range done {
		w.free(a)
	}
}

// expression gives the Python expression of a value.
func (w *writer) expression(v *ir.Value) (string, error) {
	row := rowOf(v.Op)
	if row == nil {
		return "", fmt.Errorf("%s: %s has no form in PyTorch: accepted are the ops of stages %s and %s", v.Pos, v.Op.Name, ir.Space, ir.Net)
	}
	var args []string
	for i, a := range v.Args {
		if a.IsConstant() && !v.IsConstant() && !isWeight(v, i) {
			return "", fmt.Errorf("%s: %s computes on the weight %s as on an input: accepted are weights where %s has them", v.Pos, v.Path, a.Path, v.Op.Name)
		}
		args = append(args, w.names[a])
	}
	return row(w, v, args), nil
}

// isWeight tells whether operand i of v is a weight.
func isWeight(v *ir.Value, i int) bool {
	return v.Op.Weights > 0 && i >= v.Op.Weights || v.Is("nn.mix") && i == 0
}

// choice writes the options that have a share in the network, and their sum.
func (w *writer) choice(v *ir.Value, done []*ir.Value) error {
	w.choices++
	site, options := quote(v.Str("site")), fmt.Sprintf("o%d", w.choices)
	w.line(options+" = {}", v)
	for _, o := range v.Options {
		w.line(fmt.Sprintf("if %s in w[%s]:", quote(o.Label), site), nil)
		w.indent += "    "
		before := slices.Clone(w.busy)
		if err := w.body(o.Body, o.Result); err != nil {
			return err
		}
		w.line(fmt.Sprintf("%s[%s] = %s", options, quote(o.Label), w.names[o.Result]), nil)
		w.indent = w.indent[len("    "):]
		w.busy = append(before, make([]bool, len(w.busy)-len(before))...)
	}
	w.frees(done)
	w.names[v] = w.take()
	w.line(fmt.Sprintf("%s = layers.mix(%s, w[%s])", w.names[v], options, site), nil)
	return nil
}

// line writes a line with the place in the source that v is from.
func (w *writer) line(text string, v *ir.Value) {
	if v != nil {
		text += "  # " + where(v)
	}
	w.lines = append(w.lines, w.indent+text)
}

// where is the place of a value in the user's file, and its path.
func where(v *ir.Value) string {
	at := v.Pos
	at.File = filepath.Base(at.File)
	if !at.IsValid() {
		at.File = ""
	}
	return comment(strings.TrimSpace(strings.TrimPrefix(at.String(), "-") + " " + v.Path))
}
