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
	Beyond    int         // runs in which the float network left a range that calibration showed
	Overflows int         // runs in which it reached more than the ring holds
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

	ring  *ir.Func // as it was compiled, of float weights
	of    map[string]*Layer
	holds map[string]float64 // by value: what the ring holds of it, in its own scale

	// Of the run at hand: what the float network has, and in which layers it left the range relied on and that of the ring.
	reals            map[string][]float32
	beyond, overflow map[*Layer]bool
}

// NewLayers makes the layers of a RING function: of all values but constants, reshapes, and the index that argmax gives.
func NewLayers(ring *ir.Func) *Layers {
	l := &Layers{ring: ring, of: map[string]*Layer{}, holds: map[string]float64{}}
	for _, v := range ring.Body {
		if v.IsConstant() || v.Is("ring.reshape") || v.Is("ring.argmax") {
			continue
		}
		l.holds[v.Name] = ring.Holds(v)
		if of := l.of[v.Name]; of == nil && v.Is("ring.trunc") && l.of[v.Args[0].Name] != nil && v.Args[0].Path == v.Path {
			l.of[v.Name] = l.of[v.Args[0].Name]
			continue
		}
		bounds, _ := v.Bounds()
		layer := &Layer{Value: v, Relied: bounds, RestsOn: v.RestsOn(), Holds: l.holds[v.Name]}
		l.of[v.Name], l.List = layer, append(l.List, layer)
	}
	return l
}

// Begin evaluates the float network on the input of the next run. weight gives its float weights.
func (l *Layers) Begin(weight func(*ir.Value) (*ir.Tensor, error), x []float32) error {
	l.reals, l.beyond, l.overflow = map[string][]float32{}, map[*Layer]bool{}, map[*Layer]bool{}
	return errors.Reals(l.ring, weight, x, func(v *ir.Value, reals []float32) {
		if layer := l.of[v.Name]; layer != nil {
			l.reals[v.Name] = reals
			at := span(reals)
			layer.Seen, layer.Largest = layer.Seen.Union(at), max(layer.Largest, at.Magnitude())
		}
	})
}

// Add takes in what a run gave of a value: CompareEach's visitor, after Begin.
func (l *Layers) Add(d Difference, x *ir.Tensor) {
	layer, reals := l.of[d.Value.Name], l.reals[d.Value.Name]
	if layer == nil {
		return
	}
	layer.Units, layer.Slack, layer.Outside = max(layer.Units, d.Units), max(layer.Slack, d.Slack), layer.Outside+d.Count
	private := make([]float32, len(reals))
	for i, y := range x.Real() {
		private[i] = float32(y)
		layer.Error = max(layer.Error, math.Abs(y-float64(reals[i])))
	}
	layer.Seen = layer.Seen.Union(span(private))
	at := span(reals)
	layer.Overflows += first(l.overflow, layer, at.Magnitude() >= l.holds[d.Value.Name])
	layer.Beyond += first(l.beyond, layer, layer.RestsOn == "calibrated" && max(layer.Relied.Lo-at.Lo, at.Hi-layer.Relied.Hi) > noticeable*layer.Relied.Magnitude())
	delete(l.reals, d.Value.Name)
}

// noticeable is by what share of a range a value leaves it that is told: bounds that are met exactly, as the least value of a square, may
// be passed by what float32 rounds.
const noticeable = 1e-3

// first is 1 where something is so for the first time.
func first(seen map[*Layer]bool, l *Layer, is bool) int {
	if !is || seen[l] {
		return 0
	}
	seen[l] = true
	return 1
}

// span is the interval of some values, and 0.
func span(xs []float32) (at ir.Interval) {
	for _, x := range xs {
		at = at.Union(ir.Interval{Lo: float64(x), Hi: float64(x)})
	}
	return at
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
