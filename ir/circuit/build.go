package circuit

import "fmt"

// Bit is a value inside a Builder: twice the number of a node, plus one if
// inverted. So an inverter is never a node: it moves along with its bit
// through XORs to where an AND or an output needs it.
type Bit uint32

// False and True are the constant bits, node 0 of every builder.
const (
	False Bit = 0
	True  Bit = 1
)

// Not returns the complement of a. It makes no gate.
func (a Bit) Not() Bit { return a ^ 1 }

// node returns the number of the node behind a.
func (a Bit) node() int { return int(a >> 1) }

// inverted returns True if a is the complement of its node, else False.
func (a Bit) inverted() Bit { return a & 1 }

// node is one XOR or AND of earlier bits. Inputs and the constant have op 0.
type node struct {
	op   Op
	a, b Bit
}

// Builder makes a Circuit gate by gate. It folds constants and trivial
// operands, gives one node to equal gates (structural hashing), keeps
// inverters out of XORs, and drops at Build what no output needs. The first
// misuse is remembered and returned by Build; bits made after it mean nothing.
type Builder struct {
	garbler, evaluator int
	early              int // of the garbler's inputs, see Circuit
	nodes              []node
	seen               map[node]Bit
	err                error
}

// NewBuilder starts a circuit with the given numbers of input bits.
func NewBuilder(garbler, evaluator int) *Builder {
	b := &Builder{seen: make(map[node]Bit)}
	if garbler < 0 || evaluator < 0 || garbler > MaxWires || evaluator > MaxWires || garbler+evaluator > MaxWires {
		b.failf("%d garbler and %d evaluator inputs: 0 to %d together are accepted", garbler, evaluator, MaxWires)
		garbler, evaluator = 0, 0
	}
	b.garbler, b.evaluator = garbler, evaluator
	b.nodes = make([]node, 1+garbler+evaluator)
	return b
}

// failf remembers the first misuse.
func (b *Builder) failf(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf("circuit: builder: "+format, args...)
	}
}

// GarblerBits returns n of the garbler's input bits, from bit first on.
func (b *Builder) GarblerBits(first, n int) []Bit {
	return b.inputs("garbler", 0, b.garbler, first, n)
}

// EvaluatorBits returns n of the evaluator's input bits, from bit first on.
func (b *Builder) EvaluatorBits(first, n int) []Bit {
	return b.inputs("evaluator", b.garbler, b.evaluator, first, n)
}

// inputs returns inputs first to first+n-1 of a party that has limit inputs
// numbered from base.
func (b *Builder) inputs(party string, base, limit, first, n int) []Bit {
	if first < 0 || n < 0 || first > limit || n > limit-first {
		b.failf("%s inputs %d to %d: it has %d", party, first, first+n-1, limit)
		return make([]Bit, max(0, min(n, MaxWires)))
	}
	bits := make([]Bit, n)
	for i := range bits {
		bits[i] = Bit(1+base+first+i) << 1
	}
	return bits
}

// Const returns the n low bits of v as constants, n at most 64.
func (b *Builder) Const(v uint64, n int) []Bit {
	if n < 0 || n > 64 {
		b.failf("constant of %d bits: 0 to 64 are accepted", n)
		n = 0
	}
	bits := make([]Bit, n)
	for i := range bits {
		bits[i] = Bit(v >> i & 1)
	}
	return bits
}

// known reports whether both bits belong to this builder.
func (b *Builder) known(x, y Bit) bool {
	if max(x.node(), y.node()) < len(b.nodes) {
		return true
	}
	b.failf("bits %d and %d: the builder has made bits 0 to %d", x, y, 2*len(b.nodes)-1)
	return false
}

// gate returns the bit of the node op(x, y), making the node if it is new.
func (b *Builder) gate(op Op, x, y Bit) Bit {
	n := node{op, min(x, y), max(x, y)}
	if bit, ok := b.seen[n]; ok {
		return bit
	}
	if len(b.nodes) > MaxWires {
		b.failf("more than %d wires", MaxWires)
		return False
	}
	bit := Bit(len(b.nodes)) << 1
	b.nodes = append(b.nodes, n)
	b.seen[n] = bit
	return bit
}

// Xor returns x ^ y: no AND, and no gate where it folds.
func (b *Builder) Xor(x, y Bit) Bit {
	if !b.known(x, y) {
		return False
	}
	inv := x.inverted() ^ y.inverted()
	x, y = x&^1, y&^1
	switch {
	case x == y:
		return inv
	case x == False:
		return y ^ inv
	case y == False:
		return x ^ inv
	}
	if rest, ok := b.cancel(x, y); ok {
		return rest ^ inv
	}
	if rest, ok := b.cancel(y, x); ok {
		return rest ^ inv
	}
	return b.gate(XOR, x, y) ^ inv
}

// cancel simplifies (p ^ q) ^ y where y is p or q.
func (b *Builder) cancel(x, y Bit) (Bit, bool) {
	n := b.nodes[x.node()]
	switch {
	case n.op != XOR:
		return False, false
	case n.a == y:
		return n.b, true
	case n.b == y:
		return n.a, true
	}
	return False, false
}

