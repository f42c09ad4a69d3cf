package program

import (
	"strings"
	"testing"
)

// stateful is a program with a further input, a public number and state.
func stateful() (*Program, *Manifest) {
	p, m := bare()
	p.Input.Buf, p.Output.Buf = 0, -1
	p.Buffers = append(p.Buffers, Buffer{Ring, 3}, Buffer{Ring, 1}, Buffer{Ring, 4}, Buffer{Ring, 4})
	p.Further = []Tensor{{Name: "labels", Shape: []int{3}, Buf: 2}}
	p.Publics = []Tensor{{Name: "rate", Shape: []int{1}, Buf: 3}}
	p.State = []State{{Name: "w", Shape: []int{2, 2}, In: 4, Out: 5}, {Name: "v", Shape: []int{4}, In: -1, Out: 4}}
	return p, m
}

func TestStateIsHeldWithinItsBuffers(t *testing.T) {
	if p, m := stateful(); p.check(m) != nil {
		t.Fatal(p.check(m))
	}
	for want, change := range map[string]func(p *Program){
		"6 elements of buffer 4":      func(p *Program) { p.State[0].Shape = []int{3, 2} },
		"state w is there twice":      func(p *Program) { p.State[1].Name = "w" },
		"of shape []":                 func(p *Program) { p.State[1].Shape = nil },
		"of shape [1 1 1 1 4]":        func(p *Program) { p.State[1].Shape = []int{1, 1, 1, 1, 4} },
		"buffer 4 is given two":       func(p *Program) { p.State[1].In = 4 },
		"buffer 0 is given two":       func(p *Program) { p.Further[0].Buf, p.Further[0].Shape = 0, []int{2} },
		"public input rate of 2":      func(p *Program) { p.Publics[0].Shape, p.Publics[0].Buf = []int{2}, 0 },
		"public input rate of 1":      func(p *Program) { p.Publics[0].Buf = -1 },
		"buffer 9 of":                 func(p *Program) { p.State[0].Out = 9 },
		"2 elements of buffer 1":      func(p *Program) { p.Further[0].Buf, p.Further[0].Shape = 1, []int{2} },
		"labels has 32 fraction bits": func(p *Program) { p.Further[0].Frac = 32 },
	} {
		p, m := stateful()
		change(p)
		if err := p.check(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// TestGivenAndTaken lists the buffers that a caller fills and reads.
func TestGivenAndTaken(t *testing.T) {
	p, _ := stateful()
	want := [][]Operand{{{Buf: 0, Len: 2}, {Buf: 2, Len: 3}, {Buf: 3, Len: 1}, {Buf: 4, Len: 4}}, {{Buf: 5, Len: 4}, {Buf: 4, Len: 4}}}
	for i, got := range [][]Operand{p.Given(), p.Taken()} {
		if len(got) != len(want[i]) {
			t.Fatalf("got %v, want %v", got, want[i])
		}
		for j := range got {
			if got[j].Buf != want[i][j].Buf || got[j].Len != want[i][j].Len {
				t.Errorf("got %v, want %v", got, want[i])
			}
		}
	}
}
