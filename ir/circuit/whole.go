package circuit

import (
	"fmt"
	"math/bits"
)

// Whole ops: circuits that reconstruct x = x0 + x1, apply an op with the
// truncation before it, and share the result anew. The garbler enters its
// share x0 and, last, the mask r; the evaluator its share x1. The outputs are
// y - r mod 2^Ring: with them the evaluator's share, the garbler's being r. The
// mask is the garbler's own choice, so it is early (Circuit.Early).

// Format says which numbers a whole op takes and gives.
type Format struct {
	Ring  int // bits of the result and of its shares
	Width int // bits that hold every x, in two's complement; as many of each share enter
	Drop  int // low bits of x that a truncation drops: the op acts on floor(x / 2^Drop)
}

// Plain is the format of numbers of l bits, nothing dropped.
func Plain(l int) Format { return Format{Ring: l, Width: l} }

// Kept returns the bits that hold floor(x / 2^Drop).
func (f Format) Kept() int { return f.Width - f.Drop }

// check checks a format and the number of candidates of an op on it.
func (f Format) check(name string, k int) error {
	if err := checkSizes(name, f.Ring, k); err != nil {
		return err
	}
	if f.Width < 1 || f.Width > f.Ring || f.Drop < 0 || f.Drop >= f.Width {
		return fmt.Errorf("circuit: %s: %d of %d bits, %d dropped: widths of 1 to %d are accepted, of which at least one bit is kept",
			name, f.Width, f.Ring, f.Drop, f.Ring)
	}
	return nil
}

// builder starts the circuit of an op on k numbers.
func (f Format) builder(k int) *Builder {
	b := NewBuilder(k*f.Width+f.Ring, k*f.Width)
	b.early = f.Ring
	return b
}

// number reconstructs number i of those the parties share and truncates it:
// Width-1 ANDs.
func (f Format) number(b *Builder, i int) []Bit {
	return b.Add(b.GarblerBits(i*f.Width, f.Width), b.EvaluatorBits(i*f.Width, f.Width))[f.Drop:]
}

// masked returns y - r mod 2^Ring for a y that is extended by the bit above,
// the mask being the last input of a garbler that has k numbers before it:
// Ring-1 ANDs.
func (f Format) masked(b *Builder, k int, y []Bit, above Bit) []Bit {
	wide := make([]Bit, f.Ring)
	for i := range wide {
		wide[i] = above
	}
	copy(wide, y)
	return b.Sub(wide, b.GarblerBits(k*f.Width, f.Ring))
}

// ReLU returns max(floor(x / 2^Drop), 0) - r.
//
// (Width-1) + (Width-1-Drop) + (Ring-1) ANDs: to reconstruct, to clear all
// kept bits but the sign, which is always 0, and to re-mask. 3(l-1) for a
// Plain ring.
func ReLU(f Format) (*Circuit, error) {
	if err := f.check("relu", 1); err != nil {
		return nil, err
	}
	b := f.builder(1)
	y := f.number(b, 0)
	sign := len(y) - 1
	for i := range sign {
		y[i] = b.And(y[i], y[sign].Not())
	}
	return b.Build(f.masked(b, 1, y[:sign], False)...)
}

// Clip returns min(max(floor(x / 2^Drop), 0), most) - r for a public most that
// is positive and has at most Width-Drop-1 bits: a ReLU6 for the most that
// stands for six.
//
// With z trailing zeros of most and k = Width-1-Drop:
// (Width-1) + (k-1-z) + 1 + k + (Ring-1) ANDs: to reconstruct, to compare k bits
// with a constant (none for its zeros at the end, none for the bit after
// them), to join that with the sign, to choose, and to re-mask.
func Clip(f Format, most uint64) (*Circuit, error) {
	if err := f.check("clip", 1); err != nil {
		return nil, err
	}
	if most == 0 || bits.Len64(most) > f.Kept()-1 {
		return nil, fmt.Errorf("circuit: clip at %d of numbers of %d bits: 1 to %d are accepted", most, f.Kept(), uint64(1)<<(f.Kept()-1)-1)
	}
	b := f.builder(1)
	x := f.number(b, 0)
	sign := len(x) - 1
	bound := b.Const(most, sign)
	above := b.And(b.LessThan(x[:sign], bound).Not(), x[sign].Not())
	inside := b.Xor(above, x[sign].Not()) // positive, and not above
	y := make([]Bit, sign)
	for i := range y {
		y[i] = b.Xor(b.And(x[i], inside), b.And(bound[i], above))
	}
	return b.Build(f.masked(b, 1, y, False)...)
}

// MaxPool returns the largest of k numbers floor(x / 2^Drop), less r. No bound
// on their differences is needed.
//
// k(Width-1) + (k-1)2(Width-Drop) + (Ring-1) ANDs: k adders to reconstruct, k-1
// comparisons and choices of the kept bits, one re-mask.
func MaxPool(k int, f Format) (*Circuit, error) {
	if err := f.check("maxpool", k); err != nil {
		return nil, err
	}
	b := f.builder(k)
	best := b.tournament(f.candidates(b, k)).value
	return b.Build(f.masked(b, k, best, best[len(best)-1])...)
}

// Argmax returns the index of the largest of k numbers floor(x / 2^Drop), the
// lowest such index if several are equal, less r. No bound on their
// differences is needed.
//
// With w = Width-Drop, for k >= 2:
// k(Width-1) + (k-1)w + (k-2)w + s(k) + (Ring-1) ANDs: k adders, k-1
// comparisons, a choice of values after all but the last of them, the
// choices of indices s(1) = s(2) = 0, s(k) = s(2^j) + s(k-2^j) + j with 2^j the
// largest power of two below k, and one re-mask. Choosing every value and
// all ceil(log2 k) index bits at each comparison would cost
// (k-1)(2w + ceil(log2 k)); the difference is folded away because the last
// value is not asked for and the first indices are constants.
func Argmax(k int, f Format) (*Circuit, error) {
	if err := f.check("argmax", k); err != nil {
		return nil, err
	}
	if n := bits.Len(uint(k - 1)); n > f.Ring {
		return nil, fmt.Errorf("circuit: argmax: an index of %d bits in a ring of %d", n, f.Ring)
	}
	b := f.builder(k)
	return b.Build(f.masked(b, k, b.tournament(f.candidates(b, k)).index, False)...)
}

// candidates reconstructs the k numbers and gives each its index.
func (f Format) candidates(b *Builder, k int) []candidate {
	list := make([]candidate, k)
	for i := range list {
		list[i] = candidate{f.number(b, i), b.Const(uint64(i), bits.Len(uint(k-1)))}
	}
	return list
}
