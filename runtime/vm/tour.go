package vm

import (
	"sotto/ir/cost"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// Steps of a tournament, there and back. Channels, which may be those of many samples, lie one behind the other in all vectors, so that the
// moves of one of them serve all. They follow from the geometry.

// tourStep moves one channel's elements.
type tourStep[W ring.Word] func(out []W, in [][]W)

// tour runs a step on all channels.
func tour[W ring.Word](ints []int, out []W, in [][]W) {
	const grain = 1 << 14 // elements that are worth a core
	t := program.PoolGeometry(ints[2:])
	channels := t.C
	t.C = 1
	step := tourOf[W](ints[0], t, ints[1])
	part := func(v []W, c int) []W { n := len(v) / channels; return v[c*n : (c+1)*n] }
	ring.Parallel(channels, grain/(t.H*t.W)+1, func(lo, hi int) {
		parts := make([][]W, len(in))
		for c := lo; c < hi; c++ {
			for i, v := range in {
				parts[i] = part(v, c)
			}
			step(part(out, c), parts)
		}
	})
}

// tourOf gives the step of a number.
func tourOf[W ring.Word](which int, t cost.Tournament, stage int) tourStep[W] {
	switch which {
	case 0:
		return taking[W](t.InitialIndex())
	case 1:
		left, _ := t.PairIndex(stage)
		return taking[W](left)
	case 2:
		_, right := t.PairIndex(stage)
		return taking[W](right)
	case 4:
		return taking[W](t.WindowIndex())
	case 5:
		return winners[W](t.MergeIndex(stage))
	case 6:
		return unpairing[W](t, stage)
	case 7:
		return returning[W](t.InitialIndex())
	}
	return merging[W](t.MergeIndex(stage))
}

func taking[W ring.Word](index []int32) tourStep[W] {
	return func(out []W, in [][]W) {
		x := in[0]
		for i, from := range index {
			out[i] = x[from]
		}
	}
}

// merging takes from winners, or from what was there before them.
func merging[W ring.Word](index []int32) tourStep[W] {
	return func(out []W, in [][]W) {
		for i, from := range index {
			if n := len(in[0]); int(from) < n {
				out[i] = in[0][from]
			} else {
				out[i] = in[1][int(from)-n]
			}
		}
	}
}

// winners are the elements behind a stage at the places of its winners.
func winners[W ring.Word](merge []int32) tourStep[W] {
	return func(out []W, in [][]W) {
		for i, from := range merge {
			if int(from) < len(out) {
				out[from] = in[0][i]
			}
		}
	}
}

// unpairing puts both sides of every pair, and what had no opponent, where they lay before a stage.
func unpairing[W ring.Word](t cost.Tournament, stage int) tourStep[W] {
	left, right := t.PairIndex(stage)
	merge := t.MergeIndex(stage)
	return func(out []W, in [][]W) {
		for i := range left {
			out[left[i]], out[right[i]] = in[0][i], in[1][i]
		}
		for i, from := range merge {
			if alone := int(from) - len(left); alone >= 0 {
				out[alone] = in[2][i]
			}
		}
	}
}

// returning adds up what windows have at the places that they took it from.
func returning[W ring.Word](index []int32) tourStep[W] {
	return func(out []W, in [][]W) {
		clear(out)
		for i, to := range index {
			out[to] += in[0][i]
		}
	}
}
