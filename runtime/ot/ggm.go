package ot

// All-but-one transfer of the leaves of a binary tree: the punctured pseudorandom function of O. Goldreich, S. Goldwasser and
// S. Micali, JACM 1986, with the point moved by one OT a level, as in section 3.2 of L. Roy, "SoftSpokenOT", CRYPTO 2022.
//
//	x       leaf index, k bits; level j of the tree, from k-1 down to 0, fixes bit j
//	Delta   the one leaf that the evaluator does not learn, k bits
//	y       x ^ Delta: the evaluator's index, under which the missing leaf is always 0
//	k_j,b   the two keys of base OT j; the evaluator has k_j,1-Delta_j
//
//	Maker                                                    Evaluator
//	1. nodes of level k-1 := k_{k-1,0}, k_{k-1,1}
//	   each lower level: children of a node n are PRG(n)
//	   sum_j,b := xor of the nodes of level j with bit j = b
//	              ---- sum_j,b ^ k_j,b for j < k-1, b = 0, 1 ---->
//	2.                                                       children of all nodes but the missing one;
//	                                                         its known child from the level's sum
//
// The top level needs no correction, for its two nodes are themselves the keys of an OT.
//
// Cost: 2 (k-1) blocks to the evaluator; AES blocks and key schedules 2^k - 2 and 2^{k-1} - 1 (maker).

import "sotto/runtime/prg"

const (
	fieldBits = 4 // k: bits of Delta a tree punctures
	leaves    = 1 << fieldBits
)

// treeKeys are the base-OT keys of one tree, both at the maker, by level.
type treeKeys [fieldBits][2]prg.Block

// corrections are the masked sums of the levels below the top: [j][b] is that of level j, side b.
type corrections [fieldBits - 1][2]prg.Block

// correctionBlocks is the size of corrections.
const correctionBlocks = 2 * (fieldBits - 1)

// double expands a node into its two children.
func double(node prg.Block) (zero, one prg.Block) {
	var c [2]prg.Block
	prg.NewStream(node.Seed()).Blocks(c[:])
	return c[0], c[1]
}

// makeTree gives all leaves, leaf x at index x, and what the evaluator needs.
func makeTree(keys treeKeys) (node [leaves]prg.Block, corr corrections) {
	const top = fieldBits - 1
	node[0], node[1] = keys[top][0], keys[top][1]
	for j := top - 1; j >= 0; j-- { // step 1
		corr[j] = keys[j]
		width := 1 << (top - j)
		for x := width - 1; x >= 0; x-- { // downwards, for the children overwrite the nodes
			zero, one := double(node[x])
			node[2*x], node[2*x+1] = zero, one
			corr[j][0] = corr[j][0].Xor(zero)
			corr[j][1] = corr[j][1].Xor(one)
		}
	}
	return node, corr
}

// puncturedTree gives the leaves by y = x ^ Delta, leaf 0 missing and left zero. keys[j] is k_j,1-Delta_j; bit j of delta is
// Delta_j. No branch and no index depends on delta.
func puncturedTree(delta uint64, keys [fieldBits]prg.Block, corr corrections) (node [leaves]prg.Block) {
	const top = fieldBits - 1
	node[1] = keys[top]
	for j := top - 1; j >= 0; j-- { // step 2
		bit := delta >> j & 1
		sibling := keys[j].Xor(corr[j][0].MaskIf(bit)).Xor(corr[j][1].MaskIf(1 ^ bit))
		width := 1 << (top - j)
		for y := width - 1; y >= 1; y-- {
			zero, one := double(node[y])
			node[2*y], node[2*y+1] = prg.Swap(bit, zero, one)
			sibling = sibling.Xor(node[2*y+1])
		}
		node[1] = sibling
	}
	return node
}

// append adds the wire form to msg: levels from the top, side 0 before side 1.
func (c corrections) append(msg []byte) []byte {
	for j := fieldBits - 2; j >= 0; j-- {
		for _, sum := range c[j] {
			wire := sum.Seed()
			msg = append(msg, wire[:]...)
		}
	}
	return msg
}

// loadCorrections reads what append wrote.
func loadCorrections(src []byte) (c corrections) {
	for j := fieldBits - 2; j >= 0; j-- {
		for b := range c[j] {
			c[j][b] = prg.LoadBlock(src)
			src = src[prg.BlockBytes:]
		}
	}
	return c
}
