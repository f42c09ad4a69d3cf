package ot

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"sotto/ir/cost"
	"sotto/runtime/prg"
)

// deterministicTestRandomness is a stream that is the same in every run, another for each label.
func deterministicTestRandomness(label string) *prg.Stream {
	h := sha256.Sum256([]byte(label))
	return prg.NewStream(prg.Seed(h[:prg.BlockBytes]))
}

// checkGolden compares the SHA-256 of wire bytes with the one on record. A difference means that the wire format, or what is
// drawn from the randomness, has changed: peers of different builds would not understand each other.
func checkGolden(t *testing.T, want string, parts ...[]byte) {
	t.Helper()
	h := sha256.Sum256(slices.Concat(parts...))
	if got := hex.EncodeToString(h[:]); got != want {
		t.Errorf("hash of the wire bytes is\n%s, want\n%s", got, want)
	}
}

func TestBaseOTReceiverGetsTheChosenKeyOnly(t *testing.T) {
	sid := []byte("session")
	const n = 70
	choice := []uint64{0x0123456789abcdef, 0b101101}
	r, msg1, err := NewBaseReceiver(sid, choice, n, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, keys, err := BaseSend(sid, n, msg1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Keys(point)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[prg.Block]bool{}
	for j, k := range keys {
		c := choice[j/64] >> (j % 64) & 1
		if got[j] != k[c] {
			t.Errorf("OT %d: key %x, want the sender's key %d, %x", j, got[j], c, k[c])
		}
		if seen[k[0]] || seen[k[1]] || k[0] == k[1] {
			t.Errorf("OT %d: its keys %x are not fresh", j, k)
		}
		seen[k[0]], seen[k[1]] = true, true
	}
	if want := cost.BaseOTBytes(n); int64(len(msg1)) != want {
		t.Errorf("receiver sent %d bytes, declared %d", len(msg1), want)
	}
}

func TestBaseOTIsBoundToItsSession(t *testing.T) {
	r, msg1, err := NewBaseReceiver([]byte("one"), []uint64{0}, 1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, keys, err := BaseSend([]byte("another"), 1, msg1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Keys(point); err != nil || got[0] == keys[0][0] || got[0] == keys[0][1] {
		t.Errorf("keys agree across sessions: %x and %x, %v", got, keys, err)
	}
}

func TestBaseOTGoldenWireBytes(t *testing.T) {
	sid := []byte("golden")
	r, msg1, err := NewBaseReceiver(sid, []uint64{0b1010}, 4, deterministicTestRandomness("base receiver"))
	if err != nil {
		t.Fatal(err)
	}
	point, keys, err := BaseSend(sid, 4, msg1, deterministicTestRandomness("base sender"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Keys(point)
	if err != nil {
		t.Fatal(err)
	}
	if want := []prg.Block{keys[0][0], keys[1][1], keys[2][0], keys[3][1]}; !slices.Equal(got, want) {
		t.Errorf("keys %x, want %x", got, want)
	}
	checkGolden(t, "bbbb77a9a5def82afe1893a725f835f18d679b3d7115db3b7ef2d13e93763f95", msg1, point, prg.Bytes(got))
}

// badPoints are encodings that no honest peer sends.
func badPoints() map[string][]byte {
	// A canonical, non-negative field element that is no encoding: RFC 9496, appendix A.3, under "Non-square x^2".
	noPoint, err := hex.DecodeString("26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371")
	if err != nil {
		panic(err)
	}
	return map[string][]byte{
		"identity":      make([]byte, pointBytes),
		"not canonical": bytes.Repeat([]byte{0xff}, pointBytes),
		"negative":      append([]byte{1}, make([]byte, pointBytes-1)...),
		"no point":      noPoint,
	}
}

func TestBaseOTRejectsBadPoints(t *testing.T) {
	sid := []byte("s")
	r, msg1, err := NewBaseReceiver(sid, []uint64{1}, 2, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range badPoints() {
		if _, err := r.Keys(p); err == nil || !strings.Contains(err.Error(), "sender's point") {
			t.Errorf("%s: receiver says %v", name, err)
		}
		bad := append(slices.Clone(msg1[:pointBytes]), p...)
		if _, _, err := BaseSend(sid, 2, bad, rand.Reader); err == nil || !strings.Contains(err.Error(), "point 1 of 2") {
			t.Errorf("%s: sender says %v", name, err)
		}
	}
}

func TestBaseOTRejectsWrongLengths(t *testing.T) {
	sid := []byte("s")
	r, msg1, err := NewBaseReceiver(sid, []uint64{1}, 2, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range [][]byte{nil, msg1[:31], msg1[:33]} {
		if _, err := r.Keys(p); err == nil {
			t.Errorf("a point of %d bytes was accepted", len(p))
		}
	}
	for _, m := range [][]byte{nil, msg1[:63], append(msg1, 0)} {
		if _, _, err := BaseSend(sid, 2, m, rand.Reader); err == nil {
			t.Errorf("%d bytes for two points were accepted", len(m))
		}
	}
	if _, _, err := NewBaseReceiver(sid, []uint64{1}, 65, rand.Reader); err == nil {
		t.Error("one word of choice bits for 65 OTs was accepted")
	}
}

func TestBaseOTReportsFailingRandomness(t *testing.T) {
	broken := errors.New("no entropy")
	if _, _, err := NewBaseReceiver(nil, []uint64{0}, 1, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("receiver says %v", err)
	}
	_, msg1, err := NewBaseReceiver(nil, []uint64{0}, 1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := BaseSend(nil, 1, msg1, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("sender says %v", err)
	}
}
