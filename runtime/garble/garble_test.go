package garble

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sotto/ir/circuit"
	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// testSeed fixes all randomness of a test. It exists in tests alone.
func testSeed(n uint64) *prg.Stream { return prg.NewStream(prg.Block{Lo: n, Hi: 0x7e57}.Seed()) }

// session is both parties of one circuit under fixed test randomness, with
// the inputs of n instances in the plain and as labels.
type session struct {
	c         *circuit.Circuit
	scheme    cost.Scheme
	garbler   *Garbler
	evaluator *Evaluator
	n         int
	delta     prg.Block
	x, y      []uint64    // packed inputs, instance-major
	zero      []prg.Block // zero-labels of the evaluator's inputs
	active    []prg.Block // its active labels, as OTs would give them
}

// newSession takes the path of prg.NewHash.
func newSession(t testing.TB, c *circuit.Circuit, n int, seed uint64) *session {
	t.Helper()
	return newSessionOn(t, prg.NewHash(prg.Block{}).Path(), c, n, seed)
}

func newSessionOn(t testing.TB, path prg.Path, c *circuit.Circuit, n int, seed uint64) *session {
	t.Helper()
	return newSessionBy(t, cost.HalfGates, path, c, n, seed)
}

func newSessionBy(t testing.TB, scheme cost.Scheme, path prg.Path, c *circuit.Circuit, n int, seed uint64) *session {
	t.Helper()
	rnd := testSeed(seed)
	head := make([]prg.Block, 3)
	rnd.Blocks(head)
	head[1].Lo |= 1
	s := &session{c: c, scheme: scheme, n: n, delta: head[1]}
	first := prg.Tweak(1000)
	hash, err := prg.NewHashOn(path, head[0])
	if err != nil {
		t.Fatal(err)
	}
	if s.garbler, err = NewGarbler(scheme, c, hash, s.delta, head[2].Seed(), first); err != nil {
		t.Fatal(err)
	}
	if s.evaluator, err = NewEvaluator(scheme, c, hash, first); err != nil {
		t.Fatal(err)
	}
	s.x = make([]uint64, ring.BitWords(n*c.Garbler))
	s.y = make([]uint64, ring.BitWords(n*c.Evaluator))
	prg.Words(rnd, s.x)
	prg.Words(rnd, s.y)
	s.zero = make([]prg.Block, n*c.Evaluator)
	rnd.Blocks(s.zero)
	s.active = make([]prg.Block, len(s.zero))
	for k := range s.zero {
		s.active[k] = s.zero[k].Xor(s.delta.MaskIf(s.y[k/64] >> (k % 64)))
	}
	return s
}

// material is what garbling a range of instances gives.
type material struct {
	tables, labels  []prg.Block
	permute, colour []uint64
}

// slice returns instances [first, first+count) of packed instance-major bits.
func slice(bits []uint64, width, first, count int) []uint64 {
	out := make([]uint64, ring.BitWords(width*count))
	for k := range width * count {
		from := width*first + k
		out[k/64] |= bits[from/64] >> (from % 64) & 1 << (k % 64)
	}
	return out
}

// arranged gives the labels of instances, so many wires each, block by block, as they travel, of one instance after the other.
func arranged(labels []prg.Block, wires int) []prg.Block {
	count := len(labels) / max(wires, 1)
	out := make([]prg.Block, len(labels))
	for i := range count {
		for w := range wires {
			out[place(count, wires, i, w)] = labels[i*wires+w]
		}
	}
	return out
}

// place is where number w of the things that each of count instances has lies for instance i.
func place(count, each, i, w int) int {
	b := i / 64 * 64
	return b*each + w*min(64, count-b) + i - b
}

// late is how many of the garbler's inputs have labels that travel.
func (s *session) late() int { return s.c.Garbler - s.c.Early }

