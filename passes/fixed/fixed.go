// Package fixed turns NET into RING: the same network over Z/2^l in fixed point.
//
// Activations carry at most Frac fraction bits where they enter a product; products keep the sum of their factors' bits
// and are truncated only when a consumer needs it, so that a skip connection is added before the one truncation. The
// weights' fraction bits are chosen a layer at a time so that every value stays within [-2^(l-2), 2^(l-2)), which
// truncation by one COT and the difference of two values both need.
package fixed

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"sotto/ir"
	"sotto/passes/pass"
)

// limits of the search for scales, by ring width.
type limits struct{ most, least int }

var (
	activationBits = map[int]limits{32: {13, 7}, 64: {22, 12}}
	weightBits     = map[int]limits{32: {14, 6}, 64: {22, 10}}
)

// Precisions lists the fraction bits of activations that may be asked for in a ring, from few to many.
func Precisions(bits int) []int {
	var all []int
	for f := activationBits[bits].least; f <= activationBits[bits].most; f++ {
		all = append(all, f)
	}
	return all
}

// attempt is what one try gives at most: fraction bits of activations, of weights, and of what is squared.
type attempt struct{ activations, weights, squares int }

// attempts lists what is tried in a ring, the finest first. Where fraction bits are asked for, weights have one more.
func attempts(bits, asked int) []attempt {
	if asked != 0 {
		return []attempt{{asked, min(asked+1, weightBits[bits].most), asked}}
	}
	var all []attempt
	for _, f := range Precisions(bits) {
		all = append(all, attempt{f, weightBits[bits].most, activationBits[bits].most})
	}
	slices.Reverse(all)
	return all
}

// Fixed chooses the ring and the scales from the bounds that the ranges pass has found.
var Fixed = &pass.Pass{
	Name: "fixed",
	Doc: "chooses ring and scales and computes in fixed point: error by rounding, stated as the report's error bound; layers whose" +
		" ranges do not fit are an error, which names each with its margin",
	Needs: ir.Net, Gives: ir.RingStage,
	Run: func(c *pass.Context, m *ir.Module) error {
		rings := []int{32, 64}
		if c.Ring != 0 {
			rings = []int{c.Ring}
		}
		for i, f := range m.Funcs {
			g, err := narrowest(c, f, rings)
			if err != nil {
				return err
			}
			m.Funcs[i] = g
		}
		return nil
	},
}

// narrowest lowers f to the first ring that holds it, with the scales that give the finest coarsest factor.
func narrowest(c *pass.Context, f *ir.Func, rings []int) (*ir.Func, error) {
	var errs []error
	for _, bits := range rings {
		best, err := finest(c, f, bits)
		if err == nil {
			c.Report.Ring, c.Report.Frac = bits, best.frac
			c.Report.Ranges = best.ranges()
			return best.New, nil
		}
		errs = append(errs, fmt.Errorf("ring %d: %w", bits, err))
	}
	if all := errors.Join(errs...); !errors.As(all, new(misfits)) {
		return nil, all
	}
	return nil, errors.Join(append(errs, errors.New(advice(c)))...)
}

// advice says what would be accepted.
func advice(c *pass.Context) string {
	var accepted []string
	if c.Weights != nil && c.Calibration == nil {
		accepted = append(accepted, "--calibration DATA, to rely on the ranges met on real inputs instead of the worst case that the weights allow")
	}
	if c.Ring == 32 {
		accepted = append(accepted, "--ring 64")
	}
	if c.Frac != 0 {
		accepted = append(accepted, "fewer fraction bits: a larger --error")
	}
	if accepted == nil {
		accepted = append(accepted, "smaller weights of the layer, or a normalisation before it")
	}
	return "accepted: " + strings.Join(accepted, "; or ")
}

