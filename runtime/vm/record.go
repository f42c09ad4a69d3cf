package vm

import (
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// Recorder is shown all that a machine starts from and computes, so that another implementation of the program can be held against it: see
// fpga/hls. It sees every secret of the party, and computations go instruction by instruction. What it is shown is valid during the call.
type Recorder interface {
	// Stream opens what keeps a stream until it is read.
	Stream(StreamName) (Stream, error)
	// Imported is shown one of the program's imports.
	Imported(index int, part []byte) error
	// Begins is shown the party's input, or nothing, and the garbled batches, before the first online instruction.
	Begins(input []byte, batches []Batch) error
	// Done is shown the memory of an instruction's results, whole operands; of bits, what is left of the last word is anything. What sends
	// may call it beside what receives.
	Done(phase cost.Phase, in program.Instr, results [][]byte) error
}

// recordsStart shows the recorder, if there is one, what the online phase starts from.
func (m *Machine[W]) recordsStart() error {
	if m.InsecureRecord == nil {
		return nil
	}
	var input []byte
	if in := m.Program.Input; in.Buf >= 0 {
		input = m.slot(program.Operand{Buf: in.Buf, Len: in.Len()})
	}
	return m.InsecureRecord.Begins(input, m.OTs.Batches)
}

// recordsImport shows it an import.
func (m *Machine[W]) recordsImport(i int) error {
	if m.InsecureRecord == nil {
		return nil
	}
	return m.InsecureRecord.Imported(i, m.slot(m.Program.Imports[i].Out))
}

// records shows it the results of an instruction.
func (m *Machine[W]) records(in program.Instr) error {
	if m.InsecureRecord == nil || len(in.Out) == 0 {
		return nil
	}
	results := make([][]byte, len(in.Out))
	for i, o := range in.Out {
		results[i] = m.slot(o)
	}
	return m.InsecureRecord.Done(m.phase, in, results)
}

// watched tells whether values are to be seen one by one.
func (m *Machine[W]) watched() bool { return m.InsecureTap != nil || m.InsecureRecord != nil }
