package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sotto/frontend/syntax"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/choices"
	"sotto/passes/clean"
	"sotto/passes/fixedstep"
	"sotto/passes/pass"
	"sotto/passes/relu"
	"sotto/passes/search"
	"sotto/runtime/dataset"
	"sotto/runtime/tensorfile"
	"sotto/tools/sotto/curves"
	"sotto/tools/sotto/engine"
	"sotto/tools/sotto/runs"
	"sotto/tools/sotto/samples"
	"sotto/tools/sotto/weights"
)

// trainFlags say on what, and how, a network is trained.
type trainFlags struct {
	network    networkFlags
	data       string
	output     string
	init       string
	resume     bool
	every      time.Duration
	how        trainingFlags
	teacher    teacherFlags
	ranges     string
	accuracies string          // what a training with each softmax came to
	floor      float64         // what accuracy the one that is picked has at least
	weighed    []pricedSoftmax // those that hold it, if one was picked
	target     string
	private    privateFlags
	settings
}

// settings are what the history of a training is a function of, besides network, data, initial weights and how weights are stepped.
type settings struct {
	Epochs   int             `json:"epochs"`
	Valid    float64         `json:"valid"`
	Augment  []string        `json:"augment"`
	Seed     uint64          `json:"seed"`
	Schedule search.Schedule `json:"schedule"`
	fixedSettings
}

// fixedSettings say how a network is trained in fixed point; no ring: in float.
type fixedSettings struct {
	Ring    int    `json:"ring,omitempty"`
	Frac    int    `json:"frac,omitempty"`
	Softmax string `json:"softmax,omitempty"`
}

const trainHelp = `Train trains a network on a data set, on this machine's processor, and writes weights.safetensors for compile into -o's folder, with
the curves as loss.svg and loss.png. Choices must be decided (--set, --decision); what is decided is trained as it will run.

Weights begin as those of --init, a file (what it lacks begins at random, as where x2act comes into a network trained with relu) or
random:SEED. The rate follows --schedule, batch by batch. After every epoch the validation split is evaluated (where there is none, and
no share is held out by --valid, the test split); the test split is evaluated once more at the end, and no decision is made by it.

The folder keeps a checkpoint, taken every few seconds, and the journal, a line an epoch. --resume goes on after whatever stopped the
run, with the same history: every batch, augmentation and dropout is a function of the seed and its number.

With --teacher, weights of the same network under other decisions (--teacher-set) or of another (--teacher-net), labels are partly what
that says of the same images: so a network regains what polynomials in place of relus cost it.

With --ring 64 the network is trained in fixed point, as two parties can train it: in the ring, with --frac fraction bits, and with what
--softmax names in place of exponentials. It is computed in the clear and slowly, to see what accuracy that costs, and how far numbers
stay from the bounds of the ring (least_margin); --ranges writes that down for every value. Epochs are evaluated in float.

With --private two servers train it so, on data that neither sees (sotto share), and each ends with a share of the weights (sotto combine). S1
is started with --serve, S0 with --connect; both are given the same network and flags. Alone they make the material of every step by
encryption and oblivious transfer. Where both name a --dealer, who must collude with neither, it comes from him, and takes far less: he is
started with --deal and the same flags. Where one party has the data and the other is to have the model, no data is shared beforehand: the
client is given its --data, the server their number (--images), and the server's folder has the weights in the end; how they begin, at
random or with --init, the server alone knows. Estimates are told before it begins. Shares are kept every --checkpoint-steps: a server that
was killed goes on with --resume, the other waits for it. No server sees a number that leaves the ring: --ranges is the record of a run with
--ring 64 on public data, and the training does not begin unless that is of the same step, begins alike, made as many steps and left the ring
2 bits.

DATA is `

