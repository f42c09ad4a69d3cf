package engine

import (
	"fmt"
	"slices"
	"strings"

	"sotto/backend/plain"
	"sotto/ir"
	"sotto/passes"
	"sotto/passes/pass"
)

// network is the training functions of a network, compiled when they are first needed.
type network struct {
	module   *ir.Module
	programs map[string]*plain.Program
	shapes   map[string][]int // of all state
	kept     []string         // what functions read, sorted
	weights  []string         // what is trained, sorted
	logits   []string         // site by site
}

// derive makes the functions of a NET, and two more: @net, its answers for a batch, and @measure, the loss of a batch in training mode.
func derive(net *ir.Module, how pass.Training, d Data) (*network, error) {
	if len(net.Funcs) != 1 || len(net.Funcs[0].Params) != 1 {
		return nil, fmt.Errorf("a module of %d functions: accepted is one network of one input", len(net.Funcs))
	}
	f := net.Funcs[0]
	if t := f.Result.Type; t.Len() != d.Classes() {
		return nil, fmt.Errorf("@%s gives %s, and the data has %d classes", f.Name, t, d.Classes())
	}
	how.Batch = d.Size()
	m := net.Clone()
	if err := (&pass.Runner{}).Run(&pass.Context{Training: &how}, m, passes.ToTrain...); err != nil {
		return nil, err
	}
	n := &network{module: m, programs: map[string]*plain.Program{}, shapes: map[string][]int{}}
	n.module.Funcs = append(n.module.Funcs, n.part("measure", m.Func("gradient"), nil), n.part("net", m.Func("eval"), answer(m.Func("eval"))))
	n.find(logitsOf(f, how.Logits))
	return n, nil
}

// logitsOf gives the paths of a relaxed network's logits, in the order of its sites, and of those that are named beside.
func logitsOf(f *ir.Func, named []string) (paths []string) {
	decides := map[*ir.Value]bool{}
	for _, v := range f.Body {
		if v.Op.Decides {
			decides[v.Args[0]] = true
		}
	}
	for _, v := range f.Body {
		if (decides[v] || slices.Contains(named, v.Path)) && !slices.Contains(paths, v.Path) {
			paths = append(paths, v.Path)
		}
	}
	return paths
}

// answer is the value that a function's loss is of.
func answer(f *ir.Func) *ir.Value { return f.Result.Args[0] }

// part is what a function computes of one of its values, its result if that is nil, and the number of correct answers with it.
func (n *network) part(name string, f *ir.Func, result *ir.Value) *ir.Func {
	out := *f
	out.Name, out.Body = name, nil
	needed := map[*ir.Value]bool{}
	if result != nil {
		out.Result, out.Params = result, f.Params[:1]
	}
	needed[out.Result] = true
	for i := len(f.Body) - 1; i >= 0; i-- {
		v := f.Body[i]
		if v.Path == correct && result == nil {
			needed[v] = true
		}
		for _, a := range v.Args {
			needed[a] = needed[a] || needed[v]
		}
	}
	for _, v := range f.Body {
		if needed[v] {
			out.Body = append(out.Body, v)
		}
	}
	return &out
}

// find lists the state of all functions.
func (n *network) find(logits []string) {
	read, gradients := map[string]bool{}, map[string]bool{}
	for _, f := range n.module.Funcs {
		for _, v := range f.Body {
			if !v.Op.State {
				continue
			}
			n.shapes[v.Path] = v.Type.Shape
			if path, ok := strings.CutSuffix(v.Path, gradient); ok && v.Overwrites() {
				gradients[path] = true
			} else if v.Is("param") {
				read[v.Path] = true
			}
		}
	}
	n.logits = logits
	for path := range read {
		n.kept = append(n.kept, path)
		if gradients[path] && !slices.Contains(logits, path) {
			n.weights = append(n.weights, path)
		}
	}
	slices.Sort(n.kept)
	slices.Sort(n.weights)
}

// batch gives memory for the images and the labels of a batch.
func (n *network) batch() (images, labels []float32) {
	p := n.module.Func("eval").Params
	return make([]float32, p[0].Type.All()), make([]float32, p[1].Type.All())
}

// program compiles a function, once.
func (n *network) program(name string) (*plain.Program, error) {
	if p := n.programs[name]; p != nil {
		return p, nil
	}
	p, err := plain.Compile(n.module.Func(name))
	if err == nil {
		n.programs[name] = p
	}
	return p, err
}
