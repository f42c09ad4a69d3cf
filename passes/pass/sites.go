package pass

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sotto/ir"
)

// Site is an op of a RING function that several protocols compute, or a truncation. What one layer of the user's comes to, such as both ReLUs
// of a relu6, is one site.
type Site struct {
	Path     string // of its values; their name where a dump gives them no path
	Op       string // relu, relu6, maxpool, argmax or trunc
	Line     int
	Elements int // compared with zero or with each other, or truncated
}

// SitePath names the site of a value.
func SitePath(v *ir.Value) string { return cmp.Or(v.Path, v.Name) }

// Sites lists the ops of a RING function that compare, in program order.
func Sites(f *ir.Func) []Site { return sites(f, "ring.relu", "ring.maxpool", "ring.argmax") }

// TruncationSites lists the truncations of a RING function in program order.
func TruncationSites(f *ir.Func) []Site { return sites(f, "ring.trunc") }

func sites(f *ir.Func, ops ...string) []Site {
	var out []Site
	for _, v := range f.Body {
		if !slices.Contains(ops, v.Op.Name) {
			continue
		}
		s := Site{Path: SitePath(v), Op: strings.TrimPrefix(v.Op.Name, "ring."), Line: v.Pos.Line, Elements: v.Args[0].Type.Len()}
		if i := slices.IndexFunc(out, func(o Site) bool { return o.Path == s.Path }); i < 0 {
			out = append(out, s)
		} else if s.Op == "relu" {
			out[i].Op = "relu6"
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
	if under == nil {
		return nil, fmt.Errorf("no op here is called %q: accepted are %s, or a block that holds some", name, strings.Join(known, ", "))
	}
	return under, nil
}
