package ir

// Loops say where the elements of a movement come from: nested loops, the last one innermost, go through the result in order, and its
// element in rounds i1, i2, ... of them is element First + i1*Step1 + i2*Step2 + ... of the argument.
//
// A transposition of [R,C], for example, is the loops {C, 1}, {R, C}; a step of zero repeats, and one below zero goes backwards.
type Loops struct {
	First int
	Of    []Loop
}

// Loop is one of nested loops: N rounds, Step elements of the argument apart.
type Loop struct{ N, Step int }

// Flat lists the numbers of the loops: First, N1, Step1, N2, Step2, ...
func (l Loops) Flat() []int {
	out := []int{l.First}
	for _, loop := range l.Of {
		out = append(out, loop.N, loop.Step)
	}
	return out
}

// each calls f for every element of the result with the place of its element in the argument.
func (l Loops) each(f func(to, from int)) {
	to := 0
	var nest func(loops []Loop, at int)
	nest = func(loops []Loop, at int) {
		if len(loops) == 0 {
			f(to, at)
			to++
			return
		}
		for i := range loops[0].N {
			nest(loops[1:], at+i*loops[0].Step)
		}
	}
	nest(l.Of, l.First)
}

// move evaluates v, a movement of x.
func (l Loops) move(v *Value, x *Tensor) *Tensor {
	out := NewTensor(v.Type)
	l.each(func(to, from int) {
		if v.Type.Elem.Float {
			out.F[to] = x.F[from]
		} else {
			out.I[to] = x.I[from]
		}
	})
	return out
}
