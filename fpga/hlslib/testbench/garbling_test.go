package testbench

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"sotto/fpga/gates"
	"sotto/fpga/lower"
	"sotto/fpga/target"
	"sotto/ir/circuit"
	"sotto/ir/cost"
	"sotto/runtime/garble"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// garbling is a design of the kernels that are tested here.
type garblingDesign struct {
	ring               int
	garbler, evaluator target.HalfGates
	count, slots       int
	ot                 target.OTStep
	lanes              int // units that compare
}

// garblingDesigns have engines of all kinds, one or several, and rings of both widths.
var garblingDesigns = []garblingDesign{
	{32, target.HalfGates{Role: target.Garble, Core: target.Pipelined, Hashes: 4}, target.HalfGates{Role: target.Evaluate, Core: target.Pipelined, Hashes: 2}, 1, 508, target.OTStep{Core: target.Pipelined, AES: 1, Hashes: 1}, 1},
	{64, target.HalfGates{Role: target.Garble, Core: target.Pipelined, Hashes: 2}, target.HalfGates{Role: target.Evaluate, Core: target.Pipelined, Hashes: 1}, 2, 256, target.OTStep{Core: target.Pipelined, AES: 4, Hashes: 2}, 4},
	{32, target.HalfGates{Role: target.Garble, Core: target.Iterative, Hashes: 2}, target.HalfGates{Role: target.Evaluate, Core: target.Iterative, Hashes: 1}, 1, 1, target.OTStep{Core: target.Iterative, AES: 16, Hashes: 3}, 2},
}

// header writes the designs down as the kernels read them.
func header() string {
	var b strings.Builder
	b.WriteString("#pragma once\n#include <cstdint>\nnamespace sotto {\n")
	engine := func(name string, e target.HalfGates, d garblingDesign) {
		fmt.Fprintf(&b, "    struct %s { enum { SLOTS = %d, INTERVAL = %d, LATENCY = %d, ROUNDS = %d, COUNT = %d }; };\n",
			name, d.slots, e.Interval(), e.Latency(), e.Rounds(), d.count)
	}
	list := ""
	for i, d := range garblingDesigns {
		fmt.Fprintf(&b, "struct design%d {\n    typedef uint%d_t word;\n    enum { OT_AES = %d, OT_HASHES = %d, OT_ROUNDS = %d, COMPARE_LANES = %d, PORT = %d };\n", i, d.ring, d.ot.AES, d.ot.Hashes, d.ot.Rounds(), d.lanes, 512/d.ring)
		engine("garbler", d.garbler, d)
		engine("evaluator", d.evaluator, d)
		b.WriteString("};\n")
		list += fmt.Sprintf(" DESIGN(%d)", i)
	}
	fmt.Fprintf(&b, "}\n#define DESIGNS%s\n", list)
	return b.String()
}

// bench is the C-simulation of the kernels: a process that runs commands on memories.
type bench struct {
	sync.Mutex
	in  io.WriteCloser
	out io.Reader
}

// kernels gives the bench, built once.
func kernels(t *testing.T) *bench {
	t.Helper()
	b, err := built()
	if err != nil {
		t.Fatal(err)
	}
	if b == nil {
		t.Skip("g++ is not installed: kernels are not compiled")
	}
	return b
}

var built = sync.OnceValues(func() (*bench, error) {
	if _, err := exec.LookPath("g++"); err != nil {
		return nil, nil
	}
	dir, err := os.MkdirTemp("", "hlslib")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // the program keeps running
	if err := os.WriteFile(filepath.Join(dir, "designs.hpp"), []byte(header()), 0o600); err != nil {
		return nil, err
	}
	program := filepath.Join(dir, "garbling")
	compile := exec.Command("g++", "-std=c++14", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-label", "-I..", "-I"+dir, "-o", program, filepath.Join("testdata", "garbling.cpp"))
	if out, err := compile.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%v\n%s", err, out)
	}
	run := exec.Command(program)
	run.Stderr = os.Stderr
	in, err := run.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := run.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &bench{in: in, out: out}, run.Start()
})

// board is the memories of a board, and the commands it is given.
type board struct {
	design     int
	bits, ring []uint64
	commands   []uint32
	cycles     [3]uint64 // to load, to compute, to store
}

// onBits puts words into BITS and gives their address.
func (b *board) onBits(words []uint64) uint32 {
	at := len(b.bits)
	b.bits = append(b.bits, words...)
	return uint32(at)
}

// onRing puts words into RING.
func (b *board) onRing(words []uint64) uint32 {
	at := len(b.ring)
	b.ring = append(b.ring, words...)
	return uint32(at)
}

// blank is room that holds what nobody means.
func blank(n int) []uint64 {
	words := make([]uint64, n)
	for i := range words {
		words[i] = 0xbad0bad0bad0bad0
	}
	return words
}

