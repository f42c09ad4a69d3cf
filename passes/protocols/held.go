package protocols

import (
	"math/bits"

	"sotto/ir"
)

// What a training step holds is bounded by no range, since weights change. But what is truncated has to lie within a quarter of the ring, as every
// truncation demands, and what comes out of it has as many bits less as it drops. So a comparison behind one needs no more than these.

// magnitude is the greatest absolute value of a RING value's integers, as far as truncations and public numbers tell; unbounded if nothing does.
func (a *assigner) magnitude(v *ir.Value) uint64 {
	if m, known := a.magnitudes[v]; known {
		return m
	}
	m := a.magnitudeOf(v)
	a.magnitudes[v] = m
	return m
}

// unbounded is the magnitude of what may be any number of the ring.
const unbounded = 1 << 63

func (a *assigner) magnitudeOf(v *ir.Value) uint64 {
	switch {
	case v.Is("ring.trunc"):
		quarter := uint64(1) << (v.Type.Elem.Bits - 2)
		return min(a.magnitude(v.Args[0]), quarter)>>v.Int("bits") + 1 // which rounding may add
	case v.Is("ring.add"), v.Is("ring.sub"):
		return plus(a.magnitude(v.Args[0]), a.magnitude(v.Args[1]))
	case v.Is("ring.addc"):
		return plus(a.magnitude(v.Args[0]), absolute(v.Int("c")))
	case v.Is("ring.mulc"):
		return times(a.magnitude(v.Args[0]), absolute(v.Int("c")))
	case v.Is("ring.sumpool"):
		k := v.Ints("kernel")
		return times(a.magnitude(v.Args[0]), uint64(k[0]*k[1]))
	case v.Is("ring.pick"):
		return absolute(v.Int("c"))
	case v.Is("ring.mux"):
		return a.magnitude(v.Args[1])
	case v.Op.Moves, v.Is("tour.start"), v.Is("tour.left"), v.Is("tour.right"), v.Is("tour.next"):
		m := uint64(0)
		for _, x := range v.Args {
			m = max(m, a.magnitude(x))
		}
		return m
	}
	return unbounded
}

func absolute(c int) uint64 { return uint64(max(c, -c)) }

func plus(x, y uint64) uint64 {
	sum, carry := bits.Add64(x, y, 0)
	if carry > 0 {
		return unbounded
	}
	return min(sum, unbounded)
}

func times(x, y uint64) uint64 {
	if hi, lo := bits.Mul64(x, y); hi == 0 {
		return min(lo, unbounded)
	}
	return unbounded
}

// heldWidth is a width that holds a RING value, with its sign.
func (a *assigner) heldWidth(v *ir.Value) int {
	return max(2, min(bits.Len64(a.magnitude(v))+1, v.Type.Elem.Bits)) // a comparison has a bit beside the sign
}
