package lower

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"sotto/backend/twopc"
	"sotto/fpga/networks"
	"sotto/fpga/target"
	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/runtime/prg"
	"sotto/runtime/program"
)

// asIfLarge has small networks put away and cut to pieces what only large ones have to.
var asIfLarge = twopc.Tuning{SlotBytes: 1, Compared: 64}

// boards is a design for a board, at both parties.
func boards(t testing.TB, name string, ring int, settings ...target.Setting) [2]target.Design {
	t.Helper()
	d := networks.Design(t, name, ring, settings...)
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
	for _, n := range networks.PASNet {
		t.Run(n.Name, func(t *testing.T) {
			if n.Large && !networks.Long() {
				t.Skip("seconds: with SOTTO_LONG=1")
			}
			p := planned(t, networks.Pair(t, n.Example, networks.Polynomial(n.Sites...)), boards(t, "zcu104", 32), networks.PaperLink())
			t.Logf("%.1f ms, the paper has %.1f", p.Seconds()*1e3, n.PaperMS)
			if ms := p.Seconds() * 1e3; ms > n.PaperMS {
				t.Errorf("%.1f ms on two ZCU104, the paper's model has %.1f", ms, n.PaperMS)
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
	pair := networks.Pair(t, "minionn", &pass.Context{OT: cost.AlwaysOT(cost.Ferret)})
	_, err := Lower(pair.Client, pair.Server, Only(cost.Offline), boards(t, "zcu104", pair.Client.Ring, networks.Engines...), networks.PaperLink())
	var unsupported *UnsupportedError
	if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "--ot softspoken") {
		t.Errorf("%v", err)
	}
}

// TestSecretSharedFunctionsAreRefused names the layer and what is accepted.
func TestSecretSharedFunctionsAreRefused(t *testing.T) {
	pair := networks.Pair(t, "minionn", networks.Compared("fss"))
	_, err := Lower(pair.Client, pair.Server, Only(cost.Online), boards(t, "zcu104", pair.Client.Ring), networks.PaperLink())
	var unsupported *UnsupportedError
	if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "--nonlinear gc") {
		t.Errorf("%v", err)
	}
}

// TestWhatDoesNotFitNamesAKnob turns the knob that a refusal names, until the network fits.
func TestWhatDoesNotFitNamesAKnob(t *testing.T) {
	pair := networks.Pair(t, "minionn", networks.Compared("gc-whole"))
	designs := boards(t, "zcu104", pair.Client.Ring, target.Setting{Knob: "evaluate.slots", Value: 1}, target.Setting{Knob: "garble.slots", Value: 1})
	const knobs = 8 // more than can be in the way
	for range knobs {
		_, err := Lower(pair.Client, pair.Server, Only(cost.Online), designs, networks.PaperLink())
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
	refused := []program.Opcode{program.FSSSign, program.FSSRectify, program.FSSSelect, program.GCFlip, program.GCTrees, program.GCExpand, program.GCCorrect,
		program.Mul, program.BatchConv, program.BatchConvX, program.BatchConvW, program.MulPublic, program.Unpool, program.Sums} // the last are of training
	for _, op := range program.Opcodes() {
		_, streams := elementwises[op]
		_, cut := cuts[op]
		if !streams && !cut && !slices.Contains(slices.Concat(aliases, transfers, refused), op) {
			t.Errorf("nobody cuts %s", op)
		}
	}
}
