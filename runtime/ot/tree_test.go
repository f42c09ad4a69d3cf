package ot

import (
	"testing"

	"pgregory.net/rapid"

	"sotto/runtime/prg"
)

// testTree draws the base-OT keys of one tree.
func testTree() (keys treeKeys) {
	rnd := deterministicTestRandomness("tree")
	for j := range keys {
		rnd.Blocks(keys[j][:])
	}
	return keys
}

// evaluatorKeys picks k_j,1-delta_j.
func evaluatorKeys(keys treeKeys, delta uint64) (own [fieldBits]prg.Block) {
	for j := range own {
		own[j] = keys[j][1^delta>>j&1]
	}
	return own
}

func TestPuncturedTreeHasAllLeavesButOne(t *testing.T) {
	keys := testTree()
	leaf, corr := makeTree(keys)
	for delta := range uint64(leaves) {
		noise := delta | 0xabc<<fieldBits // bits above the k count for nothing
		got := puncturedTree(noise, evaluatorKeys(keys, delta), corr)
		if got[0] != (prg.Block{}) {
			t.Errorf("delta=%d: the missing leaf is %x", delta, got[0])
		}
		for y := uint64(1); y < leaves; y++ {
			if got[y] != leaf[y^delta] {
				t.Errorf("delta=%d: leaf y=%d is %x, want leaf %d, %x", delta, y, got[y], y^delta, leaf[y^delta])
			}
		}
	}
}

func TestTreeLeavesAreDistinct(t *testing.T) {
	leaf, _ := makeTree(testTree())
	seen := map[prg.Block]int{}
	for x, l := range leaf {
		if other, ok := seen[l]; ok {
			t.Errorf("leaves %d and %d are both %x", other, x, l)
		}
		seen[l] = x
	}
}

func TestCorrectionsRoundTrip(t *testing.T) {
	_, corr := makeTree(testTree())
	wire := corr.append(nil)
	if len(wire) != correctionBlocks*prg.BlockBytes {
		t.Errorf("%d bytes, want %d blocks", len(wire), correctionBlocks)
	}
	if got := loadCorrections(wire); got != corr {
		t.Errorf("read back %x, want %x", got, corr)
	}
}

func TestTileRows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var cols tile
		rnd := prg.NewStream(prg.Seed{byte(rapid.Uint8().Draw(rt, "seed"))})
		prg.Words(rnd, cols[:])
		want := cols
		n := rapid.IntRange(0, tileRows+3).Draw(rt, "rows")
		dst := make([]prg.Block, n)
		cols.rows(dst)
		for i := range min(n, tileRows) {
			for c := range kappa {
				if dst[i].Bit(c) != want[c]>>i&1 {
					rt.Fatalf("row %d, column %d: %d, want %d", i, c, dst[i].Bit(c), want[c]>>i&1)
				}
			}
		}
		for i := tileRows; i < n; i++ {
			if dst[i] != (prg.Block{}) {
				rt.Fatalf("row %d beyond the tile was written", i)
			}
		}
	})
}

func TestFoldIsTheWeightedSum(t *testing.T) {
	var b leafBits
	rnd := deterministicTestRandomness("fold")
	for x := range b.r {
		prg.Words(rnd, b.r[x][:])
	}
	for _, n := range []int{1, 7, 8, 9, chunkWords} {
		var v [fieldBits]column
		b.fold(&v, n)
		for g := range n {
			var want [fieldBits]uint64
			var u uint64
			for x := range b.r {
				u ^= b.r[x][g]
				for j := range want {
					want[j] ^= b.r[x][g] & -uint64(x>>j&1)
				}
			}
			if got := [fieldBits]uint64{v[0][g], v[1][g], v[2][g], v[3][g]}; got != want || b.u[g] != u {
				t.Fatalf("word %d of %d: v=%x u=%x, want v=%x u=%x", g, n, got, b.u[g], want, u)
			}
		}
	}
}
