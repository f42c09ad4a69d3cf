package llvm

import (
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/llir/llvm/ir/constant"
	"github.com/llir/llvm/ir/enum"
	"github.com/llir/llvm/ir/types"
	"github.com/llir/llvm/ir/value"

	"sotto/ir/cost"
	"sotto/runtime/program"
)

// Elementwise instructions that follow one another are one pass over memory: bias, masks of openings, steps of truncations and squares,
// sums, factors of channels. A value that nothing reads after the region is never stored.

// block is the elements of a unit: those of a word of bits.
const block = 64

// chain is a run of elementwise instructions over n elements.
type chain struct {
	list []program.Instr
	n    int
}

// chainOf takes the elementwise instructions of one length that a list begins with, and how many instructions that are: taps between
// them are passed over, as machines that look at values run no regions.
func chainOf(list []program.Instr) (c chain, count int) {
	for i, in := range list {
		if in.Op == program.TapValue && c.list != nil {
			continue
		}
		if !in.Elementwise() || (c.list != nil && in.Out[0].Len != c.n) {
			break
		}
		c.list, c.n, count = append(c.list, in), in.Out[0].Len, i+1
	}
	return c, count
}

// steps is a chain as it is compiled: operands are numbered by buffer, in the order of their first use, and weights behind them.
type steps struct {
	chain
	party   cost.Party
	args    []program.Arg // what the stage's arguments point to
	bits    []bool        // of an argument: it is a vector of bits
	live    []bool        // of an argument: it is stored
	channel []int         // of an argument that is a weight: elements of a channel
}

// chained gives the stage of a chain. after tells whether a buffer's first elements are read after the region.
func (m *module) chained(c chain, after func(buf int) bool) program.Stage {
	s, text := m.steps(c, after)
	name := fmt.Sprintf("chain_%s_%d_%s", m.elem, c.n, digest(text))
	for _, in := range c.list {
		m.function(name, in.Tag, func(name string) *fn { return s.write(name, m.elem, m.target.Vector/m.elem.Bytes()) })
	}
	return program.Stage{Symbol: name, Tag: c.list[0].Tag, Units: (c.n + block - 1) / block, Grain: elementGrain / block, Args: s.args}
}

// steps numbers the operands of a chain, which may begin with a convolution, and says in a text all that their code depends on.
func (m *module) steps(c chain, after func(buf int) bool) (*steps, string) {
	s := &steps{chain: m.channels(c), party: m.program.Party}
	text := fmt.Sprintf("%v %d %v", m.elem, c.n, s.party)
	for _, in := range s.list {
		text += fmt.Sprint("; ", in.Op, immediate(in))
		for _, o := range elementwise(in) {
			text += fmt.Sprint(" ", s.operand(program.Arg{Kind: program.BufferArg, Index: o.Buf}, m.program.Buffers[o.Buf].Kind == program.Bits, 0))
		}
		for _, w := range s.weights(in) {
			text += fmt.Sprint(" w", w, "/", s.channel[w])
		}
	}
	for i, a := range s.args {
		s.live[i] = a.Kind == program.BufferArg && s.writes(a.Index) && after(a.Index)
	}
	return s, fmt.Sprint(text, s.live)
}

// elementwise are the operands of which element i belongs to element i of the result.
func elementwise(in program.Instr) []program.Operand {
	args := in.In
	if !in.Elementwise() {
		args = in.In[1:] // of a convolution: what is added to it; of a pool none
	}
	return append(slices.Clone(args), in.Out...)
}

// channels gives a chain in which an instruction with a weight a channel says, in the end, how many elements each weight is for.
func (m *module) channels(c chain) chain {
	c.list = slices.Clone(c.list)
	for i, in := range c.list {
		switch in.Op {
		case program.Shift, program.QuadraticBlind, program.QuadraticServer, program.RoundedCorrelate, program.RoundedServer:
			c.list[i].Ints = append(slices.Clone(in.Ints), c.n/m.program.Weights[in.Ints[0]].Len)
		}
	}
	return c
}

// elementGrain is how many elements are worth another worker.
const elementGrain = 1 << 14

