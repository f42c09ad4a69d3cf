package ir

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Sharing says who knows a value. The zero Sharing is a value nobody holds yet: the clear meaning of SPACE, NET and RING.
type Sharing byte

const (
	Clear      Sharing = 0
	Public     Sharing = 'P' // known to both
	OfClient   Sharing = 'C' // known to the client
	OfServer   Sharing = 'S' // known to the server
	Arithmetic Sharing = 'A' // x = x0 + x1 mod 2^l
	Masked     Sharing = 'M' // the client knows r offline, the server learns x - r online: an arithmetic sharing too
	Opened     Sharing = 'E' // both learn x - a online; a is shared since the offline phase
	Boolean    Sharing = 'B' // x = x0 ^ x1
	Yao        Sharing = 'Y' // the server knows both labels, the client one
)

const sharings = "PCSAMEBY"

// Additive reports whether the two parties' parts add up to the value.
func (s Sharing) Additive() bool { return s == Arithmetic || s == Masked }

// Elem is the type of one element: float, a ring element of Bits bits of which Frac are fraction bits, or a bit.
type Elem struct {
	Float bool
	Bits  int
	Frac  int
}

// F32 is a real number; U1 one bit.
var (
	F32 = Elem{Float: true, Bits: 32}
	U1  = Elem{Bits: 1}
)

// Ring gives the element type of Z/2^bits with frac fraction bits.
func Ring(bits, frac int) Elem { return Elem{Bits: bits, Frac: frac} }

// IsRing reports whether e is a ring element.
func (e Elem) IsRing() bool { return !e.Float && e.Bits > 1 }

func (e Elem) String() string {
	switch {
	case e.Float:
		return "f32"
	case e.Bits == 1:
		return "u1"
	}
	return fmt.Sprintf("i%dq%d", e.Bits, e.Frac)
}

// Type is sharing, element, shape and batch. The shape is that of one sample: images are [C,H,W], vectors [N].
type Type struct {
	Share Sharing
	Elem  Elem
	Shape []int
	Batch int // 0: there is one; n > 0: one for each of n samples, one behind the other (TRAIN, and RING where it trains)
}

// Float gives the clear float type of a shape.
func Float(shape ...int) Type { return Type{Elem: F32, Shape: shape} }

// Len is the number of elements of a sample.
func (t Type) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// All is the number of elements of all samples.
func (t Type) All() int { return t.Len() * max(1, t.Batch) }

// With gives t with another shape.
func (t Type) With(shape ...int) Type {
	t.Shape = shape
	return t
}

// Of gives t with another sharing.
func (t Type) Of(s Sharing) Type {
	t.Share = s
	return t
}

// Batched gives t for so many samples; for 0, once for all of them.
func (t Type) Batched(n int) Type {
	t.Batch = n
	return t
}

// Frac gives t with another number of fraction bits.
func (t Type) Frac(frac int) Type {
	t.Elem.Frac = frac
	return t
}

// Equal compares types.
func (t Type) Equal(o Type) bool {
	return t.Share == o.Share && t.Elem == o.Elem && t.Batch == o.Batch && slices.Equal(t.Shape, o.Shape)
}

func (t Type) String() string {
	s := t.Elem.String() + shapeString(t.Shape)
	if t.Share != Clear {
		s = string(t.Share) + " " + s
	}
	if t.Batch > 0 {
		s += fmt.Sprintf(" x %d", t.Batch)
	}
	return s
}

func shapeString(shape []int) string {
	parts := make([]string, len(shape))
	for i, d := range shape {
		parts[i] = strconv.Itoa(d)
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// maxElements bounds a tensor: sizes stay far from overflowing an int, whatever a hostile file says.
const maxElements = 1 << 34

// check refuses types that no tensor can have.
func (t Type) check() error {
	if err := checkShape(t.Shape); err != nil {
		return err
	}
	if t.Batch < 0 || t.Batch > maxElements/t.Len() {
		return fmt.Errorf("a batch of %d: accepted are 1 to 2^34 elements in all", t.Batch)
	}
	return nil
}

// checkShape refuses shapes that are empty, negative or beyond maxElements. A single number has shape [1].
func checkShape(shape []int) error {
	if len(shape) == 0 {
		return errors.New("shape [] is not usable: a shape has at least one side, a single number is [1]")
	}
	n := 1
	for _, d := range shape {
		if d <= 0 || d > maxElements || n > maxElements/d {
			return fmt.Errorf("shape %s is not usable: every side must be positive and the product at most 2^34", shapeString(shape))
		}
		n *= d
	}
	return nil
}
