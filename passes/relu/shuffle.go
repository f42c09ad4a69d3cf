package relu

import (
	"slices"

	"sotto/ir"
	"sotto/passes/pass"
)

// Shuffle applies ReLUs where tensors are made and shares them among those who read them moved or joined with others: ReLU
// shuffling of CryptoNAS, section 3. It changes nothing where that saves no ReLU.
var Shuffle = &pass.Pass{
	Name: "shuffle",
	Doc: "takes the relu of a concatenation, padding, reshape or slice on its parts where that saves relus: a part that several read is rectified" +
		" once, zeros of a padding never, and what only slices read after they took their elements (exact)",
	Needs: ir.Net,
	Run: func(_ *pass.Context, m *ir.Module) error {
		for i, f := range m.Funcs {
			m.Funcs[i] = shuffled(f)
		}
		return nil
	},
}

// shuffled hoists and sinks as long as that saves ReLUs: what one round moves, the next may move on, behind a slice of a slice.
func shuffled(f *ir.Func) *ir.Func {
	for {
		next := sink(hoist(f))
		if Count(next) >= Count(f) {
			return f
		}
		f = next
	}
}

// part is a tensor that a site rectifies, with its rectifier: one relu serves all who want the same.
type part struct {
	op string
	x  *ir.Value
}

// hoister moves rectifiers from what moved elements to where these come from. A site is a rectifier of the old function.
type hoister struct {
	*pass.Rewriter
	wanted map[part]int // how many places rectify a tensor as a whole, once every site is hoisted
	done   map[part]*ir.Value
}

func hoist(f *ir.Func) *ir.Func {
	h := &hoister{Rewriter: pass.NewRewriter(f), wanted: map[part]int{}, done: map[part]*ir.Value{}}
	h.count()
	for _, v := range f.Body {
		switch {
		case !rectifies(v):
			h.To[v] = h.Copy(v)
		case h.saves(v):
			h.To[v] = h.rectified(v, v.Args[0])
		default:
			h.To[v] = h.whole(v)
		}
	}
	return finish(h.Rewriter)
}

// whole is a site that stays where it is.
func (h *hoister) whole(v *ir.Value) *ir.Value {
	p := part{v.Op.Name, v.Args[0]}
	if h.done[p] == nil {
		h.done[p] = h.Copy(v)
	}
	return h.done[p]
}

// count finds what the sites want. Those who take a slice join in where all that it is taken of is wanted anyway: the whole has
// more elements.
func (h *hoister) count() {
	var slicing []*ir.Value
	for _, v := range h.Old.Body {
		if !rectifies(v) {
			continue
		}
		for _, x := range parts(v.Args[0]) {
			if h.wanted[part{v.Op.Name, x}]++; x.Is("nn.slice") {
				slicing = append(slicing, v)
			}
		}
	}
	for _, v := range slicing {
		for _, x := range parts(v.Args[0]) {
			if x.Is("nn.slice") && h.free(v.Op.Name, x) {
				h.want(v.Op.Name, x.Args[0])
			}
		}
	}
}

func (h *hoister) want(op string, x *ir.Value) {
	for _, y := range parts(x) {
		h.wanted[part{op, y}]++
	}
}

// free tells whether all that a slice is taken of is rectified for others.
func (h *hoister) free(op string, slice *ir.Value) bool {
	return !slices.ContainsFunc(parts(slice.Args[0]), func(y *ir.Value) bool { return h.wanted[part{op, y}] == 0 && !y.Is(op) })
}

// saves tells whether a site is better taken on the parts of its operand: one that is rectified elsewhere too, that is a relu, or
// that a padding leaves out.
func (h *hoister) saves(v *ir.Value) bool {
	op, x, elements := v.Op.Name, v.Args[0], 0
	for _, y := range parts(x) {
		shared := y != x && h.wanted[part{op, y}] > 1
		if shared || y.Is(op) || y.Is("nn.slice") && h.free(op, y) {
			return true
		}
		elements += y.Type.Len()
	}
	return elements < x.Type.Len()
}

// parts lists what a tensor is put together from, all of whose elements it has.
func parts(x *ir.Value) []*ir.Value {
	if !joins(x) {
		return []*ir.Value{x}
	}
	var out []*ir.Value
	for _, a := range x.Args {
		out = append(out, parts(a)...)
	}
	return out
}

// joins tells whether a tensor has all elements of those that it is made of, and no others but zeros.
func joins(x *ir.Value) bool { return x.Op.Moves && !x.Op.Drops }

// rectified gives the rectified form of an old value, for a site.
func (h *hoister) rectified(site, x *ir.Value) *ir.Value {
	p := part{site.Op.Name, x}
	if n := h.done[p]; n != nil {
		return n
	}
	switch {
	case x.Is(site.Op.Name):
		h.done[p] = h.To[x]
	case joins(x), x.Is("nn.slice") && h.free(site.Op.Name, x):
		args := make([]*ir.Value, len(x.Args))
		for i, a := range x.Args {
			args[i] = h.rectified(site, a)
		}
		h.done[p] = h.B.At(x).Must(x.Op.Name, x.Attrs, args...)
	default:
		h.done[p] = h.B.At(site).Must(site.Op.Name, site.Attrs, h.To[x])
	}
	return h.done[p]
}

// sink moves a rectifier behind the slices that read it, where they take fewer elements than there are.
func sink(f *ir.Func) *ir.Func {
	r, readers := pass.NewRewriter(f), f.Consumers()
	sinks := map[*ir.Value]bool{}
	for _, v := range f.Body {
		if rectifies(v) && v != f.Result && readBy(readers[v], "nn.slice") && total(readers[v]) < v.Type.Len() {
			sinks[v] = true
			continue
		}
		r.To[v] = sunk(r, v, sinks)
	}
	return finish(r)
}

func sunk(r *pass.Rewriter, v *ir.Value, sinks map[*ir.Value]bool) *ir.Value {
	if len(v.Args) == 0 || !sinks[v.Args[0]] {
		return r.Copy(v)
	}
	site := v.Args[0]
	taken := r.B.At(v).Must(v.Op.Name, v.Attrs, r.To[site.Args[0]])
	return r.B.At(site).Must(site.Op.Name, site.Attrs, taken)
}

// readBy tells whether somebody reads a value, and all who do are of one op.
func readBy(readers []*ir.Value, op string) bool {
	return len(readers) > 0 && !slices.ContainsFunc(readers, func(r *ir.Value) bool { return !r.Is(op) })
}

// total is how many elements some values have together.
func total(values []*ir.Value) (n int) {
	for _, v := range values {
		n += v.Type.Len()
	}
	return n
}