// And returns x & y: one AND, or none where it folds.
func (b *Builder) And(x, y Bit) Bit {
	if !b.known(x, y) {
		return False
	}
	switch {
	case x == False || y == False || x == y.Not():
		return False
	case x == True || x == y:
		return y
	case y == True:
		return x
	}
	return b.gate(AND, x, y)
}

// Not returns the complement of x, without a gate.
func (b *Builder) Not(x Bit) Bit { return x.Not() }

// Or returns x | y = ^(^x & ^y): one AND.
func (b *Builder) Or(x, y Bit) Bit { return b.And(x.Not(), y.Not()).Not() }

// Mux returns t if s, else f, as f ^ s&(t ^ f): one AND.
func (b *Builder) Mux(s, t, f Bit) Bit {
	return b.Xor(f, b.And(s, b.Xor(t, f)))
}

// Majority returns the carry of x + y + c with one AND, as
// c ^ ((x ^ c) & (y ^ c)).
func (b *Builder) Majority(x, y, c Bit) Bit {
	return b.Xor(c, b.And(b.Xor(x, c), b.Xor(y, c)))
}

// Build returns the circuit of the given outputs, holding only the gates they
// need, or the first misuse of the builder. A constant output needs at least
// one input, since constants are made as w ^ w.
func (b *Builder) Build(outputs ...Bit) (*Circuit, error) {
	for _, o := range outputs {
		b.known(o, o)
	}
	if b.err != nil {
		return nil, b.err
	}
	e := newEmitter(b, b.live(outputs))
	for i := b.firstGate(); i < len(b.nodes); i++ {
		e.node(i)
	}
	for _, o := range outputs {
		w, err := e.output(o)
		if err != nil {
			return nil, err
		}
		e.c.Outputs = append(e.c.Outputs, w)
	}
	return e.c, e.c.Check()
}

// firstGate returns the number of the first node that is a gate.
func (b *Builder) firstGate() int { return 1 + b.garbler + b.evaluator }

// live marks the nodes that some output depends on.
func (b *Builder) live(outputs []Bit) []bool {
	live := make([]bool, len(b.nodes))
	for _, o := range outputs {
		live[o.node()] = true
	}
	for i := len(b.nodes) - 1; i >= b.firstGate(); i-- {
		if live[i] {
			live[b.nodes[i].a.node()] = true
			live[b.nodes[i].b.node()] = true
		}
	}
	return live
}

// emitter turns live nodes into gates, and inverted bits into INV gates, one
// for each inverted node.
type emitter struct {
	b    *Builder
	live []bool
	wire map[Bit]Wire
	c    *Circuit
}

func newEmitter(b *Builder, live []bool) *emitter {
	e := &emitter{b, live, make(map[Bit]Wire), &Circuit{Garbler: b.garbler, Early: b.early, Evaluator: b.evaluator}}
	for i := 1; i < b.firstGate(); i++ {
		e.wire[Bit(i)<<1] = Wire(i - 1)
	}
	return e
}

// add appends a gate and returns its wire.
func (e *emitter) add(op Op, a, b Wire) Wire {
	e.c.Gates = append(e.c.Gates, Gate{op, a, b})
	return Wire(e.c.Wires() - 1)
}

// node emits node i if it is live.
func (e *emitter) node(i int) {
	if n := e.b.nodes[i]; e.live[i] {
		x, y := e.bit(n.a), e.bit(n.b)
		e.wire[Bit(i)<<1] = e.add(n.op, x, y)
	}
}

// bit returns the wire of a bit whose node is emitted, inverting it if needed.
func (e *emitter) bit(x Bit) Wire {
	if w, ok := e.wire[x]; ok {
		return w
	}
	plain := e.wire[x.Not()]
	e.wire[x] = e.add(INV, plain, plain)
	return e.wire[x]
}

// output returns the wire of an output bit, making constants from input 0.
func (e *emitter) output(x Bit) (Wire, error) {
	if _, made := e.wire[False]; x.node() == 0 && !made {
		if e.c.Inputs() == 0 {
			return 0, fmt.Errorf("circuit: builder: constant output of a circuit without inputs: at least one input is needed")
		}
		e.wire[False] = e.add(XOR, 0, 0)
	}
	return e.bit(x), nil
}

// Simplify returns the circuit that a Builder makes of c: the same function
// of the same inputs, with constants folded, equal gates made once and dead
// gates dropped. It never has more ANDs than c.
func Simplify(c *Circuit) (*Circuit, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	b := NewBuilder(c.Garbler, c.Evaluator)
	b.early = c.Early
	bits := append(b.GarblerBits(0, c.Garbler), b.EvaluatorBits(0, c.Evaluator)...)
	for _, g := range c.Gates {
		switch g.Op {
		case XOR:
			bits = append(bits, b.Xor(bits[g.A], bits[g.B]))
		case AND:
			bits = append(bits, b.And(bits[g.A], bits[g.B]))
		case INV:
			bits = append(bits, bits[g.A].Not())
		}
	}
	outputs := make([]Bit, len(c.Outputs))
	for i, w := range c.Outputs {
		outputs[i] = bits[w]
	}
	return b.Build(outputs...)
}
