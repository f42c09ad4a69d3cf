package hlslib_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sotto/fpga/hlslib"
	"sotto/fpga/lower"
	"sotto/ir/cost"
	"sotto/runtime/nonlin"
	"sotto/runtime/ring"
)

// chainer draws a chain for a party, and runs its steps by the runtime's functions.
type chainer[W ring.Word] struct {
	*bench[W]
	party         cost.Party
	n, lo, size   int
	command       lower.Command
	chain         lower.Chain
	vectors       map[int][]W       // by source: operands of the command, and what is kept
	planes        map[int]ring.Bits // likewise
	ins, outs     int
	read, readB   int // operands of either kind
	wrote, wroteB int
	factors       []nonlin.Factors[W]
}

// keptBits is the source of the bits kept.
const keptBits = lower.ChainFirstKept + lower.ChainKept

// source draws where an operand is: what is there already, or a new operand of the command. It fails where the command has as many as it may.
func (c *chainer[W]) source(kind rune) (at int, ok bool) {
	var known []int
	if kind == 'r' {
		for s := range c.vectors {
			known = append(known, s)
		}
	} else {
		for s := range c.planes {
			known = append(known, s)
		}
	}
	slices.Sort(known)
	full := c.ins == lower.Ins || kind == 'r' && c.read == lower.ChainVectors || kind == 'b' && c.readB == lower.ChainPlanes
	if len(known) > 0 && (full || c.rnd.IntN(2) == 0) {
		return known[c.rnd.IntN(len(known))], true
	}
	if full {
		return 0, false
	}
	at = c.ins
	c.ins++
	if kind == 'r' {
		c.vectors[at] = words[W](c.rnd, c.n)
		c.command.In[at] = c.put(c.vectors[at])
		c.read++
		return at, true
	}
	c.planes[at] = bits(c.rnd, c.n)
	c.command.In[at] = c.putBits(c.planes[at].Words())
	c.chain.Bits |= 1 << at
	c.readB++
	return at, true
}

// factor draws which list of factors a step takes, and makes it.
func (c *chainer[W]) factor() int {
	i := c.rnd.IntN(lower.ChainFactors)
	for i >= len(c.factors) {
		of := words[W](c.rnd, (c.lo+c.n+c.size-1)/c.size)
		c.command.Weight[len(c.factors)] = c.put(of)
		c.factors = append(c.factors, nonlin.Factors[W]{Of: of, Size: c.size, First: c.lo})
	}
	return i
}

// step appends a step, if its operands have room, and runs it.
func (c *chainer[W]) step(s step[W], last bool) {
	l := ring.Width[W]()
	a := arguments[W]{party: c.party, k: c.rnd.IntN(l - 1), f: 1 + c.rnd.IntN(l-3), c: W(c.rnd.Uint64()), lo: c.lo, out: make([]W, c.n), outBits: bits(c.rnd, c.n)}
	if s.ints == "w" {
		a.f = 2 + c.rnd.IntN(l-1)
	}
	of := lower.ChainStep{Operation: s.op, Result: -1, Kept: -1, Factor: -1}
	for _, kind := range s.operands {
		at, ok := c.source(kind)
		if !ok {
			return
		}
		of.Sources = append(of.Sources, at)
		if kind == 'r' {
			a.r = append(a.r, c.vectors[at])
		} else {
			a.b = append(a.b, c.planes[at])
		}
	}
	if s.weights > 0 {
		of.Factor = c.factor()
		a.factor = c.factors[of.Factor]
	}
	for i, v := range strings.TrimSuffix(s.ints, "s") {
		of.Numbers[i] = int32(map[rune]int{'f': a.f, 'w': a.f, 'k': a.k}[v])
		if v == 'c' {
			of.Numbers = [2]int32{int32(uint32(a.c)), int32(uint32(uint64(a.c) >> 32))}
		}
	}
	s.run(a)
	c.place(s, &of, a, last)
	c.chain.Steps = append(c.chain.Steps, of)
}

