package ot

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// toySet goes through an extension with every 400 OTs. It protects nothing.
var toySet = cost.FerretSet{Trees: 8, SecretBits: 6, Depth: 6}

// testBase makes the correlated OTs that an extension starts from.
func testBase(set cost.FerretSet, delta prg.Block) (choice []uint64, k, m []prg.Block) {
	n := int(set.Base())
	choice = testChoices(n)
	k, m = make([]prg.Block, n), make([]prg.Block, n)
	deterministicTestRandomness("ferret base").Blocks(k)
	for i := range m {
		m[i] = k[i].Xor(delta.MaskIf(choice[i/64] >> (i % 64)))
	}
	return choice, k, m
}

// deterministicTestFerret is the same pair in every run.
func deterministicTestFerret(t testing.TB, set cost.FerretSet, delta prg.Block) (*FerretSender, *FerretReceiver) {
	t.Helper()
	choice, k, m := testBase(set, delta)
	s, err := newFerretSender(set, prg.Seed{3}, delta, k, deterministicTestRandomness("ferret sender"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := newFerretReceiver(set, prg.Seed{3}, choice, m)
	if err != nil {
		t.Fatal(err)
	}
	return s, r
}

// ferretBatch makes n OTs of random choice at both ends.
func ferretBatch(s *FerretSender, r *FerretReceiver, n int) (choice []uint64, k, m []prg.Block, msg []byte, err error) {
	choice, k, m = make([]uint64, ring.BitWords(n)), make([]prg.Block, n), make([]prg.Block, n)
	if err = r.Draw(choice, n); err != nil {
		return nil, nil, nil, nil, err
	}
	msg = s.Extend(k)
	return choice, k, m, msg, r.Extend(msg, m)
}

func TestFerretGoldenWireBytes(t *testing.T) {
	delta := prg.Block{Lo: 0x1122334455667789, Hi: 0x99aabbccddeeff00}
	set := cost.FerretSets()[3]
	s, r := deterministicTestFerret(t, set, delta)
	n := int(set.Usable()) + 5000 // into the second extension
	d, err := r.Choose(testChoices(n), n)
	if err != nil {
		t.Fatal(err)
	}
	k, m := make([]prg.Block, n), make([]prg.Block, n)
	msg := s.Extend(k)
	if err := r.Extend(msg, m); err != nil {
		t.Fatal(err)
	}
	if err := s.Choose(d, k); err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "0b191ab06234f84e818a9bef815939795f813c70723fd17ca5ab46d7691f4634", msg, d)
	checkGolden(t, "0e2d0b67421f86fd6908a8f3ee91252938cc2051e32f726d3c41e99a209b2773", prg.Bytes(m), prg.Bytes(k))
}

// TestFerretInPieces: batches of any sizes, the choices drawn ahead by any number of OTs, give what one batch of their sum does,
// over many extensions, and what is sent is what is declared.
func TestFerretInPieces(t *testing.T) {
	delta := prg.Block{Lo: 0xfedcba9876543210, Hi: 0x0123456789abcdef}
	const total = 5000
	s, r := deterministicTestFerret(t, toySet, delta)
	wantChoice, wantK, wantM, wantMsg, err := ferretBatch(s, r, total)
	if err != nil {
		t.Fatal(err)
	}
	for i := range wantK {
		if got := wantK[i].Xor(wantM[i]); got != delta.MaskIf(wantChoice[i/64]>>(i%64)) {
			t.Fatalf("OT %d: K ^ M = %x with choice %d", i, got, wantChoice[i/64]>>(i%64)&1)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		s, r := deterministicTestFerret(t, toySet, delta)
		k, m := make([]prg.Block, total), make([]prg.Block, total)
		drawn, done := 0, 0
		var msgs []byte
		for done < total {
			ahead := rapid.IntRange(0, 700).Draw(rt, "ahead")
			ahead = min(ahead, total-drawn)
			choice := make([]uint64, ring.BitWords(ahead))
			if err := r.Draw(choice, ahead); err != nil {
				rt.Fatal(err)
			}
			for i := range ahead {
				at := drawn + i
				if choice[i/64]>>(i%64)&1 != wantChoice[at/64]>>(at%64)&1 {
					rt.Fatalf("choice %d differs from that of one batch", at)
				}
			}
			drawn += ahead
			n := rapid.IntRange(0, drawn-done).Draw(rt, "n")
			msg := s.Extend(k[done:][:n])
			if declared, _ := cost.FerretBytes(toySet, int64(done), int64(n)); int64(len(msg)) != declared {
				rt.Fatalf("OTs %d to %d: sent %d bytes, declared %d", done, done+n, len(msg), declared)
			}
			if err := r.Extend(msg, m[done:][:n]); err != nil {
				rt.Fatal(err)
			}
			msgs = append(msgs, msg...)
			done += n
		}
		if !slices.Equal(k, wantK) || !slices.Equal(m, wantM) || !slices.Equal(msgs, wantMsg) {
			rt.Fatal("the batches differ from the one batch of their sum")
		}
	})
}

// TestFerretRenews: runs of any lengths, each of extensions of its own, have OTs that no other has, and send what is declared for a run behind another.
func TestFerretRenews(t *testing.T) {
	delta := prg.Block{Lo: 0xfedcba9876543210, Hi: 0x0123456789abcdef}
	rapid.Check(t, func(rt *rapid.T) {
		s, r := deterministicTestFerret(t, toySet, delta)
		seen := map[prg.Block]bool{}
		renewal := int64(0)
		for run := range rapid.IntRange(1, 5).Draw(rt, "runs") {
			n := rapid.IntRange(1, 1300).Draw(rt, "n")
			choice, k, m, msg, err := ferretBatch(s, r, n)
			if err != nil {
				rt.Fatal(err)
			}
			if declared, _ := cost.FerretBytes(toySet, 0, int64(n)); int64(len(msg)) != renewal+declared {
				rt.Fatalf("run %d of %d OTs: sent %d bytes, declared %d and %d for the renewal", run, n, len(msg), declared, renewal)
			}
			for i := range k {
				if seen[k[i]] || k[i].Xor(m[i]) != delta.MaskIf(choice[i/64]>>(i%64)) {
					rt.Fatalf("run %d: OT %d is one of an earlier run, or none: K = %x, M = %x", run, i, k[i], m[i])
				}
				seen[k[i]] = true
			}
			s.Renew()
			if err := r.Renew(); err != nil {
				rt.Fatal(err)
			}
			renewal = cost.FerretRenewalBytes(toySet, int64(n))
		}
		if err := r.Draw(make([]uint64, 1), 3); err != nil {
			rt.Fatal(err)
		}
		if r.Renew() == nil {
			rt.Fatal("choices without blocks were left behind")
		}
	})
}

func TestFerretDoesNotDependOnCores(t *testing.T) {
	run := func(cores int) ([]prg.Block, []prg.Block, []byte) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		s, r := deterministicTestFerret(t, toySet, prg.Block{Lo: 1})
		_, k, m, msg, err := ferretBatch(s, r, 2000)
		if err != nil {
			t.Fatal(err)
		}
		return k, m, msg
	}
	k1, m1, msg1 := run(1)
	for _, cores := range []int{2, 3, 16} {
		if k, m, msg := run(cores); !slices.Equal(k, k1) || !slices.Equal(m, m1) || !slices.Equal(msg, msg1) {
			t.Errorf("%d cores: the result differs from that of one", cores)
		}
	}
}

