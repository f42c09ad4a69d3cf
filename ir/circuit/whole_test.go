package circuit_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"sotto/ir/circuit"
	"sotto/ir/cost"
)

func named(t rapid.TB, name string, params ...int) *circuit.Task {
	c, err := circuit.Named(name, params...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCountsAreTheFormulas holds the price list's counts against the circuits.
func TestCountsAreTheFormulas(t *testing.T) {
	for _, l := range []int{8, 32, 64} {
		for _, width := range []int{4, 7, l - 1, l} {
			for _, drop := range []int{0, 1, width - 3} {
				countFormat(t, l, width, drop)
			}
		}
	}
}

func countFormat(t *testing.T, l, width, drop int) {
	f := cost.Format{Ring: l, Width: width, Drop: drop}
	check := func(what string, c *circuit.Task, want int64) {
		if got := int64(c.ANDs()); got != want {
			t.Errorf("%s of %+v: %d ANDs, the formula gives %d", what, f, got, want)
		}
	}
	check("relu", named(t, circuit.ReLUTask, l, width, drop), cost.ReLUANDs(f))
	check("sign", named(t, circuit.CarryTask, width, drop), cost.SignANDs(width, drop))
	for most := 1; most < 1<<min(width-drop-1, 5); most++ {
		check(fmt.Sprint("clip at ", most), named(t, circuit.ClipTask, l, width, drop, most), cost.ClipANDs(f, uint64(most)))
	}
	for k := 1; k <= 9; k++ {
		check(fmt.Sprint("maxpool of ", k), named(t, circuit.MaxPoolTask, l, width, drop, k), cost.MaxPoolANDs(k, f))
		if k >= 2 {
			check(fmt.Sprint("argmax of ", k), named(t, circuit.ArgmaxTask, l, width, drop, k), cost.ArgmaxANDs(k, f))
		}
	}
}

// instance is one drawn instance of a whole op: values of a width, shared mod 2^l, and a mask.
type instance struct {
	l, width, drop int
	values         []int64
	x0, x1         []uint64
	r              uint64
}

func drawInstance(t *rapid.T, k int) instance {
	in := instance{l: rapid.SampledFrom([]int{16, 32, 64}).Draw(t, "ring"), r: rapid.Uint64().Draw(t, "mask")}
	in.width = rapid.IntRange(4, in.l).Draw(t, "width")
	in.drop = rapid.IntRange(0, in.width-3).Draw(t, "drop")
	bound := int64(1) << (in.width - 1)
	for range k {
		v, s := rapid.Int64Range(-bound, bound-1).Draw(t, "value"), rapid.Uint64().Draw(t, "share")
		in.values = append(in.values, v)
		in.x0, in.x1 = append(in.x0, s), append(in.x1, uint64(v)-s)
	}
	return in
}

// result runs a task on the instance and gives what the parties' shares add up to, as a signed number.
func (in instance) result(t *rapid.T, c *circuit.Task) int64 {
	var bits []bool
	enter := func(v uint64, n int) {
		for i := range n {
			bits = append(bits, v>>i&1 == 1)
		}
	}
	for _, v := range in.x0 {
		enter(v, in.width)
	}
	enter(in.r, in.l)
	for _, v := range in.x1 {
		enter(v, in.width)
	}
	out, err := c.Eval(bits)
	if err != nil {
		t.Fatal(err)
	}
	sum := in.r
	for i, b := range out {
		if b {
			sum += 1 << i
		}
	}
	return int64(sum<<(64-in.l)) >> (64 - in.l)
}

func TestWholeOpsByValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(1, 6).Draw(t, "candidates")
		in := drawInstance(t, k)
		best := 0
		for i, v := range in.values {
			if v>>in.drop > in.values[best]>>in.drop {
				best = i
			}
		}
		check := func(c *circuit.Task, want int64) {
			if got := in.result(t, c); got != want {
				t.Errorf("%d of %+v, want %d", got, in, want)
			}
		}
		check(named(t, circuit.MaxPoolTask, in.l, in.width, in.drop, k), in.values[best]>>in.drop)
		check(named(t, circuit.ArgmaxTask, in.l, in.width, in.drop, k), int64(best))
		in.values, in.x0, in.x1 = in.values[:1], in.x0[:1], in.x1[:1]
		positive := max(in.values[0]>>in.drop, 0)
		most := rapid.Int64Range(1, 1<<(in.width-in.drop-1)-1).Draw(t, "most")
		check(named(t, circuit.ReLUTask, in.l, in.width, in.drop), positive)
		check(named(t, circuit.ClipTask, in.l, in.width, in.drop, int(most)), min(positive, most))
	})
}

// TestSignWithoutLowBits: at width bits, the drop lowest left out, x < 0 is always found, x >= 2^drop too, and of the values
// between a share's low bits decide.
func TestSignWithoutLowBits(t *testing.T) {
	const width, drop = 6, 2
	c := named(t, circuit.CarryTask, width, drop)
	seen := map[bool]bool{}
	for x := -1<<(width-1) + 1<<drop; x < 1<<(width-1); x++ {
		for x0 := range 1 << width {
			x1 := (x - x0) & (1<<width - 1)
			var in []bool
			for _, v := range []int{x0, x1} {
				for i := range c.Bits {
					in = append(in, v>>(c.From+i)&1 == 1)
				}
			}
			out, err := c.Eval(in)
			if err != nil {
				t.Fatal(err)
			}
			negative := (x0>>(width-1)^x1>>(width-1))&1 == 1 != out[0]
			if x >= 0 && x < 1<<drop {
				seen[negative] = true
			} else if negative != (x < 0) {
				t.Fatalf("%d = %d + %d: negative is %v", x, x0, x1, negative)
			}
		}
	}
	if !seen[true] || !seen[false] {
		t.Errorf("values from 0 to %d: met %v, want both", 1<<drop-1, seen)
	}
}

func TestNamedRefusals(t *testing.T) {
	for name, sets := range map[string][][]int{
		"none":              {nil},
		circuit.CarryTask:   {{8}, {8, -1}, {8, 7}, {1, 0}, {65, 0}},
		circuit.ReLUTask:    {{32, 32}, {32, 33, 0}, {32, 0, 0}, {32, 8, 8}, {32, 8, -1}, {65, 8, 0}},
		circuit.ClipTask:    {{32, 8, 0}, {32, 8, 0, 0}, {32, 8, 0, -1}, {32, 8, 0, 128}, {32, 8, 7, 1}},
		circuit.MaxPoolTask: {{32, 8, 0, 0}, {32, 8, 0, circuit.MaxCandidates + 1}},
		circuit.ArgmaxTask:  {{32, 8, 0, -1}, {2, 2, 0, 5}},
	} {
		for _, p := range sets {
			if _, err := circuit.Named(name, p...); err == nil {
				t.Errorf("%s of %v was accepted", name, p)
			}
		}
	}
}
