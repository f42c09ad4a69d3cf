package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/runtime/wire"
	"sotto/tools/sotto/growth"
)

// growing is a network that can be made of any size.
type growing struct {
	name, doc string
	unit      string // what is counted
	file      string // what the text is: its name ends as a network's or a dump's
	text      func(n int64) (string, int64)
	lower     lowerFlags
	to        float64 // elements, by default: together all take a few minutes
	stored    bool    // what is made for it offline waits on disk
}

var growings = []growing{
	{name: "relu.gc", doc: "ReLUs by garbled signs, in layers of at most 10^6", unit: "ReLU", file: "relu.ir", text: reluLayers, to: 1e7, stored: true,
		lower: lowerFlags{nonlinear: ways{string(pass.GarbledSign)}}},
	{name: "relu.ot", doc: "ReLUs by OT comparison, in layers of at most 10^6", unit: "ReLU", file: "relu.ir", text: reluLayers, to: 1e7, stored: true,
		lower: lowerFlags{nonlinear: ways{string(pass.OTSign)}}},
	{name: "conv", doc: "multiply-adds of 3x3 convolutions under homomorphic encryption, channels and image growing alike, at most 10^8 a layer", unit: "MAC", file: "conv.sotto",
		text: convLayers, to: 1e8, lower: lowerFlags{weights: "random:1", ring: 32}},
}

// The largest layers: the largest of ResNet-50 at 224x224 have 802,816 ReLUs and 1.2e8 MACs.
const (
	mostReLUs = 1_000_000
	mostMACs  = 100_000_000
)

// reluLayers is a dump with n ReLUs, as many as asked for up to a multiple of the layers.
func reluLayers(n int64) (string, int64) {
	layers := (n + mostReLUs - 1) / mostReLUs
	width := (n + layers - 1) / layers
	var b strings.Builder
	fmt.Fprintf(&b, "module ring\nfunc @growth(%%x: C i32q12[%d]) -> i32q12[%d] {\n", width, width)
	last := "%x"
	for i := int64(1); i <= layers; i++ {
		fmt.Fprintf(&b, "  %%%d = ring.relu %s : i32q12[%d]\n", i, last, width)
		last = fmt.Sprintf("%%%d", i)
	}
	fmt.Fprintf(&b, "  return %s {name=\"y\"}\n}\n", last)
	return b.String(), layers * width
}

// convLayers is a network with about n MACs: c channels to c on a square image whose side is about c, as in ResNets.
func convLayers(n int64) (string, int64) {
	layers := (n + mostMACs - 1) / mostMACs
	product := math.Sqrt(float64(n) / float64(layers) / (convSide * convSide)) // of channels and side
	c := int64(math.Exp2(math.Max(0, math.Round(math.Log2(math.Sqrt(product))))))
	side := max(1, int64(math.Round(product/float64(c))))
	var b strings.Builder
	fmt.Fprintf(&b, "net growth {\n  input x: f32[%d, %d, %d] from client\n", c, side, side)
	for i := int64(1); i < layers; i++ {
		fmt.Fprintf(&b, "  x = conv(x, %d, kernel = %d, pad = 1) as conv%d\n", c, convSide, i)
	}
	fmt.Fprintf(&b, "  output y = conv(x, %d, kernel = %d, pad = 1) as conv%d to client\n}\n", c, convSide, layers)
	return b.String(), layers * convSide * convSide * c * c * side * side
}

const convSide = 3 // of a kernel

type growthFlags struct {
	only     string
	from, to float64
	runs     int
	link, ot string
	out      string
	list     bool
}

// Accepted sizes: below the first the session is all there is to see.
const (
	leastGrowth = 1e3
	mostGrowth  = 1e9
)

func newBenchGrowthCmd(a *app) *cobra.Command {
	var f growthFlags
	c := &cobra.Command{
		Use: "growth", Short: "how time and memory grow with a network: a table and a plot", Args: cobra.NoArgs,
		Long: "Growth runs networks of growing size as `sotto run` does, two processes over mutual TLS without a dealer, each size in processes\n" +
			"of its own: ReLUs by garbled circuits and by OT, and multiply-adds of convolutions. It prints the time of both phases and the most\n" +
			"memory that each party held, the exponent fitted to the two largest decades (1 is proportional), and draws both on logarithmic\n" +
			"axes beside lines of slope one. Tables of 10^7 ReLUs take 10 GB of temporary disk (TMPDIR).",
		Example: "  sotto bench growth -o growth.svg\n  sotto bench growth --only 'relu.ot' --to 1e8 -o growth.png\n  sotto bench growth --to 1e6 --runs 3 --json",
		RunE: func(*cobra.Command, []string) error {
			return a.benchGrowth(&f)
		},
	}
	c.Flags().StringVar(&f.only, "only", "*", "run those whose name matches this `pattern` (*, ?, [a-z])")
	c.Flags().Float64Var(&f.from, "from", 1e4, "the smallest size, in ReLUs or multiply-adds")
	c.Flags().Float64Var(&f.to, "to", 0, "the largest size (default 1e7 ReLUs, 1e8 multiply-adds)")
	c.Flags().IntVar(&f.runs, "runs", 1, "repeat each so often; the median time counts, and the most memory")
	c.Flags().StringVar(&f.link, "link", "loopback", "network between the processes: loopback (unshaped), lan, wan, pasnet, or BANDWIDTH,DELAY such as 300mbps,5ms")
	c.Flags().StringVar(&f.ot, "ot", cost.OTAuto, "OT `extension`: softspoken, ferret, iknp, or auto, by the link's prices")
	c.Flags().StringVarP(&f.out, "output", "o", "", "draw the plot into this `file`, .svg or .png")
	c.Flags().BoolVar(&f.list, "list", false, "list what can grow and run nothing")
	return c
}

