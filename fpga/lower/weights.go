package lower

import (
	"slices"

	"sotto/fpga/target"
)

// Layout is how a weight lies in memory.
type Layout string

const (
	Plain Layout = "plain" // as the program has it
	Array Layout = "array" // as fpga/hlslib/conv.hpp takes a group's: [m-group][channel group][ky][kx][TM][TN], zeros beyond the channels
	Lanes Layout = "lanes" // as fpga/hlslib/depthwise.hpp takes it: [channel group][ky][kx][lanes], zeros beyond the channels
)

// Weight is where a weight of the program lies, or a group of one.
type Weight struct {
	Weight   int             `json:"weight"` // index of Program.Weights
	Layout   Layout          `json:"layout"`
	Group    int             `json:"group"`
	Geometry target.Geometry `json:"geometry,omitzero"` // of a group, or of all channels where each is one
	TM       int             `json:"tm,omitempty"`
	TN       int             `json:"tn,omitempty"` // or lanes
	Address  uint32          `json:"address"`      // in RING
	Words    int             `json:"words"`
}

// Pack brings a weight of the program into its layout. raw is as the program has it: all groups.
func Pack[W any](w Weight, raw []W) []W {
	if w.Layout == Plain {
		return raw
	}
	g := w.Geometry
	taps := g.KH * g.KW
	out := make([]W, w.Words)
	if w.Layout == Lanes {
		for c := range g.OutC {
			for tap := range taps {
				out[(c/w.TN*taps+tap)*w.TN+c%w.TN] = raw[c*taps+tap]
			}
		}
		return out
	}
	raw = raw[w.Group*g.OutC*g.InC*taps:]
	for o := range g.OutC {
		for i := range g.InC {
			group := o/w.TM*ceil(g.InC, w.TN) + i/w.TN
			for tap := range taps {
				out[((group*taps+tap)*w.TM+o%w.TM)*w.TN+i%w.TN] = raw[(o*g.InC+i)*taps+tap]
			}
		}
	}
	return out
}

// weights places weights behind the values as they are asked for.
type weights struct {
	arena  *arena
	words  []int // of the program's weights
	placed []Weight
	known  map[Weight]uint32 // without address and words
	errs   []error
}

// put gives a weight's address, which it chooses the first time.
func (w *weights) put(of Weight, words int) uint32 {
	if a, ok := w.known[of]; ok {
		return a
	}
	address, err := w.arena.behind(words)
	w.errs = append(w.errs, err)
	w.known[of] = uint32(address)
	of.Address, of.Words = uint32(address), words
	w.placed = append(w.placed, of)
	return of.Address
}

func (w *weights) plain(weight int) uint32 {
	return w.put(Weight{Weight: weight, Layout: Plain}, w.words[weight])
}

// array places a group's weights of a convolution, whose geometry is the group's.
func (w *weights) array(weight int, g target.Geometry, group int, d target.Design) uint32 {
	tm, tn := d.Conv.TM, d.Conv.TN
	words := ceil(g.OutC, tm) * ceil(g.InC, tn) * g.KH * g.KW * tm * tn
	return w.put(Weight{Weight: weight, Layout: Array, Group: group, Geometry: g, TM: tm, TN: tn}, words)
}

func (w *weights) lanes(weight int, g target.Geometry, d target.Design) uint32 {
	n := d.Depthwise.Lanes
	return w.put(Weight{Weight: weight, Layout: Lanes, Geometry: g, TN: n}, ceil(g.OutC, n)*g.KH*g.KW*n)
}

// Table is words of BITS that a program's commands need and no party keeps secret: indices, ranges, circuits.
type Table struct {
	Address uint32   `json:"address"`
	Words   []uint64 `json:"words"`
}

// tables places tables behind the values, each once.
type tables struct {
	arena  *arena
	placed []Table
	errs   []error
}

func (t *tables) put(words []uint64) uint32 {
	if i := slices.IndexFunc(t.placed, func(o Table) bool { return slices.Equal(o.Words, words) }); i >= 0 {
		return t.placed[i].Address
	}
	address, err := t.arena.behind(len(words))
	t.errs = append(t.errs, err)
	t.placed = append(t.placed, Table{uint32(address), words})
	return uint32(address)
}
