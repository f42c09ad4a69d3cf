package llvm

import (
	"fmt"
	"strings"

	"github.com/llir/llvm/ir"
	"github.com/llir/llvm/ir/constant"
	"github.com/llir/llvm/ir/enum"
	"github.com/llir/llvm/ir/types"
	"github.com/llir/llvm/ir/value"
)

// Elem is the type of a kernel's elements.
type Elem string

const (
	I32 Elem = "i32"
	I64 Elem = "i64"
	F32 Elem = "f32"
)

// RingElem is the element of a ring of so many bits.
func RingElem(bits int) Elem {
	if bits == 32 {
		return I32
	}
	return I64
}

// Bytes of an element.
func (e Elem) Bytes() int {
	if e == I64 {
		return 8
	}
	return 4
}

func (e Elem) typ() types.Type {
	switch e {
	case I32:
		return types.I32
	case I64:
		return types.I64
	}
	return types.Float
}

// fn writes one function. Values get names from what they are for; equal ones are told apart by a number.
type fn struct {
	elem   Elem
	vec    int // elements of a vector
	f      *ir.Func
	at     *ir.Block
	names  map[string]int
	notes  map[string]string // comments, by the name of the block that they stand above
	bufs   value.Value
	lo, hi value.Value
}

// begin opens a stage: void name(i8** bufs, i64 lo, i64 hi).
func begin(name string, e Elem, lanes int) *fn {
	bufs := ir.NewParam("bufs", types.NewPointer(types.I8Ptr))
	lo, hi := ir.NewParam("lo", types.I64), ir.NewParam("hi", types.I64)
	f := ir.NewFunc(name, types.Void, bufs, lo, hi)
	b := &fn{elem: e, vec: lanes, f: f, names: map[string]int{}, notes: map[string]string{}, bufs: bufs, lo: lo, hi: hi}
	b.at = f.NewBlock(b.name("entry"))
	return b
}

// end returns from the function.
func (b *fn) end() { b.at.NewRet(nil) }

func (b *fn) name(hint string) string {
	b.names[hint]++
	if n := b.names[hint]; n > 1 {
		return fmt.Sprintf("%s.%d", hint, n-1)
	}
	return hint
}

type named interface {
	value.Value
	SetName(string)
}

// call names a value after what it is for.
func (b *fn) call(hint string, v named) value.Value {
	v.SetName(b.name(hint))
	return v
}

func num(n int) value.Value { return constant.NewInt(types.I64, int64(n)) }

// isNum reads a constant.
func isNum(v value.Value) (int, bool) {
	c, ok := v.(*constant.Int)
	if !ok || !c.X.IsInt64() {
		return 0, false
	}
	return int(c.X.Int64()), true
}

// Index arithmetic, in which constants are folded so that the text stays readable.

func (b *fn) add(hint string, x, y value.Value) value.Value {
	m, constX := isNum(x)
	n, constY := isNum(y)
	switch {
	case constX && constY:
		return num(m + n)
	case constX && m == 0:
		return y
	case constY && n == 0:
		return x
	}
	return b.call(hint, b.at.NewAdd(x, y))
}

func (b *fn) sub(hint string, x, y value.Value) value.Value {
	return b.call(hint, b.at.NewSub(x, y))
}

func (b *fn) mul(hint string, x value.Value, n int) value.Value {
	if m, ok := isNum(x); ok {
		return num(m * n)
	}
	if n == 1 {
		return x
	}
	return b.call(hint, b.at.NewMul(x, num(n)))
}

// divide gives x / n and x % n of a non-negative x.
func (b *fn) divide(quotient, rest string, x value.Value, n int) (value.Value, value.Value) {
	if n == 1 {
		return x, num(0)
	}
	q := b.call(quotient, b.at.NewUDiv(x, num(n)))
	return q, b.sub(rest, x, b.mul(rest, q, n))
}

func (b *fn) min(hint string, x, y value.Value) value.Value {
	less := b.at.NewICmp(enum.IPredSLT, x, y)
	less.SetName(b.name(hint + ".less"))
	return b.call(hint, b.at.NewSelect(less, x, y))
}

func (b *fn) max(hint string, x, y value.Value) value.Value {
	less := b.at.NewICmp(enum.IPredSLT, x, y)
	less.SetName(b.name(hint + ".less"))
	return b.call(hint, b.at.NewSelect(less, y, x))
}

// Control.

