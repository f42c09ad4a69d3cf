package main

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"sotto/ir"
	"sotto/passes/choices"
	"sotto/runtime/dataset"
	"sotto/runtime/program"
	"sotto/runtime/share"
	"sotto/runtime/tensorfile"
	"sotto/runtime/wire"
	"sotto/tools/sotto/weights"
)

// Private training of one data owner with one model owner: the client has the data, the server the weights. Each is all of its owner's share, and
// the other's is zero; from there on both compute on shares as two servers do. In the end the client hands the server its shares of the weights.

// owned tells whether the data is the client's own, and the weights are the server's.
func (f *trainFlags) owned() bool { return f.data != "" || f.private.images > 0 }

// checkOwned refuses what one of two owners cannot do.
func (f *trainFlags) checkOwned() error {
	client := f.private.connect != ""
	switch {
	case len(f.private.data) > 0:
		return usagef("--data-bundle beside --data or --images: accepted are the halves of owners' data, or --data at the client and --images at the server")
	case client && f.private.images > 0:
		return usagef("--images is for the server, which has no data: accepted is --data at the client")
	case !client && f.data != "":
		return usagef("--data: with --private data comes as shares, by --data-bundle, or is the client's, whose number of --images the server is told")
	case client && f.init != "":
		return usagef("--init: where the client has the data, the server has the weights and says how they begin")
	}
	return nil
}

// owners are who has the data and who the weights, where each is one of the two.
type owners struct {
	data   string // the client's
	images int    // how many the server was told
	ranges string // the record of a run on public data
}

func (f *trainFlags) owners() *owners {
	if !f.owned() {
		return nil
	}
	return &owners{f.data, f.private.images, f.ranges}
}

// ownData is what this party has of the client's data: all of it at the client, and at the server its size.
func (t *privateTraining) ownData() error {
	p, of, o := t.weights(), preprocess(t.work.net.fn().Params[0]), t.work.owners
	h := share.Header{Shape: [3]int{of.Channels, of.Height, of.Width}, Classes: outputs(t.work.net.fn()), Frac: p.Input.Frac, Mean: of.Mean, Std: of.Std}
	s := &sharedSplit{images: o.images, seed: t.work.seed, epoch: -1}
	if t.role == wire.Client {
		if err := t.readOwn(s, of, h); err != nil {
			return fmt.Errorf("%s: %w", o.data, err)
		}
	}
	h.Splits = []share.Split{{Name: share.Train, Images: s.images}}
	t.set, t.splits = &share.Set{Header: h}, map[string]*sharedSplit{share.Train: s}
	var err error
	t.turns, err = t.work.turns(t.set.Images)
	return err
}

// readOwn reads the client's images into fixed point.
func (t *privateTraining) readOwn(s *sharedSplit, of dataset.Preprocess, h share.Header) error {
	t.app.progress.step("reading %s", t.work.owners.data)
	d, err := dataset.Open(t.work.owners.data, of, h.Classes)
	if err != nil {
		return err
	}
	b, err := dataset.InOrder(d.Train, of, share.Chunk)
	if err != nil {
		return err
	}
	s.images = d.Train.Len()
	element := ir.Type{Elem: ir.Ring(t.weights().Ring, h.Frac), Shape: []int{share.Chunk * h.Pixels()}}
	x, classes := make([]float32, share.Chunk*h.Pixels()), make([]int32, share.Chunk)
	for first := 0; first < s.images; first += share.Chunk {
		n, err := b.Fill(first/share.Chunk, x, classes)
		if err != nil {
			return err
		}
		for _, e := range ir.Quantize(element, x).I[:n*h.Pixels()] {
			s.pixels = append(s.pixels, uint64(e))
		}
		for _, class := range classes[:n] {
			label := make([]uint64, h.Classes)
			label[class] = 1 << t.weights().Further[0].Frac
			s.labels = append(s.labels, label...)
		}
	}
	return nil
}

// whoseWeights is the party that has the weights in the beginning: S0, of public ones, or the server of its own.
func (t *privateTraining) whoseWeights() wire.Role {
	if t.work.owners != nil {
		return wire.Server
	}
	return wire.Client
}

// weightSeed is the seed of random weights: public, or drawn by their owner.
func (f *trainFlags) weightSeed() uint64 {
	if !f.owned() {
		return f.Seed
	}
	var b [8]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:])
}

// revealed lists the state that the server gets to know in the end: weights that are its own, and nothing that the optimiser keeps.
func (t *privateTraining) revealed() (names []string) {
	if t.work.owners == nil {
		return nil
	}
	for _, p := range weights.Params(t.work.net.fn()) {
		if slices.ContainsFunc(t.weights().State, func(s program.State) bool { return s.Name == p.Path }) {
			names = append(names, p.Path)
		}
	}
	return names
}

// writeWeights writes what was revealed.
func (t *privateTraining) writeWeights() (path string, err error) {
	path = t.resultFile()
	var public *ringRecord
	if t.work.owners.ranges != "" {
		if public, err = openRecord(t.work.owners.ranges, t.work.steps[0].ring); err != nil {
			return "", err
		}
	}
	var tensors []tensorfile.Tensor
	for _, p := range weights.Params(t.work.net.fn()) {
		i := slices.IndexFunc(t.weights().State, func(s program.State) bool { return s.Name == p.Path })
		if i < 0 {
			continue
		}
		w, err := inTheClear(p.Path, t.trained.Revealed[p.Path], t.weights().State[i].Frac, public.most(p.Path))
		if err != nil {
			return "", err
		}
		tensors = append(tensors, tensorfile.New(p.Path, p.Type.Shape, w))
	}
	decision, err := choices.Decide(t.work.net.fn(), t.work.net.decisions)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(decision)
	if err != nil {
		return "", err
	}
	return path, tensorfile.Write(path, tensors, map[string]string{weights.ChoicesKey: string(text)}, tensorfile.Secret)
}
