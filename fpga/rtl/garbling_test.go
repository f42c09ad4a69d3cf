package rtl

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sotto/fpga/target"
	"sotto/ir/circuit"
	"sotto/ir/cost"
	"sotto/runtime/garble"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// lanes are the instances of a block of the runtime.
const lanes = target.Lanes

// and is one AND gate of one instance: what both engines take and must give.
type and struct {
	a0, b0, c0 prg.Block // zero-labels
	a, b, c    prg.Block // active labels
	tg, te     prg.Block // as the runtime has them
	tweak      prg.Tweak
}

// garbling is a circuit garbled by the runtime under fixed test randomness, instances of it.
type garbling struct {
	circuit         *circuit.Circuit
	n               int
	key, delta      prg.Block
	first           prg.Tweak
	hash            *prg.Hash
	zero            []prg.Block // of all input wires, instance by instance
	values          []bool      // likewise
	tables          []prg.Block
	permute, colour []uint64
}

// newGarbling garbles and evaluates by the runtime.
func newGarbling(t *testing.T, c *circuit.Circuit, n int, testSeed uint64) *garbling {
	t.Helper()
	rnd := prg.NewStream(prg.Block{Lo: testSeed, Hi: 0x7e57}.Seed())
	head := make([]prg.Block, 3)
	rnd.Blocks(head)
	head[1].Lo |= 1
	g := &garbling{circuit: c, n: n, key: head[0], delta: head[1], first: 1<<40 - 70, hash: prg.NewHash(head[0])}
	garbler, err := garble.NewGarbler(cost.HalfGates, c, g.hash, g.delta, head[2].Seed(), g.first)
	check(t, err)
	evaluator, err := garble.NewEvaluator(cost.HalfGates, c, g.hash, g.first)
	check(t, err)

	late := make([]prg.Block, n*c.Garbler)
	check(t, garbler.Labels(0, n, make([]uint64, ring.BitWords(len(late))), late))
	zero := make([]prg.Block, n*c.Evaluator)
	rnd.Blocks(zero)
	bits := make([]uint64, ring.BitWords(n*c.Inputs()))
	prg.Words(rnd, bits)
	active := [2][]prg.Block{make([]prg.Block, len(late)), make([]prg.Block, len(zero))}
	for i := range n {
		for w := range c.Inputs() {
			from, wires, k := late, c.Garbler, w
			to := active[0]
			if w >= c.Garbler {
				from, wires, k, to = zero, c.Evaluator, w-c.Garbler, active[1]
			}
			at := column(n, wires, i, k)
			bit := bits[(i*c.Inputs()+w)/64] >> ((i*c.Inputs() + w) % 64)
			g.zero = append(g.zero, from[at])
			g.values = append(g.values, bit&1 == 1)
			to[at] = from[at].Xor(g.delta.MaskIf(bit))
		}
	}
	g.tables = make([]prg.Block, 2*n*c.ANDs())
	g.permute = make([]uint64, len(c.Outputs)*ring.BitWords(n))
	g.colour = make([]uint64, len(g.permute))
	check(t, garbler.Garble(0, n, zero, nil, g.tables, g.permute))
	check(t, evaluator.Evaluate(0, n, active[1], active[0], g.tables, g.colour))
	return g
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// column is where number k of so many things that an instance has lies among those of n instances.
func column(n, each, i, k int) int {
	block := i / lanes * lanes
	return block*each + k*min(lanes, n-block) + i - block
}

// gates walks the circuit in one instance and gives its AND gates. That labels are the runtime's shows in the tables, each of which is
// made from the labels before it, and in the outputs' permute and colour bits.
func (g *garbling) gates(t *testing.T, i int) []and {
	t.Helper()
	c := g.circuit
	zero := append([]prg.Block(nil), g.zero[i*c.Inputs():(i+1)*c.Inputs()]...)
	value := append([]bool(nil), g.values[i*c.Inputs():(i+1)*c.Inputs()]...)
	var ands []and
	for _, gate := range c.Gates {
		a, b := zero[gate.A], zero[gate.B]
		switch gate.Op {
		case circuit.XOR:
			zero, value = append(zero, a.Xor(b)), append(value, value[gate.A] != value[gate.B])
		case circuit.INV:
			zero, value = append(zero, a.Xor(g.delta)), append(value, !value[gate.A])
		case circuit.AND:
			v := value[gate.A] && value[gate.B]
			number := len(ands)
			j := g.first + prg.Tweak(lanes*(2*c.ANDs()*(i/lanes)+2*number)+i%lanes)
			at := 2 * column(g.n, c.ANDs(), i, number)
			gate := and{a0: a, b0: b, a: g.label(a, value[gate.A]), b: g.label(b, value[gate.B]), tweak: j,
				tg: g.tables[at], te: g.tables[at+1]}
			gate.c0 = g.output(gate)
			gate.c = g.label(gate.c0, v)
			ands = append(ands, gate)
			zero, value = append(zero, gate.c0), append(value, v)
		}
	}
	for o, w := range c.Outputs {
		word := o*ring.BitWords(g.n) + i/64
		if p := g.permute[word] >> (i % 64) & 1; p != zero[w].Lsb() {
			t.Fatalf("output %d of instance %d: permute bit %d, label %d", o, i, p, zero[w].Lsb())
		}
		if s := g.colour[word] >> (i % 64) & 1; s != g.label(zero[w], value[w]).Lsb() {
			t.Fatalf("output %d of instance %d: colour bit %d", o, i, s)
		}
	}
	return ands
}

func (g *garbling) label(zero prg.Block, value bool) prg.Block {
	if value {
		return zero.Xor(g.delta)
	}
	return zero
}

// output is W_G0 ^ W_E0 of the runtime's step 2.
func (g *garbling) output(a and) prg.Block {
	wg := g.hash.Sum1(a.a0, a.tweak).Xor(a.tg.MaskIf(a.a0.Lsb()))
	we := g.hash.Sum1(a.b0, a.tweak+lanes).Xor(a.te.Xor(a.a0).MaskIf(a.b0.Lsb()))
	return wg.Xor(we)
}

func hex(b prg.Block) string { return fmt.Sprintf("%016x%016x", b.Hi, b.Lo) }

// write gives a file of lines.
func write(t *testing.T, path string, lines []string) {
	t.Helper()
	check(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
}

// name is what the testbench calls an engine.
func name(e target.HalfGates) string {
	s := fmt.Sprintf("%s-%d", e.Role, e.Hashes)
	if e.Core == target.Iterative {
		s += "-iterative"
	}
	return s
}

// TestKernels simulates all kernels at once. It garbles and evaluates 32-bit sign comparisons of the runtime, gate by gate, in all
// engines: every table and label is the runtime's, every gate takes the cycles that fpga/target declares, and stalls change no value. Whole
// comparisons give the runtime's message of tables, and its permute and colour bits. Tiles of convolutions run on arrays: sums are the
// ring's, cycles the declared ones.
func TestKernels(t *testing.T) {
	if testing.Short() {
		t.Skip("building the simulator takes half a minute")
	}
	t.Parallel() // beside synthesis

	const instances = lanes + 2 // a whole block of tweaks and part of one
	task, err := circuit.Named(circuit.CarryTask, 32, 0)
	check(t, err)
	g := newGarbling(t, task.Circuit, instances, 1)
	var ands []and
	for i := range instances {
		gates := g.gates(t, i)
		if i == 0 || i >= lanes-2 { // all are the runtime's; five are enough for hardware
			ands = append(ands, gates...)
		}
	}
	dir := t.TempDir()
	garbler, evaluator := []string{hex(g.key) + " " + hex(g.delta)}, []string{hex(g.key)}
	for _, a := range ands {
		garbler = append(garbler, fmt.Sprintf("%s %s %016x", hex(a.a0), hex(a.b0), uint64(a.tweak)))
		evaluator = append(evaluator, fmt.Sprintf("%s %s %016x %s %s", hex(a.a), hex(a.b), uint64(a.tweak), hex(a.tg), hex(a.te)))
	}
	write(t, filepath.Join(dir, "garbler"), garbler)
	write(t, filepath.Join(dir, "evaluator"), evaluator)
	arrays := writeRuns(t, dir)
	wide, narrow := newComparisons(t, 32, 2), newComparisons(t, 4, 3)
	wide.write(t, filepath.Join(dir, "comparison-2"))
	narrow.write(t, filepath.Join(dir, "comparison-1-iterative"))
	kernels := simulate(t, "+comparisons="+dir, "+garbler="+filepath.Join(dir, "garbler"), "+evaluator="+filepath.Join(dir, "evaluator"), "+arrays="+dir)

	for _, e := range target.HalfGatesEngines() {
		t.Run(name(e), func(t *testing.T) {
			k := kernels[name(e)]
			checkValues(t, e.Role, k, ands)
			checkCycles(t, e, k)
		})
	}
	for stalled, role := range map[string]target.Role{
		"garbler-2-stalls": target.Garble, "garbler-2-iterative-stalls": target.Garble, "evaluator-1-stalls": target.Evaluate,
	} {
		t.Run(stalled, func(t *testing.T) { checkValues(t, role, kernels[stalled], ands) })
	}
	t.Run("comparison-2", func(t *testing.T) {
		wide.check(t, kernels["comparison-2"], target.HalfGates{Role: target.Garble, Core: target.Pipelined, Hashes: 4},
			target.HalfGates{Role: target.Evaluate, Core: target.Pipelined, Hashes: 2})
	})
	t.Run("comparison-1-iterative", func(t *testing.T) {
		narrow.check(t, kernels["comparison-1-iterative"], target.HalfGates{Role: target.Garble, Core: target.Iterative, Hashes: 2},
			target.HalfGates{Role: target.Evaluate, Core: target.Iterative, Hashes: 1})
	})
	for _, r := range arrays {
		t.Run(r.name(), func(t *testing.T) { r.check(t, kernels[r.name()]) })
	}
}

// checkValues holds what an engine gave against the runtime's.
func checkValues(t *testing.T, role target.Role, k *trace, ands []and) {
	t.Helper()
	if k == nil || len(k.in) != len(ands) || len(k.out) != len(ands) {
		t.Fatalf("the engine did not take and give %d gates: %+v", len(ands), k)
	}
	for i, a := range ands {
		want := []string{hex(a.c)}
		if role == target.Garble {
			want = []string{hex(a.tg), hex(a.te), hex(a.c0)}
		}
		if got := strings.Join(k.out[i].values, " "); got != strings.Join(want, " ") {
			t.Fatalf("gate %d: %s, the runtime has %v", i, got, want)
		}
	}
}

// checkCycles holds every gate's cycles against the declared ones.
func checkCycles(t *testing.T, e target.HalfGates, k *trace) {
	t.Helper()
	for i := range k.in {
		if d := k.out[i].cycle - k.in[i].cycle; d != e.Latency() {
			t.Fatalf("gate %d: %d cycles, declared %d", i, d, e.Latency())
		}
		if i > 0 && k.in[i].cycle-k.in[i-1].cycle != e.Interval() {
			t.Fatalf("gate %d: %d cycles after the one before, declared %d", i, k.in[i].cycle-k.in[i-1].cycle, e.Interval())
		}
	}
	if got := k.out[len(k.out)-1].cycle - k.in[0].cycle; got != e.Cycles(len(k.in)) {
		t.Errorf("%d gates: %d cycles, declared %d", len(k.in), got, e.Cycles(len(k.in)))
	}
}
