package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sotto/ir/cost"
	"sotto/passes/choose"
	"sotto/passes/pass"
	"sotto/runtime/wire"
	"sotto/tools/sotto/estimates"
)

// choiceBound is how much slower than the best program of one way the chosen one may be, as a ratio.
const choiceBound = 1.03

// hopeless is how many times the least estimate a program of one way must be estimated at to be left out: it is not the best.
const hopeless = 3

// flipSide is how far from a flip its two sides are measured, as a factor: at the flip itself both programs take the same time.
const flipSide = 3

// slowFlip is how long the slower side of a flip may be estimated to take in milliseconds, so that it is measured.
const slowFlip = 3_000

type choiceFlags struct {
	nets        []string
	links       linkList
	deploy      string
	prices      string
	runs, flips int
	examples    string
}

func newBenchChoiceCmd(a *app) *cobra.Command {
	var f choiceFlags
	c := &cobra.Command{
		Use: "choice", Short: "hold the chosen protocols against every single one, measured", Args: cobra.NoArgs,
		Long: "Choice compiles each network for each link as compile does by default, and once with every single way of comparing, and runs all of\n" +
			"these programs in turn, as `sotto run` does. It prints the ratio of the chosen program's time, both phases, to that of the best single\n" +
			"way, run by run, with its 95 % interval. Where that is below 1.03, or both are one program, the choice holds; where it is above, the\n" +
			"choice fails and the exit status is 1; otherwise, and with fewer than 6 runs, it is open. A single way that is estimated to take three\n" +
			"times the best one's time is left out. With --flips, the programs on both sides of flips that --explain names are run on links a factor\n" +
			"of three to either side: a flip holds where each is the faster one on its own side by the interval, and fails where an interval says\n" +
			"the contrary, whatever the exit status. Flips with a side of more than three seconds a run, or that is out of what a link can be,\n" +
			"or with one program on both sides, are left out. Estimates are of both parties on this machine, where they run. As it stands, without flags, it takes some\n" +
			"eight minutes on a quiet machine of two cores.",
		Example: "  sotto bench choice\n  sotto bench choice --runs 11 --flips 3 --links 100mbps,10ms,loopback\n  sotto calibrate -o me.json && sotto bench choice --prices me.json --nets minionn.relu --links wan --flips 2 --json",
		RunE:    func(*cobra.Command, []string) error { return a.benchChoice(&f) },
	}
	c.Flags().StringSliceVar(&f.nets, "nets", []string{"minionn.relu", "cnet1_cifar10"}, "networks: as sotto bench nets names them, or files of --examples without choices")
	f.links.names = []string{"lan", "300mbps,5ms", "wan"}
	c.Flags().Var(&f.links, "links", "links between the parties: presets, or numbers such as 300mbps,5ms")
	c.Flags().StringVar(&f.deploy, "deploy", string(cost.ClientServer), "client-server or outsourced")
	c.Flags().StringVar(&f.prices, "prices", wire.Loopback().Name, "price list of this machine, such as `sotto calibrate` writes")
	c.Flags().IntVar(&f.runs, "runs", 7, "run each program so often; an interval of 95 % takes at least 6")
	c.Flags().IntVar(&f.flips, "flips", 1, "measure up to so many flips of each network on each link")
	c.Flags().StringVar(&f.examples, "examples", "examples", "`directory` of the networks")
	return c
}

// choiceReport is what bench choice prints.
type choiceReport struct {
	head
	Choices []choiceRow `json:"choices"`
	Flips   []flipRow   `json:"flips"`
}

// choiceRow is one network on one link.
type choiceRow struct {
	Net         string                 `json:"net"`
	Link        string                 `json:"link"`
	Comparisons map[pass.Nonlinear]int `json:"comparisons"`
	Chosen      timedProgram           `json:"chosen"`
	Single      []timedProgram         `json:"single"`
	Best        pass.Nonlinear         `json:"best"` // of one way, measured
	Ratio       estimates.Median       `json:"ratio"`
	Verdict     estimates.Verdict      `json:"verdict"`
}

