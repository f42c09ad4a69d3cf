package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sotto/backend/twopc"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/choices"
	"sotto/passes/clean"
	"sotto/passes/pass"
	"sotto/passes/relu"
	"sotto/passes/search"
	"sotto/runtime/dataset"
	"sotto/runtime/material"
	"sotto/runtime/party"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/share"
	"sotto/runtime/store"
	"sotto/runtime/tensorfile"
	"sotto/runtime/wire"
	"sotto/tools/sotto/engine"
	"sotto/tools/sotto/weights"
)

// Private training: two servers compile the same steps of the same network and run them, again and again, on shares of data and weights.

// privateFlags say who a party of a private training is, and with whom it trains.
type privateFlags struct {
	peerFlags
	private              bool
	serve, connect, deal string
	data                 []string
	images               int
	every                int
	estimate             []int // images to train with, and to validate with
	nonlinear, ot        string
	products             string
}

func (f *privateFlags) add(c *cobra.Command) {
	c.Flags().BoolVar(&f.private, "private", false, "train on shares, as one of two servers (--serve, --connect) or as their dealer (--deal)")
	c.Flags().StringVar(&f.serve, "serve", "", "private: be S1 (server), and listen on this `address`, host:port; port 0 takes a free one")
	c.Flags().StringVar(&f.connect, "connect", "", "private: be S0 (client), and train with the server at this `address`")
	c.Flags().StringVar(&f.deal, "deal", "", "private: be the dealer of both, and listen on this `address`")
	c.Flags().StringVar(&f.dealer, "dealer", "", "private: `address` of a dealer, who makes the material of every step")
	c.Flags().StringArrayVar(&f.data, "data-bundle", nil, "private: this server's half of a data set, `file` of sotto share; again for every owner")
	c.Flags().IntSliceVar(&f.estimate, "estimate", nil, "private: say what a run on so many `images` costs by --target's prices, and do nothing; of a search TRAINING,VALIDATION (or a fifth)")
	c.Flags().IntVar(&f.every, "checkpoint-steps", 50, "private: steps between checkpoints")
	c.Flags().StringVar(&f.nonlinear, "nonlinear", "", "private: how signs are computed: gc, ot or fss (default: fss with a dealer, ot without)")
	c.Flags().StringVar(&f.link, "link", "loopback", "private: shape what this side sends: loopback (not at all), lan, wan, pasnet, or BANDWIDTH,DELAY such as 300mbps,5ms")
	f.peerFlags.add(c)
}

// addTraining adds what a search has flags of its own for, or not.
func (f *privateFlags) addTraining(c *cobra.Command) {
	addOfflineFlag(c, &f.offline)
	c.Flags().IntVar(&f.images, "images", 0, "private: the `number` of training images of a client that has them itself (--data): this server has the weights and gets them")
	c.Flags().StringVar(&f.ot, "ot", cost.SoftSpoken.String(), "private: OT extension: softspoken, ferret or iknp")
	c.Flags().StringVar(&f.products, "products", cost.BySIMD.String(), "private: how elementwise products are made without a dealer: gilboa or simd")
}

// unused refuses what a run in the clear would leave unread: these flags and more.
func (f *privateFlags) unused(cmd *cobra.Command, more ...string) error {
	for _, flag := range append(more, "serve", "connect", "estimate", "deal", "dealer", "data-bundle", "checkpoint-steps", "nonlinear", "link", "keys", "timeout") {
		if cmd.Flags().Changed(flag) {
			return usagef("--%s is for --private, which is missing", flag)
		}
	}
	return nil
}

// estimated is how many images of a split a run to be estimated has: of those to validate with, if not said otherwise, as many as dataset.Glyphs.
func (f *privateFlags) estimated(split string) int {
	switch {
	case split == share.Train:
		return f.estimate[0]
	case len(f.estimate) > 1:
		return f.estimate[1]
	}
	return max(f.estimate[0]/5, 1)
}

// role is whom the flags make of this process. Two owners take no shares of data.
func (f *privateFlags) role(owned bool) (wire.Role, error) {
	if len(f.estimate) > 0 {
		if len(f.estimate) > 2 || slices.Min(f.estimate) < 1 {
			return 0, usagef("--estimate %v: accepted are a number of training images and one of validation images, or the first alone", f.estimate)
		}
		return wire.Dealer, nil // who has no data
	}
	role, named := wire.Role(0), 0
	for r, addr := range map[wire.Role]string{wire.Server: f.serve, wire.Client: f.connect, wire.Dealer: f.deal} {
		if addr != "" {
			role, named = r, named+1
		}
	}
	switch {
	case named != 1:
		return 0, usagef("--private: accepted is one of --serve, --connect and --deal")
	case f.images < 0:
		return 0, usagef("--images %d: accepted are 1 and more", f.images)
	case role != wire.Dealer && len(f.data) == 0 && !owned:
		return 0, usagef("--data-bundle is missing: accepted is this server's half of a data set, which sotto share wrote, or --data at the client and --images at the server")
	case f.every < 1:
		return 0, usagef("--checkpoint-steps %d: accepted are 1 and more", f.every)
	}
	_, err := f.source()
	return role, err
}

