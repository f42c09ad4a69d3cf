// Package fold rewrites NET so that only linear layers, squares, sign-based ops and movements remain, and folds per-channel
// factors into the weights before them.
package fold

import (
	"sotto/ir"
	"sotto/passes/pass"
)

// X2act writes the polynomial activation s*a*x^2 + b*x + c as sign * u^2 + b' * u + c with u = sqrt|s*a| * x and
// b' = b / sqrt|s*a|, so that the square needs no secret factor and the factor of u can fold into the layer before.
// The sign of s*a becomes public; the coefficients stay weights.
var X2act = &pass.Pass{
	Name: "x2act",
	Doc: "writes x2act as a square of x times sqrt|s*a|, plus linear term and constant (exact up to rounding, |s*a| at least 2^-16);" +
		" the sign of the quadratic coefficient becomes public",
	Needs: ir.Net,
	Run: func(c *pass.Context, m *ir.Module) error {
		negative := 0
		err := pass.Rewrite(m, func(r *pass.Rewriter, v *ir.Value) (*ir.Value, error) {
			if !v.Is("nn.x2act") {
				return nil, nil
			}
			sign, err := signOf(c, v)
			if sign < 0 {
				negative++
			}
			return expandX2act(r, v, sign), err
		})
		if negative > 0 {
			c.Notice("x2act: %d site(s) have a negative quadratic coefficient; that sign is visible in both programs", negative)
		}
		return err
	},
}

func expandX2act(r *pass.Rewriter, v *ir.Value, sign int) *ir.Value {
	b, args := r.B.At(v), r.Args(v)
	scale := ir.Attrs{"scale": v.Float("scale")}
	u := b.Must("nn.scale", nil, args[0], b.Must("const.sqrtabs", scale, args[1]))
	square := b.Must("nn.square", nil, u)
	if sign < 0 {
		square = b.Must("nn.negate", nil, square)
	}
	linear := b.Must("nn.scale", nil, u, b.Must("const.x2linear", ir.Attrs{"scale": v.Float("scale")}, args[1], args[2]))
	return b.Must("nn.shift", nil, b.Must("nn.add", nil, square, linear), args[3])
}

// signOf reads the sign of scale*a from the weights; without weights it is taken as positive, the value at initialisation.
func signOf(c *pass.Context, v *ir.Value) (int, error) {
	a := v.Args[1]
	if c.Weights == nil || !a.Is("param") {
		return 1, nil
	}
	w, err := c.Weights.Weight(a.Path, a.Type.Shape)
	if err != nil {
		return 0, err
	}
	if float64(w[0])*v.Float("scale") < 0 {
		return -1, nil
	}
	return 1, nil
}