// issue adds a command.
func (b *board) issue(c lower.Command) {
	c.Kernel = c.Operation.Kernel()
	b.commands = c.Encode(b.commands)
}

// run runs the commands.
func (b *board) run(t *testing.T) {
	t.Helper()
	k := kernels(t)
	k.Lock()
	defer k.Unlock()
	request := []uint64{uint64(b.design), uint64(len(b.commands) / lower.RecordWords), uint64(len(b.bits)), uint64(len(b.ring))}
	for i := 0; i < len(b.commands); i += 2 {
		request = append(request, uint64(b.commands[i])|uint64(b.commands[i+1])<<32)
	}
	request = slices.Concat(request, b.bits, b.ring)
	go func() { _ = binary.Write(k.in, binary.LittleEndian, request) }() // a bench that ends shows in what comes back
	for _, to := range [][]uint64{b.bits, b.ring, b.cycles[:]} {
		if err := binary.Read(k.out, binary.LittleEndian, to); err != nil {
			t.Fatalf("the kernels ended: %v", err)
		}
	}
	b.commands = nil
}

// ints puts numbers in front of a command's.
func ints(c *lower.Command, numbers ...int) {
	for i, n := range numbers {
		c.Ints[i] = int32(n)
	}
}

// halves are the words of blocks.
func halves(blocks []prg.Block) []uint64 { return slices.Clone(prg.Halves(blocks)) }

// stream draws words, under a seed of its own for each test.
type stream struct{ *prg.Stream }

func testStream(seed uint64) stream {
	return stream{prg.NewStream(prg.Block{Lo: seed, Hi: 0x7e57}.Seed())}
}

func (s stream) blocks(n int) []prg.Block {
	b := make([]prg.Block, n)
	s.Blocks(b)
	return b
}

func (s stream) words(n int) []uint64 {
	w := make([]uint64, n)
	prg.Words(s.Stream, w)
	return w
}

// elements draws ring elements.
func elements[W ring.Word](s stream, n int) []W {
	x := make([]W, n)
	prg.Words(s.Stream, x)
	return x
}

// wide gives ring elements a word each.
func wide[W ring.Word](x []W) []uint64 {
	w := make([]uint64, len(x))
	for i, v := range x {
		w[i] = uint64(v)
	}
	return w
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// same compares words, and says where they differ first.
func same(t *testing.T, what string, got, want []uint64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d words, want %d", what, len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s: word %d of %d is %#x, the runtime has %#x", what, i, len(got), got[i], want[i])
		}
	}
}

// garbledCase is a circuit and how many instances of it.
type garbledCase struct {
	design int
	name   string
	params []int
	n      int
}

// TestGarbled garbles a circuit, sends the labels of the garbler's share and evaluates, all by the kernels in slabs, and holds every table,
// label and output against the runtime's; and the engines' cycles against those of their models.
func TestGarbled(t *testing.T) {
	for _, c := range []garbledCase{
		{0, circuit.CarryTask, []int{32, 0}, 200}, {0, circuit.CarryTask, []int{19, 0}, 64}, {0, circuit.CarryTask, []int{32, 14}, 1},
		{0, circuit.ReLUTask, []int{32, 18, 0}, 130}, {0, circuit.MaxPoolTask, []int{32, 32, 14, 4}, 70}, {0, circuit.ClipTask, []int{32, 32, 14, 96}, 65},
		{0, circuit.ArgmaxTask, []int{32, 32, 14, 10}, 3},
		{1, circuit.CarryTask, []int{64, 0}, 330}, {1, circuit.ReLUTask, []int{64, 64, 0}, 100},
		{2, circuit.CarryTask, []int{18, 0}, 130},
	} {
		t.Run(fmt.Sprintf("%d-%s%v-%d", c.design, c.name, c.params, c.n), func(t *testing.T) {
			if garblingDesigns[c.design].ring == 32 {
				testGarbled[uint32](t, c)
			} else {
				testGarbled[uint64](t, c)
			}
		})
	}
}

// layer is a garbled layer by the runtime.
type layer[W ring.Word] struct {
	task             *circuit.Task
	n                int
	key, delta, seed prg.Block
	zero             []prg.Block // of the evaluator's inputs
	x0, x1, r        []W         // the evaluator's share, the garbler's, and its masks
	choices          ring.Bits
	labels, own      []prg.Block // of the garbler's bits, and of the evaluator's
	tables           []prg.Block
	permute, colour  []uint64 // planes
	sent, shares     []W      // the permute bits as words, and the evaluator's shares
}

