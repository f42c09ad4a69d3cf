package cost

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// namedLayer is a layer that occurs so many times.
type namedLayer struct {
	name  string
	times int
	layer HELayer
}

func squareLayer(in, hw, out, k, stride, pad int) HELayer {
	return HELayer{in, hw, hw, out, k, k, stride, stride, pad, pad, 1, 1, 1}
}

// resnet50 gives the linear layers of ResNet-50 at 224 x 224.
func resnet50() []namedLayer {
	all := []namedLayer{{"conv1", 1, squareLayer(3, 224, 64, 7, 2, 3)}}
	in, hw := 64, 56
	for i, blocks := range []int{3, 4, 6, 3} {
		c, stride := 64<<i, 2
		if i == 0 {
			stride = 1
		}
		name, out := fmt.Sprintf("layer%d.", i+1), hw/stride
		all = append(all, namedLayer{name + "0.conv1", 1, squareLayer(in, hw, c, 1, 1, 0)},
			namedLayer{name + "0.conv2", 1, squareLayer(c, hw, c, 3, stride, 1)},
			namedLayer{name + "0.downsample", 1, squareLayer(in, hw, 4*c, 1, stride, 0)},
			namedLayer{name + "conv3", blocks, squareLayer(c, out, 4*c, 1, 1, 0)},
			namedLayer{name + "conv1", blocks - 1, squareLayer(4*c, out, c, 1, 1, 0)},
			namedLayer{name + "conv2", blocks - 1, squareLayer(c, out, c, 3, 1, 1)})
		in, hw = 4*c, out
	}
	return append(all, namedLayer{"fc", 1, HELinear(1000, 2048)})
}

// TestParametersHold states what the parameters promise: a modulus within the table, decryption that fails with at most 2^-40,
// and room for 2^34 coefficients of 2^16 terms under one version of the weights.
func TestParametersHold(t *testing.T) {
	for _, d := range []Deployment{ClientServer, Outsourced} {
		for _, ring := range []int{32, 64} {
			p, err := HEParamsFor(ring, d)
			if err != nil {
				t.Fatal(err)
			}
			if p.LogQ() > MaxHEModulus || p.FailureLog2() > -40 || p.ReturnedLog2(1<<16) < 34 {
				t.Errorf("%s %d: log2 Q %.1f, failure 2^%.0f, returned 2^%.1f", d, ring, p.LogQ(), p.FailureLog2(), p.ReturnedLog2(1<<16))
			}
			// The flooding, both roundings and the gap, once more and with whole numbers.
			if half := p.ReplyLimbs*p.LimbBits - ring - 1; p.FloodBits() >= half || p.C0Bits() != ring+3 || p.C1Bits() > ring+11 {
				t.Errorf("%s %d: %d bits of flooding in half a gap of %d, replies of %d and %d bits", d, ring, p.FloodBits(), half, p.C0Bits(), p.C1Bits())
			}
		}
	}
	if _, err := HEParamsFor(16, ClientServer); err == nil {
		t.Error("a ring of 16 bits was accepted")
	}
}

