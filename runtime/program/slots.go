package program

import "fmt"

// slotUse says what a slot holds, and in which list of which level it was put there.
type slotUse struct {
	what   Operand
	kind   Kind
	level  int
	step   step
	filled bool
}

// checkSlots demands that every slot is put away once, then fetched once as what it was. The sends and receives of a level run
// side by side: what one of them puts away is not for the other.
func (p *Program) checkSlots() error {
	slots := map[int]*slotUse{}
	put := func(slot int, x slotUse) error {
		if slot < 1 || slot > maxItems || slots[slot] != nil {
			return fmt.Errorf("program: slot %d is put away twice, or is none of 1 to %d", slot, maxItems)
		}
		slots[slot] = &x
		return nil
	}
	for _, im := range p.Imports {
		if im.Slot != 0 {
			if err := put(im.Slot, slotUse{what: im.Out, kind: Ring, level: -1, step: computing}); err != nil {
				return err
			}
		}
	}
	for level, l := range append(p.Offline[:len(p.Offline):len(p.Offline)], p.Online...) {
		for s, list := range [...][]Instr{sending: l.Send, receiving: l.Recv, computing: l.Compute} {
			for _, in := range list {
				var err error
				switch in.Op {
				case Spill:
					err = put(in.Ints[0], slotUse{what: in.In[0], kind: p.Buffers[in.In[0].Buf].Kind, level: level, step: step(s)})
				case Fill:
					err = p.checkFill(slots[in.Ints[0]], in, level, step(s))
				}
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (p *Program) checkFill(x *slotUse, in Instr, level int, at step) error {
	out := in.Out[0]
	if x == nil || x.filled || x.what.Len != out.Len || x.kind != p.Buffers[out.Buf].Kind {
		return fmt.Errorf("program: slot %d does not hold the %d elements that are fetched from it", in.Ints[0], out.Len)
	}
	if x.level == level && x.step != at && at != computing {
		return fmt.Errorf("program: slot %d is put away and fetched side by side", in.Ints[0])
	}
	x.filled = true
	return nil
}
