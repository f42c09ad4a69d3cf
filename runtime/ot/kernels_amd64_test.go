package ot

import (
	"slices"
	"testing"

	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// onPortable runs f without the kernels.
func onPortable(f func()) {
	defer func(w, s bool) { wide, scattered = w, s }(wide, scattered)
	wide, scattered = false, false
	f()
}

// TestKernelsAgreeWithPortable compares whole extensions, for numbers of OTs around what kernels and chunks take at a time.
func TestKernelsAgreeWithPortable(t *testing.T) {
	if !wide {
		t.Skip("this machine has no kernels")
	}
	delta := prg.Block{Lo: 0x1122334455667789, Hi: 0x99aabbccddeeff00}
	for _, n := range []int{0, 1, 63, 64, 65, 511, 512, 513, 4095, 4096, 4097, 4608, 20001, 70000} {
		run := func(sender COTSender, receiver COTReceiver) (u []byte, m, k []prg.Block) {
			m, k = make([]prg.Block, n), make([]prg.Block, n)
			for range 2 { // the second begins where the first ended
				var err error
				if u, err = receiver.Extend(testChoices(n), n, m); err != nil {
					t.Fatal(err)
				}
				if err := sender.Extend(n, slices.Clone(u), k); err != nil {
					t.Fatal(err)
				}
			}
			return u, m, k
		}
		for name, ends := range map[string]func() (COTSender, COTReceiver){
			"softspoken": func() (COTSender, COTReceiver) { s, r, _, _ := deterministicTestSession(t, delta); return s, r },
			"iknp":       func() (COTSender, COTReceiver) { s, r, _ := deterministicTestIKNP(t, delta); return s, r },
		} {
			u, m, k := run(ends())
			onPortable(func() {
				pu, pm, pk := run(ends())
				if !slices.Equal(u, pu) || !slices.Equal(m, pm) || !slices.Equal(k, pk) {
					t.Errorf("%s: %d OTs: the kernels' message or blocks differ from the portable ones", name, n)
				}
			})
			for i := range m {
				if c := testChoices(n)[i/64] >> (i % 64); m[i] != k[i].Xor(delta.MaskIf(c)) {
					t.Fatalf("%s: OT %d of %d: the ends do not match", name, i, n)
				}
			}
		}
	}
}

// TestTreeKernelsAgreeWithPortable compares levels of trees and what is added to them.
func TestTreeKernelsAgreeWithPortable(t *testing.T) {
	if !wide {
		t.Skip("this machine has no kernels")
	}
	rnd := deterministicTestRandomness("levels")
	for depth := 1; depth <= 11; depth++ {
		width := 1 << (depth - 1)
		start := make([]prg.Block, 2*width)
		rnd.Blocks(start)
		f := start[0].Xor(prg.Block{Lo: 7})
		for _, pair := range []uint64{0, uint64(width) / 3, uint64(width) - 1} {
			run := func() ([]prg.Block, prg.Block) {
				g := grower{hash: prg.NewHash(prg.Block{Lo: 1, Hi: 2}), depth: depth}
				node := slices.Clone(start)
				left := g.level(node, width, g.tweak(3, depth-1))
				addToPair(node, pair, f)
				return node, left
			}
			node, left := run()
			onPortable(func() {
				if want, wantLeft := run(); !slices.Equal(node, want) || left != wantLeft {
					t.Errorf("%d nodes, pair %d: the kernels' children differ from the portable ones", width, pair)
				}
			})
		}
	}
}

// TestMatrixKernelAgreesWithPortable compares encodings, with secrets of all sizes.
func TestMatrixKernelAgreesWithPortable(t *testing.T) {
	if !scattered {
		t.Skip("this machine has no kernel")
	}
	rnd := deterministicTestRandomness("matrix")
	for _, bits := range []int{0, 1, 10, 16, positionBits} {
		r := make([]prg.Block, 1<<bits)
		rnd.Blocks(r)
		for _, n := range []int{0, 1, 100, encodeRun, 1000} {
			y, want := make([]prg.Block, n), make([]prg.Block, n)
			newColumns(prg.Seed{1}).addRows(y, r)
			onPortable(func() { newColumns(prg.Seed{1}).addRows(want, r) })
			if !slices.Equal(y, want) {
				t.Errorf("secret of %d bits, %d outputs: the kernel's differ from the portable ones", bits, n)
			}
		}
	}
}

func TestRowsOfRandomMatrix(t *testing.T) {
	s := new(chunkSpace[struct{}])
	for j := range s.m {
		prg.Words(prg.NewStream(prg.Seed{byte(j)}), s.m[j][:])
	}
	for _, n := range []int{1, 512, 700, chunkWords * tileRows} {
		got := make([]prg.Block, n)
		s.toRows(got)
		for i, row := range got {
			for j := range s.m {
				if row.Bit(j) != s.m[j][i/64]>>(i%64)&1 {
					t.Fatalf("%d rows: row %d, column %d", n, i, j)
				}
			}
		}
	}
}

func BenchmarkRows(b *testing.B) {
	s := new(chunkSpace[struct{}])
	dst := make([]prg.Block, chunkWords*tileRows)
	for b.Loop() {
		s.toRows(dst)
	}
	b.ReportMetric(float64(b.N)*float64(len(dst))/b.Elapsed().Seconds()/1e6, "Mrows/s")
	ring.Wipe(dst)
}
