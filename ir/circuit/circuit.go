// Package circuit holds Boolean circuits of XOR, AND and INV gates for two
// parties, a garbler and an evaluator: the representation and its reference
// evaluation, a builder that simplifies as it goes, the circuits the
// protocols use with their AND counts, and the Bristol Fashion text format.
//
// XOR and INV are free in a garbled circuit (free-XOR), so the size that
// matters is the number of AND gates. The circuits of this package are small:
// a layer is one of them times many instances.
package circuit

import "fmt"

// Op is the operation of a gate.
type Op uint8

// The gate set. AND alone costs traffic when garbled.
const (
	XOR Op = iota + 1
	AND
	INV
)

// String returns the name the operation has in Bristol Fashion.
func (o Op) String() string {
	switch o {
	case XOR:
		return "XOR"
	case AND:
		return "AND"
	case INV:
		return "INV"
	}
	return fmt.Sprintf("Op(%d)", uint8(o))
}

// Wire numbers a wire: the garbler's inputs first, then the evaluator's, then
// the output of each gate in order.
type Wire uint32

// Gate computes one wire from earlier wires. INV reads A alone and has B = A,
// so that every field is always a wire.
type Gate struct {
	Op   Op
	A, B Wire
}

// Circuit is a Boolean circuit in topological order. Gate i drives wire
// Inputs()+i. A number in a circuit is little-endian: its lowest bit is its
// first wire.
type Circuit struct {
	Garbler   int // input wires of the garbler, numbered from 0
	Early     int // how many of them, the last ones, the garbler knows when it garbles: their labels need not travel
	Evaluator int // input wires of the evaluator, numbered from Garbler
	Gates     []Gate
	Outputs   []Wire // any wires, in any order, repeats allowed
}

// MaxWires bounds the wires of any circuit, so that a circuit read from
// outside cannot ask for unbounded memory.
const MaxWires = 1 << 22

// Inputs returns the number of input wires of both parties.
func (c *Circuit) Inputs() int { return c.Garbler + c.Evaluator }

// Wires returns the number of wires: inputs and gate outputs.
func (c *Circuit) Wires() int { return c.Inputs() + len(c.Gates) }

// ANDs returns the number of AND gates.
func (c *Circuit) ANDs() int {
	n := 0
	for _, g := range c.Gates {
		if g.Op == AND {
			n++
		}
	}
	return n
}

// Depth returns the AND depth: the most AND gates on a path from an input to
// an output. The circuit must pass Check.
func (c *Circuit) Depth() int {
	depth := make([]int, c.Wires())
	for i, g := range c.Gates {
		d := max(depth[g.A], depth[g.B])
		if g.Op == AND {
			d++
		}
		depth[c.Inputs()+i] = d
	}
	deepest := 0
	for _, w := range c.Outputs {
		deepest = max(deepest, depth[w])
	}
	return deepest
}

// Check reports the first thing wrong with the circuit: a negative or too
// large size, more early inputs than inputs, an unknown operation, a gate that reads a wire not yet driven,
// an INV with two different operands, an output that is no wire.
func (c *Circuit) Check() error {
	if c.Garbler < 0 || c.Evaluator < 0 {
		return fmt.Errorf("circuit: %d garbler and %d evaluator inputs: neither may be negative", c.Garbler, c.Evaluator)
	}
	if c.Early < 0 || c.Early > c.Garbler {
		return fmt.Errorf("circuit: %d of %d garbler inputs known early: 0 to %d are accepted", c.Early, c.Garbler, c.Garbler)
	}
	if c.Garbler > MaxWires || c.Evaluator > MaxWires || len(c.Gates) > MaxWires || c.Wires() > MaxWires || len(c.Outputs) > MaxWires {
		return fmt.Errorf("circuit: %d+%d inputs, %d gates and %d outputs: at most %d wires are accepted",
			c.Garbler, c.Evaluator, len(c.Gates), len(c.Outputs), MaxWires)
	}
	for i, g := range c.Gates {
		if err := c.checkGate(i, g); err != nil {
			return err
		}
	}
	for i, w := range c.Outputs {
		if int(w) >= c.Wires() {
			return fmt.Errorf("circuit: output %d is wire %d: wires are 0 to %d", i, w, c.Wires()-1)
		}
	}
	return nil
}

// checkGate checks gate i against the wires that exist before it.
func (c *Circuit) checkGate(i int, g Gate) error {
	if g.Op < XOR || g.Op > INV {
		return fmt.Errorf("circuit: gate %d: unknown operation %d: XOR, AND and INV are accepted", i, uint8(g.Op))
	}
	known := c.Inputs() + i
	if int(g.A) >= known || int(g.B) >= known {
		return fmt.Errorf("circuit: gate %d: %v reads wires %d and %d: only the %d wires before it are accepted",
			i, g.Op, g.A, g.B, known)
	}
	if g.Op == INV && g.A != g.B {
		return fmt.Errorf("circuit: gate %d: INV of wires %d and %d: both must be the same wire", i, g.A, g.B)
	}
	return nil
}

// Eval evaluates the circuit on len(in) = Inputs() bits, the garbler's first,
// and returns one bit an output. It is the reference every garbling is tested
// against. It errs on a circuit that fails Check or a wrong number of bits.
func (c *Circuit) Eval(in []bool) ([]bool, error) {
	words := make([]uint64, len(in))
	for i, b := range in {
		if b {
			words[i] = 1
		}
	}
	lanes, err := c.EvalLanes(words)
	if err != nil {
		return nil, err
	}
	out := make([]bool, len(lanes))
	for i, w := range lanes {
		out[i] = w&1 == 1
	}
	return out, nil
}

// EvalLanes evaluates 64 instances at once: bit j of in[w] is input w of
// instance j, bit j of result o is output o of instance j. It errs as Eval
// does.
func (c *Circuit) EvalLanes(in []uint64) ([]uint64, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if len(in) != c.Inputs() {
		return nil, fmt.Errorf("circuit: evaluation of %d input bits: the circuit has %d", len(in), c.Inputs())
	}
	wires := make([]uint64, c.Wires())
	copy(wires, in)
	for i, g := range c.Gates {
		wires[len(in)+i] = g.Op.lanes(wires[g.A], wires[g.B])
	}
	out := make([]uint64, len(c.Outputs))
	for i, w := range c.Outputs {
		out[i] = wires[w]
	}
	return out, nil
}

// lanes applies the operation to 64 pairs of bits.
func (o Op) lanes(a, b uint64) uint64 {
	switch o {
	case XOR:
		return a ^ b
	case AND:
		return a & b
	}
	return ^a
}