func newLayer[W ring.Word](t *testing.T, c garbledCase) *layer[W] {
	t.Helper()
	task, err := circuit.Named(c.name, c.params...)
	check(t, err)
	s := testStream(uint64(c.n))
	head := s.blocks(3)
	head[1].Lo |= 1
	l := &layer[W]{task: task, n: c.n, key: head[0], delta: head[1], seed: head[2], zero: s.blocks(c.n * task.Wires())}
	l.x0, l.x1 = elements[W](s, c.n*task.Elements), elements[W](s, c.n*task.Elements)
	l.choices = l.inputs(l.x0)
	l.own = make([]prg.Block, len(l.zero))
	for i := range l.own {
		l.own[i] = l.zero[i].Xor(l.delta.MaskIf(l.choices.Get(i)))
	}
	l.garble(t, s)
	return l
}

// inputs packs a share's bits as runtime/vm does.
func (l *layer[W]) inputs(x []W) ring.Bits {
	b := ring.NewBits(l.n * l.task.Wires())
	high := make([]W, len(x))
	for i, e := range x {
		high[i] = e >> l.task.From
	}
	ring.BlockBits(b, high, l.task.Elements, l.task.Bits)
	return b
}

func (l *layer[W]) garble(t *testing.T, s stream) {
	t.Helper()
	hash, c := prg.NewHash(l.key), l.task.Circuit
	garbler, err := garble.NewGarbler(cost.HalfGates, c, hash, l.delta, l.seed.Seed(), prg.Garbling.First())
	check(t, err)
	evaluator, err := garble.NewEvaluator(cost.HalfGates, c, hash, prg.Garbling.First())
	check(t, err)
	early := ring.NewBits(l.n * l.task.Ring)
	if l.task.Ring > 0 {
		l.r = elements[W](s, l.n)
		ring.InstanceBits(early, l.r, l.task.Ring)
	}
	planes := len(c.Outputs) * ring.BitWords(l.n)
	l.tables, l.permute, l.colour = make([]prg.Block, 2*l.n*c.ANDs()), make([]uint64, planes), make([]uint64, planes)
	check(t, garbler.Garble(0, l.n, l.zero, early.Words(), l.tables, l.permute))
	l.labels = make([]prg.Block, l.n*l.task.Wires())
	check(t, garbler.Labels(0, l.n, l.inputs(l.x1).Words(), l.labels))
	check(t, evaluator.Evaluate(0, l.n, l.own, l.labels, l.tables, l.colour))
	if l.task.Ring > 0 {
		l.sent, l.shares = make([]W, l.n), make([]W, l.n)
		ring.FromPlanes(l.sent, l.permute, l.task.Ring)
		ring.FromPlanes(l.shares, l.colour, l.task.Ring)
		for i := range l.shares {
			l.shares[i] ^= l.sent[i]
		}
	}
}

// slabs cuts instances into commands of at most so many.
func slabs(n, most int, f func(lo, n uint32)) {
	for lo := 0; lo < n; lo += most {
		f(uint32(lo), uint32(min(most, n-lo)))
	}
}

func testGarbled[W ring.Word](t *testing.T, c garbledCase) {
	l := newLayer[W](t, c)
	plan, err := gates.New(l.task, cost.HalfGates)
	check(t, err)
	d := garblingDesigns[c.design]
	t.Run("garble", func(t *testing.T) { l.testTables(t, c, plan, d) })
	t.Run("labels", func(t *testing.T) { l.testLabels(t, c, plan) })
	t.Run("evaluate", func(t *testing.T) { l.testEvaluate(t, c, plan, d) })
}

const slab = 128

func (l *layer[W]) testTables(t *testing.T, c garbledCase, plan *gates.Plan, d garblingDesign) {
	b := &board{design: c.design}
	steps := b.onBits(plan.Words())
	key := b.onBits(halves([]prg.Block{l.key, l.delta, l.seed}))
	zero := b.onBits(halves(l.zero))
	tables := b.onBits(blank(2 * len(l.tables)))
	r, permute, words := uint32(lower.None), b.onBits(blank(ring.BitWords(l.n))), b.onRing(blank(l.n))
	if l.task.Ring > 0 {
		r = b.onRing(wide(l.r))
	}
	wires, ands := uint32(gates.BlockWords*l.task.Wires()), uint32(gates.TableWords*plan.ANDs)
	slabs(l.n, slab, func(lo, n uint32) {
		cmd := lower.Command{Operation: lower.OpTables, Lo: lo, N: n, Out: [lower.Outs]uint32{tables + lo*ands, permute + lo/64}, In: [lower.Ins]uint32{zero + lo*wires, r},
			Weight: [lower.WeightRefs]uint32{steps, key}}
		if l.task.Ring > 0 {
			cmd.Out[1], cmd.In[1] = words+lo, r+lo
		}
		ints(&cmd, plan.Ints()...)
		b.issue(cmd)
	})
	b.run(t)
	same(t, "tables", b.bits[tables:][:2*len(l.tables)], halves(l.tables))
	if l.task.Ring > 0 {
		same(t, "permute words", b.ring[words:][:l.n], wide(l.sent))
	} else {
		same(t, "permute bits", b.bits[permute:][:len(l.permute)], l.permute)
	}
	l.checkCycles(t, b.cycles[1], plan, d.garbler, d.count)
}

