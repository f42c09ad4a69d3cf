package ot

import (
	"crypto/rand"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unsafe"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// deterministicTestSession is the same pair, with the same set-up messages, in every run.
func deterministicTestSession(t testing.TB, delta prg.Block) (s *Sender, r *Receiver, msg1, msg2 []byte) {
	t.Helper()
	sid := []byte("test session")
	setup, msg1, err := NewSenderSetup(sid, delta, deterministicTestRandomness("sender"))
	if err != nil {
		t.Fatal(err)
	}
	r, msg2, err = NewReceiver(sid, msg1, deterministicTestRandomness("receiver"))
	if err != nil {
		t.Fatal(err)
	}
	if s, err = setup.Finish(msg2); err != nil {
		t.Fatal(err)
	}
	return s, r, msg1, msg2
}

// testChoices draws n choice bits.
func testChoices(n int) []uint64 {
	choice := make([]uint64, ring.BitWords(n))
	prg.Words(deterministicTestRandomness("choices"), choice)
	return choice
}

func mustExtend(t testing.TB, r *Receiver, choice []uint64, n int) (m []prg.Block, u []byte) {
	t.Helper()
	m = make([]prg.Block, n)
	u, err := r.Extend(choice, n, m)
	if err != nil {
		t.Fatal(err)
	}
	return m, u
}

func TestSoftSpokenGoldenWireBytes(t *testing.T) {
	delta := prg.Block{Lo: 0x1122334455667789, Hi: 0x99aabbccddeeff00}
	s, r, msg1, msg2 := deterministicTestSession(t, delta)
	const n = 1000
	m, u := mustExtend(t, r, testChoices(n), n)
	k := make([]prg.Block, n)
	if err := s.Extend(n, u, k); err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "52f009a069e94ed506f164646bc7bfa70ceafdb35e805d8b36f88a3e94570cf7", msg1, msg2)
	checkGolden(t, "7a927f8d4d27111e27335b754e6ff51996e1b747e819d3f4de974baa8056e005", u, prg.Bytes(m), prg.Bytes(k))
}

func TestSoftSpokenDeclaredBytesAreMeasuredBytes(t *testing.T) {
	_, r, msg1, msg2 := deterministicTestSession(t, prg.Block{Lo: 1})
	toReceiver, toSender := cost.SoftSpokenSetupBytes()
	if int64(len(msg1)) != toReceiver || int64(len(msg2)) != toSender {
		t.Errorf("set-up sent %d and %d bytes, declared %d and %d", len(msg1), len(msg2), toReceiver, toSender)
	}
	for _, n := range []int{0, 1, 63, 64, 65, 1000, 16384, 20001} {
		_, u := mustExtend(t, r, make([]uint64, ring.BitWords(n)), n)
		if want := cost.SoftSpokenBytes(int64(n)); int64(len(u)) != want {
			t.Errorf("n=%d: message of %d bytes, declared %d", n, len(u), want)
		}
	}
}

func TestSoftSpokenDeclaredAES(t *testing.T) {
	sender, receiver := cost.SoftSpokenAES(2 * tileRows) // one AES block a leaf
	if sender != trees*(leaves-1) || receiver != trees*leaves {
		t.Errorf("declared %d and %d AES blocks for %d OTs, want one for each of %d and %d leaves",
			sender, receiver, 2*tileRows, trees*(leaves-1), trees*leaves)
	}
}

// TestBatchesOfWholeWordsAreOneBatch is what lets a caller stream an extension.
func TestBatchesOfWholeWordsAreOneBatch(t *testing.T) {
	delta := prg.Block{Lo: 5, Hi: 7}
	_, whole, _, _ := deterministicTestSession(t, delta)
	_, parts, _, _ := deterministicTestSession(t, delta)
	const n = 40000
	choice := testChoices(n)
	wantM, wantU := mustExtend(t, whole, choice, n)
	var m []prg.Block
	var u []byte
	for lo := 0; lo < n; {
		hi := min(n, lo+64*(1+lo%5*60))
		mi, ui := mustExtend(t, parts, choice[lo/64:ring.BitWords(hi)], hi-lo)
		m, u = append(m, mi...), append(u, ui...)
		lo = hi
	}
	if !slices.Equal(u, wantU) || !slices.Equal(m, wantM) {
		t.Error("the batches differ from the one batch of their sum")
	}
}

