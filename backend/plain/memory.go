package plain

import (
	"slices"

	"sotto/ir"
)

// planning is how tensors get their places.
type planning struct {
	p      *Program
	places map[*ir.Value]place
	last   map[*ir.Value]int // the last step that reads it
	pinned map[*ir.Value]bool
	free   []stretch // of the arena, in order
	top    int
}

// stretch is unused elements of the arena.
type stretch struct{ at, n int }

// line is the elements of a cache line: tensors begin at one.
const line = 16

// lines is n, rounded up to whole lines.
func lines(n int) int { return (n + line - 1) / line * line }

// plan gives every tensor its place. A result takes over the memory of an argument that nothing reads later, where the kernel allows it; what
// overwrites state is computed there, if nothing reads the old tensor by then.
func plan(f *ir.Func, steps []*step) *Program {
	p := &Program{name: f.Name, inputs: f.Params, calls: steps, state: map[string]int{}}
	n := &planning{p: p, places: map[*ir.Value]place{}, last: map[*ir.Value]int{}, pinned: map[*ir.Value]bool{}}
	for i, v := range f.Params {
		n.places[v] = place{of: inInput, index: i, n: v.Type.All()}
	}
	root := roots(f, steps)
	for i, s := range steps {
		for _, a := range s.args {
			n.last[a] = i
		}
		p.scratch = max(p.scratch, s.scratch)
	}
	for _, v := range f.Body {
		if v.Is("param") || v.Overwrites() {
			p.state[v.Path] = v.Type.Len()
		}
		if v.Is("param") {
			n.places[v] = place{of: inState, path: v.Path, n: v.Type.Len()}
		}
		if v.Overwrites() {
			n.pinned[root(v)] = true
		}
	}
	n.pinned[root(f.Result)] = true
	homes := n.homes(f, steps, root)
	for i, s := range steps {
		n.step(i, s, homes)
	}
	for _, v := range f.Body {
		if at := n.places[root(v)]; v.Overwrites() && !(at.of == inState && at.path == v.Path) {
			if root(v).Is("param") {
				at = n.saved(v.Path, at)
			}
			p.copies = append(p.copies, store{v.Path, at})
		}
	}
	p.result = n.places[root(f.Result)]
	p.scratch = lines(p.scratch)
	p.arena = n.top + p.scratch
	return p
}

// roots gives the value whose tensor a value is.
func roots(f *ir.Func, steps []*step) func(*ir.Value) *ir.Value {
	made := map[*ir.Value]bool{}
	for _, s := range steps {
		made[s.v] = true
	}
	return func(v *ir.Value) *ir.Value {
		for !made[v] && !v.Is("param") && len(v.Args) > 0 {
			v = v.Args[0]
		}
		return v
	}
}

// saved is a place for what a state tensor holds when the program begins, which may itself be overwritten.
func (n *planning) saved(name string, from place) place {
	v := &ir.Value{Name: name, Op: ir.Input, Type: ir.Float(from.n)}
	to := place{at: n.top, n: from.n} // memory that no call has
	n.top += lines(from.n)
	s := &step{v: v, of: v, to: to, from: []place{from}, slices: make([][]float32, 1), run: copied}
	n.p.calls = append([]*step{s}, n.p.calls...)
	return to
}

// homes tells which values are computed in the state tensor that they are to overwrite.
func (n *planning) homes(f *ir.Func, steps []*step, root func(*ir.Value) *ir.Value) map[*ir.Value]string {
	made, homes, taken := map[*ir.Value]int{}, map[*ir.Value]string{}, map[string]int{}
	for i, s := range steps {
		made[s.v] = i
	}
	lastRead := map[string]int{}
	for _, v := range f.Body {
		if v.Is("param") {
			lastRead[v.Path] = max(lastRead[v.Path], n.read(v))
		}
		if v.Overwrites() {
			taken[v.Path]++
			if root(v).Is("param") {
				lastRead[root(v).Path] = len(steps)
			}
		}
	}
	for _, v := range f.Body {
		if !v.Overwrites() || taken[v.Path] > 1 || homes[root(v)] != "" {
			continue
		}
		i, ok := made[root(v)]
		if !ok || lastRead[v.Path] > i+1 || lastRead[v.Path] == i+1 && !steps[i].overwrites(v.Path) {
			continue
		}
		homes[root(v)] = v.Path
	}
	if r := root(f.Result); r.Is("param") {
		for v, path := range homes {
			if path == r.Path {
				delete(homes, v)
			}
		}
	}
	return homes
}

