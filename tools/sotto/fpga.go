package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"sotto/fpga/explore"
	"sotto/fpga/hls"
	"sotto/fpga/lower"
	schedule "sotto/fpga/report"
	"sotto/fpga/target"
	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/runtime/vm"
	"sotto/tools/conform"
)

// fpgaResult is what fpga prints.
type fpgaResult struct {
	head
	Net         string                  `json:"net"`
	Phase       string                  `json:"phase"`
	Board       string                  `json:"board"` // of each party
	Link        string                  `json:"link"`
	Fits        bool                    `json:"fits"`
	ClockMHz    float64                 `json:"clock_mhz"`
	Cycles      int64                   `json:"cycles"`
	LatencyMS   float64                 `json:"latency_ms"`
	EnergyMJ    float64                 `json:"energy_mj"`
	Utilisation hls.Shares              `json:"utilisation"` // of what may be filled
	Design      target.Design           `json:"design"`
	Layers      []schedule.LayerUse     `json:"layers"`
	Resources   []schedule.ResourceUse  `json:"resources"`
	Busy        []schedule.NetworkTimes `json:"while_link_busy"`
	Session     bool                    `json:"session"` // the folder has one to simulate and compare with
	Folder      string                  `json:"folder"`
	Notices     []string                `json:"notices"`
}

// fpgaFlags are those of fpga.
type fpgaFlags struct {
	network  networkFlags
	lower    lowerFlags
	target   string
	link     string
	knobs    []string
	input    string
	phase    string
	out      string
	estimate bool
}

