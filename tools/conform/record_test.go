package conform

import (
	"testing"

	"sotto/fpga/hls"
	"sotto/fpga/lower"
	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/runtime/party"
	"sotto/runtime/program"
	"sotto/runtime/vm"
)

// record plays a compiled network on one input and gives what both parties' online phases were.
func (n *Net) record(t *testing.T, x []float32) [2]*hls.Recording {
	t.Helper()
	bundles, err := OpenBundles(n.Dir)
	if err != nil {
		t.Fatal(err)
	}
	return n.recordWanted(t, bundles, lower.Only(cost.Online), x, [2][]hls.Source{{{Import: 1}}, nil})
}

// recordFor is record for a plan of the bundles' programs.
func (n *Net) recordFor(t *testing.T, bundles [2]*party.Bundle, plan *lower.Plan, x []float32) [2]*hls.Recording {
	t.Helper()
	return n.recordWanted(t, bundles, plan.Phases, x, [2][]hls.Source{hls.Wanted(plan.Boards[0]), hls.Wanted(plan.Boards[1])})
}

func (n *Net) recordWanted(t *testing.T, bundles [2]*party.Bundle, phases lower.Phases, x []float32, wanted [2][]hls.Source) (out [2]*hls.Recording) {
	t.Helper()
	var recorders [2]vm.Recorder
	for p, b := range bundles {
		w, err := Weights(b)
		if err != nil {
			t.Fatal(err)
		}
		out[p] = hls.NewRecording(b.Program, w, phases, wanted[p])
		recorders[p] = out[p]
	}
	if err := Record(t.Context(), Session{Bundles: bundles, Source: n.Context.Source, Inputs: n.inputs(x)}, recorders); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestRecordHoldsEveryResult plays networks of all kinds of comparisons, and demands that each online instruction with a result was seen
// and that what one party receives is what the other one had computed.
func TestRecordHoldsEveryResult(t *testing.T) {
	for _, way := range []pass.Nonlinear{pass.GarbledSign, pass.OTSign} {
		t.Run(string(way), func(t *testing.T) {
			n := compileWith(t, "mixed", mixedText, cost.ClientServer, 32, pass.Protocols{Nonlinear: way})
			rec := n.record(t, image(7, n.Net.Funcs[0].Params[0].Type.Len()))
			results := 0
			for p, r := range rec {
				for i, l := range r.Program.Online {
					for k, list := range [][]program.Instr{l.Send, l.Recv, l.Compute} {
						for j, in := range list {
							for o := range in.Out {
								if in.WritesPart() && in.Ints[1] > 0 {
									continue // another part's
								}
								if len(r.Results[hls.Source{Place: lower.Place{Phase: cost.Online, Level: i, Part: lower.Part(k), Index: j}, Result: o}]) == 0 {
									t.Errorf("party %d level %d list %d %d (%s): result %d was not seen", p, i, k, j, in.Op, o)
								}
								results++
							}
						}
					}
				}
			}
			if results == 0 || len(rec[0].Begun.Input) == 0 || len(rec[0].Kept[hls.Source{Import: 1}]) == 0 {
				t.Errorf("%d results, input of %d bytes, first import of %d", results, len(rec[0].Begun.Input), len(rec[0].Kept[hls.Source{Import: 1}]))
			}
		})
	}
}
