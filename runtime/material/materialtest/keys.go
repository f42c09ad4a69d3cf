package materialtest

import (
	"errors"
	"fmt"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/fss"
	"sotto/runtime/material"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/vm"
)

// KeyConformance is what a source with comparison keys, a material.KeySource, passes besides, in both rings.
func KeyConformance(t *testing.T, make32 Maker[uint32], make64 Maker[uint64]) {
	t.Run("32", func(t *testing.T) { keyConformance(t, make32) })
	t.Run("64", func(t *testing.T) { keyConformance(t, make64) })
}

func keyConformance[W ring.Word](t *testing.T, make Maker[W]) {
	for _, deploy := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		for _, c := range KeyCases(deploy, ring.Width[W]()) {
			t.Run(string(deploy)+"/"+c.Name, func(t *testing.T) {
				w := RandomWeights[W](c.Manifest)
				s := ready(t, c.Manifest, w, make)
				if err := Related(c.Manifest, w, s); err != nil {
					t.Error(err)
				}
				if err := Compared(c.Manifest, s); err != nil {
					t.Error(err)
				}
				if err := Compared(c.Manifest, s); err == nil {
					t.Error("keys are there a second time")
				}
			})
		}
	}
}

// KeyCases gives manifests with comparison keys, alone and between other items.
func KeyCases(deploy cost.Deployment, bits int) []Case {
	elementwise := Cross
	if deploy == cost.Outsourced {
		elementwise = Square
	}
	return []Case{
		{"widths", Manifest(deploy, bits, Compare(1, 2), Compare(70, bits), Compare(5, 8), Rectify(9, bits, 0), Rectify(66, 20, 12))},
		{"two batches", Manifest(deploy, bits, Mask(9), Compare(fss.Batch+900, 12), Linear(0, 2, 9), elementwise(0, 9),
			Rectify(fss.Batch+1, 9, 3), Compare(64, 9))},
	}
}

// Compare is the keys for n comparisons of width bits.
func Compare(n, width int) program.Item {
	return program.Item{Kind: program.Compare, N: n, Ints: []int{width}}
}

// Rectify is the keys for n rectifications of width bits that drop the lowest.
func Rectify(n, width, drop int) program.Item {
	return program.Item{Kind: program.Rectify, N: n, Ints: []int{width, drop}}
}

// Compared uses up both parties' keys of every item that has any, at drawn values, and holds the outcome against what the
// values hide.
func Compared[W ring.Word](m *program.Manifest, s Sources[W]) error {
	r := reconstruction[W]{m: m, sources: s}
	for i, it := range m.Items {
		if !it.HasKeys() {
			continue
		}
		if err := r.compared(i); err != nil {
			return fmt.Errorf("item %d (%s): %w", i, it.Kind, err)
		}
	}
	return nil
}

func (r *reconstruction[W]) compared(i int) error {
	mask, err := r.open(i)
	if err != nil {
		return err
	}
	it := r.m.Items[i]
	var keys [2]*vm.Keys
	for p := range keys {
		source, ok := r.sources[p].(material.KeySource)
		if !ok {
			return errors.New("the source has no comparison keys")
		}
		if keys[p], err = source.Keys(); err != nil {
			return err
		}
	}
	for lo := 0; lo < it.N; lo += fss.Batch {
		b := keyBatch[W]{it: it, r: mask[lo:min(lo+fss.Batch, it.N)]}
		for p := range keys {
			var failed error
			b.records[p], failed = keys[p].Read(i, vm.KeyRecord[W](it.Kind, it.Ints, len(b.r)), new([]prg.Block))
			err = errors.Join(err, failed)
		}
		if err != nil {
			return err
		}
		if err := b.check(); err != nil {
			return err
		}
	}
	return nil
}

// keyBatch is a batch of keys with the masks that belong to them.
type keyBatch[W ring.Word] struct {
	it      program.Item
	r       []W
	records [2][]prg.Block
}

func (b *keyBatch[W]) check() error {
	width := b.it.Ints[0]
	x, y := random[W](len(b.r)), make([]W, len(b.r))
	for i := range x {
		x[i] = W(ring.Signed(x[i]<<(ring.Width[W]()-width)) >> (ring.Width[W]() - width))
		y[i] = x[i] + b.r[i]
	}
	if b.it.Kind == program.Rectify {
		return b.checkRectified(x, y)
	}
	var d [2]ring.Bits
	for p := range d {
		d[p] = ring.NewBits(len(y))
		fss.Sign(d[p], b.key(cost.Party(p)), y)
	}
	for i := range x {
		if got, want := d[0].Get(i)^d[1].Get(i), 1^uint64(x[i])>>(width-1)&1; got != want {
			return fmt.Errorf("comparison %d of %d is %d, want %d", i, ring.Signed(x[i]), got, want)
		}
	}
	return nil
}

func (b *keyBatch[W]) key(p cost.Party) fss.Key {
	width := program.KeyWidth(b.it.Kind, b.it.Ints, ring.Width[W]())
	return fss.NewKey(b.records[p][:fss.KeyBlocks(len(b.r), width)], len(b.r), width, p)
}

// checkRectified: results are floor or one more where x is not negative.
func (b *keyBatch[W]) checkRectified(x, y []W) error {
	n, c := len(y), fss.Rectifier{Width: b.it.Ints[0], Drop: b.it.Ints[1]}
	var e [2]ring.Bits
	var p, q [2][]W
	for s := range e {
		e[s], p[s], q[s] = ring.NewBits(n), make([]W, n), make([]W, n)
		selection := make(fss.Selection[W], cost.Selections*n)
		copy(ring.Bytes(selection), prg.Bytes(b.records[s][fss.KeyBlocks(n, c.KeyWidth(ring.Width[W]())):]))
		fss.Rectify(e[s], p[s], q[s], c, b.key(cost.Party(s)), selection, y)
	}
	for s := range e {
		fss.Select(p[s], e[s], e[1-s], p[s], q[s])
	}
	for i := range x {
		got, floor := ring.Signed(p[0][i]+p[1][i]), max(ring.Signed(x[i]), 0)>>c.Drop
		if over := got - floor; over < 0 || over > 1 || (over == 1 && (c.Drop == 0 || ring.Signed(x[i]) < 0)) {
			return fmt.Errorf("rectification %d of %d is %d, want %d or one more", i, ring.Signed(x[i]), got, floor)
		}
	}
	return nil
}
