package garble

import "sotto/runtime/prg"

//go:generate go -C ../prg/_asm run . -kernels garble -out ../../garble/kernels_amd64.s -stubs ../../garble/kernels_amd64.go -pkg garble

// Lanes that a kernel takes at a time.
const (
	xorBatch = 16
	maxBatch = 16 // for AND gates
)

// kernels are the inner loops of a hash's path. An AND gate takes several passes on the path Portable, and one call of a
// kernel on the others.
type kernels struct {
	path               prg.Path
	keys               *prg.RoundKeys
	garbled, evaluated int // lanes that the AND gate's kernels take at a time, divisors of lanes
	sliced, joined     int // the same in three-halves
}

func newKernels(hash *prg.Hash) kernels {
	k := kernels{path: hash.Path(), keys: hash.RoundKeys()}
	switch k.path {
	case prg.AESNI:
		k.garbled, k.evaluated, k.sliced, k.joined = 2, 4, 2, 4
	case prg.VAES512:
		k.garbled, k.evaluated, k.sliced, k.joined = 8, 16, 4, 8
	}
	return k
}

// xor sets dst = a ^ b in n lanes; what becomes of the lanes after them is not said.
func (k kernels) xor(dst, a, b *block, n int) {
	if k.path != prg.VAES512 {
		xorLanes(dst, a, b, n)
		return
	}
	xorVAES512(&dst[0].Lo, &a[0].Lo, &b[0].Lo, (n+xorBatch-1)/xorBatch)
}

// garble garbles an AND gate (step 2).
func (k kernels) garble(g *Garbler, s *scratch, t *andGate) {
	if k.path == prg.Portable {
		g.and(s, t)
		return
	}
	rest := t.n % k.garbled
	full := t.n - rest
	if full > 0 {
		k.garbleLanes(g, t, 0, full, t.tables, t.stride)
	}
	if rest > 0 {
		var tables [pairBlocks * maxBatch]prg.Block
		k.garbleLanes(g, t, full, k.garbled, tables[:], pairBlocks)
		for i := range rest {
			copy(t.pair(full + i)[:], tables[pairBlocks*i:])
		}
	}
}

// garbleLanes garbles n lanes from lane at on, the pair of the first at tables[0], those of the next stride blocks on.
func (k kernels) garbleLanes(g *Garbler, t *andGate, at, n int, tables []prg.Block, stride int) {
	_, _ = t.dst[at+n-1], tables[(n-1)*stride+1] // the kernel knows no bounds
	keys, delta, step, tweak := &k.keys[0].Lo, &g.delta.Lo, stride*prg.BlockBytes, uint64(t.j)+uint64(at)
	dst, a, b, to := &t.dst[at].Lo, &t.a[at].Lo, &t.b[at].Lo, &tables[0].Lo
	if k.path == prg.VAES512 {
		garbleVAES512(keys, delta, dst, a, b, to, step, n/k.garbled, tweak)
	} else {
		garbleAESNI(keys, delta, dst, a, b, to, step, n/k.garbled, tweak)
	}
}

// evaluate evaluates an AND gate (step 5).
func (k kernels) evaluate(e *Evaluator, s *scratch, t *andGate) {
	if k.path == prg.Portable {
		e.and(s, t)
		return
	}
	rest := t.n % k.evaluated
	full := t.n - rest
	if full > 0 {
		k.evaluateLanes(t, 0, full, t.tables, t.stride)
	}
	if rest > 0 {
		var tables [pairBlocks * maxBatch]prg.Block
		for i := range rest {
			copy(tables[pairBlocks*i:], t.pair(full + i)[:])
		}
		k.evaluateLanes(t, full, k.evaluated, tables[:], pairBlocks)
	}
}

// evaluateLanes evaluates n lanes from lane at on, the pair of the first at tables[0], those of the next stride blocks
// on.
func (k kernels) evaluateLanes(t *andGate, at, n int, tables []prg.Block, stride int) {
	_, _ = t.dst[at+n-1], tables[(n-1)*stride+1] // the kernel knows no bounds
	keys, step, tweak := &k.keys[0].Lo, stride*prg.BlockBytes, uint64(t.j)+uint64(at)
	dst, a, b, from := &t.dst[at].Lo, &t.a[at].Lo, &t.b[at].Lo, &tables[0].Lo
	if k.path == prg.VAES512 {
		evaluateVAES512(keys, dst, a, b, from, step, n/k.evaluated, tweak)
	} else {
		evaluateAESNI(keys, dst, a, b, from, step, n/k.evaluated, tweak)
	}
}
