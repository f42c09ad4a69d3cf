package lower

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sotto/backend/twopc"
	"sotto/fpga/target"
	"sotto/frontend"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/pass"
	"sotto/runtime/prg"
	"sotto/runtime/program"
)

// example compiles an example without weights, whose ranges are then assumed.
func example(t testing.TB, name string, context *pass.Context) *twopc.Pair {
	t.Helper()
	return compiled(t, network(t, name), context)
}

// network reads an example.
func network(t testing.TB, name string) *ir.Module {
	t.Helper()
	path := filepath.Join("..", "..", "examples", name+".sotto")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	space, err := frontend.Load(path, text, frontend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return space.Module
}

func compiled(t testing.TB, m *ir.Module, context *pass.Context) *twopc.Pair {
	t.Helper()
	return tuned(t, m, context, twopc.DefaultTuning())
}

// asIfLarge has small networks put away and cut to pieces what only large ones have to.
var asIfLarge = twopc.Tuning{SlotBytes: 1, Compared: 64}

func tuned(t testing.TB, m *ir.Module, context *pass.Context, tuning twopc.Tuning) *twopc.Pair {
	t.Helper()
	context.Source, context.OT = cost.FromDealer, cost.AlwaysOT(cost.SoftSpoken)
	if context.Deploy == "" {
		context.Deploy = cost.ClientServer
	}
	if err := new(pass.Runner).Run(context, m, slices.Concat(passes.ToNet, passes.ToRing, passes.ToSecure)...); err != nil {
		t.Fatal(err)
	}
	pair, err := twopc.EmitTuned(m, m.Funcs[0], tuning)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// polynomial is a context in which all activations are polynomials, and pools averages, as in the PASNet paper.
func polynomial(sites ...string) *pass.Context {
	c := new(pass.Context)
	for _, s := range sites {
		c.Choices = append(c.Choices, pass.Decision{Site: s, Option: map[string]string{"act": "x2act", "pool": "avgpool"}[s]})
	}
	return c
}

// paperLink is the link of the PASNet paper: 1 GB/s each way, 0.1 ms.
func paperLink() (l cost.Link) {
	l.BytesPerSecond.Value, l.OneWayMS.Value = 1e9, 0.1
	return l
}

// boards is a design for a board, at both parties.
func boards(t testing.TB, name string, ring int, settings ...target.Setting) [2]target.Design {
	t.Helper()
	b, err := target.Shipped(name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := target.ForBoard(b, ring)
	if err != nil {
		t.Fatal(err)
	}
	if d, err = d.With(settings...); err != nil {
		t.Fatal(err)
	}
	return [2]target.Design{d, d}
}

// planned lowers a pair's online phase and verifies its schedule.
func planned(t testing.TB, pair *twopc.Pair, designs [2]target.Design, link cost.Link) *Plan {
	t.Helper()
	p, err := Lower(pair.Client, pair.Server, Only(cost.Online), designs, link)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Problem.Verify(p.Schedule); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPASNet(t *testing.T) {
	for _, n := range []struct {
		name, example string
		sites         []string
		paper         float64 // ms
	}{{"A", "resnet18", []string{"act", "pool"}, 63.3}, {"B", "resnet50", []string{"act", "pool"}, 227.6}, {"D", "mobilenetv2", []string{"act"}, 180.9}} {
		t.Run(n.name, func(t *testing.T) {
			if n.name == "B" && os.Getenv("SOTTO_LONG") == "" {
				t.Skip("seconds: with SOTTO_LONG=1")
			}
			p := planned(t, example(t, n.example, polynomial(n.sites...)), boards(t, "zcu104", 32), paperLink())
			t.Logf("%.1f ms, the paper has %.1f", p.Seconds()*1e3, n.paper)
			if ms := p.Seconds() * 1e3; ms > n.paper {
				t.Errorf("%.1f ms on two ZCU104, the paper's model has %.1f", ms, n.paper)
			}
		})
	}
}

func TestTweaksOfPadsAreTheRuntimes(t *testing.T) {
	if want := uint64(prg.COTPad.First()); firstPadTweak != want {
		t.Errorf("the first tweak of pads is %#x, the runtime's is %#x", uint64(firstPadTweak), want)
	}
}

// TestFerretIsRefused names the extension that is accepted.
func TestFerretIsRefused(t *testing.T) {
	m, c := network(t, "minionn"), &pass.Context{OT: cost.AlwaysOT(cost.Ferret), Deploy: cost.ClientServer, Source: cost.FromDealer}
	if err := new(pass.Runner).Run(c, m, slices.Concat(passes.ToNet, passes.ToRing, passes.ToSecure)...); err != nil {
		t.Fatal(err)
	}
	pair, err := twopc.Emit(m, m.Funcs[0])
	if err != nil {
		t.Fatal(err)
	}
	_, err = Lower(pair.Client, pair.Server, Only(cost.Offline), boards(t, "zcu104", pair.Client.Ring, engines...), paperLink())
	var unsupported *UnsupportedError
	if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "--ot softspoken") {
		t.Errorf("%v", err)
	}
}

// TestSecretSharedFunctionsAreRefused names the layer and what is accepted.
func TestSecretSharedFunctionsAreRefused(t *testing.T) {
	pair := example(t, "minionn", &pass.Context{Protocols: pass.Protocols{Nonlinear: "fss"}})
	_, err := Lower(pair.Client, pair.Server, Only(cost.Online), boards(t, "zcu104", pair.Client.Ring), paperLink())
	var unsupported *UnsupportedError
	if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "--nonlinear gc") {
		t.Errorf("%v", err)
	}
}

// TestWhatDoesNotFitNamesAKnob turns the knob that a refusal names, until the network fits.
func TestWhatDoesNotFitNamesAKnob(t *testing.T) {
	pair := example(t, "minionn", &pass.Context{Protocols: pass.Protocols{Nonlinear: "gc-whole"}})
	designs := boards(t, "zcu104", pair.Client.Ring, target.Setting{Knob: "evaluate.slots", Value: 1}, target.Setting{Knob: "garble.slots", Value: 1})
	const knobs = 8 // more than can be in the way
	for range knobs {
		_, err := Lower(pair.Client, pair.Server, Only(cost.Online), designs, paperLink())
		var fit *FitError
		if err == nil {
			return
		}
		if !errors.As(err, &fit) {
			t.Fatal(err)
		}
		t.Log(err)
		for p := range designs {
			if designs[p], err = designs[p].With(fit.Setting()); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Error("no design fits")
}

// TestEveryInstruction holds the opcodes that programs have against those that are cut, need no command, or are refused.
func TestEveryInstruction(t *testing.T) {
	aliases := []program.Opcode{program.Copy, program.Take, program.Spill, program.Fill, program.TapValue, program.OTDraw, program.GCDraw}
	transfers := []program.Opcode{program.SendRing, program.SendBits, program.RecvRing, program.RecvBits}
	refused := []program.Opcode{program.FSSSign, program.FSSRectify, program.FSSSelect, program.GCFlip, program.GCTrees, program.GCExpand, program.GCCorrect}
	for _, op := range program.Opcodes() {
		_, streams := elementwises[op]
		_, cut := cuts[op]
		if !streams && !cut && !slices.Contains(slices.Concat(aliases, transfers, refused), op) {
			t.Errorf("nobody cuts %s", op)
		}
	}
}
