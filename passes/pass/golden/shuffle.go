package golden

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"sotto/ir"
)

// Shuffle puts the values of every body into a random order that still computes each before its use. The order is a
// function of the seed.
func Shuffle(m *ir.Module, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, f := range m.Funcs {
		f.Body = shuffled(f.Body, rng)
	}
}

func shuffled(body []*ir.Value, rng *rand.Rand) []*ir.Value {
	waits := map[*ir.Value]int{} // how many arguments in this body have not been placed
	readers := map[*ir.Value][]*ir.Value{}
	inBody := map[*ir.Value]bool{}
	for _, v := range body {
		inBody[v] = true
		for _, o := range v.Options {
			o.Body = shuffled(o.Body, rng)
		}
		for _, a := range reads(v) {
			if inBody[a] {
				waits[v]++
				readers[a] = append(readers[a], v)
			}
		}
	}
	var ready, out []*ir.Value
	for _, v := range body {
		if waits[v] == 0 {
			ready = append(ready, v)
		}
	}
	for len(ready) > 0 {
		i := rng.IntN(len(ready))
		v := ready[i]
		ready = slices.Delete(ready, i, i+1)
		out = append(out, v)
		for _, r := range readers[v] {
			if waits[r]--; waits[r] == 0 {
				ready = append(ready, r)
			}
		}
	}
	return out
}

// reads lists what a value needs computed before it: its arguments, and what its options read.
func reads(v *ir.Value) []*ir.Value {
	out := slices.Clone(v.Args)
	for _, o := range v.Options {
		for _, inner := range o.Body {
			out = append(out, reads(inner)...)
		}
		out = append(out, o.Result)
	}
	return out
}

// Fingerprint is equal for modules that compute the same in the same way: order and names of values may differ, and, as of
// equal values that merge the first one lends them, positions and the paths of layers. Inputs and weights keep their names.
func Fingerprint(m *ir.Module) []string {
	out := []string{m.Stage.String() + " " + string(m.Deploy)}
	for _, f := range m.Funcs {
		p := digester{of: map[*ir.Value]string{}}
		for _, v := range f.Params {
			p.of[v] = digest("input", v.Name, v.Type, attrs(v.Attrs))
		}
		all := p.body(f.Body)
		out = append(out, digest("func", f.Name, p.of[f.Result], attrs(f.Output), all))
		out = append(out, all...)
	}
	return out
}

// digester works values bottom up: op, path, attributes, type, position and the digests of arguments.
type digester struct{ of map[*ir.Value]string }

func (p digester) body(body []*ir.Value) []string {
	all := make([]string, len(body))
	for i, v := range body {
		all[i] = p.value(v)
	}
	slices.Sort(all)
	return all
}

func (p digester) value(v *ir.Value) string {
	parts := []any{v.Op.Name, attrs(v.Attrs), v.Type}
	if v.Op.State {
		parts = append(parts, v.Path)
	}
	for _, o := range v.Options {
		parts = append(parts, o.Label, p.body(o.Body), p.of[o.Result])
	}
	for _, a := range v.Args {
		parts = append(parts, p.of[a])
	}
	p.of[v] = digest(parts...)
	return p.of[v]
}

func attrs(a ir.Attrs) string {
	s := ""
	for _, name := range slices.Sorted(maps.Keys(a)) {
		s += fmt.Sprintf("%s=%v ", name, a[name])
	}
	return s
}

func digest(parts ...any) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%v\n", p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
