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
		case v.SquaresElements():
			made.Ring = v.Type.Elem.Bits
			made.Elements += int64(v.Type.Len())
			made.OTs += cost.GilboaOTs(int64(v.Type.Len()), made.Ring)
		}
	}
	return made
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
		if v.SquaresElements() {
			l.For(i)
			l.Elementwise(int64(v.Type.Len()), v.Type.Elem.Bits)
		}
	}
	return l
}

// CheckMaterial says whether a source can make a SECURE module's material: where the parties make it by themselves, every linear
// layer must fit the encryption, and no op may take keys.
func CheckMaterial(m *Module, source cost.Source) error {
	if source != cost.FromHE {
		return nil
	}
	for _, f := range m.Funcs {
		for _, v := range f.Body {
			if v.Bilinear() {
				return pos.Errorf(v.Pos, "layer %s multiplies two secret values with material that a dealer makes: accepted is --offline dealer", v.Layer())
			}
			if v.TakesKeys() {
				return pos.Errorf(v.Pos, "layer %s compares by keys that a dealer makes: accepted is --offline dealer, or another --nonlinear", v.Layer())
			}
			if !v.Linear() {
				continue
			}
			if _, err := HEPlan(m.Deploy, m.Packing, v); err != nil {
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