func finest(c *pass.Context, f *ir.Func, bits int) (*lowering, error) {
	var best *lowering
	var first error
	readers, squarer := f.Consumers(), squarers(f)
	for _, try := range attempts(bits, c.Frac) {
		if best != nil && best.coarsest >= try.activations { // which no factor of this attempt has more than, nor of those behind it
			break
		}
		l := &lowering{Rewriter: pass.NewRewriter(f), bits: bits, frac: try.activations, most: try, coarsest: try.activations, readers: readers, tight: map[*ir.Value]*ir.Value{}, waived: map[*ir.Value]bool{}, narrow: map[*ir.Value]*ir.Value{}, old: map[*ir.Value]*ir.Value{}, squarer: squarer}
		if err := l.run(); err != nil {
			first = err // the coarsest attempt's error tells the most
			continue
		}
		if best == nil || l.coarsest > best.coarsest {
			best = l
		}
	}
	if best == nil {
		return nil, first
	}
	return best, nil
}

type lowering struct {
	*pass.Rewriter
	bits     int
	frac     int                       // fraction bits of activations
	most     attempt                   // fraction bits
	coarsest int                       // fewest fraction bits of any factor of a product
	readers  map[*ir.Value][]*ir.Value // of NET values
	tight    map[*ir.Value]*ir.Value   // tightest of NET values, as far as it was asked for
	waived   map[*ir.Value]bool        // misfits, taken as if they fitted
	narrow   map[*ir.Value]*ir.Value   // the truncated form of a value
	old      map[*ir.Value]*ir.Value   // the NET value whose bounds a RING value has
	squarer  map[*ir.Value]*ir.Value   // the polynomial that squares a NET value, or a sum it is part of
}

func (l *lowering) run() error {
	var all misfits
	for i, p := range l.Old.Params {
		n := l.New.Params[i]
		n.Type.Elem = ir.Ring(l.bits, l.frac)
		l.old[n] = p
		if l.frac > l.ownRoom(p) {
			l.waive(&all, misfit{p, l.bits, l.frac, l.ownRoom(p)})
		}
	}
	for _, v := range l.Old.Body {
		n, err := l.value(v)
		for e := (misfit{}); errors.As(err, &e) && l.waive(&all, e); {
			n, err = l.value(v)
		}
		switch {
		case errors.As(err, new(misfit)):
			return all
		case err != nil:
			return errors.Join(all.error(), fmt.Errorf("%s: %s (%s): %w", v.Pos, v.Path, v.Op.Name, err))
		}
		l.To[v] = n
		if !v.IsConstant() && !v.Is("nn.softmax") { // which has no value of its own
			n.CopyFacts(v)
			l.old[n] = v
		}
		if v.Op.Ring != nil {
			n.Set("part", strings.TrimPrefix(v.Op.Name, "nn."))
		}
	}
	l.New.Result = l.To[l.Old.Result]
	return all.error()
}

// bound is the greatest magnitude of a NET value.
func bound(v *ir.Value) float64 {
	r, _ := v.Bounds()
	return r.Magnitude()
}

// squarers finds what polynomials square, and sums and movements that it is made of. Folding leaves small factors in it, so that it
// has more fraction bits than other values.
func squarers(f *ir.Func) map[*ir.Value]*ir.Value {
	of := map[*ir.Value]*ir.Value{}
	for _, v := range slices.Backward(f.Body) {
		switch {
		case v.Is("nn.quadratic"):
			of[v.Args[0]] = firstNamed(of[v.Args[0]], v)
		case v.Op.HandsOn == ir.AllFactors:
			for _, a := range v.Args {
				of[a] = firstNamed(of[a], of[v])
			}
		}
	}
	return of
}

// firstNamed gives the first of two values, whatever their order in the function; nil is none.
func firstNamed(a, b *ir.Value) *ir.Value {
	if a == nil || b != nil && cmp.Or(cmp.Compare(b.Path, a.Path), cmp.Compare(b.Name, a.Name)) < 0 {
		return b
	}
	return a
}

// usual is the size of activations, as a power of two, that have as many fraction bits as all.
const usual = 4

// smallest is the least bound that gives a value more fraction bits.
const smallest = 1.0 / (1 << 12)

