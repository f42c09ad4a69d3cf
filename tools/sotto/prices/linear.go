package prices

import (
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/kernel"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// geometry is a convolution of the example networks: channels in, side, channels out, kernel, stride.
type geometry struct{ in, side, out, kernel, stride int }

// dense are layers of small networks and of ResNets: weights that stay in a cache and weights that do not.
var dense = []geometry{{3, 32, 64, 3, 1}, {16, 12, 16, 5, 1}, {256, 1, 100, 1, 1}, {512, 1, 1000, 1, 1}, {64, 56, 64, 3, 1}, {128, 28, 128, 3, 1}, {256, 14, 256, 3, 1},
	{512, 7, 512, 3, 1}, {64, 56, 256, 1, 1}, {512, 7, 2048, 1, 1}, {64, 56, 128, 3, 2}}

// depthwise are layers with a channel a group, of MobileNetV2.
var depthwise = []geometry{{32, 112, 32, 3, 1}, {144, 56, 144, 3, 1}, {192, 28, 192, 3, 2}, {384, 14, 384, 3, 1}, {960, 7, 960, 3, 1}}

func (g geometry) conv(groups int) kernel.Conv {
	pad := g.kernel / 2
	return kernel.Conv{InC: g.in, InH: g.side, InW: g.side, OutC: g.out, KH: g.kernel, KW: g.kernel, StrideH: g.stride, StrideW: g.stride, PadH: pad, PadW: pad, DilH: 1, DilW: 1, Groups: groups}
}

// copies of a load of so many bytes that take turns.
func (b Budget) copies(bytes int) int { return max(1, min(64, b.Turned/max(1, bytes))) }

func linearProbes() []*Probe {
	return []*Probe{linearProbe[uint32]("conv32", cost.Conv32), linearProbe[uint64]("conv64", cost.Conv64),
		depthwiseProbe[uint32]("depthwise32", cost.Depthwise32), depthwiseProbe[uint64]("depthwise64", cost.Depthwise64), batchProbe(), packProbe()}
}

// linearProbe fits the multiply-adds and, in the ring of 32 bits, the weights read.
func linearProbe[W ring.Word](name string, k cost.Kernel) *Probe {
	kernels := []cost.Kernel{k}
	if k == cost.Conv32 {
		kernels = append(kernels, cost.Weights)
	}
	return &Probe{Name: name, Kernels: kernels,
		What: fmt.Sprintf("%d layers of ResNet-18, ResNet-50 and smaller networks by the embedded kernels, each with weights that were not just used", len(dense)),
		Loads: func(b Budget) (all []Load, err error) {
			for _, g := range sizes(b, dense) {
				l, err := convLoad[W](b, k, g.conv(1))
				if err != nil {
					return nil, err
				}
				all = append(all, l)
			}
			return all, nil
		}}
}

func depthwiseProbe[W ring.Word](name string, k cost.Kernel) *Probe {
	return &Probe{Name: name, Kernels: []cost.Kernel{k}, What: fmt.Sprintf("%d depthwise layers of MobileNetV2 by the embedded kernels", len(depthwise)),
		Loads: func(b Budget) (all []Load, err error) {
			for _, g := range sizes(b, depthwise) {
				l, err := convLoad[W](b, k, g.conv(g.in))
				if err != nil {
					return nil, err
				}
				all = append(all, l)
			}
			return all, nil
		}}
}

// layer is a convolution with its tensors.
type layer[W ring.Word] struct {
	packed             *kernel.Packed[W]
	x, add, y, scratch []W
}

func newLayer[W ring.Word](c kernel.Conv) (*layer[W], error) {
	w := make([]W, c.WeightLen())
	prg.Draw(w)
	p, err := kernel.PackConv(c, w, nil)
	if err != nil {
		return nil, err
	}
	l := &layer[W]{p, make([]W, c.InLen()), make([]W, c.OutLen()), make([]W, c.OutLen()), make([]W, p.Scratch())}
	prg.Draw(l.x)
	return l, nil
}

func convLoad[W ring.Word](b Budget, k cost.Kernel, c kernel.Conv) (Load, error) {
	bytes := ring.Width[W]() / 8 * (c.WeightLen() + c.InLen() + 2*c.OutLen())
	layers := make([]*layer[W], b.copies(bytes))
	for i := range layers {
		var err error
		if layers[i], err = newLayer[W](c); err != nil {
			return Load{}, err
		}
	}
	next := 0
	work := one(k, float64(c.MACs()))
	work[cost.Weights] = Amount{Units: float64(c.WeightLen() * ring.Width[W]() / 8)}
	return Load{work, func(w *Watch) error {
		l := layers[next%len(layers)]
		next++
		if need := l.packed.Scratch(); len(l.scratch) < need { // it depends on the cores
			l.scratch = make([]W, need)
		}
		return w.Time(func() error { return l.packed.Apply(l.y, l.x, l.add, l.scratch) })
	}}, nil
}

// trained are layers of small networks, of so many samples at a time.
var (
	trained = []geometry{{1, 28, 6, 5, 1}, {6, 14, 16, 5, 1}, {16, 14, 32, 3, 1}, {400, 1, 120, 1, 1}, {120, 1, 84, 1, 1}}
	samples = 32
)

// batchProbe runs each layer's three maps of a batch: itself, and the gradients by its input and by its weights.
func batchProbe() *Probe {
	return &Probe{Name: "batch64", Kernels: []cost.Kernel{cost.Batch64}, What: fmt.Sprintf("%d layers of small networks and their gradients, %d samples, by the embedded kernels", len(trained), samples), Loads: func(b Budget) (all []Load, err error) {
		for _, g := range sizes(b, trained) {
			c := g.conv(1)
			x, y, w := samples*c.InLen(), samples*c.OutLen(), c.WeightLen()
			forward, err := kernel.NewBatchConv[uint64](c, samples)
			if err != nil {
				return nil, err
			}
			back, err := kernel.NewBatchConvBack[uint64](c, samples)
			if err != nil {
				return nil, err
			}
			gradient, err := kernel.NewBatchGradient[uint64](c, samples)
			if err != nil {
				return nil, err
			}
			all = append(all, batchLoad(b, c, y, x, w, forward.Scratch, func(z, x, w, u, scratch []uint64) error { return forward.Apply(z, x, w, nil, u, scratch) }),
				batchLoad(b, c, x, y, w, back.Scratch, func(z, y, w, u, scratch []uint64) error { return back.Apply(z, y, w, nil, u, scratch) }),
				batchLoad(b, c, w, x, y, gradient.Scratch, gradient.Apply))
		}
		return all, nil
	}}
}

// batchLoad runs a map of vectors of x and y elements to one of z, to which as many are added.
func batchLoad(b Budget, c kernel.Conv, z, x, y int, scratch func() int, apply func(z, x, y, u, scratch []uint64) error) Load {
	sets := make([][4][]uint64, b.copies(8*(2*z+x+y)))
	for i := range sets {
		for j, n := range [...]int{z, x, y, z} {
			sets[i][j] = make([]uint64, n)
			prg.Draw(sets[i][j])
		}
	}
	next, room := 0, []uint64{}
	return Load{one(cost.Batch64, float64(samples*c.MACs())), func(w *Watch) error {
		next++
		v := &sets[next%len(sets)]
		if need := scratch(); len(room) < need { // it depends on the cores
			room = make([]uint64, need)
		}
		return w.Time(func() error { return apply(v[0], v[1], v[2], v[3], room) })
	}}
}

// packProbe readies weights for the kernels, as a session does before its online phase.
func packProbe() *Probe {
	return &Probe{Name: "pack-weights", Kernels: []cost.Kernel{cost.PackWeights}, What: "weights of layers of ResNet-18 packed for the embedded kernels", Loads: func(b Budget) (all []Load, err error) {
		for _, g := range sizes(b, dense[4:8]) {
			c := g.conv(1)
			w := make([]uint32, c.WeightLen())
			prg.Draw(w)
			all = append(all, Load{one(cost.PackWeights, float64(4*len(w))), func(watch *Watch) error {
				return watch.Time(func() error {
					_, err := kernel.PackConv(c, w, nil)
					return err
				})
			}})
		}
		return all, nil
	}}
}
