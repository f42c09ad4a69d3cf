package passes_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/choose"
	"sotto/passes/pass"
)

// drawTarget draws a shipped price list with a link of its own.
func drawTarget(t *rapid.T) cost.Target {
	target, err := cost.ShippedTarget("lan")
	if err != nil {
		t.Fatal(err)
	}
	target.Link = choose.Bandwidth.At(target.Link, math.Pow(10, rapid.Float64Range(4, 11).Draw(t, "log10 bps")))
	target.Link = choose.Delay.At(target.Link, math.Pow(10, rapid.Float64Range(-3, 2).Draw(t, "log10 ms")))
	return target
}

// drawComparing draws a network of a few ops that compare, of sizes that differ much, with skips and branches.
func drawComparing(t *rapid.T, most int) *ir.Module {
	var body strings.Builder
	x, channels, side, n := "x", 3, 16, 0
	add := func(format string, args ...any) string {
		n++
		fmt.Fprintf(&body, "%%%d = "+format+"\n", append([]any{n}, args...)...)
		return fmt.Sprint(n)
	}
	conv := func(x string, out int) string {
		w := add("param @c%d.weight : S f32[%d,%d,3,3]", n, out, channels)
		return add("nn.conv2d %%%s, %%%s {pad=[1,1]} : f32[%d,%d,%d]", x, w, out, side, side)
	}
	relu := func(x string) string { return add("nn.relu %%%s : f32[%d,%d,%d]", x, channels, side, side) }
	kinds := []string{"branches", "relu", "maxpool", "skip", "relu6"}
	for sites := rapid.IntRange(2, most).Draw(t, "sites"); sites > 0; sites-- {
		if sites == 1 {
			kinds = kinds[1:] // which have one op each
		}
		out := rapid.SampledFrom([]int{1, 4, 32, 256}).Draw(t, "channels")
		switch rapid.SampledFrom(kinds).Draw(t, "layer") {
		case "relu":
			x = conv(x, out)
			channels = out
			x = relu(x)
		case "relu6":
			x = conv(x, out)
			channels = out
			x = add("nn.relu6 %%%s : f32[%d,%d,%d]", x, channels, side, side)
		case "maxpool":
			if side > 1 {
				side /= 2
				x = add("nn.maxpool %%%s {kernel=[2,2], stride=[2,2]} : f32[%d,%d,%d]", x, channels, side, side)
			}
		case "skip":
			y := conv(x, channels)
			x = relu(add("nn.add %%%s, %%%s : f32[%d,%d,%d]", x, y, channels, side, side))
		case "branches":
			sites--
			y, z := relu(conv(x, channels)), relu(conv(x, channels))
			x = add("nn.add %%%s, %%%s : f32[%d,%d,%d]", y, z, channels, side, side)
		}
	}
	x = conv(x, channels)
	text := fmt.Sprintf("module net\nfunc @f(%%x: C f32[3,16,16]) -> f32[%d,%d,%d] {\n%sreturn %%%s\n}", channels, side, side, body.String(), x)
	m, err := ir.Parse("drawn.ir", text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// drawProblem draws a network of up to so many ops that compare, and a target.
func drawProblem(t *rapid.T, most map[cost.Source]int) *choose.Problem {
	c := &pass.Context{Deploy: rapid.SampledFrom([]cost.Deployment{cost.ClientServer, cost.Outsourced}).Draw(t, "deployment"),
		Source: rapid.SampledFrom([]cost.Source{cost.FromHE, cost.FromHE, cost.FromDealer}).Draw(t, "source")}
	net := drawComparing(t, most[c.Source])
	var forms []*choose.Form
	for _, c.Ring = range []int{32, 64} {
		for _, c.Pools = range []pass.Pools{pass.PoolsFirst, pass.PoolsLast} {
			ring := compile(t, c, net.Clone(), passes.ToRing)
			f := &choose.Form{Ring: ring, Pools: c.Pools, Space: choose.NewSpace(ring.Funcs[0], c.Deploy, c.Source)}
			f.Space.PackAll(f.Space.Packings[:1]) // which multiply what there is to try
			forms = append(forms, f)
		}
	}
	return &choose.Problem{Forms: forms, Deploy: c.Deploy, Source: c.Source, Passes: passes.Candidate,
		Target: drawTarget(t), Objective: rapid.SampledFrom(choose.Objectives()).Draw(t, "objective")}
}

// The choice is the best of all there is, on networks small enough to weigh all.
func TestTheChoiceIsTheBestOfAll(t *testing.T) {
	const tries = 12 // trying all takes a second
	tried := 0
	rapid.Check(t, func(t *rapid.T) {
		if tried++; tried > tries {
			return
		}
		p := drawProblem(t, map[cost.Source]int{cost.FromHE: 3, cost.FromDealer: 2})
		got, err := p.Choose(p.Target.Link)
		if err != nil {
			t.Fatal(err)
		}
		if got.Weighed != choose.WeighedAll {
			return // relu6 is two ops here, so that there are too many
		}
		best, price := exhaust(t, p)
		if mine := got.Times.By(p.Objective); mine != price {
			t.Fatalf("chose %v at %v ms, weighed: %v; the best is %v at %v ms of\n%s", got.Candidate, mine, got.Weighed, best, price, p.Forms[0].Ring)
		}
	})
}

// Where there are too many candidates to weigh all, what the search finds is near the best: what parties and links do at the same time is no
// sum over ops, and single changes and pairs may end where three at once would go on.
func TestTheSearchIsNearTheBestOfAll(t *testing.T) {
	const tries, slack = 8, 0.03
	tried := 0
	rapid.Check(t, func(t *rapid.T) {
		if tried++; tried > tries {
			return
		}
		p := drawProblem(t, map[cost.Source]int{cost.FromHE: 3, cost.FromDealer: 2})
		best, err := p.Choose(p.Target.Link)
		if err != nil {
			t.Fatal(err)
		}
		p.Enumerate = 1
		got, err := p.Choose(p.Target.Link)
		if err != nil {
			t.Fatal(err)
		}
		if mine, price := got.Times.By(p.Objective), best.Times.By(p.Objective); mine > price*(1+slack) || mine < price {
			t.Fatalf("found %v at %v ms, weighed: %v; the best is %v at %v ms of\n%s", got.Candidate, mine, got.Weighed, best.Candidate, price, p.Forms[0].Ring)
		}
		if x, y := got.UniformTimes.By(p.Objective), got.Times.By(p.Objective); x < y {
			t.Fatalf("one way, %v, takes %v ms, the choice %v", got.Uniform, x, y)
		}
	})
}

// The packing of single layers is the best of all mixes where they can all be weighed, and near it where they are searched.
func TestThePackingIsTheBestOfAll(t *testing.T) {
	const tries, slack = 40, 0.01
	tried, mixed := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		if tried++; tried > tries {
			return
		}
		p := packingProblem(t)
		s := p.Forms[0].Space
		best, err := p.Choose(p.Target.Link)
		if err != nil {
			t.Fatal(err)
		}
		if best.Weighed != choose.WeighedAll {
			return
		}
		price := math.Inf(1)
		mixes(s, best.Candidate, func(c choose.Candidate) {
			times, err := p.Price(c, p.Target.Link)
			if err != nil {
				t.Fatal(err)
			}
			price = min(price, times.By(p.Objective))
		})
		if mine := best.Times.By(p.Objective); mine != price {
			t.Fatalf("packed %v at %v ms; the best takes %v ms of\n%s", s.Packed(best.Candidate), mine, price, p.Forms[0].Ring)
		}
		if best.Candidate.Packs != nil {
			mixed++
		}
		p.Enumerate = 1
		found, err := p.Choose(p.Target.Link)
		if err != nil {
			t.Fatal(err)
		}
		if x := found.Times.By(p.Objective); x > price*(1+slack) || x < price {
			t.Fatalf("found %v at %v ms; the best takes %v ms", s.Packed(found.Candidate), x, price)
		}
	})
	t.Logf("%d of %d networks are packed by layer", mixed, tries)
}

