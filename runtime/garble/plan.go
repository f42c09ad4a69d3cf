package garble

import "sotto/ir/circuit"

// opcode is what a step does to a vector of labels, one lane an instance.
type opcode uint8

const (
	loadGarbler   opcode = iota // dst = garbler's input number n
	loadEarly                   // dst = garbler's early input number n
	loadEvaluator               // dst = evaluator's input number n
	xor                         // dst = a ^ b
	invert                      // dst = not a
	and                         // dst = a & b, AND gate number n
	store                       // output number n = a
)

// step is one instruction on slots, each a vector of labels.
type step struct {
	op        opcode
	dst, a, b int
	n         int
}

// plan is a circuit as a straight line of steps over few slots: an input is
// loaded before its first use, an output is stored as soon as it is known,
// and a slot is free again after the last use of its wire. So the labels in
// use stay in the first-level cache however wide the inputs are.
type plan struct {
	steps     []step
	slots     int
	ands      int
	garbler   int // its late inputs
	early     int // its early inputs
	evaluator int
	outputs   int
}

// planner is the state of making a plan.
type planner struct {
	c    *circuit.Circuit
	p    *plan
	slot []int   // of each wire, -1 while it has none
	uses []int   // of each wire, still to come, as an operand
	outs [][]int // of each wire, the outputs it is
	free []int
}

// newPlan plans a circuit that has passed Check.
func newPlan(c *circuit.Circuit) *plan {
	b := &planner{
		c:    c,
		p:    &plan{garbler: c.Garbler - c.Early, early: c.Early, evaluator: c.Evaluator, outputs: len(c.Outputs)},
		slot: make([]int, c.Wires()),
		uses: make([]int, c.Wires()),
		outs: make([][]int, c.Wires()),
	}
	for w := range b.slot {
		b.slot[w] = -1
	}
	for _, g := range c.Gates {
		b.uses[g.A]++
		b.uses[g.B]++
	}
	for o, w := range c.Outputs {
		b.outs[w] = append(b.outs[w], o)
	}
	for i, g := range c.Gates {
		b.gate(circuit.Wire(c.Inputs()+i), g)
	}
	b.inputsAsOutputs()
	return b.p
}

// gate plans one gate. The operands' slots may be freed before dst is taken,
// since a step reads a lane of its operands before it writes that lane.
func (b *planner) gate(out circuit.Wire, g circuit.Gate) {
	s := step{a: b.operand(g.A), b: b.operand(g.B)}
	b.used(g.A)
	b.used(g.B)
	switch g.Op {
	case circuit.XOR:
		s.op = xor
	case circuit.INV:
		s.op = invert
	case circuit.AND:
		s.op, s.n = and, b.p.ands
		b.p.ands++
	}
	s.dst = b.take(out)
	b.p.steps = append(b.p.steps, s)
	b.store(out)
}

// operand returns the slot of a wire, loading an input at its first use.
func (b *planner) operand(w circuit.Wire) int {
	if b.slot[w] < 0 {
		s := step{op: loadGarbler, dst: b.take(w), n: int(w)}
		switch {
		case int(w) >= b.c.Garbler:
			s.op, s.n = loadEvaluator, int(w)-b.c.Garbler
		case int(w) >= b.p.garbler:
			s.op, s.n = loadEarly, int(w)-b.p.garbler
		}
		b.p.steps = append(b.p.steps, s)
		b.store(w)
	}
	return b.slot[w]
}

// store stores the outputs that a wire with a fresh slot is, and frees the
// slot if the wire has no other use.
func (b *planner) store(w circuit.Wire) {
	for _, o := range b.outs[w] {
		b.p.steps = append(b.p.steps, step{op: store, a: b.slot[w], n: o})
	}
	if b.uses[w] == 0 {
		b.free = append(b.free, b.slot[w])
	}
}

// take gives a wire a slot.
func (b *planner) take(w circuit.Wire) int {
	if n := len(b.free); n > 0 {
		b.slot[w], b.free = b.free[n-1], b.free[:n-1]
	} else {
		b.slot[w] = b.p.slots
		b.p.slots++
	}
	return b.slot[w]
}

// used counts one use of a wire and frees its slot after the last.
func (b *planner) used(w circuit.Wire) {
	if b.uses[w]--; b.uses[w] == 0 {
		b.free = append(b.free, b.slot[w])
	}
}

// inputsAsOutputs stores the inputs that no gate reads but that are outputs.
func (b *planner) inputsAsOutputs() {
	for w := range b.c.Inputs() {
		if b.slot[w] < 0 && len(b.outs[w]) > 0 {
			b.operand(circuit.Wire(w))
		}
	}
}
