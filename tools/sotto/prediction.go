package main

import (
	"fmt"
	"io"
	"os"

	"sotto/runtime/program"
)

// answer finishes a private run's clear output: what the client computes on it, and the class. A single number is the class
// itself: the network ends in argmax.
func answer(p *program.Program, out []float64) prediction {
	a := prediction{Output: out}
	if p.Output.Post == "softmax" {
		a.Output = softmax(out)
	}
	if len(out) == 1 {
		a.Class = int(out[0])
		return a
	}
	for i, x := range a.Output {
		if x > a.Output[a.Class] {
			a.Class = i
		}
	}
	return a
}

const shownOutputs = 10

func (p prediction) text(w io.Writer) {
	fmt.Fprintf(w, "class %d\noutput", p.Class)
	for _, x := range p.Output[:min(len(p.Output), shownOutputs)] {
		fmt.Fprintf(w, " %.4f", x)
	}
	if len(p.Output) > shownOutputs {
		fmt.Fprintf(w, " … (%d)", len(p.Output))
	}
	fmt.Fprintln(w)
}

func makeDir(dir string) error { return os.MkdirAll(dir, 0o777) }
