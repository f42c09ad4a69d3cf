package relu_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sotto/ir"
	"sotto/passes/pass"
	"sotto/passes/relu"
)

// withoutBits runs the pass on a ReLU with 12 fraction bits and on a sum, which has no sign to take.
func withoutBits(t interface{ Fatal(...any) }, bits int) (*ir.Func, []pass.Sign, error) {
	m, err := ir.Parse("t.ir", "module ring\nfile 1 \"net.sotto\"\nfunc @f(%x: i32q12[4]) -> i32q12[4] {\n%1 = ring.relu %x : i32q12[4]  @1:3:5/act\n%2 = ring.add %1, %1 : i32q12[4]\nreturn %2\n}")
	if err != nil {
		t.Fatal(err)
	}
	c := &pass.Context{SignDrop: bits}
	err = (&pass.Runner{}).Run(c, m, relu.SignDrop)
	return m.Funcs[0], c.Report.Signs, err
}

// The pass says how wrong each ReLU may be, and what may come through it is within that.
func TestSignDropStatesItsError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits, x := rapid.IntRange(0, 12).Draw(t, "bits"), rapid.Int64Range(-1<<13, 1<<13).Draw(t, "x")
		f, signs, err := withoutBits(t, bits)
		if err != nil {
			t.Fatal(err)
		}
		if bits == 0 {
			if len(signs) > 0 || f.Body[0].Passes(x) {
				t.Fatalf("all bits are compared, and yet %v", signs)
			}
			return
		}
		want := pass.Sign{Path: "act", Line: 3, Dropped: bits, Error: math.Ldexp(1, bits-12)}
		if !slices.Equal(signs, []pass.Sign{want}) {
			t.Fatalf("states %v, want %v", signs, want)
		}
		wrong := math.Ldexp(float64(max(x, 0)-x), -12)
		if got := f.Body[0].Passes(x); got != (wrong > 0 && wrong <= want.Error) {
			t.Fatalf("%d may come through: %v; without %d bits", x, got, bits)
		}
	})
}

func TestSignDropRefuses(t *testing.T) {
	for _, bits := range []int{-1, 13} {
		if _, _, err := withoutBits(t, bits); err == nil || !strings.Contains(err.Error(), "accepted are 0 to 12") {
			t.Errorf("%d bits of 12: %v", bits, err)
		}
	}
}
