package program

import (
	"fmt"
	"slices"
)

// Comparisons gives the manifest items whose keys a program uses, by FSSSign, with the instruction of each.
func (p *Program) Comparisons() map[int]Instr {
	out := map[int]Instr{}
	for _, in := range p.instructions() {
		if in.Op == FSSSign && len(in.Ints) == shapes[FSSSign].ints {
			out[in.Ints[0]] = in
		}
	}
	return out
}

// NeedsDealer tells whether the manifest has items that no two parties make alone: keys of comparisons.
func (m *Manifest) NeedsDealer() bool {
	return slices.ContainsFunc(m.Items, func(it Item) bool { return it.Kind == Compare })
}

// checkCompare holds the width of a comparison's keys within the ring.
func (m *Manifest) checkCompare(it Item) error {
	if len(it.Ints) != 1 || it.Ints[0] < 2 || it.Ints[0] > m.Ring {
		return fmt.Errorf("comparisons of width %v, accepted are 2 to %d", it.Ints, m.Ring)
	}
	return nil
}

// checkComparisons demands that every instruction that takes keys has an item of its own, of its size: a key is used once.
func (p *Program) checkComparisons(m *Manifest) error {
	used := map[int]bool{}
	for _, in := range p.instructions() {
		if in.Op != FSSSign || len(in.Ints) != shapes[FSSSign].ints || len(in.In) != 1 {
			continue
		}
		item, width := in.Ints[0], in.Ints[1]
		if item < 0 || item >= len(m.Items) || m.Items[item].Kind != Compare {
			return fmt.Errorf("program: item %d has no comparison keys", item)
		}
		if it := m.Items[item]; it.N != in.In[0].Len || it.Ints[0] != width {
			return fmt.Errorf("program: keys for %d comparisons of %d bits are used for %d of %d", it.N, it.Ints[0], in.In[0].Len, width)
		}
		if used[item] {
			return fmt.Errorf("program: the keys of item %d are used twice", item)
		}
		used[item] = true
	}
	return nil
}
