package llvm

import (
	"sort"

	"sotto/runtime/program"
)

// access is an instruction's touch of a buffer.
type access struct {
	at    int // in the order of execution; what a level sends and receives has one place
	reads bool
	len   int
}

// lives knows who touches a buffer when.
type lives struct {
	of     map[int][]access // by buffer
	output int              // the buffer that is read in the end, or -1
	begins []int            // where the computations of each level begin
}

// livesOf reads the online phase of a program.
func livesOf(p *program.Program) *lives {
	l := &lives{of: map[int][]access{}, output: p.Output.Buf}
	at := 0
	for _, level := range p.Online {
		for _, in := range append(level.Send[:len(level.Send):len(level.Send)], level.Recv...) {
			l.touch(in, at)
		}
		at++
		l.begins = append(l.begins, at)
		for _, in := range level.Compute {
			l.touch(in, at)
			at++
		}
	}
	return l
}

func (l *lives) touch(in program.Instr, at int) {
	if in.Op == program.TapValue { // machines that look at values run no regions
		return
	}
	for _, o := range in.In {
		l.of[o.Buf] = append(l.of[o.Buf], access{at, true, o.Len})
	}
	for _, o := range in.Out {
		l.of[o.Buf] = append(l.of[o.Buf], access{at, in.WritesPart(), o.Len})
	}
}

// after tells whether any of the first n elements of a buffer may be read after an instruction.
func (l *lives) after(buf, n, at int) bool {
	list := l.of[buf]
	for _, a := range list[sort.Search(len(list), func(i int) bool { return list[i].at > at }):] {
		if a.reads {
			return true
		}
		if a.len >= n {
			return false
		}
	}
	return buf == l.output
}