func newFPGACmd(a *app) *cobra.Command {
	var f fpgaFlags
	c := &cobra.Command{
		Use: "fpga FILE --target BOARDx2 -o DIR", Short: "an accelerator for a pair of boards: schedule, kernels, and their check", Args: cobra.ExactArgs(1),
		Long: "Fpga compiles FILE for two boards, one for each party, and writes a folder that a hardware designer can take: the kernels as C++ for high-level\n" +
			"synthesis with build files for Vitis " + hls.Tool + ", every command of both boards with its times, what each layer takes and what binds it, and a\n" +
			"C-simulation (make csim, with g++ alone) that compares every result of both boards with what the CPU made in one session, which is run here with\n" +
			"drawn weights and input unless you give some. It is of the online phase, with --phase offline of the one before, which makes\n" +
			"the material of garbled circuits and OTs, or with --phase both of both. Cycles are the schedule's; clock and watts are estimates.\n" +
			"Boards: " + strings.Join(target.Names(), ", ") + ", or a file in their format (fpga/README.md). docs/FPGA.md describes the folder.",
		Example: "  sotto fpga examples/resnet18.sotto --set act=x2act --set pool=avgpool --target zcu104x2 --link pasnet -o hw\n" +
			"  sotto fpga examples/minionn.sotto --nonlinear gc --target u250x2 --estimate -o hw --json\n" +
			"  make -C hw csim",
		RunE: func(_ *cobra.Command, args []string) error {
			if f.out == "" {
				return usagef("-o is missing: accepted is the directory to write")
			}
			r, err := a.fpga(args[0], &f)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	f.network.add(c)
	f.lower.add(c)
	f.lower.addDeploy(c)
	c.Flags().Lookup("nonlinear").Usage = fmt.Sprintf("`protocol` of comparisons (relu, maxpool, argmax): %v, or auto: for each op the cheapest at the boards' prices; PATH=PROTOCOL for one op, or all of a block (default auto)", hardwareWays)
	c.Flags().Lookup("garbling").Usage = "how AND gates are garbled: half-gates, which alone the engines do, or auto, the same"
	c.Flags().StringVar(&f.lower.offline, "offline", string(cost.FromDealer), "who makes the offline material: dealer, or he, the two parties alone (their programs differ a little)")
	c.Flags().StringVar(&f.target, "target", "zcu104x2", "pair of `boards`: a shipped board's name and x2, or a board's file")
	c.Flags().StringVar(&f.link, "link", "", "network between the boards: "+strings.Join(plannedLinks(), ", ")+", or BANDWIDTH,DELAY such as 1gbps,100us; loopback has no bandwidth to plan with (default: the board's first port)")
	c.Flags().StringArrayVar(&f.knobs, "knob", nil, "set `NAME=VALUE` of the design, such as conv.tm=16; config.json lists them under design")
	c.Flags().StringVar(&f.input, "input", "random:1", "PNG or JPEG image, .npy `file`, or random:SEED, of the session that the C-simulation is compared with")
	c.Flags().StringVar(&f.phase, "phase", cost.Online.String(), "`phase` that the boards run: online, offline, which makes the material of garbled circuits and OTs, or both; base OTs, encryption and what is drawn are the hosts'")
	c.Flags().StringVarP(&f.out, "output", "o", "", "the `directory` to write; a folder of fpga's that is there is replaced, unless something in it was changed")
	c.Flags().BoolVar(&f.estimate, "estimate", false, "schedule and report alone: no session, and no data to simulate with")
	return c
}

// fpga writes the folder of a network's accelerator. Who is interrupted leaves nothing behind; a second interrupt does not wait for that.
func (a *app) fpga(path string, f *fpgaFlags) (*fpgaResult, error) {
	ctx, stop := interruptible()
	defer stop()
	context.AfterFunc(ctx, stop)
	r, err := a.hardware(ctx, path, f)
	if err != nil && ctx.Err() != nil {
		return nil, interruptError{fmt.Errorf("interrupted: %s is as it was", f.out)}
	}
	return r, err
}

// hardware is fpga until ctx ends.
func (a *app) hardware(ctx context.Context, path string, f *fpgaFlags) (*fpgaResult, error) {
	board, settings, link, err := a.pair(f)
	if err != nil {
		return nil, err
	}
	phases, err := f.check()
	if err != nil {
		return nil, err
	}
	n, err := a.load(path, f.network)
	if err != nil {
		return nil, err
	}
	tmp, done, err := scratch(os.TempDir(), "sotto-fpga-")
	if err != nil {
		return nil, err
	}
	defer done()
	compiled, s, err := a.compileFor(n, f, phases, board, link, filepath.Join(tmp, "programs"))
	if err != nil {
		return nil, err
	}
	a.progress.step("design and schedule of both boards")
	found, err := unlessEnded(ctx, func() (*explore.Answer, error) {
		return a.designed(explore.Question{Client: s.Bundles[cost.Client].Program, Server: s.Bundles[cost.Server].Program, Phases: phases, Board: board, Link: link, Set: settings, Plans: plans})
	})
	if err != nil {
		return nil, withKnob(firstFit(err))
	}
	if found.Plan.Idle() {
		return nil, fmt.Errorf("%s: neither board has anything to do in the %s phase: what it needs then is the hosts' alone", path, phases)
	}
	folder := &hls.Folder{Plan: found.Plan, Board: board, Source: compiled.Source, Alternatives: alternatives(found, board)}
	if !f.estimate {
		if folder.Recordings, err = a.session(ctx, s, found.Plan); err != nil {
			return nil, err
		}
	}
	a.progress.step("writing %s", f.out)
	summary, err := writeHardware(ctx, f.out, folder)
	if err != nil {
		return nil, err
	}
	return hardwareResult(f.out, folder, summary, compiled), nil
}

// plans is how many designs are scheduled at most: the best by bounds, the board's usual one, some of other shapes, and some near the best.
const plans = 6

// designed is explore.Search, which says how far it is.
func (a *app) designed(q explore.Question) (*explore.Answer, error) {
	var now atomic.Pointer[explore.Progress]
	q.Progress = func(p explore.Progress) { now.Store(&p) }
	stop := a.progress.during(func() string {
		if p := now.Load(); p != nil {
			return p.String()
		}
		return "search"
	})
	defer stop()
	return explore.Search(q)
}

// alternatives are the designs on the front of latency and area, and those that were scheduled.
func alternatives(found *explore.Answer, b target.Board) (list []hls.Alternative) {
	all := slices.Clone(found.Front)
	for _, c := range found.Plans {
		if !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, func(x, y explore.Candidate) int { return cmp.Compare(x.EstimateMS, y.EstimateMS) })
	for _, c := range all {
		x := hls.NewAlternative(c.Design, b)
		x.EstimateMS, x.ScheduledMS, x.Scarce, x.Chosen = c.EstimateMS, c.ScheduledMS, c.Scarce, c.Design == found.Best.Design
		list = append(list, x)
	}
	return list
}

// check refuses what could not be done or written, before anything is compiled.
func (f *fpgaFlags) check() (phases lower.Phases, err error) {
	if phases, err = lower.ParsePhases(f.phase); err != nil {
		return phases, usagef("--phase: %w", err)
	}
	if err := f.checkProtocols(phases); err != nil {
		return phases, err
	}
	if err := ownHardware(f.out); err != nil {
		return phases, err
	}
	return phases, folderWritable(f.out)
}

// compileFor compiles a network for boards: by their prices, in what they can run. The session is one of its programs, with inputs if it is
// to run.
func (a *app) compileFor(n *network, f *fpgaFlags, phases lower.Phases, board target.Board, link cost.Link, dir string) (*compileResult, conform.Session, error) {
	flags := f.lower
	flags.within = hardwareWays
	if flags.garbling == cost.SchemeAuto {
		flags.garbling = string(cost.HalfGates)
	}
	if phases.Has(cost.Offline) && (flags.ot == "" || flags.ot == wayAuto) {
		flags.ot = cost.SoftSpoken.String()
	}
	if flags.weights == "" {
		flags.weights = "random:1"
		a.notice("no --weights: they are drawn, %s", flags.weights)
	}
	var s conform.Session
	prices, err := target.Prices(board, link)
	if err != nil {
		return nil, s, firstFit(err)
	}
	compiled, err := a.compile(n, flags, prices, dir)
	if err != nil {
		return nil, s, err
	}
	s.Source = compiled.Source
	if s.Bundles, err = conform.OpenBundles(dir); err == nil && !f.estimate {
		s.Inputs, err = sessionInputs(f, s.Bundles[cost.Client])
	}
	return compiled, s, err
}

// session runs both parties on the CPU, with recorders.
func (a *app) session(ctx context.Context, s conform.Session, plan *lower.Plan) (rec [2]*hls.Recording, err error) {
	s.Progress = func(p cost.Party, phase cost.Phase, at vm.Progress) {
		if p == cost.Client && a.progress.due() {
			a.progress.step("session on the CPU to compare with, %s: %d of %d, %s", phase, at.Done, at.Of, at.Layer)
		}
	}
	var recorders [2]vm.Recorder
	for p, b := range s.Bundles {
		w, err := conform.Weights(b)
		if err != nil {
			return rec, err
		}
		rec[p] = hls.NewRecording(b.Program, w, plan.Phases, hls.Wanted(plan.Boards[p]))
		recorders[p] = rec[p]
	}
	return rec, conform.Record(ctx, s, recorders)
}

// sessionInputs gives the client its input in clear, or each party its share of one.
func sessionInputs(f *fpgaFlags, b *party.Bundle) (in [2]party.Input, err error) {
	x, err := input(f.input, preprocessOf(b.Program.Input))
	if err != nil {
		return in, err
	}
	if b.Program.Deploy == cost.ClientServer {
		in[cost.Client].Clear = x
		return in, nil
	}
	whole, err := encode(b.Program, x)
	in[cost.Client].Share, in[cost.Server].Share = split(whole, b.Program.Ring)
	return in, err
}

// hardwareResult is what a folder that was written comes to.
func hardwareResult(dir string, folder *hls.Folder, summary *schedule.Summary, compiled *compileResult) *fpgaResult {
	d := folder.Plan.Boards[cost.Client].Design
	notices := compiled.Notices
	if notices == nil {
		notices = []string{}
	}
	return &fpgaResult{version1, compiled.Net, folder.Plan.Phases.String(), folder.Board.Name, summary.Link, true, d.ClockMHz, summary.Cycles, summary.LatencyMS, summary.EnergyMJ,
		folder.Utilisation(), d, summary.Layers, summary.Resources, summary.Overlap, folder.Recordings[cost.Client] != nil, dir, notices}
}

func (r *fpgaResult) text(w io.Writer) {
	var rows [][]string
	for _, l := range r.Layers {
		rows = append(rows, []string{l.Path, l.Op, three(l.MS), count(l.Cycles), blankZero(l.Delay), l.BoundBy, blankSize(l.Memory), blankSize(l.ClientSent), blankSize(l.ServerSent)})
	}
	table(w, "layer op >ms >cycles >delay bound_by >memory >client_sends >server_sends", rows)
	fmt.Fprintln(w)
	u := r.Utilisation
	const percent = 100
	pairs(w, "net", r.Net, "boards", fmt.Sprintf("two %s at %g MHz, over %s", r.Board, r.ClockMHz, r.Link),
		r.Phase+map[bool]string{true: " phases", false: " phase"}[r.Phase == lower.Whole.String()], fmt.Sprintf("%s, %s cycles, %s mJ (clock and watts are estimates)", duration(r.LatencyMS), count(r.Cycles), three(r.EnergyMJ)),
		"of what may be filled", fmt.Sprintf("LUT %.0f %%, FF %.0f %%, DSP %.0f %%, BRAM %.0f %%, URAM %.0f %% (areas are estimates)", percent*u.LUT, percent*u.FF, percent*u.DSP, percent*u.BRAM, percent*u.URAM),
		"written to", r.Folder+": see README.md there"+map[bool]string{true: "; make csim compares it with the CPU"}[r.Session])
}
