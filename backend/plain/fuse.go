package plain

import (
	"sotto/ir"
	"sotto/runtime/kernel"
)

// fuse gives the steps with those left out that others do in the same pass over memory: a ReLU behind a normalisation or an addition, and an
// addition behind a normalisation or the gradient of a convolution. What lies between is never stored; that a gate of the backward pass
// reads a ReLU's input is no hindrance, since its result tells as well where the input was above zero.
func (l *lowering) fuse() []*step {
	u := l.uses()
	for i, s := range l.steps {
		if b, ok := clips(s.v); ok && len(s.v.Ints("keep")) == 0 && s.args[0] != s.v {
			u.clip(i, s, b)
		}
	}
	for i, s := range l.steps {
		if s != nil && s.of.Is("nn.add") {
			u.add(i, s)
		}
	}
	var out []*step
	for _, s := range l.steps {
		if s != nil {
			out = append(out, s)
		}
	}
	return out
}

// clips tells what an op brings its argument into, if it is a ReLU.
func clips(v *ir.Value) (kernel.Bounds, bool) {
	switch {
	case v.Is("nn.relu"), v.Is("grad.relu"):
		return kernel.Positive, true
	case v.Is("nn.relu6"), v.Is("grad.relu6"):
		return kernel.Bounds{Lo: 0, Hi: relu6}, true
	}
	return kernel.Bounds{}, false
}

const relu6 = 6

// uses is who computes and who reads tensors.
type uses struct {
	l       *lowering
	maker   map[*ir.Value]int // step
	readers map[*ir.Value][]*step
	kept    map[*ir.Value]bool // by the result or the state
}

func (l *lowering) uses() *uses {
	u := &uses{l, map[*ir.Value]int{}, map[*ir.Value][]*step{}, map[*ir.Value]bool{l.root[l.f.Result]: true}}
	for i, s := range l.steps {
		u.maker[s.v] = i
		for _, a := range s.args {
			u.readers[a] = append(u.readers[a], s)
		}
	}
	for _, v := range l.f.Body {
		if v.Overwrites() {
			u.kept[l.root[v]] = true
		}
	}
	return u
}

// clip lets the maker of a ReLU's argument do it, and gates read the ReLU's result in its place.
func (u *uses) clip(at int, s *step, b kernel.Bounds) {
	x := s.args[0]
	i, made := u.maker[x]
	if s.of.Is("grad.relu") || s.of.Is("grad.relu6") || !made {
		return
	}
	maker, gates := u.l.steps[i], []*step{}
	for _, r := range u.readers[x] {
		switch gate, _ := clips(r.of); {
		case r == s:
		case (r.of.Is("grad.relu") || r.of.Is("grad.relu6")) && gate == b && r.args[0] == x && r.args[1] != x:
			gates = append(gates, r)
		default:
			return
		}
	}
	if !maker.row.clips || maker.bounds != kernel.Unbounded || u.kept[x] {
		return
	}
	for _, g := range gates {
		g.args[0] = s.v
		u.readers[s.v] = append(u.readers[s.v], g)
	}
	u.move(i, at, &step{v: s.v, of: maker.of, args: maker.args, bounds: b, adds: maker.adds, row: maker.row})
}

// move puts a step that does what those at from and to did at to.
func (u *uses) move(from, to int, s *step) {
	for i, was := range []*step{u.l.steps[from], u.l.steps[to]} {
		for _, a := range was.args {
			u.readers[a] = without(u.readers[a], was)
		}
		u.l.steps[[]int{from, to}[i]] = nil
	}
	u.l.steps[to] = s
	u.maker[s.v] = to
	for _, a := range s.args {
		u.readers[a] = append(u.readers[a], s)
	}
}

func without(list []*step, s *step) []*step {
	var out []*step
	for _, x := range list {
		if x != s {
			out = append(out, x)
		}
	}
	return out
}

// add lets the maker of an addend that nothing else reads add the other: the later one, if both could.
func (u *uses) add(at int, s *step) {
	best := -1
	for k, x := range s.args {
		i, made := u.maker[x]
		if !made || u.kept[x] || len(u.readers[x]) != 1 || s.args[0] == s.args[1] {
			continue
		}
		if m := u.l.steps[i]; m.row.adds && !m.adds && m.bounds == kernel.Unbounded && m.batch() == s.batch() && (best < 0 || i > u.maker[s.args[best]]) {
			best = k
		}
	}
	if best < 0 {
		return
	}
	i := u.maker[s.args[best]]
	m := u.l.steps[i]
	if s.bounds != kernel.Unbounded && !m.row.clips {
		return
	}
	args := append(append([]*ir.Value{}, m.args...), s.args[1-best])
	u.move(i, at, &step{v: s.v, of: m.of, args: args, bounds: s.bounds, adds: true, row: m.row})
}
