package program

import (
	"errors"
	"fmt"
	"slices"

	"sotto/ir/circuit"
	"sotto/ir/cost"
)

// Circuit names a circuit that a program garbles: see circuit.Named.
type Circuit struct {
	_      struct{} `cbor:",toarray"`
	Name   string
	Params []int
	Scheme cost.Scheme // how its AND gates are garbled
}

// maxCircuits bounds the table: a network has few kinds of nonlinear layers, each with few widths.
const maxCircuits = 1 << 12

// Numbers of a gc instruction: which batch, the first instance and how many, which circuit.
const (
	gcBatch = iota
	gcLo
	gcCount
	gcCircuit
	gcInts // how many they are
)

// Task gives circuit i of the program's table.
func (p *Program) Task(i int) (*circuit.Task, error) {
	if i < 0 || i >= len(p.Circuits) {
		return nil, fmt.Errorf("circuit %d of %d", i, len(p.Circuits))
	}
	return circuit.Named(p.Circuits[i].Name, p.Circuits[i].Params...)
}

// ANDs counts the AND gates that a program garbles, or evaluates, in all. The program must have passed Verify.
func (p *Program) ANDs() (n int64, err error) {
	for _, l := range slices.Concat(p.Offline, p.Online) {
		for _, in := range slices.Concat(l.Send, l.Recv) {
			if in.Op != GCGarble && in.Op != GCRemask && in.Op != GCEvaluate {
				continue
			}
			t, err := p.Task(in.Ints[gcCircuit])
			if err != nil {
				return 0, err
			}
			n += int64(t.ANDs()) * int64(in.Ints[gcCount])
		}
	}
	return n, nil
}

// checkCircuits demands circuits that there are, for this ring.
func (p *Program) checkCircuits() error {
	if len(p.Circuits) > maxCircuits {
		return fmt.Errorf("program: %d circuits, accepted are at most %d", len(p.Circuits), maxCircuits)
	}
	for i := range p.Circuits {
		t, err := p.Task(i)
		if err == nil && !slices.Contains(cost.Schemes(), p.Circuits[i].Scheme) {
			err = fmt.Errorf("scheme %q, accepted are %v", p.Circuits[i].Scheme, cost.Schemes())
		}
		if err != nil {
			return fmt.Errorf("program: circuit %d: %w", i, err)
		}
		if (t.Ring != 0 && t.Ring != p.Ring) || t.From+t.Bits > p.Ring {
			return fmt.Errorf("program: circuit %d takes bits %d to %d and gives %d, the ring has %d", i, t.From, t.From+t.Bits-1, t.Ring, p.Ring)
		}
	}
	return nil
}

// garbledStep: parts of a garbled layer begin on word borders of packed bits.
const garbledStep = 64

// checkGarbled holds a garbled part within its layer.
func (p *Program) checkGarbled(in Instr) error {
	batch, lo, count := in.Ints[gcBatch], in.Ints[gcLo], in.Ints[gcCount]
	t, err := p.Task(in.Ints[gcCircuit])
	if err != nil {
		return err
	}
	if batch < 0 || batch >= len(p.Extensions.Garbled) || lo < 0 || lo > maxElements || lo%garbledStep != 0 || count < 1 || count > maxElements {
		return fmt.Errorf("batch %d, instances %d + %d", batch, lo, count)
	}
	if bits := in.Op == GCGarble; (bits && t.Ring > 0) || (in.Op == GCRemask && t.Ring == 0) {
		return fmt.Errorf("a circuit with results of %d bits", t.Ring)
	}
	choices := count * t.Wires()
	if err := p.checkLabels(in, batch, int64(choices)); err != nil {
		return err
	}
	for _, o := range in.In {
		if in.Op == GCCorrect {
			return checkChoices(o, choices)
		}
		if in.Op == GCRemask {
			if err := checkPart(lo+count, o.Len); err != nil {
				return err
			}
			continue
		}
		if o.Len%t.Elements != 0 {
			return fmt.Errorf("%d elements for instances of %d", o.Len, t.Elements)
		}
		if err := checkPart(lo+count, o.Len/t.Elements); err != nil {
			return err
		}
	}
	for _, o := range in.Out {
		if in.Op == GCFlip {
			return checkChoices(o, choices)
		}
		if kind := p.Buffers[o.Buf].Kind; (kind == Ring) != (t.Ring > 0) {
			return errors.New("a result of another kind than the circuit's")
		}
		if err := checkPart(lo+count, o.Len); err != nil {
			return err
		}
	}
	return nil
}

// checkChoices demands a bit for each label OT.
func checkChoices(o Operand, n int) error {
	if o.Len != n {
		return fmt.Errorf("%d choices of %d", o.Len, n)
	}
	return nil
}

// checkPart demands that a part ends with its layer, or inside it on a border.
func checkPart(end, of int) error {
	if end > of || (end < of && end%garbledStep != 0) {
		return fmt.Errorf("instances up to %d of %d", end, of)
	}
	return nil
}

// garbledBytes is the payload of a gc instruction: label OTs, tables with the permute bits of results in the ring, or labels.
func (p *Program) garbledBytes(in Instr) int64 {
	if len(in.Ints) != gcInts {
		return 0
	}
	if in.Op == GCTrees || in.Op == GCExpand {
		return p.labelBytes(in)
	}
	t, err := p.Task(in.Ints[gcCircuit])
	if err != nil {
		return 0
	}
	count, wires := int64(in.Ints[gcCount]), int64(t.Wires())
	switch in.Op {
	case GCChoose, GCZero:
		return p.labelOTBytes(in.Ints[gcBatch], count*wires)
	case GCGarble, GCRemask, GCTables:
		return p.Circuits[in.Ints[gcCircuit]].Scheme.TableBytes(int64(t.ANDs()), count) + cost.BitBytes(count, t.Ring)
	case GCLabels, GCEvaluate:
		return cost.LabelBytes(wires, count)
	}
	return 0
}
