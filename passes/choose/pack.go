package choose

import (
	"cmp"
	"math"
	"reflect"
	"slices"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
)

// Layer is a linear layer, for products that the parties make alone. Packings that come to the same plan are one.
type Layer struct {
	pass.Site
	Packings []cost.Packing // to choose from: one at least

	plans []cost.HEPlan  // of Packings
	every []cost.HEPlan  // of all there are
	as    []cost.Packing // of all there are: which of Packings stands for it
	alone bool           // it was packed by itself
}

// newLayers gives the linear layers of a RING function with all their packings; none where one fits no encryption.
func newLayers(f *ir.Func, d cost.Deployment) []Layer {
	var out []Layer
	for _, site := range pass.LayerSites(f) {
		i := slices.IndexFunc(f.Body, func(v *ir.Value) bool { return v.Linear() && pass.SitePath(v) == site.Path })
		l := Layer{Site: site}
		for _, k := range cost.Packings() {
			plan, err := ir.HEPlan(d, k, f.Body[i])
			if err != nil {
				return nil // which whoever lowers the function says
			}
			l.every = append(l.every, plan)
		}
		l.keep(cost.Packings())
		out = append(out, l)
	}
	return out
}

// Pack leaves one packing for the layers of some paths.
func (s *Space) Pack(paths []string, k cost.Packing) {
	for i := range s.Layers {
		if l := &s.Layers[i]; slices.Contains(paths, l.Path) {
			l.keep([]cost.Packing{k})
			l.alone = true
		}
	}
}

// PackAll leaves some packings, for whatever is not packed by itself.
func (s *Space) PackAll(left []cost.Packing) {
	s.Packings = left
	for i := range s.Layers {
		if l := &s.Layers[i]; !l.alone {
			l.keep(left)
		}
	}
}

// keep leaves what some packings come to.
func (l *Layer) keep(left []cost.Packing) {
	l.Packings, l.plans, l.as = nil, nil, nil
	kept := func(k cost.Packing) int {
		return slices.IndexFunc(l.plans, func(p cost.HEPlan) bool { return reflect.DeepEqual(p, l.every[k]) })
	}
	for _, k := range left {
		if kept(k) < 0 {
			l.Packings, l.plans = append(l.Packings, k), append(l.plans, l.every[k])
		}
	}
	for _, k := range cost.Packings() {
		l.as = append(l.as, l.Packings[max(kept(k), 0)])
	}
}

// packing is that of a layer in a candidate.
func (s *Space) packing(c Candidate, layer int) cost.Packing {
	if c.Packs != nil {
		return c.Packs[layer]
	}
	return s.Layers[layer].as[c.Packing]
}

// Packed gives the packing of each layer of a candidate by its path; none where all are packed as the program is.
func (s *Space) Packed(c Candidate) map[string]cost.Packing {
	out := map[string]cost.Packing{}
	for i, l := range s.Layers {
		if k := s.packing(c, i); k != c.Packing {
			out[l.Path] = k
		}
	}
	return out
}

// packed is a candidate with packings of its layers: where a packing of the whole program gives these, with that.
func (s *Space) packed(c Candidate, packs []cost.Packing) Candidate {
	c.Packs = nil
	for _, c.Packing = range s.Packings {
		if slices.Equal(s.packs(c), packs) {
			return c
		}
	}
	c.Packing, c.Packs = s.Packings[0], packs
	return c
}

// distinct are the packings of the whole program but those that come to the plans of one before.
func (s *Space) distinct() (out []cost.Packing) {
	for _, k := range s.Packings {
		c := Candidate{Program: Program{Packing: k}}
		if s.packed(c, s.packs(c)).Packing == k {
			out = append(out, k)
		}
	}
	return out
}

// packs are the packings of a candidate's layers.
func (s *Space) packs(c Candidate) []cost.Packing {
	out := make([]cost.Packing, len(s.Layers))
	for i := range out {
		out[i] = s.packing(c, i)
	}
	return out
}

// repacked is a candidate with another packing of a layer.
func (s *Space) repacked(c Candidate, layer int, k cost.Packing) Candidate {
	packs := s.packs(c)
	packs[layer] = k
	return s.packed(c, packs)
}

// mixes counts the ways to pack all layers, up to a few more than most; without a choice there is one.
func (s *Space) mixes(most int) int {
	n := 1
	for _, l := range s.Layers {
		if n > most {
			break
		}
		n *= len(l.Packings)
	}
	return n
}

// eachPacking visits a candidate in every packing, single layers of their own or all alike.
func (s *Space) eachPacking(c Candidate, alike bool, visit func(Candidate) error) error {
	if alike || len(s.Layers) == 0 {
		for _, c.Packing = range s.Packings {
			if err := visit(c); err != nil {
				return err
			}
		}
		return nil
	}
	packs := make([]cost.Packing, len(s.Layers))
	var from func(layer int) error
	from = func(layer int) error {
		if layer == len(packs) {
			return visit(s.packed(c, slices.Clone(packs)))
		}
		for _, k := range s.Layers[layer].Packings {
			packs[layer] = k
			if err := from(layer + 1); err != nil {
				return err
			}
		}
		return nil
	}
	return from(0)
}

