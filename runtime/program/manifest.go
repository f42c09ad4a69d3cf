package program

import (
	"fmt"

	"sotto/ir/cost"
)

// ItemKind says what a manifest item is and which parts of it each party gets. Shares add up mod 2^l.
type ItemKind string

const (
	// Mask: client-server: the client gets r (part 0). Outsourced: each party gets a share of a (part 0).
	Mask ItemKind = "mask"
	// Moved is a movement (Op, Ints) of other masks; nobody gets parts, each computes it from its own.
	Moved ItemKind = "moved"
	// Product of a mask with a weight under the linear map Op, Ints: each party gets a share (part 0).
	Product ItemKind = "product"
	// Cross (client-server): r*b for a mask r and a random b: the server gets b (part 1), each party a share of r*b (part 0).
	Cross ItemKind = "cross"
	// Square (outsourced): each party gets a share of a*a (part 0).
	Square ItemKind = "square"
	// Bilinear (outsourced): each party gets a share of f(a, b) (part 0) for masks a and b, which may be one, and the bilinear map Op, Ints.
	Bilinear ItemKind = "bilinear"
	// Compare: keys that compare N values of Ints[0] bits with zero (runtime/fss): each party gets a share of a random r (part 0)
	// and its keys, which are no part. A dealer alone makes them.
	Compare ItemKind = "compare"
	// Rectify: keys as of Compare, and shares that go with them, for max(x, 0) of N values of Ints[0] bits less the lowest Ints[1].
	Rectify ItemKind = "rectify"
)

// Item is one piece of correlated randomness.
type Item struct {
	_      struct{} `cbor:",toarray"`
	Kind   ItemKind
	Tag    int // layer
	N      int // elements
	Args   []int
	Op     Opcode // of Moved, Product and Bilinear
	Ints   []int
	Weight string // of Product
	WLen   int
	// Packing is how a Product or Bilinear item is packed where the parties make it alone.
	Packing cost.Packing
}

// Manifest lists the correlated randomness of one inference, with the relations between its items. It is the same
// whoever makes the material.
type Manifest struct {
	Version int             `cbor:"1,keyasint"`
	Deploy  cost.Deployment `cbor:"2,keyasint"`
	Ring    int             `cbor:"3,keyasint"`
	Items   []Item          `cbor:"4,keyasint"`
	// Elementwise is how the parties make Cross and Square items, and Bilinear ones of elements, where they make them alone.
	Elementwise cost.Elementwise `cbor:"5,keyasint,omitempty"`
}

// Check refuses manifests that refer to what is not there.
func (m *Manifest) Check() error {
	if m.Version != Version {
		return fmt.Errorf("manifest version %d, accepted is %d: compile again", m.Version, Version)
	}
	if m.Ring != 32 && m.Ring != 64 {
		return fmt.Errorf("manifest: ring of %d bits, accepted are 32 and 64", m.Ring)
	}
	if _, err := cost.ParseDeployment(string(m.Deploy)); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	if err := m.Elementwise.Check(); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	if len(m.Items) > maxItems {
		return fmt.Errorf("manifest: %d items, accepted are at most %d", len(m.Items), maxItems)
	}
	for i, it := range m.Items {
		if err := m.checkItem(i, it); err != nil {
			return fmt.Errorf("manifest item %d (%s): %w", i, it.Kind, err)
		}
	}
	if n := m.Memory(); n > maxMemory {
		return fmt.Errorf("manifest: items of %d bytes, accepted are at most %d", n, int64(maxMemory))
	}
	return nil
}

func (m *Manifest) checkItem(i int, it Item) error {
	if it.N < 1 || it.N > maxElements || it.WLen < 0 || it.WLen > maxElements {
		return fmt.Errorf("%d elements from %d weights", it.N, it.WLen)
	}
	args := map[ItemKind]int{Mask: 0, Compare: 0, Rectify: 0, Product: 1, Cross: 1, Square: 1, Bilinear: 2, Moved: len(it.Args)}
	want, known := args[it.Kind]
	if !known || len(it.Args) != want {
		return fmt.Errorf("an unknown kind or %d arguments", len(it.Args))
	}
	for _, a := range it.Args {
		if a < 0 || a >= i || (m.Items[a].Kind != Mask && m.Items[a].Kind != Moved) {
			return fmt.Errorf("argument %d is no mask before it", a)
		}
	}
	switch it.Kind {
	case Cross, Square:
		if m.Items[it.Args[0]].N != it.N {
			return fmt.Errorf("%d elements from a mask of %d", it.N, m.Items[it.Args[0]].N)
		}
	case Product:
		if err := it.Packing.Check(); err != nil {
			return err
		}
		if it.Op != Conv && it.Op != Linear {
			return fmt.Errorf("no linear map is called %q", it.Op)
		}
		if err := checkLinear(it.Op, it.Ints, it.N, m.Items[it.Args[0]].N, it.WLen); err != nil {
			return err
		}
	case Bilinear:
		if err := it.Packing.Check(); err != nil {
			return err
		}
		return checkBilinear(it.Op, it.Ints, it.N, m.Items[it.Args[0]].N, m.Items[it.Args[1]].N)
	case Moved:
		return m.checkMoved(it)
	case Compare, Rectify:
		return m.checkKeys(it)
	}
	return nil
}

// checkMoved checks a movement as if it were an instruction over buffers of the masks' sizes.
func (m *Manifest) checkMoved(it Item) error {
	in := Instr{Op: it.Op, Ints: it.Ints, Out: []Operand{{Buf: 0, Len: it.N}}}
	for _, a := range it.Args {
		in.In = append(in.In, Operand{Buf: 0, Len: m.Items[a].N})
	}
	if m, ok := movements[it.Op]; ok && m.ofMasks {
		return m.check(in)
	}
	return fmt.Errorf("no movement of masks is called %q", it.Op)
}
