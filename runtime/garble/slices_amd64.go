package garble

import "sotto/runtime/prg"

// spareWords is the stride of the tables of lanes that fill up a batch: a gate's three words, and one.
const (
	spareWords = 4
	wordBytes  = prg.BlockBytes / 2
)

// spareTables are tables of lanes that no instance has.
type spareTables [maxBatch * spareWords]uint64

// row is the gate's words in lane i of the batch.
func (s *spareTables) row(i int) *gateWords { return (*gateWords)(s[i*spareWords:]) }

// slice garbles an AND gate of three-halves (steps 1 to 3).
func (k kernels) slice(g *Garbler, s *scratch, t *andGate) {
	if k.path == prg.Portable {
		g.sliceLanes(s, t)
		return
	}
	rest := t.n % k.sliced
	full := t.n - rest
	if full > 0 {
		k.sliceLanes(g, s, t, 0, full, t.words(0), t.stride*prg.BlockBytes)
	}
	if rest > 0 {
		var spare spareTables
		k.sliceLanes(g, s, t, full, k.sliced, spare.row(0), spareWords*wordBytes)
		for i := range rest {
			*t.words(full + i) = *spare.row(i)
		}
	}
}

// sliceLanes garbles n lanes from lane at on, the words of the first at tables, those of the next stride bytes on.
func (k kernels) sliceLanes(g *Garbler, s *scratch, t *andGate, at, n int, tables *gateWords, stride int) {
	_ = t.dst[at+n-1] // the kernel knows no bounds
	_, shift := t.word()
	keys, delta, batches, tweak := &k.keys[0].Lo, &g.delta.Lo, n/k.sliced, uint64(t.j)+uint64(at)
	dst, a, b, control := &t.dst[at].Lo, &t.a[at].Lo, &t.b[at].Lo, &s.control[at].Lo
	if k.path == prg.VAES512 {
		garbleThreeHalvesVAES512(keys, delta, dst, a, b, control, &tables[0], stride, batches, tweak, uint64(shift))
	} else {
		garbleThreeHalvesAESNI(keys, delta, dst, a, b, control, &tables[0], stride, batches, tweak, uint64(shift))
	}
}

// join evaluates an AND gate of three-halves (steps 4 and 5).
func (k kernels) join(e *Evaluator, s *scratch, t *andGate) {
	if k.path == prg.Portable {
		e.joinLanes(s, t)
		return
	}
	rest := t.n % k.joined
	full := t.n - rest
	if full > 0 {
		k.joinLanes(s, t, 0, full, t.words(0), t.stride*prg.BlockBytes)
	}
	if rest > 0 {
		var spare spareTables
		for i := range rest {
			*spare.row(i) = *t.words(full + i)
		}
		k.joinLanes(s, t, full, k.joined, spare.row(0), spareWords*wordBytes)
	}
}

// joinLanes evaluates n lanes from lane at on, the words of the first at tables, those of the next stride bytes on.
func (k kernels) joinLanes(s *scratch, t *andGate, at, n int, tables *gateWords, stride int) {
	_ = t.dst[at+n-1] // the kernel knows no bounds
	_, shift := t.word()
	keys, batches, tweak := &k.keys[0].Lo, n/k.joined, uint64(t.j)+uint64(at)
	dst, a, b, control := &t.dst[at].Lo, &t.a[at].Lo, &t.b[at].Lo, &s.control[at].Lo
	if k.path == prg.VAES512 {
		evaluateThreeHalvesVAES512(keys, dst, a, b, control, &tables[0], stride, batches, tweak, uint64(shift))
	} else {
		evaluateThreeHalvesAESNI(keys, dst, a, b, control, &tables[0], stride, batches, tweak, uint64(shift))
	}
}