// split gives the garbler's late and early inputs of instances [first, first+count), packed in their orders.
func (s *session) split(first, count int) (late, early []uint64) {
	late, early = make([]uint64, ring.BitWords(count*s.late())), make([]uint64, ring.BitWords(count*s.c.Early))
	for i := range count {
		for w := range s.c.Garbler {
			v := bit(s.x, (first+i)*s.c.Garbler+w)
			to, k := late, place(count, s.late(), i, w)
			if w >= s.late() {
				to, k = early, i*s.c.Early+w-s.late()
			}
			to[k/64] |= v << (k % 64)
		}
	}
	return late, early
}

// run garbles and evaluates instances [first, first+count).
func (s *session) run(t testing.TB, first, count int) material {
	t.Helper()
	words := len(s.c.Outputs) * ring.BitWords(count)
	m := material{make([]prg.Block, s.scheme.TableBlocks(int64(s.c.ANDs()))*int64(count)), make([]prg.Block, count*s.late()),
		make([]uint64, words), make([]uint64, words)}
	from, to := first*s.c.Evaluator, (first+count)*s.c.Evaluator
	late, early := s.split(first, count)
	if err := s.garbler.Garble(first, count, arranged(s.zero[from:to], s.c.Evaluator), early, m.tables, m.permute); err != nil {
		t.Fatal(err)
	}
	if err := s.garbler.Labels(first, count, late, m.labels); err != nil {
		t.Fatal(err)
	}
	if err := s.evaluator.Evaluate(first, count, arranged(s.active[from:to], s.c.Evaluator), m.labels, m.tables, m.colour); err != nil {
		t.Fatal(err)
	}
	return m
}

// bit returns bit k of packed bits.
func bit(words []uint64, k int) uint64 { return words[k/64] >> (k % 64) & 1 }

// check compares the shared output of a run with the circuit's own value.
func (s *session) check(t testing.TB, first, count int, m material) {
	t.Helper()
	words := ring.BitWords(count)
	for at := 0; at < count; at += 64 {
		n := min(64, count-at)
		in := make([]uint64, s.c.Inputs())
		for w := range in {
			for j := range n {
				bits, k := s.x, (first+at+j)*s.c.Garbler+w
				if w >= s.c.Garbler {
					bits, k = s.y, (first+at+j)*s.c.Evaluator+w-s.c.Garbler
				}
				in[w] |= bit(bits, k) << j
			}
		}
		want, err := s.c.EvalLanes(in)
		if err != nil {
			t.Fatal(err)
		}
		for o := range want {
			w := o*words + at/64
			if got := m.permute[w] ^ m.colour[w]; got != want[o]&(^uint64(0)>>(64-n)) {
				t.Fatalf("output %d of instances %d to %d: %#x, want %#x", o, first+at, first+at+n-1, got, want[o])
			}
		}
	}
}

// named are the circuits of the protocols, in small and in large.
func named(t testing.TB) map[string]*circuit.Circuit {
	t.Helper()
	all := map[string]*circuit.Circuit{}
	add := func(name string, c *circuit.Circuit, err error) {
		if err != nil {
			t.Fatal(err)
		}
		all[name] = c
	}
	for n := 2; n <= 64; n++ {
		c, err := circuit.Carry(n)
		add(fmt.Sprintf("carry %d", n), c, err)
	}
	for _, l := range []int{4, 8, 32, 64} {
		c, err := circuit.ReLU(circuit.Plain(l))
		add(fmt.Sprintf("relu %d", l), c, err)
		c, err = circuit.MaxPool(4, circuit.Plain(l))
		add(fmt.Sprintf("maxpool 4 of %d", l), c, err)
		c, err = circuit.Argmax(10, circuit.Plain(l))
		add(fmt.Sprintf("argmax 10 of %d", l), c, err)
	}
	return all
}

func TestNamedCircuitsByValue(t *testing.T) {
	for name, c := range named(t) {
		t.Run(name, func(t *testing.T) {
			s := newSession(t, c, 70, 1)
			s.check(t, 0, s.n, s.run(t, 0, s.n))
		})
	}
}

