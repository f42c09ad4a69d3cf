package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"sotto/ir/cost"
	"sotto/passes/choices"
	"sotto/passes/pass"
	"sotto/passes/search"
	"sotto/runtime/dataset"
	"sotto/tools/sotto/curves"
	"sotto/tools/sotto/engine"
	"sotto/tools/sotto/goals"
	batches "sotto/tools/sotto/samples"
)

// searchFlags are those of the search command.
type searchFlags struct {
	network  networkFlags
	lower    lowerFlags
	search   string
	data     string
	target   string
	budgets  []string
	weights  []float64
	random   int
	init     string
	output   string
	ranges   string
	resume   bool
	every    time.Duration // of work between checkpoints
	settings searchSettings
	private  privateFlags
}

// searchSettings are what a run is a function of, beside network, data, initial weights, objective and prices.
type searchSettings struct {
	Method       string  `json:"method"`
	Batch        int     `json:"batch"`
	Seed         uint64  `json:"seed"`
	Pretrain     int     `json:"pretrain"`
	Epochs       int     `json:"epochs"`
	WarmUp       int     `json:"warm_up"`
	Finetune     int     `json:"finetune"`
	Order        int     `json:"order"`
	Gumbel       float64 `json:"gumbel"`
	Rate         float64 `json:"rate"`
	FinetuneRate float64 `json:"finetune_rate"`
	Momentum     float64 `json:"momentum"`
	Decay        float64 `json:"decay"`
	Clip         float64 `json:"clip"`
	LogitRate    float64 `json:"logit_rate"`
	LogitDecay   float64 `json:"logit_decay"`
	Nesterov     bool    `json:"nesterov"`
	Updates      int     `json:"updates"` // of the controller in an epoch
	Drawn        int     `json:"drawn"`   // networks of an update
	Candidates   int     `json:"candidates"`
	Images       int     `json:"images"` // of the training split; 0: all
	linearizeSettings
	fixedSettings
}

func (s searchSettings) training() pass.Training {
	return pass.Training{Batch: s.Batch, Optimiser: pass.SGD{Momentum: s.Momentum, Nesterov: s.Nesterov}, Decay: s.Decay, Clip: s.Clip}
}

// searchResult is the last line of a search.
type searchResult struct {
	head
	Net      string            `json:"net"`
	Method   string            `json:"method"`
	Data     string            `json:"data"`
	Found    string            `json:"found"` // name of the trial that is taken
	Decision map[string]string `json:"decision"`
	Accuracy float64           `json:"accuracy"` // on the test split; on the validation split where there is none
	ReLUs    float64           `json:"relus"`
	Latency  float64           `json:"latency_ms"`
	Limits   []string          `json:"limits"`
	Trials   []*trial          `json:"trials"`
	Output   string            `json:"output"`
	// Least is how near searches in fixed point came to the bounds of the ring, in this process.
	Least *engine.Margin `json:"least_margin,omitempty"`
}