// read is one more than the last step that reads v, or zero.
func (n *planning) read(v *ir.Value) int {
	if i, ok := n.last[v]; ok {
		return i + 1
	}
	return 0
}

// overwrites tells whether a step may put its result where its arguments from the state at a path lie.
func (s *step) overwrites(path string) bool {
	for i, a := range s.args {
		if a.Is("param") && a.Path == path && !s.inPlace(i) {
			return false
		}
	}
	return true
}

// inPlace tells whether the result may lie where an argument does.
func (s *step) inPlace(arg int) bool {
	if s.adds && arg == len(s.args)-1 {
		return s.args[arg].Type.All() == s.v.Type.All()
	}
	return slices.Contains(s.row.inPlace, arg) && s.args[arg].Type.All() == s.v.Type.All()
}

// step gives a step's result a place, and frees what it was the last to read.
func (n *planning) step(i int, s *step, homes map[*ir.Value]string) {
	for _, a := range s.args {
		s.from = append(s.from, n.places[a])
	}
	size := s.v.Type.All()
	over := n.over(i, s)
	switch {
	case homes[s.v] != "":
		s.to = place{of: inState, path: homes[s.v], n: size}
	case over != nil:
		s.to = n.places[over]
	default:
		s.to = n.alloc(size)
	}
	n.places[s.v] = s.to
	done := map[*ir.Value]bool{}
	for _, a := range s.args {
		if at := n.places[a]; n.last[a] == i && at.of == inArena && !n.pinned[a] && !done[a] && at != s.to {
			n.release(at)
		}
		done[a] = true
	}
	if _, read := n.last[s.v]; !read && !n.pinned[s.v] && s.to.of == inArena {
		n.release(s.to)
	}
}

// over finds an argument whose memory the result may take over.
func (n *planning) over(i int, s *step) *ir.Value {
	for k, a := range s.args {
		if n.last[a] != i || n.pinned[a] || n.places[a].of != inArena || !s.inPlace(k) {
			continue
		}
		everywhere := true
		for j, b := range s.args {
			everywhere = everywhere && (b != a || s.inPlace(j))
		}
		if everywhere {
			return a
		}
	}
	return nil
}

// alloc takes the smallest free stretch that is large enough, or else more of the arena.
func (n *planning) alloc(size int) place {
	need, best := lines(size), -1
	for i, f := range n.free {
		if f.n >= need && (best < 0 || f.n < n.free[best].n) {
			best = i
		}
	}
	if best < 0 {
		at := n.top
		if last := len(n.free) - 1; last >= 0 && n.free[last].at+n.free[last].n == n.top {
			at = n.free[last].at
			n.free = n.free[:last]
		}
		n.top = at + need
		return place{at: at, n: size}
	}
	at := n.free[best].at
	if n.free[best].n == need {
		n.free = slices.Delete(n.free, best, best+1)
	} else {
		n.free[best] = stretch{at + need, n.free[best].n - need}
	}
	return place{at: at, n: size}
}

// release gives a place back, and joins it with its neighbours.
func (n *planning) release(p place) {
	s := stretch{p.at, lines(p.n)}
	i, _ := slices.BinarySearchFunc(n.free, s, func(a, b stretch) int { return a.at - b.at })
	n.free = slices.Insert(n.free, i, s)
	if i+1 < len(n.free) && n.free[i].at+n.free[i].n == n.free[i+1].at {
		n.free[i].n += n.free[i+1].n
		n.free = slices.Delete(n.free, i+1, i+2)
	}
	if i > 0 && n.free[i-1].at+n.free[i-1].n == n.free[i].at {
		n.free[i-1].n += n.free[i].n
		n.free = slices.Delete(n.free, i, i+1)
	}
}