func digest(text string) string {
	h := fnv.New64a()
	h.Write([]byte(text))
	return fmt.Sprintf("%016x", h.Sum64())
}

// immediate are the ints of an instruction that its code depends on.
func immediate(in program.Instr) []int {
	switch in.Op {
	case program.Shift, program.Conv:
		return nil
	case program.QuadraticBlind, program.QuadraticServer:
		return in.Ints[1:2]
	case program.RoundedCorrelate, program.RoundedServer:
		return in.Ints[1:3]
	}
	return in.Ints
}

// operand numbers an argument.
func (s *steps) operand(a program.Arg, bits bool, channel int) int {
	if i := slices.Index(s.args, a); i >= 0 && s.channel[i] == channel {
		return i
	}
	s.args, s.bits, s.live, s.channel = append(s.args, a), append(s.bits, bits), append(s.live, false), append(s.channel, channel)
	return len(s.args) - 1
}

// weights numbers the weights of an instruction.
func (s *steps) weights(in program.Instr) []int {
	weight := func(i, elements int) int {
		return s.operand(program.Arg{Kind: program.WeightArg, Index: i}, false, elements)
	}
	switch in.Op {
	case program.Shift, program.QuadraticBlind, program.QuadraticServer, program.RoundedCorrelate, program.RoundedServer:
		return []int{weight(in.Ints[0], in.Ints[len(in.Ints)-1])}
	case program.Conv:
		c := program.Geometry(in.Ints[2:])
		var out []int
		if in.Elementwise() {
			out = append(out, weight(in.Ints[0], c.InH*c.InW))
		}
		if in.Ints[1] >= 0 {
			out = append(out, weight(in.Ints[1], c.OutH()*c.OutW()))
		}
		return out
	}
	return nil
}

func (s *steps) writes(buf int) bool {
	return slices.ContainsFunc(s.list, func(in program.Instr) bool { return in.Out[0].Buf == buf })
}

// write writes the function: whole blocks in vectors, and the elements behind them one by one.
func (s *steps) write(name string, e Elem, lanes int) *fn {
	b := begin(name, e, lanes)
	at := s.pointers(b, 0)
	whole := s.n / block
	b.each("block", fmt.Sprintf("blocks of %d elements", block), b.lo, b.min("whole", b.hi, num(whole)), func(i value.Value) { s.block(b, at, i, block) })
	if rest := s.n % block; rest != 0 {
		one := *b
		one.vec = 1
		last := &one
		last.each("last", fmt.Sprintf("the last %d elements, one by one", rest), last.max("last.lo", last.lo, num(whole)), last.hi, func(i value.Value) { s.block(last, at, i, rest) })
		b.at = last.at
	}
	b.end()
	return b
}

// pointers gives what the arguments point to, of which the first is that of the function's that is named.
func (s *steps) pointers(b *fn, first int) []value.Value {
	at := make([]value.Value, len(s.args))
	for i := range s.args {
		t := b.elem.typ()
		if s.bits[i] {
			t = types.I64
		}
		at[i] = b.bufferOf(fmt.Sprintf("a%d", i), first+i, t)
	}
	return at
}

// block computes so many elements of block i.
func (s *steps) block(b *fn, at []value.Value, i value.Value, elements int) {
	words := make([]value.Value, len(at))
	var out []carried
	var places []int
	for j := range at {
		if s.bits[j] {
			words[j] = b.call("word", b.at.NewLoad(types.I64, b.call("word.at", b.at.NewGetElementPtr(types.I64, at[j], i))))
		}
		if s.bits[j] && s.live[j] {
			out, places = append(out, carried{"bits", num(0)}), append(places, j)
		}
	}
	first := b.mul("first", i, block)
	done := b.loop("lane", "", num(0), num(elements), b.vec, out, func(j value.Value, bits []value.Value) []value.Value {
		v := &values{fn: b, steps: s, at: at, words: words, lane: j, element: b.add("element", first, j), have: make([]value.Value, len(at))}
		for _, in := range s.list {
			v.step(in)
		}
		return v.store(bits, places)
	})
	for k, j := range places {
		b.at.NewStore(done[k], b.call("word.to", b.at.NewGetElementPtr(types.I64, at[j], i)))
	}
}