func TestParametersAreRefused(t *testing.T) {
	good := heParams[Outsourced][64]
	for want, change := range map[string]func(p *HEParams){
		"modulus of 250": func(p *HEParams) { p.LimbBits = 50 },
		"no room":        func(p *HEParams) { p.ReplyLimbs = 1 },
		"flooding":       func(p *HEParams) { p.Limbs = 4 },
	} {
		p := good
		change(&p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

// drawLayer draws a layer and a batch of moderate size.
func drawLayer(t *rapid.T) (HELayer, int) {
	n := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	groups := n("groups", 1, 4)
	l := HELayer{InC: groups * n("in", 1, 40), OutC: groups * n("out", 1, 40), Groups: groups, KH: n("kh", 1, 5), KW: n("kw", 1, 5),
		StrideH: n("sh", 1, 3), StrideW: n("sw", 1, 3), DilH: n("dh", 1, 2), DilW: n("dw", 1, 2), PadH: n("ph", 0, 3), PadW: n("pw", 0, 3)}
	l.InH = max(1, l.DilH*(l.KH-1)+1-2*l.PadH) + n("h", 0, 60)
	l.InW = max(1, l.DilW*(l.KW-1)+1-2*l.PadW) + n("w", 0, 60)
	return l, n("batch", 1, 9)
}

// TestPlansPlaceEveryOutputOnce: outputs lie in the polynomial, no two on one coefficient, and each unit's as often as declared.
func TestPlansPlaceEveryOutputOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, batch := drawLayer(t)
		p, err := HEPlanFor(l, 32, ClientServer, batch)
		if err != nil {
			t.Fatal(err)
		}
		outputs := 0
		for g := range p.Groups() {
			outputs += p.GroupPixels(g)
		}
		if outputs != batch*p.Rows.Out*p.Cols.Out {
			t.Fatalf("%d pixels in groups, want %d", outputs, batch*p.Rows.Out*p.Cols.Out)
		}
		if last := (p.TileH-1)*p.Row + p.TileW; last > p.Plane || p.TileW > p.Row || p.Mw*p.Cw*p.Pitch > HEDegree {
			t.Fatalf("outputs overlap: %+v", p)
		}
		if up := int64(p.Uploads())*p.Params.PolyBytes() + HESeedBytes; up != p.UploadBytes() {
			t.Fatalf("%d bytes up, want %d", p.UploadBytes(), up)
		}
		if exact, near := float64(p.ReplyBytes()), p.Bytes()-float64(p.UploadBytes()); exact < near || exact > near+float64(2*p.Replies()) {
			t.Fatalf("%.0f bytes of replies, about %.0f expected", exact, near)
		}
	})
}

func TestHELayersAreRefused(t *testing.T) {
	good := squareLayer(4, 8, 4, 3, 1, 1)
	for name, change := range map[string]func(l *HELayer){
		"no channels":  func(l *HELayer) { l.InC = 0 },
		"groups":       func(l *HELayer) { l.Groups = 3 },
		"large kernel": func(l *HELayer) { l.KH = 11 },
		"negative pad": func(l *HELayer) { l.PadW = -1 },
		"terms":        func(l *HELayer) { l.InC, l.KH, l.KW = 1<<18, 3, 3 },
	} {
		l := good
		change(&l)
		if _, err := HEPlanFor(l, 32, ClientServer, 1); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := HEPlanFor(good, 32, ClientServer, 0); err == nil {
		t.Error("an empty batch was accepted")
	}
}

// TestSlotUse: in a large batch of ResNet-50 no ordinary layer leaves more than half of the coefficients of what dominates its traffic
// empty. In a batch of one a product of Cw by Mw channels needs Cw*Mw blocks, so that uploads are filled to 1/Mw and replies to 1/Cw at
// most: their product is what can be full (RATIONALE.md has the argument, and that for the two exceptions).
func TestSlotUse(t *testing.T) {
	for _, batch := range []int{1, 32} {
		for _, l := range resnet50() {
			p, err := HEPlanFor(l.layer, 32, ClientServer, batch)
			if err != nil {
				t.Fatal(l.name, err)
			}
			use := float64(p.Cw*p.Mw*p.Pitch) / HEDegree * float64(batch*p.Rows.Out*p.Cols.Out) / float64(p.Groups()*p.Pitch)
			t.Logf("batch %2d %-18s tile %3dx%3d, %4d units %4d apart, %3d x %2d channels, %4d up %4d down: %2.0f%% of the products used", batch, l.name,
				p.TileH, p.TileW, p.Units, p.Plane, p.Cw, p.Mw, p.Uploads(), p.Replies(), 100*use)
			if use < 0.5 {
				t.Errorf("batch %d %s: %.2f of the coefficients used: %+v", batch, l.name, use, p)
			}
		}
	}
}
