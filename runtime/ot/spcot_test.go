package ot

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"sotto/runtime/prg"
)

// pointOTs makes the correlated OTs whose choices lead to alpha.
func pointOTs(rnd *prg.Stream, depth int, alpha uint64, delta prg.Block) (k, m []prg.Block) {
	k, m = make([]prg.Block, depth), make([]prg.Block, depth)
	rnd.Blocks(k)
	for i := range m {
		m[i] = k[i].Xor(delta.MaskIf(1 ^ alpha>>(depth-1-i)))
	}
	return k, m
}

// checkPoint grows one tree at both ends and compares them: they differ by Delta at alpha, and nowhere else.
func checkPoint(t testing.TB, depth, tree int, alpha uint64, delta prg.Block) {
	t.Helper()
	rnd := deterministicTestRandomness(fmt.Sprint("point ", depth, tree, alpha))
	k, m := pointOTs(rnd, depth, alpha, delta)
	var root [1]prg.Block
	rnd.Blocks(root[:])
	g := grower{hash: prg.NewHash(prg.Block{Lo: 9, Hi: 8}), depth: depth}
	w, v, msg := make([]prg.Block, 1<<depth), make([]prg.Block, 1<<depth), make([]byte, depth*prg.BlockBytes)
	g.full(tree, delta, root[0], k, w, msg)
	g.punctured(tree, alpha, m, v, msg)
	var sum prg.Block
	for x := range w {
		sum = sum.Xor(w[x])
		if want := w[x].Xor(delta.MaskIf(equal(uint64(x), alpha))); v[x] != want {
			t.Fatalf("depth %d, alpha %d: leaf %d is %x, want %x", depth, alpha, x, v[x], want)
		}
	}
	if sum != delta {
		t.Fatalf("depth %d: the sender's leaves sum to %x, want Delta = %x", depth, sum, delta)
	}
}

func TestPointIsWhereTheChoicesSay(t *testing.T) {
	delta := prg.Block{Lo: 0x1122334455667788, Hi: 0x99aabbccddeeff01}
	for depth := 1; depth <= 6; depth++ {
		for alpha := range uint64(1) << depth {
			checkPoint(t, depth, int(alpha)+3, alpha, delta)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		depth := rapid.IntRange(7, 13).Draw(rt, "depth") // levels of several runs of hashes
		alpha := rapid.Uint64Range(0, 1<<depth-1).Draw(rt, "alpha")
		checkPoint(t, depth, rapid.IntRange(0, 1899).Draw(rt, "tree"), alpha, drawBlock(rt, "delta"))
	})
}

func drawBlock(rt *rapid.T, label string) prg.Block {
	return prg.Block{Lo: rapid.Uint64().Draw(rt, label+" lo"), Hi: rapid.Uint64().Draw(rt, label+" hi")}
}

// TestTreesAreCorrelatedTrees compares a tree with its definition, node by node.
func TestTreesAreCorrelatedTrees(t *testing.T) {
	const depth, tree = 4, 5
	h := prg.NewHash(prg.Block{Lo: 1})
	delta, root := prg.Block{Lo: 3, Hi: 4}, prg.Block{Lo: 5, Hi: 6}
	want := []prg.Block{root, root.Xor(delta)}
	k, sums := make([]prg.Block, depth), []prg.Block{root}
	deterministicTestRandomness("tree OTs").Blocks(k)
	for level := 1; level < depth; level++ {
		var next []prg.Block
		var left prg.Block
		for x, node := range want {
			child := h.Sum1(node, prg.Tweak(tree<<depth+1<<level+x))
			next, left = append(next, child, node.Xor(child)), left.Xor(child)
		}
		want, sums = next, append(sums, left)
	}
	g := grower{hash: h, depth: depth}
	leaf, msg := make([]prg.Block, 1<<depth), make([]byte, depth*prg.BlockBytes)
	g.full(tree, delta, root, k, leaf, msg)
	for x := range leaf {
		if leaf[x] != want[x] {
			t.Errorf("leaf %d is %x, want %x", x, leaf[x], want[x])
		}
	}
	for i := range sums {
		if got := prg.LoadBlock(msg[16*i:]); got != sums[i].Xor(k[i]) {
			t.Errorf("correction %d is %x, want %x", i, got, sums[i].Xor(k[i]))
		}
	}
}

func TestNodeNumbersAreUnique(t *testing.T) {
	g := grower{depth: 5}
	seen := map[prg.Tweak]bool{}
	for tree := range 4 {
		for level := 1; level < g.depth; level++ {
			for x := range 1 << level {
				n := g.tweak(tree, level) + prg.Tweak(x)
				if seen[n] {
					t.Fatalf("tree %d, level %d, node %d: number %d was there before", tree, level, x, n)
				}
				seen[n] = true
			}
		}
	}
}

func TestEqual(t *testing.T) {
	values := []uint64{0, 1, 2, 3, 8191, 8192, 1<<63 - 1}
	for _, a := range values {
		for _, b := range values {
			want := uint64(0)
			if a == b {
				want = 1
			}
			if got := equal(a, b); got != want {
				t.Errorf("equal(%d, %d) = %d", a, b, got)
			}
		}
	}
}

func BenchmarkTree(b *testing.B) {
	const depth = 13
	g := grower{hash: prg.NewHash(prg.Block{Lo: 1}), depth: depth}
	k, m := pointOTs(deterministicTestRandomness("bench"), depth, 77, prg.Block{Lo: 1})
	leaf, msg := make([]prg.Block, 1<<depth), make([]byte, depth*prg.BlockBytes)
	rate := func(b *testing.B) {
		b.ReportMetric(float64(b.N)*(1<<depth)/b.Elapsed().Seconds()/1e6, "Mleaf/s")
	}
	b.Run("full", func(b *testing.B) {
		for b.Loop() {
			g.full(1, prg.Block{Lo: 1}, prg.Block{Hi: 1}, k, leaf, msg)
		}
		rate(b)
	})
	b.Run("punctured", func(b *testing.B) {
		for b.Loop() {
			g.punctured(1, 77, m, leaf, msg)
		}
		rate(b)
	})
}