// values are those of a vector of elements, as far as they are there.
type values struct {
	*fn
	*steps
	at, words     []value.Value
	lane, element value.Value
	have          []value.Value
	// Behind a convolution:
	made    value.Value // its products
	channel value.Value // that all elements are of
	pixels  int         // of a channel
}

// get gives the value of an argument.
func (v *values) get(o program.Operand) value.Value {
	i := slices.Index(v.args, program.Arg{Kind: program.BufferArg, Index: o.Buf})
	if v.have[i] == nil {
		switch {
		case !v.steps.bits[i]:
			v.have[i] = v.elements(v.fn.element("x.at", v.at[i], v.element))
		case v.made != nil:
			bits := v.fn.at.NewLoad(types.NewInt(uint64(v.vec)), v.bitsAt(i))
			bits.Align = 1
			v.have[i] = v.call("bit", bits)
		default:
			v.have[i] = v.bit(v.words[i])
		}
	}
	return v.have[i]
}

func (v *values) put(o program.Operand, x value.Value) {
	v.have[slices.Index(v.args, program.Arg{Kind: program.BufferArg, Index: o.Buf})] = x
}

// storeElements keeps what is read later, but for bits.
func (v *values) storeElements() {
	for i, x := range v.have {
		switch {
		case !v.live[i] || v.steps.bits[i]:
		case v.vec == 1:
			v.fn.store(x, v.fn.element("y.at", v.at[i], v.element))
		default:
			v.storeVector("y", x, v.fn.element("y.at", v.at[i], v.element))
		}
	}
}

// store keeps what is read later, and adds this vector's bits to those of their words.
func (v *values) store(bits []value.Value, places []int) []value.Value {
	v.storeElements()
	out := make([]value.Value, len(bits))
	for k, j := range places {
		wide := v.have[j]
		if v.vec > 1 {
			wide = v.call("wide", v.fn.at.NewZExt(wide, types.I64))
		}
		out[k] = v.call("bits", v.fn.at.NewOr(bits[k], v.call("placed", v.fn.at.NewShl(wide, v.lane))))
	}
	return out
}

// elements reads an element or a vector.
func (v *values) elements(p value.Value) value.Value {
	if v.vec == 1 {
		return v.load("x", p)
	}
	return v.loadVector("x", p)
}

// Bits of a vector are an integer of so many bits, and the bit of an element is one of 64, of which the others are zero: clang 19 was seen
// to hang over vectors of single bits that are combined, and makes such of single bits, too.

// bit takes the bits of this vector from a word.
func (v *values) bit(word value.Value) value.Value {
	low := v.call("low", v.fn.at.NewLShr(word, v.lane))
	if v.vec == 1 {
		return v.call("bit", v.fn.at.NewAnd(low, num(1)))
	}
	return v.call("bit", v.fn.at.NewTrunc(low, types.NewInt(uint64(v.vec))))
}

// negative is the bits of what is below zero.
func (k rounding) negative(x value.Value) value.Value {
	if k.vec == 1 {
		top := k.shr(x, k.last)
		if k.elem == I64 {
			return top
		}
		return k.call("negative", k.fn.at.NewZExt(top, types.I64))
	}
	below := k.call("below", k.fn.at.NewICmp(enum.IPredSLT, x, k.all(0)))
	return k.call("negative", k.fn.at.NewBitCast(below, types.NewInt(uint64(k.vec))))
}

// typ is what an element or a vector has.
func (v *values) typ() types.Type {
	if v.vec == 1 {
		return v.elem.typ()
	}
	return v.vector()
}

// all is a constant in every element.
func (v *values) all(x uint64) value.Value {
	t := v.elem.typ().(*types.IntType)
	one := constant.NewInt(t, int64(x))
	if v.elem == I32 {
		one = constant.NewInt(t, int64(int32(x)))
	}
	if v.vec == 1 {
		return one
	}
	every := make([]constant.Constant, v.vec)
	for i := range every {
		every[i] = one
	}
	return constant.NewVector(v.vector(), every...)
}

