package program

import (
	"fmt"
	"maps"
	"slices"

	"sotto/ir/cost"
)

// Steps of comparisons by OT, and of what makes ring elements of their bits: see runtime/nonlin/compare.go, arithmetic.go,
// exact.go and coarse.go. Vectors of planes have 64*ceil(n/64) bits a plane, n the instances; bits is how many of a share are compared.
const (
	CompareChoose Opcode = "cmp.choose" // e <- x, choices [bits]
	CompareTurn   Opcode = "cmp.turn"   // pads, base <- masks, e [bits]
	CompareAnswer Opcode = "cmp.answer" // m, nodes <- x, pads, base [bits]
	CompareSelect Opcode = "cmp.select" // nodes <- x, m, masks of the choices [bits]
	CompareOpen   Opcode = "cmp.open"   // o <- nodes, a, b [bits, level]
	CompareJoin   Opcode = "cmp.join"   // nodes <- nodes, own o, o of the peer, b, c [bits, level]

	ArithmeticCorrelate Opcode = "b2a.correlate" // v <- u, p0, p1
	ArithmeticReceive   Opcode = "b2a.receive"   // z <- u, e, c, q, v
	ArithmeticSend      Opcode = "b2a.send"      // z <- u, e of the peer, p0
	TruncExcess         Opcode = "trunc.excess"  // u <- carry, x [f]
	Coarse              Opcode = "coarse"        // y <- x [drop]
)

func init() {
	maps.Copy(shapes, map[Opcode]shape{
		CompareChoose: {k(b), k(r, b), false, 1}, CompareTurn: {k(b, b), k(b, b), false, 1},
		CompareAnswer: {k(b, b), k(r, b, b), false, 1}, CompareSelect: {k(b), k(r, b, b), false, 1},
		CompareOpen: {k(b), k(b, b, b), false, 2}, CompareJoin: {k(b), k(b, b, b, b, b), false, 2},
		ArithmeticCorrelate: {k(r), k(b, r, r), false, 0}, ArithmeticReceive: {k(r), k(b, b, b, r, r), false, 0},
		ArithmeticSend: {k(r), k(b, b, r), false, 0}, TruncExcess: {k(b), k(b, r), false, 1},
		Coarse: {k(r), k(r), false, 1},
	})
}

// checkComparison demands a comparison of some bits, fewer than a ring element has, and vectors of the planes that it makes.
func (p *Program) checkComparison(in Instr) error {
	c := cost.Comparison{Bits: in.Ints[0]}
	if c.Bits < 1 || c.Bits >= p.Ring {
		return fmt.Errorf("compares %d bits of %d", c.Bits, p.Ring)
	}
	level := 0
	if len(in.Ints) > 1 {
		if level = in.Ints[1]; level < 0 || level >= c.Levels() {
			return fmt.Errorf("level %d of %d", level, c.Levels())
		}
	}
	for i, o := range slices.Concat(in.Out, in.In) {
		if want := comparing(in, c, level)[i]; !want.holds(o.Len) {
			return fmt.Errorf("operand %d has %d bits, accepted are %d of each of %d instances", i, o.Len, want.planes, want.n)
		}
	}
	return nil
}

// planes is a vector of so many planes of n instances, with nothing behind the last instance if exact.
type planes struct {
	planes, n int
	exact     bool
}

func (v planes) holds(bits int) bool {
	if v.exact {
		return cost.Padded(int64(bits)) == cost.Padded(int64(v.n))
	}
	return bits == v.planes*int(cost.Padded(int64(v.n)))
}

// comparing gives the vectors of a step, results first. The instances are those of x, or come from a vector of planes.
func comparing(in Instr, c cost.Comparison, level int) []planes {
	n := in.In[0].Len
	switch in.Op {
	case CompareTurn:
		n = in.Out[1].Len / c.Leaves()
	case CompareOpen, CompareJoin:
		n /= 2*c.Nodes(level) - 1
	}
	x := planes{1, n, true}
	of := func(count int) planes { return planes{count, n, false} }
	nodes := func(level int) planes {
		if c.Nodes(level) == 1 {
			return x
		}
		return of(2*c.Nodes(level) - 1)
	}
	choices, message, opened, products := of(c.ChoicePlanes()), of(c.MessagePlanes()), of(c.OpenedPlanes(level)), of(2*c.Triples())
	return map[Opcode][]planes{
		CompareChoose: {choices, x, choices},
		CompareTurn:   {message, of(c.Leaves()), of(c.MaskPlanes()), choices},
		CompareAnswer: {message, nodes(0), x, message, of(c.Leaves())},
		CompareSelect: {nodes(0), x, message, of(2 * c.Digits())},
		CompareOpen:   {opened, nodes(level), of(c.Triples()), products},
		CompareJoin:   {nodes(level + 1), nodes(level), opened, opened, products, products},
	}[in.Op]
}
