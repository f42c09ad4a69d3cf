package hlslib_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"sotto/fpga/hlslib"
	"sotto/fpga/lower"
	"sotto/fpga/target"
	"sotto/ir/cost"
	"sotto/runtime/ring"
)

// small is a design in which every loop has borders within small tensors: more lanes than a port has words, two ports for inputs.
func small(t *testing.T) target.Design {
	return design(t, 32, map[string]int{"conv.tm": 4, "conv.tn": 6, "conv.pixels": 32, "conv.input_words": 6 * 160, "conv.weight_words": 6 * 100, "conv.ports": 2,
		"depthwise.lanes": 4, "depthwise.pixels": 32, "depthwise.input_words": 4 * 96, "elementwise.lanes": 8, "chunk": 128, "pool.lanes": 4, "move.lanes": 2, "port_bytes": 16})
}

// wide has fewer lanes than a port has words, and sizes that are no powers of two.
func wide(t *testing.T) target.Design {
	return design(t, 64, map[string]int{"conv.tm": 5, "conv.tn": 8, "conv.pixels": 48, "conv.input_words": 8 * 320, "conv.weight_words": 8 * 150, "conv.ports": 1,
		"depthwise.lanes": 4, "depthwise.pixels": 30, "depthwise.input_words": 4 * 96, "elementwise.lanes": 4, "chunk": 256, "pool.lanes": 8, "move.lanes": 4, "port_bytes": 64})
}

// design is one for a ZCU104 with knobs turned.
func design(t *testing.T, ring int, knobs map[string]int) target.Design {
	t.Helper()
	board, err := target.Shipped("zcu104")
	if err != nil {
		t.Fatal(err)
	}
	d, err := target.ForBoard(board, ring)
	if err != nil {
		t.Fatal(err)
	}
	var settings []target.Setting
	for name, value := range knobs {
		settings = append(settings, target.Setting{Knob: name, Value: value})
	}
	if d, err = d.With(settings...); err != nil {
		t.Fatal(err)
	}
	return d
}

// configOf is the constants of a design.
func configOf(t *testing.T, d target.Design) hlslib.Config {
	t.Helper()
	c, err := hlslib.ConfigOf(d)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// simulators are those compiled so far, each in a folder of its own.
var simulators = struct {
	sync.Mutex
	folder string
	of     map[hlslib.Config]*simulation
}{of: map[hlslib.Config]*simulation{}}

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "hlslib")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	simulators.folder = folder
	code := m.Run()
	os.RemoveAll(folder)
	os.Exit(code)
}

// simulator compiles a configuration once.
func simulator(t *testing.T, c hlslib.Config) *simulation {
	t.Helper()
	simulators.Lock()
	defer simulators.Unlock()
	if s := simulators.of[c]; s != nil {
		return s
	}
	s, err := compile(c, filepath.Join(simulators.folder, fmt.Sprint(len(simulators.of))))
	if errors.Is(err, errNoCompiler) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	simulators.of[c] = s
	return s
}

// bench is a board's memories with what commands should make of them.
type bench[W ring.Word] struct {
	board    memories
	ring     []uint64 // wanted
	bits     []uint64
	commands []lower.Command
	sent     []uint64
	rnd      *rand.Rand
}

func newBench[W ring.Word](seed uint64) *bench[W] {
	return &bench[W]{rnd: rand.New(rand.NewPCG(seed, 1))}
}

// lineBytes: buffers begin at multiples of so many bytes.
const lineBytes = 64

// grow appends n words and whatever fills up the line.
func grow(memory *[]uint64, n, wordBytes int) (address uint32) {
	address = uint32(len(*memory))
	line := lineBytes / wordBytes
	*memory = append(*memory, make([]uint64, (n+line-1)/line*line)...)
	return address
}

// room is n words of RING, of BITS likewise.
func (b *bench[W]) room(n int) uint32 {
	grow(&b.ring, n, ring.Width[W]()/8)
	return grow(&b.board.Ring, n, ring.Width[W]()/8)
}

func (b *bench[W]) roomBits(n int) uint32 {
	grow(&b.bits, n, 8)
	return grow(&b.board.Bits, n, 8)
}