func TestResultDoesNotDependOnCores(t *testing.T) {
	const n = 40000
	run := func(cores int) ([]prg.Block, []byte) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		_, r, _, _ := deterministicTestSession(t, prg.Block{Lo: 1})
		return mustExtend(t, r, testChoices(n), n)
	}
	m1, u1 := run(1)
	for _, cores := range []int{2, 3, 16} {
		if m, u := run(cores); !slices.Equal(m, m1) || !slices.Equal(u, u1) {
			t.Errorf("%d cores: the result differs from that of one", cores)
		}
	}
}

// TestDeltaLsbIsTheCallers: with lsb(Delta) = 1 the lowest bits of K and M share the choice, which is what point-and-permute
// labels need; and each share alone is balanced.
func TestDeltaLsbIsTheCallers(t *testing.T) {
	delta := prg.LoadBlock(func() []byte { s := prg.NewSeed(); return s[:] }())
	delta.Lo |= 1
	s, r, _, _ := deterministicTestSession(t, delta)
	const n = 20000
	choice := testChoices(n)
	m, u := mustExtend(t, r, choice, n)
	k := make([]prg.Block, n)
	if err := s.Extend(n, u, k); err != nil {
		t.Fatal(err)
	}
	kOnes, mOnes := 0, 0
	for i := range k {
		if got, want := k[i].Lsb()^m[i].Lsb(), choice[i/64]>>(i%64)&1; got != want {
			t.Fatalf("OT %d: lowest bits share %d, want the choice %d", i, got, want)
		}
		kOnes += int(k[i].Lsb())
		mOnes += int(m[i].Lsb())
	}
	// 7 standard deviations, sqrt(n)/2 each: honest bits fail once in 10^11 times.
	for what, ones := range map[string]int{"K": kOnes, "M": mOnes} {
		if d := ones - n/2; 4*d*d > 49*n {
			t.Errorf("lowest bits of %s: %d ones among %d", what, ones, n)
		}
	}
}

// TestMessageHidesTheChoices: constant choices leave every column of the message balanced, and no two columns alike.
func TestMessageHidesTheChoices(t *testing.T) {
	const n = 64 * 300
	for name, word := range map[string]uint64{"zeros": 0, "ones": ^uint64(0)} {
		_, r, _, _ := deterministicTestSession(t, prg.Block{Lo: 1})
		choice := slices.Repeat([]uint64{word}, n/64)
		_, u := mustExtend(t, r, choice, n)
		columns := make([][]byte, trees)
		for i, b := range u {
			columns[i%recordBytes/8] = append(columns[i%recordBytes/8], b)
		}
		seen := map[string]int{}
		for c, column := range columns {
			if other, ok := seen[string(column)]; ok {
				t.Errorf("%s: columns %d and %d are alike", name, other, c)
			}
			seen[string(column)] = c
			ones := 0
			for _, b := range column {
				for ; b != 0; b &= b - 1 {
					ones++
				}
			}
			if d := ones - n/2; 4*d*d > 49*n {
				t.Errorf("%s: column %d has %d ones among %d bits", name, c, ones, n)
			}
		}
	}
}