// packedLayers have more than one packing each.
const packedLayers = `module net
func @f(%x: C f32[128,28,28]) -> f32[64,14,14] {
  %a.weight = param @a.weight : S f32[128,128,3,3]
  %b.weight = param @b.weight : S f32[64,128,1,1]
  %c.weight = param @c.weight : S f32[64,64,3,3]
  %a = nn.conv2d %x, %a.weight {pad=[1,1]} : f32[128,28,28]
  %relu = nn.relu %a : f32[128,28,28]
  %b = nn.conv2d %relu, %b.weight : f32[64,28,28]
  %c = nn.conv2d %b, %c.weight {pad=[1,1], stride=[2,2]} : f32[64,14,14]
  return %c
}`

// packingProblem leaves nothing to choose but packings, on a link that is drawn.
func packingProblem(t *rapid.T) *choose.Problem {
	m, err := ir.Parse("layers.ir", packedLayers)
	if err != nil {
		t.Fatal(err)
	}
	c := &pass.Context{Deploy: rapid.SampledFrom([]cost.Deployment{cost.ClientServer, cost.Outsourced}).Draw(t, "deployment"), Source: cost.FromHE, Ring: 32}
	ring := compile(t, c, m, passes.ToRing)
	s := choose.NewSpace(ring.Funcs[0], c.Deploy, c.Source)
	s.OTs, s.Schemes, s.Elementwise = s.OTs[:1], s.Schemes[:1], s.Elementwise[:1]
	s.Fix([]string{s.Sites[0].Path}, pass.OTSign)
	target := drawTarget(t)
	target.Link = choose.Bandwidth.At(target.Link, math.Pow(10, rapid.Float64Range(8, 10).Draw(t, "log10 bps where packings differ")))
	return &choose.Problem{Forms: []*choose.Form{{Ring: ring, Space: s}}, Deploy: c.Deploy, Source: c.Source, Passes: passes.Candidate,
		Target: target, Objective: choose.Total}
}