// oddCircuit has what the builder never makes: constants inside, outputs that
// are inputs or repeat, a dead gate, an unused input, a gate of one wire twice.
func oddCircuit() *circuit.Circuit {
	return &circuit.Circuit{
		Garbler: 2, Evaluator: 2,
		Gates: []circuit.Gate{
			{Op: circuit.XOR, A: 0, B: 0}, // 4: the constant 0
			{Op: circuit.INV, A: 4, B: 4}, // 5: the constant 1
			{Op: circuit.AND, A: 5, B: 2}, // 6: y0
			{Op: circuit.AND, A: 2, B: 2}, // 7: y0
			{Op: circuit.AND, A: 0, B: 7}, // 8: dead
			{Op: circuit.INV, A: 6, B: 6}, // 9
			{Op: circuit.AND, A: 9, B: 4}, // 10: 0
		},
		Outputs: []circuit.Wire{9, 0, 4, 5, 7, 3, 9, 10},
	}
}

func TestOddCircuit(t *testing.T) {
	s := newSession(t, oddCircuit(), 130, 2)
	s.check(t, 0, s.n, s.run(t, 0, s.n))
}

// randomCircuit draws a circuit of the given inputs with gates over any wires.
func randomCircuit(t *rapid.T) *circuit.Circuit {
	c := &circuit.Circuit{Garbler: rapid.IntRange(1, 5).Draw(t, "garbler"), Evaluator: rapid.IntRange(0, 5).Draw(t, "evaluator")}
	wire := func(name string) circuit.Wire {
		return circuit.Wire(rapid.IntRange(0, c.Wires()-1).Draw(t, name))
	}
	for range rapid.IntRange(0, 30).Draw(t, "gates") {
		g := circuit.Gate{Op: rapid.SampledFrom([]circuit.Op{circuit.XOR, circuit.AND, circuit.INV}).Draw(t, "op"), A: wire("a"), B: wire("b")}
		if g.Op == circuit.INV {
			g.B = g.A
		}
		c.Gates = append(c.Gates, g)
	}
	for range rapid.IntRange(1, 5).Draw(t, "outputs") {
		c.Outputs = append(c.Outputs, wire("output"))
	}
	return c
}

func TestRandomCircuitsAndRanges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newSession(t, randomCircuit(rt), 150, rapid.Uint64().Draw(rt, "seed"))
		first := rapid.IntRange(0, s.n).Draw(rt, "first")
		count := rapid.IntRange(0, s.n-first).Draw(rt, "count")
		s.check(t, first, count, s.run(t, first, count))
	})
}

// TestPathsAgree compares each path with the portable one in all numbers of
// instances up to more than one block of tweaks, from several lanes on, in
// tables that begin at any block of a cache line and must not be overrun.
func TestPathsAgree(t *testing.T) {
	relu, err := circuit.ReLU(circuit.Plain(4))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*circuit.Circuit{"relu": relu, "odd": oddCircuit()} {
		for _, scheme := range cost.Schemes() {
			want := newSessionBy(t, scheme, prg.Portable, c, 200, 14)
			for _, path := range prg.Paths() {
				t.Run(fmt.Sprint(name, " ", scheme, " ", path), func(t *testing.T) {
					s := newSessionBy(t, scheme, path, c, 200, 14)
					for _, first := range []int{0, 5, 63, 64} {
						for count := range 131 {
							s.checkAgainst(t, want, first, count)
						}
					}
				})
			}
		}
	}
}

// checkAgainst compares a run of two sessions over one range.
func (s *session) checkAgainst(t *testing.T, other *session, first, count int) {
	t.Helper()
	want, got := other.run(t, first, count), s.run(t, first, count)
	if !slices.Equal(got.tables, want.tables) || !slices.Equal(got.labels, want.labels) ||
		!slices.Equal(got.permute, want.permute) || !slices.Equal(got.colour, want.colour) {
		t.Fatalf("instances %d to %d differ", first, first+count-1)
	}
	head, n := count%4, len(got.tables)
	around := make([]prg.Block, head+n+8)
	tables := around[head : head+n]
	from, to := first*s.c.Evaluator, (first+count)*s.c.Evaluator
	_, early := s.split(first, count)
	if err := s.garbler.Garble(first, count, arranged(s.zero[from:to], s.c.Evaluator), early, tables, got.permute); err != nil {
		t.Fatal(err)
	}
	if err := s.evaluator.Evaluate(first, count, arranged(s.active[from:to], s.c.Evaluator), got.labels, tables, got.colour); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(tables, want.tables) || !slices.Equal(got.colour, want.colour) {
		t.Fatalf("instances %d to %d differ in tables at block %d", first, first+count-1, head)
	}
	for _, outside := range append(slices.Clone(around[:head]), around[head+n:]...) {
		if outside != (prg.Block{}) {
			t.Fatalf("instances %d to %d: blocks outside of the tables are written", first, first+count-1)
		}
	}
}

