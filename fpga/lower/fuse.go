package lower

import (
	"math/bits"
	"slices"

	"sotto/fpga/target"
	"sotto/runtime/program"
)

// Which elementwise steps go through memory together. Of the steps of a level that follow one another, those that read what others make are
// taken together, in order, and cut into chains so that as few words as possible pass the memory's ports: of all ways to cut them, the best.
// A step that reads nothing but what a chain reads anyway is made again there, rather than written and read.

// sweep is what one command a slab does: an instruction, or a chain of elementwise ones.
type sweep struct {
	tasks []int // that it makes, in order; of a chain, all elementwise
	steps []int // of a chain: the tasks that it goes through, in order, those that it makes again among them
	ins   []view
	outs  []view
}

// chained tells whether it is more than one step.
func (p sweep) chained() bool { return len(p.steps) > 1 }

// fuser cuts the tasks of a tracer into sweeps.
type fuser struct {
	*tracer
	maker   map[int]int   // by value: the task
	readers map[int][]int // by value: the tasks
	stays   map[int]bool  // values that are needed when the phase ends
}

// mostTogether is how many steps are cut at a time, in all ways: 2^(n-1) of them. Tuning.
const mostTogether = 9

// fuse finds the sweeps of all tasks, in the order in which they are cut, and takes what lies between the steps of one out of memory.
func (t *tracer) fuse() {
	f := &fuser{t, map[int]int{}, map[int][]int{}, map[int]bool{}}
	for i, k := range t.tasks {
		for _, v := range k.out {
			f.maker[v.value] = i
		}
		for _, v := range k.in {
			f.readers[v.value] = append(f.readers[v.value], i)
		}
	}
	for i, v := range t.values {
		f.stays[i] = v.last == forever
	}
	if out := t.program.Output; out.Buf >= 0 {
		f.stays[t.buffers[out.Buf].value] = true
	}
	for i := 0; i < len(t.tasks); {
		if !f.elementwise(i) {
			t.sweeps = append(t.sweeps, sweep{tasks: []int{i}})
			i++
			continue
		}
		end := f.run(i)
		t.sweeps = append(t.sweeps, f.cut(i, end)...)
		i = end
	}
	f.forget()
}

// elementwise tells whether a task may be a step of a chain.
func (f *fuser) elementwise(i int) bool {
	k := f.tasks[i]
	_, ok := elementwises[k.Op]
	return ok && k.Op != program.Iota && len(k.out) == 1 && !slices.ContainsFunc(k.in, func(v view) bool { return v.len != k.out[0].len })
}

// run is the end of the elementwise tasks of a list from one on. Each reads whole results of the others or none of them. What they read has
// its place until the last of them is cut.
func (f *fuser) run(first int) (end int) {
	at := f.tasks[first].place
	for end = first + 1; end < len(f.tasks) && end-first < reuseDistance && f.elementwise(end); end++ {
		k := f.tasks[end]
		part := func(v view) bool {
			m, ok := f.maker[v.value]
			return ok && m >= first && m < end && f.tasks[m].out[0] != v
		}
		if k.place.Phase != at.Phase || k.place.Level != at.Level || k.place.Part != at.Part || slices.ContainsFunc(k.in, part) {
			break
		}
	}
	return end
}

// cut cuts the tasks of a run: those that have to do with each other are cut together.
func (f *fuser) cut(first, end int) (all []sweep) {
	group := map[int]int{} // by task: the first of those it has to do with
	for i := first; i < end; i++ {
		group[i] = i
		for _, v := range f.tasks[i].in {
			m, ok := f.maker[v.value]
			if !ok || m < first {
				continue
			}
			low, high := min(group[i], group[m]), max(group[i], group[m])
			for j := first; j <= i; j++ {
				if group[j] == high {
					group[j] = low
				}
			}
		}
	}
	for i := first; i < end; i++ {
		if group[i] != i {
			continue
		}
		var together []int
		for j := i; j < end; j++ {
			if group[j] == i {
				together = append(together, j)
			}
		}
		for part := range slices.Chunk(together, mostTogether) {
			all = append(all, f.best(part)...)
		}
	}
	return all
}

// best tries all ways to cut steps into sweeps.
func (f *fuser) best(steps []int) (best []sweep) {
	least := 0
	for cuts := range uint(1) << (len(steps) - 1) {
		all, ok := f.sweepsOf(steps, cuts)
		if !ok {
			continue
		}
		if c := f.cost(all); best == nil || c < least {
			best, least = all, c
		}
	}
	return best
}

