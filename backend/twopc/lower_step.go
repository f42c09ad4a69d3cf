package twopc

import (
	"slices"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// What training steps have beyond inference.

// state is a tensor that a function reads at its beginning, or overwrites.
type state struct {
	path    string
	shape   []int
	frac    int
	in, out shared
}

// stateAt gives the state tensor of a value's path.
func (e *emitter) stateAt(v *ir.Value) *state {
	i := slices.IndexFunc(e.states, func(s *state) bool { return s.path == v.Path })
	if i < 0 {
		i = len(e.states)
		e.states = append(e.states, &state{path: v.Path, shape: v.Type.Shape, frac: v.Type.Elem.Frac})
	}
	return e.states[i]
}

func (e *emitter) state(v *ir.Value) *shared {
	s := e.stateAt(v)
	s.in = *e.given(v.Type)
	return &s.in
}

func (e *emitter) assign(v *ir.Value) *shared {
	s := e.stateAt(v)
	s.out = *e.of[v.Args[0]]
	return &s.out
}

// bilinear: f(E, B_i + i*F) + f(A_i, F) + C_i of opened E and F, whose masks are A and B, C = f(A, B) from the material (Beaver).
func (e *emitter) bilinear(v *ir.Value) *shared {
	x, y, n := e.of[v.Args[0]], e.of[v.Args[1]], v.Type.Len()
	op, ints := bilinearMap(v)
	item := e.item(program.Item{Kind: program.Bilinear, N: n, Args: []int{e.maskItem(x.mask), e.maskItem(y.mask)}, Op: op, Ints: ints})
	out := &shared{}
	for _, p := range []cost.Party{client, server} {
		b := y.a[p]
		if p == server {
			b = e.ring(p, program.Add, b, y.at[p])
		}
		half := e.compute(p, op, program.Ring, n, ints, x.at[p], b, e.material(p, item, 0))
		out.at[p] = e.compute(p, op, program.Ring, n, ints, x.a[p], y.at[p], half)
	}
	return out
}

// bilinearMap gives the opcode and the geometry of a product of two values. A fully connected layer is a convolution of one pixel, and a sum of
// products for each of n stretches the gradient of one by the n weights that each channel has one of.
func bilinearMap(v *ir.Value) (program.Opcode, []int) {
	a, b, y := v.Args[0].Type.Shape, v.Args[1].Type.Shape, v.Type.Shape
	if v.Is("ring.mul") {
		return program.Mul, nil
	}
	batch := max(1, v.Int("batch"))
	pixel := func(w []int) []int { return []int{batch, w[1], 1, 1, w[0], 1, 1, 1, 1, 0, 0, 1, 1, 1} }
	switch v.Op.Name {
	case "ring.linear":
		return program.BatchConv, pixel(b)
	case "ring.linear.x":
		return program.BatchConvX, pixel(b)
	case "ring.linear.w":
		return program.BatchConvW, pixel(y)
	case "ring.products":
		n := v.Int("n")
		return program.BatchConvW, []int{batch, n, 1, v.Args[0].Type.Len() / batch / n, n, 1, 1, 1, 1, 0, 0, 1, 1, n}
	}
	op, x, w := program.BatchConv, a, b
	switch v.Op.Name {
	case "ring.conv2d.x":
		op, x = program.BatchConvX, y
	case "ring.conv2d.w":
		op, w = program.BatchConvW, y
	}
	s, p, d := v.Ints("stride"), v.Ints("pad"), v.Ints("dilation")
	return op, []int{batch, x[0] / batch, x[1], x[2], w[0], w[2], w[3], s[0], s[1], p[0], p[1], d[0], d[1], v.Int("groups")}
}

// mulp: both parties know the factor.
func (e *emitter) mulp(v *ir.Value) *shared {
	x, factor, out := e.of[v.Args[0]], e.of[v.Args[1]], &shared{}
	for p := range out.at {
		out.at[p] = e.ring(cost.Party(p), program.MulPublic, x.at[p], factor.at[p])
	}
	return out
}

// spread repeats numbers; of opened ones the shares of their mask with them, when they are opened.
func (e *emitter) spread(v *ir.Value) *shared {
	x, out := e.of[v.Args[0]], loops.emit(e, v)
	for i, a := range x.a {
		if a != nil {
			p := cost.Party(i)
			out.a[p] = e.part(p, program.Ring, v.Type.Len(), max(a.ready, x.at[p].ready))
			e.add(p, timed{program.Walk, e.tag, compute, out.a[p].ready, []*part{out.a[p]}, []*part{a}, v.Op.Loops(v).Flat()})
		}
	}
	return out
}

// integer makes ring elements of bits.
func (e *emitter) integer(v *ir.Value) *shared {
	return &shared{at: e.arithmetic(e.of[v.Args[0]].at, ir.CompareReceiver)}
}

func sums(v *ir.Value) (program.Opcode, []int) {
	return program.Sums, []int{max(1, v.Int("batch")), v.Int("n")}
}

func unpool(v *ir.Value) (program.Opcode, []int) {
	return program.Unpool, slices.Concat(v.Type.Shape, v.Ints("kernel"), v.Ints("stride"), v.Ints("pad"))
}