// TestFerretNoiseIsRegular takes the code away from the choices: what is left has one 1 in each stretch of 2^h, at the point
// that the base chose.
func TestFerretNoiseIsRegular(t *testing.T) {
	_, r := deterministicTestFerret(t, toySet, prg.Block{Lo: 1})
	c := &r.choices
	n := int(toySet.Outputs())
	b, code := make([]byte, n), make([]byte, n)
	c.make(0, b)
	newColumns(c.matrix).sumBits(code, c.r)
	choice := testChoices(int(toySet.Base()))
	for j := range c.trees {
		for x := range c.leaves {
			at := j*c.leaves + x
			if noise, want := b[at]^code[at], byte(equal(uint64(x), uint64(c.points[j]))); noise != want {
				t.Errorf("tree %d, output %d: noise %d, want %d", j, x, noise, want)
			}
		}
		for i := range c.depth {
			at := c.secret + j*c.depth + i
			if bit := uint64(c.points[j] >> (c.depth - 1 - i) & 1); bit == choice[at/64]>>(at%64)&1 {
				t.Errorf("tree %d, level %d: the point goes to side %d, which the base chose to learn", j, i+1, bit)
			}
		}
	}
}

// TestFerretExtensionsDiffer: the keys and the roots of an extension are not those of the one before.
func TestFerretExtensionsDiffer(t *testing.T) {
	s, _ := deterministicTestFerret(t, toySet, prg.Block{Lo: 1})
	matrix, root := s.matrix, slices.Clone(s.root)
	probe := s.hash.Sum1(prg.Block{}, 0)
	s.Extend(make([]prg.Block, toySet.Usable()+1))
	if s.matrix == matrix || s.hash.Sum1(prg.Block{}, 0) == probe {
		t.Error("the second extension has a key of the first")
	}
	for j := range root {
		if slices.Contains(root, s.root[j]) {
			t.Errorf("root %d was there before", j)
		}
	}
}

