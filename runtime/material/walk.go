package material

import (
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// walk goes through a manifest once, in order, with the masks of several inferences side by side.
type walk[W ring.Word] struct {
	items []program.Item
	masks []*masks[W] // by inference
	next  int         // first item not passed yet
}

// newWalk prepares a walk that stops at every wanted item; tapes are those of the inferences.
func newWalk[W ring.Word](items []program.Item, wanted func(program.Item) bool, tapes []tape[W]) *walk[W] {
	w := &walk[W]{items: items}
	for _, t := range tapes {
		w.masks = append(w.masks, newMasks(items, wanted, t.first))
	}
	return w
}

// visit goes on to a wanted item and hands f its arguments, each by inference, to be read. Items are visited in order, no wanted one is left
// out.
func (w *walk[W]) visit(item int, f func(args [][][]W) error) error {
	for ; w.next < item; w.next++ {
		if w.items[w.next].Kind != program.Moved {
			continue
		}
		for _, m := range w.masks {
			if err := m.move(w.next); err != nil {
				return err
			}
		}
	}
	var args [][][]W
	for _, arg := range w.items[item].Args {
		x := make([][]W, len(w.masks))
		for i, m := range w.masks {
			x[i] = m.get(arg)
		}
		args = append(args, x)
	}
	err := f(args)
	for _, arg := range w.items[item].Args {
		for _, m := range w.masks {
			m.done(arg)
		}
	}
	return err
}

func (w *walk[W]) wipe() {
	for _, m := range w.masks {
		m.wipe()
	}
}
