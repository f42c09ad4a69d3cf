package sim_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"sotto/backend/twopc"
	"sotto/fpga/lower"
	"sotto/fpga/networks"
	"sotto/fpga/sim"
	"sotto/fpga/target"
	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/passes/pass/golden"
)

// agreement is how far the simulator may be from the schedule.
const agreement = 0.03

// context compiles for a deployment, with a protocol of comparisons and all choices of the given names polynomial.
func context(d cost.Deployment, nonlinear string, polynomial ...string) *pass.Context {
	c := networks.Polynomial(polynomial...)
	c.Deploy, c.Protocols.Nonlinear = d, pass.Nonlinear(nonlinear)
	return c
}

// both lowers, verifies and simulates phases of a pair on two boards.
func both(t testing.TB, pair *twopc.Pair, phases lower.Phases, d target.Design, l cost.Link) (schedule, simulated float64) {
	t.Helper()
	p, err := lower.Lower(pair.Client, pair.Server, phases, [2]target.Design{d, d}, l)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Problem.Verify(p.Schedule); err != nil {
		t.Fatal(err)
	}
	parts, err := sim.RunPlan(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range parts {
		simulated += r.Seconds() * 1e3
	}
	return p.Seconds() * 1e3, simulated
}

// found are designs that searches found for two ZCU104 on the paper's link: arrays, and streams as fast as the memory lets them be.
var found = map[string][]target.Setting{
	"PASNet-A": searched(32, 20, 2, 512, 81920, 163840, 512), "PASNet-B": searched(40, 16, 8, 256, 65536, 163840, 1024), "PASNet-D": searched(32, 12, 4, 512, 24576, 49152, 1024),
}

func searched(tm, tn, ports, pixels, inputs, weights, chunk int) []target.Setting {
	return []target.Setting{{Knob: "conv.tm", Value: tm}, {Knob: "conv.tn", Value: tn}, {Knob: "conv.ports", Value: ports}, {Knob: "conv.pixels", Value: pixels},
		{Knob: "conv.input_words", Value: inputs}, {Knob: "conv.weight_words", Value: weights}, {Knob: "elementwise.lanes", Value: 8}, {Knob: "chunk", Value: chunk}}
}

func TestAgreesWithTheSchedule(t *testing.T) {
	const outsourced, clientServer = cost.Outsourced, cost.ClientServer
	for _, n := range []struct {
		name, example string
		context       *pass.Context
		long          bool
	}{
		{"PASNet-A", "resnet18", context(clientServer, "", "act", "pool"), false},
		{"PASNet-B", "resnet50", context(clientServer, "", "act", "pool"), true},
		{"PASNet-D", "mobilenetv2", context(clientServer, "", "act"), true},
		{"outsourced", "resnet18_cifar", context(outsourced, "", "act", "pool"), false},
		{"garbled", "minionn", context(clientServer, "gc"), false},
		{"garbled outsourced", "minionn", context(outsourced, "gc"), false},
		{"by OT", "minionn", context(clientServer, "ot"), false},
		{"by OT outsourced", "minionn", context(outsourced, "ot"), false},
	} {
		t.Run(n.name, func(t *testing.T) {
			if n.long && !networks.Long() {
				t.Skip("seconds: with SOTTO_LONG=1")
			}
			pair := networks.Pair(t, n.example, n.context)
			for _, on := range []struct {
				board string
				link  cost.Link
				with  []target.Setting
			}{
				{"zcu104", networks.PaperLink(), networks.Engines}, {"zcu104", networks.PaperLink(), found[n.name]}, {"zcu104", networks.Link(0.125, 0.1), networks.Engines},
				{"u250", networks.Link(12.5, 0.01), networks.Engines}, {"kv260", networks.Link(0.01, 20), networks.Engines},
			} {
				if on.with == nil || n.long && on.with[0] != found[n.name][0] || n.name == "PASNet-A" && on.link == networks.Link(0.01, 20) {
					continue // seconds each
				}
				schedule, simulated := both(t, pair, lower.Only(cost.Online), networks.Design(t, on.board, pair.Client.Ring, on.with...), on.link)
				t.Logf("%s, %v GB/s, %v ms, %v: schedule %.3f ms, simulated %.3f", on.board, on.link.BytesPerSecond.Value/1e9, on.link.OneWayMS.Value, on.with, schedule, simulated)
				if math.Abs(simulated/schedule-1) > agreement {
					t.Errorf("%s: schedule %.3f ms, simulated %.3f", on.board, schedule, simulated)
				}
			}
		})
	}
}

// TestMaterialAgrees is the offline phase: garbling, and OTs.
func TestMaterialAgrees(t *testing.T) {
	for _, nonlinear := range []string{"gc", "gc-whole", "ot"} {
		pair := networks.Pair(t, "minionn", context(cost.ClientServer, nonlinear))
		schedule, simulated := both(t, pair, lower.Only(cost.Offline), networks.Design(t, "zcu104", pair.Client.Ring, networks.Engines...), networks.Link(1, 0.1))
		t.Logf("%s: schedule %.3f ms, simulated %.3f", nonlinear, schedule, simulated)
		if math.Abs(simulated/schedule-1) > agreement {
			t.Errorf("%s: schedule %.3f ms, simulated %.3f", nonlinear, schedule, simulated)
		}
	}
}

// TestDrawnNetworks takes all kinds of layers to their end, whatever the design. Small networks are latency and little else, so that a
// few commands more or less between two events count: 3 % and some.
func TestDrawnNetworks(t *testing.T) {
	const some = 0.02 // ms
	rapid.Check(t, func(r *rapid.T) {
		d := golden.DrawNet(r, "nn.argmax", "nn.softmax")
		c := d.Context()
		c.Deploy = rapid.SampledFrom([]cost.Deployment{cost.ClientServer, cost.Outsourced}).Draw(r, "deployment")
		c.Ring = rapid.SampledFrom([]int{32, 64}).Draw(r, "ring")
		c.Protocols.Nonlinear = pass.Nonlinear(rapid.SampledFrom([]string{"gc", "gc-whole", "ot"}).Draw(r, "nonlinear"))
		pair := networks.Compiled(t, d.Space, c, twopc.DefaultTuning())
		design := networks.Design(t, rapid.SampledFrom([]string{"zcu104", "u50"}).Draw(r, "board"), pair.Client.Ring, networks.Engines...)
		for _, phases := range []lower.Phases{lower.Only(cost.Offline), lower.Only(cost.Online), lower.Whole} {
			schedule, simulated := both(t, pair, phases, design, networks.Link(1, 0.1))
			if math.Abs(simulated-schedule) > agreement*schedule+some {
				r.Errorf("%s: schedule %.3f ms, simulated %.3f", phases, schedule, simulated)
			}
		}
	})
}

// narrow has as many lanes as a port has words: loads and steps take as long as each other.
func narrow(t testing.TB) target.Design {
	return networks.Design(t, "zcu104", 32, target.Setting{Knob: "elementwise.lanes", Value: 4})
}

// board has a list of commands.
func board(t testing.TB, list ...lower.Command) lower.Board {
	for i := range list {
		list[i].Kernel = list[i].Operation.Kernel()
	}
	return lower.Board{Design: narrow(t), Commands: list}
}

// TestOneCommand is a sum of two vectors by itself: issue, load, its latency, products, store.
func TestOneCommand(t *testing.T) {
	b := board(t, add(64))
	r, err := sim.Run([2]lower.Board{b, board(t)}, networks.Link(1, 0.1))
	if err != nil {
		t.Fatal(err)
	}
	d := b.Design
	words := float64(64 / d.PortWords())
	memory := 64 * 4 / d.MemoryBytes
	want := target.CommandCycles + max(words, 2*memory) + target.MemoryLatency + float64(d.ElementwiseCycles(64)) + max(words, memory) + target.MemoryLatency
	if got := float64(r.Cycles); math.Abs(got-want) > 1 {
		t.Errorf("%v cycles, by hand %v", got, want)
	}
}

func add(n uint32) lower.Command {
	c := lower.Command{Operation: lower.OpAdd, N: n}
	for i := range c.In {
		c.In[i] = lower.None
	}
	c.In[0], c.In[1], c.Weight = 0, 64, [lower.WeightRefs]uint32{lower.None, lower.None}
	return c
}

// TestNothingGoesOn has a command that waits for one that does not come.
func TestNothingGoesOn(t *testing.T) {
	c := add(64)
	c.Wait[lower.Recv] = 1
	_, err := sim.Run([2]lower.Board{board(t, add(64), c), board(t)}, networks.Link(1, 0.1))
	var stuck *sim.StuckError
	if !errors.As(err, &stuck) || stuck.Command != [2]int{1, 0} {
		t.Errorf("%v", err)
	}
}

// TestBuffersBind has tiles follow one another where memory is far: a buffer is loaded, waits for its words, and is computed, and there
// are two of them.
func TestBuffersBind(t *testing.T) {
	var few, many []lower.Command
	for i := range 40 {
		if i < 20 {
			few = append(few, add(1024))
		}
		many = append(many, add(1024))
	}
	cycles := func(list []lower.Command) int64 {
		r, err := sim.Run([2]lower.Board{board(t, list...), board(t)}, networks.Link(1, 0.1))
		if err != nil {
			t.Fatal(err)
		}
		return r.Cycles
	}
	d := narrow(t)
	load := float64(1024 / d.PortWords())
	want := (load + target.MemoryLatency + float64(d.ElementwiseCycles(1024))) / lower.Buffers
	if got := float64(cycles(many)-cycles(few)) / 20; math.Abs(got-want) > 1 {
		t.Errorf("%v cycles a tile, by hand %v", got, want)
	}
}
