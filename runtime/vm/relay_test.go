package vm

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"sotto/ir/circuit"
	"sotto/runtime/ring"
)

// partOf is a part of n instances in chunks of size.
func partOf(n, size int) *gcPart[uint32] {
	return &gcPart[uint32]{Task: &circuit.Task{}, count: n, chunk: size, chunks: new(relays[uint32])}
}

// TestRelayKeepsOrder: every chunk goes through both steps once, in order, and the steps do overlap.
func TestRelayKeepsOrder(t *testing.T) {
	for _, d := range []direction{sends, receives} {
		var made, used []int
		var ahead atomic.Int64
		most := int64(0)
		err := overlap(partOf(1000, 64), d, func(lo, n int, c *chunk[uint32]) error {
			room(&c.permute, n)[0] = uint32(lo)
			made = append(made, lo)
			ahead.Add(1)
			return nil
		}, func(lo, n int, c *chunk[uint32]) error {
			time.Sleep(time.Millisecond)
			if len(c.permute) != n || c.permute[0] != uint32(lo) {
				t.Errorf("chunk of %d from %d: %d of %v", n, lo, len(c.permute), c.permute[0])
			}
			used = append(used, lo)
			most = max(most, ahead.Add(-1)+1)
			return nil
		})
		if err != nil || !slices.Equal(made, used) || len(made) != 16 || !slices.IsSorted(made) {
			t.Errorf("made %v, used %v: %v", made, used, err)
		}
		if most < 2 || most > relayed {
			t.Errorf("up to %d chunks at once, want 2 to %d", most, relayed)
		}
	}
}

// TestPartsSendTheirOwnPermuteBits: a part whose outputs are bits sends none of the words that one before it sent.
func TestPartsSendTheirOwnPermuteBits(t *testing.T) {
	const n = 200
	shared := new(relays[uint32])
	for i, c := range []struct{ ring, words int }{{32, n}, {0, 0}, {16, n}} {
		p, sent := partOf(n, 64), 0
		p.Ring, p.chunks = c.ring, shared
		err := overlap(p, sends, func(lo, n int, c *chunk[uint32]) error {
			p.bits(outputs[uint32]{bits: ring.NewBits(200)}, lo, n, c)
			p.encode(c, n)
			return nil
		}, func(_, _ int, c *chunk[uint32]) error {
			sent += len(c.permute)
			return nil
		})
		if err != nil || sent != c.words {
			t.Errorf("part %d: %d words were sent, want %d: %v", i, sent, c.words, err)
		}
	}
}

// TestRelayEnds: an error or panic of either step, at any chunk, ends both and reaches the caller.
func TestRelayEnds(t *testing.T) {
	bad := errors.New("bad")
	for _, d := range []direction{sends, receives} {
		for _, at := range []int{0, 64, 640, 960} {
			for _, second := range []bool{false, true} {
				for _, fail := range []func() error{func() error { return bad }, func() error { panic(bad) }} {
					on := func(mine bool) step[uint32] {
						return func(lo, _ int, _ *chunk[uint32]) error {
							if mine && lo == at {
								return fail()
							}
							return nil
						}
					}
					if err := caught(func() error { return overlap(partOf(1000, 64), d, on(!second), on(second)) }); !errors.Is(err, bad) {
						t.Errorf("a failure at %d gave %v", at, err)
					}
				}
			}
		}
	}
}

// caught turns a panic with an error into that error.
func caught(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = p.(error)
		}
	}()
	return f()
}
