package main

import (
	"fmt"
	"os"
	"path/filepath"

	"sotto/backend/twopc"
	"sotto/ir"
	"sotto/passes/pass"
	"sotto/passes/ranges"
	"sotto/runtime/party"
	"sotto/runtime/tensorfile"
	"sotto/tools/sotto/weights"
)

// clear is a network that one process can evaluate on its own, in float and in fixed point.
type clear struct {
	net, ring *ir.Func
	fixed     *ir.Func                            // ring, of the weights that it is made of
	float     func(*ir.Value) (*ir.Tensor, error) // weights of net
	baked     func(*ir.Value) (*ir.Tensor, error) // weights of ring
	close     func()
}

// prediction is a network's answer: the output after what the client does with it, and the index of its greatest element
// (for a network that ends in argmax, its value).
type prediction struct {
	Output []float64 `json:"output"`
	Class  int       `json:"class"`
	logits []float64 // the output before what the client does with it; nil for an argmax
}

func predict(f *ir.Func, out *ir.Tensor) prediction {
	p := prediction{Output: out.Real()}
	if post, _ := f.Output["post"].(string); post == "softmax" {
		p.Output = softmax(p.Output)
	}
	if f.Result.Is("nn.argmax") || f.Result.Is("ring.argmax") {
		p.Class = int(p.Output[0])
		return p
	}
	p.logits = out.Real()
	for i, x := range p.Output {
		if x > p.Output[p.Class] {
			p.Class = i
		}
	}
	return p
}

func softmax(xs []float64) []float64 {
	out := make([]float64, len(xs))
	for i, x := range ir.Softmax(narrow(xs)) {
		out[i] = float64(x)
	}
	return out
}

// evalFloat evaluates the network as trained.
func (c *clear) evalFloat(x []float32) (prediction, error) {
	in := &ir.Tensor{Type: c.net.Params[0].Type, F: x}
	return evaluate(c.net, c.float, in)
}

// evalRing evaluates the fixed-point network, every truncation exactly.
func (c *clear) evalRing(x []float32) (prediction, error) {
	return evaluate(c.ring, c.baked, ir.Quantize(c.ring.Params[0].Type, x))
}

func evaluate(f *ir.Func, weight func(*ir.Value) (*ir.Tensor, error), x *ir.Tensor) (prediction, error) {
	env, err := (&ir.Runner{Weight: weight}).Run(f, x)
	if err != nil {
		return prediction{}, err
	}
	return predict(f, env[f.Result]), nil
}

// clear gives a network that was just lowered, with weights.
func (l *lowering) clear() *clear {
	weight := ranges.WeightsOf(l.context)
	return &clear{net: l.net.Funcs[0], ring: l.ring.Funcs[0], float: weight, baked: weight, close: l.close}
}

// openClear reads DIR/clear of a bundle.
func (a *app) openClear(dir string) (*clear, error) {
	from := filepath.Join(dir, clearDir)
	if _, err := os.Stat(filepath.Join(from, ringFile)); err != nil {
		return nil, fmt.Errorf("%s holds no %s: accepted is what `sotto compile -o` wrote", dir, filepath.Join(clearDir, ringFile))
	}
	net, err := a.readFunc(filepath.Join(from, netFile), ir.Net)
	if err != nil {
		return nil, err
	}
	ring, err := a.readFunc(filepath.Join(from, ringFile), ir.RingStage)
	if err != nil {
		return nil, err
	}
	c := &clear{net: net, ring: bakedForm(ring), fixed: ring}
	return c, c.openWeights(from)
}

func (a *app) readFunc(path string, stage ir.Stage) (*ir.Func, error) {
	text, err := a.read(path)
	if err != nil {
		return nil, err
	}
	m, err := ir.Parse(path, text)
	if err != nil {
		return nil, err
	}
	if m.Stage != stage || len(m.Funcs) != 1 || len(m.Funcs[0].Params) != 1 {
		return nil, fmt.Errorf("%s: stage %s with %d functions, accepted is stage %s with one function of one input: compile again", path, m.Stage, len(m.Funcs), stage)
	}
	return m.Funcs[0], nil
}

func (c *clear) openWeights(from string) error {
	if !exists(filepath.Join(from, party.WeightsFile)) {
		return fmt.Errorf("%s holds no weights: compile with --weights", from)
	}
	float, err := weights.Open(filepath.Join(from, floatFile), c.net, nil)
	if err != nil {
		return err
	}
	baked, err := tensorfile.Open(filepath.Join(from, party.WeightsFile))
	if err != nil {
		float.Close()
		return err
	}
	c.float = ranges.WeightsOf(&pass.Context{Weights: float})
	c.baked = func(v *ir.Value) (*ir.Tensor, error) { return bakedTensor(baked, v) }
	c.close = func() { float.Close(); baked.Close() }
	return nil
}

func bakedTensor(f *tensorfile.File, v *ir.Value) (*ir.Tensor, error) {
	data, _, err := f.Ints(v.Path)
	if err == nil && len(data) != v.Type.Len() {
		err = fmt.Errorf("weight %s has %d elements, the network takes %d: compile again", v.Path, len(data), v.Type.Len())
	}
	return &ir.Tensor{Type: v.Type, I: data}, err
}

// bakedForm replaces the weights that are computed when a bundle is made by params of their baked names.
func bakedForm(f *ir.Func) *ir.Func {
	r := pass.NewRewriter(f)
	uses := map[*ir.Value]bool{}
	for _, v := range f.Body {
		for _, a := range v.Args {
			uses[a] = uses[a] || a.IsConstant() && !v.IsConstant()
		}
	}
	for _, v := range f.Body {
		switch {
		case !v.IsConstant():
			r.To[v] = r.Copy(v)
		case uses[v]:
			w := &ir.Value{Name: v.Name, Op: ir.MustLookup("param"), Type: v.Type, Pos: v.Pos, Path: twopc.WeightName(v)}
			r.New.Body = append(r.New.Body, w)
			r.To[v] = w
		}
	}
	r.New.Result = r.To[f.Result]
	return r.New
}
