package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"sotto/ir/cost"
	"sotto/ir/pos"
	"sotto/passes/choose"
	"sotto/passes/fixed"
	"sotto/passes/pass"
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

// TestScalesAreExplained: the row of the ring says with which fraction bits, what the other ring and a bit less would add, and the error of each; asked for
// that error, the compiler takes what it said, at what it said.
func TestScalesAreExplained(t *testing.T) {
	file, out := filepath.Join("../../examples", "glyphs.sotto"), filepath.Join(t.TempDir(), "out")
	same := []string{"--nonlinear", "ot", "--ot", "softspoken", "--packing", "compact", "--pools", "first", "--weights", "../../examples/weights/glyphs.safetensors", "--calibration", "../../examples/images/glyph3.png,../../examples/images/glyph7.png"}
	compiled := func(flags ...string) (r compileResult) {
		t.Helper()
		args := slices.Concat([]string{"compile", file, "-o", out, "--target", "lan", "--json"}, same, flags)
		if err := json.Unmarshal([]byte(mustSotto(t, args...)), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	ringOf := func(r compileResult) choose.Decision {
		all := r.Explain.Decisions
		return all[slices.IndexFunc(all, func(d choose.Decision) bool { return d.Op == "ring" })]
	}
	finest := compiled("--explain")
	d := ringOf(finest)
	if want := fmt.Sprintf("%d, frac %d", finest.Ring, finest.Frac); d.Chosen != want || d.ErrorBound != finest.ErrorBound || len(d.Rivals) != 2 {
		t.Fatalf("%s within %g is explained as %+v", want, finest.ErrorBound, d)
	}
	for _, r := range d.Rivals {
		asked := compiled("--error", fmt.Sprint(r.ErrorBound), "--explain")
		if r.Aside {
			if got := fmt.Sprintf("%d, frac %d", asked.Ring, asked.Frac); got != r.Option || asked.ErrorBound != r.ErrorBound {
				t.Errorf("asked for %g: %s within %g, which --explain calls %+v", r.ErrorBound, got, asked.ErrorBound, r)
			}
			if adds := asked.Offline.MS + asked.Online.MS - finest.Offline.MS - finest.Online.MS; adds > r.Offline+r.Online+1e-6 {
				t.Errorf("%s adds %g ms, which --explain calls %+v", r.Option, adds, r)
			}
		} else if asked.Ring != 64 || asked.ErrorBound > r.ErrorBound {
			t.Errorf("asked for %g: ring %d within %g, which --explain calls %+v", r.ErrorBound, asked.Ring, asked.ErrorBound, r)
		}
		for _, o := range ringOf(asked).Rivals { // all that keep to the error were priced, and what does not is beside them
			if adds := o.By(choose.Total); o.Aside != (o.ErrorBound > r.ErrorBound) || !o.Aside && adds < -1e-6 {
				t.Errorf("asked for %g: %s within %g is taken, beside %+v", r.ErrorBound, ringOf(asked).Chosen, asked.ErrorBound, o)
			}
		}
	}
}

// TestScalesAreTheCheapest: of all fraction bits that keep to an error none is estimated faster than what is taken, by more than the search for them leaves. Here these
// are not always the fewest.
func TestScalesAreTheCheapest(t *testing.T) {
	a := &app{out: io.Discard, err: io.Discard, sources: pos.Source{}, quiet: true}
	n, err := a.load("../../examples/glyphs.sotto", networkFlags{})
	if err != nil {
		t.Fatal(err)
	}
	target, err := a.target("loopback", n)
	if err != nil {
		t.Fatal(err)
	}
	flags := lowerFlags{weights: "random:1", deploy: string(cost.Outsourced), minimize: string(choose.Online), precision: "1000", pools: string(pass.PoolsFirst)}
	l, err := a.lowering(n, flags)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	if err := l.choose(n, flags, target); err != nil {
		t.Fatal(err)
	}
	if err := l.toSecure(n); err != nil {
		t.Fatal(err)
	}
	taken, least, with := l.deciding.choice.Times.By(choose.Online), math.Inf(1), 0
	for _, frac := range fixed.Precisions(32) {
		x, err := l.at(l.bounded, 32, frac)
		if err != nil {
			t.Fatal(err)
		}
		p, err := l.problem([]*form{x})
		if err != nil {
			t.Fatal(err)
		}
		c, err := p.Choose(target.Link)
		if err != nil {
			t.Fatal(err)
		}
		if price := c.Times.By(choose.Online); price < least {
			least, with = price, frac
		}
	}
	const slack = 0.002
	if taken > least*(1+slack) {
		t.Errorf("%d fraction bits take %g ms, %d would take %g", l.context.Report.Frac, taken, with, least)
	}
	t.Logf("%d fraction bits take %g ms; the least is %g, with %d", l.context.Report.Frac, taken, least, with)
}
