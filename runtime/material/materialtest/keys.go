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
		{"widths", Manifest(deploy, bits, Compare(1, 2), Compare(70, bits), Compare(5, 8))},
		{"two batches", Manifest(deploy, bits, Mask(9), Compare(fss.Batch+900, 12), Linear(0, 2, 9), elementwise(0, 9), Compare(64, 9))},
	}
}

// Compare is the keys for n comparisons of width bits.
func Compare(n, width int) program.Item {
	return program.Item{Kind: program.Compare, N: n, Ints: []int{width}}
}

// Compared evaluates both parties' keys of every Compare item at drawn values, which uses them up, and holds the outcome
// against the signs of what the values hide.
func Compared[W ring.Word](m *program.Manifest, s Sources[W]) error {
	r := reconstruction[W]{m: m, sources: s}
	for i, it := range m.Items {
		if it.Kind != program.Compare {
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
	width, y := r.m.Items[i].Ints[0], random[W](len(mask))
	var d [2]ring.Bits
	for p := range d {
		d[p] = ring.NewBits(len(y))
		err = errors.Join(err, r.signs(i, cost.Party(p), width, d[p], y))
	}
	if err != nil {
		return err
	}
	for j := range y {
		if got, want := d[0].Get(j)^d[1].Get(j), 1^uint64(y[j]-mask[j])>>(width-1)&1; got != want {
			return fmt.Errorf("comparison %d of %#x under %#x is %d, want %d", j, y[j], mask[j], got, want)
		}
	}
	return nil
}

// signs evaluates one party's keys at y.
func (r *reconstruction[W]) signs(item int, p cost.Party, width int, d ring.Bits, y []W) error {
	source, ok := r.sources[p].(material.KeySource)
	if !ok {
		return errors.New("the source has no comparison keys")
	}
	keys, err := source.Keys()
	if err != nil {
		return err
	}
	for lo := 0; lo < len(y); lo += fss.Batch {
		hi := min(lo+fss.Batch, len(y))
		blocks := make([]prg.Block, fss.KeyBlocks(hi-lo, width))
		if err := keys.Read(item, blocks); err != nil {
			return err
		}
		fss.Sign(d.Slice(lo, hi), fss.NewKey(blocks, hi-lo, width, p), y[lo:hi])
	}
	return nil
}
