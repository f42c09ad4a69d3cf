package clean

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sotto/ir"
	"sotto/passes/pass"
)

// CSE merges values that compute the same: one opening then serves every layer that reads a tensor.
var CSE = &pass.Pass{
	Name:  "cse",
	Doc:   "merges values that apply one op to the same arguments; a tensor that several layers read is opened once (exact)",
	Needs: ir.Net | ir.RingStage | ir.Secure,
	Run: func(_ *pass.Context, m *ir.Module) error {
		for _, f := range m.Funcs {
			mergeEqual(f)
		}
		return nil
	},
}

func mergeEqual(f *ir.Func) {
	same := map[*ir.Value]*ir.Value{}
	seen := map[string]*ir.Value{}
	kept := f.Body[:0:0]
	for _, v := range f.Body {
		for i, a := range v.Args {
			if first := same[a]; first != nil {
				v.Args[i] = first
			}
		}
		key := signature(v)
		if first := seen[key]; first != nil {
			same[v] = first
			continue
		}
		seen[key] = v
		kept = append(kept, v)
	}
	f.Body = kept
	if first := same[f.Result]; first != nil {
		f.Result = first
	}
}

// signature is equal for values that compute the same. Facts are part of it: values that differ in them stay apart.
func signature(v *ir.Value) string {
	var b strings.Builder
	b.WriteString(v.Op.Name)
	if v.Is("param") {
		b.WriteString(" @" + v.Path)
	}
	for _, a := range v.Args {
		b.WriteString(" " + a.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(v.Attrs)) {
		fmt.Fprintf(&b, " %s=%v", name, v.Attrs[name])
	}
	b.WriteString(" " + v.Type.String())
	return b.String()
}
