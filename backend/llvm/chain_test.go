package llvm

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/vm"
)

// seeded is a peer that sends random bytes and keeps what it gets.
type seeded struct {
	rng *rand.ChaCha8
	got bytes.Buffer
}

func newSeeded() *seeded { return &seeded{rng: rand.NewChaCha8([32]byte{1})} }

func (c *seeded) Begin()                      {}
func (c *seeded) End() error                  { return nil }
func (c *seeded) Abort(string) error          { return nil }
func (c *seeded) SetSendTag(int, int)         {}
func (c *seeded) SetRecvTag(int, int)         {}
func (c *seeded) Write(p []byte) (int, error) { return c.got.Write(p) }
func (c *seeded) ReadFull(p []byte) error {
	_, err := c.rng.Read(p)
	return err
}

// drawn is a program of random elementwise instructions between a message that fills every buffer and one that shows some of them.
func drawn(rng *rand.Rand, bits int) *program.Program {
	sizes := []int{1, 37, 64, 100, 192, 49 * 12, 1000, 3 * 784}
	n := sizes[rng.IntN(len(sizes))]
	channel := 1
	for _, c := range []int{49, 64, 784, 50, 3} {
		if n%c == 0 {
			channel = c
			break
		}
	}
	return drawnOf(rng, bits, n, channel)
}

// drawnOf is drawn for n elements, so many a channel.
func drawnOf(rng *rand.Rand, bits, n, channel int) *program.Program {
	const rings, all = 7, 10
	p := &program.Program{Version: program.Version, Party: cost.Party(rng.IntN(2)), Ring: bits, Layers: []program.Layer{{Path: "drawn"}},
		Input: program.Tensor{Buf: -1}, Output: program.Tensor{Buf: -1}, Weights: []program.Weight{{Name: "w", Len: n / channel}, {Name: "one", Len: 1}}, Online: make([]program.Level, 3)}
	at := func(i int) program.Operand { return program.Operand{Buf: i, Len: n} }
	for i := range all {
		if i < rings {
			p.Buffers = append(p.Buffers, program.Buffer{Kind: program.Ring, Len: n + rng.IntN(5)})
			p.Online[0].Recv = append(p.Online[0].Recv, program.Instr{Op: program.RecvRing, Out: []program.Operand{at(i)}, Ints: []int{bits}})
		} else {
			p.Buffers = append(p.Buffers, program.Buffer{Kind: program.Bits, Len: n + rng.IntN(5)})
			p.Online[0].Recv = append(p.Online[0].Recv, program.Instr{Op: program.RecvBits, Out: []program.Operand{at(i)}})
		}
	}
	r := func() program.Operand { return at(rng.IntN(rings)) }
	b := func() program.Operand { return at(rings + rng.IntN(all-rings)) }
	f := 1 + rng.IntN(bits-4)
	in := func(op program.Opcode, out program.Operand, ints []int, args ...program.Operand) program.Instr {
		return program.Instr{Op: op, Out: []program.Operand{out}, In: args, Ints: ints}
	}
	scale := []int{0, rng.IntN(2) - 1, n / channel, channel, 1, n / channel, 1, 1, 1, 1, 0, 0, 1, 1, n / channel, n / channel}
	for range 1 + rng.IntN(12) {
		list := []program.Instr{in(program.Add, r(), nil, r(), r()), in(program.Sub, r(), nil, r(), r()), in(program.MulC, r(), []int{rng.IntN(999) - 500}, r()),
			in(program.AddC, r(), []int{rng.IntN(999) - 500}, r()), in(program.Copy, r(), nil, r()), in(program.Shift, r(), []int{rng.IntN(2)}, r()),
			in(program.Conv, r(), scale, r(), r()), in(program.TruncChoose, b(), []int{f}, r(), b()), in(program.TruncCorrelate, r(), []int{f}, r(), r(), r()),
			in(program.TruncReceive, r(), []int{f}, r(), b(), b(), r(), r()), in(program.TruncSend, r(), []int{f}, r(), b(), r()),
			in(program.SquareClient, r(), nil, r(), r(), r()), in(program.SquareServer, r(), nil, r(), r()), in(program.SquareOpened, r(), nil, r(), r(), r()),
			in(program.QuadraticBlind, r(), []int{rng.IntN(2), rng.IntN(4)}, r(), r()), in(program.QuadraticClient, r(), []int{rng.IntN(4)}, r(), r(), r()),
			in(program.QuadraticServer, r(), []int{rng.IntN(2), rng.IntN(4)}, r(), r()), in(program.RoundedShare, r(), []int{f}, r()),
			in(program.RoundedCorrelate, r(), []int{rng.IntN(2), f, rng.IntN(4)}, r(), r(), r(), r()),
			in(program.RoundedClient, r(), []int{f, rng.IntN(4)}, r(), r(), r(), r(), r(), b(), b(), b()),
			in(program.RoundedServer, r(), []int{rng.IntN(2), f, rng.IntN(4)}, r(), r(), r(), r(), b(), b())}
		next := list[rng.IntN(len(list))]
		if clashes(next) {
			continue
		}
		p.Online[1].Compute = append(p.Online[1].Compute, next)
	}
	for i := range all {
		switch {
		case rng.IntN(2) == 0:
		case i < rings:
			p.Online[2].Send = append(p.Online[2].Send, program.Instr{Op: program.SendRing, In: []program.Operand{at(i)}, Ints: []int{bits}})
		default:
			p.Online[2].Send = append(p.Online[2].Send, program.Instr{Op: program.SendBits, In: []program.Operand{at(i)}})
		}
	}
	return p
}

