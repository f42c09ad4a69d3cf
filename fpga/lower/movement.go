package lower

import (
	"fmt"

	"sotto/fpga/target"
	"sotto/runtime/kernel"
	"sotto/runtime/program"
)

// Movements inside memory.

// copyWork is a run of words moved as they lie.
func (c *cutter) copyWork(words, wordBytes int) []Work {
	d := c.design
	var w Work
	w.LoadBytes, w.LoadCycles = move(d, words, wordBytes, words)
	w.Compute = target.StreamDepth // nothing is computed
	w.StoreBytes, w.StoreCycles = w.LoadBytes, w.LoadCycles
	return []Work{w}
}

// pickWork is words that lie one by one, with words of a table that say where.
func (c *cutter) pickWork(words, table int) []Work {
	d := c.design
	var w Work
	w.LoadBytes, w.LoadCycles = scattered(d, words)
	w.LoadBytes += int64(table) * bitWordBytes
	w.Compute = target.StreamDepth
	w.StoreBytes, w.StoreCycles = move(d, words, d.WordBytes(), words)
	return []Work{w}
}

// copies moves a vector to elements of another from at on.
func (c *cutter) copies(op Operation, from, to view, at int) {
	slabs(from.len, c.chunk, func(lo, hi int) {
		c.copyPart(op, from, to, at, lo, hi)
	})
}

func (c *cutter) copyPart(op Operation, from, to view, at, lo, hi int) {
	words, bytes := hi-lo, c.design.WordBytes()
	if op == OpCopyBits {
		words, bytes = ceil(hi-lo, bitsPerWord), bitWordBytes
	}
	k := c.command(op, words)
	k.In[0], k.Out[0] = c.address(from, lo), c.address(to, at+lo)
	c.emit(k, c.copyWork(words, bytes), []span{c.part(from, lo, hi)}, []span{c.part(to, at+lo, at+hi)})
}

func (c *cutter) concat(t task) error { return c.behindEachOther(OpCopy, t) }

func (c *cutter) joinBits(t task) error { return c.behindEachOther(OpCopyBits, t) }

func (c *cutter) behindEachOther(op Operation, t task) error {
	at := 0
	for _, v := range t.in {
		c.copies(op, v, t.out[0], at)
		at += v.len
	}
	return nil
}

// walk cuts nested loops: rounds of the outermost ones, as many as fill a chunk.
func (c *cutter) walk(t task) error {
	l := program.LoopsOf(t.Ints)
	inner, from := c.innerLoops(l)
	rounds := 1
	for i := 0; i < from; i += 2 {
		rounds *= l.Of[i]
	}
	for r := range rounds {
		first, left := l.First, r
		for i := from - 2; i >= 0; i -= 2 {
			first += left % l.Of[i] * l.Of[i+1]
			left /= l.Of[i]
		}
		c.walkPart(t, kernel.Loops{First: first, Of: l.Of[from:]}, r*inner, inner)
	}
	return nil
}

// innerLoops gives the elements of the loops that one command walks, and where they begin.
func (c *cutter) innerLoops(l kernel.Loops) (elements, from int) {
	elements, from = 1, len(l.Of)
	for from > 0 && (from == len(l.Of) || elements*l.Of[from-2] <= c.chunk) {
		from -= 2
		elements *= l.Of[from]
	}
	return elements, from
}

func (c *cutter) walkPart(t task, l kernel.Loops, lo, n int) {
	k := c.command(OpWalk, n)
	k.Out[0], k.In[0] = c.address(t.out[0], lo), c.address(t.in[0], 0)
	k.Ints[0], k.Ints[1] = int32(l.First), int32(len(l.Of)/2)
	least, most := l.First, l.First
	for i, v := range l.Of {
		k.Ints[2+i] = int32(v)
		if i%2 == 1 {
			reach := (l.Of[i-1] - 1) * v
			least, most = least+min(0, reach), most+max(0, reach)
		}
	}
	work := c.pickWork(n, 0)
	if l.Of[len(l.Of)-1] == 1 {
		work = c.copyWork(n, c.design.WordBytes())
	}
	c.emit(k, work, []span{c.part(t.in[0], least, most+1)}, []span{c.part(t.out[0], lo, lo+n)})
}

// resampling is images of which rows and columns are taken from some on, each so many further; zero outside.
type resampling struct{ c, h, outH, atH, strideH, w, outW, atW, strideW int }

func (c *cutter) pad(t task) error {
	g := program.PadGeometry(t.Ints)
	return c.resample(t, resampling{g.C, g.H, g.OutH(), -g.Top, 1, g.W, g.OutW(), -g.Left, 1})
}

