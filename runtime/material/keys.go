package material

// Comparison keys from a dealer: see runtime/fss for the keys. What is uniform expands from the parties' seeds, so that the
// dealer sends the correction words alone, the same to both.
//
//	Client                               Dealer                               Server
//	4. <-------- correction words of a batch, batch by batch, in manifest order ---------->
//
// They are the first of the dealer's step 4 (see corrections.go). A party keeps them as they come in: a layer of a million
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
	// Keys gives the keys of the manifest's Compare items. It waits for what is still under way. They are the source's, which
	// closes them.
	Keys() (*vm.Keys, error)
}

// eachBatch visits the batches of comparisons of a manifest in order, with their first comparison and their number.
func eachBatch(m *program.Manifest, f func(item, first, n int) error) error {
	for i, it := range m.Items {
		if it.Kind != program.Compare {
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
	m     *program.Manifest
	tapes [2]tape[W]
	draw  func() prg.Seed // a fresh hash key
	roots [2][]prg.Block
	r, r1 []W
	dealt []prg.Block
}

// dealKeys hands emit the correction words of every batch in manifest order; dealt is valid during the call alone.
func dealKeys[W ring.Word](m *program.Manifest, seeds *[2]prg.Seed, draw func() prg.Seed, emit func(item int, dealt []prg.Block) error) error {
	start := layOut[W](m.Items)
	l := &locksmith[W]{m: m, draw: draw, r: make([]W, fss.Batch), r1: make([]W, fss.Batch)}
	for p := range l.tapes {
		l.tapes[p] = tape[W]{&seeds[p], m.Items, start}
		l.roots[p] = make([]prg.Block, fss.Batch)
	}
	defer l.wipe()
	return eachBatch(m, func(item, first, n int) error { return emit(item, l.batch(item, first, n)) })
}

// batch makes the correction words of n comparisons.
func (l *locksmith[W]) batch(item, first, n int) []prg.Block {
	width := l.m.Items[item].Ints[0]
	var roots [2][]prg.Block
	for p := range roots {
		roots[p] = l.roots[p][:n]
		l.tapes[p].roots(item, first, roots[p])
	}
	l.tapes[cost.Client].firstFrom(item, first, l.r[:n])
	l.tapes[cost.Server].firstFrom(item, first, l.r1[:n])
	ring.Add(l.r[:n], l.r[:n], l.r1[:n])
	key := l.draw()
	dealt := resize(&l.dealt, int(cost.ComparisonBlocks(int64(n), width)))
	fss.Deal(dealt, prg.LoadBlock(key[:]), width, roots, l.r[:n])
	return dealt
}

func (l *locksmith[W]) wipe() {
	for p := range l.roots {
		ring.Wipe(l.roots[p])
	}
	ring.Wipe(l.r)
	ring.Wipe(l.r1)
	ring.Wipe(l.dealt)
}

// receiveKeys reads what the dealer sends for comparisons, and puts it away with this party's own roots.
func (s *Dealt[W]) receiveKeys() error {
	var buf []prg.Block
	var raw []byte
	defer func() { ring.Wipe(buf); ring.Wipe(raw) }()
	return eachBatch(s.m, func(item, first, n int) error {
		it := s.m.Items[item]
		key := resize(&buf, fss.KeyBlocks(n, it.Ints[0]))
		s.tape.roots(item, first, key[:n])
		dealt := resize(&raw, len(key[n:])*prg.BlockBytes)
		s.conn.SetRecvTag(int(cost.Offline), it.Tag)
		if err := s.conn.ReadFull(dealt); err != nil {
			return fmt.Errorf("keys from the dealer: %w", err)
		}
		prg.Load(key[n:], dealt)
		return s.keys.Put(item, key)
	})
}

// Keys gives the keys of the Compare items once they are all here.
func (s *Dealt[W]) Keys() (*vm.Keys, error) {
	if err := s.settle(); err != nil {
		return nil, errors.Join(errors.New("material: comparison keys"), err)
	}
	return s.keys, nil
}