// clashes tells of an instruction that writes what it reads, which a compiled program has none of.
func clashes(in program.Instr) bool {
	for _, o := range in.In {
		if o.Buf == in.Out[0].Buf {
			return true
		}
	}
	return false
}

// shown runs a program, with native kernels if there are some, and gives what it sends.
func shown[W ring.Word](t *testing.T, p *program.Program, kernels func(weights [][]W) *vm.Native[W]) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	weights := make([][]W, len(p.Weights))
	for i, w := range p.Weights {
		for range w.Len {
			weights[i] = append(weights[i], W(rng.Uint64()))
		}
	}
	peer := newSeeded()
	m, err := vm.New(p, peer, &vm.OTs{}, weights)
	if err != nil {
		t.Fatal(err)
	}
	if kernels != nil {
		m.UseNative(kernels(weights))
	}
	if err := m.Run(cost.Online, nil); err != nil {
		t.Fatal(err)
	}
	return peer.got.Bytes()
}

func checkProgram[W ring.Word](t *testing.T, clang string, target Target, p *program.Program) {
	t.Helper()
	k, err := Compile(p, target)
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(p.Online, func(l program.Level) bool { return slices.ContainsFunc(l.Compute, program.Instr.Elementwise) }) && len(k.Plan.Regions) == 0 {
		t.Error("no regions for elementwise instructions")
	}
	lib := build(t, clang, target, k.Text)
	got := shown(t, p, func(weights [][]W) *vm.Native[W] {
		n, err := vm.NewNative(&k.Plan, lib, weights)
		if err != nil {
			t.Fatal(err)
		}
		return n
	})
	if want := shown[W](t, p, nil); !bytes.Equal(got, want) {
		text := ""
		for _, l := range p.Online {
			for _, in := range l.Compute {
				text += fmt.Sprintln(in.Op, in.Out, in.In, in.Ints)
			}
		}
		t.Errorf("%s, %s, %s, ring of %d bits: native kernels send something else than the machine after\n%s", clang, target.Name, p.Party, p.Ring, text)
	}
}

