package program

import (
	"errors"
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/kernel"
)

// Movements and sums of windows: runtime/vm (local.go) has the kernel of each.
const (
	Copy    Opcode = "copy"    // y <- x
	Concat  Opcode = "concat"  // y <- x...
	Pad     Opcode = "pad"     // y <- x [c h w top bottom left right]
	Slice   Opcode = "slice"   // y <- x [c h w start stride]
	Walk    Opcode = "walk"    // y <- x [first, n1 step1, n2 step2, ...]: nested loops over x, the last one innermost
	SumPool Opcode = "sumpool" // y <- x [c h w kh kw sh sw ph pw]
	Unpool  Opcode = "unpool"  // dx <- dy [c h w kh kw sh sw ph pw]: the adjoint of sumpool
	Sums    Opcode = "sums"    // y <- x [batch, n]: n sums, each of a stretch of every sample
	Tour    Opcode = "tour"    // y <- x... [which, stage, c h w kh kw sh sw ph pw], which: 0 start, 1 left, 2 right, 3 next, 4 windows,
	//                            and back 5 winners, 6 unpair, 7 return
	Gather  Opcode = "gather"  // y <- x [lo hi ...]: the elements of some ranges, one behind the other
	Scatter Opcode = "scatter" // y <- x, e [lo hi ...]: x with e in their place
)

// movement is all that programs and manifests ask of a movement.
type movement struct {
	shape
	// sizes gives the lengths of the arguments and of the result, or says what is wrong with the ints, which are as many as the shape says.
	sizes func(in Instr) (ins []int, out int, err error)
	// ofMasks says that the maker of the material does it to drawn masks as well.
	ofMasks bool
}

var movements = map[Opcode]movement{
	Copy:    {shape{k(r), k(r), false, 0}, func(in Instr) ([]int, int, error) { return []int{in.Out[0].Len}, in.Out[0].Len, nil }, true},
	Concat:  {shape{k(r), k(r), true, 0}, concatSizes, true},
	Pad:     {shape{k(r), k(r), false, 7}, padSizes, true},
	Slice:   {shape{k(r), k(r), false, 5}, sliceSizes, true},
	Walk:    {shape{k(r), k(r), false, anyInts}, walkSizes, true},
	SumPool: {shape{k(r), k(r), false, 9}, sumPoolSizes, false},
	Unpool:  {shape{k(r), k(r), false, 9}, unpoolSizes, false},
	Sums:    {shape{k(r), k(r), false, 2}, sumsSizes, false},
	Tour:    {shape{k(r), k(r), true, 11}, tourSizes, false},
	Gather:  {shape{k(r), k(r), false, anyInts}, rangesSizes, false},
	Scatter: {shape{k(r), k(r, r), false, anyInts}, rangesSizes, false},
}

func init() {
	for op, m := range movements {
		shapes[op] = m.shape
	}
}

// Moves tells whether an opcode is a movement or sum of windows.
func (op Opcode) Moves() bool { _, ok := movements[op]; return ok }

func (m movement) check(in Instr) error {
	if len(in.In) == 0 || len(in.Ints) != m.ints && m.ints != anyInts {
		return fmt.Errorf("%d arguments and %d numbers", len(in.In), len(in.Ints))
	}
	ins, out, err := m.sizes(in)
	if err != nil {
		return err
	}
	if len(ins) != len(in.In) || in.Out[0].Len != out {
		return fmt.Errorf("%d arguments into %d elements, accepted are %d into %d", len(in.In), in.Out[0].Len, len(ins), out)
	}
	for i, n := range ins {
		if in.In[i].Len != n {
			return fmt.Errorf("argument of %d elements, accepted are %d", in.In[i].Len, n)
		}
	}
	return nil
}

// lengths are those that an instruction has.
func lengths(operands []Operand) []int {
	out := make([]int, len(operands))
	for i, o := range operands {
		out[i] = o.Len
	}
	return out
}

func concatSizes(in Instr) (ins []int, out int, err error) {
	for _, n := range lengths(in.In) {
		out += n
	}
	return lengths(in.In), out, nil
}

// PadGeometry reads the padding that seven ints describe.
func PadGeometry(i []int) kernel.Pad {
	return kernel.Pad{C: i[0], H: i[1], W: i[2], Top: i[3], Bottom: i[4], Left: i[5], Right: i[6]}
}

func padSizes(in Instr) (ins []int, out int, err error) {
	g := PadGeometry(in.Ints)
	if err := g.Check(); err != nil {
		return nil, 0, err
	}
	return []int{g.C * g.H * g.W}, g.C * g.OutH() * g.OutW(), nil
}