// finer is how many fraction bits a value may have beyond the others, for it is smaller.
func (l *lowering) finer(v *ir.Value) int {
	if l.squarer[v] == nil {
		return 0
	}
	return max(0, usual-int(math.Ceil(math.Log2(max(bound(v), smallest)))))
}

// entering is how many fraction bits a value may have where it enters a product.
func (l *lowering) entering(v *ir.Value) int { return l.frac + l.finer(v) }

// ownRoom is how many fraction bits v can have so that it stays below 2^(l-2).
func (l *lowering) ownRoom(v *ir.Value) int {
	if l.waived[v] {
		return l.bits - 2
	}
	return l.bits - 2 - int(math.Ceil(math.Log2(max(bound(v), smallest)*(1+1e-9))))
}

// room is ownRoom, or less where v goes into a sum as it is: a product that fits there needs no truncation before it.
func (l *lowering) room(v *ir.Value) int { return l.ownRoom(l.tightest(v)) }

// tightest is v, or what of the sums that v goes into has less room.
func (l *lowering) tightest(v *ir.Value) *ir.Value {
	if t := l.tight[v]; t != nil {
		return t
	}
	t := v
	for _, c := range l.readers[v] {
		if !keepsScale(c) {
			continue
		}
		for _, other := range append([]*ir.Value{l.tightest(c)}, c.Args...) { // which are brought to the same scale
			if !other.IsConstant() {
				t = l.tighter(t, other)
			}
		}
	}
	l.tight[v] = t
	return t
}

// tighter is the one of two values that has less room by itself, the first where they have the same.
func (l *lowering) tighter(a, b *ir.Value) *ir.Value {
	if l.ownRoom(b) < l.ownRoom(a) {
		return b
	}
	return a
}

func (l *lowering) fits(v *ir.Value, frac int) bool { return frac <= l.room(v) }

// short says that v needs so many fraction bits.
func (l *lowering) short(v *ir.Value, need int) error {
	return misfit{l.tightest(v), l.bits, need, l.room(v)}
}

func frac(v *ir.Value) int { return v.Type.Elem.Frac }

// value lowers one NET value.
func (l *lowering) value(v *ir.Value) (*ir.Value, error) {
	if v.IsConstant() {
		return l.Copy(v), nil
	}
	if f, ok := forms[v.Op.Name]; ok {
		return f.lower(l, v)
	}
	if ringForm(v.Op) != nil {
		return l.formed(v)
	}
	ir.Bugf("%s has no form in the ring: its block says none (Ring), and passes/fixed/forms.go has no row", v.Op.Name)
	return nil, nil
}

// narrowed gives the form of a NET value that enters products and comparisons: at most most fraction bits. A value is
// truncated once; whoever asks first decides how far.
func (l *lowering) narrowed(v *ir.Value, most int) *ir.Value {
	x := l.To[v]
	if n := l.narrow[x]; n != nil {
		x = n
	}
	if frac(x) <= most {
		return x
	}
	n := l.B.At(v).Must("ring.trunc", ir.Attrs{"bits": frac(x) - most}, x)
	n.CopyFacts(v)
	l.narrow[l.To[v]] = n
	l.old[n] = v
	return n
}

// lowered truncates a value until v, which it becomes, has room.
func (l *lowering) lowered(v, x *ir.Value) (*ir.Value, error) {
	room := l.room(v)
	if frac(x) <= room {
		return x, nil
	}
	if least := activationBits[l.bits].least; room < least {
		return nil, l.short(v, least)
	}
	return l.B.At(v).Must("ring.trunc", ir.Attrs{"bits": frac(x) - room}, x), nil
}

// quantized gives a weight with so many fraction bits.
func (l *lowering) quantized(v, w *ir.Value, frac int) *ir.Value {
	b := l.B.At(v)
	b.Path = w.Path
	return b.Must("const.quantize", ir.Attrs{"bits": l.bits, "frac": frac}, w)
}

