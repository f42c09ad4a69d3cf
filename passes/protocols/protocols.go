// Package protocols turns RING into SECURE: who holds which part of a value, and which protocol computes what.
//
// The result of a RING value keeps its name in SECURE; what the protocols need besides has the name with a suffix: .m
// masked, .e opened, .d sign bits. So a private run can be compared with the clear one value by value.
package protocols

import (
	"fmt"
	"slices"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
)

// Protocols assigns the deployment's linear protocol, garbled signs, Beaver squares and one-COT truncation.
var Protocols = &pass.Pass{
	Name: "protocols",
	Doc: "assigns protocols: linear layers by the deployment's, relu, maxpool and argmax by the comparison asked for (sign-only garbled" +
		" circuits by default), for each or for all, at the width that holds the operand, or each as a whole in one garbled circuit, squares by Beaver pairs, x2act by one square, in" +
		" client-server together with its linear term and the truncation of a layer's result before it, truncation by one COT (floor or one unit more) or exactly",
	Needs: ir.RingStage, Gives: ir.Secure,
	Run: func(c *pass.Context, m *ir.Module) error {
		if err := c.Protocols.Check(); err != nil {
			return err
		}
		if err := protected(c, m); err != nil {
			return err
		}
		m.Deploy, m.Packing = c.Deploy, c.Packing
		for i, f := range m.Funcs {
			a := newAssigner(c.Deploy, c.Protocols.WithDefaults(), f)
			for _, p := range f.Params {
				a.prepare(p)
			}
			for _, v := range f.Body {
				if a.joinsQuadratic(v) {
					continue
				}
				a.To[v] = a.value(v)
				if part := v.Str("part"); part != "" {
					a.To[v].Set("part", part)
				}
				a.prepare(v)
			}
			a.finish()
			a.garble(c.Protocols.WithDefaults().Garbling)
			pack(m, a.New, c.Packings)
			m.Funcs[i] = a.New
		}
		return nil
	},
}

// protected refuses functions that there are no protocols for.
func protected(c *pass.Context, m *ir.Module) error {
	for _, f := range m.Funcs {
		for _, v := range slices.Concat(f.Params, f.Body) {
			switch {
			case v.Type.Batch > 0:
				return fmt.Errorf("@%s: %s is %s: accepted are functions of one sample, and what unbatch makes of others", f.Name, v, v.Type)
			case v.Overwrites() && c.Deploy != cost.Outsourced:
				return fmt.Errorf("@%s: %s overwrites @%s, in the %s deployment: accepted is outsourced, where both parties have a share of it", f.Name, v, v.Path, c.Deploy)
			}
		}
	}
	return nil
}

type assigner struct {
	*pass.Rewriter
	clientServer bool
	protocols    pass.Protocols
	readers      map[*ir.Value][]*ir.Value // of RING values
	masks        map[*ir.Value]bool        // RING values worth masking at once, memoised
	masked       map[*ir.Value]*ir.Value   // SECURE value → its masked form
	opened       map[*ir.Value]*ir.Value
	fresh        map[*ir.Value]bool // masked values whose mask is drawn, not the outcome of a layer
	magnitudes   map[*ir.Value]uint64
}

func newAssigner(d cost.Deployment, p pass.Protocols, f *ir.Func) *assigner {
	a := &assigner{Rewriter: pass.NewRewriter(f), clientServer: d == cost.ClientServer, protocols: p, readers: f.Consumers(),
		masks: map[*ir.Value]bool{}, masked: map[*ir.Value]*ir.Value{}, opened: map[*ir.Value]*ir.Value{}, fresh: map[*ir.Value]bool{},
		magnitudes: map[*ir.Value]uint64{}}
	for i, p := range a.New.Params {
		switch {
		case a.factor(f.Params[i]):
			p.Type.Share = ir.Public
		case a.clientServer:
			p.Type.Share = ir.OfClient
		default:
			p.Type.Share = ir.Arithmetic
		}
	}
	return a
}

// factor tells whether a parameter is a public number that others are multiplied by.
func (a *assigner) factor(p *ir.Value) bool {
	return slices.ContainsFunc(a.readers[p], func(r *ir.Value) bool { return r.Is("ring.mulp") && r.Args[1] == p })
}

// finish reveals the result to the client, or leaves it shared.
func (a *assigner) finish() {
	y := a.To[a.Old.Result]
	if a.clientServer {
		if y.Type.Share == ir.OfClient { // the network returns its input
			y = a.mask(y)
		}
		y = a.B.At(a.Old.Result).MustAs(a.Old.Result.Name+".out", "reveal", nil, y)
	}
	a.New.Result = y
}

