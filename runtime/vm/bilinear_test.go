package vm

import (
	"slices"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"

	"pgregory.net/rapid"
)

func drawn(n int) []uint64 {
	v := make([]uint64, n)
	prg.Draw(v)
	return v
}

func sub(a, b []uint64) []uint64 { return combined(ring.Sub[uint64], a, b) }
func add(a, b []uint64) []uint64 { return combined(ring.Add[uint64], a, b) }

func combined(f func(z, x, y []uint64), a, b []uint64) []uint64 {
	z := make([]uint64, len(a))
	f(z, a, b)
	return z
}

// product is a program that multiplies opened values at a party: z of buffers E, F, a, b and C.
func product(p cost.Party, op program.Opcode, ints []int, z, x, y int) *program.Program {
	const e, f, a, b, c, t, z1, out = 0, 1, 2, 3, 4, 5, 6, 7
	q := &program.Program{Party: p, Ring: 64, Layers: []program.Layer{{}}, Input: program.Tensor{Buf: -1}, Output: program.Tensor{Shape: []int{z}, Buf: out}}
	of := map[int]int{e: x, f: y, a: x, b: y, c: z, t: y, z1: z, out: z}
	for i := range len(of) {
		q.Buffers = append(q.Buffers, program.Buffer{Len: of[i]})
	}
	emit := func(op program.Opcode, ints []int, to int, from ...int) {
		in := program.Instr{Op: op, Ints: ints, Out: []program.Operand{operand(to, of[to])}}
		for _, b := range from {
			in.In = append(in.In, operand(b, of[b]))
		}
		q.Online[0].Compute = append(q.Online[0].Compute, in)
	}
	q.Online = []program.Level{{}}
	if p == cost.Server {
		emit(program.Add, nil, t, f, b)
	} else {
		emit(program.Copy, nil, t, b)
	}
	emit(op, ints, z1, e, t, c)
	emit(op, ints, out, a, f, z1)
	return q
}

// TestProductsOfOpenedValues: two parties' shares of a bilinear map of two opened values add up to it, whatever is masked by what.
func TestProductsOfOpenedValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
		batch, groups, k := n("batch", 1, 4), n("groups", 1, 3), n("kernel", 1, 3)
		side := n("side", k, 7)
		ints := []int{batch, groups * n("in", 1, 3), side, side, groups * n("out", 1, 3), k, k, n("stride", 1, 2), n("stride", 1, 2), n("pad", 0, 2), n("pad", 0, 2), 1, 1, groups}
		_, c := program.BatchGeometry(ints)
		x, w, y := batch*c.InLen(), c.WeightLen(), batch*c.OutLen()
		op := rapid.SampledFrom([]program.Opcode{program.Mul, program.BatchConv, program.BatchConvX, program.BatchConvW}).Draw(t, "op")
		sizes := map[program.Opcode][3]int{program.Mul: {x, x, x}, program.BatchConv: {y, x, w}, program.BatchConvX: {x, y, w}, program.BatchConvW: {w, x, y}}[op]
		if op == program.Mul {
			ints = nil
		}
		left, right, a, b := drawn(sizes[1]), drawn(sizes[2]), drawn(sizes[1]), drawn(sizes[2])
		want, triple := make([]uint64, sizes[0]), make([]uint64, sizes[0])
		fine(t, Bilinear(op, ints, want, left, right))
		fine(t, Bilinear(op, ints, triple, a, b))
		shares := [2][3][]uint64{{drawn(len(a)), drawn(len(b)), drawn(len(triple))}}
		for i, of := range [][]uint64{a, b, triple} {
			shares[1][i] = sub(of, shares[0][i])
		}
		got := make([]uint64, sizes[0])
		for p, s := range shares {
			m, err := New[uint64](product(cost.Party(p), op, ints, sizes[0], sizes[1], sizes[2]), nil, &OTs{}, nil)
			fine(t, err)
			for buf, v := range [][]uint64{sub(left, a), sub(right, b), s[0], s[1], s[2]} {
				copy(m.ring[buf], v)
			}
			fine(t, m.Run(cost.Online, nil))
			got = add(got, m.Output())
			m.Wipe()
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s %v: shares add up to %v, want %v", op, ints, got, want)
		}
	})
}