// factor chooses the fraction bits of the weights of v, given those of its input. What a polynomial squares is truncated to
// other fraction bits than its input has; those of the weights follow, as a truncation costs by the bits that it drops. Where half
// a bit of the polynomial's room is lost, the weights have it.
func (l *lowering) factor(v *ir.Value, input int) (int, error) {
	most := l.most.weights
	if q := l.squarer[v]; q != nil && l.squareBits(q) >= activationBits[l.bits].least { // or q does not fit, which it says
		most += (min(l.room(q), 2*l.squareBits(q)+1)+1)/2 - input
	}
	w := min(most, l.room(v)-input)
	significant := w + max(0, input-l.frac) // weights that read a value with a small factor are large
	if least := weightBits[l.bits].least; significant < least {
		return 0, l.short(v, input+w+least-significant)
	}
	l.coarsest = min(l.coarsest, significant)
	return w, nil
}

// linear is a convolution or fully connected layer.
func (l *lowering) linear(v *ir.Value) (*ir.Value, error) {
	x := l.narrowed(v.Args[0], l.entering(v.Args[0]))
	f, err := l.factor(v, frac(x))
	if err != nil {
		return nil, err
	}
	args := []*ir.Value{x, l.quantized(v, l.To[v.Args[1]], f)}
	if len(v.Args) > 2 {
		args = append(args, l.quantized(v, l.To[v.Args[2]], frac(x)+f))
	}
	return l.B.At(v).Must(inRing(v.Op), v.Declared(), args...), nil
}

// scale becomes a depthwise 1x1 convolution: the factors are weights like any other.
func (l *lowering) scale(v *ir.Value) (*ir.Value, error) {
	x := l.narrowed(v.Args[0], l.entering(v.Args[0]))
	f, err := l.factor(v, frac(x))
	if err != nil {
		return nil, err
	}
	b, shape := l.B.At(v), x.Type.Shape
	s := l.To[v.Args[1]]
	if s.Type.Len() == 1 && shape[0] > 1 {
		s = b.Must("const.repeat", ir.Attrs{"n": shape[0]}, s)
	}
	s = l.quantized(v, b.Must("const.reshape", ir.Attrs{"shape": []int{shape[0], 1, 1, 1}}, s), f)
	if len(shape) == 1 {
		x = b.Must("ring.reshape", ir.Attrs{"shape": []int{shape[0], 1, 1}}, x)
	}
	y := b.Must("ring.conv2d", ir.Attrs{"groups": shape[0]}, x, s)
	if len(shape) == 1 {
		y = b.Must("ring.reshape", ir.Attrs{"shape": shape}, y)
	}
	return y, nil
}

// square halves the fraction bits that its result has room for.
func (l *lowering) square(v *ir.Value) (*ir.Value, error) {
	f := l.squareBits(v)
	if least := activationBits[l.bits].least; f < least {
		return nil, l.short(v, 2*least)
	}
	l.coarsest = min(l.coarsest, f)
	return l.B.At(v).Must("ring.square", nil, l.narrowed(v.Args[0], f)), nil
}

// squareBits are the fraction bits of what v, a square or a polynomial, squares.
func (l *lowering) squareBits(v *ir.Value) int {
	return min(l.room(v)/2, l.most.squares+l.finer(v.Args[0]))
}

// quadratic is a square too: only its result has to fit, as sums and products in between are mod 2^l.
func (l *lowering) quadratic(v *ir.Value) (*ir.Value, error) {
	f := l.squareBits(v)
	if least := activationBits[l.bits].least; f < least {
		return nil, l.short(v, 2*least)
	}
	b, x := l.B.At(v), l.narrowed(v.Args[0], f)
	slope := l.To[v.Args[1]]
	if n := x.Type.Shape[0]; slope.Type.Len() != n {
		slope = b.Must("const.repeat", ir.Attrs{"n": n}, slope)
	}
	return b.Must("ring.quadratic", nil, x, l.quantized(v, slope, frac(x)-1)), nil
}

