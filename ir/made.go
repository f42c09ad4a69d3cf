package ir

import (
	"sotto/ir/cost"
	"sotto/ir/pos"
)

// MadeBy counts the material of a SECURE function that the two parties make alone, if no dealer does.
func MadeBy(m *Module, f *Func) cost.Made {
	made := cost.Made{Elementwise: m.Elementwise, Packing: m.Packing}
	for _, v := range f.Body {
		switch {
		case v.Linear():
			made.Ring = v.Type.Elem.Bits
			made.Products++
		case v.Bilinear() && v.crossProducts() == 0:
			made.Ring = v.Type.Elem.Bits
			made.Products++
		case v.crossProducts() > 0:
			made.Ring = v.Type.Elem.Bits
			made.Elements += v.crossProducts()
			made.OTs += cost.GilboaOTs(v.crossProducts(), made.Ring)
		}
	}
	return made
}

// crossProducts is how many elementwise products of what one party knows with what the other does the material of v takes.
func (v *Value) crossProducts() int64 {
	switch {
	case v.SquaresElements():
		return int64(v.Type.Len())
	case v.Is("ring.mul") && v.Bilinear():
		return 2 * int64(v.Type.Len())
	}
	return 0
}

// AccountElementwise fills a ledger with what the parties send and compute for a SECURE function's elementwise products alone.
func AccountElementwise(m *Module, f *Func, e cost.Elementwise) *cost.Ledger {
	l := cost.NewLedger(m.Deploy, cost.FromHE)
	made := MadeBy(m, f)
	made.Products, made.Elementwise = 0, e
	if err := l.Make(SessionOTs(m, f), made); err != nil {
		Bugf("%v", err)
	}
	for i, v := range f.Body {
		if n := v.crossProducts(); n > 0 {
			l.For(i)
			l.Elementwise(n, v.Type.Elem.Bits)
		}
	}
	return l
}

// CheckMaterial says whether a source can make a SECURE module's material: where the parties make it by themselves, every linear
// map must fit the encryption, and no op may take keys.
func CheckMaterial(m *Module, source cost.Source) error {
	if source != cost.FromHE {
		return nil
	}
	for _, f := range m.Funcs {
		for _, v := range f.Body {
			if v.TakesKeys() {
				return pos.Errorf(v.Pos, "layer %s compares by keys that a dealer makes: accepted is --offline dealer, or another --nonlinear", v.Layer())
			}
			var err error
			switch {
			case v.Linear():
				_, err = HEPlan(m.Deploy, m.Packing, v)
			case v.Bilinear() && v.crossProducts() == 0:
				_, _, err = HEBatch(m.Packing, v)
			}
			if err != nil {
				return pos.Errorf(v.Pos, "layer %s: %v; a dealer makes the material of any layer (--offline dealer)", v.Layer(), err)
			}
		}
	}
	return nil
}

// heCost: the mask travels encrypted, and the product comes back masked.
func heCost(l *cost.Ledger, v *Value) {
	p, err := HEPlan(l.Deploy, l.Packing(), v)
	if err != nil {
		Bugf("%s: %v", v.Layer(), err)
	}
	l.Product(p, MaskOf(v.Args[0]))
	if l.Deploy == cost.Outsourced {
		for _, p := range []cost.Party{cost.Client, cost.Server} {
			v.multipliesOnce(l, p, cost.Start) // a party's own mask and share of the weights
		}
	}
}

// laidMask is the mask of a product of two masks, as it is laid out to be encrypted.
type laidMask struct {
	of *Value
	as cost.HEBatch
}

// heBilinearCost: either party's share of the one mask travels encrypted, and comes back multiplied by the other's of the other mask.
// Products of elements are crossed instead. The product of its own shares each party has by itself.
func heBilinearCost(l *cost.Ledger, v *Value) {
	for _, p := range []cost.Party{cost.Client, cost.Server} {
		v.times(l, p, cost.Start)
	}
	if n := v.crossProducts(); n > 0 {
		l.Elementwise(n, v.Type.Elem.Bits)
		return
	}
	b, p, err := HEBatch(l.Packing(), v)
	if err != nil {
		Bugf("%s: %v", v.Layer(), err)
	}
	l.Product(p, laidMask{MaskOf(v.Args[0]), b.Laid()})
	for _, p := range []cost.Party{cost.Client, cost.Server} {
		l.Keep(p, v.vectorBytes()) // its share
	}
}

