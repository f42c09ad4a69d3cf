// Package gates turns a circuit into the steps of the accelerator's garbler and evaluator.
//
// The engine of fpga/rtl takes an AND gate of an instance at an interval; XOR and NOT are free in what travels, but somebody must
// add the labels. So a step is an AND with what stands around it:
//
//	step       z = (a1 ^ a2) & (b1 ^ b2) ^ p, each of the five a wire or nothing
//	           z = a1 ^ a2 ^ b1 ^ b2 ^ p, which takes the same time
//	wire       an input, which streams in from memory at its use, or one of the slots of a memory of labels
//	block      64 instances. A step is made in all of them, one after the other, before the next step begins: more than any engine's
//	           latency, so that no step waits for another
//
// A carry, which is most of what a network garbles, is one step a bit and one slot: ((x ^ c) & (y ^ c)) ^ c.
//
// The AND gates keep their order, so that tables stream in the order of the runtime's message.
package gates

import (
	"fmt"

	"sotto/fpga/target"
	"sotto/ir/circuit"
	"sotto/ir/cost"
)

// Source is where an operand's label comes from: one of the streams of inputs, or a slot.
type Source uint16

const (
	Nothing   Source = iota // no operand
	Garbler                 // the garbler's input whose label travels
	Early                   // its input that it knows when it garbles
	Evaluator               // the evaluator's input
	firstSlot               // slot 0, and so on
)

// Slot is a place in the memory of labels.
func Slot(n int) Source { return firstSlot + Source(n) }

// Slot gives the number of a slot, or false of another source.
func (s Source) Slot() (int, bool) { return int(s) - int(firstSlot), s >= firstSlot }

// Operands of a step.
const (
	A1 = iota
	A2
	B1
	B2
	P
	Operands // how many they are
)

// Step is what is done in all instances of a block. Of each kind of input a step takes one at most.
type Step struct {
	And     bool
	Sources [Operands]Source
	// InvertA, InvertB and InvertP turn a sum round: of an AND its left operand, its right one and its result, else all of them the result.
	InvertA, InvertB, InvertP bool

	Write  bool // the result goes to slot Dst
	Dst    int
	Output bool // the result is output number Out
	Out    int
	// InvertOut turns the output round, not what is in the slot.
	InvertOut bool

	Input [firstSlot]int // which input of each kind the step takes, if it does
}

// Plan is a circuit as steps.
type Plan struct {
	Task  *circuit.Task
	Steps []Step
	Slots int
	ANDs  int
}

// Limits of the encoding.
const (
	sourceBits = 9
	inputBits  = 16

	// MaxSlots is the most slots that a step can name, and MaxInputs the most inputs of a kind.
	MaxSlots  = 1<<sourceBits - int(firstSlot)
	MaxInputs = 1 << inputBits
)

// UnsupportedError is a circuit, or a way to garble it, that the engines do not have.
type UnsupportedError struct{ What, Accepted string }

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("gates: %s: accepted is %s", e.What, e.Accepted)
}

// New plans a circuit that is garbled by a scheme. The error is an *UnsupportedError, or what is wrong with the circuit.
func New(task *circuit.Task, scheme cost.Scheme) (*Plan, error) {
	if scheme != cost.HalfGates {
		return nil, &UnsupportedError{fmt.Sprintf("tables by %s", scheme), "half-gates (compile with --garbling half-gates)"}
	}
	if err := task.Check(); err != nil {
		return nil, fmt.Errorf("gates: %w", err)
	}
	if n := max(task.Garbler, task.Evaluator, len(task.Outputs)); n > MaxInputs {
		return nil, &UnsupportedError{fmt.Sprintf("a circuit of %d inputs or outputs", n), fmt.Sprintf("one of %d", MaxInputs)}
	}
	p := newPlanner(task).plan()
	if p.Slots > MaxSlots {
		return nil, &UnsupportedError{fmt.Sprintf("a circuit with %d labels at once", p.Slots), fmt.Sprintf("one with %d", MaxSlots)}
	}
	return p, nil
}

// Cycles are those of an engine that makes the steps of so many instances, from the first operands to the last results: incomplete
// blocks take as long as complete ones. The tests of fpga/hlslib count them.
func (p *Plan) Cycles(e target.HalfGates, instances int) int {
	return e.Cycles(len(p.Steps) * target.Lanes * blocks(instances))
}

func blocks(instances int) int { return (instances + target.Lanes - 1) / target.Lanes }
