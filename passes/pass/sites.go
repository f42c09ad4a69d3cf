package pass

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sotto/ir"
)

// Site is an op of a RING function that several protocols compute, a truncation or a linear layer. What one layer of the user's comes to, such as both ReLUs
// of a relu6, is one site.
type Site struct {
	Path     string // of its values; their name where a dump gives them no path
	Op       string // relu, relu6, maxpool, argmax, ..., or trunc, conv2d or linear
	Line     int
	Elements int // compared with zero or with each other, truncated, or multiplied
}

// SitePath names the site of a value.
func SitePath(v *ir.Value) string { return cmp.Or(v.Path, v.Name) }

// Sites lists the ops of a RING function that compare, in program order.
func Sites(f *ir.Func) []Site {
	parts := f.Parts()
	out := sites(f, func(v *ir.Value) bool { return v.Op.Compares != ir.NoComparison })
	for i := range out {
		out[i].Op = cmp.Or(parts[out[i].Path], out[i].Op)
	}
	return out
}

// TruncationSites lists the truncations of a RING function in program order.
func TruncationSites(f *ir.Func) []Site {
	return sites(f, func(v *ir.Value) bool { return v.Is("ring.trunc") })
}

// LayerSites lists the linear layers of a RING function in program order.
func LayerSites(f *ir.Func) []Site { return sites(f, (*ir.Value).Linear) }

// sites lists the values of a kind, those of one path as one.
func sites(f *ir.Func, kind func(*ir.Value) bool) []Site {
	var out []Site
	for _, v := range f.Body {
		if !kind(v) {
			continue
		}
		s := Site{Path: SitePath(v), Op: strings.TrimPrefix(v.Op.Name, "ring."), Line: v.Pos.Line, Elements: v.Args[0].Type.Len()}
		if !slices.ContainsFunc(out, func(o Site) bool { return o.Path == s.Path }) {
			out = append(out, s)
		}
	}
	return out
}

// Under gives the paths of the sites that a name stands for: one site, or all below a block.
func Under(all []Site, name string) ([]string, error) {
	var under, known []string
	for _, s := range all {
		known = append(known, s.Path)
		if s.Path == name || strings.HasPrefix(s.Path, name+".") {
			under = append(under, s.Path)
		}
	}
	if known == nil {
		return nil, fmt.Errorf("no op here is called %q: there is none to choose for, accepted is a choice for all ops", name)
	}
	if under == nil {
		return nil, fmt.Errorf("no op here is called %q: accepted are %s, or a block that holds some", name, strings.Join(known, ", "))
	}
	return under, nil
}