// weight gives the weights of the channels that this vector's elements are of.
func (v *values) weight(i, channel int) value.Value {
	b := v.fn
	if v.vec == 1 || channel%v.vec == 0 {
		at := v.channel
		if at == nil || channel != v.pixels {
			at, _ = b.divide("channel", "of.channel", v.element, channel)
		}
		w := b.load("w", b.element("w.at", v.at[i], at))
		if v.vec == 1 {
			return w
		}
		return b.splat("w.all", w)
	}
	var all value.Value = constant.NewUndef(v.vector()) // the vector has elements of several channels
	for j := range v.vec {
		at, _ := b.divide("channel", "of.channel", b.add("lane.element", v.element, num(j)), channel)
		all = b.call("w.some", b.at.NewInsertElement(all, b.load("w", b.element("w.at", v.at[i], at)), constant.NewInt(types.I32, int64(j))))
	}
	return all
}

// step computes an instruction.
func (v *values) step(in program.Instr) {
	x := func(i int) value.Value { return v.get(in.In[i]) }
	k := v.rounding(in)
	var y value.Value
	switch in.Op {
	case program.Add:
		y = v.sum("sum", x(0), x(1))
	case program.Sub:
		y = v.minus(x(0), x(1))
	case program.MulC:
		y = v.product("scaled", x(0), v.all(uint64(in.Ints[0])))
	case program.AddC:
		y = v.sum("moved", x(0), v.all(uint64(in.Ints[0])))
	case program.Copy:
		y = x(0)
	case program.Shift:
		y = v.sum("shifted", x(0), v.slope(in))
	case program.Conv:
		if !in.Elementwise() {
			y = v.result(in)
			break
		}
		y = v.scale(in, x(0), x(1))
	case program.SumPool:
		y = v.made
	case program.TruncChoose:
		y = v.call("choice", v.fn.at.NewXor(k.negative(k.masked(x(0))), x(1)))
	case program.TruncCorrelate:
		y = v.and(v.minus(k.top(x(0)), v.minus(x(2), x(1))), k.low)
	case program.TruncReceive: // x, e, c, q, v
		y = k.divide(x(0), v.minus(k.top(x(0)), v.negateIf(v.sum("pad", x(3), v.keepIf(x(4), x(2))), x(1))))
	case program.TruncSend: // x, e, p0
		y = k.divide(x(0), v.minus(k.top(x(0)), v.minus(v.keepIf(k.top(x(0)), x(1)), v.negateIf(x(2), x(1)))))
	case program.SquareClient: // r(r + 2g) + 2c
		y = v.sum("square", v.product("cross", x(0), v.sum("inner", x(0), v.twice(x(1)))), v.twice(x(2)))
	case program.SquareServer:
		y = v.sum("square", v.product("own", x(0), x(0)), v.twice(x(1)))
	case program.QuadraticBlind: // x1, B: 2^(k+1) x1 + b - B
		y = v.minus(v.sum("slope", v.product("twice", x(0), v.all(2<<in.Ints[1])), v.slope(in)), x(1))
	case program.QuadraticClient: // r, g, c0: r(2^k r + g) + c0
		y = v.sum("quadratic", v.product("cross", x(0), v.sum("slope", v.product("scaled", x(0), v.all(1<<in.Ints[0])), x(1))), x(2))
	case program.QuadraticServer: // x1, c1: x1(2^k x1 + b) + c1
		y = v.sum("quadratic", v.product("own", x(0), v.sum("slope", v.product("scaled", x(0), v.all(1<<in.Ints[1])), v.slope(in))), x(1))
	case program.RoundedShare, program.RoundedCorrelate, program.RoundedClient, program.RoundedServer:
		y = v.rounded(in, x)
	case program.SquareOpened: // e(own e + 2a) + a2
		inner := v.twice(x(1))
		if v.party == cost.Server {
			inner = v.sum("inner", inner, x(0))
		}
		y = v.sum("square", v.product("cross", x(0), inner), x(2))
	default:
		panic(fmt.Sprintf("backend/llvm: %s is elementwise and has no code here", in.Op))
	}
	v.put(in.Out[0], y)
}

