package material

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// fixedTestSeeds takes the place of randomness in tests alone.
func fixedTestSeeds() *[2]prg.Seed { return &[2]prg.Seed{{1, 2, 3}, {4, 5, 6}} }

// goldenManifest has every kind of item of a deployment.
func goldenManifest(deploy cost.Deployment, bits int) *program.Manifest {
	last := program.Cross
	if deploy == cost.Outsourced {
		last = program.Square
	}
	conv := []int{2, 5, 5, 4, 3, 3, 2, 2, 1, 1, 1, 1, 2, 36}
	return &program.Manifest{Version: program.Version, Deploy: deploy, Ring: bits, Items: []program.Item{
		{Kind: program.Mask, Tag: 0, N: 50},
		{Kind: program.Product, Tag: 1, N: 36, Args: []int{0}, Op: program.Conv, Ints: conv, Weight: "conv", WLen: 36},
		{Kind: program.Moved, Tag: 2, N: 100, Args: []int{0, 0}, Op: program.Concat},
		{Kind: program.Product, Tag: 3, N: 3, Args: []int{2}, Op: program.Linear, Ints: []int{3, 100}, Weight: "fc", WLen: 300},
		{Kind: last, Tag: 4, N: 100, Args: []int{2}},
	}}
}

// TestGoldenCorrections pins what the dealer sends under fixed seeds: layout of the tapes, order, and formulas.
func TestGoldenCorrections(t *testing.T) {
	for want, c := range map[string]struct {
		deploy cost.Deployment
		bits   int
	}{
		"39731d1a696ab57a": {cost.ClientServer, 32},
		"3a1fe12246001473": {cost.ClientServer, 64},
		"9e3b3e9b68ed02eb": {cost.Outsourced, 32},
		"faa1bf226c3411f0": {cost.Outsourced, 64},
	} {
		m := goldenManifest(c.deploy, c.bits)
		if err := check(m); err != nil {
			t.Fatal(err)
		}
		stream := stream32
		if c.bits == 64 {
			stream = stream64
		}
		sum := sha256.Sum256(stream(t, m))
		if got := hex.EncodeToString(sum[:8]); got != want {
			t.Errorf("%s, ring of %d bits: corrections hash to %s, want %s", c.deploy, c.bits, got, want)
		}
	}
}

func stream32(t *testing.T, m *program.Manifest) []byte { return fixedStream[uint32](t, m) }
func stream64(t *testing.T, m *program.Manifest) []byte { return fixedStream[uint64](t, m) }

