package relu

import (
	"slices"

	"sotto/ir"
	"sotto/passes/pass"
)

// Prune takes ReLUs off skip connections: ReLU pruning of CryptoNAS, section 3. It is not exact, and made for networks that are
// trained as it leaves them.
//
// A concatenation joins skips. What it changes: every concatenation reads its parts as they are before a relu, and whoever reads the relu
// of a concatenation reads the concatenation. So a relu goes that only concatenations read, or whose operand is one; one that others
// read as well stays for them. An addition joins a skip with a path through more linear layers: a relu that only such additions
// read, on their shorter path, goes. Where no relu goes, nothing changes.
var Prune = &pass.Pass{
	Name: "prune",
	Doc: "takes relus off skip connections: a concatenation reads its parts before their relus and is read without one, and so are skips that are" +
		" added to a path through more layers (approximate: values below zero pass there as they are; for networks trained so)",
	Needs: ir.Net,
	Run:   whereFewer(prune),
}

func prune(f *ir.Func) *ir.Func {
	r, readers, depth := pass.NewRewriter(f), f.Consumers(), depths(f)
	onSkip := func(v *ir.Value) bool { // rectifies a skip that is added, and nothing else
		return rectifies(v) && v != f.Result && readBy(readers[v], "nn.add") && !slices.ContainsFunc(readers[v], func(sum *ir.Value) bool {
			return max(depth[sum.Args[0]], depth[sum.Args[1]]) == depth[v]
		})
	}
	bare := func(v *ir.Value) *ir.Value {
		for rectifies(v) {
			v = v.Args[0]
		}
		return r.To[v]
	}
	for _, v := range f.Body {
		switch {
		case onSkip(v), rectifies(v) && (v.Args[0].Is("nn.concat") || v != f.Result && readBy(readers[v], "nn.concat")):
			r.To[v] = bare(v)
		case v.Is("nn.concat"):
			args := make([]*ir.Value, len(v.Args))
			for i, a := range v.Args {
				args[i] = bare(a)
			}
			r.To[v] = r.B.At(v).MustAs(v.Name, v.Op.Name, v.Attrs, args...)
		default:
			r.To[v] = r.Copy(v)
		}
	}
	return finish(r)
}

// depths gives the greatest number of linear layers between the input and each value.
func depths(f *ir.Func) map[*ir.Value]int {
	depth := map[*ir.Value]int{}
	for _, v := range f.Body {
		for _, a := range v.Args {
			depth[v] = max(depth[v], depth[a])
		}
		if v.Is("nn.conv2d") || v.Is("nn.linear") {
			depth[v]++
		}
	}
	return depth
}
