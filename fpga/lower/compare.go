package lower

import (
	"sotto/fpga/target"
	"sotto/ir/cost"
)

// Steps of comparisons by OT (runtime/nonlin/compare.go), on 64 instances a word. Vectors of planes have a word of each plane for those,
// which lie far from each other; messages have them side by side.

// planes is words lo to hi-1 of every plane of a vector.
func planes(v view, lo, hi int) span { return span{v.value, lo, hi, true} }

// block is words lo*each to hi*each-1 of a vector.
func block(v view, lo, hi, each int) span { return span{v.value, lo * each, hi * each, false} }

// comparing cuts a step of so many instances: reads and writes say what columns lo to hi-1 take, words how many words each of them moves
// in and out.
func (c *cutter) comparing(op Operation, t task, instances int, reads, writes func(lo, hi int) []span, in, out int) error {
	d, stride := c.design, ceil(instances, bitsPerWord)
	if d.Compare.Lanes < 1 {
		return c.fit(&target.KnobError{What: "a comparison by OT", Knob: "compare.lanes", Value: d.Compare.Lanes, Need: 1})
	}
	slabs(stride, max(1, c.chunk/bitsPerWord), func(lo, hi int) {
		k := c.command(op, min(hi*bitsPerWord, instances)-lo*bitsPerWord)
		k.Lo = uint32(lo * bitsPerWord)
		if op == OpProducts { // counts words
			k.Lo, k.N = uint32(lo), uint32(hi-lo)
		}
		at := 0
		for _, v := range t.Ints {
			k.Ints[at] = int32(v)
			at++
		}
		k.Ints[at] = int32(stride)
		for i, v := range t.out {
			k.Out[i] = c.address(v, 0)
		}
		for i, v := range t.in {
			k.In[i] = c.address(v, 0)
		}
		loads, stores := d.CompareWords(hi-lo, in), d.CompareWords(hi-lo, out)
		c.emit(k, []Work{{LoadBytes: int64(in * (hi - lo) * bitWordBytes), LoadCycles: int64(loads), Compute: d.StreamCycles(1, loads),
			StoreBytes: int64(out * (hi - lo) * bitWordBytes), StoreCycles: int64(stores)}}, reads(lo, hi), writes(lo, hi))
	})
	return nil
}

// shares is the ring words of instances of columns lo to hi-1.
func (c *cutter) shares(v view, lo, hi int) span {
	return c.part(v, lo*bitsPerWord, min(hi*bitsPerWord, v.len))
}

// shareWords is the words of 64 bits that 64 instances of a ring vector are.
func (c *cutter) shareWords() int { return c.design.Ring }

// leaves is what a step reads or writes of nodes: planes, or the bits of the one that is left.
func (c *cutter) nodes(v view, k cost.Comparison, level, lo, hi int) span {
	if k.Nodes(level) == 1 {
		return block(v, lo, hi, 1)
	}
	return planes(v, lo, hi)
}

func nodePlanes(k cost.Comparison, level int) int { return 2*k.Nodes(level) - 1 }

func (c *cutter) compareChoose(t task) error {
	k := cost.Comparison{Bits: t.Ints[0]}
	return c.comparing(OpCompareChoose, t, t.in[0].len,
		func(lo, hi int) []span { return []span{c.shares(t.in[0], lo, hi), planes(t.in[1], lo, hi)} },
		func(lo, hi int) []span { return []span{planes(t.out[0], lo, hi)} },
		c.shareWords()+k.ChoicePlanes(), k.ChoicePlanes())
}

func (c *cutter) compareTurn(t task) error {
	k := cost.Comparison{Bits: t.Ints[0]}
	return c.comparing(OpCompareTurn, t, t.out[1].len/k.Leaves(),
		func(lo, hi int) []span { return []span{planes(t.in[0], lo, hi), planes(t.in[1], lo, hi)} },
		func(lo, hi int) []span {
			return []span{block(t.out[0], lo, hi, k.MessagePlanes()), planes(t.out[1], lo, hi)}
		},
		k.MaskPlanes()+k.ChoicePlanes(), k.MessagePlanes()+k.Leaves())
}

func (c *cutter) compareAnswer(t task) error {
	k := cost.Comparison{Bits: t.Ints[0]}
	return c.comparing(OpCompareAnswer, t, t.in[0].len,
		func(lo, hi int) []span {
			return []span{c.shares(t.in[0], lo, hi), block(t.in[1], lo, hi, k.MessagePlanes()), planes(t.in[2], lo, hi)}
		},
		func(lo, hi int) []span {
			return []span{block(t.out[0], lo, hi, k.MessagePlanes()), c.nodes(t.out[1], k, 0, lo, hi)}
		},
		c.shareWords()+k.MessagePlanes()+k.Leaves(), k.MessagePlanes()+nodePlanes(k, 0))
}

func (c *cutter) compareSelect(t task) error {
	k := cost.Comparison{Bits: t.Ints[0]}
	return c.comparing(OpCompareSelect, t, t.in[0].len,
		func(lo, hi int) []span {
			return []span{c.shares(t.in[0], lo, hi), block(t.in[1], lo, hi, k.MessagePlanes()), planes(t.in[2], lo, hi)}
		},
		func(lo, hi int) []span { return []span{c.nodes(t.out[0], k, 0, lo, hi)} },
		c.shareWords()+k.MessagePlanes()+k.Leaves(), nodePlanes(k, 0))
}

func (c *cutter) compareOpen(t task) error {
	k, level := cost.Comparison{Bits: t.Ints[0]}, t.Ints[1]
	joins := k.OpenedPlanes(level)
	return c.comparing(OpCompareOpen, t, t.out[0].len/joins,
		func(lo, hi int) []span {
			return []span{c.nodes(t.in[0], k, level, lo, hi), planes(t.in[1], lo, hi), planes(t.in[2], lo, hi)}
		},
		func(lo, hi int) []span { return []span{planes(t.out[0], lo, hi)} },
		2*joins, joins)
}

func (c *cutter) compareJoin(t task) error {
	k, level := cost.Comparison{Bits: t.Ints[0]}, t.Ints[1]
	joins := k.OpenedPlanes(level)
	return c.comparing(OpCompareJoin, t, t.in[1].len/joins,
		func(lo, hi int) []span {
			return []span{c.nodes(t.in[0], k, level, lo, hi), planes(t.in[1], lo, hi), planes(t.in[2], lo, hi), planes(t.in[3], lo, hi), planes(t.in[4], lo, hi)}
		},
		func(lo, hi int) []span { return []span{c.nodes(t.out[0], k, level+1, lo, hi)} },
		4*joins+2*(k.Nodes(level)%2), nodePlanes(k, level+1)) // a node without a neighbour is carried over
}

// products of bits: two planes of each of a's words.
func (c *cutter) products(t task) error {
	return c.comparing(OpProducts, t, t.in[0].len,
		func(lo, hi int) []span {
			return []span{block(t.in[0], lo, hi, 1), planes(t.in[1], lo, hi), planes(t.in[2], lo, hi), planes(t.in[3], lo, hi)}
		},
		func(lo, hi int) []span { return []span{planes(t.out[0], lo, hi)} },
		1+2+2+2, 2)
}