// place draws where a step's result goes: what is kept, a result of the command, both, or neither.
func (c *chainer[W]) place(s step[W], of *lower.ChainStep, a arguments[W], last bool) {
	if s.result == 'b' {
		if c.rnd.IntN(2) == 0 {
			of.Kept, c.planes[keptBits] = keptBits, a.outBits
		}
		if c.wroteB < lower.ChainBitResults && (last || c.rnd.IntN(2) == 0) {
			of.Result, c.wroteB = c.outs, c.wroteB+1
			c.command.Out[c.outs] = c.roomBits(ring.BitWords(c.n))
			c.wantBits(c.command.Out[c.outs], a.outBits.Words())
			c.chain.ResultBits |= 1 << c.outs
			c.outs++
		}
		return
	}
	if c.rnd.IntN(4) > 0 {
		of.Kept = lower.ChainFirstKept + c.rnd.IntN(lower.ChainKept)
		c.vectors[of.Kept] = a.out
	}
	if c.wrote < lower.ChainResults && (last || c.rnd.IntN(2) == 0) {
		of.Result, c.wrote = c.outs, c.wrote+1
		c.command.Out[c.outs] = c.room(c.n)
		c.want(c.command.Out[c.outs], a.out)
		c.outs++
	}
}

// addChain puts a random chain on a bench.
func addChain[W ring.Word](b *bench[W], all []step[W], party cost.Party, n int) {
	c := &chainer[W]{bench: b, party: party, n: n, lo: 64 * b.rnd.IntN(4), size: []int{1, 3, 8, 9, 64, 100}[b.rnd.IntN(6)], command: command(lower.OpChain, party, n),
		vectors: map[int][]W{}, planes: map[int]ring.Bits{}}
	c.command.Lo, c.chain.Size = uint32(c.lo), c.size
	count := 2 + b.rnd.IntN(lower.ChainSteps-1)
	for i := range count {
		s := all[b.rnd.IntN(len(all))]
		if s.op != lower.OpScale && (!clientsOnly[s.op] || party == cost.Client) && (!serversOnly[s.op] || party == cost.Server) {
			c.step(s, i == count-1)
		}
	}
	if len(c.chain.Steps) == 0 {
		return
	}
	c.command.SetChain(c.chain)
	b.add(c.command)
}

// TestChains holds drawn chains against the runtime's functions one after the other, both parties, vectors of less and more than a tile.
func TestChains(t *testing.T) { each(t, testChains[uint32], testChains[uint64]) }

func testChains[W ring.Word](t *testing.T, c hlslib.Config) {
	b, all := newBench[W](17), steps[W]()
	for range 60 {
		for _, party := range []cost.Party{cost.Client, cost.Server} {
			addChain(b, all, party, []int{1, 63, 65, c.Chunk, 2*c.Chunk + 33}[b.rnd.IntN(5)])
		}
	}
	b.check(t, c, inTurn)
	b.check(t, c, sideBySide)
}

// TestChainLimits: what lower cuts chains by is what the kernel has.
func TestChainLimits(t *testing.T) {
	compiler, err := exec.LookPath("g++")
	if err != nil {
		t.Skip("g++ is not installed")
	}
	var asserts strings.Builder
	for name, v := range map[string]int{"steps": lower.ChainSteps, "head": lower.ChainHead, "step_ints": lower.ChainStepInts, "vectors": lower.ChainVectors,
		"planes": lower.ChainPlanes, "results": lower.ChainResults, "bit_results": lower.ChainBitResults, "kept": lower.ChainKept, "first_kept": lower.ChainFirstKept} {
		fmt.Fprintf(&asserts, "static_assert(sotto::chain_%s == %d, \"chain_%s\");\n", name, v, name)
	}
	file := filepath.Join(t.TempDir(), "limits.cpp")
	if err := os.WriteFile(file, []byte("#include \"chain.hpp\"\n"+asserts.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(compiler, "-std=c++14", "-fsyntax-only", "-Wno-unknown-pragmas", "-I.", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
