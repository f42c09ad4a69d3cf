package relu

import (
	"fmt"
	"slices"

	"sotto/ir"
	"sotto/passes/pass"
)

// GateChannels and GatePixels give each ReLU trainable gates g, so that its layer becomes x + g*(ReLU(x) - x): a gate of 1 is the ReLU, one of
// 0 passes what comes (SNL, Cho et al., ICML 2022). Gates are weights PATH.gate, one a channel or one an element. ReLUs without a path
// stay as they are.
var (
	GateChannels = gating("gate-channels", "one a channel", Channel)
	GatePixels   = gating("gate-pixels", "one an element", Pixel)
)

// Grain is what of a ReLU's tensor shares a gate.
type Grain int

const (
	Channel Grain = iota
	Pixel
)

func gating(name, each string, g Grain) *pass.Pass {
	return &pass.Pass{
		Name:  name,
		Doc:   "puts trainable gates g on relus, " + each + ", as weights PATH.gate: x + g*(relu(x) - x) (for a search that closes them)",
		Needs: ir.Net,
		Run: func(_ *pass.Context, m *ir.Module) error {
			gates := map[string]*ir.Value{}
			return pass.Rewrite(m, func(r *pass.Rewriter, v *ir.Value) (*ir.Value, error) {
				if v.Rectified() == 0 || v.Path == "" {
					return nil, nil
				}
				gate, err := g.gate(r, v, gates[v.Path])
				if err != nil {
					return nil, fmt.Errorf("%s: %s: %w", v.Pos, v.Path, err)
				}
				gates[v.Path] = gate
				return gatedBy(r, v, gate), nil
			})
		},
	}
}

// gate gives the gates of a ReLU; uses of one path share theirs.
func (g Grain) gate(r *pass.Rewriter, v, known *ir.Value) (*ir.Value, error) {
	n := g.gates(v)
	switch {
	case known == nil:
		return r.B.AtPath(v.Pos, "").Param(v.Path+gateSuffix, n)
	case known.Type.Len() != n:
		return nil, fmt.Errorf("relus of one path have %d and %d gates: accepted are as many", known.Type.Len(), n)
	}
	return known, nil
}

// gatedBy is x + g*(ReLU(x) - x).
func gatedBy(r *pass.Rewriter, v, gate *ir.Value) *ir.Value {
	x, b := r.To[v.Args[0]], r.B.At(v)
	lost := b.Must("nn.add", nil, r.Copy(v), b.Must("nn.negate", nil, x))
	if gate.Type.Len() == v.Type.Shape[0] {
		return b.Must("nn.add", nil, x, b.Must("nn.scale", nil, lost, gate))
	}
	row := b.Must("nn.reshape", ir.Attrs{"shape": []int{v.Type.Len()}}, lost)
	part := b.Must("nn.scale", nil, row, gate)
	return b.Must("nn.add", nil, x, b.Must("nn.reshape", ir.Attrs{"shape": v.Type.Shape}, part))
}

// gateSuffix ends the paths of gates.
const gateSuffix = ".gate"

// gates is how many a ReLU has.
func (g Grain) gates(v *ir.Value) int {
	if g == Pixel {
		return v.Type.Len()
	}
	return v.Type.Shape[0]
}

// Gated are the gates of a ReLU.
type Gated struct {
	Path  string // of the ReLU
	Count int
	ReLUs int // that a gate stands for: of a channel its elements, in all uses of the path
}

// Weight is the path of the gates.
func (g Gated) Weight() string { return g.Path + gateSuffix }

// Gates lists the ReLUs of a network that get gates, in order.
func (g Grain) Gates(f *ir.Func) (all []Gated) {
	for _, v := range f.Body {
		if v.Rectified() == 0 || v.Path == "" {
			continue
		}
		i := slices.IndexFunc(all, func(o Gated) bool { return o.Path == v.Path })
		if i < 0 {
			i = len(all)
			all = append(all, Gated{Path: v.Path, Count: g.gates(v)})
		}
		all[i].ReLUs += v.Type.Len() / all[i].Count
	}
	return all
}
