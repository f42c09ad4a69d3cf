package garble

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sotto/ir/circuit"
	"sotto/ir/cost"
	"sotto/runtime/prg"
)

func TestThreeHalvesNamedCircuitsByValue(t *testing.T) {
	for name, c := range named(t) {
		t.Run(name, func(t *testing.T) {
			s := newSessionBy(t, cost.ThreeHalves, prg.NewHash(prg.Block{}).Path(), c, 100, 3)
			s.check(t, 0, s.n, s.run(t, 0, s.n))
		})
	}
}

// TestSchemesRandomCircuits holds random circuits and ranges of instances to their values by either scheme, and the kernels of each path to
// the tables and shares of the portable one.
func TestSchemesRandomCircuits(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c, seed := randomCircuit(rt), rapid.Uint64().Draw(rt, "seed")
		path := rapid.SampledFrom(prg.Paths()).Draw(rt, "path")
		for _, scheme := range cost.Schemes() {
			s := newSessionBy(t, scheme, path, c, 150, seed)
			first := rapid.IntRange(0, s.n).Draw(rt, "first")
			count := rapid.IntRange(0, s.n-first).Draw(rt, "count")
			s.check(t, first, count, s.run(t, first, count))
			s.checkAgainst(t, newSessionBy(t, scheme, prg.Portable, c, 150, seed), first, count)
		}
	})
}

// FuzzThreeHalvesKernels compares a gate's kernels with the portable path, on any operands, hash key, Delta, lanes and place in a word of
// control bits.
func FuzzThreeHalvesKernels(f *testing.F) {
	f.Add(uint64(1), uint8(64), uint8(0))
	f.Add(uint64(2), uint8(63), uint8(11))
	f.Add(uint64(3), uint8(1), uint8(30))
	f.Fuzz(func(t *testing.T, seed uint64, n, number uint8) {
		const gates = 31
		g := gateFromTestSeed(seed, 1+int(n)%lanes, int(number)%gates, gates)
		want := g.run(t, prg.Portable)
		for _, path := range prg.Paths() {
			if got := g.run(t, path); !slices.Equal(got, want) {
				t.Errorf("%v: gate %d of %d in %d lanes differs from the portable path", path, g.number, gates, g.n)
			}
		}
	})
}

// fuzzedGate is one AND gate of several in lanes of its own.
type fuzzedGate struct {
	key, delta       prg.Block
	a, b             block
	n, number, gates int
	tweak            prg.Tweak
}

func gateFromTestSeed(seed uint64, n, number, gates int) *fuzzedGate {
	rnd, head := testSeed(seed), make([]prg.Block, 3)
	rnd.Blocks(head)
	g := &fuzzedGate{key: head[0], delta: head[1], n: n, number: number, gates: gates, tweak: prg.Tweak(head[2].Lo >> 8)}
	g.delta.Lo |= 1
	rnd.Blocks(g.a[:])
	rnd.Blocks(g.b[:])
	return g
}

// run garbles and evaluates the gate on a path, with the labels of 0 for active ones, and gives all that came of it.
func (g *fuzzedGate) run(t *testing.T, path prg.Path) []prg.Block {
	hash, err := prg.NewHashOn(path, g.key)
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{scheme: cost.ThreeHalves, hash: hash, kernels: newKernels(hash), table: int(cost.ThreeHalves.TableBlocks(int64(g.gates)))}
	made, found, tables, s := new(block), new(block), make([]prg.Block, g.n*e.table), new(scratch)
	gate := andGate{n: g.n, j: g.tweak, dst: made, a: &g.a, b: &g.b, tables: tables, stride: e.table, number: g.number, gates: g.gates}
	(&Garbler{engine: e, delta: g.delta}).gate(s, &gate)
	at, _ := gate.word()
	for i := range g.n {
		gate.table(i)[at] = s.control[i].Lo // as if it were the last of the word
	}
	gate.dst = found
	(&Evaluator{e}).gate(s, &gate)
	if !slices.Equal(found[:g.n], made[:g.n]) {
		t.Fatalf("%v: gate %d of %d in %d lanes: 0 and 0 do not give the label of 0", path, g.number, g.gates, g.n)
	}
	return slices.Concat(made[:g.n], tables)
}

