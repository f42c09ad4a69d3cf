package circuit

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Bristol Fashion, the text format of circuits (Archer, Abril, Lu, Maene,
// Mertens, Sijacic, Smart: "Bristol Fashion" MPC circuits, 2020):
//
//	gates wires
//	number of input values, width of each
//	number of output values, width of each
//	(blank)
//	inputs outputs  input wires...  output wires...  operation
//
// Input wires come first; the outputs are the last wires. Operations: XOR,
// AND, INV, EQ (the input is the constant 0 or 1, not a wire), EQW (a copy),
// MAND (n ANDs on one line: n left operands, n right operands, n outputs).

// Bounds on what ReadBristol takes, beside MaxWires.
const (
	maxLine   = 1 << 16 // bytes in one line
	maxValues = 1 << 10 // values declared on one header line
)

// WriteBristol writes the circuit with one input value a party (the
// evaluator's left out when it has no input) and one output value. Wires are
// renumbered so that the outputs come last; an output that is an input wire,
// or that repeats, becomes an EQW. It errs if c fails Check or w errs.
func (c *Circuit) WriteBristol(w io.Writer) error {
	if err := c.Check(); err != nil {
		return err
	}
	number, copies := c.bristolWires()
	wires := c.Wires() + len(copies)
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%d %d\n", len(c.Gates)+len(copies), wires)
	if c.Evaluator == 0 {
		fmt.Fprintf(out, "1 %d\n", c.Garbler)
	} else {
		fmt.Fprintf(out, "2 %d %d\n", c.Garbler, c.Evaluator)
	}
	fmt.Fprintf(out, "1 %d\n\n", len(c.Outputs))
	for i, g := range c.Gates {
		o := number[c.Inputs()+i]
		if g.Op == INV {
			fmt.Fprintf(out, "1 1 %d %d INV\n", number[g.A], o)
		} else {
			fmt.Fprintf(out, "2 1 %d %d %d %v\n", number[g.A], number[g.B], o, g.Op)
		}
	}
	for _, i := range copies {
		fmt.Fprintf(out, "1 1 %d %d EQW\n", number[c.Outputs[i]], wires-len(c.Outputs)+i)
	}
	return out.Flush()
}

// bristolWires numbers the wires for Bristol Fashion and lists the outputs
// that need a copy. An output wire gets its place at the end; the other gates
// keep their order from the inputs on.
func (c *Circuit) bristolWires() (number []int, copies []int) {
	number = make([]int, c.Wires())
	place := make(map[Wire]int, len(c.Outputs))
	for i, w := range c.Outputs {
		if _, taken := place[w]; taken || int(w) < c.Inputs() {
			copies = append(copies, i)
			continue
		}
		place[w] = i
	}
	firstOutput := c.Wires() + len(copies) - len(c.Outputs)
	next := 0
	for w := range number {
		if i, ok := place[Wire(w)]; ok {
			number[w] = firstOutput + i
			continue
		}
		number[w] = next
		next++
	}
	return number, copies
}

// ReadBristol reads a circuit of one or two input values, the garbler's
// first, and any number of output values, which become one list. Gates keep
// their order; EQW makes no gate, EQ makes w ^ w and at most one INV. Input
// from outside is bounded by MaxWires, a line length and the header's own
// counts. An error names the line.
func ReadBristol(r io.Reader) (*Circuit, error) {
	p := &bristolReader{lines: bufio.NewScanner(r), c: &Circuit{}}
	p.lines.Buffer(make([]byte, 0, 4096), maxLine)
	if err := p.read(); err != nil {
		return nil, fmt.Errorf("bristol fashion: line %d: %w", p.line, err)
	}
	return p.c, p.c.Check()
}

// bristolReader is the state of one ReadBristol. wire maps the file's wire
// numbers to ours, plus one; zero is a wire not driven yet.
type bristolReader struct {
	lines        *bufio.Scanner
	line         int
	c            *Circuit
	gates, wires int
	wire         []Wire
}

// fields returns the fields of the next line that is not blank, none at the
// end of the file.
func (p *bristolReader) fields() ([]string, error) {
	for p.lines.Scan() {
		p.line++
		if f := strings.Fields(p.lines.Text()); len(f) > 0 {
			return f, nil
		}
	}
	if err := p.lines.Err(); err != nil {
		p.line++
		return nil, err
	}
	return nil, nil
}

func (p *bristolReader) read() error {
	outputs, err := p.header()
	if err != nil {
		return err
	}
	for i := range p.wire[:p.c.Inputs()] {
		p.wire[i] = Wire(i + 1)
	}
	for range p.gates {
		if err := p.gate(); err != nil {
			return err
		}
	}
	if err := p.end(); err != nil {
		return err
	}
	for w := p.wires - outputs; w < p.wires; w++ {
		ours, err := p.operand(strconv.Itoa(w))
		if err != nil {
			return fmt.Errorf("output: %w", err)
		}
		p.c.Outputs = append(p.c.Outputs, ours)
	}
	return nil
}

// end checks that nothing follows the last gate.
func (p *bristolReader) end() error {
	f, err := p.fields()
	if err == nil && f != nil {
		err = fmt.Errorf("%d gates were declared, and more follow", p.gates)
	}
	return err
}

// header reads the three header lines and returns the number of output bits.
func (p *bristolReader) header() (outputs int, err error) {
	f, err := p.fields()
	if err != nil {
		return 0, err
	}
	if len(f) != 2 {
		return 0, fmt.Errorf("%d fields: the numbers of gates and of wires are expected", len(f))
	}
	if p.gates, err = count(f[0], MaxWires); err != nil {
		return 0, err
	}
	if p.wires, err = count(f[1], MaxWires); err != nil {
		return 0, err
	}
	return p.values()
}

// values reads the lines of input and output values.
func (p *bristolReader) values() (outputs int, err error) {
	in, err := p.widths("input")
	if err != nil {
		return 0, err
	}
	if len(in) < 1 || len(in) > 2 {
		return 0, fmt.Errorf("%d input values: 1 or 2 are accepted, the garbler's first", len(in))
	}
	p.c.Garbler = in[0]
	if len(in) == 2 {
		p.c.Evaluator = in[1]
	}
	out, err := p.widths("output")
	if err != nil {
		return 0, err
	}
	for _, n := range out {
		outputs += n
	}
	if p.c.Inputs() > p.wires || outputs > p.wires {
		return 0, fmt.Errorf("%d inputs and %d outputs among %d wires", p.c.Inputs(), outputs, p.wires)
	}
	p.wire = make([]Wire, p.wires)
	return outputs, nil
}

// widths reads a header line: a count, then so many widths.
func (p *bristolReader) widths(what string) ([]int, error) {
	f, err := p.fields()
	if err != nil {
		return nil, err
	}
	if len(f) == 0 {
		return nil, fmt.Errorf("the line of %s widths is missing", what)
	}
	n, err := count(f[0], maxValues)
	if err != nil {
		return nil, err
	}
	if len(f) != 1+n {
		return nil, fmt.Errorf("%d %s values declared, %d widths given", n, what, len(f)-1)
	}
	widths := make([]int, n)
	for i := range widths {
		if widths[i], err = count(f[1+i], MaxWires); err != nil {
			return nil, err
		}
	}
	return widths, nil
}

// count reads a number from 0 to limit.
func count(s string, limit int) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || int(n) > limit {
		return 0, fmt.Errorf("%.20q: a number from 0 to %d is expected", s, limit)
	}
	return int(n), nil
}

