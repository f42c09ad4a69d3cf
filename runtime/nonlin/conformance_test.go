package nonlin_test

import (
	"fmt"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/ring"
)

// Every protocol runs here as two parties over a real connection, with real OTs and real garbling. Its values are those of
// the ideal functionality, and its bytes and rounds those that the op table declares.

// sizes go around the words of bit vectors and past the share of one goroutine.
var sizes = []int{1, 2, 63, 64, 65, 1000, 4099, 16385}

// compare wants measured traffic to be declared traffic.
func compare(t *testing.T, what string, measured, declared cost.Traffic) {
	t.Helper()
	if measured != declared {
		t.Errorf("%s: measured %+v, declared %+v", what, measured, declared)
	}
}

// compareCase compares the two phases of case k of a session.
func compareCase(t *testing.T, what string, k int, measured []cost.Traffic, d declared) {
	t.Helper()
	compare(t, what+" offline", measured[offlinePhase(k)], d.offline)
	compare(t, what+" online", measured[onlinePhase(k)], d.online)
}

// bothRings runs a conformance suite in both rings.
func bothRings(t *testing.T, in32, in64 func(*testing.T)) {
	t.Run("32", in32)
	t.Run("64", in64)
}

// within gives n values of [-2^bits, 2^bits), the borders and their neighbours first.
func within[W ring.Word](bits, n int) []W {
	b := W(1) << bits
	x := []W{0, -W(1), 1, b - 1, -b, b - 2, -b + 1, b >> 1, -(b >> 1)}
	for _, v := range randomWords[W](n) {
		x = append(x, v&(2*b-1)-b)
	}
	return x[:n]
}

// inOrder runs cases until one fails.
func inOrder[C any](cases []C, run func(k int, c C) error) error {
	for k, c := range cases {
		if err := run(k, c); err != nil {
			return fmt.Errorf("case %d: %w", k, err)
		}
	}
	return nil
}

// local is a protocol without OTs: what a party sends online, or nil, and what it does with what it hears.
type local[W ring.Word] struct {
	out    []W
	hears  int
	finish func(in []W)
}

func (s local[W]) run(p *end) error {
	if err := p.conn.BeginPhase(onlinePhase(0)); err != nil {
		return err
	}
	in := make([]W, s.hears)
	if err := p.conn.Exchange(ring.Bytes(s.out), ring.Bytes(in)); err != nil {
		return err
	}
	s.finish(in)
	return nil
}

// conformLocal runs both parties and compares their traffic with the op's.
func conformLocal[W ring.Word](t *testing.T, parties [2]local[W], d declared) {
	t.Helper()
	measured := session(t, d.extensions, 3, func(p *end) error { return parties[p.role].run(p) })
	compareCase(t, "online message", 0, measured, d)
}