// TestThreeHalvesChunksLeaveNoTrace: tables of a range are those of its instances, whatever blocks it is cut into, and nothing of the
// buffer shows in them.
func TestThreeHalvesChunksLeaveNoTrace(t *testing.T) {
	c := oddCircuit()
	s := newSessionBy(t, cost.ThreeHalves, prg.Portable, c, 300, 5)
	whole := s.run(t, 0, s.n)
	stride := int(cost.ThreeHalves.TableBlocks(int64(c.ANDs())))
	for at := 0; at < s.n; at += 128 {
		n := min(128, s.n-at)
		part := s.run(t, at, n)
		for i, b := range part.tables {
			if b != whole.tables[at*stride+i] {
				t.Fatalf("instances %d to %d: block %d differs", at, at+n-1, i)
			}
		}
	}
	dirty := make([]prg.Block, len(whole.tables))
	for i := range dirty {
		dirty[i] = prg.Block{Lo: ^uint64(0), Hi: ^uint64(0)}
	}
	_, early := s.split(0, s.n)
	if err := s.garbler.Garble(0, s.n, arranged(s.zero, c.Evaluator), early, dirty, whole.permute); err != nil {
		t.Fatal(err)
	}
	for i := range dirty {
		if dirty[i] != whole.tables[i] {
			t.Fatalf("block %d shows what was in the buffer", i)
		}
	}
}

// drawnGate is one gate with hashes that are drawn, not computed, so that they can be changed one by one.
type drawnGate struct {
	delta, a0, b0 prg.Block // labels of colour 0
	a, b          uint64    // their values
	h             [6]prg.Block
}

func drawGate(t *rapid.T) drawnGate {
	block := func(name string) prg.Block {
		return prg.Block{Lo: rapid.Uint64().Draw(t, name), Hi: rapid.Uint64().Draw(t, name)}
	}
	g := drawnGate{delta: block("delta"), a0: block("a"), b0: block("b"), a: rapid.Uint64Range(0, 1).Draw(t, "value a"), b: rapid.Uint64Range(0, 1).Draw(t, "value b")}
	g.delta.Lo |= 1
	g.a0.Lo &^= 1
	g.b0.Lo &^= 1
	for i := range g.h {
		g.h[i] = block("hash")
	}
	return g
}

func (g drawnGate) garble() (w gateWords, z uint64, c prg.Block) {
	var s scratch
	s.a0[0], s.b0[0] = g.a0, g.b0
	for k, h := range g.h {
		s.sums[k][0] = h
	}
	c, z = (&Garbler{delta: g.delta}).slice(&s, 0, mask(g.a), mask(g.b), &w)
	return w, z, c
}

// open evaluates at colours i, j.
func (g drawnGate) open(i, j uint64, w gateWords, z uint64) (prg.Block, [2]uint64) {
	a, b := g.a0.Xor(g.delta.MaskIf(i)), g.b0.Xor(g.delta.MaskIf(j))
	return join(&a, &b, &g.h[i], &g.h[2+j], &g.h[4+i^j], &w, z)
}

// TestThreeHalvesEquations: the eight equations of evaluation hold at every colour, for all values and coins.
func TestThreeHalvesEquations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGate(t)
		w, z, c0 := g.garble()
		for i := range uint64(2) {
			for j := range uint64(2) {
				want := c0.Xor(g.delta.MaskIf((i ^ g.a) & (j ^ g.b)))
				if got, _ := g.open(i, j, w, z); got != want {
					t.Fatalf("colours %d, %d of %+v: label %x, want %x", i, j, g, got, want)
				}
			}
		}
	})
}

