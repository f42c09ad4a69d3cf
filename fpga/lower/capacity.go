package lower

import (
	"sotto/fpga/target"
	"sotto/runtime/program"
)

// recordBytes are those of a command.
const recordBytes = 4 * RecordWords

// MemoryBytes is what the board's memory holds: values, weights, tables and commands.
func (b *Board) MemoryBytes() int64 {
	return int64(b.Words[RING])*int64(b.Design.WordBytes()) + int64(b.Words[BITS])*bitWordBytes + int64(len(b.Commands))*recordBytes
}

// LeastMemory is what a party's memory holds at least, in bytes: values and weights, before anything is cut.
func LeastMemory(p *program.Program, phases Phases, d target.Design) (bytes int64, err error) {
	c, err := newCutter(p, phases, d)
	if err != nil {
		return 0, err
	}
	words := c.arenas[RING].used
	for _, w := range p.Weights {
		words += w.Len
	}
	return int64(words)*int64(d.WordBytes()) + int64(c.arenas[BITS].used)*bitWordBytes, nil
}