// sweepsOf cuts steps behind those whose bits are set. It fails where hardware cannot do a sweep; it does all of one step.
func (f *fuser) sweepsOf(steps []int, cuts uint) (all []sweep, ok bool) {
	first := 0
	for i := range steps {
		if cuts>>i&1 == 0 && i < len(steps)-1 {
			continue
		}
		all = append(all, f.reads(steps[:first], steps[first:i+1]))
		first = i + 1
	}
	for i := range all {
		p := &all[i]
		for _, n := range p.tasks {
			if out := f.tasks[n].out[0]; f.needed(n, p, all) {
				p.outs = append(p.outs, out)
			}
		}
		if p.chained() && !f.fits(*p) {
			return nil, false
		}
	}
	return all, true
}

// reads is a sweep of some steps, and what it reads. Of the steps before them it makes those again that read nothing else.
func (f *fuser) reads(before, own []int) sweep {
	p := sweep{tasks: own, steps: own}
	var made []view
	for _, i := range own {
		made = append(made, f.tasks[i].out[0])
	}
	add := func(i int) {
		for _, v := range f.tasks[i].in {
			if !slices.Contains(made, v) && !slices.Contains(p.ins, v) {
				p.ins = append(p.ins, v)
			}
		}
	}
	for _, i := range own {
		add(i)
	}
	var again []int
	for _, i := range before {
		out := f.tasks[i].out[0]
		other := func(v view) bool { return !slices.Contains(p.ins, v) && !slices.Contains(made, v) }
		if at := slices.Index(p.ins, out); at >= 0 && !slices.ContainsFunc(f.tasks[i].in, other) {
			again, made, p.ins = append(again, i), append(made, out), slices.Delete(p.ins, at, at+1)
		}
	}
	p.steps = append(again, own...)
	return p
}

// needed tells whether a task's result is read outside of its sweep.
func (f *fuser) needed(task int, own *sweep, all []sweep) bool {
	out := f.tasks[task].out[0]
	if f.stays[out.value] || len(f.readers[out.value]) == 0 {
		return true
	}
	within := map[int]bool{} // tasks of these sweeps
	for i := range all {
		for _, n := range all[i].tasks {
			within[n] = true
		}
		if &all[i] != own && slices.Contains(all[i].ins, out) {
			return true
		}
	}
	return slices.ContainsFunc(f.readers[out.value], func(n int) bool { return !within[n] })
}

// What a sweep costs, as cuts are compared: the elements of a vector that it moves by their words, those of bits, and a little for each command
// and each step.
const (
	vectorCost  = 32
	planeCost   = 1
	commandCost = 8
	stepCost    = 1
)

func (f *fuser) cost(all []sweep) (cost int) {
	for _, p := range all {
		cost += commandCost + stepCost*len(p.steps)
		for _, v := range slices.Concat(p.ins, p.outs) {
			if f.values[v.value].Space == BITS {
				cost += planeCost
			} else {
				cost += vectorCost
			}
		}
	}
	return cost
}

// fits tells whether the kernel can do a chain.
func (f *fuser) fits(p sweep) bool {
	in, out := f.planes(p.ins), f.planes(p.outs)
	planes, results := bits.OnesCount8(in), bits.OnesCount8(out)
	if len(p.steps) > ChainSteps || len(p.ins) > Ins || planes > ChainPlanes || len(p.ins)-planes > ChainVectors || results > ChainBitResults || len(p.outs)-results > ChainResults {
		return false
	}
	size, weights := f.factors(p)
	if size < 0 || len(weights) > ChainFactors {
		return false
	}
	_, ok := f.between(p)
	return ok
}

// planes tells which of up to eight vectors are bits; of more, of the first eight.
func (f *fuser) planes(list []view) (mask uint8) {
	for i, v := range list[:min(len(list), Ins)] {
		if f.values[v.value].Space == BITS {
			mask |= 1 << i
		}
	}
	return mask
}

// factors lists a sweep's weights, and gives the elements of a channel: 0 where there are no factors, -1 where channels differ.
func (t *tracer) factors(p sweep) (size int, weights []int) {
	for _, i := range p.steps {
		k := t.tasks[i]
		for _, at := range elementwises[k.Op].factors {
			w := k.Ints[at]
			if w < 0 {
				continue
			}
			each := k.out[0].len / t.program.Weights[w].Len
			if size != 0 && size != each {
				return -1, nil
			}
			size = each
			if !slices.Contains(weights, w) {
				weights = append(weights, w)
			}
		}
	}
	return size, weights
}