func TestSetupRejectsBadMessages(t *testing.T) {
	sid := []byte("s")
	setup, msg1, err := NewSenderSetup(sid, prg.Block{Lo: 1}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, msg2, err := NewReceiver(sid, msg1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range [][]byte{nil, msg1[:len(msg1)-1], append(slices.Clone(msg1), 0)} {
		if _, _, err := NewReceiver(sid, m, rand.Reader); err == nil || !strings.Contains(err.Error(), "want 128 points") {
			t.Errorf("receiver says %v to %d bytes", err, len(m))
		}
	}
	for _, m := range [][]byte{nil, msg2[:len(msg2)-1], append(slices.Clone(msg2), 0)} {
		if _, err := setup.Finish(m); err == nil || !strings.Contains(err.Error(), "want 3104") {
			t.Errorf("sender says %v to %d bytes", err, len(m))
		}
	}
	for name, p := range badPoints() {
		if _, _, err := NewReceiver(sid, append(slices.Clone(p), msg1[pointBytes:]...), rand.Reader); err == nil {
			t.Errorf("%s: the receiver accepted it", name)
		}
		if _, err := setup.Finish(append(slices.Clone(p), msg2[pointBytes:]...)); err == nil {
			t.Errorf("%s: the sender accepted it", name)
		}
	}
	if _, err := setup.Finish(msg2); err != nil {
		t.Errorf("after refusals the honest message fails: %v", err)
	}
}

// TestCorruptedCorrectionsSpoilTheOTs shows that the value checks of the suite can fail.
func TestCorruptedCorrectionsSpoilTheOTs(t *testing.T) {
	sid := []byte("s")
	setup, msg1, err := NewSenderSetup(sid, prg.Block{Lo: ^uint64(0), Hi: ^uint64(0)}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, msg2, err := NewReceiver(sid, msg1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	msg2[pointBytes] ^= 1 // side 0 of the first correction of tree 0, which Delta = 1..1 selects
	s, err := setup.Finish(msg2)
	if err != nil {
		t.Fatal(err)
	}
	const n = 128
	m, u := mustExtend(t, r, make([]uint64, n/64), n)
	k := make([]prg.Block, n)
	if err := s.Extend(n, u, k); err != nil {
		t.Fatal(err)
	}
	if slices.Equal(m, k) {
		t.Error("a wrong correction left all OTs right")
	}
}

func TestSetupReportsFailingRandomness(t *testing.T) {
	broken := errors.New("no entropy")
	if _, _, err := NewSenderSetup(nil, prg.Block{}, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("sender says %v", err)
	}
	_, msg1, err := NewSenderSetup(nil, prg.Block{}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := NewReceiver(nil, msg1, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("receiver says %v", err)
	}
}

// TestExtensionNeedsLittleMemory: beyond the blocks and the message, a large extension allocates next to nothing.
func TestExtensionNeedsLittleMemory(t *testing.T) {
	s, r, _, _ := deterministicTestSession(t, prg.Block{Lo: 1})
	const n = 1 << 20
	choice, blocks := testChoices(n), make([]prg.Block, n)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	u, err := r.Extend(choice, n, blocks)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Extend(n, u, blocks); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	workspaces := 2 * int64(unsafe.Sizeof(chunkSpace[treeSpace]{}))
	if extra := int64(after.TotalAlloc-before.TotalAlloc) - cost.SoftSpokenBytes(n) - workspaces; extra > 1<<20 || workspaces > 8<<20 {
		t.Errorf("%d bytes allocated beyond the message and %d of workspaces", extra, workspaces)
	}
}

func BenchmarkSetup(b *testing.B) {
	for b.Loop() {
		deterministicTestSession(b, prg.Block{Lo: 1})
	}
}

func benchmarkExtend(b *testing.B, step func(s *Sender, r *Receiver, choice []uint64, u []byte, blocks []prg.Block) error) {
	const n = 1 << 20
	s, r, _, _ := deterministicTestSession(b, prg.Block{Lo: 1})
	choice, blocks := testChoices(n), make([]prg.Block, n)
	u := make([]byte, cost.SoftSpokenBytes(n))
	for b.Loop() {
		if err := step(s, r, choice, u, blocks); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds()/1e6, "MCOT/s")
}

func BenchmarkReceiverExtend(b *testing.B) {
	benchmarkExtend(b, func(_ *Sender, r *Receiver, choice []uint64, _ []byte, m []prg.Block) error {
		_, err := r.Extend(choice, len(m), m)
		return err
	})
}

func BenchmarkSenderExtend(b *testing.B) {
	benchmarkExtend(b, func(s *Sender, _ *Receiver, _ []uint64, u []byte, k []prg.Block) error {
		return s.Extend(len(k), u, k)
	})
}

func BenchmarkTileRows(b *testing.B) {
	var t tile
	dst := make([]prg.Block, tileRows)
	for b.Loop() {
		t.rows(dst)
	}
}
