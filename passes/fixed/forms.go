package fixed

import (
	"fmt"
	"strings"

	"sotto/ir"
)

// form is how an op becomes ring ops.
type form struct {
	lower func(*lowering, *ir.Value) (*ir.Value, error)
	// keepsScale says that the op takes its argument with all the fraction bits that it has, and that the result has as many.
	keepsScale bool
}

// forms has the ops that need more than the ring op of the same name on arguments of one scale, which sums and movements are by themselves.
var forms map[string]form

func init() { // lowering looks into the table
	forms = map[string]form{
		"nn.conv2d":    {lower: (*lowering).linear},
		"nn.linear":    {lower: (*lowering).linear},
		"nn.scale":     {lower: (*lowering).scale},
		"nn.shift":     {lower: (*lowering).shift, keepsScale: true},
		"nn.relu":      {lower: (*lowering).rectified},
		"nn.relu6":     {lower: (*lowering).rectified},
		"nn.square":    {lower: (*lowering).square},
		"nn.quadratic": {lower: (*lowering).quadratic},
		"nn.negate":    {lower: (*lowering).negate, keepsScale: true},
		"nn.maxpool":   {lower: (*lowering).compared},
		"nn.avgpool":   {lower: (*lowering).avgpool},
		"nn.argmax":    {lower: (*lowering).compared},
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

// sameInRing gives the ring op that computes an nn op whatever the scale of its arguments, if they have one: it is called the same, and
// hands factors on, as scales are.
func sameInRing(o *ir.Op) *ir.Op {
	if twin, ok := ir.Lookup(inRing(o)); ok && o.HandsOn == ir.AllFactors {
		return twin
	}
	return nil
}

// keepsScale tells whether a value has the fraction bits that its arguments have.
func keepsScale(v *ir.Value) bool {
	f, special := forms[v.Op.Name]
	return f.keepsScale || !special && sameInRing(v.Op) != nil
}

func (l *lowering) shift(v *ir.Value) (*ir.Value, error) {
	x, err := l.lowered(v, l.To[v.Args[0]])
	if err != nil {
		return nil, err
	}
	return l.B.At(v).Must("ring.shift", nil, x, l.quantized(v, l.To[v.Args[1]], frac(x))), nil
}

func (l *lowering) negate(v *ir.Value) (*ir.Value, error) {
	return l.B.At(v).Must("ring.mulc", ir.Attrs{"c": -1}, l.To[v.Args[0]]), nil
}

// compared is an op that compares elements with each other: they are truncated before, as it costs by their bits.
func (l *lowering) compared(v *ir.Value) (*ir.Value, error) {
	return l.B.At(v).Must(inRing(v.Op), v.Declared(), l.narrowed(v.Args[0], l.frac)), nil
}