// checkCycles holds the engines' cycles against their model's.
func (l *layer[W]) checkCycles(t *testing.T, got uint64, plan *gates.Plan, e target.HalfGates, count int) {
	t.Helper()
	want := 0
	slabs(l.n, slab, func(_, n uint32) {
		blocks := (int(n) + target.Lanes - 1) / target.Lanes
		want += plan.Cycles(e, (blocks+count-1)/count*target.Lanes)
	})
	if got != uint64(want) {
		t.Errorf("%d cycles, %d are charged", got, want)
	}
	if plan.Task.Ring == 0 && l.n <= slab && count == 1 {
		if want := (target.Comparison{Engine: e, Bits: plan.ANDs}).Cycles(l.n); plan.ANDs > 1 && got != uint64(want) {
			t.Errorf("%d cycles, fpga/rtl's comparison takes %d", got, want)
		}
	}
}

func (l *layer[W]) testLabels(t *testing.T, c garbledCase, plan *gates.Plan) {
	b := &board{design: c.design}
	key := b.onBits(halves([]prg.Block{l.key, l.delta, l.seed}))
	x0, x1 := b.onRing(wide(l.x0)), b.onRing(wide(l.x1))
	labels, choices := b.onBits(blank(2*len(l.labels))), b.onBits(blank(ring.BitWords(l.choices.Len())))
	each, wires := uint32(l.task.Elements), uint32(l.task.Wires())
	slabs(l.n, slab, func(lo, n uint32) {
		cmd := lower.Command{Operation: lower.OpLabels, Lo: lo, N: n, Out: [lower.Outs]uint32{labels + gates.BlockWords*lo*wires}, In: [lower.Ins]uint32{x1 + lo*each}, Weight: [lower.WeightRefs]uint32{lower.None, key}}
		ints(&cmd, plan.Ints()...)
		b.issue(cmd)
	})
	b.run(t)
	charged := 0
	slabs(l.n, slab, func(_, n uint32) { charged += garblingDesigns[c.design].garbler.LabelCycles(int(n) * l.task.Wires()) })
	if b.cycles[1] != uint64(charged) {
		t.Errorf("%d cycles for labels, %d are charged", b.cycles[1], charged)
	}
	slabs(l.n, slab, func(lo, n uint32) {
		cmd := lower.Command{Operation: lower.OpChoices, Lo: lo, N: n, Out: [lower.Outs]uint32{choices + lo/64*wires}, In: [lower.Ins]uint32{x0 + lo*each}}
		ints(&cmd, plan.Ints()...)
		b.issue(cmd)
	})
	b.run(t)
	same(t, "labels", b.bits[labels:][:2*len(l.labels)], halves(l.labels))
	same(t, "choices", b.bits[choices:][:ring.BitWords(l.choices.Len())], l.choices.Words())
}

func (l *layer[W]) testEvaluate(t *testing.T, c garbledCase, plan *gates.Plan, d garblingDesign) {
	b := &board{design: c.design}
	steps := b.onBits(plan.Words())
	key := b.onBits(halves([]prg.Block{l.key, {}, {}}))
	own, labels, tables := b.onBits(halves(l.own)), b.onBits(halves(l.labels)), b.onBits(halves(l.tables))
	colour, shares, permute := b.onBits(blank(ring.BitWords(l.n))), b.onRing(blank(l.n)), uint32(lower.None)
	if l.task.Ring > 0 {
		permute = b.onRing(wide(l.sent))
	}
	wires, ands := uint32(gates.BlockWords*l.task.Wires()), uint32(gates.TableWords*plan.ANDs)
	slabs(l.n, slab, func(lo, n uint32) {
		cmd := lower.Command{Operation: lower.OpEvaluate, Lo: lo, N: n, Out: [lower.Outs]uint32{colour + lo/64},
			In: [lower.Ins]uint32{own + lo*wires, labels + lo*wires, tables + lo*ands, permute}, Weight: [lower.WeightRefs]uint32{steps, key}}
		if l.task.Ring > 0 {
			cmd.Out[0], cmd.In[3] = shares+lo, permute+lo
		}
		ints(&cmd, plan.Ints()...)
		b.issue(cmd)
	})
	b.run(t)
	if l.task.Ring > 0 {
		same(t, "shares", b.ring[shares:][:l.n], wide(l.shares))
	} else {
		same(t, "colour bits", b.bits[colour:][:len(l.colour)], l.colour)
	}
	l.checkCycles(t, b.cycles[1], plan, d.evaluator, d.count)
}
