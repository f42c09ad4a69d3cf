package relu

import (
	"fmt"
	"math"

	"sotto/ir"
	"sotto/passes/pass"
)

// SignDrop lets the signs of ReLUs be taken without their operands' lowest bits, as Circa (NeurIPS 2021) and HummingBird (2023) do.
//
// The comparisons that take it, sign-only circuits and those by OT (runtime/nonlin/coarse.go), round the truncated shares up at the server:
// a value x >= 0 always keeps its sign, and so does one below -2^k. One in [-2^k, 0) comes through as it is with the probability 1 + x/2^k
// over the shares. So nothing positive is lost, and a result is at most 2^k units of its last place below what it should be, a
// quarter of that on average over shares where it is worst. Other protocols compare all bits.
var SignDrop = &pass.Pass{
	Name: "signdrop",
	Doc: "lets a relu's sign be taken without the k lowest bits (--sign-drop k, or signdrop=k here; approximate: a value in [-2^k, 0) of its last place" +
		" may come through as it is, all others are exact); comparisons by gc and ot get k bits narrower",
	Needs: ir.RingStage,
	Run: func(c *pass.Context, m *ir.Module) error {
		for _, f := range m.Funcs {
			for _, v := range f.Body {
				if !v.Is("ring.relu") || c.SignDrop == 0 {
					continue
				}
				if err := dropSign(c, v); err != nil {
					return err
				}
			}
		}
		return nil
	},
}

// dropSign marks a ReLU and states its error.
func dropSign(c *pass.Context, v *ir.Value) error {
	frac := v.Type.Elem.Frac
	if c.SignDrop < 0 || c.SignDrop > frac {
		return fmt.Errorf("%s: %s: a sign without %d bits of a value with %d fraction bits: accepted are 0 to %d, an error of one", v.Pos, v.Path, c.SignDrop, frac, frac)
	}
	v.Set("drop", c.SignDrop)
	c.Report.Signs = append(c.Report.Signs, pass.Sign{Path: v.Path, Line: v.Pos.Line, Dropped: c.SignDrop, Error: math.Ldexp(1, c.SignDrop-frac)})
	return nil
}