// put places words in RING, of BITS likewise.
func (b *bench[W]) put(words []W) uint32 {
	at := b.room(len(words))
	for i, w := range words {
		b.board.Ring[int(at)+i], b.ring[int(at)+i] = uint64(w), uint64(w)
	}
	return at
}

func (b *bench[W]) putBits(words []uint64) uint32 {
	at := b.roomBits(len(words))
	copy(b.board.Bits[at:], words)
	copy(b.bits[at:], words)
	return at
}

// want says what is in RING from an address on in the end, of BITS likewise.
func (b *bench[W]) want(at uint32, words []W) {
	for i, w := range words {
		b.ring[int(at)+i] = uint64(w)
	}
}

func (b *bench[W]) wantBits(at uint32, words []uint64) { copy(b.bits[at:], words) }

// command is one with no operands yet.
func command(op lower.Operation, party cost.Party, n int) lower.Command {
	c := lower.Command{Kernel: op.Kernel(), Operation: op, Party: party, N: uint32(n)}
	for _, list := range [][]uint32{c.Out[:], c.In[:], c.Weight[:]} {
		for i := range list {
			list[i] = lower.None
		}
	}
	return c
}

func ints(c *lower.Command, values ...int) {
	for i, v := range values {
		c.Ints[i] = int32(v)
	}
}

func (b *bench[W]) add(c lower.Command) { b.commands = append(b.commands, c) }

// memories are the board's before its commands.
func (b *bench[W]) memories() *memories {
	m := &memories{Ring: slices.Clone(b.board.Ring), Bits: slices.Clone(b.board.Bits), Incoming: b.board.Incoming}
	for _, c := range b.commands {
		m.Commands = c.Encode(m.Commands)
	}
	return m
}

// check runs all commands and holds both memories and what was sent against what was wanted.
func (b *bench[W]) check(t *testing.T, c hlslib.Config, how order) result {
	t.Helper()
	board := b.memories()
	results, err := simulator(t, c).run(how, board)
	if err != nil {
		t.Fatal(err)
	}
	if results[0].Ran != len(b.commands) {
		t.Errorf("%d commands ran of %d", results[0].Ran, len(b.commands))
	}
	b.same(t, "RING", board.Ring, b.ring)
	b.same(t, "BITS", board.Bits, b.bits)
	b.same(t, "sent", results[0].Sent, b.sent)
	return results[0]
}

// same reports the first word that differs, with the command nearest before it.
func (b *bench[W]) same(t *testing.T, what string, got, want []uint64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d words, want %d", what, len(got), len(want))
		return
	}
	differ, first := 0, -1
	for i := range want {
		if got[i] != want[i] {
			if differ++; first < 0 {
				first = i
			}
		}
	}
	if differ > 0 {
		t.Errorf("%s: %d words differ, first word %d, %#x, want %#x: %s", what, differ, first, got[first], want[first], b.near(uint32(first)))
	}
}

func (b *bench[W]) near(at uint32) string {
	var best *lower.Command
	for i := range b.commands {
		if c := &b.commands[i]; c.Out[0] <= at && (best == nil || c.Out[0] >= best.Out[0]) {
			best = c
		}
	}
	if best == nil {
		return "before all results"
	}
	return fmt.Sprintf("behind %v at the %v, lo %d, n %d, ints %v, to %d", best.Operation, best.Party, best.Lo, best.N, best.Ints, best.Out[0])
}

// words and bits are random vectors.
func words[W ring.Word](rnd *rand.Rand, n int) []W {
	v := make([]W, n)
	for i := range v {
		v[i] = W(rnd.Uint64())
	}
	return v
}

func bits(rnd *rand.Rand, n int) ring.Bits {
	v := make([]uint64, ring.BitWords(n))
	for i := range v {
		v[i] = rnd.Uint64()
	}
	return ring.WrapBits(v, n)
}

// each runs a test in both rings, each with a design of its own.
func each(t *testing.T, of32 func(*testing.T, hlslib.Config), of64 func(*testing.T, hlslib.Config)) {
	t.Run("32", func(t *testing.T) { of32(t, configOf(t, small(t))) })
	t.Run("64", func(t *testing.T) { of64(t, configOf(t, wide(t))) })
}