// timedProgram is a program with its estimate and its runs, none where it was left out, in milliseconds of both phases.
type timedProgram struct {
	Nonlinear  pass.Nonlinear    `json:"nonlinear"`
	EstimateMS float64           `json:"estimate_ms"`
	MS         *estimates.Median `json:"ms"`

	dir, hash string
	runs      []float64
}

// flipRow is a flip with the ratio of the far side's program to the near side's, on either side.
type flipRow struct {
	Net  string      `json:"net"`
	Link string      `json:"link"`
	Site string      `json:"site"`
	From string      `json:"from"`
	Flip choose.Flip `json:"flip"`
	// Near and Far are links, and the ratios on them.
	Near      string            `json:"near"`
	Far       string            `json:"far"`
	NearRatio estimates.Median  `json:"near_ratio"`
	FarRatio  estimates.Median  `json:"far_ratio"`
	Verdict   estimates.Verdict `json:"verdict"`
}

// choiceBench compiles and runs what is compared.
type choiceBench struct {
	*app
	*choiceFlags
	tmp  string
	made int
}

func (a *app) benchChoice(f *choiceFlags) error {
	if f.runs < 1 || f.flips < 0 {
		return usagef("--runs %d, --flips %d: accepted are 1 or more runs, 0 or more flips", f.runs, f.flips)
	}
	if len(f.nets) == 0 {
		return usagef("--nets names nothing: accepted are one or more networks")
	}
	tmp, err := os.MkdirTemp("", "sotto-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	b := &choiceBench{app: a, choiceFlags: f, tmp: tmp}
	r := &choiceReport{head: version1, Flips: []flipRow{}}
	for _, name := range f.nets {
		n, err := b.net(name)
		if err != nil {
			return err
		}
		for _, link := range f.links.names {
			if err := b.one(r, n, link); err != nil {
				return fmt.Errorf("%s on %s: %w", name, link, err)
			}
		}
	}
	if err := a.show(r, r.text); err != nil {
		return err
	}
	for _, row := range r.Choices {
		if row.Verdict == estimates.Fails {
			return fmt.Errorf("%s on %s: the chosen program takes %.3f of the time of %s alone, accepted is %.2f", row.Net, row.Link, row.Ratio.Value, row.Best, choiceBound)
		}
	}
	return nil
}

// net is a network by its name among the benchmarks, or that of its file.
func (b *choiceBench) net(name string) (netBench, error) {
	for _, n := range netBenches {
		if n.name == name {
			return n, nil
		}
	}
	if _, err := os.Stat(filepath.Join(b.examples, name+".sotto")); err != nil {
		return netBench{}, usagef("--nets %s: accepted are the names of sotto bench nets --list, without a phase, and of files in %s", name, b.examples)
	}
	return netBench{name: name, file: name}, nil
}

// one compares the programs of a network on a link.
func (b *choiceBench) one(r *choiceReport, n netBench, linkName string) error {
	link, err := wire.ParseLink(linkName)
	if err != nil {
		return usageError{err}
	}
	chosen, report, err := b.compile(n, link, lowerFlags{explain: b.flips > 0})
	if err != nil {
		return err
	}
	row := choiceRow{Net: n.name, Link: linkName, Comparisons: report.Comparisons}
	chosen.Nonlinear = wayAuto
	if row.Single, err = b.singles(n, link); err != nil {
		return err
	}
	if err := b.play(linkName, distinct(&chosen, row.Single)); err != nil {
		return err
	}
	row.Chosen = chosen
	if err := row.judge(); err != nil {
		return err
	}
	r.Choices = append(r.Choices, row)
	if report.Explain == nil {
		return nil
	}
	return b.measureFlips(r, n, link, report.Explain.Decisions)
}

// compile compiles a network for a link, both parties on this machine, as play runs them.
func (b *choiceBench) compile(n netBench, link wire.Link, f lowerFlags) (timedProgram, *compileResult, error) {
	net, err := b.load(filepath.Join(b.examples, n.file+".sotto"), networkFlags{set: n.set})
	if err != nil {
		return timedProgram{}, nil, fmt.Errorf("%w: --examples names the repository's directory of networks", err)
	}
	target, err := b.target(b.prices, net)
	if err != nil {
		return timedProgram{}, nil, err
	}
	if link.Shaped() {
		target = onLink(target, link)
	}
	target = target.OnOneMachine()
	b.made++
	dir := filepath.Join(b.tmp, fmt.Sprint(b.made))
	f.weights, f.deploy = "random:1", b.deploy
	b.progress.step("compiling %s", n.name)
	r, err := b.app.compile(net, f, target, dir)
	if err != nil {
		return timedProgram{}, nil, err
	}
	return timedProgram{EstimateMS: r.Offline.MS + r.Online.MS, dir: dir, hash: r.ProgramHash}, r, nil
}

// singles compiles a program for every single way that has a chance.
func (b *choiceBench) singles(n netBench, link wire.Link) (out []timedProgram, err error) {
	least := 0.0
	for _, way := range choose.Ways(cost.FromHE) {
		p, _, err := b.compile(n, link, lowerFlags{nonlinear: ways{string(way)}})
		if err != nil {
			return nil, err
		}
		p.Nonlinear = way
		out = append(out, p)
		if least == 0 || p.EstimateMS < least {
			least = p.EstimateMS
		}
	}
	for i := range out {
		if out[i].EstimateMS > hopeless*least {
			os.RemoveAll(out[i].dir)
			out[i].dir = ""
		}
	}
	return out, nil
}

// distinct lists programs to run, of equal ones the first.
func distinct(chosen *timedProgram, single []timedProgram) []*timedProgram {
	out := []*timedProgram{chosen}
	for i := range single {
		if p := &single[i]; p.dir != "" && p.hash != chosen.hash {
			out = append(out, p)
		}
	}
	return out
}

// play runs programs in turn.
func (b *choiceBench) play(link string, programs []*timedProgram) error {
	for range b.runs {
		for _, p := range programs {
			r, err := b.runBundle(p.dir, &runFlags{input: "random:1", link: link, offline: string(cost.FromHE)}, nil)
			if err != nil {
				return err
			}
			p.runs = append(p.runs, r.Offline.MS+r.Online.MS)
		}
	}
	for _, p := range programs {
		m, err := estimates.MedianOf(p.runs)
		if err != nil {
			return err
		}
		p.MS = &m
	}
	return nil
}

// judge finds the best of the single ways and holds the chosen program against it. A single way that comes to the same program is as fast.
func (r *choiceRow) judge() (err error) {
	var best *timedProgram
	for i := range r.Single {
		p := &r.Single[i]
		if p.hash == r.Chosen.hash {
			p.MS, p.runs = r.Chosen.MS, r.Chosen.runs
		}
		if p.MS != nil && (best == nil || p.MS.Value < best.MS.Value) {
			best = p
		}
	}
	r.Best = best.Nonlinear
	r.Ratio, err = ratios(r.Chosen.runs, best.runs)
	r.Verdict = r.Ratio.Below(choiceBound)
	if best.hash == r.Chosen.hash {
		r.Verdict = estimates.Holds
	}
	return err
}

// ratios are those of runs made in turn.
func ratios(a, b []float64) (estimates.Median, error) {
	var out []float64
	for i := range a {
		out = append(out, a[i]/b[i])
	}
	return estimates.MedianOf(out)
}

// measureFlips measures flips of different places.
func (b *choiceBench) measureFlips(r *choiceReport, n netBench, link wire.Link, decisions []choose.Decision) error {
	var seen []float64
	measured := 0
	for _, d := range decisions {
		for _, f := range d.Flips {
			if d.Path == "" || measured == b.flips || slices.Contains(seen, f.At) {
				continue
			}
			seen = append(seen, f.At)
			row, err := b.flip(n, link, f)
			if err != nil {
				return err
			}
			if row == nil {
				continue
			}
			measured++
			row.Site, row.From = d.Path, d.Chosen
			r.Flips = append(r.Flips, *row)
		}
	}
	return nil
}

// flip runs the programs of both sides on both; it gives none where that would take long, a side is no link, or both have one program.
func (b *choiceBench) flip(n netBench, link wire.Link, f choose.Flip) (row *flipRow, err error) {
	beyond, short := f.At*flipSide, f.At/flipSide
	if f.Below {
		beyond, short = short, beyond
	}
	farLink, err := moved(link, f.Axis, beyond)
	if err != nil {
		return nil, nil
	}
	nearLink, err := moved(link, f.Axis, short)
	if err != nil {
		return nil, nil
	}
	row = &flipRow{Net: n.name, Link: link.Name, Flip: f, Near: nearLink.Name, Far: farLink.Name}
	far, _, err := b.compile(n, farLink, lowerFlags{})
	if err != nil {
		return row, err
	}
	near, _, err := b.compile(n, nearLink, lowerFlags{})
	if err != nil {
		return row, err
	}
	if near.hash == far.hash || max(near.EstimateMS, far.EstimateMS) > slowFlip {
		return nil, nil
	}
	for _, side := range []struct {
		link string
		to   *estimates.Median
	}{{nearLink.Name, &row.NearRatio}, {farLink.Name, &row.FarRatio}} {
		a, z := near, far
		a.runs, z.runs = nil, nil
		if err := b.play(side.link, []*timedProgram{&a, &z}); err != nil {
			return row, err
		}
		if *side.to, err = ratios(z.runs, a.runs); err != nil {
			return row, err
		}
	}
	row.judge()
	return row, nil
}

// judge tells whether the far side's program is the slower one near the link and the faster one beyond the flip.
func (r *flipRow) judge() {
	near, far := r.NearRatio.Below(1), r.FarRatio.Below(1)
	switch {
	case near == estimates.Fails && far == estimates.Holds:
		r.Verdict = estimates.Holds
	case near == estimates.Holds || far == estimates.Fails:
		r.Verdict = estimates.Fails
	default:
		r.Verdict = estimates.Open
	}
}

// moved is a link with another value on an axis, named by its numbers. It fails where that is out of what a link can be.
func moved(l wire.Link, a choose.Axis, x float64) (wire.Link, error) {
	const unlimited = 1e12 // for a link that is not shaped
	bps, ms := cmp.Or(l.BitsPerSecond, unlimited), l.OneWay.Seconds()*1e3
	if a == choose.Bandwidth {
		bps = x
	} else {
		ms = x
	}
	const digits = 4
	text := fmt.Sprintf("%.*gkbps,%.*gms", digits, bps/1e3, digits, ms)
	if strings.Contains(text, "e") {
		text = fmt.Sprintf("%.0fkbps,%.6fms", bps/1e3, ms)
	}
	return wire.ParseLink(text)
}

func (r *choiceReport) text(w io.Writer) {
	var rows [][]string
	for _, c := range r.Choices {
		var single []string
		for _, p := range c.Single {
			single = append(single, string(p.Nonlinear)+" "+timed(p))
		}
		rows = append(rows, []string{c.Net, c.Link, comparisonsText(c.Comparisons), timed(c.Chosen), strings.Join(single, "; "), string(c.Best), interval(c.Ratio), string(c.Verdict)})
	}
	table(w, "net link chosen measured_(estimate) single_ways best ratio_to_it verdict", rows)
	if len(r.Flips) == 0 {
		return
	}
	rows = nil
	for _, f := range r.Flips {
		rows = append(rows, []string{f.Net, f.Link, f.Site, f.From + " → " + f.Flip.To + " " + flipAt(f.Flip), f.Near, interval(f.NearRatio), f.Far, interval(f.FarRatio), string(f.Verdict)})
	}
	fmt.Fprintln(w)
	table(w, "net link site flip near far_/_near_program far far_/_near_program verdict", rows)
}

// timed is "12 ms (14 ms)", or the estimate alone.
func timed(p timedProgram) string {
	if p.MS == nil {
		return "(" + duration(p.EstimateMS) + ")"
	}
	return duration(p.MS.Value) + " (" + duration(p.EstimateMS) + ")"
}

func interval(m estimates.Median) string {
	return fmt.Sprintf("%.3f [%.3f, %.3f]", m.Value, m.Low, m.High)
}