// mixes visits a candidate in every packing of its layers.
func mixes(s *choose.Space, c choose.Candidate, visit func(choose.Candidate)) {
	c.Packs = make([]cost.Packing, len(s.Layers))
	var from func(layer int)
	from = func(layer int) {
		if layer == len(s.Layers) {
			c.Packs = slices.Clone(c.Packs)
			visit(c)
			return
		}
		for _, k := range s.Layers[layer].Packings {
			c.Packs[layer] = k
			from(layer + 1)
		}
	}
	from(0)
}

// The chosen program is never cheaper rounding down, and no program much: why rounding down is not searched.
func TestRoundingDownIsNeverCheaper(t *testing.T) {
	const tries, choices = 100, 10 // choosing takes half a second
	const slackChosen = 0.005
	slackAny := map[cost.Source]float64{cost.FromHE: 0.05, cost.FromDealer: 0.15} // choose/RATIONALE.md has how often it shows
	tried := 0
	rapid.Check(t, func(t *rapid.T) {
		if tried++; tried > tries {
			return
		}
		p := drawProblem(t, map[cost.Source]int{cost.FromHE: 4, cost.FromDealer: 2})
		if tried <= choices {
			chosen, err := p.Choose(p.Target.Link)
			if err != nil {
				t.Fatal(err)
			}
			notCheaper(t, p, chosen.Candidate, slackChosen)
		}
		space := p.Forms[0].Space
		c := choose.Candidate{Ways: make([]pass.Nonlinear, len(space.Sites)), Program: space.Programs(0)[0]}
		for i := range c.Ways {
			c.Ways[i] = rapid.SampledFrom(space.Ways[i]).Draw(t, "way")
		}
		notCheaper(t, p, c, slackAny[p.Source])
	})
}

// notCheaper wants a candidate, some of whose truncations are drawn to round down, to be no cheaper than it is, but for some slack.
func notCheaper(t *rapid.T, p *choose.Problem, c choose.Candidate, slack float64) {
	up, err := p.Price(c, p.Target.Link)
	if err != nil {
		t.Fatal(err)
	}
	for _, site := range p.Forms[c.Form].Space.Truncations {
		way := pass.OneCOT
		if rapid.Bool().Draw(t, site.Path+" rounds down") {
			way = pass.ExactTruncation
		}
		c.Truncs = append(c.Truncs, way)
	}
	down, err := p.Price(c, p.Target.Link)
	if err != nil {
		t.Fatal(err)
	}
	if x, y := down.By(p.Objective), up.By(p.Objective); x < y*(1-slack) {
		t.Fatalf("%v takes %v ms, without rounding down %v", c, x, y)
	}
}