// gate reads one gate line.
func (p *bristolReader) gate() error {
	f, err := p.fields()
	if err != nil {
		return err
	}
	if len(f) < 4 {
		return fmt.Errorf("%d fields: a gate has its counts, its wires and its operation", len(f))
	}
	in, err := count(f[0], maxLine)
	if err != nil {
		return err
	}
	out, err := count(f[1], maxLine)
	if err != nil {
		return err
	}
	if len(f) != 2+in+out+1 {
		return fmt.Errorf("%d fields: a gate of %d inputs and %d outputs has %d", len(f), in, out, 2+in+out+1)
	}
	return p.apply(f[len(f)-1], f[2:2+in], f[2+in:2+in+out])
}

// arity is the number of input and output wires of each operation on one
// line; MAND has its own rule.
var arity = map[string][2]int{"XOR": {2, 1}, "AND": {2, 1}, "INV": {1, 1}, "EQ": {1, 1}, "EQW": {1, 1}}

// apply adds the gates of one line.
func (p *bristolReader) apply(op string, in, out []string) error {
	want, ok := arity[op]
	switch {
	case op == "MAND" && len(out) > 0 && len(in) == 2*len(out):
		return p.mand(in, out)
	case op == "MAND":
		return fmt.Errorf("MAND of %d inputs and %d outputs: two inputs an output are accepted", len(in), len(out))
	case !ok:
		return fmt.Errorf("operation %.20q: XOR, AND, INV, EQ, EQW and MAND are accepted", op)
	case len(in) != want[0] || len(out) != want[1]:
		return fmt.Errorf("%s of %d inputs and %d outputs: %d and %d are accepted", op, len(in), len(out), want[0], want[1])
	case op == "EQ":
		return p.constant(in[0], out[0])
	}
	a, err := p.operand(in[0])
	if err != nil {
		return err
	}
	b, err := p.operand(in[len(in)-1])
	if err != nil {
		return err
	}
	switch op {
	case "EQW":
		return p.drive(out[0], a)
	case "XOR":
		return p.add(out[0], Gate{XOR, a, b})
	case "AND":
		return p.add(out[0], Gate{AND, a, b})
	}
	return p.add(out[0], Gate{INV, a, a})
}

