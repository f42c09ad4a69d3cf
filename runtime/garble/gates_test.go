package garble

import (
	"testing"

	"sotto/ir/circuit"
	"sotto/ir/cost"
	"sotto/runtime/prg"
)

// gatesInRow is how many AND gates BenchmarkGate has in an instance's tables: those of a word of control bits.
const gatesInRow = cost.ControlGates

// gateBench is a block of instances of a few AND gates, whose labels and tables stay in the first-level cache.
type gateBench struct {
	*session
	work *scratch
	gate andGate
}

func newGateBench(b *testing.B, scheme cost.Scheme, path prg.Path) *gateBench {
	b.Helper()
	c := &circuit.Circuit{Evaluator: 2}
	for range gatesInRow {
		c.Gates = append(c.Gates, circuit.Gate{Op: circuit.AND, A: 0, B: 1})
	}
	s := newSessionBy(b, scheme, path, c, lanes, 15)
	e := s.garbler.engine
	g := &gateBench{s, e.scratch.Get().(*scratch), andGate{n: lanes, j: 1000, dst: new(block), a: new(block), b: new(block), stride: e.table, gates: gatesInRow}}
	copy(g.gate.a[:], s.zero)
	copy(g.gate.b[:], s.zero[lanes:])
	g.gate.tables = make([]prg.Block, lanes*e.table)
	return g
}

// next goes on to the next gate of the row, and then to the first.
func (g *gateBench) next() *andGate {
	g.gate.number = (g.gate.number + 1) % gatesInRow
	return &g.gate
}

// BenchmarkGate times AND gates without what is around them in a circuit: memory for tables, inputs, XORs.
func BenchmarkGate(b *testing.B) {
	for _, scheme := range cost.Schemes() {
		for _, path := range prg.Paths() {
			g := newGateBench(b, scheme, path)
			limit := aesLimit(g.garbler.engine.hash)
			g.bench(b, "garble", float64(scheme.GarbleAES())/limit, func() { g.garbler.gate(g.work, g.next()) })
			g.bench(b, "evaluate", float64(scheme.EvaluateAES())/limit, func() { g.evaluator.gate(g.work, g.next()) })
		}
	}
}

// bench times f, which does one gate in all lanes. bound is the seconds an AND takes at least.
func (g *gateBench) bench(b *testing.B, party string, bound float64, f func()) {
	b.Run(string(g.scheme)+"/"+party+"/"+g.garbler.engine.hash.Path().String(), func(b *testing.B) {
		for b.Loop() {
			f()
		}
		ands := float64(b.N) * lanes / b.Elapsed().Seconds()
		b.ReportMetric(ands/1e6, "MANDs/s")
		b.ReportMetric(ands*bound, "of_limit")
	})
}