// TestChunksLeaveNoTrace garbles a layer at once, large enough for several
// goroutines, then in chunks of several sizes in random order.
func TestChunksLeaveNoTrace(t *testing.T) {
	c, err := circuit.ReLU(circuit.Plain(6))
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(t, c, 2*grain+77, 3)
	whole := s.run(t, 0, s.n)
	s.check(t, 0, s.n, whole)
	for _, size := range []int{64, 128, 512, 1024} {
		var starts []int
		for at := 0; at < s.n; at += size {
			starts = append(starts, at)
		}
		rand.New(rand.NewPCG(uint64(size), 0)).Shuffle(len(starts), func(i, j int) { starts[i], starts[j] = starts[j], starts[i] })
		for _, at := range starts {
			n := min(size, s.n-at)
			s.checkPart(t, whole, at, n, s.run(t, at, n))
		}
	}
}

// checkPart compares a run of instances [at, at+n) with that of all.
func (s *session) checkPart(t testing.TB, whole material, at, n int, part material) {
	t.Helper()
	ands := 2 * s.c.ANDs()
	if !slices.Equal(part.tables, whole.tables[at*ands:(at+n)*ands]) {
		t.Fatalf("tables of instances %d to %d depend on the chunk", at, at+n-1)
	}
	if !slices.Equal(part.labels, whole.labels[at*s.late():(at+n)*s.late()]) {
		t.Fatalf("labels of instances %d to %d depend on the chunk", at, at+n-1)
	}
	for o := range s.c.Outputs {
		for i := range n {
			p, w := o*ring.BitWords(n)*64+i, o*ring.BitWords(s.n)*64+at+i
			if bit(part.permute, p) != bit(whole.permute, w) || bit(part.colour, p) != bit(whole.colour, w) {
				t.Fatalf("output %d of instance %d depends on the chunk", o, at+i)
			}
		}
	}
}

// TestLabelsAcrossGoroutines compares labels made by several goroutines with
// those of single blocks.
func TestLabelsAcrossGoroutines(t *testing.T) {
	c, err := circuit.Carry(31)
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(t, c, labelGrain/31*3, 4)
	whole := make([]prg.Block, s.n*31)
	if err := s.garbler.Labels(0, s.n, s.x, whole); err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, 64, s.n / 128 * 64, s.n / 64 * 64} {
		n := min(64, s.n-at)
		block := make([]prg.Block, 31*n)
		if err := s.garbler.Labels(at, n, slice(s.x, 31, at, n), block); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(block, whole[31*at:31*(at+n)]) {
			t.Errorf("labels of the block of instance %d depend on the range", at)
		}
	}
}

// TestHalfGatesReference recomputes the tables of one gate from the paper's
// equations, one label at a time.
func TestHalfGatesReference(t *testing.T) {
	c := &circuit.Circuit{Evaluator: 2, Gates: []circuit.Gate{{Op: circuit.AND, A: 0, B: 1}}, Outputs: []circuit.Wire{2}}
	for _, path := range prg.Paths() {
		t.Run(path.String(), func(t *testing.T) { checkHalfGates(t, newSessionOn(t, path, c, 200, 5)) })
	}
}

