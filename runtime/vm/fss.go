package vm

import (
	"sotto/runtime/fss"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// fssSign evaluates the keys of an item at the opened values, batch by batch.
func (m *Machine[W]) fssSign(in program.Instr) error {
	d, y, item, width := m.b(in.Out[0]), m.r(in.In[0]), in.Ints[0], in.Ints[1]
	blocks := make([]prg.Block, fss.KeyBlocks(min(len(y), fss.Batch), width))
	defer ring.Wipe(blocks)
	return chunks(len(y), fss.Batch, func(lo, hi int) error {
		own := blocks[:fss.KeyBlocks(hi-lo, width)]
		if err := m.Keys.Read(item, own); err != nil {
			return err
		}
		fss.Sign(d.Slice(lo, hi), fss.NewKey(own, hi-lo, width, m.Program.Party), y[lo:hi])
		return nil
	})
}