// carried is a value that a loop hands from one turn to the next.
type carried struct {
	hint string
	from value.Value
}

// loop counts i from lo to below hi by step and gives what the carried values are in the end. A note is a comment above it.
func (b *fn) loop(hint, note string, lo, hi value.Value, step int, in []carried, body func(i value.Value, in []value.Value) []value.Value) []value.Value {
	before := b.at
	head, turn, done := b.f.NewBlock(b.name(hint)), b.f.NewBlock(b.name(hint+".body")), b.f.NewBlock(b.name(hint+".done"))
	before.NewBr(head)
	if note != "" {
		b.notes[head.LocalName] = note
	}
	i := head.NewPhi(ir.NewIncoming(lo, before))
	i.SetName(b.name(hint + ".i"))
	phis, values := make([]*ir.InstPhi, len(in)), make([]value.Value, len(in))
	for j, c := range in {
		phis[j] = head.NewPhi(ir.NewIncoming(c.from, before))
		phis[j].SetName(b.name(c.hint))
		values[j] = phis[j]
	}
	more := head.NewICmp(enum.IPredSLT, i, hi)
	more.SetName(b.name(hint + ".more"))
	head.NewCondBr(more, turn, done)
	b.at = turn
	out := body(i, values)
	next := b.at.NewAdd(i, num(step))
	next.SetName(b.name(hint + ".next"))
	i.Incs = append(i.Incs, ir.NewIncoming(next, b.at))
	for j := range phis {
		phis[j].Incs = append(phis[j].Incs, ir.NewIncoming(out[j], b.at))
	}
	b.at.NewBr(head)
	b.at = done
	return values
}

// each is loop by one without carried values.
func (b *fn) each(hint, note string, lo, hi value.Value, body func(i value.Value)) {
	b.loop(hint, note, lo, hi, 1, nil, func(i value.Value, _ []value.Value) []value.Value {
		body(i)
		return nil
	})
}

// Memory.

// buffer gives argument i as a pointer to elements.
func (b *fn) buffer(hint string, i int) value.Value { return b.bufferOf(hint, i, b.elem.typ()) }

func (b *fn) bufferOf(hint string, i int, t types.Type) value.Value {
	place := b.call(hint+".arg", b.at.NewGetElementPtr(types.I8Ptr, b.bufs, num(i)))
	raw := b.call(hint+".raw", b.at.NewLoad(types.I8Ptr, place))
	return b.call(hint, b.at.NewBitCast(raw, types.NewPointer(t)))
}

// element gives the address of element i of p.
func (b *fn) element(hint string, p, i value.Value) value.Value {
	if n, ok := isNum(i); ok && n == 0 {
		return p
	}
	g := b.at.NewGetElementPtr(b.elem.typ(), p, i)
	g.InBounds = true
	return b.call(hint, g)
}

func (b *fn) vector() *types.VectorType { return types.NewVector(uint64(b.vec), b.elem.typ()) }

// load reads the element at p, loadVector the vector that begins there.
func (b *fn) load(hint string, p value.Value) value.Value {
	l := b.at.NewLoad(b.elem.typ(), p)
	l.Align = ir.Align(b.elem.Bytes())
	return b.call(hint, l)
}

func (b *fn) store(v, p value.Value) { b.at.NewStore(v, p).Align = ir.Align(b.elem.Bytes()) }

func (b *fn) loadVector(hint string, p value.Value) value.Value {
	q := b.call(hint+".at", b.at.NewBitCast(p, types.NewPointer(b.vector())))
	l := b.at.NewLoad(b.vector(), q)
	l.Align = ir.Align(b.elem.Bytes())
	return b.call(hint, l)
}

func (b *fn) storeVector(hint string, v, p value.Value) {
	q := b.call(hint+".at", b.at.NewBitCast(p, types.NewPointer(b.vector())))
	b.at.NewStore(v, q).Align = ir.Align(b.elem.Bytes())
}

// prefetch asks for the element that lies so far behind p, which need not be there.
func (b *fn) prefetch(hint string, p, at value.Value) {
	const read, keep, data = 0, 3, 1 // of the language reference
	line := b.call(hint, b.at.NewBitCast(b.call(hint+".place", b.at.NewGetElementPtr(b.elem.typ(), p, at)), types.I8Ptr))
	b.at.NewCall(prefetching, line, constant.NewInt(types.I32, read), constant.NewInt(types.I32, keep), constant.NewInt(types.I32, data))
}