// avgpool sums and divides: by a power of two the division is only a change of scale.
func (l *lowering) avgpool(v *ir.Value) (*ir.Value, error) {
	k := v.Ints("kernel")
	n := k[0] * k[1]
	b := l.B.At(v)
	sum := b.Must("ring.sumpool", v.Declared(), l.narrowed(v.Args[0], l.entering(v.Args[0])))
	if n&(n-1) == 0 {
		shift := int(math.Log2(float64(n)))
		if !l.fits(v, frac(sum)+shift) {
			return nil, l.short(v, frac(sum)+shift)
		}
		return b.Must("ring.mulc", ir.Attrs{"c": 1, "frac": shift}, sum), nil
	}
	f := min(l.room(v)-frac(sum), weightBits[l.bits].most)
	if least := weightBits[l.bits].least; f < least {
		return nil, l.short(v, frac(sum)+least)
	}
	c := int(math.RoundToEven(math.Ldexp(1, f) / float64(n)))
	return b.Must("ring.mulc", ir.Attrs{"c": c, "frac": f}, sum), nil
}

// joined brings arguments to one scale: the finest that the result has room for, of so many fraction bits at most.
func (l *lowering) joined(v *ir.Value, most int) ([]*ir.Value, error) {
	tightest, target := l.tightest(v), 0
	for _, a := range v.Args {
		target = max(target, min(frac(l.To[a]), l.added(a)))
		tightest = l.tighter(tightest, l.tightest(a))
	}
	room := min(l.ownRoom(tightest), most)
	if least := activationBits[l.bits].least; min(target, room) < least {
		return nil, misfit{tightest, l.bits, least, room}
	}
	target = min(target, room)
	args := make([]*ir.Value, len(v.Args))
	for i, a := range v.Args {
		args[i] = l.rescaled(a, target)
	}
	return args, nil
}

// added is how many fraction bits a value may have where it is added. A value that a layer takes in truncated is added in the same
// form: of that the parties have a masked one.
func (l *lowering) added(v *ir.Value) int {
	if slices.ContainsFunc(l.readers[v], multiplies) {
		return l.entering(v)
	}
	return math.MaxInt
}

// rescaled gives a value with exactly target fraction bits. A finer value is truncated; a coarser one is multiplied.
func (l *lowering) rescaled(v *ir.Value, target int) *ir.Value {
	x := l.To[v]
	if most := min(target, l.added(v)); frac(x) > most {
		x = l.narrowed(v, most)
	}
	if d := target - frac(x); d > 0 {
		return l.B.At(v).Must("ring.mulc", ir.Attrs{"c": 1 << d, "frac": d}, x)
	}
	return x
}

// multiplies tells whether an op multiplies its operand by weights.
func multiplies(v *ir.Value) bool { return v.Is("nn.conv2d") || v.Is("nn.linear") || v.Is("nn.scale") }

// softmax is left to the client, on its clear output.
func (l *lowering) softmax(v *ir.Value) (*ir.Value, error) {
	if v != l.Old.Result {
		return nil, errors.New("softmax is computed by the client on its clear output; accepted is softmax as the last operation")
	}
	if l.New.Output == nil {
		l.New.Output = ir.Attrs{}
	}
	l.New.Output["post"] = "softmax"
	return l.To[v.Args[0]], nil
}

// ranges reports the bounds of every linear layer and what the ring holds there.
func (l *lowering) ranges() []pass.Range {
	var out []pass.Range
	for _, n := range l.New.Body {
		v := l.old[n]
		if v == nil || n.IsConstant() || v.Is("nn.reshape") {
			continue
		}
		r := pass.Range{Path: v.Path, Line: v.Pos.Line, Holds: l.New.Holds(n), RestsOn: v.RestsOn()}
		r.Margin = math.Log2(r.Holds / max(bound(v), smallest))
		for kind, to := range map[string]*float64{"worst": &r.Worst, "seen": &r.Seen, "assumed": &r.Assumed} {
			if b := v.Floats(kind); len(b) == 2 {
				*to = max(math.Abs(b[0]), math.Abs(b[1]))
			}
		}
		out = append(out, r)
	}
	return out
}