func (a *assigner) value(v *ir.Value) *ir.Value {
	b := a.B.At(v)
	if a.way(v) == pass.GarbledWhole {
		if n := a.whole(v); n != nil {
			return a.settle(v, n)
		}
	}
	switch {
	case v.Op.State && !v.Type.Elem.Float:
		return a.state(v)
	case v.Op.Constant:
		return a.constant(v)
	case a.bilinear(v):
		return b.MustAs(v.Name, v.Op.Name, v.Attrs, a.operand(a.To[v.Args[0]]), a.operand(a.To[v.Args[1]]))
	case v.Is("ring.conv2d"), v.Is("ring.linear"):
		args := a.Args(v)
		args[0] = a.operand(args[0])
		return b.MustAs(v.Name, v.Op.Name, v.Attrs, args...)
	case v.Is("ring.drelu"):
		x := v.Args[0]
		return a.sign(v, v.Name, a.compared(v, a.To[x]), min(reluWidth(x), a.heldWidth(x)), 0)
	case v.Is("ring.mux"):
		return b.MustAs(v.Name, "ot.mux", nil, a.To[v.Args[0]], a.To[v.Args[1]])
	case v.Is("ring.pick"):
		return a.pick(v)
	case v.Is("ring.square"):
		return a.settle(v, b.MustAs(v.Name, "beaver.square", nil, a.operand(a.To[v.Args[0]])))
	case v.Is("ring.quadratic"):
		return a.settle(v, a.quadratic(v))
	case v.Is("ring.trunc"):
		return a.settle(v, b.MustAs(v.Name, truncations[a.truncation(v)], v.Attrs, a.truncated(v)))
	case v.Is("ring.relu") && a.way(v) == pass.DealtWhole:
		return a.settle(v, a.dealtRelu(v))
	case v.Is("ring.relu"):
		sign := a.reluSign(v)
		return a.settle(v, b.MustAs(v.Name, "ot.mux", nil, sign, a.additive(a.To[v.Args[0]])))
	case v.Is("ring.maxpool"):
		return a.settle(v, a.maxpool(v))
	case v.Is("ring.argmax"):
		return a.argmax(v)
	case v.Is("ring.scatter"):
		return a.scatter(v)
	}
	return a.local(v)
}

// constant copies a weight; the outsourced deployment shares it once it is in fixed point.
func (a *assigner) constant(v *ir.Value) *ir.Value {
	n := a.Copy(v)
	if !a.clientServer && v.Is("const.quantize") && slices.ContainsFunc(a.readers[v], func(r *ir.Value) bool { return !r.Is("ring.quadratic") }) {
		n = a.B.At(v).MustAs(v.Name+".s", "const.share", nil, n)
	}
	return n
}

// settle masks a protocol's result at once where its readers want it masked: the client's message travels with the
// protocol's own.
func (a *assigner) settle(v, n *ir.Value) *ir.Value {
	if a.clientServer && a.wantsMask(v) {
		a.mask(n)
	}
	return n
}

// prepare makes the masked forms that readers of v ask for before any reader is lowered. Local ops take a masked form where
// there is one: whether there is must not depend on the order of the readers.
func (a *assigner) prepare(v *ir.Value) {
	if !a.clientServer || v.IsConstant() {
		return
	}
	for _, r := range a.readers[v] {
		switch {
		case r.Is("ring.conv2d"), r.Is("ring.linear"), r.Is("ring.square"), r.Is("ring.quadratic"):
			a.operand(a.To[v])
		case a.masksFor(v, r):
			a.mask(a.To[v])
		}
	}
}

// way is the way to compute an op that compares. A difference of two ReLUs is computed as they are.
func (a *assigner) way(v *ir.Value) pass.Nonlinear {
	if v.Is("ring.sub") {
		v = v.Args[0]
	}
	return a.protocols.Way(pass.SitePath(v))
}

// truncation is the way to compute a truncation.
func (a *assigner) truncation(v *ir.Value) pass.Truncation {
	return a.protocols.TruncationAt(pass.SitePath(v))
}

// masksFor tells whether an op that compares wants v masked: r, which reads v, or a reader of r if that is a truncation which a comparison
// does without.
func (a *assigner) masksFor(v, r *ir.Value) bool {
	if r.Is("ring.trunc") {
		return a.comparedBy(r, func(x, op *ir.Value) bool { return a.enters(v, x, op) && a.signMasks(op) })
	}
	return a.enters(v, v, r) && a.signMasks(r)
}