// A form with fewer bits than was asked for is never chosen, however cheap; Explain prices it beside those that may be, with what is known of
// their errors.
func TestFormsAside(t *testing.T) {
	m, err := ir.Parse("layers.ir", packedLayers)
	if err != nil {
		t.Fatal(err)
	}
	target, err := cost.ShippedTarget("lan")
	if err != nil {
		t.Fatal(err)
	}
	var forms []*choose.Form
	for _, scales := range []struct {
		ring, frac int
		bound      float64
	}{{32, 12, 0.01}, {64, 20, 0.001}, {32, 8, 0.5}} {
		c := &pass.Context{Deploy: cost.ClientServer, Source: cost.FromHE, Ring: scales.ring, Frac: scales.frac}
		ring := m.Clone()
		if err := (&pass.Runner{}).Run(c, ring, passes.ToRing...); err != nil {
			t.Fatal(err)
		}
		forms = append(forms, &choose.Form{Ring: ring, Frac: c.Report.Frac, ErrorBound: scales.bound, Space: choose.NewSpace(ring.Funcs[0], c.Deploy, c.Source)})
	}
	for _, enumerate := range []int{0, 1} { // all are weighed, or searched, whose prices are then forgotten while others play them
		for _, aside := range []bool{false, true} {
			forms[2].Aside = aside
			p := &choose.Problem{Forms: forms, Deploy: cost.ClientServer, Source: cost.FromHE, Passes: passes.Candidate, Target: target, Objective: choose.Total, Enumerate: enumerate, Keep: 40 * enumerate}
			got, err := p.Choose(target.Link)
			if err != nil {
				t.Fatal(err)
			}
			decisions, err := p.Explain(got, target.Link)
			if err != nil {
				t.Fatal(err)
			}
			ring := decisions[slices.IndexFunc(decisions, func(d choose.Decision) bool { return d.Op == "ring" })]
			if !aside {
				if ring.Chosen != "32, frac 8" || ring.ErrorBound != 0.5 || len(ring.Rivals) != 2 {
					t.Errorf("chose %+v", ring)
				}
				continue
			}
			if ring.Chosen != "32, frac 12" || ring.ErrorBound != 0.01 || len(ring.Rivals) != 2 {
				t.Fatalf("chose %+v", ring)
			}
			less, wider := ring.Rivals[0], ring.Rivals[1]
			if less.Option != "32, frac 8" || !less.Aside || less.ErrorBound != 0.5 || less.By(choose.Total) >= 0 {
				t.Errorf("aside: %+v", less)
			}
			if wider.Option != "64, frac 20" || wider.Aside || wider.ErrorBound != 0.001 || wider.By(choose.Total) <= 0 {
				t.Errorf("the other ring: %+v", wider)
			}
			if slices.ContainsFunc(ring.Flips, func(f choose.Flip) bool { return f.To == less.Option }) {
				t.Errorf("flips to what may not be chosen: %+v", ring.Flips)
			}
		}
	}
}

// exhaust prices every candidate.
func exhaust(t *rapid.T, p *choose.Problem) (best choose.Candidate, price float64) {
	price = math.Inf(1)
	var programs []choose.Program
	for i, f := range p.Forms {
		programs = append(programs, f.Space.Programs(i)...)
	}
	for _, g := range programs {
		space := p.Forms[g.Form].Space
		c := choose.Candidate{Ways: make([]pass.Nonlinear, len(space.Sites)), Program: g}
		var try func(site int)
		try = func(site int) {
			if site == len(c.Ways) {
				times, err := p.Price(c, p.Target.Link)
				if err != nil {
					t.Fatal(err)
				}
				if x := times.By(p.Objective); x < price {
					best, price = choose.Candidate{Ways: slices.Clone(c.Ways), Program: g}, x
				}
				return
			}
			for _, w := range space.Ways[site] {
				c.Ways[site] = w
				try(site + 1)
			}
		}
		try(0)
	}
	return best, price
}
