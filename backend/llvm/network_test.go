package llvm

import (
	"slices"
	"testing"

	"sotto/backend/twopc"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/pass"
	"sotto/passes/pass/golden"
	"sotto/runtime/program"

	"pgregory.net/rapid"
)

// alone are the computations that need nothing but buffers and weights, but for elementwise ones and movements, which do not either.
var alone = []program.Opcode{program.Linear, program.Conv, program.Take, program.JoinBits,
	program.MuxChoose, program.MuxCorrelate, program.MuxOutput, program.Sign, program.TapValue, program.Zero}

// bare is the online phase of a program without what needs an offline phase or a real peer: every buffer begins with random bytes.
func bare(p *program.Program) *program.Program {
	out := *p
	out.Offline, out.Imports, out.Extensions = nil, nil, cost.Extensions{}
	first := program.Level{}
	for i, b := range p.Buffers {
		all := []program.Operand{{Buf: i, Len: b.Len}}
		if b.Kind == program.Ring {
			first.Recv = append(first.Recv, program.Instr{Op: program.RecvRing, Out: all, Ints: []int{p.Ring}})
		} else {
			first.Recv = append(first.Recv, program.Instr{Op: program.RecvBits, Out: all})
		}
	}
	out.Online = []program.Level{first}
	for _, l := range p.Online {
		out.Online = append(out.Online, program.Level{
			Send:    only(l.Send, func(in program.Instr) bool { return in.Op == program.SendRing || in.Op == program.SendBits }),
			Recv:    only(l.Recv, func(in program.Instr) bool { return in.Op == program.RecvRing || in.Op == program.RecvBits }),
			Compute: only(l.Compute, func(in program.Instr) bool { return in.Elementwise() || in.Op.Moves() || slices.Contains(alone, in.Op) }),
		})
	}
	if p.Output.Buf >= 0 {
		result := program.Instr{Op: program.SendRing, In: []program.Operand{{Buf: p.Output.Buf, Len: p.Output.Len()}}, Ints: []int{p.Ring}}
		out.Online = append(out.Online, program.Level{Send: []program.Instr{result}})
	}
	return &out
}

func only(list []program.Instr, keep func(program.Instr) bool) []program.Instr {
	return slices.DeleteFunc(slices.Clone(list), func(in program.Instr) bool { return !keep(in) })
}

// drawPair compiles a drawn network.
func drawPair(t *rapid.T) *twopc.Pair {
	d := golden.DrawNet(t, "", "nn.argmax", "nn.softmax")
	c, m := d.Context(), d.Space
	c.Deploy = rapid.SampledFrom([]cost.Deployment{cost.ClientServer, cost.Outsourced}).Draw(t, "deployment")
	c.Ring = rapid.SampledFrom([]int{32, 64}).Draw(t, "ring")
	if err := (&pass.Runner{}).Run(c, m, slices.Concat(passes.ToNet, passes.ToRing, passes.ToSecure)...); err != nil {
		t.Fatal(err)
	}
	pair, err := twopc.EmitTuned(m, m.Funcs[0], twopc.Tuning{SlotBytes: 1, Compared: 64})
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// TestNetworksAgainstMachine holds whole programs against the machine that runs one instruction at a time: what they send, and their
// result, on the same bytes from the peer.
func TestNetworksAgainstMachine(t *testing.T) {
	const networks = 6
	clang, target := clangs(t)[0], runnable(t)[0]
	draw := rapid.Custom(drawPair)
	for i := range networks {
		pair := draw.Example(i)
		for _, p := range []*program.Program{pair.Client, pair.Server} {
			if p.Ring == 32 {
				checkProgram[uint32](t, clang, target, bare(p))
			} else {
				checkProgram[uint64](t, clang, target, bare(p))
			}
		}
	}
}