// checkHalfGates checks a session of one AND gate.
func checkHalfGates(t *testing.T, s *session) {
	m := s.run(t, 0, s.n)
	h := s.garbler.engine.hash
	seen := map[prg.Tweak]bool{}
	for i := range s.n {
		j := prg.Tweak(1000 + 128*(i/64) + i%64)
		j1 := j + 64
		if seen[j] || seen[j1] || uint64(j1) >= 1000+Tweaks(cost.HalfGates, s.c, s.n) {
			t.Fatalf("instance %d: tweaks %d and %d repeat or are past the end", i, j, j1)
		}
		seen[j], seen[j1] = true, true
		a, b := s.zero[2*i], s.zero[2*i+1]
		tg := h.Sum1(a, j).Xor(h.Sum1(a.Xor(s.delta), j)).Xor(s.delta.MaskIf(b.Lsb()))
		te := h.Sum1(b, j1).Xor(h.Sum1(b.Xor(s.delta), j1)).Xor(a)
		w := h.Sum1(a, j).Xor(tg.MaskIf(a.Lsb())).Xor(h.Sum1(b, j1)).Xor(te.Xor(a).MaskIf(b.Lsb()))
		if m.tables[2*i] != tg || m.tables[2*i+1] != te || bit(m.permute, i) != w.Lsb() {
			t.Fatalf("instance %d: tables differ from the paper's", i)
		}
	}
}

// TestGolden holds the bytes on the wire under fixed test randomness.
func TestGolden(t *testing.T) {
	c, err := circuit.Carry(31)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range prg.Paths() {
		t.Run(path.String(), func(t *testing.T) {
			s := newSessionOn(t, path, c, 100, 6)
			checkGolden(t, s.run(t, 0, s.n))
		})
	}
}