// mand adds one AND an output. All operands are read before any output is
// driven, as for one gate.
func (p *bristolReader) mand(in, out []string) error {
	wires := make([]Wire, len(in))
	for i, s := range in {
		w, err := p.operand(s)
		if err != nil {
			return err
		}
		wires[i] = w
	}
	for i, s := range out {
		if err := p.add(s, Gate{AND, wires[i], wires[len(out)+i]}); err != nil {
			return err
		}
	}
	return nil
}

// constant drives a wire with 0 or 1.
func (p *bristolReader) constant(value, out string) error {
	if value != "0" && value != "1" {
		return fmt.Errorf("EQ of %.20q: 0 or 1 is accepted", value)
	}
	if p.c.Inputs() == 0 {
		return fmt.Errorf("EQ in a circuit without inputs: at least one input is needed")
	}
	zero := p.append(Gate{XOR, 0, 0})
	if value == "0" {
		return p.drive(out, zero)
	}
	return p.add(out, Gate{INV, zero, zero})
}

// operand returns our wire for a wire of the file that is already driven.
func (p *bristolReader) operand(s string) (Wire, error) {
	w, err := count(s, len(p.wire)-1)
	if err != nil {
		return 0, fmt.Errorf("wire %w", err)
	}
	if p.wire[w] == 0 {
		return 0, fmt.Errorf("wire %d is read before it is driven", w)
	}
	return p.wire[w] - 1, nil
}

// drive makes a wire of the file stand for one of ours.
func (p *bristolReader) drive(s string, ours Wire) error {
	w, err := count(s, len(p.wire)-1)
	if err != nil {
		return fmt.Errorf("wire %w", err)
	}
	if p.wire[w] != 0 {
		return fmt.Errorf("wire %d is driven twice", w)
	}
	p.wire[w] = ours + 1
	return nil
}

// add appends a gate that drives a wire of the file.
func (p *bristolReader) add(out string, g Gate) error {
	return p.drive(out, p.append(g))
}

// append appends a gate and returns its wire.
func (p *bristolReader) append(g Gate) Wire {
	p.c.Gates = append(p.c.Gates, g)
	return Wire(p.c.Wires() - 1)
}