// SliceGeometry reads the slice that five ints describe: start and stride are those of rows and columns.
func SliceGeometry(i []int) kernel.Slice {
	return kernel.Slice{C: i[0], H: i[1], W: i[2], StartH: i[3], StartW: i[3], StrideH: i[4], StrideW: i[4]}
}

func sliceSizes(in Instr) (ins []int, out int, err error) {
	g := SliceGeometry(in.Ints)
	if err := g.Check(); err != nil {
		return nil, 0, err
	}
	return []int{g.C * g.H * g.W}, g.C * g.OutH() * g.OutW(), nil
}

// LoopsOf reads the nested loops that some ints describe.
func LoopsOf(i []int) kernel.Loops { return kernel.Loops{First: i[0], Of: i[1:]} }

func walkSizes(in Instr) (ins []int, out int, err error) {
	if len(in.Ints) == 0 {
		return nil, 0, errors.New("no loops")
	}
	return lengths(in.In[:1]), in.Out[0].Len, LoopsOf(in.Ints).Check(in.Out[0].Len, in.In[0].Len)
}

// PoolGeometry reads the window geometry that nine ints describe.
func PoolGeometry(ints []int) cost.Tournament {
	return cost.Tournament{C: ints[0], H: ints[1], W: ints[2], KH: ints[3], KW: ints[4], StrideH: ints[5], StrideW: ints[6], PadH: ints[7], PadW: ints[8]}
}

func sumPoolSizes(in Instr) (ins []int, out int, err error) {
	t := PoolGeometry(in.Ints)
	if err := t.Check(); err != nil {
		return nil, 0, err
	}
	return []int{t.C * t.H * t.W}, t.Windows(), nil
}

func unpoolSizes(in Instr) (ins []int, out int, err error) {
	t := PoolGeometry(in.Ints)
	if err := t.Check(); err != nil {
		return nil, 0, err
	}
	return []int{t.Windows()}, t.C * t.H * t.W, nil
}

func sumsSizes(in Instr) (ins []int, out int, err error) {
	x, batch, n := in.In[0].Len, in.Ints[0], in.Ints[1]
	if batch < 1 || n < 1 || x%batch != 0 || x/batch%n != 0 {
		return nil, 0, fmt.Errorf("%d sums over %d samples of %d elements", n, batch, x)
	}
	return []int{x}, n, nil
}

func tourSizes(in Instr) (ins []int, out int, err error) {
	which, stage, t := in.Ints[0], in.Ints[1], PoolGeometry(in.Ints[2:])
	if err := t.Check(); err != nil {
		return nil, 0, err
	}
	if stage < 0 || (stage >= t.Stages() && which != 0 && which != 4 && which != 7) {
		return nil, 0, fmt.Errorf("stage %d of %d", stage, t.Stages())
	}
	switch which {
	case 0:
		return []int{t.C * t.H * t.W}, t.Live(0), nil
	case 1, 2:
		return []int{t.Live(stage)}, t.Pairs(stage), nil
	case 3:
		return []int{t.Pairs(stage), t.Live(stage)}, t.Live(stage + 1), nil
	case 4:
		return []int{t.C * t.H * t.W}, t.Windows() * t.KH * t.KW, nil
	case 5:
		return []int{t.Live(stage + 1)}, t.Pairs(stage), nil
	case 6:
		return []int{t.Pairs(stage), t.Pairs(stage), t.Live(stage + 1)}, t.Live(stage), nil
	case 7:
		return []int{t.Live(0)}, t.C * t.H * t.W, nil
	}
	return nil, 0, fmt.Errorf("no tournament step %d", which)
}

// rangesSizes holds the ranges of a gather or scatter within its tensor, in order, and the gathered elements to as many.
func rangesSizes(in Instr) (ins []int, out int, err error) {
	ins = lengths(in.In)
	whole, some := ins[0], in.Out[0].Len
	if in.Op == Scatter {
		whole, some = in.Out[0].Len, ins[1]
	}
	end, kept := 0, 0
	for i := 0; i+1 < len(in.Ints); i += 2 {
		lo, hi := in.Ints[i], in.Ints[i+1]
		if lo < end || hi <= lo || hi > whole {
			return nil, 0, fmt.Errorf("elements %d to %d after %d of %d", lo, hi, end, whole)
		}
		kept += hi - lo
		end = hi
	}
	if len(in.Ints)%2 != 0 || kept != some || ins[0] != whole {
		return nil, 0, fmt.Errorf("%d numbers of ranges with %d elements for %d of %d", len(in.Ints), kept, some, whole)
	}
	return ins, in.Out[0].Len, nil
}