// frontier lists mixes of packings from that of the least work to that of the fewest bytes: each layer is packed as it should be if a byte
// were worth so many nanoseconds, for every such price at which some layer changes.
func (s *Space) frontier() [][]cost.Packing {
	s.listed.Do(func() { s.mixed = s.listMixes() })
	return s.mixed
}

func (s *Space) listMixes() (mixed [][]cost.Packing) {
	prices := []float64{0}
	for _, l := range s.Layers {
		for i, a := range l.plans {
			for _, b := range l.plans[:i] {
				if at := (b.Weigh(0) - a.Weigh(0)) / (a.Bytes() - b.Bytes()); at > 0 && !math.IsInf(at, 1) { // of as many bytes one is the cheaper anywhere
					prices = append(prices, at)
				}
			}
		}
	}
	slices.Sort(prices)
	for i, price := range prices {
		beyond := 2*price + 1 // of the last
		if i+1 < len(prices) {
			beyond = prices[i+1]
		}
		packs := s.packedAt((price + beyond) / 2)
		if n := len(mixed); n == 0 || !slices.Equal(packs, mixed[n-1]) {
			mixed = append(mixed, packs)
		}
	}
	return mixed
}

// packedAt packs each layer in the cheapest way where a byte is worth so many nanoseconds.
func (s *Space) packedAt(byteNS float64) []cost.Packing {
	out := make([]cost.Packing, len(s.Layers))
	for i, l := range s.Layers {
		best := 0
		for j := range l.plans {
			if l.plans[j].Weigh(byteNS) < l.plans[best].Weigh(byteNS) {
				best = j
			}
		}
		out[i] = l.Packings[best]
	}
	return out
}

// pack packs the layers of a candidate one by one: along the frontier, in strides that get smaller around the best, and then by
// changes of single ones. The frontier takes layers to add up; what overlaps does not. Nothing of the online phase depends on it.
func (s *search) pack(c Candidate) (Candidate, error) {
	const parts = 8 // of the frontier, looked at first
	space := s.of(c.Program)
	mixed := space.frontier()
	if len(mixed) < 2 {
		return c, nil
	}
	best, err := -1, error(nil)
	for stride := (len(mixed) + parts - 1) / parts; ; stride = (stride + 1) / 2 {
		lo, hi := 0, len(mixed)
		if best >= 0 {
			lo, hi = max(0, best-stride), min(len(mixed), best+stride+1)
		}
		for i := lo; i < hi; i += stride {
			helps := false
			if c, helps, err = s.better(c, space.packed(c, mixed[i])); err != nil {
				return c, err
			}
			if helps {
				best = i
			}
		}
		if best < 0 || stride == 1 {
			break
		}
	}
	return s.packSingly(c)
}

// fewLayers is how many layers are packed singly, those of the most work.
const fewLayers = 12

// pairedLayers is how many are also packed two at a time: where one layer's bytes hide another's work, neither pays alone.
const pairedLayers = 4

// packSingly changes single layers, and pairs of the greatest, as long as that helps, once each where there are many.
func (s *search) packSingly(c Candidate) (Candidate, error) {
	space := s.of(c.Program)
	order := space.byWork()
	few := len(order) <= fewLayers
	order = order[:min(len(order), fewLayers)]
	for changed := true; changed; {
		changed = false
		try := func(next Candidate) error {
			if next.Same(c) {
				return nil
			}
			better, helps, err := s.better(c, next)
			c, changed = better, few && (changed || helps)
			return err
		}
		for _, i := range order {
			for _, k := range space.Layers[i].Packings {
				if err := try(space.repacked(c, i, k)); err != nil {
					return c, err
				}
			}
		}
		if changed {
			continue
		}
		if err := space.eachPair(order[:min(len(order), pairedLayers)], func(i, j int, a, b cost.Packing) error {
			return try(space.repacked(space.repacked(c, i, a), j, b))
		}); err != nil {
			return c, err
		}
	}
	return c, nil
}

// eachPair visits both packings of every two layers.
func (s *Space) eachPair(layers []int, visit func(i, j int, a, b cost.Packing) error) error {
	for n, i := range layers {
		for _, j := range layers[:n] {
			for _, a := range s.Layers[i].Packings {
				for _, b := range s.Layers[j].Packings {
					if err := visit(i, j, a, b); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// byWork lists the layers that have a choice, the one of the most work first.
func (s *Space) byWork() (all []int) {
	for i, l := range s.Layers {
		if len(l.Packings) > 1 {
			all = append(all, i)
		}
	}
	slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(s.Layers[b].plans[0].Weigh(0), s.Layers[a].plans[0].Weigh(0)) })
	return all
}
