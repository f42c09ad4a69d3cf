package vm

import (
	"time"

	"sotto/ir/cost"
	"sotto/runtime/program"
)

// Lane is where a stretch of work belongs in a picture of a session. The spans of one lane never overlap but where one lies in another.
type Lane uint8

// The lanes. What sends works beside what receives, and online beside what computes.
const (
	Phases    Lane = iota // of the session as a whole
	Computing             // local instructions, and the making of material
	Sending               // what goes into messages
	Receiving             // what is done with messages, the waiting for them included
)

// Span is a stretch of time that a party spent on an instruction, or on a piece of one. It tells nothing of what was computed.
type Span struct {
	Lane         Lane
	Phase        cost.Phase
	Name         string // of the instruction
	Tag          int    // whose it is: index into Program.Layers, or cost.SessionTag
	Began, Ended time.Time
}

// spend books the time since start to a layer.
func (m *Machine[W]) spend(lane Lane, op program.Opcode, tag int, start time.Time) {
	now := time.Now()
	m.Spent[m.phase][tag] += now.Sub(start)
	m.observes(lane, op, tag, start, now)
}

func (m *Machine[W]) observes(lane Lane, op program.Opcode, tag int, began, ended time.Time) {
	if m.Observe != nil {
		m.Observe(Span{lane, m.phase, string(op), tag, began, ended})
	}
}