// enters tells whether what enters r, whose operand is x, is v: x itself or what x is a truncation of.
func (a *assigner) enters(v, x, r *ir.Value) bool {
	return r.Op.Compares != ir.NoComparison && a.source(x, r) == v
}

// truncated gives the form of a value that a truncation takes: that of the sign which a relu takes of its result.
func (a *assigner) truncated(v *ir.Value) *ir.Value {
	x := a.To[v.Args[0]]
	if a.signed(v) {
		return a.mask(x)
	}
	return a.additive(x)
}

// signed tells whether a relu that reads a truncation takes the sign of what is truncated, masked.
func (a *assigner) signed(v *ir.Value) bool {
	return a.comparedBy(v, func(x, op *ir.Value) bool {
		return op.Is("ring.relu") && a.enters(v.Args[0], x, op) && a.signMasks(op)
	})
}

// source is what enters an op that compares its operand x: what x is a truncation of, where the op truncates too, or takes the sign alone,
// which a truncated value and the untruncated one have in common.
func (a *assigner) source(x, op *ir.Value) *ir.Value {
	if x.Is("ring.gather") {
		return a.gatheredSource(x, op)
	}
	if !x.Is("ring.trunc") {
		return x
	}
	in := false
	switch a.way(op) {
	case pass.GarbledWhole:
		in = !op.Is("ring.argmax") && a.takenWhole(x)
	case pass.DealtWhole:
		in = op.Is("ring.relu") && a.takenIn(x)
	default:
		in = op.Is("ring.relu")
	}
	if in {
		return x.Args[0]
	}
	return x
}

// wantsMask tells whether some reader needs v with the client's part known offline.
func (a *assigner) wantsMask(v *ir.Value) bool {
	if known, ok := a.masks[v]; ok {
		return known
	}
	wants := false
	for _, r := range a.readers[v] {
		wants = wants || a.readerWantsMask(v, r)
	}
	a.masks[v] = wants
	return wants
}

func (a *assigner) readerWantsMask(v, r *ir.Value) bool {
	switch {
	case r.Op.Compares != ir.NoComparison, r.Is("ring.trunc"):
		return a.masksFor(v, r)
	case r.Is("ring.gather"), r.Is("ring.scatter"):
		return false // fewer elements are masked behind the one, and once behind the other
	case !r.Op.Local:
		return true
	}
	return a.wantsMask(r)
}

// additive gives an A or M form of a value: the client's own input has to be masked first.
func (a *assigner) additive(x *ir.Value) *ir.Value {
	if x.Type.Share == ir.OfClient {
		return a.mask(x)
	}
	return x
}

// mask gives the masked form of a value.
func (a *assigner) mask(x *ir.Value) *ir.Value {
	if x.Type.Share == ir.Masked {
		return x
	}
	return a.remask(x)
}

// remask draws a new mask for a value.
func (a *assigner) remask(x *ir.Value) *ir.Value {
	if a.masked[x] == nil {
		m := a.B.At(x).MustAs(x.Name+".m", "mask", nil, x)
		a.masked[x], a.fresh[m] = m, true
	}
	return a.masked[x]
}

// operand gives the form that linear layers and squares take: in client-server masked with a drawn mask, of which the
// material holds products; outsourced opened.
func (a *assigner) operand(x *ir.Value) *ir.Value {
	if !a.clientServer {
		return a.open(x)
	}
	if a.fresh[x] {
		return x
	}
	if m := a.masked[x]; m != nil {
		return m
	}
	return a.remask(x)
}

// local applies a local op to whatever forms its arguments have. If one is masked and the result had better be, so are all;
// otherwise masked and arithmetic parts add up to an arithmetic result, without a message.
func (a *assigner) local(v *ir.Value) *ir.Value {
	args := a.Args(v)
	anyMasked, allFresh := false, true
	for i, x := range args {
		if x.IsConstant() {
			continue
		}
		if m := a.masked[x]; m != nil && a.clientServer {
			args[i] = m
		}
		args[i] = a.additive(args[i])
		anyMasked = anyMasked || args[i].Type.Share == ir.Masked
	}
	for i, x := range args {
		if anyMasked && a.clientServer && a.wantsMask(v) && !x.IsConstant() {
			args[i] = a.mask(x)
		}
		allFresh = allFresh && (x.IsConstant() || a.fresh[args[i]])
	}
	n := a.B.At(v).MustAs(v.Name, v.Op.Name, v.Attrs, args...)
	// Only movements of one drawn mask are known to the material's maker as they are.
	a.fresh[n] = allFresh && v.Op.Moves
	return n
}
