// Package onnx writes a network as an ONNX model of standard operators, which other frameworks run and sotto import reads back.
package onnx

import (
	"fmt"
	"slices"
	"strings"

	format "sotto/frontend/onnx"
	"sotto/ir"
)

// The version of the format, and of the operators, that models are written in: those of ONNX 1.8, which has all that networks need.
const (
	irVersion = 7
	opset     = 13
)

// Weights gives a weight by its path.
type Weights func(path string, shape []int) ([]float32, error)

// Export gives the model of a function of stage NET with one input, for batches of any size. Weights have the names that they have in the network,
// with _ for #.
func Export(f *ir.Func, producer, version string, weights Weights) (*format.Model, error) {
	if len(f.Params) != 1 {
		return nil, fmt.Errorf("@%s has %d inputs: accepted is one", f.Name, len(f.Params))
	}
	w := &writer{graph: &format.Graph{Name: f.Name}, names: map[*ir.Value]string{}, taken: map[string]bool{}, weights: weights}
	x := f.Params[0]
	w.names[x] = w.unique(x.Name)
	output := w.unique(textOf(f.Output["name"]))
	w.graph.Inputs = []*format.Value{described(w.names[x], x.Type)}
	w.graph.Outputs = []*format.Value{described(output, f.Result.Type)}
	for _, v := range f.Body {
		if err := w.value(v); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", v.Pos, v.Path, err)
		}
	}
	last, attrs := "Identity", []*format.Attr(nil)
	if textOf(f.Output["post"]) == "softmax" {
		last, attrs = "Softmax", []*format.Attr{number("axis", 1)}
	}
	w.graph.Nodes = append(w.graph.Nodes, &format.Node{Name: "/" + last, Op: last, Inputs: []string{w.names[f.Result]}, Outputs: []string{output}, Attrs: attrs})
	w.dropUnread()
	return &format.Model{IRVersion: irVersion, Producer: producer, Version: version, Opsets: []format.Opset{{Version: opset}}, Graph: w.graph}, nil
}

func textOf(x any) string {
	s, _ := x.(string)
	return s
}

// anyBatch is the first dimension of what goes in and out.
const anyBatch = -1

func described(name string, t ir.Type) *format.Value {
	dims := []int64{anyBatch}
	for _, d := range t.Shape {
		dims = append(dims, int64(d))
	}
	return &format.Value{Name: name, Type: format.Float32, Dims: dims}
}

type writer struct {
	graph   *format.Graph
	names   map[*ir.Value]string
	taken   map[string]bool
	weights Weights

	path string // of the value that is being written
}

// dropUnread drops weights that no node reads.
func (w *writer) dropUnread() {
	read := map[string]bool{}
	for _, n := range w.graph.Nodes {
		for _, in := range n.Inputs {
			read[in] = true
		}
	}
	w.graph.Initializers = slices.DeleteFunc(w.graph.Initializers, func(t *format.Tensor) bool { return !read[t.Name] })
}

// unique gives a name that nothing has yet.
func (w *writer) unique(name string) string {
	name = plain(name)
	out := name
	for n := 2; w.taken[out]; n++ {
		out = fmt.Sprintf("%s_%d", name, n)
	}
	w.taken[out] = true
	return out
}

// plain is a path as import accepts it.
func plain(path string) string { return strings.ReplaceAll(path, "#", "_") }

// value writes a weight as an initializer, and another value by its row.
func (w *writer) value(v *ir.Value) error {
	if v.Is("param") {
		data, err := w.weights(v.Path, v.Type.Shape)
		if err != nil {
			return err
		}
		w.names[v] = w.constant(v.Path, v.Type.Shape, data)
		return nil
	}
	row := rows[v.Op.Name]
	if row == nil {
		return fmt.Errorf("%s has no standard operator", v.Op.Name)
	}
	args := make([]string, len(v.Args))
	for i, a := range v.Args {
		args[i] = w.names[a]
	}
	w.path = plain(v.Path)
	name, err := row(w, v, args)
	w.names[v] = name
	return err
}

// constant adds an initializer.
func (w *writer) constant(name string, shape []int, data []float32) string {
	name = w.unique(name)
	w.graph.Initializers = append(w.graph.Initializers, format.NewTensor(name, shape, data))
	return name
}

// integers adds an initializer of integers, as for axes and shapes.
func (w *writer) integers(name string, list ...int64) string {
	name = w.unique(w.path + "." + name)
	w.graph.Initializers = append(w.graph.Initializers, &format.Tensor{Name: name, Type: format.Int64, Dims: []int64{int64(len(list))}, Int64s: list})
	return name
}

// scalar adds an initializer of one number.
func (w *writer) scalar(name string, x float32) string {
	return w.constant(w.path+"."+name, nil, []float32{x})
}

// node adds a node and gives its output. Its name is that of its layer, and its operator.
func (w *writer) node(op string, inputs []string, attrs ...*format.Attr) string {
	name := w.unique("/" + w.path + "/" + op)
	out := w.unique(w.path + "." + strings.ToLower(op))
	w.graph.Nodes = append(w.graph.Nodes, &format.Node{Name: name, Op: op, Inputs: inputs, Outputs: []string{out}, Attrs: attrs})
	return out
}

func number(name string, x int64) *format.Attr {
	return &format.Attr{Name: name, Type: format.IntAttr, I: x}
}

func numbers(name string, list ...int) *format.Attr {
	a := &format.Attr{Name: name, Type: format.IntsAttr}
	for _, x := range list {
		a.Ints = append(a.Ints, int64(x))
	}
	return a
}

func text(name, s string) *format.Attr {
	return &format.Attr{Name: name, Type: format.StringAttr, S: s}
}