// source is who makes the material of every step.
func (f *privateFlags) source() (cost.Source, error) {
	if f.deal != "" || len(f.estimate) > 0 && f.offline == string(cost.FromDealer) { // whose address nobody needs
		return cost.FromDealer, nil
	}
	return f.named()
}

// signs is how signs are computed.
func (f *privateFlags) signs(source cost.Source) pass.Nonlinear {
	if f.nonlinear != "" {
		return pass.Nonlinear(f.nonlinear)
	}
	return map[cost.Source]pass.Nonlinear{cost.FromDealer: pass.DealtSign, cost.FromHE: pass.OTSign}[source]
}

// checkPrivate refuses what training in the clear can do alone.
func (f *trainFlags) checkPrivate() error {
	for _, c := range []struct {
		set  bool
		flag string
		why  string
	}{
		{f.Valid != 0, "--valid", "shares are of the owners' own splits"},
		{len(f.Augment) > 0, "--augment", "images are shares"},
		{f.teacher.weights != "", "--teacher", "labels are shares"},
		{f.how.clip != 0, "--clip", "a step has no norm of its gradients"},
		{f.init != "" && !strings.HasPrefix(f.init, randomWeights) && !f.owned(), "--init " + f.init, "weights begin as public random ones: accepted is random:SEED"},
	} {
		if c.set {
			return usagef("%s: with --private, %s", c.flag, c.why)
		}
	}
	if f.owned() {
		if err := f.checkOwned(); err != nil {
			return err
		}
	}
	if f.output == "" && f.private.deal == "" && len(f.private.estimate) == 0 {
		return usagef("-o is missing: accepted is the folder to write to")
	}
	if f.Ring == 0 {
		f.Ring = privateRing
	}
	return f.settings.check()
}

// privateRing is the ring that two parties train in.
const privateRing = 64

// privateStep is a training step as two parties run it.
type privateStep struct {
	net    *network
	ring   string      // fingerprint of the step in fixed point, before two parties were given its work
	source cost.Source // of material
	secure *ir.Module
	pair   *twopc.Pair
}

// context is how two servers compile the steps of a network.
func (f *privateFlags) context(n *network, how *pass.Training, in fixedSettings) (*pass.Context, error) {
	source, err := f.source()
	if err != nil {
		return nil, err
	}
	nonlinear := pass.Protocols{Nonlinear: f.signs(source)}
	if err := nonlinear.Check(); err != nil {
		return nil, usageError{fmt.Errorf("--nonlinear %s: %w", f.nonlinear, err)}
	}
	extension, err := cost.ParseOT(f.ot)
	if err != nil {
		return nil, usageError{fmt.Errorf("--ot: %w", err)}
	}
	products, err := cost.ParseElementwise(f.products)
	if err != nil {
		return nil, usageError{fmt.Errorf("--products: %w", err)}
	}
	return &pass.Context{Choices: n.decisions, Gates: n.relus.gates, Training: how, Ring: in.Ring, Frac: in.Frac, Deploy: cost.Outsourced,
		Source: source, Protocols: nonlinear, OT: cost.AlwaysOT(extension), Elementwise: cost.AlwaysElementwise(products)}, nil
}

func (a *app) privateStep(n *network, f *trainFlags) (*privateStep, error) {
	how, err := f.how.training()
	if err == nil {
		_, err = f.fixed(how, f.Schedule.Most)
	}
	if err != nil {
		return nil, err
	}
	context, err := f.private.context(n, how, f.fixedSettings)
	if err != nil {
		return nil, err
	}
	if err := n.infers(); err != nil {
		return nil, err
	}
	if err := oneInput(n.fn()); err != nil {
		return nil, err
	}
	a.progress.step("compiling the training step")
	m := n.module.Clone()
	list := slices.Concat(passes.ToTrainable, n.relus.requested(), []*pass.Pass{clean.Identities, relu.PoolFirst, clean.DCE}, passes.ToTrain, passes.ToFixedStep)
	if err := (&pass.Runner{}).Run(context, m, list...); err != nil {
		return nil, err
	}
	s, err := forParties(n, context, m, "step")
	if err == nil {
		s.ring = programOf(m.Func("step"))
	}
	return s, err
}

