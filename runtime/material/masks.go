package material

import (
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/vm"
)

// masks holds the masks and their movements that a walk through the manifest needs, each from its first use to its last.
type masks[W ring.Word] struct {
	items []program.Item
	draw  func(item int, dst []W) // fills dst with a mask
	uses  []int                   // how often each is still needed
	held  [][]W
}

// newMasks prepares a walk that needs the arguments of the items that are wanted.
func newMasks[W ring.Word](items []program.Item, wanted func(program.Item) bool, draw func(int, []W)) *masks[W] {
	m := &masks[W]{items, draw, make([]int, len(items)), make([][]W, len(items))}
	for i := len(items) - 1; i >= 0; i-- {
		if !wanted(items[i]) && m.uses[i] == 0 {
			continue
		}
		for _, a := range items[i].Args {
			m.uses[a]++
		}
	}
	return m
}

// get gives the value of a mask or movement, to be read until done is called.
func (m *masks[W]) get(item int) []W {
	if m.held[item] == nil {
		m.held[item] = make([]W, m.items[item].N)
		m.draw(item, m.held[item])
	}
	return m.held[item]
}

// done says that one of the uses counted is over.
func (m *masks[W]) done(item int) {
	if m.uses[item]--; m.uses[item] == 0 {
		ring.Wipe(m.held[item])
		m.held[item] = nil
	}
}

// move computes a movement when the walk comes to it, so that get finds it.
func (m *masks[W]) move(item int) error {
	it := m.items[item]
	if m.uses[item] == 0 {
		return nil
	}
	in := make([][]W, len(it.Args))
	for i, a := range it.Args {
		in[i] = m.get(a)
	}
	out := make([]W, it.N)
	if err := vm.Move(it.Op, it.Ints, out, in...); err != nil {
		return err
	}
	m.held[item] = out
	for _, a := range it.Args {
		m.done(a)
	}
	return nil
}

func (m *masks[W]) wipe() {
	for _, v := range m.held {
		ring.Wipe(v)
	}
}

// resize gives n words, blocks or bytes of buf, which it replaces by a larger one if need be.
func resize[T any](buf *[]T, n int) []T {
	if cap(*buf) < n {
		ring.Wipe(*buf)
		*buf = make([]T, n)
	}
	return (*buf)[:n]
}