// slope is the weight of an instruction with one a channel.
func (v *values) slope(in program.Instr) value.Value {
	return v.weight(v.weights(in)[0], in.Ints[len(in.Ints)-1])
}

// scale is a factor for each channel, with what a convolution adds.
func (v *values) scale(in program.Instr, x, u value.Value) value.Value {
	c, w := program.Geometry(in.Ints[2:]), v.weights(in)
	y := v.sum("scaled", v.product("factor", x, v.weight(w[0], c.InH*c.InW)), u)
	if len(w) > 1 {
		y = v.sum("biased", y, v.weight(w[1], c.InH*c.InW))
	}
	return y
}

func (v *values) minus(x, y value.Value) value.Value {
	return v.call("difference", v.fn.at.NewSub(x, y))
}
func (v *values) and(x, y value.Value) value.Value { return v.call("kept", v.fn.at.NewAnd(x, y)) }
func (v *values) twice(x value.Value) value.Value  { return v.sum("twice", x, x) }

// filled is all ones where a bit is set.
func (v *values) filled(bit value.Value) value.Value {
	if v.vec > 1 {
		lanes := v.call("lanes", v.fn.at.NewBitCast(bit, types.NewVector(uint64(v.vec), types.I1)))
		return v.call("filled", v.fn.at.NewSExt(lanes, v.typ()))
	}
	if v.elem != I64 {
		bit = v.call("narrow", v.fn.at.NewTrunc(bit, v.typ()))
	}
	return v.minus(v.all(0), bit)
}

// keepIf is x where a bit is set, elsewhere zero; negateIf is -x there, elsewhere x. Neither branches: bits are secret.
func (v *values) keepIf(x, bit value.Value) value.Value { return v.and(x, v.filled(bit)) }

func (v *values) negateIf(x, bit value.Value) value.Value {
	all := v.filled(bit)
	return v.minus(v.call("flipped", v.fn.at.NewXor(x, all)), all)
}

// rounding is the constants of a truncation: see runtime/nonlin/trunc.go, whose formulas these are.
type rounding struct {
	*values
	f, wrap, last         value.Value
	low, up, offset, base value.Value
}

func (v *values) rounding(in program.Instr) rounding {
	drops, party := 0, v.party // the place of f, and whose share it is
	switch in.Op {
	case program.TruncChoose, program.TruncCorrelate, program.TruncReceive, program.TruncSend, program.RoundedShare, program.RoundedClient:
	case program.RoundedCorrelate, program.RoundedServer:
		drops, party = 1, cost.Server // behind the weight
	default:
		return rounding{}
	}
	l, f := uint(8*v.elem.Bytes()), uint(in.Ints[drops])
	k := rounding{values: v, f: v.all(uint64(f)), wrap: v.all(uint64(l - f)), last: v.all(uint64(l - 1)), low: v.all(1<<f - 1), up: v.all(1<<f - 1), offset: v.all(0), base: v.all(0)}
	if party == cost.Client {
		k.up, k.offset, k.base = v.all(0), v.all(1<<(l-2)), v.all(1<<(l-2-f))
	}
	return k
}

func (k rounding) masked(x value.Value) value.Value { return k.sum("y", x, k.offset) }

func (k rounding) shr(x, n value.Value) value.Value { return k.call("shifted", k.fn.at.NewLShr(x, n)) }

// top is the top bit of a share.
func (k rounding) top(x value.Value) value.Value { return k.shr(k.masked(x), k.last) }

func (k rounding) divide(x, w value.Value) value.Value {
	y := k.masked(x)
	low := k.shr(k.sum("rounded", k.and(y, k.low), k.up), k.f)
	z := k.minus(k.sum("quotient", k.shr(y, k.f), low), k.call("wrapped", k.fn.at.NewShl(w, k.wrap)))
	return k.minus(z, k.base)
}
