package ot

// Single-point correlated OT from the correlated GGM tree (cGGM) of X. Guo, K. Yang, X. Wang, W. Zhang, X. Xie, J. Zhang and
// Z. Liu, "Half-Tree: Halving the Cost of Tree Expansion in COT and DPF", EUROCRYPT 2023. Semi-honest, for a tweakable
// circular correlation-robust H.
//
//	h            depth: 2^h leaves, level i has 2^i nodes
//	Delta        sender's correlation: the nodes of each level of its tree sum to it
//	alpha        receiver's point, h bits, the top one decides at level 1
//	K_i, M_i     h correlated OTs of random choice r_i, M_i = K_i ^ r_i*Delta; alpha's bit i is 1 ^ r_i
//	H            TMMO (runtime/prg) under a key of this extension; the tweak numbers the node
//	w_x, v_x     the leaves, v_x = w_x ^ [x = alpha]*Delta
//
//	Sender                                                   Receiver
//	1. level 1 := a random node w and w ^ Delta
//	   children of node n: H(n) and n ^ H(n)
//	   S_i := xor of the left nodes of level i
//	                      ---- c_i = S_i ^ K_i for each level ---->
//	2.                                                       T_i = c_i ^ M_i, the sum of level i on the side
//	                                                         that alpha does not take; the node it lacks follows
//
// The receiver holds, in the place of the node on alpha's path, that node ^ Delta, which it knows, for its nodes then sum to
// nothing. By that the children of the place are known up to one block f, the same for both: those of the place's value, each
// plus f = T_i ^ (xor of the receiver's left nodes). No index depends on alpha: f is added under a mask, in a pass over all.
//
// Deviation: H costs two AES blocks a node instead of the one of the paper's H, but it is the one hash of this runtime.
//
// Cost: one message, h blocks; AES blocks 2 (2^h - 2) at each end.

import (
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// hashRun is how many nodes are hashed at a time: their hashes stay in the first-level cache.
const hashRun = 256

// grower expands the trees of one extension, one after another.
type grower struct {
	hash  *prg.Hash
	depth int
	run   [hashRun]prg.Block
}

// wipe forgets the last nodes.
func (g *grower) wipe() { ring.Wipe(g.run[:]) }

// tweak numbers the nodes of a level from its first one on. Level i has 2^i < 2^h nodes below the leaves, so that no two nodes
// of an extension share a number.
func (g *grower) tweak(tree, level int) prg.Tweak {
	return prg.Tweak(tree)<<g.depth + prg.Tweak(1)<<level
}

// full grows the sender's tree into leaf, 2^h blocks, and writes the message, h blocks. k are the K_i, root is w.
func (g *grower) full(tree int, delta, root prg.Block, k, leaf []prg.Block, msg []byte) {
	leaf[0], leaf[1] = root, root.Xor(delta)
	sum := root
	for i := 0; ; i++ { // step 1
		sum.Xor(k[i]).Put(msg[i*prg.BlockBytes:])
		if i == g.depth-1 {
			return
		}
		sum = g.level(leaf, 1<<(i+1), g.tweak(tree, i+1))
	}
}

// punctured grows the receiver's tree into leaf, 2^h blocks, from the sender's message. m are the M_i.
func (g *grower) punctured(tree int, alpha uint64, m, leaf []prg.Block, msg []byte) {
	leaf[0], leaf[1] = prg.Block{}, prg.Block{}
	var sum prg.Block
	for i := 0; ; i++ { // step 2
		f := prg.LoadBlock(msg[i*prg.BlockBytes:]).Xor(m[i]).Xor(sum)
		addToPair(leaf[:2<<i], alpha>>(g.depth-i), f)
		if i == g.depth-1 {
			return
		}
		sum = g.level(leaf, 1<<(i+1), g.tweak(tree, i+1))
	}
}

// level turns node[:width] into the 2*width children and gives the xor of the left ones. It goes downwards, for the children
// overwrite the nodes.
func (g *grower) level(node []prg.Block, width int, first prg.Tweak) (left prg.Block) {
	if g.levelKernel(node[:2*width], first, &left) {
		return left
	}
	for hi := width; hi > 0; {
		lo := max(hi-hashRun, 0)
		h := g.run[:hi-lo]
		g.hash.Sum(h, node[lo:hi], first+prg.Tweak(lo))
		for x := len(h) - 1; x >= 0; x-- {
			child := node[2*(lo+x) : 2*(lo+x)+2]
			child[0], child[1] = h[x], node[lo+x].Xor(h[x])
			left = left.Xor(h[x])
		}
		hi = lo
	}
	return left
}

// addToPair adds f to nodes 2*pair and 2*pair+1, without showing which they are.
func addToPair(node []prg.Block, pair uint64, f prg.Block) {
	if addToPairKernel(node, pair, f) {
		return
	}
	for q := uint64(0); len(node) >= 2; q++ {
		masked := f.MaskIf(equal(q, pair))
		node[0], node[1] = node[0].Xor(masked), node[1].Xor(masked)
		node = node[2:]
	}
}

// equal is 1 when a = b and 0 otherwise, for a and b below 2^63, without a branch: only 0 - 1 has its top bit set.
func equal(a, b uint64) uint64 { return ((a ^ b) - 1) >> 63 }
