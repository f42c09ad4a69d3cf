package relu

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sotto/ir"
	"sotto/passes/pass"
)

// Linearize leaves ReLUs on those elements alone that their gates keep, as SNL, AutoReP and DeepReDuce choose them: the others pass as they
// are. A ReLU that keeps nothing goes, one that keeps all is as before.
var Linearize = &pass.Pass{
	Name: "linearize",
	Doc: "leaves relus on the elements that the gates given for them keep (--gates, \"linearize\" in a decision file), and takes away those that" +
		" keep none (approximate: what it is told to leave out passes as it is; for networks trained so)",
	Needs: ir.Net,
	Run: func(c *pass.Context, m *ir.Module) error {
		for i, f := range m.Funcs {
			if err := known(c.Gates, f); err != nil {
				return err
			}
			g, err := linearized(c.Gates, f)
			if err != nil {
				return err
			}
			m.Funcs[i] = g
		}
		return nil
	},
}

// known demands that every gate is of a ReLU.
func known(gates pass.Gates, f *ir.Func) error {
	var paths []string
	f.Walk(func(v *ir.Value) {
		if v.Rectified() > 0 {
			paths = append(paths, v.Path)
		}
	})
	for _, path := range slices.Sorted(maps.Keys(gates)) {
		if !slices.Contains(paths, path) {
			return fmt.Errorf("gates of %s: no relu is called so: accepted are %s", path, strings.Join(paths, ", "))
		}
	}
	return nil
}

func linearized(gates pass.Gates, f *ir.Func) (*ir.Func, error) {
	r := pass.NewRewriter(f)
	for _, v := range f.Body {
		gate, ok := gates[v.Path]
		if !ok || v.Rectified() == 0 {
			r.To[v] = r.Copy(v)
			continue
		}
		keep, err := gate.Ranges(v.Type.Shape)
		if err != nil {
			return nil, fmt.Errorf("%s: gates of %s: %w", v.Pos, v.Path, err)
		}
		r.To[v] = gated(r, v, keep)
	}
	r.New.Result = r.To[f.Result]
	return r.New, nil
}

func gated(r *pass.Rewriter, v *ir.Value, keep []int) *ir.Value {
	switch ir.Kept(keep) {
	case 0:
		return r.To[v.Args[0]]
	case v.Type.Len():
		return r.Copy(v)
	}
	return r.B.At(v).MustAs(v.Name, v.Op.Name, ir.Attrs{"keep": keep}, r.To[v.Args[0]])
}