func fixedStream[W ring.Word](t *testing.T, m *program.Manifest) []byte {
	var out []byte
	err := correct(m, fixedTestSeeds(), func(_ int, v []W) error {
		out = append(out, ring.Bytes(v)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestTapeIsTheStream: draws are consecutive stretches of the seed's stream, whatever the order and the size in which
// they are made, each from a block of its own.
func TestTapeIsTheStream(t *testing.T) {
	seed := prg.NewSeed()
	items := []program.Item{
		{Kind: program.Mask, N: 1},
		{Kind: program.Moved, N: 9},
		{Kind: program.Product, N: 6, WLen: 3*expandGrain + 5},
		{Kind: program.Cross, N: 4},
	}
	tp := tape[uint32]{&seed, items, layOut[uint32](items)}
	at := func(word, n int) []uint32 {
		all := make([]uint32, word+n)
		prg.Words(prg.NewStream(seed), all)
		return all[word:]
	}
	const product = 4 // words: one block after the mask
	second := product + 3*expandGrain + 8
	for _, c := range []struct {
		name string
		draw func([]uint32)
		word int
		n    int
	}{
		{"cross", func(v []uint32) { tp.first(3, v) }, second + 8, 4},
		{"C0", func(v []uint32) { tp.second(2, v) }, second, 6},
		{"3a1fe12246001473", func(v []uint32) { tp.first(2, v) }, product, 3*expandGrain + 5},
		{"mask", func(v []uint32) { tp.first(0, v) }, 0, 1},
	} {
		got := make([]uint32, c.n)
		c.draw(got)
		if !slices.Equal(got, at(c.word, c.n)) {
			t.Errorf("%s is not at word %d of the stream", c.name, c.word)
		}
	}
}

// TestMasksAreHeldFromFirstUseToLast bounds what a walk through a manifest keeps.
func TestMasksAreHeldFromFirstUseToLast(t *testing.T) {
	items := []program.Item{
		{Kind: program.Mask, N: 2},
		{Kind: program.Mask, N: 3}, // of no use
		{Kind: program.Moved, N: 2, Args: []int{0}, Op: program.Copy},
		{Kind: program.Moved, N: 2, Args: []int{2}, Op: program.Copy}, // of no use
		{Kind: program.Square, N: 2, Args: []int{2}},
		{Kind: program.Product, N: 1, Args: []int{0}},
	}
	var drawn []int
	k := newMasks(items, corrected, func(i int, dst []uint32) {
		drawn = append(drawn, i)
		for j := range dst {
			dst[j] = uint32(10*i + j + 1)
		}
	})
	held := func() (list []int) {
		for i, v := range k.held {
			if v != nil {
				list = append(list, i)
			}
		}
		return list
	}
	wantHeld := [][]int{nil, nil, {0, 2}, {0, 2}, {0}, nil}
	for i, it := range items {
		if it.Kind == program.Moved {
			if err := k.move(i); err != nil {
				t.Fatal(err)
			}
		} else if len(it.Args) > 0 {
			if got := k.get(it.Args[0]); !slices.Equal(got, []uint32{1, 2}) {
				t.Errorf("item %d multiplies %v, want mask 0", i, got)
			}
			k.done(it.Args[0])
		}
		if got := held(); !slices.Equal(got, wantHeld[i]) {
			t.Errorf("after item %d masks %v are held, want %v", i, got, wantHeld[i])
		}
	}
	if !slices.Equal(drawn, []int{0}) {
		t.Errorf("masks drawn: %v, want mask 0 once", drawn)
	}
}

// TestCorrectorWipes: nothing that corrections came from stays in the buffers.
func TestCorrectorWipes(t *testing.T) {
	m := goldenManifest(cost.Outsourced, 32)
	seeds := fixedTestSeeds()
	var last []uint32
	err := correct(m, seeds, func(_ int, v []uint32) error {
		last = v
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Max(last) != 0 {
		t.Errorf("the last correction is still there: %v", last)
	}
}

func TestCorrectStopsWithItsConsumer(t *testing.T) {
	m := goldenManifest(cost.ClientServer, 32)
	calls := 0
	err := correct(m, fixedTestSeeds(), func(int, []uint32) error {
		calls++
		return fmt.Errorf("full")
	})
	if want := "material: item 1 (product of layer 1): full"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if calls != 1 {
		t.Errorf("%d calls after an error, want 1", calls)
	}
}

// TestCloseWipes: a source that is closed keeps neither seed nor parts.
func TestCloseWipes(t *testing.T) {
	m := goldenManifest(cost.Outsourced, 32)
	conn, dealer := wiretest.Pair(t, wire.Options{})
	joined := make(chan *Dealt[uint32])
	go func() {
		s, err := NewDealt(conn, cost.Server, m, program.Hash{}, Session{}, func(name string) ([]uint32, error) {
			return map[string][]uint32{"conv": make([]uint32, 36), "fc": make([]uint32, 300)}[name], nil
		})
		if err != nil {
			t.Error(err)
		}
		joined <- s
	}()
	if err := dealer.Send(append([]byte("0123456789abcdef"), fixedStream[uint32](t, m)...)); err != nil {
		t.Fatal(err)
	}
	s := <-joined
	if err := s.Absorb(func(_ int, p []byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	secrets := func() [][]uint32 { return [][]uint32{s.products[1], s.products[3], s.corrections[1], s.corrections[4]} }
	if err := s.Part(1, 0, make([]uint32, 36)); err != nil { // waits for the corrections
		t.Fatal(err)
	}
	for _, v := range secrets() {
		if slices.Max(v) == 0 {
			t.Error("nothing to wipe: the test proves nothing")
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for _, v := range secrets() {
		if slices.Max(v) != 0 {
			t.Error("a part is still there")
		}
	}
	if s.seed != (prg.Seed{}) {
		t.Error("the seed is still there")
	}
}

func TestHelloRoundTrip(t *testing.T) {
	for _, party := range []cost.Party{cost.Client, cost.Server} {
		h := hello{party, Session(prg.NewSeed())}
		got, err := decodeHello([helloBytes]byte(h.encode()))
		if err != nil || got != h {
			t.Errorf("%+v came back as %+v, %v", h, got, err)
		}
	}
	for _, more := range []bool{false, true} {
		r := Request{program.Hash{1, 2, 31: 3}, more}
		got, err := decodeRequest([requestBytes]byte(r.encode()))
		if err != nil || got != r {
			t.Errorf("%+v came back as %+v, %v", r, got, err)
		}
	}
	if _, err := decodeRequest([requestBytes]byte{2}); err == nil {
		t.Error("a request of another kind is taken")
	}
}
