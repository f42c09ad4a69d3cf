package ir

import (
	"fmt"
	"math"
	"slices"
)

// checkWidth demands that a comparison's width holds its operand, where bounds of that are known: one that is too narrow takes
// some values for others, silently.
func (v *Value) checkWidth() error {
	width := 0
	if slices.ContainsFunc(v.Op.Attrs, func(a Attr) bool { return a.Name == attrWidth.Name }) {
		width = v.Int(attrWidth.Name)
	}
	if width == 0 { // the ring's
		return nil
	}
	x := v.Args[0].unmasked()
	if !x.hasBounds() {
		return nil
	}
	bounds, _ := x.Bounds()
	if need := bitsFor(bounds, x.Type.Elem.Frac); need > width {
		return fmt.Errorf("width %d: %s is relied on to be in [%g, %g], which takes %d bits at %d fractional ones: accepted are at least as many, or 0",
			width, x, bounds.Lo, bounds.Hi, min(need, v.Args[0].Type.Elem.Bits), x.Type.Elem.Frac)
	}
	return nil
}

// unmasked is the value that a mask hides.
func (v *Value) unmasked() *Value {
	if v.Is("mask") {
		return v.Args[0]
	}
	return v
}

// hasBounds tells whether a fact bounds a value.
func (v *Value) hasBounds() bool {
	return slices.ContainsFunc([]string{"seen", "worst", "assumed"}, func(fact string) bool { return len(v.Floats(fact)) == 2 })
}

// bitsFor is the least width with a sign that holds an interval in fixed point.
func bitsFor(bounds Interval, frac int) int {
	least, most := math.Floor(math.Ldexp(bounds.Lo, frac)), math.Floor(math.Ldexp(bounds.Hi, frac))
	magnitude := max(-least-1, most, 0) // two's complement has one more below zero
	_, bits := math.Frexp(magnitude)
	return bits + 1
}