// between gives each step's place among what is kept between steps, as sources count, or -1. It fails where there are too few.
func (t *tracer) between(p sweep) (places []int, ok bool) {
	owner := make([]view, ChainKept+1) // vectors, then bits
	until := slices.Repeat([]int{-1}, ChainKept+1)
	for n, i := range p.steps {
		out, last := t.tasks[i].out[0], -1
		for later := n + 1; later < len(p.steps); later++ {
			if slices.Contains(t.tasks[p.steps[later]].in, out) {
				last = later
			}
		}
		place := -1
		if last >= 0 {
			from, to := 0, ChainKept
			if t.values[out.value].Space == BITS {
				from, to = ChainKept, ChainKept+1
			}
			free := slices.IndexFunc(until[from:to], func(u int) bool { return u <= n })
			if free < 0 {
				return nil, false
			}
			owner[from+free], until[from+free] = out, last
			place = ChainFirstKept + from + free
		}
		places = append(places, place)
	}
	return places, true
}

// forget takes what no sweep writes out of memory.
func (f *fuser) forget() {
	for _, p := range f.sweeps {
		if !p.chained() {
			continue
		}
		for _, i := range p.tasks {
			if out := f.tasks[i].out[0]; !slices.Contains(p.outs, out) {
				v := &f.values[out.value]
				v.Origin.Kind, v.Address, v.last = Passed, None, before
			}
		}
	}
}

// chain gives the pieces of a chain.
func (c *cutter) chain(p sweep) pieces {
	k := c.command(OpChain, 0)
	size, weights := c.factors(p)
	for i, w := range weights {
		k.Weight[i] = c.weights.plain(w)
	}
	k.SetChain(c.stepsOf(p, size, weights))
	n := c.tasks[p.tasks[0]].out[0].len
	return c.streams(n, k, p.ins, p.outs, len(p.steps), size)
}

// stepsOf names where the operands and the results of a chain's steps are.
func (c *cutter) stepsOf(p sweep, size int, weights []int) (chain Chain) {
	f := &fuser{tracer: c.tracer}
	chain.Bits, chain.ResultBits, chain.Size = f.planes(p.ins), f.planes(p.outs), size
	places, _ := c.between(p)
	now := map[view]int{} // where results of steps are kept
	for n, i := range p.steps {
		t := c.tasks[i]
		single, _ := c.single(t, elementwises[t.Op])
		s := ChainStep{Operation: single.Operation, Numbers: [2]int32(single.Ints[:2]), Kept: places[n], Factor: -1, Result: slices.Index(p.outs, t.out[0])}
		for _, v := range t.in {
			from, ok := now[v]
			if !ok {
				from = slices.Index(p.ins, v)
			}
			s.Sources = append(s.Sources, from)
		}
		for _, at := range elementwises[t.Op].factors {
			s.Factor = slices.Index(weights, t.Ints[at])
		}
		if !slices.Contains(p.tasks, i) {
			s.Result = -1 // written where it is made first
		}
		if places[n] >= 0 {
			now[t.out[0]] = places[n]
		}
		chain.Steps = append(chain.Steps, s)
	}
	return chain
}

// Sweep is an elementwise command's work on all elements, however a design cuts them to tiles.
type Sweep struct {
	Place // of its first instruction
	Layer int
	target.Steps
}

// Sweeps lists what elementwise commands a party's phases come to, in the order of the levels.
func Sweeps(p *program.Program, phases Phases) ([]Sweep, error) {
	t, err := trace(p, phases)
	if err != nil {
		return nil, err
	}
	var all []Sweep
	for _, s := range t.sweeps {
		k := t.tasks[s.tasks[0]]
		if !InSweeps(k.Op) {
			continue
		}
		if !s.chained() {
			s = sweep{tasks: s.tasks, steps: s.tasks, ins: k.in, outs: k.out}
		}
		size, weights := t.factors(s)
		of := target.Steps{N: k.out[0].len, Count: len(s.steps), Factors: len(weights), Size: size}
		of.Vectors, of.Planes = t.kinds(s.ins)
		of.Results, of.BitResults = t.kinds(s.outs)
		all = append(all, Sweep{k.place, k.Tag, of})
	}
	return all, nil
}

// InSweeps tells whether Sweeps has the instructions of an opcode.
func InSweeps(op program.Opcode) bool {
	_, ok := elementwises[op]
	return ok
}
