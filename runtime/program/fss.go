package program

import (
	"fmt"
	"slices"

	"sotto/ir/cost"
)

// keyed gives, by the instructions that take keys, the kind of the items that have them.
var keyed = map[Opcode]ItemKind{FSSSign: Compare, FSSRectify: Rectify}

// HasKeys tells whether an item has keys of comparisons, which a dealer alone makes.
func (it Item) HasKeys() bool { return it.Kind == Compare || it.Kind == Rectify }

// KeyWidth is the width of the comparisons whose keys an item has, or an instruction takes, by its kind and numbers.
func KeyWidth(kind ItemKind, ints []int, ring int) int {
	if kind == Rectify {
		return cost.RectifyComparison(ints[0], ints[1], ring)
	}
	return ints[0]
}

// Comparisons gives the manifest items whose keys a program uses, with the instruction of each. The program must have passed
// Verify.
func (p *Program) Comparisons() map[int]Instr {
	out := map[int]Instr{}
	for _, in := range p.instructions() {
		if _, takes := keyed[in.Op]; takes {
			out[in.Ints[0]] = in
		}
	}
	return out
}

// HasKeys tells whether the manifest has keys of comparisons.
func (m *Manifest) HasKeys() bool { return slices.ContainsFunc(m.Items, Item.HasKeys) }

// checkKeys holds the width of a comparison within the ring, and what is dropped of a value within its width.
func (m *Manifest) checkKeys(it Item) error {
	want := 1
	if it.Kind == Rectify {
		want = 2
	}
	if len(it.Ints) != want || it.Ints[0] < 2 || it.Ints[0] > m.Ring {
		return fmt.Errorf("comparisons of %v bits, accepted are 2 to %d", it.Ints, m.Ring)
	}
	if want == 1 {
		return nil
	}
	if width, drop := it.Ints[0], it.Ints[1]; drop < 0 || drop > width-2 || (drop > 0 && width == m.Ring) {
		return fmt.Errorf("drops %d of %d bits in a ring of %d", drop, width, m.Ring)
	}
	return nil
}

// checkComparisons demands that every instruction that takes keys has an item of its own, of its kind and size: a key is used
// once.
func (p *Program) checkComparisons(m *Manifest) error {
	used := map[int]bool{}
	for _, in := range p.instructions() {
		kind, takes := keyed[in.Op]
		if !takes || len(in.Ints) != shapes[in.Op].ints || len(in.In) != 1 {
			continue // checkInstr refuses what is malformed
		}
		item := in.Ints[0]
		if item < 0 || item >= len(m.Items) || m.Items[item].Kind != kind {
			return fmt.Errorf("program: item %d has no keys of the kind %s", item, kind)
		}
		if it := m.Items[item]; it.N != in.In[0].Len || !slices.Equal(it.Ints, in.Ints[1:]) {
			return fmt.Errorf("program: keys for %d comparisons of %v bits are used for %d of %v", it.N, it.Ints, in.In[0].Len, in.Ints[1:])
		}
		if used[item] {
			return fmt.Errorf("program: the keys of item %d are used twice", item)
		}
		used[item] = true
	}
	return nil
}
