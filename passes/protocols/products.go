package protocols

import (
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
)

// Products chooses how the parties make the material of elementwise products where no dealer does, by what that costs each way. Whether a
// dealer will be there a bundle leaves open until it runs. It comes before OTs, which price what is left.
var Products = &pass.Pass{
	Name:  "products",
	Doc:   "chooses how elementwise products are made without a dealer, gilboa or simd, by what the module costs with each, or as it was told; packs those with weights as it was told",
	Needs: ir.Secure,
	Run: func(c *pass.Context, m *ir.Module) error {
		if c.Packing != cost.Balanced {
			m.Packing = c.Packing
		}
		if c.Elementwise != nil {
			m.Elementwise = c.Elementwise(func(e cost.Elementwise) []*cost.Ledger { return madeBy(m, e) })
		}
		return nil
	},
}

// pack packs single linear layers of a function, by their path; the others are packed as the module says.
func pack(m *ir.Module, f *ir.Func, packings map[string]cost.Packing) {
	for _, v := range f.Body {
		if !v.Linear() {
			continue
		}
		if k, ok := packings[pass.SitePath(v)]; ok && k != m.Packing {
			v.SetPacking(k)
		}
	}
}

// madeBy is what the elementwise products of a module's functions cost with a way.
func madeBy(m *ir.Module, e cost.Elementwise) []*cost.Ledger {
	var all []*cost.Ledger
	for _, f := range m.Funcs {
		all = append(all, ir.AccountElementwise(m, f, e))
	}
	return all
}