func newTrainCmd(a *app) *cobra.Command {
	var f trainFlags
	c := &cobra.Command{
		Use: "train FILE --data DATA -o DIR", Short: "train a network", Args: cobra.ExactArgs(1),
		Long: trainHelp + dataset.Accepted + ".",
		Example: "  sotto train examples/minionn.sotto --data glyphs -o digits --epochs 10\n  sotto train examples/minionn.sotto --data glyphs -o digits --epochs 10 --resume" +
			"\n  sotto train examples/minionn.sotto --data glyphs -o fixed --ring 64 --softmax relu --epochs 2 --ranges ranges.json" +
			"\n  sotto train examples/minionn.sotto --private --deal :7767 --softmax relu" +
			"\n  sotto train examples/minionn.sotto --private --serve :7766 --dealer dealer.example:7767 --data-bundle mine/server.data --softmax relu --epochs 2 --ranges ranges.json -o s1" +
			"\n  sotto train examples/minionn.sotto --private --connect server.example:7766 --dealer dealer.example:7767 --data-bundle mine/client.data --softmax relu --epochs 2 --ranges ranges.json -o s0" +
			"\n  sotto train examples/minionn.sotto --private --serve :7766 --images 60000 -o model" +
			"\n  sotto train examples/minionn.sotto --private --connect model.example:7766 --data glyphs -o mine",
		RunE: func(cmd *cobra.Command, args []string) error {
			if (f.accuracies != "" || f.floor != 0) && f.Softmax != softmaxAuto {
				return usagef("--accuracies and --accuracy-floor are of --softmax %s", softmaxAuto)
			}
			if f.private.private {
				for _, only := range [][2]string{{"checkpoint", "accepted is --checkpoint-steps"}, {"teacher-net", "labels are shares"}} {
					if cmd.Flags().Changed(only[0]) {
						return usagef("--%s: with --private, %s", only[0], only[1])
					}
				}
				r, err := a.trainPrivate(args[0], &f)
				if err != nil || r == nil { // a dealer has nothing to say in the end
					return err
				}
				return a.show(r, r.text)
			}
			if err := f.private.unused(cmd, "offline", "images", "ot", "products"); err != nil {
				return err
			}
			if f.Softmax == softmaxAll && f.Ring != 0 {
				if f.ranges != "" {
					return usagef("--ranges with --softmax %s: a record is of one alternative's step: accepted is --softmax with its name", softmaxAll)
				}
				r, err := a.trainSoftmaxes(args[0], f)
				if err != nil {
					return err
				}
				return a.show(r, r.text)
			}
			r, err := a.train(args[0], f)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	f.network.add(c)
	c.Flags().StringVar(&f.data, "data", "", "the `data` set (default: what the file's search block says)")
	c.Flags().StringVarP(&f.output, "output", "o", "", "the `folder` of weights, checkpoint, journal and plots")
	c.Flags().StringVar(&f.init, "init", "", "weights to begin with: a safetensors `file` or random:SEED (default: random, of the seed)")
	c.Flags().BoolVar(&f.resume, "resume", false, "go on from the folder's checkpoint")
	c.Flags().DurationVar(&f.every, "checkpoint", defaultCheckpoint, "`time` of work between checkpoints")
	f.how.add(c)
	f.teacher.add(c)
	addTargetFlag(c, &f.target)
	f.settings.add(c)
	f.fixedSettings.add(c)
	addRangesFlag(c, &f.ranges)
	c.Flags().StringVar(&f.accuracies, "accuracies", "", "`file` of what accuracy each softmax came to on public data, of which --softmax auto takes one: "+softmaxFile+" of --softmax all")
	c.Flags().Float64Var(&f.floor, "accuracy-floor", 0, "the least `accuracy`, of 1, that --softmax auto takes: of those that reach it the one whose steps cost the least at --target's prices")
	f.private.add(c)
	f.private.addTraining(c)
	return c
}

// add adds the flags of training in fixed point.
func (f *fixedSettings) add(c *cobra.Command) {
	c.Flags().IntVar(&f.Ring, "ring", 0, "train in fixed point in a ring of so many `bits`: 64 (default: in float)")
	c.Flags().IntVar(&f.Frac, "frac", 0, "fraction `bits` of activations in the ring, 13 to 20 (default 16); weights have 8 more")
	c.Flags().StringVar(&f.Softmax, "softmax", "", "what stands for `softmax` in the ring: "+strings.Join(softmaxNames(), ", ")+" (default "+string(pass.Taylor)+"); sotto train: all, to train with each, and with --private auto, the cheapest that is accurate enough")
}

func softmaxNames() (names []string) {
	for _, s := range pass.Softmaxes {
		names = append(names, string(s))
	}
	return names
}

// fixed says whether a network is trained in fixed point, and how.
func (f *fixedSettings) fixed(how *pass.Training, rate float64) (bool, error) {
	switch {
	case f.Ring == 0 && (f.Frac != 0 || f.Softmax != ""):
		return false, usagef("--frac and --softmax are of training in fixed point: accepted with --ring 64")
	case f.Softmax != "" && !slices.Contains(softmaxNames(), f.Softmax):
		return false, usagef("--softmax %s: accepted are %s", f.Softmax, strings.Join(softmaxNames(), ", "))
	case f.Ring != 0 && rate < fixedstep.LeastFactor:
		return false, usagef("--rate %g, the highest there is: with --ring %d, accepted are %.2g and more", rate, f.Ring, fixedstep.LeastFactor)
	}
	how.Softmax = pass.Softmax(f.Softmax)
	return f.Ring != 0, nil
}

const defaultCheckpoint = 5 * time.Second

func (s *settings) add(c *cobra.Command) {
	c.Flags().IntVar(&s.Epochs, "epochs", 20, "passes over the training images")
	c.Flags().Float64Var(&s.Valid, "valid", 0, "`share` of the training images to hold out for validation (default: the data's own split)")
	c.Flags().StringSliceVar(&s.Augment, "augment", nil, "`changes` to training images: pad=N (shifts by up to N pixels), flip (mirrors one in two), cutout=N (a square of N pixels)")
	c.Flags().Uint64Var(&s.Seed, "seed", 1, "seed of the run")
	c.Flags().Float64Var(&s.Schedule.Most, "rate", 0.05, "learning rate at the beginning")
	c.Flags().StringVar((*string)(&s.Schedule.Kind), "schedule", string(search.CosineRate), "how the rate falls: cosine, restarts, step or constant")
	c.Flags().Float64Var(&s.Schedule.Least, "least-rate", 0, "where cosines end")
	c.Flags().Float64Var(&s.Schedule.WarmUp, "warm-up", 0, "`epochs` in which the rate rises from 0")
	c.Flags().Float64Var(&s.Schedule.First, "restart", 10, "`epochs` of the first cosine of restarts; each is twice as long as the one before")
	c.Flags().Float64Var(&s.Schedule.Every, "step-epochs", 30, "`epochs` between falls of step")
	c.Flags().Float64Var(&s.Schedule.Factor, "step-factor", 0.1, "what step multiplies the rate by")
}

func (s *settings) check() error {
	if s.Epochs < 1 {
		return usagef("--epochs %d: accepted are at least 1", s.Epochs)
	}
	if err := s.Schedule.Check(); err != nil {
		return usageError{err}
	}
	return nil
}

// augment reads --augment.
func (s *settings) augment() (out dataset.Augment, err error) {
	for _, change := range s.Augment {
		name, text, _ := strings.Cut(change, "=")
		n, bad := strconv.Atoi(text)
		switch {
		case change == "flip":
			out.Flip = dataset.Horizontal
		case name == "pad" && bad == nil && n > 0:
			out.Pad = n
		case name == "cutout" && bad == nil && n > 0:
			out.Cutout = n
		default:
			return out, usagef("--augment %s: accepted are pad=N, flip and cutout=N", change)
		}
	}
	return out, nil
}

// trainResult is the last line.
type trainResult struct {
	head
	Net      string            `json:"net"`
	Data     string            `json:"data"`
	Decision map[string]string `json:"decision"`
	Epochs   int               `json:"epochs"`
	Accuracy float64           `json:"accuracy"` // on the test split, or the one that was judged by where there is none
	Loss     float64           `json:"loss"`
	Split    string            `json:"split"` // which that is
	Samples  int               `json:"samples"`
	Valid    search.Metrics    `json:"valid"`
	Train    search.Metrics    `json:"train"`
	ReLUs    int64             `json:"relus"`
	Latency  *float64          `json:"latency_ms"` // online, on the target; null where the network has no private form there
	Target   string            `json:"target"`
	Params   int64             `json:"params"`
	Weights  string            `json:"weights"`
	Seconds  float64           `json:"seconds"` // of this process; a resumed run's is its own
	// Least is how near a training in fixed point came to the bounds of the ring, in this process.
	Least *engine.Margin `json:"least_margin,omitempty"`
}

// epochLine is what is told of an epoch.
type epochLine struct {
	head
	search.Entry
	ImagesPerS float64 `json:"images_per_s,omitempty"` // of epochs of this process
}

// The files that train writes besides those of package runs.
const weightsFile = "weights.safetensors"

// lossPlots have the curves.
var lossPlots = []string{"loss.svg", "loss.png"}

// training is a run of train.
type training struct {
	app     *app
	flags   *trainFlags
	how     *pass.Training
	net     *network
	target  cost.Target
	trained *ir.Module // NET, with dropout
	data    *dataset.Data
	samples *samples.Samples
	engine  search.Engine
	fixed   *engine.Fixed // the engine, if it computes in fixed point
	method  *search.Training
	entries []search.Entry
	began   time.Time
	first   int // batches that were done before this process
}

func (a *app) train(path string, f trainFlags) (*trainResult, error) {
	if f.output == "" {
		return nil, usagef("-o is missing: accepted is the folder to write to")
	}
	if err := f.settings.check(); err != nil {
		return nil, err
	}
	how, err := f.how.training()
	if err != nil {
		return nil, err
	}
	fixed, err := f.fixed(how, f.Schedule.Most)
	if err == nil {
		err = checkRecord(f.ranges, fixed, f.resume)
	}
	if err != nil {
		return nil, err
	}
	if runs.Begun(f.output) && !f.resume {
		return nil, fmt.Errorf("%s has a run already: accepted are --resume, or another folder", f.output)
	}
	n, err := a.load(path, f.network)
	if err != nil {
		return nil, err
	}
	t := &training{app: a, flags: &f, how: how, net: n, began: time.Now()}
	if t.target, err = a.target(f.target, n); err != nil {
		return nil, err
	}
	if err := t.prepare(fixed); err != nil {
		return nil, err
	}
	if err := t.run(); err != nil {
		return nil, err
	}
	return t.result()
}

// prepare makes data, engine and method.
func (t *training) prepare(fixed bool) error {
	f := t.flags
	if err := t.net.infers(); err != nil {
		return err
	}
	if err := oneInput(t.net.fn()); err != nil {
		return err
	}
	t.trained = t.net.module.Clone()
	decided := &pass.Context{Choices: t.net.decisions, Gates: t.net.relus.gates}
	list := slices.Concat(passes.ToTrainable, t.net.relus.requested())
	if fixed {
		list = append(list, relu.PoolFirst, clean.DCE) // fewer signs, of the same function
	}
	if err := (&pass.Runner{}).Run(decided, t.trained, list...); err != nil {
		return err
	}
	augment, err := f.augment()
	if err != nil {
		return err
	}
	p := preprocess(t.net.fn().Params[0])
	name := cmp.Or(f.data, dataOf(t.net.searches))
	if name == "" {
		return usagef("--data is missing: accepted are %s", dataset.Accepted)
	}
	t.app.progress.step("data %s", name)
	if t.data, err = dataset.Open(name, p, outputs(t.trained.Funcs[0])); err != nil {
		return err
	}
	t.samples, err = samples.New(t.data, p, samples.Options{Size: f.how.batch, Seed: f.Seed, Augment: augment, Valid: f.Valid})
	if err != nil {
		return err
	}
	return t.prepareEngine(fixed)
}

func (t *training) prepareEngine(fixed bool) error {
	f := t.flags
	t.app.progress.step("compiling the training step")
	begin, err := t.app.beginning(t.net, f.init, f.Seed)
	if err != nil {
		return err
	}
	defer begin.close()
	data, err := t.app.taught(t.samples, t.net, f.teacher)
	if err != nil {
		return err
	}
	options := engine.Options{Seed: f.Seed % engineSeeds, Init: begin.weight, Training: *t.how}
	if fixed {
		t.fixed, err = engine.NewFixed(t.trained, options, engine.FixedOptions{Ring: f.Ring, Frac: f.Frac}, data)
		t.engine = t.fixed
	} else {
		t.engine, err = engine.New(t.trained, options, data)
	}
	if err != nil {
		return err
	}
	begin.tell(t.app, f.init)
	t.method, err = search.NewTraining(t.engine, search.TrainSettings{Epochs: f.Epochs, Batches: t.samples.Batches(search.Train), Schedule: f.Schedule, Judged: t.judged()})
	return err
}

// dataOf is the data set that the first of some search blocks names, which names one.
func dataOf(searches []*syntax.Search) string {
	for _, s := range searches {
		for _, setting := range s.Settings {
			d, ok := setting.(*syntax.Data)
			if !ok {
				continue
			}
			if text, ok := d.Value.(*syntax.Str); ok && len(text.Parts) == 1 && text.Parts[0].X == nil {
				return text.Parts[0].Text
			}
		}
	}
	return ""
}

// engineSeeds is how many seeds an engine tells apart.
const engineSeeds = 1 << 24

// judged is the split that epochs are evaluated on.
func (t *training) judged() search.Split {
	if t.samples.Samples(search.Valid) == 0 && t.samples.Samples(search.Test) > 0 {
		return search.Test
	}
	return search.Valid
}

// beginning is what weights begin as: those of a file; what it lacks, and all where there is none, is random by a seed.
type beginning struct {
	from, random weights.Source
	missing      int
}

func (a *app) beginning(n *network, spec string, seed uint64) (*beginning, error) {
	random, err := weights.HeInitialised(n.fn(), n.decisions, seed)
	if err != nil {
		return nil, err
	}
	b := &beginning{random, random, 0}
	if spec != "" {
		b.from, err = weights.Open(spec, n.fn(), n.decisions)
	}
	return b, err
}

func (b *beginning) weight(path string, shape []int) ([]float32, error) {
	data, err := b.from.Weight(path, shape)
	if lacks := (*tensorfile.MissingError)(nil); errors.As(err, &lacks) {
		b.missing++
		return b.random.Weight(path, shape)
	}
	return data, err
}

func (b *beginning) tell(a *app, spec string) {
	if b.missing > 0 {
		a.notice("%s lacks %d of the network's weights: they begin at random", spec, b.missing)
	}
}

func (b *beginning) close() { b.from.Close() }

// run trains, from the checkpoint on if there is one.
func (t *training) run() error {
	f := t.flags
	keeper, err := runs.Open(f.output)
	if err != nil {
		return err
	}
	defer keeper.Close()
	text, err := t.runSettings()
	if err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	t.first = -1
	err = search.Run(ctx, t.method, t.engine, search.RunOptions{Keeper: keeper, Settings: text, Resume: f.resume, Every: f.every, Entry: t.entry, Stepped: t.stepped})
	if errors.Is(err, context.Canceled) {
		err = fmt.Errorf("%w: what was done is kept; --resume goes on", err)
	}
	return interrupted(ctx, err)
}

// runSettings are all that the run's history is a function of.
func (t *training) runSettings() (json.RawMessage, error) {
	f := t.flags
	return json.Marshal(struct {
		Net  string `json:"net"`
		Data string `json:"data"`
		Init string `json:"init"`
		How  string `json:"how"`
		From string `json:"teacher"`
		settings
		Images [3]int `json:"images"`
	}{fingerprint(t.trained.Funcs[0]), t.data.Name, f.init, fmt.Sprintf("%s %+v", f.how.optimiser, *t.how), fmt.Sprintf("%+v", f.teacher), f.settings,
		[3]int{t.samples.Samples(search.Train), t.samples.Samples(search.Valid), t.samples.Samples(search.Test)}})
}

// fingerprint tells networks apart that compute different things or call their weights differently, wherever their files are and however
// they are laid out.
func fingerprint(f *ir.Func) string {
	number := map[*ir.Value]int{}
	var text []byte
	for i, v := range slices.Concat(f.Params, f.Body) {
		number[v] = i
		text = append(v.AppendKey(text), v.Path...)
		for _, a := range v.Args {
			text = strconv.AppendInt(append(text, ' '), int64(number[a]), 10)
		}
		text = append(text, '\n')
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:fingerprintBytes])
}

const fingerprintBytes = 8 // enough not to mistake one for another

// entry tells an epoch.
func (t *training) entry(e *search.Entry) {
	t.entries = append(t.entries, *e)
	line := epochLine{head: version1, Entry: *e}
	if t.first >= 0 {
		line.ImagesPerS = t.perSecond()
	}
	t.app.progress.done()
	if t.app.json {
		json.NewEncoder(t.app.out).Encode(line) // a failure to print is found at the end
		return
	}
	if t.app.quiet {
		return
	}
	if len(t.entries) == 1 {
		fmt.Fprintf(t.app.out, "%7s  %8s  %8s  %8s  %8s  %8s  %9s\n", "epoch", "rate", "loss", "right", t.judged(), "right", "images/s")
	}
	speed := ""
	if line.ImagesPerS > 0 {
		speed = fmt.Sprintf("%.0f", line.ImagesPerS)
	}
	fmt.Fprintf(t.app.out, "%3d/%-3d  %8.5f  %8.4f  %6.2f %%  %8.4f  %6.2f %%  %9s\n", e.Epoch, e.Epochs, e.Rate,
		e.Train.Loss, 100*e.Train.Accuracy, e.Valid.Loss, 100*e.Valid.Accuracy, speed)
}

// stepped shows how far it is.
func (t *training) stepped() {
	done, all := t.method.Progress()
	if t.first < 0 {
		t.first, t.began = done-1, time.Now()
	}
	if !t.app.progress.due() {
		return
	}
	soFar, epoch := t.method.SoFar(), (done-1)/t.samples.Batches(search.Train)+1
	left := time.Since(t.began) * time.Duration(all-done) / time.Duration(max(done-t.first, 1))
	t.app.progress.step("epoch %d of %d: loss %.4f, %.2f %% right, %.0f images/s, %v left", epoch, t.flags.Epochs,
		soFar.Loss, 100*soFar.Accuracy, t.perSecond(), left.Round(time.Second))
}

// perSecond is the rate of this process, evaluation included.
func (t *training) perSecond() float64 {
	done, _ := t.method.Progress()
	return float64((done-t.first)*t.flags.how.batch) / max(time.Since(t.began).Seconds(), 1e-9)
}

// result evaluates what was trained and writes it.
func (t *training) result() (*trainResult, error) {
	f := t.trained.Funcs[0]
	last := t.entries[len(t.entries)-1]
	r := &trainResult{head: version1, Net: f.Name, Data: t.data.Name, Epochs: t.flags.Epochs, Valid: last.Valid, Train: last.Train,
		Params: trained(f), Weights: filepath.Join(t.flags.output, weightsFile), Seconds: time.Since(t.began).Seconds()}
	measured, split := last.Valid, t.judged()
	if t.samples.Samples(search.Test) > 0 && split != search.Test {
		t.app.progress.step("evaluating the test split")
		var err error
		split = search.Test
		if measured, err = t.engine.Eval(split); err != nil {
			return nil, err
		}
	}
	r.Accuracy, r.Loss, r.Split, r.Samples = measured.Accuracy, measured.Loss, split.String(), measured.Samples
	var err error
	if r.Decision, err = choices.Decide(t.net.fn(), t.net.decisions); err != nil {
		return nil, err
	}
	r.ReLUs, r.Target, r.Latency = relu.Count(f), t.target.Name, t.latency()
	if err := writeTrained(r.Weights, f, t.engine.State(), r.Decision); err != nil {
		return nil, err
	}
	if t.fixed != nil {
		r.Least = t.fixed.Least()
	}
	if t.flags.ranges != "" {
		if err := t.record(t.flags.ranges); err != nil {
			return nil, err
		}
	}
	return r, t.plot()
}

// latency is what the online phase of the network takes on the target, as sotto estimate says it without weights, which ranges then do
// not keep from compiling. A network that does not compile was trained all the same.
func (t *training) latency() *float64 {
	t.app.progress.step("pricing the network for %s", t.target.Name)
	e, err := t.app.estimated(t.net, lowerFlags{}, t.target)
	if err != nil {
		t.app.notice("no latency: %v", err)
		return nil
	}
	return &e.Online.MS
}

// writeTrained stores the weights of a network, for the owner alone: they are what the compiled network keeps from the client.
func writeTrained(path string, f *ir.Func, state map[string][]float32, decision map[string]string) error {
	var tensors []tensorfile.Tensor
	for _, p := range weights.Params(f) {
		tensors = append(tensors, tensorfile.New(p.Path, p.Type.Shape, state[p.Path]))
	}
	text, err := json.Marshal(decision)
	if err != nil {
		return err
	}
	return tensorfile.Write(path, tensors, map[string]string{weights.ChoicesKey: string(text)}, tensorfile.Secret)
}

// plot draws the curves of the whole run.
func (t *training) plot() error {
	series := func(name string, of func(search.Entry) float64) curves.Series {
		s := curves.Series{Name: name}
		for _, e := range t.entries {
			s.Points = append(s.Points, curves.Point{X: float64(e.Epoch), Y: of(e)})
		}
		return s
	}
	judged := t.judged().String()
	panels := []curves.Panel{
		{X: "epoch", Y: "loss, nats", Series: []curves.Series{
			series("train", func(e search.Entry) float64 { return e.Train.Loss }), series(judged, func(e search.Entry) float64 { return e.Valid.Loss })}},
		{X: "epoch", Y: "accuracy, %", Series: []curves.Series{
			series("train", func(e search.Entry) float64 { return 100 * e.Train.Accuracy }), series(judged, func(e search.Entry) float64 { return 100 * e.Valid.Accuracy })}},
	}
	for _, name := range lossPlots {
		if err := curves.Write(filepath.Join(t.flags.output, name), fmt.Sprintf("%s on %s", t.trained.Funcs[0].Name, t.data.Name), panels...); err != nil {
			return err
		}
	}
	return nil
}

func (r *trainResult) text(w io.Writer) {
	fmt.Fprintf(w, "\n%s of %d %s images of %s right: %.2f %%, loss %.4f\n", count(int64(r.Accuracy*float64(r.Samples)+0.5)), r.Samples, r.Split, r.Data, 100*r.Accuracy, r.Loss)
	latency := ""
	if r.Latency != nil {
		latency = fmt.Sprintf(", %s ms online on %s", three(*r.Latency), r.Target)
	}
	fmt.Fprintf(w, "%s relus%s, %s trained parameters; weights in %s (%.0f s)\n", count(r.ReLUs), latency, count(r.Params), r.Weights, r.Seconds)
	if r.Least != nil {
		fmt.Fprintln(w, r.Least)
	}
}