func fine(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestTournamentsGoBack: each way back is the adjoint of the way there.
func TestTournamentsGoBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
		g := []int{n("c", 1, 3), n("h", 3, 7), n("w", 3, 7), n("kh", 1, 3), n("kw", 1, 3), n("sh", 1, 3), n("sw", 1, 3), 0, 0}
		tour := program.PoolGeometry(g)
		move := func(which, stage, n int, in ...[]uint64) []uint64 {
			out := drawn(n)
			fine(t, Move(program.Tour, append([]int{which, stage}, g...), out, in...))
			return out
		}
		x, d := drawn(tour.C*tour.H*tour.W), drawn(tour.Live(0))
		if dot(move(0, 0, len(d), x), d) != dot(x, move(7, 0, len(x), d)) {
			t.Fatal("return is not the adjoint of start")
		}
		for s := range tour.Stages() {
			live, won, next := drawn(tour.Live(s)), drawn(tour.Pairs(s)), drawn(tour.Live(s+1))
			a, b := drawn(len(won)), drawn(len(won))
			none := make([]uint64, len(live))
			if dot(move(3, s, len(next), won, none), next) != dot(won, move(5, s, len(won), next)) {
				t.Fatal("winners is not the adjoint of what next takes of them")
			}
			forth := dot(move(1, s, len(a), live), a) + dot(move(2, s, len(b), live), b) + dot(move(3, s, len(next), none[:len(won)], live), next)
			if forth != dot(live, move(6, s, len(live), a, b, next)) {
				t.Fatal("unpair is not the adjoint of left, right and what passes them by")
			}
		}
	})
}

func dot(a, b []uint64) (sum uint64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// TestStateGoesThrough: a run begins with shares by name and gives those that it replaces; public numbers multiply.
func TestStateGoesThrough(t *testing.T) {
	p := &program.Program{Ring: 64, Layers: []program.Layer{{}}, Buffers: []program.Buffer{{Len: 3}, {Len: 1}, {Len: 3}, {Len: 2}},
		Input: program.Tensor{Buf: -1}, Output: program.Tensor{Buf: -1},
		Publics: []program.Tensor{{Name: "rate", Shape: []int{1}, Buf: 1}},
		State:   []program.State{{Name: "w", Shape: []int{3}, In: 0, Out: 2}, {Name: "kept", Shape: []int{2, 1}, In: 3, Out: -1}},
		Online: []program.Level{{Compute: []program.Instr{
			{Op: program.MulPublic, Out: []program.Operand{operand(2, 3)}, In: []program.Operand{operand(0, 3), operand(1, 1)}}}}}}
	m, err := New[uint64](p, nil, &OTs{}, nil)
	check(t, err)
	for want, state := range map[string]map[string][]uint64{
		"state kept of 0 elements, accepted are 2 (shape [2 1])": {"w": {1, 2, 3}},
		"state w of 2 elements, accepted are 3 (shape [3])":      {"w": {1, 2}, "kept": {1, 2}},
		"state [kept v w], accepted are [kept w]":                {"w": {1, 2, 3}, "kept": {1, 2}, "v": nil},
	} {
		if err := m.LoadState(state); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	check(t, m.LoadState(map[string][]uint64{"w": {1, 2, ^uint64(0)}, "kept": {7, 8}}))
	m.SetPublic(0, 5)
	check(t, m.Run(cost.Online, nil))
	got := m.State()
	if len(got) != 1 || !slices.Equal(got["w"], []uint64{5, 10, ^uint64(4)}) {
		t.Errorf("the state is %v", got)
	}
}
