package passes

import (
	"fmt"
	"slices"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/choices"
	"sotto/passes/pass"
	"sotto/passes/rounds"
	"sotto/passes/table"
)

// PriceTable prices every network of a space (a module of stage SPACE) on a target, as the pipelines would compile it without weights: ranges
// are assumed. Of the context it takes deployment, source, protocols, ring, and what is done to ReLUs before pools and to their low bits; the OT extension and the way of elementwise products are
// fixed by the arguments, since what is cheaper would depend on the network.
func PriceTable(c *pass.Context, space *ir.Module, target cost.Target, ot cost.OT, products cost.Elementwise) (*cost.Table, table.Learnt, error) {
	if space.Stage != ir.Space || len(space.Funcs) != 1 {
		return nil, table.Learnt{}, fmt.Errorf("a table of prices is of one function of stage space: this module has %d, of stage %s", len(space.Funcs), space.Stage)
	}
	var sites []cost.TableSite
	for _, s := range choices.Sites(space.Funcs[0]) {
		sites = append(sites, cost.TableSite{Path: s.Path, Choice: s.Choice, Options: s.Options})
	}
	compile := func(options []int) (table.Network, error) {
		own := &pass.Context{Deploy: c.Deploy, Source: c.Source, Protocols: c.Protocols, Ring: c.Ring, Pools: c.Pools, SignDrop: c.SignDrop}
		for i, s := range sites {
			own.Choices = append(own.Choices, pass.Decision{Site: s.Path, Option: s.Options[options[i]]})
		}
		return unordered(own, space.Clone())
	}
	return table.Build(sites, compile, target, table.Options{Source: c.Source, OT: ot, Elementwise: products})
}

// unordered takes a network of a space as far as SECURE, before rounds.
func unordered(c *pass.Context, m *ir.Module) (n table.Network, err error) {
	run := &pass.Runner{}
	if err := run.Run(c, m, ToNet...); err != nil {
		return n, err
	}
	n.Net = m.Funcs[0].Clone()
	if err := run.Run(c, m, ToRing...); err != nil {
		return n, err
	}
	n.Ring, n.Secure = c.Report.Ring, m
	return n, run.Run(c, m, slices.DeleteFunc(slices.Clone(ToSecure), func(p *pass.Pass) bool { return p == rounds.Rounds })...)
}