func TestChainsAgainstMachine(t *testing.T) {
	const programs = 12
	for i, clang := range clangs(t) {
		for j, target := range runnable(t) {
			for k := range programs {
				rng := rand.New(rand.NewPCG(uint64(100*i+j), uint64(k)))
				checkProgram[uint32](t, clang, target, drawn(rng, 32))
				checkProgram[uint64](t, clang, target, drawn(rng, 64))
			}
		}
	}
}

// channelsTwice adds weights a channel to as many elements in two levels, of which the second has other channels: by shifts, factors or
// quadratics.
func channelsTwice(step func(weight, channel, n int) program.Instr) *program.Program {
	const n, few, many = 192, 3, 48
	p := &program.Program{Version: program.Version, Party: cost.Server, Ring: 32, Layers: []program.Layer{{Path: "twice"}},
		Input: program.Tensor{Buf: -1}, Output: program.Tensor{Buf: -1}, Online: make([]program.Level, 4),
		Weights: []program.Weight{{Name: "few", Len: few}, {Name: "many", Len: many}}}
	at := func(i int) program.Operand { return program.Operand{Buf: i, Len: n} }
	for i := range 4 {
		p.Buffers = append(p.Buffers, program.Buffer{Kind: program.Ring, Len: n})
		if i < 2 {
			p.Online[0].Recv = append(p.Online[0].Recv, program.Instr{Op: program.RecvRing, Out: []program.Operand{at(i)}, Ints: []int{32}})
		}
	}
	for i, channels := range []int{few, many} {
		in := step(i, n/channels, n)
		in.Out = []program.Operand{at(2 + i)}
		in.In = []program.Operand{at(0)}
		if in.Op != program.Shift {
			in.In = append(in.In, at(1))
		}
		p.Online[1+i].Compute = []program.Instr{in}
		p.Online[3].Send = append(p.Online[3].Send, program.Instr{Op: program.SendRing, In: []program.Operand{at(2 + i)}, Ints: []int{32}})
	}
	return p
}

// TestChainsOfOtherChannels: two chains that differ in nothing but how many elements a channel has are two functions.
func TestChainsOfOtherChannels(t *testing.T) {
	steps := map[string]func(weight, channel, n int) program.Instr{
		"shift": func(weight, _, _ int) program.Instr { return program.Instr{Op: program.Shift, Ints: []int{weight}} },
		"quadratic": func(weight, _, _ int) program.Instr {
			return program.Instr{Op: program.QuadraticServer, Ints: []int{weight, 1}}
		},
		"factor": func(weight, channel, n int) program.Instr {
			c := n / channel
			return program.Instr{Op: program.Conv, Ints: []int{weight, -1, c, channel, 1, c, 1, 1, 1, 1, 0, 0, 1, 1, c, c}}
		},
	}
	clang, target := clangs(t)[0], runnable(t)[0]
	for name, step := range steps {
		t.Run(name, func(t *testing.T) { checkProgram[uint32](t, clang, target, channelsTwice(step)) })
	}
}

// TestNoVectorsOfBitsAreCombined: neither as written nor as the optimiser leaves it does a module combine vectors of single bits, over
// which clang 19 was seen to hang.
func TestNoVectorsOfBitsAreCombined(t *testing.T) {
	combined := regexp.MustCompile(`(xor|and|or) <\d+ x i1>`)
	for i := range uint64(24) {
		k, err := Compile(drawn(rand.New(rand.NewPCG(6, i)), 32<<(i%2)), targets[0])
		if err != nil {
			t.Fatal(err)
		}
		if found := combined.FindString(k.Text); found != "" {
			t.Errorf("program %d has %s", i, found)
		}
		for _, opt := range []string{"opt-14", "opt-19"} {
			if path, err := exec.LookPath(opt); err == nil {
				run := exec.Command(path, "-O3", "-S")
				run.Stdin = strings.NewReader(k.Text)
				if text, err := run.Output(); err != nil || combined.Match(text) {
					t.Errorf("program %d after %s: %s, %v", i, opt, combined.Find(text), err)
				}
			}
		}
	}
}