// trainPrivate is train for one of the three.
func (a *app) trainPrivate(path string, f *trainFlags) (*privateResult, error) {
	role, err := f.private.role(f.owned())
	if err == nil {
		err = f.checkPrivate()
	}
	if err != nil {
		return nil, err
	}
	n, err := a.load(path, f.network)
	if err != nil {
		return nil, err
	}
	target, err := a.target(f.target, n)
	if err == nil {
		err = a.pickSoftmax(n, f, target)
	}
	if err != nil {
		return nil, err
	}
	s, err := a.privateStep(n, f)
	if err != nil {
		return nil, err
	}
	of, err := f.ringRun(s.ring)
	if err != nil {
		return nil, err
	}
	beginning := of.Init
	if f.owned() {
		beginning = "the server has them"
		if f.init == "" { // how they begin nobody else knows
			of.Init = ""
		}
	}
	return a.privately(role, &f.private, &privateWork{net: n, owners: f.owners(), steps: []*privateStep{s}, output: f.output, resume: f.resume, target: f.target, batch: f.how.batch, epochs: f.Epochs,
		seed: f.Seed, softmax: f.weighed, turns: f.turns, fits: func(steps int) (*engine.Margin, error) { return a.fitsRing(f.ranges, of, steps) }, begin: func() (map[string][]float32, error) { return a.publicWeights(n, f.init, f.weightSeed()) }, plan: party.Plan{
			{Name: "the learning rate (--rate, --schedule and others)", Value: of.Rates},
			{Name: "the beginning of weights (--init, --seed)", Value: beginning}}})
}

// turns are the steps of a training.
func (f *trainFlags) turns(images func(split string) int) ([]privateTurn, error) {
	batches, err := batchesOf(images, share.Train, f.how.batch)
	if err != nil {
		return nil, err
	}
	var all []privateTurn
	s := search.TrainSettings{Epochs: f.Epochs, Batches: batches, Schedule: f.Schedule}
	for n := range s.Epochs * s.Batches {
		all = append(all, privateTurn{Epoch: n / s.Batches, Split: share.Train, Batch: n, Rate: s.Rate(n)})
	}
	return all, nil
}

// batchesOf is how many whole batches there are of a split.
func batchesOf(images func(split string) int, split string, batch int) (int, error) {
	n := images(split)
	if n < batch {
		return 0, fmt.Errorf("batches of %d from %d images of the %s split: accepted are at most as many as there are", batch, n, split)
	}
	return n / batch, nil
}

