package ot

import (
	"testing"

	"sotto/runtime/prg"
)

// TestFerretWipe: neither end of a wiped extension holds Delta, the secret of the LPN or a choice.
func TestFerretWipe(t *testing.T) {
	s, r := deterministicTestFerret(t, toySet, prg.Block{Lo: 1, Hi: 2})
	if _, _, _, _, err := ferretBatch(s, r, 500); err != nil { // into the second extension, and inside a tree
		t.Fatal(err)
	}
	s.Wipe()
	r.Wipe()
	for _, b := range []blockSide{s.blockSide, r.blockSide} {
		for _, v := range [][]prg.Block{b.base, b.tape.tail, b.tape.reserve} {
			blank(t, v)
		}
	}
	blank(t, append(s.root, s.delta))
	blank(t, r.choices.r)
	blank(t, r.choices.tape.tail)
	blank(t, r.choices.points)
	for _, p := range r.points {
		blank(t, p)
	}
}

// TestLeavesWipe: what a SoftSpoken extension begins from is in its hands until it is wiped; the sender lacks a leaf of each tree.
func TestLeavesWipe(t *testing.T) {
	s, r, _, _ := deterministicTestSession(t, prg.Block{Lo: 0x1234, Hi: 5})
	known, all := s.Leaves(), r.Leaves()
	for tree := range trees {
		for x := range leaves {
			at, missing := tree*leaves+x, int(s.treeDelta(tree)&(leaves-1))
			if want := all[tree*leaves+x^missing]; x > 0 && known[at] != want || x == 0 && known[at] != (prg.Block{}) {
				t.Fatalf("tree %d: the sender's leaf %d is not the receiver's", tree, x)
			}
		}
	}
	s.Wipe()
	r.Wipe()
	blank(t, s.Leaves())
	blank(t, r.Leaves())
}

// TestSetupWipe: a sender's set-up has neither Delta nor the scalars that give it away.
func TestSetupWipe(t *testing.T) {
	seed := prg.NewSeed()
	for name, start := range map[string]func() (*prg.Block, *BaseReceiver, error){
		"softspoken": func() (*prg.Block, *BaseReceiver, error) {
			s, _, err := NewSenderSetup(seed[:], prg.LoadBlock(seed[:]), prg.NewStream(seed))
			s.Wipe()
			return &s.delta, s.base, err
		},
		"iknp": func() (*prg.Block, *BaseReceiver, error) {
			s, _, err := NewIKNPSetup(seed[:], prg.LoadBlock(seed[:]), prg.NewStream(seed))
			s.Wipe()
			return &s.delta, s.base, err
		},
	} {
		delta, base, err := start()
		if err != nil {
			t.Fatal(err)
		}
		blank(t, []prg.Block{*delta})
		for j, x := range base.x {
			blank(t, x.Bytes())
			if t.Failed() {
				t.Fatalf("%s: scalar %d is left", name, j)
			}
		}
	}
}

// blank fails unless all elements are zero.
func blank[T comparable](t *testing.T, v []T) {
	t.Helper()
	var zero T
	for i, x := range v {
		if x != zero {
			t.Errorf("element %d of %d is left", i, len(v))
			return
		}
	}
}