func TestFerretForgetsWhatItHandedOut(t *testing.T) {
	s, r := deterministicTestFerret(t, toySet, prg.Block{Lo: 1})
	_, k, m, _, err := ferretBatch(s, r, int(toySet.Usable())+30) // inside the first tree of the second extension
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range [][]prg.Block{s.tape.tail[:30], s.tape.reserve, r.tape.tail[:30], r.tape.reserve} {
		if slices.ContainsFunc(b, func(x prg.Block) bool { return x != prg.Block{} }) {
			t.Errorf("buffer %d still holds blocks", i)
		}
	}
	if k[0] == (prg.Block{}) || m[0] == (prg.Block{}) {
		t.Error("the OTs handed out were wiped")
	}
}

// TestCorruptedTreeSpoilsTheOTs shows that the value checks can fail.
func TestCorruptedTreeSpoilsTheOTs(t *testing.T) {
	s, r := deterministicTestFerret(t, toySet, prg.Block{Lo: 1})
	const n = 64
	choice, k, m := make([]uint64, 1), make([]prg.Block, n), make([]prg.Block, n)
	if err := r.Draw(choice, n); err != nil {
		t.Fatal(err)
	}
	msg := s.Extend(k)
	msg[0] ^= 2
	if err := r.Extend(msg, m); err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for i := range k {
		if k[i].Xor(m[i]) != s.delta.MaskIf(choice[0]>>i) {
			wrong++
		}
	}
	if wrong < n/4 {
		t.Errorf("a wrong correction of the top level left all but %d OTs right", wrong)
	}
}

func TestFerretRefusals(t *testing.T) {
	s, r := deterministicTestFerret(t, toySet, prg.Block{Lo: 1})
	const n = 100
	choice, k, m := make([]uint64, 2), make([]prg.Block, n), make([]prg.Block, n)
	refused := func(what, want string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error about %q", what, err, want)
		}
	}
	refused("few words of choices", "want 2", r.Draw(choice[:1], n))
	refused("negative count", "-1 OTs", r.Draw(nil, -1))
	_, err := r.Choose(choice[:1], n)
	refused("few words of wishes", "want 2", err)
	refused("blocks before choices", "at most 0", r.Extend(nil, m))
	if err := r.Draw(choice, n); err != nil {
		t.Fatal(err)
	}
	refused("more blocks than choices", "at most 100", r.Extend(nil, make([]prg.Block, n+1)))
	msg := s.Extend(k)
	refused("short message", "want 192 for 100", r.Extend(msg[1:], m))
	refused("long message", "want 192 for 100", r.Extend(append(slices.Clone(msg), 0), m))
	refused("few choices", "want 13", s.Choose(make([]byte, 12), k))
	refused("many choices", "want 13", s.Choose(make([]byte, 14), k))
	if err := r.Extend(msg, m); err != nil {
		t.Fatal(err)
	}
	for i := range k { // refusals have left both in step
		if k[i].Xor(m[i]) != s.delta.MaskIf(choice[i/64]>>(i%64)) {
			t.Fatalf("OT %d is wrong after refusals", i)
		}
	}
}