// publicWeights are the weights that a run begins with, by path.
func (a *app) publicWeights(n *network, init string, seed uint64) (map[string][]float32, error) {
	from, err := a.beginning(n, init, seed)
	if err != nil {
		return nil, err
	}
	defer from.close()
	out := map[string][]float32{}
	for _, p := range weights.Params(n.fn()) {
		if out[p.Path], err = from.weight(p.Path, p.Type.Shape); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// privateWork is what two servers do: the steps of a network's weights or, by turns, those of a space's weights and decisions. All of it is public, and
// each server has it by itself.
type privateWork struct {
	net            *network
	steps          []*privateStep // the programs, the first of which trains weights
	sites          []choices.Site // of a search: those that its last program gives the options of
	owners         *owners        // nil: the data is shares
	output, target string
	resume         bool
	batch, epochs  int
	seed           uint64
	// turns gives the steps by how many images there are of a split.
	turns func(images func(split string) int) ([]privateTurn, error)
	// begin gives what of the state does not begin with zeros, by path.
	begin func() (map[string][]float32, error)
	plan  party.Plan // of what else both must have alike
	// softmax is what --softmax auto chose from.
	softmax []pricedSoftmax
	// fits, if set, gives what is known of how near so many steps come to the bounds of the ring, or says why they are not begun.
	fits func(steps int) (*engine.Margin, error)
}

// programs are a party's halves.
func (w *privateWork) programs(of cost.Party) (all []party.Program) {
	for i, s := range w.steps {
		p := party.Program{Bundle: &party.Bundle{Program: s.pair.Client, Manifest: s.pair.Manifest}}
		if of == cost.Server {
			p.Bundle.Program = s.pair.Server
		}
		if w.sites != nil && i == decideSites {
			p.Output = decisionShare
		}
		all = append(all, p)
	}
	return all
}

// beginning is the state before the first step, in the ring, as far as this party knows it.
func (w *privateWork) beginning() (map[string]*ir.Tensor, error) {
	known, err := w.begin()
	if err != nil {
		return nil, err
	}
	state, err := party.StateOf(w.programs(cost.Client))
	out := map[string]*ir.Tensor{}
	for _, s := range state {
		t := ir.Type{Elem: ir.Ring(privateRing, s.Frac), Shape: s.Shape}
		if out[s.Name] = ir.NewTensor(t); known[s.Name] != nil {
			out[s.Name] = ir.Quantize(t, known[s.Name])
		}
	}
	return out, err
}

// privateTurn is one step.
type privateTurn struct {
	Program int
	Epoch   int     // from 0
	Split   string  // of which it takes a batch; empty: it is of state alone
	Batch   int     // number, from the start of the run
	Rate    float64 // learning rate
}

// privately is a private run for one of the three.
func (a *app) privately(role wire.Role, f *privateFlags, w *privateWork) (*privateResult, error) {
	if len(f.estimate) > 0 {
		return nil, a.estimateRun(f, w)
	}
	if role == wire.Dealer {
		var deals []material.Deal
		for _, s := range w.steps {
			deals = append(deals, material.Deal{Pair: s.pair.Client.Pair, Manifest: s.pair.Manifest})
		}
		return nil, a.dealOut(deals, f.deal, &f.peerFlags)
	}
	t := &privateTraining{app: a, private: f, work: w, role: role, began: time.Now()}
	defer t.wipe()
	if err := t.prepare(); err != nil {
		return nil, err
	}
	defer t.checkpoints.Close()
	if err := t.run(); err != nil {
		return nil, err
	}
	r, err := t.result()
	return r, t.keeping(err)
}

// privateTraining is one server's run.
type privateTraining struct {
	app         *app
	private     *privateFlags
	work        *privateWork
	role        wire.Role
	programs    []party.Program
	set         *share.Set
	splits      map[string]*sharedSplit // those that steps take batches of
	turns       []privateTurn
	public      *engine.Margin // of a run on public data
	plan        party.Plan
	checkpoints *store.Checkpoints
	initial     map[string][]int64

	began   time.Time
	from    int // the step that this process went on from; -1: it has made none
	stepped int
	fresh   time.Time // when the last session began its steps
	base    int       // its first step
	trained *party.Trained
}

// wipe drops this server's shares of the data, and of what the state began with.
func (t *privateTraining) wipe() {
	for _, s := range t.splits {
		s.wipe()
	}
	for _, share := range t.initial {
		ring.Wipe(share)
	}
}

// party is the server's place in programs.
func (t *privateTraining) party() cost.Party {
	if t.role == wire.Client {
		return cost.Client
	}
	return cost.Server
}

func (t *privateTraining) peer() wire.Role { return roleOf(t.party().Other()) }

// prepare reads the data and makes plan and beginning.
func (t *privateTraining) prepare() error {
	t.programs = t.work.programs(t.party())
	for _, p := range t.programs {
		if err := p.Bundle.Program.Verify(p.Bundle.Manifest); err != nil {
			return err
		}
	}
	id, err := t.private.identity(t.role)
	if err != nil {
		return err
	}
	cert, err := t.private.certificate(t.role, t.peer())
	if err != nil {
		return err
	}
	if t.work.owners != nil {
		err = t.ownData()
	} else {
		err = t.readData(id, wire.Fingerprint(cert))
	}
	if err != nil {
		return err
	}
	t.tellOwners()
	if fits := t.work.fits; fits != nil {
		if t.public, err = fits(len(t.turns)); err != nil {
			return err
		}
	}
	all, err := t.work.beginning()
	if err != nil {
		return err
	}
	t.begin(all)
	t.makePlan(all)
	key, err := id.Secret("checkpoints")
	if err != nil {
		return err
	}
	kept := append(slices.Clone(t.plan), party.PlanItem{Name: "steps between checkpoints", Value: strconv.Itoa(t.private.every)}) // which say what a party may lack
	t.checkpoints, err = store.OpenCheckpoints(filepath.Join(t.work.output, checkpointsDir), store.Run{Party: t.party().String(), Pair: t.hash(),
		Plan: kept.Digest(), Peer: wire.Fingerprint(cert)}, key)
	if err != nil {
		return err
	}
	err = writable(t.resultFile())
	if held := t.checkpoints.Held(); len(held) > 0 && !t.work.resume {
		err = fmt.Errorf("%s has a run already, after %d steps: accepted are --resume, or another folder", t.work.output, held[len(held)-1].Step)
	}
	if err != nil {
		return errors.Join(err, t.checkpoints.Close())
	}
	return nil
}

// resultFile is what this server writes in the end, if anything.
func (t *privateTraining) resultFile() string {
	switch {
	case t.work.owners == nil:
		return filepath.Join(t.work.output, stateFile)
	case t.role == wire.Server:
		return filepath.Join(t.work.output, weightsFile)
	}
	return ""
}

// weights is the program that trains those.
func (t *privateTraining) weights() *program.Program { return t.programs[0].Bundle.Program }

// hash names all programs.
func (t *privateTraining) hash() string { return party.PairOf(t.programs).String() }

// randomWeights begins what names random weights by their seed.
const randomWeights = "random:"

// Names in the folder of a private training.
const (
	checkpointsDir = "checkpoints"
	stateFile      = "share.safetensors"
)

// decisionShare names what a search decides: in the state, and in the file of shares.
const decisionShare = "decision"

// readData joins this server's halves.
func (t *privateTraining) readData(id wire.Identity, peer string) error {
	key, err := id.Recipient()
	if err != nil {
		return err
	}
	var halves []*share.Half
	for _, path := range t.private.data {
		h, err := share.Open(path, share.For{Party: int(t.party()), Fingerprint: wire.Fingerprint(id.Certificate()), Peer: peer, Key: key})
		if err != nil {
			return err
		}
		defer h.Close()
		halves = append(halves, h)
	}
	if t.set, err = share.Join(halves); err != nil {
		return err
	}
	if err := t.fitsNet(); err != nil {
		return err
	}
	if t.turns, err = t.work.turns(t.set.Images); err != nil {
		return err
	}
	t.splits = map[string]*sharedSplit{}
	for i, name := range []string{share.Train, share.Validation} { // as search.Split numbers them
		if !slices.ContainsFunc(t.turns, func(u privateTurn) bool { return u.Split == name }) {
			continue
		}
		t.app.progress.step("reading shares of %d images", t.set.Images(name))
		s := &sharedSplit{images: t.set.Images(name), seed: t.work.seed + uint64(i), epoch: -1}
		if s.pixels, s.labels, err = t.set.Read(name); err != nil {
			return err
		}
		p := t.weights()
		scale(s.pixels, p.Input.Frac-t.set.Frac)
		scale(s.labels, p.Further[0].Frac)
		t.splits[name] = s
	}
	return nil
}

// scale gives shares more fraction bits, which is exact.
func scale(x []uint64, bits int) {
	for i := range x {
		x[i] <<= bits
	}
}

// sharedSplit is this server's shares of a split, image after image.
type sharedSplit struct {
	images         int
	pixels, labels []uint64
	seed           uint64
	order          []int32 // of the images in the epoch
	epoch          int     // which that is
	taken          [2][]int64
}

func (s *sharedSplit) wipe() {
	for _, shares := range [][]uint64{s.pixels, s.labels} {
		ring.Wipe(shares)
	}
	for _, shares := range s.taken {
		ring.Wipe(shares)
	}
}

// batch gives a batch by its number from the start of the run, as package samples does in the clear, until the next one is asked for.
func (s *sharedSplit) batch(number, size int) (pixels, labels []int64) {
	each := s.images / size
	epoch, first := number/each, number%each*size
	if s.epoch != epoch {
		s.order, s.epoch = dataset.Order(s.images, s.seed, epoch), epoch
	}
	part := func(of []uint64, taken *[]int64) []int64 {
		n := len(of) / s.images
		out := slices.Grow((*taken)[:0], size*n)
		for _, i := range s.order[first : first+size] {
			for _, x := range of[int(i)*n:][:n] {
				out = append(out, int64(x))
			}
		}
		*taken = out
		return out
	}
	return part(s.pixels, &s.taken[0]), part(s.labels, &s.taken[1])
}

// fitsNet holds the data against the network.
func (t *privateTraining) fitsNet() error {
	fn := t.work.net.fn()
	want, s := preprocess(fn.Params[0]), t.set
	switch {
	case s.Shape != [3]int{want.Channels, want.Height, want.Width} || s.Classes != outputs(fn):
		return fmt.Errorf("the data is of images of %v in %d classes, the network takes %v in %d", s.Shape, s.Classes, [3]int{want.Channels, want.Height, want.Width}, outputs(fn))
	case !slices.Equal(s.Mean, want.Mean) || !slices.Equal(s.Std, want.Std):
		return fmt.Errorf("the data was normalised by %v and %v, the network takes %v and %v: share it anew with --for this network", s.Mean, s.Std, want.Mean, want.Std)
	case s.Frac > t.weights().Input.Frac:
		return fmt.Errorf("the data has %d fraction bits, the step takes %d: share it anew with --frac %[2]d, or train with --frac %[1]d", s.Frac, t.weights().Input.Frac)
	}
	return nil
}

// makePlan lists what both servers must have alike, of which one thing is the state before the first step, where that is public.
func (t *privateTraining) makePlan(begins map[string]*ir.Tensor) {
	w, data, state := t.work, fmt.Sprintf("%x", t.set.Agreed), sha256.New()
	if w.owners != nil {
		data, begins = "the client has it (--data there, --images at the server)", nil
	}
	for _, name := range slices.Sorted(maps.Keys(begins)) {
		fmt.Fprintln(state, name, len(begins[name].I))
		binary.Write(state, binary.LittleEndian, begins[name].I)
	}
	t.plan = slices.Concat(party.Plan{
		{Name: "the number of training images", Value: strconv.Itoa(t.set.Images(share.Train))},
		{Name: "the data that was shared", Value: data},
		{Name: "the batch (--batch)", Value: strconv.Itoa(w.batch)},
		{Name: "epochs (--epochs)", Value: strconv.Itoa(w.epochs)},
		{Name: "the order of batches (--seed)", Value: strconv.FormatUint(w.seed, 10)},
	}, w.plan, party.Plan{
		{Name: "what the state begins with, weights and what options cost (use the same release on both sides, and the same prices)", Value: hex.EncodeToString(state.Sum(nil))},
		{Name: "what becomes of rates and the order of batches (use the same release on both sides)", Value: t.made()}})
}

// made is the digest of every step and of the first epoch's orders, which two releases may make differently of the same flags.
func (t *privateTraining) made() string {
	h := sha256.New()
	for _, u := range t.turns {
		fmt.Fprintln(h, u.Program, u.Split, u.Batch, t.rate(u))
	}
	for _, name := range slices.Sorted(maps.Keys(t.splits)) {
		binary.Write(h, binary.LittleEndian, dataset.Order(t.splits[name].images, t.splits[name].seed, 0))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// rate is the learning rate of a step, as its program takes it.
func (t *privateTraining) rate(u privateTurn) int64 {
	publics := t.programs[u.Program].Bundle.Program.Publics
	if len(publics) == 0 {
		return 0
	}
	return int64(math.RoundToEven(math.Ldexp(float64(float32(u.Rate)), publics[0].Frac)))
}

// begin makes this server's share of the state before the first step, of which one party has all.
func (t *privateTraining) begin(all map[string]*ir.Tensor) {
	t.initial = map[string][]int64{}
	for name, x := range all {
		t.initial[name] = x.I
		if t.role != t.whoseWeights() {
			t.initial[name] = make([]int64, len(x.I))
		}
	}
}

// estimate says what the run will take, before it begins.
func (t *privateTraining) estimate() error {
	target, err := t.app.target(t.work.target, t.work.net)
	if err != nil {
		return err
	}
	e := runsCosts(t.work.steps, t.turns, target)
	e.Estimate.Softmax = t.work.softmax
	return t.app.tell(e)
}

// feed is what a step takes.
func (t *privateTraining) feed(n int) (party.Input, error) {
	u := t.turns[n]
	if u.Split == "" {
		return party.Input{}, nil
	}
	if t.work.owners != nil && t.role == wire.Server { // the client has it all
		p := t.programs[u.Program].Bundle.Program
		return party.Input{Share: make([]int64, p.Input.Len()), Further: [][]int64{make([]int64, p.Further[0].Len())}, Publics: []int64{t.rate(u)}}, nil
	}
	pixels, labels := t.splits[u.Split].batch(u.Batch, t.work.batch)
	return party.Input{Share: pixels, Further: [][]int64{labels}, Publics: []int64{t.rate(u)}}, nil
}

// retryPause is how long a server waits before it meets the other again: whatever ended their session may do so again at once.
const retryPause = 500 * time.Millisecond

// mostBarren is how many sessions in a row may end before a step was made.
const mostBarren = 5

// run trains, session after session: whoever of the two goes away, the other waits for it, --timeout from then on.
func (t *privateTraining) run() error {
	ctx, stop := interruptible()
	defer stop()
	meet, leave, err := t.meeting(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if err := t.estimate(); err != nil {
		return err
	}
	t.from = -1
	var why error // the last session ended
	for barren := 1; ; barren++ {
		before := t.stepped
		conn, err := t.awaits(meet, why)
		if err == nil {
			err = t.session(ctx, conn)
			why = err
		}
		if t.stepped > before {
			barren = 0
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return interrupted(ctx, t.keeping(errors.New("interrupted"))) // whatever that broke
		case conn == nil, !passing(err), barren == mostBarren:
			return t.keeping(err)
		}
		t.app.notice("%v; going on from the last checkpoint", err)
		time.Sleep(retryPause)
	}
}

// awaits meets the other server, and says meanwhile that it is waited for. why is what ended the session before.
func (t *privateTraining) awaits(meet func(until time.Time) (*wire.Conn, error), why error) (*wire.Conn, error) {
	began := time.Now()
	until := began.Add(t.private.timeout)
	stop := t.app.progress.during(func() string {
		return fmt.Sprintf("waiting for the %s, %v of %v", t.peer(), time.Since(began).Round(time.Second), t.private.timeout)
	})
	defer stop()
	conn, err := meet(until)
	if err != nil && why != nil {
		err = fmt.Errorf("%w (the session before: %v)", err, why)
	}
	return conn, err
}

// passing tells errors after which both may meet again from those that come again: other programs, other plans, strangers.
func passing(err error) bool {
	if errors.Is(err, wire.ErrRefused) {
		return false
	}
	for _, e := range []error{wire.ErrClosed, wire.ErrTimeout, wire.ErrUnreachable, wire.ErrPeerAbort} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// keeping says what is not lost.
func (t *privateTraining) keeping(err error) error {
	if held := t.checkpoints.Held(); err != nil && len(held) > 0 {
		return fmt.Errorf("%w (what was done up to step %d is kept; --resume goes on)", err, held[len(held)-1].Step)
	}
	return err
}

// meeting gives the way to the peer, again and again, each time until a moment.
func (t *privateTraining) meeting(ctx context.Context) (meet func(until time.Time) (*wire.Conn, error), leave func(), err error) {
	f := t.private
	config, err := f.tls(t.role, t.peer())
	if err != nil {
		return nil, nil, err
	}
	o, err := f.options()
	if err != nil {
		return nil, nil, err
	}
	if t.role == wire.Client {
		return func(until time.Time) (*wire.Conn, error) {
			ctx, cancel := context.WithDeadline(ctx, until)
			defer cancel()
			for {
				conn, err := wire.Dial(ctx, f.connect, config, o)
				if !errors.Is(err, wire.ErrClosed) {
					return conn, err
				}
				select { // who listened there has ended meanwhile, and may come back
				case <-time.After(retryPause):
				case <-ctx.Done():
					return nil, err
				}
			}
		}, func() {}, nil
	}
	l, err := wire.Listen(f.serve, config, o)
	if err != nil {
		return nil, nil, err
	}
	t.app.listening(l.Addr())
	guests := newLobby(l, config, o, func(format string, args ...any) { t.app.notice(format, args...) })
	ctx, stop := context.WithCancel(ctx)
	guests.open(ctx)
	return func(until time.Time) (*wire.Conn, error) { return guests.nextUntil(ctx, until) }, func() {
		stop()
		guests.guests.Wait()
		l.Close()
	}, nil
}

// session trains over one connection.
func (t *privateTraining) session(ctx context.Context, conn *wire.Conn) error {
	defer conn.Close()
	o := t.app.sessionOptions(t.programs[0].Bundle, t.work.steps[0].source, &t.private.peerFlags, nil)
	o.Conn, o.Progress, o.Making = conn, nil, nil
	work := party.Training{Options: o, Plan: t.plan, Programs: t.programs, Feed: t.feed, State: t.initial, Checkpoints: t.checkpoints, Every: t.private.every,
		Reveal: t.revealed(), Began: t.beganAt, Stepped: t.tell}
	for _, u := range t.turns {
		work.Schedule = append(work.Schedule, u.Program)
	}
	done, err := party.Train(ctx, work)
	if err == nil {
		t.trained = done
	}
	return err
}

func (t *privateTraining) beganAt(step int) {
	t.base, t.fresh = step, time.Now()
	if t.from < 0 {
		t.from = step
	}
	if step > 0 {
		t.app.notice("going on from step %d", step)
	}
}

// privateEpoch is what is told of an epoch: neither server sees loss or accuracy.
type privateEpoch struct {
	head
	Epoch     int     `json:"epoch"`
	Epochs    int     `json:"epochs"`
	Step      int     `json:"step"`
	Steps     int     `json:"steps"`
	StepMS    float64 `json:"step_ms"` // mean of this session
	Sent      int64   `json:"sent"`    // in this session
	Received  int64   `json:"received"`
	LeftMS    float64 `json:"left_ms"`
	LeftBytes int64   `json:"left_bytes"`
}

// tell says how far it is, and what is left by what steps took.
func (t *privateTraining) tell(s party.Stepped) {
	t.stepped++
	made := s.Step - t.base
	each := float64(time.Since(t.fresh).Milliseconds()) / float64(made)
	left := s.Of - s.Step
	epoch := t.turns[s.Step-1].Epoch
	line := privateEpoch{head: version1, Epoch: epoch + 1, Epochs: t.work.epochs, Step: s.Step, Steps: s.Of, StepMS: each,
		Sent: s.Sent, Received: s.Received, LeftMS: each * float64(left), LeftBytes: (s.Sent + s.Received) / int64(made) * int64(left)}
	text := func() string {
		return fmt.Sprintf("step %d of %d, epoch %d of %d: %s a step, %v and %s left", line.Step, line.Steps, line.Epoch, line.Epochs, duration(each),
			time.Duration(line.LeftMS*float64(time.Millisecond)).Round(time.Second), size(line.LeftBytes))
	}
	if left > 0 && t.turns[s.Step].Epoch == epoch {
		if t.app.progress.due() {
			t.app.progress.step("%s", text())
		}
		return
	}
	t.app.progress.done()
	if t.app.json {
		json.NewEncoder(t.app.out).Encode(line)
		return
	}
	fmt.Fprintln(t.app.out, text())
}

// privateResult is the last line of a server.
type privateResult struct {
	head
	Net     string         `json:"net"`
	Party   string         `json:"party"`
	Hash    string         `json:"program_hash"`
	Images  int            `json:"images"`
	Epochs  int            `json:"epochs"`
	Steps   int            `json:"steps"`
	From    int            `json:"from"` // the step that this process went on from
	Share   string         `json:"share,omitempty"`
	Weights string         `json:"weights,omitempty"` // of a server that gets them
	Sites   int            `json:"sites,omitempty"`   // of a search: how many decisions the share has
	Split   map[string]int `json:"data"`
	Owners  []share.Owned  `json:"owners"`        // in the order in which their images stand
	Public  *engine.Margin `json:"public_margin"` // of the run that --ranges is of; null: there was none
	Seconds float64        `json:"seconds"`       // of this process
	party.Stats
}

// result writes this server's share of what was trained.
func (t *privateTraining) result() (*privateResult, error) {
	r := &privateResult{head: version1, Net: t.work.net.fn().Name, Party: t.party().String(), Hash: t.hash(), Images: t.set.Images(share.Train),
		Epochs: t.work.epochs, Steps: int(t.trained.Mark.Step), From: t.from,
		Split: map[string]int{}, Sites: len(t.work.sites), Owners: t.set.Owners(), Public: t.public, Seconds: time.Since(t.began).Seconds(), Stats: t.trained.Stats}
	for _, s := range t.set.Splits {
		r.Split[s.Name] = s.Images
	}
	if t.work.owners == nil {
		r.Share = t.resultFile()
		return r, t.write(r.Share)
	}
	var err error
	if t.role == wire.Server {
		r.Weights, err = t.writeWeights()
	}
	return r, err
}

// Keys of the metadata of a share of weights, beside its sharing.
const (
	fracsKey   = "sotto.frac" // JSON: fraction bits by tensor
	stepsKey   = "sotto.steps"
	partyKey   = "sotto.party"   // whose share it is
	programKey = "sotto.program" // fingerprint of the step in fixed point
	sitesKey   = "sotto.sites"   // JSON, of a search: sites and their options, by which what it decides is read
)

func (t *privateTraining) write(path string) error {
	meta := party.Sharing(t.trained.Mark.Session).Metadata()
	meta[stepsKey] = strconv.FormatUint(t.trained.Mark.Step, 10)
	meta[partyKey], meta[programKey] = t.party().String(), t.work.steps[0].ring
	fracs := map[string]int{}
	var tensors []tensorfile.Tensor
	state, err := party.StateOf(t.programs)
	if err != nil {
		return err
	}
	for _, p := range weights.Params(t.work.net.fn()) {
		i := slices.IndexFunc(state, func(s program.Tensor) bool { return s.Name == p.Path })
		if i < 0 {
			continue // of a way that was not taken
		}
		fracs[p.Path] = state[i].Frac
		tensors = append(tensors, tensorfile.New(p.Path, p.Type.Shape, t.trained.State[p.Path]))
	}
	decided, err := choices.Decide(t.work.net.fn(), t.work.net.decisions)
	if err != nil {
		return err
	}
	noted := map[string]any{fracsKey: fracs, weights.ChoicesKey: decided}
	if sites := t.work.sites; sites != nil {
		noted[sitesKey] = sites
		tensors = append(tensors, tensorfile.New(decisionShare, []int{len(sites)}, t.trained.State[decisionShare]))
	}
	for key, of := range noted {
		text, err := json.Marshal(of)
		if err != nil {
			return err
		}
		meta[key] = string(text)
	}
	return tensorfile.Write(path, tensors, meta, tensorfile.Secret)
}

func (r *privateResult) text(w io.Writer) {
	of := "the weights"
	if r.Sites > 0 {
		of = fmt.Sprintf("the weights and of %d decision(s)", r.Sites)
	}
	what := fmt.Sprintf("this server's share of %s is in %s: whoever is to have the model adds both (sotto combine)", of, r.Share)
	switch {
	case r.Weights != "":
		what = "the weights are in " + r.Weights
	case r.Share == "":
		what = "the server has the weights"
	}
	fmt.Fprintf(w, "\n%d steps of %s; %s\n", r.Steps, r.Net, what)
	fmt.Fprintf(w, "%s\n%s\n", phaseLine("online", r.Online), phaseLine("offline", r.Offline))
}
