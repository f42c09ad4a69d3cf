package irdiff

import (
	"hash/maphash"
	"slices"

	"sotto/ir"
)

// matching says which value of the one function is which of the other.
type matching struct {
	a, b     []placed
	to, from map[*ir.Value]*ir.Value
	of       map[*ir.Value]placed
}

// placed is a value with the option of a choice that it stands in, "" outside of choices.
type placed struct {
	*ir.Value
	option string
}

// newMatch matches the values of two functions, the surest first: those that compute the same from the same; then, with what still is
// unmatched, those of one layer that differ in their operands, in attributes or type, or in the op; and last those that are the same in
// all but the layer's name, if there are as many on either side.
func newMatch(f, g *ir.Func) *matching {
	m := &matching{a: values(f), b: values(g), to: map[*ir.Value]*ir.Value{}, from: map[*ir.Value]*ir.Value{}, of: map[*ir.Value]placed{}}
	for _, v := range slices.Concat(m.a, m.b) {
		m.of[v.Value] = v
	}
	seed := maphash.MakeSeed()
	whole := map[*ir.Value]uint64{}
	for _, v := range slices.Concat(m.a, m.b) {
		whole[v.Value] = digest(seed, v, whole)
	}
	own := func(v placed) []byte { return v.AppendKey(append(append([]byte(v.option), ' '), v.Path+" "...)) }
	m.pair(func(v placed) any { return whole[v.Value] }, false)
	m.pair(func(v placed) any { return string(own(v)) }, false)
	m.pair(func(v placed) any { return [3]string{v.option, v.Path, v.Op.Name} }, false)
	m.pair(func(v placed) any { return string(v.AppendKey(nil)) }, true)
	m.pair(func(v placed) any {
		if v.Path == "" || v.Is("param") || v.Op == ir.Input {
			return nil
		}
		return [2]string{v.option, v.Path}
	}, true)
	return m
}

func values(f *ir.Func) (out []placed) {
	if f == nil {
		return nil
	}
	for _, v := range f.Params {
		out = append(out, placed{v, ""})
	}
	return within(out, f.Body, "")
}

// within appends the values of a list, those of options before the choice.
func within(out []placed, body []*ir.Value, option string) []placed {
	for _, v := range body {
		for _, o := range v.Options {
			out = within(out, o.Body, option+v.Path+"="+o.Label+"/")
		}
		out = append(out, placed{v, option})
	}
	return out
}

// digest is of what a value computes, and of all that it is computed from.
func digest(seed maphash.Seed, v placed, of map[*ir.Value]uint64) uint64 {
	key := append([]byte(v.option), 0)
	key = append(append(key, v.Path...), 0)
	key = v.AppendKey(key)
	if v.Op == ir.Input {
		key = append(key, v.Name...)
	}
	word := func(x uint64) {
		for i := range 8 {
			key = append(key, byte(x>>(8*i)))
		}
	}
	for _, a := range v.Args {
		word(of[a])
	}
	for _, o := range v.Options {
		key = append(append(key, o.Label...), 0)
		word(of[o.Result])
	}
	return maphash.Bytes(seed, key)
}

// pair matches what is unmatched and has one key, nil being none: first where all operands are each other's, then in order; with even, only
// keys that as many have on either side.
func (m *matching) pair(key func(placed) any, even bool) {
	left, right := m.groups(m.a, m.to, key), m.groups(m.b, m.from, key)
	for _, v := range m.a {
		k := key(v)
		as, bs := left[k], right[k]
		delete(left, k)
		if even && len(as) != len(bs) {
			continue
		}
		const most = 1 << 20 // pairs that are looked at; a network has no layer of so many values
		if len(as)*len(bs) <= most {
			m.fitting(as, bs)
		}
		unmatched := func(w placed) bool { return m.from[w.Value] == nil }
		for _, v := range as {
			if m.to[v.Value] != nil {
				continue
			}
			i := slices.IndexFunc(bs, unmatched)
			if i < 0 {
				break
			}
			m.match(v, bs[i])
			bs = bs[i+1:]
		}
	}
}

// fitting matches those of two lists whose operands are each other's.
func (m *matching) fitting(as, bs []placed) {
	for _, v := range as {
		i := slices.IndexFunc(bs, func(w placed) bool { return m.from[w.Value] == nil && m.sameOperands(v, w) })
		if i >= 0 {
			m.match(v, bs[i])
		}
	}
}

func (m *matching) match(v, w placed) { m.to[v.Value], m.from[w.Value] = w.Value, v.Value }

// groups gives the unmatched values by key, in order.
func (m *matching) groups(list []placed, matched map[*ir.Value]*ir.Value, key func(placed) any) map[any][]placed {
	out := map[any][]placed{}
	for _, v := range list {
		if k := key(v); k != nil && matched[v.Value] == nil {
			out[k] = append(out[k], v)
		}
	}
	return out
}

func (m *matching) sameOperands(v, w placed) bool {
	return slices.EqualFunc(v.Args, w.Args, func(a, b *ir.Value) bool { return m.to[a] == b && b != nil })
}
