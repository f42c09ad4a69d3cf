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
	item := e.item(program.Item{Kind: program.Bilinear, N: n, Args: []int{e.maskItem(x.mask), e.maskItem(y.mask)}, Op: op, Ints: ints,
		Packing: e.m.Packing})
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

// batchMaps are the opcodes of maps of batches.
var batchMaps = map[cost.BatchMap]program.Opcode{cost.Forward: program.BatchConv, cost.ByInput: program.BatchConvX, cost.ByWeights: program.BatchConvW}

// bilinearMap gives the opcode and the geometry of a product of two values.
func bilinearMap(v *ir.Value) (program.Opcode, []int) {
	if v.Is("ring.mul") {
		return program.Mul, nil
	}
	m, samples, c := v.BatchMap()
	return batchMaps[m], []int{samples, c.InC, c.InH, c.InW, c.OutC, c.KH, c.KW, c.StrideH, c.StrideW, c.PadH, c.PadW, c.DilH, c.DilW, c.Groups}
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