// growthResult is one size, with the part of its time that is online.
type growthResult struct {
	benchResult
	Online float64 `json:"online_ms"`
}

// growthSeries is the law of one kind of work.
type growthSeries struct {
	Name   string     `json:"name"`
	Unit   string     `json:"unit"`
	Time   growth.Law `json:"time"`
	Client growth.Law `json:"client_memory"`
	Server growth.Law `json:"server_memory"`
	// What one more element takes at the largest sizes.
	USEach      float64 `json:"us_each"`
	ClientBytes float64 `json:"client_bytes_each"`
	ServerBytes float64 `json:"server_bytes_each"`
}

type growthReport struct {
	head
	Machine machine        `json:"machine"`
	Link    string         `json:"link"`
	Results []growthResult `json:"results"`
	Series  []growthSeries `json:"series"`
	Plot    string         `json:"plot,omitempty"`
}

func (a *app) benchGrowth(f *growthFlags) error {
	chosen, err := f.check()
	if err != nil {
		return err
	}
	if f.list {
		return a.listBenchmarks(growthEntries(chosen))
	}
	for _, g := range chosen {
		if err := a.roomFor(g, f); err != nil {
			return err
		}
	}
	r := &growthReport{head: version1, Machine: thisMachine(), Link: f.link, Plot: f.out}
	var drawn []growth.Series
	for _, g := range chosen {
		s, err := a.grow(r, g, f)
		if err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
		drawn = append(drawn, s)
	}
	if err := r.draw(drawn); err != nil {
		return err
	}
	return a.show(r, r.text)
}

// check refuses what cannot be meant before anything runs, and gives what is to grow.
func (f *growthFlags) check() ([]growing, error) {
	if f.runs < 1 {
		return nil, usagef("--runs %d: accepted is 1 or more", f.runs)
	}
	if _, err := wire.ParseLink(f.link); err != nil {
		return nil, usageError{err}
	}
	if f.out != "" {
		if _, err := growth.Format(f.out); err != nil {
			return nil, usagef("-o %v", err)
		}
		if err := writable(f.out); err != nil {
			return nil, usagef("-o %v", err)
		}
	}
	entries, err := chosenEntries(growthEntries(growings), f.only)
	if err != nil {
		return nil, err
	}
	var chosen []growing
	for _, g := range growings {
		if !slices.ContainsFunc(entries, func(e benchEntry) bool { return e.name == g.name }) {
			continue
		}
		if _, err := f.sizes(g); err != nil {
			return nil, err
		}
		chosen = append(chosen, g)
	}
	return chosen, nil
}

func growthEntries(list []growing) []benchEntry {
	var out []benchEntry
	for _, g := range list {
		out = append(out, benchEntry{g.name, g.doc})
	}
	return out
}

// sizes that something is measured at.
func (f *growthFlags) sizes(g growing) ([]int64, error) {
	to := f.to
	if to == 0 {
		to = g.to
	}
	if !(leastGrowth <= f.from && f.from < to && to <= mostGrowth) { // so written, not-a-number is refused too
		return nil, usagef("--from %g, --to %g: accepted are sizes from %g to %g, the first below the second", f.from, to, leastGrowth, mostGrowth)
	}
	return growth.Sizes(int64(f.from), int64(to))
}

// roomFor demands disk for the material of the largest size.
func (a *app) roomFor(g growing, f *growthFlags) error {
	if !g.stored {
		return nil
	}
	sizes, err := f.sizes(g)
	if err != nil {
		return err
	}
	largest := sizes[len(sizes)-1]
	dir, r, _, err := a.compileGrowing(g, largest, f)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	free, err := freeBytes(os.TempDir())
	if err != nil {
		return err
	}
	if need := r.Offline.ClientSent + r.Offline.ServerSent; need > free {
		return fmt.Errorf("%s of %s %ss makes %s of material, and %s has room for %s: accepted is a smaller --to, a TMPDIR with more room, or --only for the others",
			g.name, count(largest), g.unit, size(need), os.TempDir(), size(free))
	}
	return nil
}