func (c *cutter) slice(t task) error {
	g := program.SliceGeometry(t.Ints)
	return c.resample(t, resampling{g.C, g.H, g.OutH(), g.StartH, g.StrideH, g.W, g.OutW(), g.StartW, g.StrideW})
}

// resample cuts images channel by channel, several of them where they are small.
func (c *cutter) resample(t task, g resampling) error {
	in, out := g.h*g.w, g.outH*g.outW
	slabs(g.c, max(1, c.chunk/max(in, out)), func(lo, hi int) {
		k := c.command(OpResample, (hi-lo)*out)
		for i, v := range []int{hi - lo, g.h, g.outH, g.atH, g.strideH, g.w, g.outW, g.atW, g.strideW} {
			k.Ints[i] = int32(v)
		}
		k.In[0], k.Out[0] = c.address(t.in[0], lo*in), c.address(t.out[0], lo*out)
		work := c.copyWork((hi-lo)*out, c.design.WordBytes())
		if g.strideW > 1 {
			work = c.pickWork((hi-lo)*out, 0)
		}
		c.emit(k, work, []span{c.part(t.in[0], lo*in, hi*in)}, []span{c.part(t.out[0], lo*out, hi*out)})
	})
	return nil
}

// tour gathers by the indices of a tournament.
func (c *cutter) tour(t task) error {
	g, stage := program.PoolGeometry(t.Ints[2:]), t.Ints[1]
	var index []int32
	switch t.Ints[0] {
	case 0:
		index = g.InitialIndex()
	case 1:
		index, _ = g.PairIndex(stage)
	case 2:
		_, index = g.PairIndex(stage)
	case 3:
		index = g.MergeIndex(stage)
	case 4:
		index = g.WindowIndex()
	default:
		return fmt.Errorf("step %d of a tournament, accepted are those of inference, 0 to 4", t.Ints[0])
	}
	table := c.tables.put(pairs(index))
	reads := []span{c.whole(t.in[0])}
	if len(t.in) > 1 {
		reads = append(reads, c.whole(t.in[1]))
	}
	slabs(len(index), c.chunk, func(lo, hi int) {
		k := c.command(OpIndex, hi-lo)
		k.Weight[0] = table + uint32(lo/2)
		k.Ints[0] = int32(t.in[0].len)
		for i, v := range t.in {
			k.In[i] = c.address(v, 0)
		}
		k.Out[0] = c.address(t.out[0], lo)
		c.emit(k, c.pickWork(hi-lo, ceil(hi-lo, 2)), reads, []span{c.part(t.out[0], lo, hi)})
	})
	return nil
}

// pairs puts two indices into a word, the first in the low half.
func pairs(index []int32) []uint64 {
	words := make([]uint64, ceil(len(index), 2))
	for i, v := range index {
		words[i/2] |= uint64(uint32(v)) << (i % 2 * 32)
	}
	return words
}

// ranges lists runs of words: from | to << 32, and how many.
type ranges struct {
	words []uint64
	moved int
}

func (r *ranges) add(from, to, n int) {
	r.words = append(r.words, uint64(from)|uint64(to)<<32, uint64(n))
	r.moved += n
}

func (c *cutter) gather(t task) error {
	var r ranges
	for i := 0; i < len(t.Ints); i += 2 {
		r.add(t.Ints[i], r.moved, t.Ints[i+1]-t.Ints[i])
	}
	c.moveRanges(t.in[0], t.out[0], r)
	return nil
}

func (c *cutter) scatter(t task) error {
	c.copies(OpCopy, t.in[0], t.out[0], 0)
	var r ranges
	for i := 0; i < len(t.Ints); i += 2 {
		r.add(r.moved, t.Ints[i], t.Ints[i+1]-t.Ints[i])
	}
	c.moveRanges(t.in[1], t.out[0], r)
	return nil
}

// moveRanges moves all ranges by one command.
func (c *cutter) moveRanges(from, to view, r ranges) {
	if len(r.words) == 0 {
		return
	}
	k := c.command(OpRanges, r.moved)
	k.Weight[0] = c.tables.put(r.words)
	k.Ints[0] = int32(len(r.words) / 2)
	k.In[0], k.Out[0] = c.address(from, 0), c.address(to, 0)
	work := c.copyWork(r.moved, c.design.WordBytes())
	work[0].LoadBytes += int64(len(r.words)) * bitWordBytes
	work[0].LoadCycles += int64(len(r.words))
	c.emit(k, work, []span{c.whole(from)}, []span{c.whole(to)})
}
