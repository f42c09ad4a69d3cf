package passes_test

import (
	"maps"
	"slices"
	"testing"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/pass"
	"sotto/passes/pass/golden"
)

// An op on each element alone is a ReLU if comparisons with zero come of it, and none otherwise: counts, gates and what takes ReLUs away go by
// what its block says.
func TestWhatComparesElementsWithZeroIsAReLU(t *testing.T) {
	for name, d := range golden.OpNets() {
		op := ir.MustLookup(name)
		if !op.ByElement || op.Constant {
			continue
		}
		f := compile(t, d.Context(), d.Space, passes.ToNet, passes.ToRing).Funcs[0]
		compares := slices.ContainsFunc(f.Body, func(v *ir.Value) bool { return v.Path == "op#1" && v.Op.Compares == ir.WithZero })
		if compares != op.ReLU {
			t.Errorf("%s: the block says ReLU: %v, and its ring ops compare: %v", name, op.ReLU, compares)
		}
	}
}

// opsOf lists the ops of each layer.
func opsOf(f *ir.Func) map[string][]string {
	out := map[string][]string{}
	for _, v := range f.Body {
		out[v.Path] = append(out[v.Path], v.Op.Name)
	}
	return out
}

// The sites that protocols are chosen for are the layers that other protocols make other ops of: two that need no masks, which would stand at
// other layers.
func TestSitesAreWhatProtocolsAreChosenFor(t *testing.T) {
	for name, d := range golden.OpNets() {
		c := d.Context()
		c.Deploy = cost.Outsourced
		ring := compile(t, c, d.Space, passes.ToNet, passes.ToRing)
		var sites, wrong []string
		for _, s := range pass.Sites(ring.Funcs[0]) {
			sites = append(sites, s.Path)
		}
		secure := map[pass.Nonlinear]map[string][]string{}
		for _, way := range []pass.Nonlinear{pass.OTSign, pass.DealtSign} {
			c.Protocols = pass.Protocols{Nonlinear: way}
			secure[way] = opsOf(compile(t, c, ring, passes.ToSecure).Funcs[0])
		}
		for _, path := range slices.Sorted(maps.Keys(secure[pass.OTSign])) {
			if layer := secure[pass.OTSign][path]; slices.Contains(sites, path) == slices.Equal(layer, secure[pass.DealtSign][path]) {
				wrong = append(wrong, path)
			}
		}
		if len(wrong) > 0 {
			t.Errorf("%s: the sites are %v, and protocols make other ops of them, or the same of %v", name, sites, wrong)
		}
	}
}
