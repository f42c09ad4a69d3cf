package circuit

import (
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

func TestCarryExhaustively(t *testing.T) {
	for n := 1; n <= 5; n++ {
		c := must(t)(Carry(n))
		for v := range uint64(1) << (2 * n) {
			x, y := v&mask(n), v>>n
			if got := run(t, c, bitsOf(nil, v, 2*n)); got != (x+y)>>n {
				t.Fatalf("Carry(%d) of %d, %d is %d", n, x, y, got)
			}
		}
	}
}

func TestCarryWide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 64).Draw(t, "n")
		x, y := rapid.Uint64().Draw(t, "x")&mask(n), rapid.Uint64().Draw(t, "y")&mask(n)
		c, err := Carry(n)
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.Eval(bitsOf(bitsOf(nil, x, n), y, n))
		if err != nil {
			t.Fatal(err)
		}
		sum, carry := bits.Add64(x, y, 0)
		if n < 64 {
			carry = sum >> n
		}
		if number(out) != carry {
			t.Fatalf("carry %d, want %d", number(out), carry)
		}
	})
}

// TestSignFromCarry checks the identity the sign-only ReLU stands on.
func TestSignFromCarry(t *testing.T) {
	const l = 4
	c := must(t)(Carry(l - 1))
	for v := range uint64(1 << (2 * l)) {
		x0, x1 := v&mask(l), v>>l
		carry := run(t, c, bitsOf(bitsOf(nil, x0, l-1), x1, l-1))
		if sign := x0>>(l-1) ^ x1>>(l-1) ^ carry; sign != (x0+x1)>>(l-1)&1 {
			t.Fatalf("x0=%d x1=%d: sign %d", x0, x1, sign)
		}
	}
}

func TestReLUExhaustively(t *testing.T) {
	for l := 1; l <= 4; l++ {
		c := must(t)(ReLU(Plain(l)))
		for v := range uint64(1) << (3 * l) {
			x0, r, x1 := v&mask(l), v>>l&mask(l), v>>(2*l)
			want := (uint64(max(signed(x0+x1, l), 0)) - r) & mask(l)
			if got := run(t, c, bitsOf(nil, v, 3*l)); got != want {
				t.Fatalf("ReLU(%d) of %d+%d less %d is %d, want %d", l, x0, x1, r, got, want)
			}
		}
	}
}

// shared enters values as shares x0 = v - x1 with the given x1.
func shared(values, x1 []uint64, l int) (garbler, evaluator []bool) {
	for i, v := range values {
		garbler = bitsOf(garbler, v-x1[i], l)
		evaluator = bitsOf(evaluator, x1[i], l)
	}
	return garbler, evaluator
}

// largest returns the index of the first largest value.
func largest(values []uint64, l int) int {
	best := 0
	for i, v := range values {
		if signed(v, l) > signed(values[best], l) {
			best = i
		}
	}
	return best
}

func checkMaxPool(t rapid.TB, c *Circuit, values, x1 []uint64, r uint64, l int) {
	g, e := shared(values, x1, l)
	out, err := c.Eval(append(bitsOf(g, r, l), e...))
	if err != nil {
		t.Fatal(err)
	}
	if want := (values[largest(values, l)] - r) & mask(l); number(out) != want {
		t.Fatalf("maximum of %x less %x is %x, want %x", values, r, number(out), want)
	}
}

func checkArgmax(t rapid.TB, c *Circuit, values, x1 []uint64, r uint64, l int) {
	g, e := shared(values, x1, l)
	out, err := c.Eval(append(bitsOf(g, r, l), e...))
	if err != nil {
		t.Fatal(err)
	}
	if want := (uint64(largest(values, l)) - r) & mask(l); number(out) != want {
		t.Fatalf("argmax of %x less %x is %x, want %x", values, r, number(out), want)
	}
}

func TestMaximumExhaustively(t *testing.T) {
	const l = 2
	for k := 1; k <= 4; k++ {
		pool, arg := must(t)(MaxPool(k, Plain(l))), must(t)(Argmax(k, Plain(l)))
		x1 := []uint64{3, 1, 2, 0}[:k]
		for v := range uint64(1) << (k * l) {
			values := make([]uint64, k)
			for i := range values {
				values[i] = v >> (i * l) & mask(l)
			}
			checkMaxPool(t, pool, values, x1, v&mask(l), l)
			checkArgmax(t, arg, values, x1, v&mask(l), l)
		}
	}
}

func TestMaximumWide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, l := rapid.IntRange(1, 11).Draw(t, "k"), rapid.IntRange(4, 64).Draw(t, "l")
		word := rapid.SliceOfN(rapid.Uint64Range(0, mask(l)), k, k)
		values, x1 := word.Draw(t, "values"), word.Draw(t, "x1")
		pool, err := MaxPool(k, Plain(l))
		if err != nil {
			t.Fatal(err)
		}
		arg, err := Argmax(k, Plain(l))
		if err != nil {
			t.Fatal(err)
		}
		r := rapid.Uint64().Draw(t, "r")
		checkMaxPool(t, pool, values, x1, r, l)
		checkArgmax(t, arg, values, x1, r, l)
	})
}

// TestPublishedCounts holds the counts of the comparison table the protocols
// are priced by, for rings of 32 and 64 bits.
func TestPublishedCounts(t *testing.T) {
	for i, l := range []int{32, 64} {
		sign := must(t)(Carry(l - 1)).ANDs()
		argmax := must(t)(Argmax(10, Plain(l))).ANDs() - (l - 1) // the table's does not re-mask the index
		for _, tc := range []struct {
			name string
			got  int
			want [2]int
		}{
			{"relu, sign only", sign, [2]int{31, 63}},
			{"relu, whole", must(t)(ReLU(Plain(l))).ANDs(), [2]int{93, 189}},
			{"maxpool 2x2, sign only", 3 * sign, [2]int{93, 189}},
			{"maxpool 2x2, whole", must(t)(MaxPool(4, Plain(l))).ANDs(), [2]int{347, 699}},
			{"maxpool 3x3, sign only", 8 * sign, [2]int{248, 504}},
			{"maxpool 3x3, whole", must(t)(MaxPool(9, Plain(l))).ANDs(), [2]int{822, 1654}},
			{"argmax of 10, sign only", 9 * sign, [2]int{279, 567}},
			{"argmax of 10, whole", argmax, [2]int{861, 1725}},
			// The table's whole argmax chooses the last value (l) and all 4
			// index bits at all 9 comparisons, where 7 choices are needed.
			{"argmax of 10, whole, as the table has it", argmax + l + 9*4 - 7, [2]int{922, 1818}},
		} {
			if tc.got != tc.want[i] {
				t.Errorf("%s, %d bits: %d ANDs, want %d", tc.name, l, tc.got, tc.want[i])
			}
		}
	}
}

func TestNamedSizes(t *testing.T) {
	for _, n := range []int{-1, 0, 65} {
		for name, err := range map[string]error{
			"Carry": second(Carry(n)), "ReLU": second(ReLU(Plain(n))), "MaxPool": second(MaxPool(2, Plain(n))), "Argmax": second(Argmax(2, Plain(n))),
		} {
			if err == nil {
				t.Errorf("%s of width %d was accepted", name, n)
			}
		}
	}
	for _, k := range []int{-1, 0, MaxCandidates + 1} {
		if second(MaxPool(k, Plain(8))) == nil || second(Argmax(k, Plain(8))) == nil {
			t.Errorf("%d candidates were accepted", k)
		}
	}
}

func second(_ *Circuit, err error) error { return err }
