package kernel

import (
	"runtime"
	"testing"
)

// TestApplyAllocates holds that a linear map takes no memory but what it is handed: a few words for its workers, however
// large it is.
func TestApplyAllocates(t *testing.T) {
	for _, c := range []Conv{layer(64, 64, 56, 3, 1), grouped(layer(32, 32, 56, 3, 2), 32), matrix(512, 512)} {
		p, err := PackConv(c, fill[uint32](1, c.WeightLen()), nil)
		if err != nil {
			t.Fatal(err)
		}
		x, dst, scratch := fill[uint32](2, c.InLen()), make([]uint32, c.OutLen()), make([]uint32, p.Scratch())
		var before, after runtime.MemStats
		const runs, most = 10, 4 << 10
		runtime.ReadMemStats(&before)
		for range runs {
			if err := p.Apply(dst, x, nil, scratch); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		if n := (after.TotalAlloc - before.TotalAlloc) / runs; n > most {
			t.Errorf("%+v: %d bytes allocated, want at most %d", c, n, most)
		}
	}
}

func TestPackedRefuses(t *testing.T) {
	c := layer(2, 3, 4, 3, 1)
	p, err := PackConv(c, make([]uint32, c.WeightLen()), nil)
	if err != nil {
		t.Fatal(err)
	}
	x, y, scratch := make([]uint32, c.InLen()), make([]uint32, c.OutLen()), make([]uint32, p.Scratch())
	_, bias := PackConv(c, make([]uint32, c.WeightLen()), x[:2])
	_, w := PackLinear(2, 3, x[:5], nil)
	for want, err := range map[string]error{
		"kernel: conv: bias has 2 elements: want 3":  bias,
		"kernel: linear: w has 5 elements: want 6":   w,
		"kernel: conv: dst has 3 elements: want 48":  p.Apply(y[:3], x, nil, scratch),
		"kernel: conv: x has 48 elements: want 32":   p.Apply(y, y, nil, scratch),
		"kernel: conv: add has 32 elements: want 48": p.Apply(y, x, x, scratch),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
	if err := p.Apply(y, x, nil, scratch[:p.how.scratch(1)-1]); err == nil {
		t.Error("too little scratch memory is accepted")
	}
}

// TestWipe holds that no weight is left.
func TestWipe(t *testing.T) {
	for _, c := range []Conv{layer(8, 40, 5, 3, 1), grouped(layer(8, 8, 20, 3, 1), 8)} {
		w, x := fill[uint32](1, c.WeightLen()), fill[uint32](2, c.InLen())
		p, err := PackConv(c, w, fill[uint32](3, c.OutC))
		if err != nil {
			t.Fatal(err)
		}
		p.Wipe()
		equal(t, "wiped", applied(t, p, x, nil), make([]uint32, c.OutLen()))
	}
}
