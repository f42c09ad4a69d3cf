package vm

import (
	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/program"
)

// Recorder is shown all that a machine starts from and computes, so that another implementation of the program can be held against it: see
// fpga/hls. It sees every secret of the party, and computations go instruction by instruction. What it is shown is valid during the call.
type Recorder interface {
	// Stream opens what keeps a stream until it is read.
	Stream(StreamName) (Stream, error)
	// Imported is shown one of the program's imports.
	Imported(index int, part []byte) error
	// Begins is shown what a phase begins with besides, before its first instruction.
	Begins(Beginning) error
	// Done is shown the memory of an instruction's results, whole operands; of bits, what is left of the last word is anything. What sends
	// may call it beside what receives.
	Done(phase cost.Phase, in program.Instr, results [][]byte) error
}

// Beginning is what a phase begins with besides imports and results.
type Beginning struct {
	Phase   cost.Phase
	Input   []byte       // the party's, online, if it has one
	Pads    [2]Extension // of random OTs, by who sends
	Batches []GarbledKeys
}

// Extension is this party's end of an OT extension: the receiver has no Delta.
type Extension struct {
	Key    prg.Block // of the hash
	Delta  prg.Block
	Leaves []prg.Block // of SoftSpoken's trees, whose streams begin with the offline phase: none of other extensions
}

// GarbledKeys are a garbled batch's. The extension is that of its label OTs.
type GarbledKeys struct {
	Extension
	Seed prg.Seed // of the garbler's labels
}

// recordsStart shows the recorder, if there is one, what the phase begins with.
func (m *Machine[W]) recordsStart() error {
	if m.InsecureRecord == nil {
		return nil
	}
	b := Beginning{Phase: m.phase}
	if in := m.Program.Input; in.Buf >= 0 && m.phase == cost.Online {
		b.Input = m.slot(program.Operand{Buf: in.Buf, Len: in.Len()})
	}
	own := m.Program.Party
	if s := m.OTs.Send; s.End != nil {
		b.Pads[own] = Extension{s.Key, s.End.Delta(), leaves(s.End)}
	}
	if r := m.OTs.Recv; r.End != nil {
		b.Pads[own.Other()] = Extension{Key: r.Key, Leaves: leaves(r.End)}
	}
	for _, g := range m.OTs.Batches {
		k := GarbledKeys{Extension{Key: g.Key, Delta: g.Delta, Leaves: leaves(g.Receiver)}, g.Seed}
		if g.Sender != nil {
			k.Leaves = leaves(g.Sender)
		}
		b.Batches = append(b.Batches, k)
	}
	return m.InsecureRecord.Begins(b)
}

// leaves are those of an end of an extension, if it has trees.
func leaves(end any) []prg.Block {
	switch e := end.(type) {
	case *cotSender:
		return leaves(e.COTSender)
	case *cotReceiver:
		return leaves(e.COTReceiver)
	case interface{ Leaves() []prg.Block }:
		return e.Leaves()
	}
	return nil
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