// compileGrowing compiles a network of about n elements into a directory of its own, which holds the bundles in `out`.
func (a *app) compileGrowing(g growing, n int64, f *growthFlags) (tmp string, r *compileResult, actual int64, err error) {
	a.progress.step("%s, %s %ss: compiling", g.name, count(n), g.unit)
	if tmp, err = os.MkdirTemp("", "sotto-bench-"); err != nil {
		return "", nil, 0, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(tmp)
		}
	}()
	text, actual := g.text(n)
	file := filepath.Join(tmp, g.file)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", nil, 0, err
	}
	net, err := a.load(file, networkFlags{})
	if err != nil {
		return "", nil, 0, err
	}
	prices, err := a.target(f.link, net)
	if err != nil {
		return "", nil, 0, err
	}
	lower := g.lower
	lower.ot, lower.garbling = f.ot, cost.SchemeAuto
	quiet := *a
	quiet.quiet, quiet.progress = true, nil
	r, err = quiet.compile(net, lower, prices, filepath.Join(tmp, "out"))
	return tmp, r, actual, err
}

// grow measures all sizes of one kind of work.
func (a *app) grow(r *growthReport, g growing, f *growthFlags) (growth.Series, error) {
	s := growth.Series{Name: g.name, Unit: g.unit}
	sizes, err := f.sizes(g)
	if err != nil {
		return s, err
	}
	for _, n := range sizes {
		x, err := a.growOne(g, n, f)
		if err != nil {
			return s, fmt.Errorf("%s %ss: %w", count(n), g.unit, err)
		}
		r.Results = append(r.Results, x)
		s.Points = append(s.Points, growth.Point{N: x.N, Seconds: x.MS / 1e3, Client: x.ClientPeakRSS, Server: x.ServerPeakRSS})
	}
	r.Series = append(r.Series, growthSeries{g.name, g.unit, s.Fit(growth.Time), s.Fit(growth.Client), s.Fit(growth.Server),
		1e6 * s.Each(growth.Time), s.Each(growth.Client), s.Each(growth.Server)})
	return s, nil
}

func (a *app) growOne(g growing, n int64, f *growthFlags) (growthResult, error) {
	tmp, _, actual, err := a.compileGrowing(g, n, f)
	if err != nil {
		return growthResult{}, err
	}
	defer os.RemoveAll(tmp)
	var took []time.Duration
	var online []float64
	var last *runResult
	var client, server int64
	for i := range f.runs {
		a.progress.step("%s, %s %ss: run %d of %d", g.name, count(n), g.unit, i+1, f.runs)
		last, err = a.runBundle(filepath.Join(tmp, "out"), &runFlags{input: "random:1", link: f.link, offline: string(cost.FromHE)}, nil)
		if err != nil {
			return growthResult{}, err
		}
		took = append(took, time.Duration((last.Offline.MS+last.Online.MS)*float64(time.Millisecond)))
		online = append(online, last.Online.MS)
		client, server = max(client, last.ClientPeakRSS), max(server, last.ServerPeakRSS)
	}
	slices.Sort(online)
	moved := last.Offline.ClientSent + last.Offline.ServerSent + last.Online.ClientSent + last.Online.ServerSent
	x := growthResult{summary(g.name, actual, took, moved, last.Offline.Rounds+last.Online.Rounds), online[len(online)/2]}
	x.ClientPeakRSS, x.ServerPeakRSS = client, server
	return x, nil
}

// draw writes the plot, if one is asked for.
func (r *growthReport) draw(series []growth.Series) error {
	if r.Plot == "" {
		return nil
	}
	format, err := growth.Format(r.Plot)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	title := fmt.Sprintf("%s, both parties on %d cores, link %s", r.Machine.CPU, r.Machine.Cores, r.Link)
	if err := growth.Draw(&b, format, title, series); err != nil {
		return err
	}
	return os.WriteFile(r.Plot, b.Bytes(), 0o666)
}

func (r *growthReport) text(w io.Writer) {
	var rows [][]string
	for _, x := range r.Results {
		rows = append(rows, []string{x.Name, count(x.N), duration(x.MS), duration(x.Online), three(1e3 * x.MS / float64(x.N)), three(float64(x.Bytes) / float64(x.N)),
			size(x.ClientPeakRSS), size(x.ServerPeakRSS)})
	}
	table(w, "name >n >time >online >us_each >bytes_each >client_memory >server_memory", rows)
	fmt.Fprintln(w)
	for _, s := range r.Series {
		fmt.Fprintf(w, "%s: time grows as n^%.2f, memory as n^%.2f (client) and n^%.2f (server) from %s %ss on; one more takes %s us, %s and %s bytes\n",
			s.Name, s.Time.Exponent, s.Client.Exponent, s.Server.Exponent, count(s.Time.From), s.Unit, three(s.USEach), three(s.ClientBytes), three(s.ServerBytes))
	}
	if r.Plot != "" {
		fmt.Fprintf(w, "plot: %s\n", r.Plot)
	}
	fmt.Fprintf(w, "%s, %d cores, %s, %s, link %s\n", r.Machine.CPU, r.Machine.Cores, r.Machine.OS, r.Machine.Go, r.Link)
}
