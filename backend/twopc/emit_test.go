package twopc_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sotto/backend/twopc"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/pass"
	"sotto/passes/pass/golden"
	"sotto/runtime/program"
)

// every is the compiler up to the back end.
var every = slices.Concat(passes.ToNet, passes.ToRing, passes.ToSecure)

func emit(t *rapid.T) (*ir.Module, *twopc.Pair) {
	d := golden.DrawNet(t, "", "nn.argmax", "nn.softmax")
	c, m := d.Context(), d.Space
	c.Deploy = rapid.SampledFrom([]cost.Deployment{cost.ClientServer, cost.Outsourced}).Draw(t, "deployment")
	c.Ring = rapid.SampledFrom([]int{32, 64}).Draw(t, "ring")
	c.Protocols.Nonlinear = rapid.SampledFrom(pass.Nonlinears()).Draw(t, "nonlinear")
	c.Protocols.Truncation = rapid.SampledFrom(pass.Truncations()).Draw(t, "truncation")
	if err := (&pass.Runner{}).Run(c, m, every...); err != nil {
		t.Fatal(err)
	}
	m.OT = rapid.SampledFrom([]cost.OT{cost.SoftSpoken, cost.Ferret, cost.IKNP}).Draw(t, "ot")
	pair, err := twopc.EmitTuned(m, m.Funcs[0], rapid.SampledFrom([]twopc.Tuning{{SlotBytes: 1, Compared: 64}, twopc.DefaultTuning()}).Draw(t, "tuning"))
	if err != nil {
		t.Fatal(err)
	}
	return m, pair
}

// slot is one op's part of one message.
type slot struct {
	at   cost.Time
	from cost.Party
	tag  int
}

// declared sums the payloads that the op table declares for a function's programs. What moves up to Start belongs to the
// session: base OTs, and the openings of weights, which the makers of material send.
func declared(m *ir.Module) map[slot]int64 {
	out := map[slot]int64{}
	for _, msg := range ir.Account(m, m.Funcs[0], cost.FromDealer).Messages {
		if msg.Sent > cost.Start {
			out[slot{msg.Sent, msg.From, msg.Tag}] += msg.Bytes
		}
	}
	return out
}

// emitted sums what the instructions of a pair send.
func emitted(pair *twopc.Pair) map[slot]int64 {
	out := map[slot]int64{}
	for _, p := range []*program.Program{pair.Client, pair.Server} {
		for start, levels := range map[cost.Time][]program.Level{cost.Start: p.Offline, cost.OnlineStart: p.Online} {
			for depth, l := range levels {
				for _, in := range l.Send {
					if p.SentBytes(in) == 0 {
						continue // OTs of a tree that an earlier op began
					}
					out[slot{start + cost.Time(depth), p.Party, in.Tag}] += p.SentBytes(in)
				}
			}
		}
	}
	return out
}

func TestProgramsSendWhatTheOpTableDeclares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, pair := emit(t)
		sendsDeclared(t, m, pair)
	})
}

func sendsDeclared(t *rapid.T, m *ir.Module, pair *twopc.Pair) {
	want, got := declared(m), emitted(pair)
	for s := range want {
		if want[s] != got[s] {
			t.Fatalf("%s at %d, %s: declared %d B, the program sends %d B:\n%s", s.from, s.at, m.Funcs[0].Body[s.tag].Op.Name, want[s], got[s], m)
		}
	}
	for s, n := range got {
		if _, ok := want[s]; !ok {
			t.Fatalf("%s at %d, %s: sends %d B that are not declared:\n%s", s.from, s.at, m.Funcs[0].Body[s.tag].Op.Name, n, m)
		}
	}
}

// emitStep compiles a drawn training step.
func emitStep(t *rapid.T) (*ir.Module, *twopc.Pair) {
	d := golden.DrawStep(t)
	c, m := d.Pass, d.Net
	c.Deploy = cost.Outsourced
	c.Protocols.Nonlinear = rapid.SampledFrom(pass.Nonlinears()).Draw(t, "nonlinear")
	if err := (&pass.Runner{}).Run(&c, m, slices.Concat(passes.ToTrain, passes.ToFixedStep, passes.ToPrivateStep)...); err != nil {
		t.Fatal(err)
	}
	of := rapid.IntRange(0, len(m.Funcs)-1).Draw(t, "function") // of the weights, or of the logits
	m.Funcs = m.Funcs[of : of+1]
	pair, err := twopc.EmitTuned(m, m.Funcs[0], twopc.Tuning{SlotBytes: 1, Compared: 64})
	if err != nil {
		t.Fatal(err)
	}
	return m, pair
}

// So do the programs of training steps, which name all their state, and what of it they replace.
func TestStepsSendWhatTheOpTableDeclares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, pair := emitStep(t)
		sendsDeclared(t, m, pair)
		replaced := map[string]bool{}
		for _, v := range m.Funcs[0].Body {
			if v.Op.State {
				replaced[v.Path] = replaced[v.Path] || v.Overwrites()
			}
		}
		for _, p := range []*program.Program{pair.Client, pair.Server} {
			if len(p.State) != len(replaced) {
				t.Fatalf("%d state tensors, the step has %v", len(p.State), replaced)
			}
			for _, s := range p.State {
				if (s.Out >= 0) != replaced[s.Name] {
					t.Fatalf("%s comes out of buffer %d: replaced is %v", s.Name, s.Out, replaced[s.Name])
				}
			}
		}
	})
}

func TestPairsVerifyAndEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, pair := emit(t)
		if err := program.CheckPair(pair.Client, pair.Server); err != nil {
			t.Fatal(err)
		}
		for _, p := range []*program.Program{pair.Client, pair.Server} {
			if err := p.Verify(pair.Manifest); err != nil {
				t.Fatal(err)
			}
		}
		if pair.Client.Pair != pair.Server.Pair {
			t.Fatal("the parties hold different hashes of the pair")
		}
	})
}

func TestEmitRefusesOtherStages(t *testing.T) {
	m, err := ir.Parse("t.ir", "module net\nfunc @f(%x: f32[4]) -> f32[4] {\nreturn %x\n}")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := twopc.Emit(m, m.Funcs[0]); err == nil {
		t.Error("emitted a program for a network of floats")
	}
}
