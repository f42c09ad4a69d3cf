// Package onnx reads trained networks in the ONNX format as .sotto source and weights.
//
// Decode reads the protobuf; Import goes through the nodes of the graph in their order. A node becomes layers of the language by the row of its
// operator in ops.go, integers that make up shapes are computed (fold.go), and what the language cannot say is an error: all of them are reported,
// and an attribute that a row does not read is one. The layers are then written as a person would (text.go, repeat.go). Files are hostile:
// everything in them is bounded.
package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"sotto/frontend/syntax"
	"sotto/ir/pos"
	"sotto/runtime/tensorfile"
)

// Network is an imported network.
type Network struct {
	File     *syntax.File
	Source   string // of File, formatted
	Net      string // its name
	Weights  []tensorfile.Tensor
	Layers   int
	Params   int64 // trained: without running statistics
	Producer string
	Warnings []string
}

// The versions of ONNX's own operators that are read.
const (
	oldestOpset = 9
	newestOpset = 24
)

// Load imports the model in a file, with the tensors that it keeps in other files of the same folder. The network is called net. Errors in what the
// model computes come as a pos.List, one for each node and attribute.
func Load(path, net string) (*Network, error) {
	if !IsNetName(net) {
		return nil, fmt.Errorf("a net cannot be called %q", clip(net))
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s: accepted are files of at most %d bytes", path, maxFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	n, err := load(path, net, data, &folder{root: root})
	if _, positioned := err.(pos.List); err != nil && !positioned {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return n, err
}

func load(path, net string, data []byte, dir *folder) (*Network, error) {
	m, err := Decode(data)
	if err != nil {
		return nil, err
	}
	im := &importer{file: path, model: m, dir: dir, paths: map[string]bool{}}
	for _, o := range m.Opsets {
		if o.Domain == "" || o.Domain == "ai.onnx" {
			im.opset = o.Version
		}
	}
	if im.opset < oldestOpset || im.opset > newestOpset {
		return nil, fmt.Errorf("opset %d: accepted are %d to %d", im.opset, oldestOpset, newestOpset)
	}
	out := im.graph(m.Graph)
	if err := im.problems.Err(); err != nil {
		return nil, err
	}
	return im.network(net, out)
}

// importer is a graph on its way to layers.
type importer struct {
	file     string
	model    *Model
	dir      *folder
	opset    int64
	layers   []*layer // in the order of the graph
	batch    int      // for which the graph was made
	softmax  bool     // of the output
	paths    map[string]bool
	counts   map[string]int // of layers without a name
	nodes    int
	reads    map[string]int // how many nodes of the graph read a name
	problems pos.List
}

// maxProblems bounds what a report holds.
const maxProblems = 200

// fail reports what is not supported, with a hint.
func (im *importer) fail(hint, format string, args ...any) {
	at := pos.Pos{File: im.file}
	if len(im.problems) < maxProblems {
		d := pos.Errorf(at, format, args...)
		if hint != "" {
			d.Note(at, "%s", hint)
		}
		im.problems.Add(d)
	}
}

// scope is what the nodes of a graph or function see.
type scope struct {
	values map[string]*value
	attrs  map[string]*Attr // of the call, in a function
}

// graph reads the nodes and gives the layer that is the output, nil after errors.
func (im *importer) graph(g *Graph) *layer {
	s := &scope{values: map[string]*value{}}
	for _, t := range g.Initializers {
		s.values[t.Name] = im.constant(t)
	}
	if !im.input(g, s) || !im.run(g.Nodes, s, 0) {
		return nil
	}
	if len(g.Outputs) != 1 {
		im.fail("export the network without the other outputs", "the graph has %d outputs: accepted is one", len(g.Outputs))
		return nil
	}
	v := s.values[g.Outputs[0].Name]
	if v == nil || v.shape == nil && !v.bad {
		im.fail("", "output %s is made by no node", clip(g.Outputs[0].Name))
		return nil
	}
	im.softmax = v.softmax
	return (&call{im: im, n: &Node{Name: v.name, Op: "output"}}).tensor(v)
}

// input declares the one input that is no initializer: an image [batch, C, H, W] or a vector [batch, N].
func (im *importer) input(g *Graph, s *scope) bool {
	var inputs []*Value
	for _, v := range g.Inputs {
		if s.values[v.Name] == nil {
			inputs = append(inputs, v)
		}
	}
	if len(inputs) != 1 {
		im.fail("", "the graph has %d inputs without an initializer: accepted is one", len(inputs))
		return false
	}
	v := inputs[0]
	shape := make([]int, len(v.Dims))
	total := 1
	for i, d := range v.Dims {
		if i == 0 && d <= 0 {
			d = 1 // a batch of any size
		}
		if d <= 0 || d > maxSide || total > maxSide*maxSide/int(d) {
			im.fail("export it for images of a fixed size", "input %s has shape %v: accepted are sides of 1 to %d", clip(v.Name), v.Dims, maxSide)
			return false
		}
		shape[i], total = int(d), total*int(d)
	}
	if v.Type != Float32 || len(shape) != 2 && len(shape) != 4 {
		im.fail("", "input %s has type %d and shape %v: accepted are floats (%d) of shape [batch, C, H, W] or [batch, N]", clip(v.Name), v.Type, v.Dims, Float32)
		return false
	}
	l := &layer{op: inputOp, name: v.Name, shape: shape[1:]}
	im.layers, im.batch = append(im.layers, l), shape[0]
	s.values[v.Name] = &value{name: v.Name, shape: shape, layer: l}
	return true
}

// maxSide bounds sides of tensors, as the language does.
const maxSide = 1 << 16

// maxLayers bounds a network: ten times the deepest of those that classify images.
const maxLayers = 1 << 13

// maxCalls bounds how deep functions call functions.
const maxCalls = 16

// run reads nodes in their order; false: a limit is hit.
func (im *importer) run(nodes []*Node, s *scope, depth int) bool {
	for _, n := range nodes {
		if im.nodes++; im.nodes > maxNodes || depth > maxCalls || len(im.layers) > maxLayers {
			im.fail("", "with its functions the graph has more than %d nodes or %d layers, or they call each other more than %d deep", maxNodes, maxLayers, maxCalls)
			return false
		}
		if f := im.function(n); f != nil {
			if !im.call(n, f, s, depth) {
				return false
			}
			continue
		}
		c := &call{im: im, n: n, scope: s, attrs: map[string]*Attr{}, read: map[string]bool{}}
		c.run()
	}
	return true
}

func (im *importer) function(n *Node) *Function {
	i := slices.IndexFunc(im.model.Functions, func(f *Function) bool { return f.Name == n.Op && f.Domain == n.Domain })
	if i < 0 {
		return nil
	}
	return im.model.Functions[i]
}

// call reads the nodes of a function in place of a call.
func (im *importer) call(n *Node, f *Function, s *scope, depth int) bool {
	inner := &scope{values: map[string]*value{}, attrs: map[string]*Attr{}}
	for _, a := range append(slices.Clone(f.Defaults), n.Attrs...) {
		if a = s.attr(a); a != nil {
			inner.attrs[a.Name] = a
		}
	}
	for i, name := range f.Inputs {
		if i < len(n.Inputs) && n.Inputs[i] != "" {
			inner.values[name] = s.values[n.Inputs[i]]
		}
	}
	if !im.run(f.Nodes, inner, depth+1) {
		return false
	}
	for i, name := range n.Outputs {
		if i < len(f.Outputs) {
			s.values[name] = inner.values[f.Outputs[i]]
		}
	}
	return true
}

// attr gives an attribute, or that of the call which it stands for, under its own name; nil where the call has none.
func (s *scope) attr(a *Attr) *Attr {
	if a.Ref == "" {
		return a
	}
	given := s.attrs[a.Ref]
	if given == nil {
		return nil
	}
	renamed := *given
	renamed.Name = a.Name
	return &renamed
}

// value is what a name of the graph stands for: an activation, a constant, or what an error left.
type value struct {
	name    string
	shape   []int // ONNX's, the batch first
	layer   *layer
	poly    *poly // of the layer
	softmax bool  // of the layer
	ints    []int64
	floats  *floats
	bad     bool
}

// floats is a constant of floating-point numbers, read when it is needed.
type floats struct {
	from *Tensor
	data []float32
}

// layer is a call of the language.
type layer struct {
	op      string // function, operator or inputOp
	in      []*layer
	args    []arg
	weights []weight
	name    string // of the input: the graph's
	path    string // of the weights; empty without any
	module  string // that it belongs to
	known   bool   // module is from the graph
	class   string // of the module, if the graph says
	shape   []int  // without the batch
	least0  bool   // no element is negative
	flat    *layer // flatten of it, once it is needed
	from    string // the graph's name of the weights
	block   bool   // op is a block
}

// inputOp is the op of the input.
const inputOp = "input"

// arg is an argument: integers, of which several are a list, or a text that stands as it is.
type arg struct {
	name string // empty: by position
	ints []int
	text string
}

// weight is a tensor of a layer.
type weight struct {
	suffix string
	shape  []int
	data   []float32
}

// constant gives what a tensor of the file stands for. Its elements are read by whoever asks.
func (im *importer) constant(t *Tensor) *value {
	v := &value{name: t.Name, shape: make([]int, len(t.Dims))}
	n, err := t.elements()
	if err == nil {
		for i, d := range t.Dims {
			v.shape[i] = int(d)
		}
		switch t.Type {
		case Int64, Int32, Bool:
			if n <= maxInts {
				if err = im.dir.load(t); err == nil {
					v.ints, err = t.ints()
				}
				if v.ints == nil {
					v.ints = []int64{}
				}
			}
			return im.orBad(v, err)
		}
		v.floats = &floats{from: t}
	}
	return im.orBad(v, err)
}

func (im *importer) orBad(v *value, err error) *value {
	if err != nil {
		im.fail("", "%v", err)
		v.bad = true
	}
	return v
}

// elements reads the elements of a constant.
func (im *importer) elements(f *floats) ([]float32, error) {
	if f.data == nil {
		if err := im.dir.load(f.from); err != nil {
			return nil, err
		}
		data, err := f.from.floats()
		if err != nil {
			return nil, err
		}
		f.data = data
	}
	return f.data, nil
}
