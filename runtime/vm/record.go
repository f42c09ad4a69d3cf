package vm

import (
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// Recorder is shown all that a machine's online phase starts from and computes, so that another implementation of the program can be held
// against it: see fpga/hls. It sees every secret of the party, and computations go instruction by instruction.
type Recorder interface {
	// Stream opens what keeps a stream from the offline to the online phase.
	Stream(StreamName) (Stream, error)
	// Begins is shown every buffer's memory before the first online instruction, the input in its place, and the garbled batches. Both
	// are valid during the call.
	Begins(buffers [][]byte, batches []Batch) error
	// Done is shown the memory of an online instruction's results, whole operands, which is valid during the call; of bits, what is left
	// of the last word is anything. What sends may call it beside what receives.
	Done(in program.Instr, results [][]byte) error
}

// recordsStart shows the recorder, if there is one, what the online phase starts from.
func (m *Machine[W]) recordsStart() error {
	if m.InsecureRecord == nil {
		return nil
	}
	buffers := make([][]byte, len(m.Program.Buffers))
	for i, b := range m.Program.Buffers {
		buffers[i] = m.slot(program.Operand{Buf: i, Len: b.Len})
	}
	return m.InsecureRecord.Begins(buffers, m.OTs.Batches)
}

// records shows the recorder, if there is one, the results of an online instruction.
func (m *Machine[W]) records(in program.Instr) error {
	if m.InsecureRecord == nil || m.phase != cost.Online || len(in.Out) == 0 {
		return nil
	}
	results := make([][]byte, len(in.Out))
	for i, o := range in.Out {
		results[i] = m.slot(o)
	}
	return m.InsecureRecord.Done(in, results)
}

// watched tells whether values are to be seen one by one.
func (m *Machine[W]) watched() bool { return m.InsecureTap != nil || m.InsecureRecord != nil }