var prefetching = ir.NewFunc("llvm.prefetch.p0i8", types.Void, ir.NewParam("", types.I8Ptr), ir.NewParam("", types.I32), ir.NewParam("", types.I32), ir.NewParam("", types.I32))

// Elements and vectors of them.

func (b *fn) float() bool { return b.elem == F32 }

// Floats may be multiplied and added in one rounding, where the machine has that.
var fused = []enum.FastMathFlag{enum.FastMathFlagContract}

// sum adds elements or vectors of either kind.
func (b *fn) sum(hint string, x, y value.Value) value.Value {
	if b.float() {
		a := b.at.NewFAdd(x, y)
		a.FastMathFlags = fused
		return b.call(hint, a)
	}
	return b.call(hint, b.at.NewAdd(x, y))
}

// product multiplies elements or vectors of either kind.
func (b *fn) product(hint string, x, y value.Value) value.Value {
	if b.float() {
		m := b.at.NewFMul(x, y)
		m.FastMathFlags = fused
		return b.call(hint, m)
	}
	return b.call(hint, b.at.NewMul(x, y))
}

// multiplyAdd gives acc + x*y.
func (b *fn) multiplyAdd(hint string, acc, x, y value.Value) value.Value {
	return b.sum(hint, acc, b.product("product", x, y))
}

// together gives the same vectors, none of them before all are there: what makes them stands before what uses them, and no later load
// is moved before it. It is an empty piece of assembly, which is no instruction.
func (b *fn) together(hint string, list []value.Value) []value.Value {
	if len(list) == 1 { // an assembly of one result gives no struct, and there is nothing to mix
		return list
	}
	params, outs, ins := make([]types.Type, len(list)), make([]string, len(list)), make([]string, len(list))
	for i := range list {
		params[i], outs[i], ins[i] = b.vector(), "=v", fmt.Sprint(i)
	}
	pass := ir.NewInlineAsm(types.NewPointer(types.NewFunc(types.NewStruct(params...), params...)), "", strings.Join(append(append(outs, ins...), "~{memory}"), ","))
	pass.SideEffect = true
	all := b.call(hint+".all", b.at.NewCall(pass, list...))
	out := make([]value.Value, len(list))
	for i := range list {
		out[i] = b.call(hint, b.at.NewExtractValue(all, uint64(i)))
	}
	return out
}

func (b *fn) zero() constant.Constant {
	if b.float() {
		return constant.NewFloat(types.Float, 0)
	}
	return constant.NewInt(b.elem.typ().(*types.IntType), 0)
}

func (b *fn) zeroVector() constant.Constant { return constant.NewZeroInitializer(b.vector()) }

// splat fills a vector with an element.
func (b *fn) splat(hint string, x value.Value) value.Value {
	one := b.call(hint+".one", b.at.NewInsertElement(constant.NewUndef(b.vector()), x, constant.NewInt(types.I32, 0)))
	every := constant.NewZeroInitializer(types.NewVector(uint64(b.vec), types.I32))
	return b.call(hint, b.at.NewShuffleVector(one, constant.NewUndef(b.vector()), every))
}

// shuffle picks elements of x and y, which are numbered one behind the other.
func (b *fn) shuffle(hint string, x, y value.Value, pick []int) value.Value {
	mask := make([]constant.Constant, len(pick))
	for i, p := range pick {
		mask[i] = constant.NewInt(types.I32, int64(p))
	}
	return b.call(hint, b.at.NewShuffleVector(x, y, constant.NewVector(types.NewVector(uint64(len(pick)), types.I32), mask...)))
}

// transpose turns row i of a square of vectors into column i: in step s blocks of s rows and columns change places.
func (b *fn) transpose(rows []value.Value) []value.Value {
	for s := 1; s < b.vec; s *= 2 {
		low, high := make([]int, b.vec), make([]int, b.vec)
		for j := range b.vec {
			from := j &^ s // of the first row, or of the second where j has the bit
			low[j], high[j] = from, from+s
			if j&s != 0 {
				low[j], high[j] = b.vec+from, b.vec+j
			}
		}
		out := make([]value.Value, b.vec)
		for i := range b.vec {
			if i&s == 0 {
				out[i] = b.shuffle("swap", rows[i], rows[i+s], low)
				out[i+s] = b.shuffle("swap", rows[i], rows[i+s], high)
			}
		}
		rows = out
	}
	return rows
}

const equal = enum.IPredEQ
