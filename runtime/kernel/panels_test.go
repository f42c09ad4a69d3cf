package kernel

import (
	"testing"

	"pgregory.net/rapid"
)

func TestPanelsHoldEveryWeightOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := func(name string, hi int) int { return rapid.IntRange(1, hi).Draw(t, name) }
		p := Panels{n("groups", 3), n("out", 20), n("depth", 9), n("width", 8)}
		w := fill[uint32](1, p.Groups*p.Out*p.Depth)
		got := dirty[uint32](p.Len())
		if err := Pack(p, got, w); err != nil {
			t.Fatal(err)
		}
		panels := roundUp(p.Out, p.Width) / p.Width
		for i, v := range got {
			lane, k := i%p.Width, i/p.Width%p.Depth
			panel := i / p.Width / p.Depth
			group, out := panel/panels, panel%panels*p.Width+lane
			want := uint32(0)
			if out < p.Out {
				want = w[(group*p.Out+out)*p.Depth+k]
			}
			if v != want {
				t.Fatalf("%+v: element %d is %d: want %d", p, i, v, want)
			}
		}
	})
}

func TestPackRefuses(t *testing.T) {
	x := make([]uint32, 4)
	for want, err := range map[string]error{
		"kernel: panels {Groups:0 Out:1 Depth:1 Width:1}: want positive numbers": Pack(Panels{0, 1, 1, 1}, x, x),
		"kernel: panels: w has 4 elements: want 2":                               Pack(Panels{1, 1, 2, 4}, x, x),
		"kernel: panels: dst has 4 elements: want 8":                             Pack(Panels{1, 4, 1, 8}, x, x),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}
