package ot

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sotto/runtime/prg"
)

// positionsOf are the rows that an output's column names, read bit by bit from its 24 bytes of the stream.
func positionsOf(matrix prg.Seed, output, k int) (rows []int) {
	s := prg.NewStream(matrix)
	w := make([]uint64, positionWords*(output+1))
	prg.Words(s, w)
	w = w[positionWords*output:]
	var rest, restBits uint64
	for _, word := range w {
		for j := range 3 {
			rows = append(rows, int(word>>(positionBits*j)%(1<<positionBits))%k)
		}
		rest |= word >> (3 * positionBits) << restBits
		restBits += 64 - 3*positionBits
	}
	return append(rows, int(rest%(1<<positionBits))%k)
}

func TestEncodingIsTheMatrixProduct(t *testing.T) {
	matrix := prg.Seed{1, 2, 3}
	for _, k := range []int{64, 1 << 10, 1 << positionBits} {
		r, y := make([]prg.Block, k), make([]prg.Block, 2*encodeRun+37)
		deterministicTestRandomness("r").Blocks(r)
		deterministicTestRandomness("y").Blocks(y)
		bits, sums := make([]byte, k), make([]byte, len(y))
		unpackBytes(bits, testChoices(k))
		want, wantBits := slices.Clone(y), make([]byte, len(y))
		for i := range want {
			for _, p := range positionsOf(matrix, i, k) {
				want[i] = want[i].Xor(r[p])
				wantBits[i] ^= bits[p]
			}
		}
		newColumns(matrix).addRows(y, r)
		newColumns(matrix).sumBits(sums, bits)
		if !slices.Equal(y, want) {
			t.Errorf("k = %d: blocks differ from the definition", k)
		}
		if !slices.Equal(sums, wantBits) {
			t.Errorf("k = %d: bits differ from the definition", k)
		}
	}
}

// TestColumnsAfterSeek: a tree's columns do not depend on what was encoded before.
func TestColumnsAfterSeek(t *testing.T) {
	r := make([]prg.Block, 128)
	deterministicTestRandomness("r").Blocks(r)
	const n = 3 * encodeRun
	whole := make([]prg.Block, n)
	newColumns(prg.Seed{7}).addRows(whole, r)
	for _, at := range []int{0, 2, 64, encodeRun, n - 2} {
		part := make([]prg.Block, n-at)
		c := newColumns(prg.Seed{7})
		c.next(5)
		c.seek(at)
		c.addRows(part, r)
		if !slices.Equal(part, whole[at:]) {
			t.Errorf("from output %d on the columns differ", at)
		}
	}
}

// TestPositionsAreUniform counts how often each of 64 rows is named: a chi-squared test with 63 degrees of freedom, whose
// mean is 63 and whose deviation is sqrt(126); 7 of them above the mean never come from fair positions.
func TestPositionsAreUniform(t *testing.T) {
	const outputs, k = 20000, 1 << positionBits
	c := newColumns(prg.Seed{42})
	var high, low [10][64]int
	for done := 0; done < outputs; done += encodeRun {
		w := c.next(encodeRun)
		for ; len(w) > 0; w = w[positionWords:] {
			for d, p := range columnOf(w) {
				high[d][p/(k/64)]++
				low[d][p%64]++
			}
		}
	}
	const each = (outputs + encodeRun - 1) / encodeRun * encodeRun / 64.0
	for d := range high {
		for name, count := range map[string][64]int{"high": high[d], "low": low[d]} {
			chi := 0.0
			for _, n := range count {
				chi += (float64(n) - each) * (float64(n) - each) / each
			}
			if chi > 63+7*11.3 {
				t.Errorf("position %d: chi squared of the %s bits is %.1f, want about 63", d, name, chi)
			}
		}
	}
}

// columnOf reads the positions from the words of a column.
func columnOf(w []uint64) (p [10]int) {
	for j := range 9 {
		p[j] = int(w[j/3] >> (j % 3 * positionBits) & (1<<positionBits - 1))
	}
	p[9] = int(tenth(w[0], w[1], w[2]) & (1<<positionBits - 1))
	return p
}

func TestPackBytes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(rt, "n")
		bits := rapid.SliceOfN(rapid.ByteRange(0, 1), n, n).Draw(rt, "bits")
		words := make([]uint64, (n+63)/64)
		packBytes(words, bits)
		for i := range 64 * len(words) {
			want := uint64(0)
			if i < n {
				want = uint64(bits[i])
			}
			if got := words[i/64] >> (i % 64) & 1; got != want {
				rt.Fatalf("bit %d of %d is %d, want %d", i, n, got, want)
			}
		}
		back := make([]byte, n)
		if unpackBytes(back, words); !slices.Equal(back, bits) {
			rt.Fatalf("unpacked %v, want %v", back, bits)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	const n = 1 << 13
	for _, bits := range []int{19, 18, 17, 16} {
		r, chosen := make([]prg.Block, 1<<bits), make([]byte, 1<<bits)
		y, sums := make([]prg.Block, n), make([]byte, n)
		c := newColumns(prg.Seed{1})
		b.Run(fmt.Sprintf("blocks/k=2^%d", bits), func(b *testing.B) {
			for b.Loop() {
				c.addRows(y, r)
			}
			b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds()/1e6, "Moutput/s")
		})
		b.Run(fmt.Sprintf("bits/k=2^%d", bits), func(b *testing.B) {
			for b.Loop() {
				c.sumBits(sums, chosen)
			}
			b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds()/1e6, "Moutput/s")
		})
	}
}
