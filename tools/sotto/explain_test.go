package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"sotto/passes/choose"
)

// explained compiles for a link and gives what was decided, by site.
func explained(t *testing.T, file, out, target string, flags ...string) map[string]choose.Decision {
	t.Helper()
	var r compileResult
	args := append([]string{"compile", file, "-o", out, "--target", target, "--explain", "--json"}, flags...)
	if err := json.Unmarshal([]byte(mustSotto(t, args...)), &r); err != nil {
		t.Fatal(err)
	}
	of := map[string]choose.Decision{}
	for _, d := range r.Explain.Decisions {
		of[d.Path+" "+d.Op] = d
	}
	return of
}

// before is what a decision has chosen on the near side of a flip: what the flip before it leads to, seen from the link.
func before(d choose.Decision, flip int) string {
	f, from := d.Flips[flip], choose.Flip{To: d.Chosen}
	for _, o := range d.Flips {
		nearer := o.At < f.At
		last := from.At == 0 || o.At > from.At
		if f.Below {
			nearer, last = o.At > f.At, from.At == 0 || o.At < from.At
		}
		if o.Axis == f.Axis && o.Below == f.Below && nearer && last {
			from = o
		}
	}
	return from.To
}

// TestFlipsAreReal compiles just on either side of some flips that are named: the choice changes there, to what was said.
func TestFlipsAreReal(t *testing.T) {
	file, out := filepath.Join("../../examples", "minionn.sotto"), filepath.Join(t.TempDir(), "out")
	const bps, ms = 100e6, 20.0
	target := func(bps, ms float64) string { return fmt.Sprintf("%.12gkbps,%.12gms", bps/1e3, ms) }
	flips := 0
	seen := map[string]map[string]choose.Decision{}
	at := func(target string) map[string]choose.Decision {
		if seen[target] == nil {
			seen[target] = explained(t, file, out, target)
		}
		return seen[target]
	}
	decisions := at(target(bps, ms))
	for _, name := range slices.Sorted(maps.Keys(decisions)) {
		d := decisions[name]
		if slices.Contains([]string{"conv2d", "linear", "packing"}, d.Op) {
			continue // packings are searched: where two mixes nearly tie, a compilation may find the other
		}
		for i, f := range d.Flips {
			const side, most = 1.001, 6 // each side is explained, which takes seconds
			near, far := f.At/side, f.At*side
			if f.Below {
				near, far = far, near
			}
			if flips == most || slices.ContainsFunc(d.Flips, func(o choose.Flip) bool {
				return o != f && o.Axis == f.Axis && min(near, far) <= o.At && o.At <= max(near, far)
			}) {
				continue // another one that near is on one of the sides
			}
			link := func(x float64) string {
				if f.Axis == choose.Delay {
					return target(bps, x)
				}
				return target(x, ms)
			}
			if from, got := before(d, i), at(link(near))[name].Chosen; got != from {
				t.Errorf("%s flips from %s at %s %g; on the near side it is %q", name, from, f.Axis, f.At, got)
			}
			if got := at(link(far))[name].Chosen; cmp.Or(got, "none") != f.To { // of garbling, where nothing is garbled
				t.Errorf("%s flips to %s at %s %g; on the far side it is %q", name, f.To, f.Axis, f.At, got)
			}
			flips++
		}
	}
	if flips < 4 {
		t.Errorf("only %d flips are named", flips)
	}
}