func checkGolden(t *testing.T, m material) {
	for _, tc := range []struct {
		name, want string
		got        []prg.Block
	}{
		{"tables", "7e012857012f7b2fab52f518c05afbdc25051ce5bd0bd70e24d3e2f255bae7a9", m.tables},
		{"labels", "58359f31839a4745998cb653a107a97dfaf0f6043960a129a2d4e1d92c16ee18", m.labels},
	} {
		sum := sha256.Sum256(prg.Bytes(tc.got))
		if got := hex.EncodeToString(sum[:]); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestSizes(t *testing.T) {
	c, err := circuit.Carry(31)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := cost.HalfGatesBytes(int64(c.ANDs()), 1), int64(32*31); got != want {
		t.Errorf("TableBytes %d, want %d", got, want)
	}
	if got, want := TweaksPerInstance(cost.HalfGates, c), uint64(62); got != want {
		t.Errorf("TweaksPerInstance %d, want %d", got, want)
	}
	for n, blocks := range map[int]uint64{0: 0, 1: 1, 64: 1, 65: 2} {
		if got := Tweaks(cost.HalfGates, c, n); got != 62*64*blocks {
			t.Errorf("Tweaks of %d instances: %d, want %d blocks of 64", n, got, blocks)
		}
	}
	if got, want := MaxInstances(c), MaxANDs/31; got != want {
		t.Errorf("MaxInstances %d, want %d", got, want)
	}
	s := newSession(t, c, 10, 7)
	m := s.run(t, 0, s.n)
	if got, want := int64(len(prg.Bytes(m.tables))), cost.HalfGatesBytes(31, 10); got != want {
		t.Errorf("tables of %d bytes, declared %d", got, want)
	}
	if got, want := int64(len(prg.Bytes(m.labels))), cost.LabelBytes(31, 10); got != want {
		t.Errorf("labels of %d bytes, declared %d", got, want)
	}
}

func TestNewErrors(t *testing.T) {
	c, err := circuit.Carry(3)
	if err != nil {
		t.Fatal(err)
	}
	hash, odd := prg.NewHash(prg.Block{}), prg.Block{Lo: 1}
	bad := &circuit.Circuit{Garbler: -1}
	last := prg.COTPad.First() - prg.Tweak(Tweaks(cost.HalfGates, c, MaxInstances(c)))
	for _, tc := range []struct {
		name, want string
		c          *circuit.Circuit
		delta      prg.Block
		first      prg.Tweak
	}{
		{"circuit", "negative", bad, odd, 0},
		{"delta", "lsb(Delta) is 0", c, prg.Block{Lo: 2, Hi: 1}, 0},
		{"tweak at the end", "domain garbling", c, odd, last + 1},
		{"tweak of another domain", "domain garbling", c, odd, prg.OneOfNPad.First()},
	} {
		if _, err := NewGarbler(cost.HalfGates, tc.c, hash, tc.delta, prg.Seed{}, tc.first); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("garbler, %s: error %v, want one with %q", tc.name, err, tc.want)
		}
		if _, err := NewEvaluator(cost.HalfGates, tc.c, hash, tc.first); (err == nil) != (tc.name == "delta") {
			t.Errorf("evaluator, %s: error %v", tc.name, err)
		}
	}
	if _, err := NewGarbler(cost.HalfGates, c, hash, odd, prg.Seed{}, last); err != nil {
		t.Errorf("the last tweaks of the domain: %v", err)
	}
}

// TestWrongLengths makes each slice one too short and one too long in turn.
func TestWrongLengths(t *testing.T) {
	c, err := circuit.ReLU(circuit.Plain(3))
	if err != nil {
		t.Fatal(err)
	}
	const n = 65
	s := newSession(t, c, n, 8)
	blocks := func(n int) []prg.Block { return make([]prg.Block, n) }
	for off := -1; off <= 1; off++ {
		for which := range 11 {
			d := func(i int) int {
				if i == which {
					return off
				}
				return 0
			}
			words := len(c.Outputs) * 2
			errs := []error{
				s.garbler.Garble(0, n, blocks(n*3+d(0)), make([]uint64, ring.BitWords(n*3)+d(9)), blocks(2*n*c.ANDs()+d(1)), make([]uint64, words+d(2))),
				s.garbler.Labels(0, n, make([]uint64, ring.BitWords(n*3)+d(3)), blocks(n*3+d(4))),
				s.evaluator.Evaluate(0, n, blocks(n*3+d(5)), blocks(n*3+d(6)), blocks(2*n*c.ANDs()+d(7)), make([]uint64, words+d(8))),
			}
			got := 0
			for _, err := range errs {
				if err != nil {
					got++
				}
			}
			if want := off & 1; which < 10 && got != want || which == 10 && got != 0 {
				t.Errorf("slice %d off by %d: %d errors %v", which, off, got, errs)
			}
		}
	}
}

func TestRanges(t *testing.T) {
	c := oddCircuit()
	s := newSession(t, c, 0, 9)
	limit := MaxInstances(c)
	for _, r := range [][2]int{{-1, 0}, {0, -1}, {limit + 1, 0}, {limit, 1}, {0, limit + 1}} {
		for name, err := range map[string]error{
			"garble":   s.garbler.Garble(r[0], r[1], nil, nil, nil, nil),
			"labels":   s.garbler.Labels(r[0], r[1], nil, nil),
			"evaluate": s.evaluator.Evaluate(r[0], r[1], nil, nil, nil, nil),
		} {
			if err == nil || !strings.Contains(err.Error(), "are accepted under one key") {
				t.Errorf("%s of %d instances from %d: error %v", name, r[1], r[0], err)
			}
		}
	}
	if err := s.garbler.Garble(limit, 0, nil, nil, nil, nil); err != nil {
		t.Errorf("no instances at the end: %v", err)
	}
	end := newSession(t, c, 1, 10)
	shift := material{make([]prg.Block, 2*c.ANDs()), make([]prg.Block, 2), make([]uint64, 8), make([]uint64, 8)}
	if err := firstError(
		end.garbler.Garble(limit-1, 1, end.zero, nil, shift.tables, shift.permute),
		end.garbler.Labels(limit-1, 1, slice(end.x, 2, 0, 1), shift.labels),
		end.evaluator.Evaluate(limit-1, 1, end.active, shift.labels, shift.tables, shift.colour),
	); err != nil {
		t.Fatal(err)
	}
	end.check(t, 0, 1, shift)
}

// TestSharesLookRandom checks that the evaluator's share of one and the same
// output varies from instance to instance.
func TestSharesLookRandom(t *testing.T) {
	c, err := circuit.Carry(8)
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(t, c, 4096, 11)
	clear(s.x)
	clear(s.y)
	copy(s.active, s.zero)
	m := s.run(t, 0, s.n)
	s.check(t, 0, s.n, m)
	ones := 0
	for i := range s.n {
		ones += int(bit(m.colour, i))
	}
	// 4096 fair bits have a standard deviation of 32: 6 of them are past any
	// accident, and the randomness is fixed.
	if ones < 2048-192 || ones > 2048+192 {
		t.Errorf("%d of 4096 colour bits are 1", ones)
	}
}

// TestAllocations holds that no instance costs an allocation. The bound leaves
// room for the race detector, under which pools forget on purpose.
func TestAllocations(t *testing.T) {
	c, err := circuit.Carry(31)
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(t, c, grain, 12)
	m := s.run(t, 0, s.n)
	for name, f := range map[string]func() error{
		"garble":   func() error { return s.garbler.Garble(0, s.n, s.zero, nil, m.tables, m.permute) },
		"evaluate": func() error { return s.evaluator.Evaluate(0, s.n, s.active, m.labels, m.tables, m.colour) },
		"labels":   func() error { return s.garbler.Labels(0, s.n, s.x, m.labels) },
	} {
		if n := testing.AllocsPerRun(5, func() {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		}); n >= grain {
			t.Errorf("%s of %d instances allocates %v times", name, grain, n)
		}
	}
}

// bench times f over a sign-only layer of 32-bit values, which has as many
// ANDs as labels of either party, 31 an instance, on each path of this
// machine. work is what an AND, or a label, takes in AES blocks. Beside the
// mean it reports the best of the runs, which other work on the machine
// disturbs less, and that as a fraction of what AES alone allows.
func bench(b *testing.B, scheme cost.Scheme, unit string, work float64, f func(s *session, m material) error) {
	c, err := circuit.Carry(31)
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range prg.Paths() {
		b.Run(path.String(), func(b *testing.B) {
			s := newSessionBy(b, scheme, path, c, 1<<13, 13)
			m := s.run(b, 0, s.n)
			limit := aesLimit(s.garbler.engine.hash) * float64(runtime.GOMAXPROCS(0))
			best := time.Duration(math.MaxInt64)
			for b.Loop() {
				begun := time.Now()
				if err := f(s, m); err != nil {
					b.Fatal(err)
				}
				best = min(best, time.Since(begun))
			}
			units := float64(s.n * c.ANDs())
			fastest := units / best.Seconds()
			b.ReportMetric(float64(b.N)*units/b.Elapsed().Seconds()/1e6, "M"+unit)
			b.ReportMetric(fastest/1e6, "best_M"+unit)
			b.ReportMetric(fastest*work/1e6, "best_MAES/s")
			b.ReportMetric(fastest*work/limit, "best_of_limit")
		})
	}
}

// aesLimit measures the AES blocks a second of one core on a hash's path with
// nothing around them, the best of several runs.
func aesLimit(hash *prg.Hash) float64 {
	x := make([]prg.Block, 1024)
	best := 0.0
	for range 50 {
		begun := time.Now()
		for range 20 {
			hash.Permute(x)
		}
		best = max(best, float64(20*len(x))/time.Since(begun).Seconds())
	}
	return best
}

func BenchmarkGarble(b *testing.B) {
	for _, scheme := range cost.Schemes() {
		b.Run(string(scheme), func(b *testing.B) {
			bench(b, scheme, "ANDs/s", float64(scheme.GarbleAES()), func(s *session, m material) error {
				return s.garbler.Garble(0, s.n, s.zero, nil, m.tables, m.permute)
			})
		})
	}
}

func BenchmarkEvaluate(b *testing.B) {
	for _, scheme := range cost.Schemes() {
		b.Run(string(scheme), func(b *testing.B) {
			bench(b, scheme, "ANDs/s", float64(scheme.EvaluateAES()), func(s *session, m material) error {
				return s.evaluator.Evaluate(0, s.n, s.active, m.labels, m.tables, m.colour)
			})
		})
	}
}

func BenchmarkLabels(b *testing.B) {
	bench(b, cost.HalfGates, "labels/s", 1, func(s *session, m material) error { return s.garbler.Labels(0, s.n, s.x, m.labels) })
}
