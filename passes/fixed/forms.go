package fixed

import (
	"fmt"
	"maps"
	"math"
	"strings"

	"sotto/ir"
)

// form is how an op becomes ring ops.
type form struct {
	lower func(*lowering, *ir.Value) (*ir.Value, error)
	// keepsScale says that the op takes its argument with all the fraction bits that it has, and that the result has as many.
	keepsScale bool
}

// forms has the ops that need more than ring ops on arguments of one scale, which others say in their block, or have the name of.
var forms map[string]form

func init() { // lowering looks into the table
	forms = map[string]form{
		"nn.conv2d":    {lower: (*lowering).linear},
		"nn.linear":    {lower: (*lowering).linear},
		"nn.scale":     {lower: (*lowering).scale},
		"nn.shift":     {lower: (*lowering).shift, keepsScale: true},
		"nn.square":    {lower: (*lowering).square},
		"nn.quadratic": {lower: (*lowering).quadratic},
		"nn.avgpool":   {lower: (*lowering).avgpool},
		"nn.softmax":   {lower: (*lowering).softmax},
		"nn.batchnorm": {lower: left("fold")},
		"nn.x2act":     {lower: left("x2act")},
		"nn.dropout":   {lower: left("identities")},
		"nn.mix":       {lower: left("resolve")},
	}
}

// left is the form of ops that another pass does away with.
func left(pass string) func(*lowering, *ir.Value) (*ir.Value, error) {
	return func(*lowering, *ir.Value) (*ir.Value, error) {
		return nil, fmt.Errorf("accepted are networks that the pass %s has taken it out of", pass)
	}
}

// inRing is the name of the ring op that an nn op is called as.
func inRing(o *ir.Op) string { return "ring." + strings.TrimPrefix(o.Name, "nn.") }

// ringForm gives what an op becomes of arguments at one scale: what its block says, or the ring op of its name, with the attributes that both
// have.
func ringForm(o *ir.Op) func(b *ir.Builder, v *ir.Value, args []*ir.Value) *ir.Value {
	if twin, ok := ir.Lookup(inRing(o)); o.Ring == nil && ok {
		return func(b *ir.Builder, v *ir.Value, args []*ir.Value) *ir.Value {
			attrs := v.Declared()
			maps.DeleteFunc(attrs, func(name string, _ any) bool { _, has := ir.FindAttr(twin.Attrs, name); return !has })
			return b.Must(twin.Name, attrs, args...)
		}
	}
	return o.Ring
}

// keepsScale tells whether a value has the fraction bits that its arguments have.
func keepsScale(v *ir.Value) bool {
	f, special := forms[v.Op.Name]
	return f.keepsScale || !special && v.Op.HandsOn == ir.AllFactors && ringForm(v.Op) != nil
}

// formed computes an op by its ring form. One that hands factors on, as scales are, takes its arguments at any scale; for others they are truncated
// before, as comparisons cost by their bits.
func (l *lowering) formed(v *ir.Value) (*ir.Value, error) {
	args, err := l.scaled(v)
	if err != nil {
		return nil, err
	}
	n := l.masked(v, args, ringForm(v.Op))
	if frac(n) > l.ownRoom(v) {
		return nil, l.short(v, frac(n))
	}
	return n, nil
}

// scaled gives the arguments of an op that is computed by its ring form.
func (l *lowering) scaled(v *ir.Value) ([]*ir.Value, error) {
	switch keeps := keepsScale(v); {
	case keeps && len(v.Args) == 1:
		return []*ir.Value{l.To[v.Args[0]]}, nil
	case keeps:
		return l.joined(v, math.MaxInt)
	case len(v.Args) == 1:
		return []*ir.Value{l.narrowed(v.Args[0], l.frac)}, nil
	}
	return l.joined(v, l.frac)
}

func (l *lowering) shift(v *ir.Value) (*ir.Value, error) {
	x, err := l.lowered(v, l.To[v.Args[0]])
	if err != nil {
		return nil, err
	}
	return l.B.At(v).Must("ring.shift", nil, x, l.quantized(v, l.To[v.Args[1]], frac(x))), nil
}
