package conform

import (
	"math"

	"sotto/ir"
	"sotto/passes/errors"
)

// Layer is what private runs gave of a RING value, together with the truncations of it under the same path: one number in several
// scales. Reals are in units of its float meaning, which may have a factor that folding left in it.
type Layer struct {
	Value *ir.Value

	Units   int64 // greatest difference, in units of the last place, of what the parties computed from the reference on the same arguments
	Slack   int   // by how many units its op states that it may be above
	Outside int   // elements that were not

	Error   float64     // greatest difference of an element from what the float network has there
	Largest float64     // greatest magnitude that the float network has there
	Seen    ir.Interval // what elements reached, in float or in private

	Relied    ir.Interval // the range that the scales rely on
	RestsOn   string      // and what that rests on, as the compiler's report says it
	Holds     float64     // magnitude up to which the ring is right, at the finest of its scales
	Beyond    int         // runs in which an element left the range relied on
	Overflows int         // runs in which one reached more than the ring holds
}

// Margin is by how many bits the ring holds more than was seen.
func (l *Layer) Margin() float64 {
	return math.Log2(l.Holds / max(l.Seen.Magnitude(), math.SmallestNonzeroFloat32))
}

// Relative is the error as a share of the greatest magnitude that the float network has there.
func (l *Layer) Relative() float64 {
	if l.Error == 0 {
		return 0
	}
	return l.Error / max(l.Largest, math.SmallestNonzeroFloat32)
}

// Layers collects the layers of a network over private runs.
type Layers struct {
	List []*Layer // in program order

	ring *ir.Func // as it was compiled, of float weights
	of   map[string]*Layer

	// Of the run at hand: what the float network has, and which layers left the range relied on and that of the ring.
	reals            map[string][]float32
	beyond, overflow map[*Layer]bool
}

// NewLayers makes the layers of a RING function: of all values but constants, reshapes, and the index that argmax gives.
func NewLayers(ring *ir.Func) *Layers {
	l := &Layers{ring: ring, of: map[string]*Layer{}}
	for _, v := range ring.Body {
		if v.IsConstant() || v.Is("ring.reshape") || v.Is("ring.argmax") {
			continue
		}
		if of := l.of[v.Name]; of == nil && v.Is("ring.trunc") && l.of[v.Args[0].Name] != nil && v.Args[0].Path == v.Path {
			l.of[v.Name] = l.of[v.Args[0].Name]
			continue
		}
		bounds, _ := v.Bounds()
		layer := &Layer{Value: v, Relied: bounds, RestsOn: v.RestsOn(), Holds: holds(v)}
		l.of[v.Name], l.List = layer, append(l.List, layer)
	}
	return l
}

// holds is the magnitude that fixed point keeps a value below, in units of its float meaning.
func holds(v *ir.Value) float64 { return math.Ldexp(1, v.Type.Elem.Bits-2-v.Type.Elem.Frac) }

// Begin evaluates the float network on the input of the next run. weight gives its float weights.
func (l *Layers) Begin(weight func(*ir.Value) (*ir.Tensor, error), x []float32) error {
	l.reals, l.beyond, l.overflow = map[string][]float32{}, map[*Layer]bool{}, map[*Layer]bool{}
	return errors.Reals(l.ring, weight, x, func(v *ir.Value, reals []float32) {
		if layer := l.of[v.Name]; layer != nil {
			l.reals[v.Name] = reals
			layer.Largest = max(layer.Largest, layer.reach(reals))
		}
	})
}

// reach widens what was seen and gives the greatest magnitude of the elements.
func (l *Layer) reach(xs []float32) (top float64) {
	for _, x := range xs {
		y := float64(x)
		l.Seen, top = l.Seen.Union(ir.Interval{Lo: y, Hi: y}), max(top, math.Abs(y))
	}
	return top
}

// Add takes in what a run gave of a value: CompareEach's visitor, after Begin.
func (l *Layers) Add(d Difference, x *ir.Tensor) {
	layer, reals := l.of[d.Value.Name], l.reals[d.Value.Name]
	if layer == nil {
		return
	}
	layer.Units, layer.Slack, layer.Outside = max(layer.Units, d.Units), max(layer.Slack, d.Slack), layer.Outside+d.Count
	private, most := make([]float32, len(reals)), holds(d.Value)
	for i, y := range x.Real() {
		private[i] = float32(y)
		layer.Error = max(layer.Error, math.Abs(y-float64(reals[i])))
		if !l.overflow[layer] && math.Abs(float64(reals[i])) >= most {
			l.overflow[layer] = true
			layer.Overflows++
		}
	}
	layer.reach(private)
	if _, yes := Beyond(d.Value, x); yes && !l.beyond[layer] {
		l.beyond[layer] = true
		layer.Beyond++
	}
	delete(l.reals, d.Value.Name)
}

// Worst is the layer in which most elements are not what their op states or, where all are, the one farthest from the float network
// in relation to what that has there; nil if there is none.
func (l *Layers) Worst() *Layer {
	var worst *Layer
	for _, layer := range l.List {
		if worst == nil || layer.Outside > worst.Outside || layer.Outside == worst.Outside && layer.Relative() > worst.Relative() {
			worst = layer
		}
	}
	return worst
}
