package material

// Comparison keys from a dealer: see runtime/fss for the keys, and for the selections that go with those of rectifications. What is
// uniform expands from the parties' seeds, so that the dealer sends the correction words alone, the same to both, and the
// server's selections.
//
//	Client                               Dealer                               Server
//	5. <-------- correction words of a batch, batch by batch, in manifest order ---------->
//	                                            the server's selections of the batch ------>
//
// They are the first of the dealer's step 5 (see corrections.go). A party keeps them as they come in: a layer of a million
// comparisons has half a gigabyte.

import (
	"errors"
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/fss"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/vm"
)

// KeySource is a Source that has the keys of comparisons besides: one that a dealer serves.
type KeySource interface {
	// Keys gives the keys of the manifest's Compare and Rectify items. It waits for what is still under way. They are the
	// source's, which closes them.
	Keys() (*vm.Keys, error)
}

// eachBatch visits the batches of comparisons of a manifest in order, with their first comparison and their number.
func eachBatch(m *program.Manifest, f func(item, first, n int) error) error {
	for i, it := range m.Items {
		if !it.HasKeys() {
			continue
		}
		for lo := 0; lo < it.N; lo += fss.Batch {
			if err := f(i, lo, min(fss.Batch, it.N-lo)); err != nil {
				return fmt.Errorf("material: %s: %w", describe(m, i), err)
			}
		}
	}
	return nil
}

// locksmith makes a dealer's keys, one batch at a time.
type locksmith[W ring.Word] struct {
	m              *program.Manifest
	client, server tape[W]
	draw           func() prg.Seed // a hash key, or a seed of q
	roots          [2][]prg.Block
	r, t           []W              // the sums of the masks; the server's masks, then what else needs room
	own            fss.Selection[W] // the client's selections
	results        [2]dealing[W]    // taken in turn: one is sent while the other is made
	made           int
}

// dealing is a batch's keys: the correction words, which both parties get, and the server's selections, none of a comparison.
type dealing[W ring.Word] struct {
	words      []prg.Block
	selections []W
}

func newLocksmith[W ring.Word](m *program.Manifest, seeds *[2]prg.Seed, draw func() prg.Seed) *locksmith[W] {
	start := layOut[W](m.Items)
	return &locksmith[W]{m: m, draw: draw, client: tape[W]{&seeds[cost.Client], m.Items, start}, server: tape[W]{&seeds[cost.Server], m.Items, start}}
}

// work hands every batch over in manifest order, until stop is closed. What is handed over stays as it is until the next but one
// is being made.
func (l *locksmith[W]) work(made chan<- dealing[W], stop <-chan struct{}) error {
	defer close(made)
	return eachBatch(l.m, func(item, first, n int) error {
		select {
		case made <- l.batch(item, first, n):
			return nil
		case <-stop:
			return errStopped
		}
	})
}

// errStopped ends the making of keys that nobody takes.
var errStopped = errors.New("a party is gone")

// batch makes what is dealt for n comparisons.
func (l *locksmith[W]) batch(item, first, n int) dealing[W] {
	it := l.m.Items[item]
	roots := [2][]prg.Block{resize(&l.roots[cost.Client], n), resize(&l.roots[cost.Server], n)}
	l.client.roots(item, first, roots[cost.Client])
	l.server.roots(item, first, roots[cost.Server])
	r, t := resize(&l.r, n), resize(&l.t, n)
	l.client.from(item, 0, first, r)
	l.server.from(item, 0, first, t)
	ring.Add(r, r, t)
	seed, width := l.draw(), program.KeyWidth(it.Kind, it.Ints, l.m.Ring)
	l.made++
	out := &l.results[l.made%len(l.results)]
	key, words := prg.LoadBlock(seed[:]), resize(&out.words, int(cost.ComparisonBlocks(int64(n), width)))
	if it.Kind == program.Compare {
		fss.Deal(words, key, width, roots, r)
		return dealing[W]{words: words}
	}
	fss.DealRectification(words, key, rectifier(it), roots, r, t)
	return dealing[W]{words, l.selections(out, item, first, r, t)}
}

// selections makes the server's selections for rectifications under the masks r; q is room for as many words.
func (l *locksmith[W]) selections(out *dealing[W], item, first int, r, q []W) []W {
	seed := l.draw()
	prg.Words(prg.NewStream(seed), q)
	ring.Wipe(seed[:])
	n := cost.Selections * len(r)
	own, theirs := resize((*[]W)(&l.own), n), resize(&out.selections, n)
	l.client.from(item, 2, cost.Selections*first, own)
	fss.DealSelection(theirs, own, rectifier(l.m.Items[item]), q, r)
	return theirs
}

func rectifier(it program.Item) fss.Rectifier {
	return fss.Rectifier{Width: it.Ints[0], Drop: it.Ints[1]}
}

func (l *locksmith[W]) wipe() {
	for p := range l.roots {
		ring.Wipe(l.roots[p])
	}
	for _, v := range [][]W{l.r, l.t, l.own, l.results[0].selections, l.results[1].selections} {
		ring.Wipe(v)
	}
	for i := range l.results {
		ring.Wipe(l.results[i].words)
	}
}

// receiveKeys reads what the dealer sends for comparisons, and puts it away with what comes from this party's own tape.
func (s *Dealt[W]) receiveKeys() error {
	r := &keyReceiver[W]{Dealt: s}
	defer r.wipe()
	return eachBatch(s.m, r.batch)
}

type keyReceiver[W ring.Word] struct {
	*Dealt[W]
	record     []prg.Block // of what vm.Keys does not keep in memory
	selections []W
}

// batch reads one batch into a record.
func (r *keyReceiver[W]) batch(item, first, n int) error {
	it := r.m.Items[item]
	return r.keys.Put(item, vm.KeyRecord[W](it.Kind, it.Ints, n), &r.record, func(record []prg.Block) error {
		key := record[:fss.KeyBlocks(n, program.KeyWidth(it.Kind, it.Ints, r.m.Ring))]
		r.tape.roots(item, first, key[:n])
		raw := prg.Bytes(key[n:])
		if err := r.read(it.Tag, raw); err != nil {
			return fmt.Errorf("keys from the dealer: %w", err)
		}
		prg.Load(key[n:], raw) // of itself where that is the wire's form
		if it.Kind == program.Rectify {
			return r.selection(item, first, n, record[len(key):])
		}
		return nil
	})
}

// selection fills blocks with this party's selections: the server's come from the dealer.
func (r *keyReceiver[W]) selection(item, first, n int, blocks []prg.Block) error {
	words := resize(&r.selections, cost.Selections*n)
	if r.party == cost.Client {
		r.tape.from(item, 2, cost.Selections*first, words)
	} else if err := r.read(r.m.Items[item].Tag, ring.Bytes(words)); err != nil {
		return fmt.Errorf("selections from the dealer: %w", err)
	}
	vm.PackWords(blocks, words)
	return nil
}

func (r *keyReceiver[W]) wipe() {
	ring.Wipe(r.record[:cap(r.record)])
	ring.Wipe(r.selections)
}

// Keys gives the keys of the items that have any once they are all here.
func (s *Dealt[W]) Keys() (*vm.Keys, error) {
	if err := s.settle(); err != nil {
		return nil, fmt.Errorf("material: comparison keys: %w", err)
	}
	return s.keys, nil
}
