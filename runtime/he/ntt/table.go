package ntt

import "math/bits"

const (
	lanes      = 8 // words in a register
	block      = lanes * lanes
	tailLevels = 6 // inside of a block
	innerRoots = 1 + 2 + 4
)

// table has the roots of a transform's levels: psi to the bit reversals of 1 to N-1, where level k has 2^k groups and
// group i of it the root at 2^k + i.
type table struct {
	roots []root // of all levels but the last three

	// inner has the roots of the last three levels, whose groups lie within a register once a block is transposed. A
	// block has 7 vectors of w, then 7 of quotients: one of the first level, two of the second, four of the third; lane l
	// is for row l of the block.
	inner []uint64
}

func (m *Modulus) table(psi uint64) table {
	powers, factor := make([]root, m.n), m.root(psi)
	for i, x := 0, uint64(1); i < m.n; i, x = i+1, below(m.q, m.times(x, factor)) {
		powers[bits.Reverse64(uint64(i))>>bits.LeadingZeros64(uint64(m.n-1))] = m.root(x)
	}
	t := table{powers[: m.n/lanes : m.n/lanes], make([]uint64, 2*innerRoots*m.n/lanes)}
	for groups := m.n / lanes; groups < m.n; groups *= 2 {
		for i := range groups {
			at := m.innerAt(groups, i)
			t.inner[at], t.inner[at+lanes*innerRoots] = powers[groups+i].w, powers[groups+i].quotient
		}
	}
	t.roots = append([]root(nil), t.roots...) // without the others
	return t
}

// innerAt gives where the root of group i of one of the last levels lies.
func (m *Modulus) innerAt(groups, i int) int {
	each := groups / (m.n / lanes) // roots a row: 1, 2 or 4
	row, first := i/each, each-1
	return row/lanes*(2*innerRoots*lanes) + lanes*(first+i%each) + row%lanes
}

// at gives the root of group i of the level that has this many groups.
func (m *Modulus) at(t *table, groups, i int) root {
	if groups < m.n/lanes {
		return t.roots[groups+i]
	}
	at := m.innerAt(groups, i)
	return root{t.inner[at], t.inner[at+lanes*innerRoots]}
}
