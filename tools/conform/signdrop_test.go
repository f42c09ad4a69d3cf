package conform

import (
	"fmt"
	"testing"

	"sotto/ir/cost"
	"sotto/passes/pass"
)

// TestSignDrop: ReLUs without eleven bits of their signs give what they should, or let through what is at most 2^11 units below zero; those by
// sign-only circuits and OT do so, the others compare everything.
func TestSignDrop(t *testing.T) {
	for _, way := range pass.Nonlinears() {
		for _, trunc := range pass.Truncations() {
			for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
				t.Run(fmt.Sprintf("%s-%s-%s", way, trunc, d), func(t *testing.T) {
					n := compileIn(t, "gathered", gatheredText, &pass.Context{Deploy: d, Ring: 32, Source: cost.FromDealer, SignDrop: 11,
						Gates: gatesOf(1, 5), Protocols: pass.Protocols{Nonlinear: way, Truncation: trunc}})
					x := image(7, 270)
					p := n.playTLS(t, x)
					checkValues(t, n, x, p)
					checkCosts(t, n, p)
					coarse := way == pass.GarbledSign || way == pass.OTSign
					if through := letThrough(n, p); (through > 0) != coarse {
						t.Errorf("%d values below zero came through a relu", through)
					}
				})
			}
		}
	}
}

// letThrough counts what RING relus gave that is below zero.
func letThrough(n *Net, p *Played) int {
	count := 0
	for _, v := range n.Ring.Funcs[0].Body {
		if !v.Is("ring.relu") {
			continue
		}
		for _, x := range p.Taps[v.Name] {
			if x < 0 {
				count++
			}
		}
	}
	return count
}
