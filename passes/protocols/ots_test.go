package protocols_test

import (
	"testing"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/passes/protocols"
)

const muxModule = "module secure outsourced iknp\nfunc @f(%x: A i32q12[8]) -> A i32q12[8] {\n%m = mask %x : M i32q12[8]\n%d = gc.drelu %m : B u1[8]\n%y = ot.mux %d, %x : A i32q12[8]\nreturn %y\n}\n"

// TestOTs: the policy sees what the module costs with each extension, its answer stands in the module's first line, and without a
// policy the module keeps its own.
func TestOTs(t *testing.T) {
	for want, policy := range map[cost.OT]cost.OTPolicy{
		cost.IKNP:       nil,
		cost.SoftSpoken: cost.AlwaysOT(cost.SoftSpoken),
		cost.Ferret: func(with func(cost.OT) []*cost.Ledger) cost.OT {
			few, many := with(cost.SoftSpoken)[0].Total(cost.Offline), with(cost.Ferret)[0].Total(cost.Offline)
			if few.ClientSent >= many.ClientSent {
				t.Errorf("of 8 elements SoftSpoken sends %d bytes, Ferret %d", few.ClientSent, many.ClientSent)
			}
			return cost.Ferret
		},
	} {
		m, err := ir.Parse("t.ir", muxModule)
		if err != nil {
			t.Fatal(err)
		}
		c := &pass.Context{Deploy: cost.Outsourced, Source: cost.FromDealer, OT: policy}
		if err := (&pass.Runner{}).Run(c, m, protocols.OTs); err != nil {
			t.Fatal(err)
		}
		again, err := ir.Parse("t.ir", m.String())
		if err != nil || m.OT != want || again.OT != want {
			t.Errorf("extension %s, read again %s, want %s (%v)", m.OT, again.OT, want, err)
		}
	}
}