// HEBatch is the form and the packing of a bilinear map of two opened values, but of elementwise products.
func HEBatch(by cost.Packing, v *Value) (cost.HEBatch, cost.HEPlan, error) {
	m, samples, of := v.BatchMap()
	return by.PlanBatch(m, samples, of, v.Type.Elem.Bits)
}

// BatchMap is a bilinear map but that of elements as one of a batch of convolutions. A fully connected layer is a convolution of one pixel,
// and a sum of products for each of n stretches the gradient of one by the n weights that each channel has one of.
func (v *Value) BatchMap() (m cost.BatchMap, samples int, of cost.HELayer) {
	a, b, y := v.Args[0].Type.Shape, v.Args[1].Type.Shape, v.Type.Shape
	samples = max(1, v.Int("batch"))
	switch v.Op.Name {
	case "ring.linear":
		return cost.Forward, samples, cost.HELinear(b[0], b[1])
	case "ring.linear.x":
		return cost.ByInput, samples, cost.HELinear(b[0], b[1])
	case "ring.linear.w":
		return cost.ByWeights, samples, cost.HELinear(y[0], y[1])
	case "ring.products":
		n := v.Int("n")
		return cost.ByWeights, samples, cost.HELayer{InC: n, InH: 1, InW: v.Args[0].Type.Len() / samples / n, OutC: n, KH: 1, KW: 1,
			StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: n}
	}
	m, x, w := cost.Forward, a, b
	switch v.Op.Name {
	case "ring.conv2d.x":
		m, x = cost.ByInput, y
	case "ring.conv2d.w":
		m, w = cost.ByWeights, y
	}
	s, p, d := v.Ints("stride"), v.Ints("pad"), v.Ints("dilation")
	return m, samples, cost.HELayer{InC: x[0] / samples, InH: x[1], InW: x[2], OutC: w[0], KH: w[2], KW: w[3], StrideH: s[0], StrideW: s[1],
		PadH: p[0], PadW: p[1], DilH: d[0], DilW: d[1], Groups: v.Int("groups")}
}

// MaskOf is the value whose mask an argument of a linear layer has: a reshape has that of what it reshapes.
func MaskOf(v *Value) *Value {
	for v.Is("ring.reshape") {
		v = v.Args[0]
	}
	return v
}

// Packing is how a linear layer is packed in a module whose layers are packed in a way.
func (v *Value) Packing(of cost.Packing) (cost.Packing, error) {
	if own := v.Str("packing"); own != "" {
		return cost.ParsePacking(own)
	}
	return of, nil
}

// SetPacking packs a linear layer in a way, whatever its module says.
func (v *Value) SetPacking(k cost.Packing) { v.Set("packing", k.String()) }

// Linear tells whether v is a layer whose products with weights are material.
func (v *Value) Linear() bool {
	return (v.Is("ring.conv2d") || v.Is("ring.linear")) && !v.Bilinear()
}

// HEPlan is the packing of a linear layer for one inference.
func HEPlan(d cost.Deployment, by cost.Packing, v *Value) (cost.HEPlan, error) {
	by, err := v.Packing(by)
	if err != nil {
		return cost.HEPlan{}, err
	}
	x, w := v.Args[0].Type.Shape, v.Args[1].Type.Shape
	var layer cost.HELayer
	if v.Is("ring.linear") {
		layer = cost.HELinear(w[0], w[1])
	} else {
		s, p, dil := v.Ints("stride"), v.Ints("pad"), v.Ints("dilation")
		layer = cost.HELayer{InC: x[0], InH: x[1], InW: x[2], OutC: w[0], KH: w[2], KW: w[3], StrideH: s[0], StrideW: s[1],
			PadH: p[0], PadW: p[1], DilH: dil[0], DilW: dil[1], Groups: v.Int("groups")}
	}
	return planFor(packed{layer, v.Type.Elem.Bits, d, by})
}