func newSearchCmd(a *app) *cobra.Command {
	var f searchFlags
	c := &cobra.Command{
		Use: "search SPACE --data D -o DIR", Short: "find a network that holds a budget, trained", Args: cobra.ExactArgs(1),
		Long: "Search turns a space of networks and a data set into a trained network that holds its limits. What is made least, under what, on\n" +
			"what data, the file's search block says, and flags that are given go before it.\n\n" +
			"The method gradient (PASNet) weighs the options of every site by a softmax, whose logits follow the validation loss and the price of the\n" +
			"options on the target; each site then takes its option, as the limits allow, and the network is trained on. --weight with\n" +
			"several numbers makes several networks of different price. What is found is compiled and priced anew before it is believed.\n\n" +
			"With --ring 64 that search is in fixed point, as two parties can search: by turns on weights and logits, of first order, in the ring with --frac\n" +
			"fraction bits, with SGD for logits too and with what --softmax names in place of exponentials. It is computed in the clear and slowly, to see\n" +
			"what that decides, and how far numbers stay from the bounds of the ring (least_margin; --ranges). What is found is trained on in float.\n\n" +
			"With --private two servers search so, on data that neither sees (sotto share), and neither learns what is decided: each ends with a share of that and of the\n" +
			"weights (sotto combine). Who is who, what is told before it begins and how it is resumed is as in sotto train --private. Weights begin as public random\n" +
			"ones, prices on the target are public, and limits of a search block are not held. What is found is trained on by sotto train.\n\n" +
			"The method budget (CryptoNAS) is for spaces that vectors of parameters make: weights that all networks share are trained on those that a\n" +
			"controller draws, and the controller by their accuracy; a scalar parameter that is open is then made as wide as the limits allow, and\n" +
			"the network is trained from the beginning.\n\n" +
			"The method linearize takes ReLUs off a trained network (--init, or --pretrain of some epochs) until it holds the limits: whole ReLUs, tried\n" +
			"one by one, or channels or pixels, whose gates are trained under a penalty that grows (SNL). What is left is trained on with the\n" +
			"network with all its ReLUs as its teacher; decision.json says under linearize which ReLUs stay. With several granularities and several\n" +
			"numbers of a budget it finds a network for each of both.\n\n" +
			"The method width makes the scalar parameter that is open as wide as the limits allow, and trains that network.\n\n" +
			"DIR gets a folder for each network that was found, with decision.json and weights.safetensors for sotto compile; trials.jsonl, a line a\n" +
			"network; pareto.csv and pareto.svg; and checkpoints, from which --resume goes on with the identical history, whatever ended the run.\n\n" +
			"Figures for --budget:\n  " + strings.Join(goals.Measures(), "\n  "),
		Example: "  sotto search examples/glyphs_space.sotto --target lan --weight 0.02,0.08,0.14 -o found\n" +
			"  sotto search space.sotto --data cifar/ --budget relus=86K --budget latency=40ms --target wan -o found\n" +
			"  sotto search examples/glyphs_small_space.sotto --ring 64 --softmax limit -o found\n" +
			"  sotto search examples/glyphs_small_space.sotto --private --serve :7766 --dealer dealer.example:7767 --data-bundle mine/server.data --softmax limit -o s1\n" +
			"  sotto search net.sotto --data glyphs --method linearize --granularity channel --init net.safetensors --budget relus=5K -o found",
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.private.private {
				r, err := a.searchPrivate(args[0], &f, cmd)
				if err != nil || r == nil { // a dealer has nothing to say in the end
					return err
				}
				return a.show(r, r.text)
			}
			if err := f.private.unused(cmd); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			r, err := a.search(ctx, args[0], &f, cmd)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	f.add(c)
	return c
}

// add adds the flags of a search.
func (f *searchFlags) add(c *cobra.Command) {
	f.network.add(c)
	f.lower.addDeploy(c)
	addOfflineFlag(c, &f.lower.offline)
	addTargetFlag(c, &f.target)
	p, s := search.PASNet, &f.settings
	c.Flags().StringVar(&f.search, "search", "", "the search block, where the file has several for the net")
	c.Flags().StringVar(&f.data, "data", "", dataset.Accepted)
	c.Flags().StringVar(&s.Method, "method", "gradient", "how to search: "+methodNames())
	c.Flags().StringArrayVar(&f.budgets, "budget", nil, "`limit` that no answer breaks, such as relus=86K or latency=40ms; may be repeated; relus=12K,6K makes linearize find a network for each number")
	c.Flags().Float64SliceVar(&f.weights, "weight", nil, "what a millisecond of online latency on the target counts in the loss; several numbers search several times")
	c.Flags().IntVar(&f.random, "random", 0, "of each network that is found, train so many drawn at random of the same price, and once the network with the first options, to compare")
	c.Flags().StringVar(&f.init, "init", "", "begin with these weights, a safetensors `file`, instead of a training of the first options")
	c.Flags().StringVarP(&f.output, "output", "o", "", "the `folder` to write")
	c.Flags().BoolVar(&f.resume, "resume", false, "go on with the search that is in the folder")
	c.Flags().DurationVar(&f.every, "checkpoint", 5*time.Second, "work between two checkpoints, which is what a kill may cost")
	c.Flags().IntVar(&s.Batch, "batch", 64, "images of a step")
	c.Flags().Uint64Var(&s.Seed, "seed", 1, "of all that is drawn")
	c.Flags().IntVar(&s.Pretrain, "pretrain", 10, "epochs of training of the network with the first options, before the search")
	c.Flags().IntVar(&s.Epochs, "epochs", p.Epochs, "of the search")
	c.Flags().IntVar(&s.WarmUp, "warm-up", 0, "epochs of the search in which weights alone are trained, fewer than --epochs")
	c.Flags().IntVar(&s.Finetune, "finetune", 20, "epochs of training of what was found")
	c.Flags().IntVar(&s.Order, "order", int(p.Order), "of the logits' gradient: 1, or 2, which looks through a step of the weights and takes four times as long")
	c.Flags().Float64Var(&s.Gumbel, "gumbel", 0, "temperature of Gumbel noise on the logits; 0: none")
	c.Flags().Float64Var(&s.Rate, "rate", p.Rate, "learning rate of the weights while searching and before")
	c.Flags().Float64Var(&s.FinetuneRate, "finetune-rate", 0.01, "learning rate of what was found")
	c.Flags().Float64Var(&s.Momentum, "momentum", p.Momentum, "of the weights' optimiser")
	c.Flags().Float64Var(&s.Decay, "weight-decay", p.Decay, "of the weights")
	c.Flags().Float64Var(&s.Clip, "clip", 5, "greatest norm of a step's gradients; 0: any")
	c.Flags().Float64Var(&s.LogitRate, "logit-rate", p.LogitRate, "learning rate of the logits' Adam")
	c.Flags().Float64Var(&s.LogitDecay, "logit-decay", p.LogitDecay, "weight decay of the logits")
	c.Flags().BoolVar(&s.Nesterov, "nesterov", false, "momentum as Nesterov has it")
	c.Flags().IntVar(&s.Updates, "updates", search.CryptoNAS.Updates, "steps of the controller in an epoch")
	c.Flags().IntVar(&s.Drawn, "drawn", search.CryptoNAS.Drawn, "networks that a step of the controller is the mean of")
	c.Flags().IntVar(&s.Candidates, "candidates", search.CryptoNAS.Candidates, "networks of the trained controller that are compared on the validation split")
	s.linearizeSettings.add(c)
	s.fixedSettings.add(c)
	addRangesFlag(c, &f.ranges)
	f.private.add(c)
	c.Flags().IntVar(&s.Images, "images", 0, "use so many of the training images; 0: all")
}

// search is the whole command.
func (a *app) search(ctx context.Context, path string, f *searchFlags, cmd *cobra.Command) (*searchResult, error) {
	if f.output == "" {
		return nil, usagef("-o is missing: accepted is the folder to write")
	}
	n, err := a.loadSpace(path, f.network)
	if err != nil {
		return nil, err
	}
	goal, err := f.goal(n, cmd)
	if err == nil {
		err = checkRecord(f.ranges, f.settings.Ring != 0, f.resume)
	}
	switch {
	case err != nil:
		return nil, err
	case f.ranges != "" && len(f.weights) > 1:
		return nil, usagef("--ranges with %d weights of the price: accepted is one", len(f.weights))
	}
	return a.searchFor(ctx, n, goal, f)
}

// loadSpace reads a file whose parameters can still be chosen.
func (a *app) loadSpace(path string, f networkFlags) (*network, error) {
	n, err := a.load(path, f)
	if err == nil && n.file == nil {
		err = fmt.Errorf("@%s is a dump: accepted are .sotto files", n.fn().Name)
	}
	return n, err
}

// searchFor searches for what a goal says.
func (a *app) searchFor(ctx context.Context, n *network, goal *goals.Goal, f *searchFlags) (*searchResult, error) {
	s := &searcher{app: a, ctx: ctx, n: n, goal: goal, f: f}
	if err := s.begin(); err != nil {
		return nil, err
	}
	kept, err := s.kept()
	if err != nil {
		return nil, err
	}
	trials, err := methods[f.settings.Method](s, kept)
	if err != nil {
		return nil, err
	}
	return s.result(trials)
}

// goal joins the file's search block and the flags.
func (f *searchFlags) goal(n *network, cmd *cobra.Command) (*goals.Goal, error) {
	g, err := goalOf(n, f.search)
	if err != nil {
		return nil, err
	}
	if g == nil {
		g = &goals.Goal{Net: n.fn().Name}
	}
	if err := f.fields(g, cmd); err != nil {
		return nil, err
	}
	if s := f.settings; s.Method == "gradient" && (s.WarmUp < 0 || s.WarmUp >= s.Epochs) {
		return nil, usagef("--warm-up %d with --epochs %d: accepted are 0 and more, fewer than epochs, as the others train the decisions", s.WarmUp, s.Epochs)
	}
	if err := f.inRing(g, cmd); err != nil {
		return nil, err
	}
	if !cmd.Flags().Changed("target") {
		f.target = cmp.Or(g.Target(), f.target)
	}
	if err := f.limit(g); err != nil {
		return nil, err
	}
	g.Data = cmp.Or(f.data, g.Data)
	if g.Data == "" && !f.private.private {
		return nil, usagef("--data is missing: accepted are %s", dataset.Accepted)
	}
	if len(f.weights) > 0 || len(g.Objective) == 0 {
		g.Objective = []goals.Term{{Figure: goals.Figure{Measure: "latency", Target: f.target}, Weight: 1}}
	} else {
		f.weights = []float64{1}
	}
	if len(f.weights) == 0 {
		f.weights = []float64{defaultWeight}
	}
	return g, nil
}

// limit adds the budgets that were given.
func (f *searchFlags) limit(g *goals.Goal) error {
	for _, text := range f.budgets {
		limits, err := goals.ParseLimits(text, f.target)
		switch {
		case err != nil:
			return usageError{fmt.Errorf("--budget %w", err)}
		case len(limits) == 1:
			g.Limits = append(g.Limits, limits[0])
		case g.Levels != nil || f.settings.Method != "linearize":
			return usagef("--budget %s: accepted is one number; several for one of the budgets of the method linearize", text)
		default:
			g.Levels = limits
		}
	}
	return nil
}

// defaultWeight is what a millisecond counts where nobody says.
const defaultWeight = 0.01

// fields takes the settings of a search block's method as flags that were not given.
func (f *searchFlags) fields(g *goals.Goal, cmd *cobra.Command) error {
	if g.Method != "" && !cmd.Flags().Changed("method") {
		f.settings.Method = g.Method
	}
	if methods[f.settings.Method] == nil {
		return usagef("--method %s: accepted are %s", f.settings.Method, methodNames())
	}
	switch f.settings.Method {
	case "budget", "width":
		f.cryptoNAS(cmd)
	case "linearize":
		f.snl(cmd)
	}
	settable := slices.Concat(methodFields, linearizeFields)
	for name, v := range g.Settings {
		flag := cmd.Flags().Lookup(strings.ReplaceAll(name, "_", "-"))
		if flag == nil || !slices.Contains(settable, flag.Name) {
			return v.Errorf("method %s has no setting %s: accepted are %s", g.Method, name, strings.ReplaceAll(strings.Join(settable, ", "), "-", "_"))
		}
		if flag.Changed {
			continue
		}
		if err := flag.Value.Set(cmp.Or(v.Word, fmt.Sprint(v.Number))); err != nil {
			return v.Errorf("%s: %v", name, err)
		}
	}
	return nil
}

// methodFields are the flags that a search block's method may set.
var methodFields = []string{"batch", "seed", "pretrain", "epochs", "warm-up", "finetune", "order", "gumbel", "rate", "finetune-rate", "momentum",
	"weight-decay", "clip", "nesterov", "logit-rate", "logit-decay", "updates", "drawn", "candidates", "images"}

// begin reads the data and prices the space.
func (s *searcher) begin() error {
	if err := os.MkdirAll(s.f.output, 0o755); err != nil {
		return err
	}
	if exists(filepath.Join(s.f.output, trialsFile)) && !s.f.resume {
		return fmt.Errorf("%s holds a search already: accepted is --resume, or another folder", s.f.output)
	}
	p := preprocess(s.n.fn().Params[0])
	s.progress.step("reading %s", s.goal.Data)
	d, err := dataset.Open(s.goal.Data, p, outputs(s.n.fn()))
	if err != nil {
		return err
	}
	o := batches.Options{Size: s.f.settings.Batch, Seed: s.f.settings.Seed, Train: s.f.settings.Images}
	if d.Validation == nil {
		o.Valid = 0.5 // PASNet divides the training images in halves
	}
	if s.data, err = batches.New(d, p, o); err != nil {
		return err
	}
	figures := append(figuresOf(s.goal), goals.Figure{Measure: "latency", Target: s.f.target}, goals.Figure{Measure: "traffic", Target: s.f.target}, goals.Figure{Measure: "relus"})
	slices.SortFunc(figures, func(a, b goals.Figure) int { return strings.Compare(a.String(), b.String()) })
	s.limits = limitsOf(s.goal.Limits)
	figures = slices.Compact(figures)
	if s.f.settings.Method != "gradient" {
		s.prices, err = s.newMeasures(s.n, s.f.lower, figures)
		return err
	}
	if len(choices.Sites(s.n.fn())) == 0 {
		return noChoices(s.n)
	}
	if s.prices, err = s.newSpacePrices(s.n, s.f.lower, figures); err != nil {
		return err
	}
	s.space, err = s.prices.space(s.goal)
	return err
}

func noChoices(n *network) error {
	return fmt.Errorf("@%s has no choices: accepted for gradients are spaces with choices, such as choice act(x) = relu(x) | x2act(x)", n.fn().Name)
}

// methods are the ways of searching, by name.
var methods = map[string]func(s *searcher, kept map[string]*trial) ([]*trial, error){
	"gradient":  (*searcher).byGradient,
	"budget":    (*searcher).byBudget,
	"linearize": (*searcher).byLinearizing,
	"width":     (*searcher).byWidth,
}

func methodNames() string { return strings.Join(slices.Sorted(maps.Keys(methods)), ", ") }

// byGradient searches once for each weight of the price.
func (s *searcher) byGradient(kept map[string]*trial) ([]*trial, error) {
	begin, err := s.beginning()
	if err != nil {
		return nil, err
	}
	var out []*trial
	if s.f.random > 0 {
		first := *s.n
		first.decisions = s.prices.decisions(make([]int, len(s.prices.sites)))
		baseline := &trial{Name: "first-options", Baseline: true, also: s.searched()}
		t, err := s.once(kept, baseline, &first, first.decisions, begin)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	for _, weight := range s.f.weights {
		name := fmt.Sprintf("weight-%g", weight)
		options, state, err := s.gradient(name, weight, begin)
		if err != nil {
			return nil, err
		}
		networks := [][]int{options}
		if s.f.random > 0 {
			drawn, err := s.alike(options, s.f.random, s.f.settings.Seed)
			if err != nil {
				return nil, err
			}
			networks = append(networks, drawn...)
		}
		for i, options := range networks {
			t := &trial{Name: name, Weight: weight}
			if i > 0 {
				t = &trial{Name: fmt.Sprintf("%s-random-%d", name, i), Weight: weight, Random: true}
			}
			n := *s.n
			n.decisions = s.prices.decisions(options)
			if t, err = s.once(kept, t, &n, n.decisions, state); err != nil {
				return nil, err
			}
			out = append(out, t)
		}
	}
	return out, nil
}

// once finishes a trial, or gives what it came to before the run was taken up again.
func (s *searcher) once(kept map[string]*trial, t *trial, n *network, named []pass.Decision, begin map[string][]float32) (*trial, error) {
	if old := kept[t.Name]; old != nil {
		old.Holds = len(old.Measures.Broken(s.limits)) == 0 // they may be others now
		return old, nil
	}
	return t, s.finish(t, n, named, begin)
}

// result takes the most accurate network that holds the limits, by the validation split.
func (s *searcher) result(trials []*trial) (*searchResult, error) {
	latency := goals.Figure{Measure: "latency", Target: s.f.target}.String()
	r := &searchResult{head: version1, Net: s.n.fn().Name, Method: s.f.settings.Method, Data: s.goal.Data, Trials: trials, Output: s.f.output, Limits: []string{}, Least: s.least}
	for _, l := range s.limits {
		r.Limits = append(r.Limits, l.String())
	}
	var best *trial
	for _, t := range trials {
		if t.Holds && !t.Random && !t.Baseline && (best == nil || t.Valid.Accuracy > best.Valid.Accuracy) {
			best = t
		}
	}
	if best == nil {
		return nil, fmt.Errorf("what was found breaks its limits when it is compiled (%s): accepted are wider limits", strings.Join(r.Limits, ", "))
	}
	r.Found, r.Decision, r.ReLUs, r.Latency, r.Accuracy = best.Name, best.Choices, best.Measures["relus"], best.Measures[latency], best.accuracy()
	return r, s.pareto(trials)
}

// pareto writes all networks as a table and as a picture.
func (s *searcher) pareto(trials []*trial) error {
	var points []search.Point
	for _, t := range trials {
		points = append(points, search.Point{Name: t.Name, Accuracy: t.accuracy(), Measures: t.Measures})
	}
	file, err := os.Create(filepath.Join(s.f.output, "pareto.csv"))
	if err != nil {
		return err
	}
	if err := search.WriteCSV(file, points, s.prices.names()...); err != nil {
		file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	for _, form := range []string{"svg", "png"} {
		if err := curves.Write(filepath.Join(s.f.output, "pareto."+form), s.n.fn().Name, s.panels(trials)...); err != nil {
			return err
		}
	}
	return nil
}

// panels show accuracy by latency, ReLUs and bytes.
func (s *searcher) panels(trials []*trial) (out []curves.Panel) {
	for _, axis := range []struct {
		figure goals.Figure
		unit   string
		scale  float64
	}{{goals.Figure{Measure: "latency", Target: s.f.target}, "ms", 1}, {goals.Figure{Measure: "relus"}, "thousand", 1e-3},
		{goals.Figure{Measure: "traffic", Target: s.f.target}, "MB", 1e-6}} {
		name := axis.figure.String()
		p := curves.Panel{X: name + ", " + axis.unit, Y: "accuracy, %"}
		for _, t := range trials {
			i := slices.IndexFunc(p.Series, func(c curves.Series) bool { return c.Name == t.kind() })
			if i < 0 {
				i = len(p.Series)
				p.Series = append(p.Series, curves.Series{Name: t.kind(), Mark: curves.Dots})
			}
			p.Series[i].Points = append(p.Series[i].Points, curves.Point{X: axis.scale * t.Measures[name], Y: 100 * t.accuracy()})
		}
		out = append(out, p)
	}
	return out
}

func (r *searchResult) text(w io.Writer) {
	var rows [][]string
	names := []string{}
	for _, t := range r.Trials {
		if len(names) == 0 {
			names = measureNames(t.Measures)
		}
		row := []string{t.Name, fmt.Sprintf("%.1f %%", 100*t.Valid.Accuracy), fmt.Sprintf("%.1f %%", 100*t.Test.Accuracy)}
		for _, m := range names {
			row = append(row, fmt.Sprintf("%.4g", t.Measures[m]))
		}
		rows = append(rows, row)
	}
	table(w, "network >valid >test >"+strings.Join(names, " >"), rows)
	fmt.Fprintln(w)
	pairs(w, "found", r.Found, "accuracy", fmt.Sprintf("%.1f %%", 100*r.Accuracy), "ReLUs", fmt.Sprintf("%.0f", r.ReLUs), "latency", fmt.Sprintf("%.1f ms", r.Latency),
		"limits", cmp.Or(strings.Join(r.Limits, ", "), "none"), "files", filepath.Join(r.Output, r.Found))
	if r.Least != nil {
		fmt.Fprintln(w, r.Least)
	}
}

// figures are the estimate's.
func (e *estimate) figures() cost.Figures {
	return cost.Figures{OfflineMS: e.Offline.MS, OnlineMS: e.Online.MS, OfflineBytes: float64(e.Offline.Bytes), OnlineBytes: float64(e.Online.Bytes), OnlineRounds: float64(e.Online.Rounds)}
}