func TestFerretSetupRefusals(t *testing.T) {
	set := cost.FerretSets()[3]
	choice, k, m := testBase(set, prg.Block{})
	rnd := deterministicTestRandomness("set-up")
	broken := errors.New("no entropy")
	sender := func(set cost.FerretSet, k []prg.Block) error {
		_, err := NewFerretSender(set, prg.Seed{}, prg.Block{}, k, rnd)
		return err
	}
	receiver := func(set cost.FerretSet, choice []uint64, m []prg.Block) error {
		_, err := NewFerretReceiver(set, prg.Seed{}, choice, m)
		return err
	}
	weak := cost.FerretSet{Trees: 1280, SecretBits: 18, Depth: 13}
	for what, err := range map[string]error{
		"weak set, sender":   sender(weak, make([]prg.Block, weak.Base())),
		"weak set, receiver": receiver(weak, make([]uint64, ring.BitWords(int(weak.Base()))), make([]prg.Block, weak.Base())),
		"few K":              sender(set, k[1:]),
		"few M":              receiver(set, choice, m[1:]),
		"few choices":        receiver(set, choice[1:], m),
	} {
		if err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
	if _, err := NewFerretSender(set, prg.Seed{}, prg.Block{}, k, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("without randomness the sender says %v", err)
	}
	if sender(set, k) != nil || receiver(set, choice, m) != nil {
		t.Error("an honest base was refused")
	}
}

// TestFerretKeepsItsBase: the caller's slices are neither kept nor changed.
func TestFerretKeepsItsBase(t *testing.T) {
	choice, k, m := testBase(toySet, prg.Block{Lo: 1})
	copies := [][]prg.Block{slices.Clone(k), slices.Clone(m)}
	s, err := newFerretSender(toySet, prg.Seed{}, prg.Block{Lo: 1}, k, deterministicTestRandomness("s"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := newFerretReceiver(toySet, prg.Seed{}, choice, m)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, _, err := ferretBatch(s, r, 2000); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(k, copies[0]) || !slices.Equal(m, copies[1]) || !slices.Equal(choice, testChoices(len(m))) {
		t.Error("the base of the caller was changed")
	}
}

// TestFerretNeedsLittleMemory: an extension is never held as a whole, and a long session allocates no more than its messages
// and the scratch of the cores.
func TestFerretNeedsLittleMemory(t *testing.T) {
	set := cost.FerretSets()[3]
	s, r := deterministicTestFerret(t, set, prg.Block{Lo: 1})
	const n, batches = 1 << 16, 16
	blocks, choice := make([]prg.Block, n), make([]uint64, n/64)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range batches {
		if err := r.Draw(choice, n); err != nil {
			t.Fatal(err)
		}
		if err := r.Extend(s.Extend(blocks), blocks); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	sent, _ := cost.FerretBytes(set, 0, n*batches)
	if extra := int64(after.TotalAlloc-before.TotalAlloc) - sent; extra > 16*n*batches/2 {
		t.Errorf("%d bytes allocated beyond the messages for %d bytes of blocks", extra, 16*n*batches)
	}
}

// BenchmarkFerretEnds measures one party alone on all cores, in batches of 2^18; the receiver's message is noise.
func BenchmarkFerretEnds(b *testing.B) {
	const n = 1 << 18
	for _, set := range cost.FerretSets() {
		s, r := deterministicTestFerret(b, set, prg.Block{Lo: 1})
		blocks, choice := make([]prg.Block, n), make([]uint64, n/64)
		ends := []struct {
			name string
			step func() error
		}{
			{"sender", func() error { s.Extend(blocks); return nil }},
			{"receiver", func() error {
				if err := r.Draw(choice, n); err != nil {
					return err
				}
				return r.Extend(make([]byte, r.messageBytes(n)), blocks)
			}},
		}
		for _, end := range ends {
			b.Run(fmt.Sprintf("%s/depth%d", end.name, set.Depth), func(b *testing.B) {
				for b.Loop() {
					if err := end.step(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds()/1e6, "MCOT/s")
			})
		}
	}
}