// TestThreeHalvesControlBitsAreUniform: over the two coins, the control bits that an evaluator finds are uniform at every colour, for
// every pair of values: so they say nothing of the values.
func TestThreeHalvesControlBitsAreUniform(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGate(t)
		for v := range uint64(16) {
			i, j := v&1, v>>1&1
			g.a, g.b = v>>2&1, v>>3&1
			seen := map[[2]uint64]int{}
			for coins := range uint64(4) {
				g.h[0].Hi = g.h[0].Hi&^2 | (coins&1^g.h[1].Hi>>1&1)<<1
				g.h[2].Hi = g.h[2].Hi&^2 | (coins>>1^g.h[3].Hi>>1&1)<<1
				w, z, _ := g.garble()
				_, bits := g.open(i, j, w, z)
				seen[bits]++
			}
			if len(seen) != 4 {
				t.Fatalf("colours %d, %d, values %d, %d: control bits %v", i, j, g.a, g.b, seen)
			}
		}
	})
}

// TestThreeHalvesHides: what an evaluator sees of a gate, for hashes that it does not know drawn uniformly, is distributed alike
// for all values. Halves of labels are cut down to a bit here, so that all hashes can be listed: with the active labels, Delta and the
// known hashes fixed, every view comes up equally often.
func TestThreeHalvesHides(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drawn := drawGate(t)
		i, j := rapid.Uint64Range(0, 1).Draw(t, "i"), rapid.Uint64Range(0, 1).Draw(t, "j")
		activeA, activeB := drawn.a0.Xor(drawn.delta.MaskIf(i)), drawn.b0.Xor(drawn.delta.MaskIf(j))
		for values := range uint64(4) {
			seen := map[string]int{}
			for unknown := range uint64(1 << 9) { // a bit of a label, the control bit and the coin of three hashes
				g := drawn
				g.a0, g.b0 = activeA.Xor(g.delta.MaskIf(i)), activeB.Xor(g.delta.MaskIf(j))
				g.a, g.b = values&1, values>>1
				for k, hidden := range []uint64{1 ^ i, 2 + 1 ^ j, 4 + 1 ^ i ^ j} {
					g.h[hidden].Lo = g.h[hidden].Lo&^1 | unknown>>(3*k)&1
					g.h[hidden].Hi = g.h[hidden].Hi&^3 | unknown>>(3*k+1)&3
				}
				w, z, _ := g.garble()
				seen[fmt.Sprint(w[0]&1, w[1]&1, w[2]&1, z)]++
			}
			for view, n := range seen {
				if len(seen) != 1<<8 || n != 2 { // three ciphertext bits and five control bits; the third coin is not used
					t.Fatalf("values %d: %d views, %s comes up %d times", values, len(seen), view, n)
				}
			}
		}
	})
}

func TestThreeHalvesSizes(t *testing.T) {
	for ands, want := range map[int64]int64{0: 0, 1: 32, 2: 64, 12: 304, 31: 768, 93: 2304, 1000: 24672} {
		if got := cost.ThreeHalves.TableBytes(ands, 1); got != want {
			t.Errorf("tables of %d ANDs: %d bytes, want %d", ands, got, want)
		}
	}
}

// TestThreeHalvesGolden holds the wire bytes under fixed test randomness, the same on every path.
func TestThreeHalvesGolden(t *testing.T) {
	c, err := circuit.Carry(31)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range prg.Paths() {
		s := newSessionBy(t, cost.ThreeHalves, path, c, 100, 6)
		sum := sha256.Sum256(prg.Bytes(s.run(t, 0, s.n).tables))
		if got, want := hex.EncodeToString(sum[:]), "64140e0f528187e577216c793cf786fbf9eed342b08a8a50d566774518983e62"; got != want {
			t.Errorf("%v: tables %s, want %s", path, got, want)
		}
	}
}
