package garble

import "sotto/runtime/prg"

//go:generate go -C ../prg/_asm run . -kernels garble -out ../../garble/kernels_amd64.s -stubs ../../garble/kernels_amd64.go -pkg garble

// Lanes that a kernel takes at a time; all divide lanes.
const (
	garbleBatch   = 8
	evaluateBatch = 16
	xorBatch      = 16
	gatherBatch   = 4
)

// kernels are the inner loops of a hash's path: on VAES512 a gate is one call, on the others several passes.
type kernels struct{ keys *prg.RoundKeys } // nil for passes

func newKernels(hash *prg.Hash) kernels {
	if hash.Path() == prg.VAES512 {
		return kernels{hash.RoundKeys()}
	}
	return kernels{}
}

// xor sets dst = a ^ b in n lanes; what becomes of the lanes after them is not said.
func (k kernels) xor(dst, a, b *block, n int) {
	if k.keys == nil {
		xorLanes(dst, a, b, n)
		return
	}
	xorVAES512(&dst[0].Lo, &a[0].Lo, &b[0].Lo, (n+xorBatch-1)/xorBatch)
}

// gather loads column w of n rows of width blocks.
func (k kernels) gather(dst *block, n int, rows []prg.Block, width, w int) {
	full := 0
	if k.keys != nil && n >= gatherBatch {
		full = n - n%gatherBatch
		_ = rows[(full-1)*width+w] // the kernel knows no bounds
		gatherVAES512(&dst[0].Lo, &rows[w].Lo, width*prg.BlockBytes, full/gatherBatch)
	}
	gather(dst, full, n, rows, width, w)
}

// garble garbles an AND gate (step 2).
func (k kernels) garble(g *Garbler, s *scratch, t *andGate) {
	if k.keys == nil {
		g.and(s, t)
		return
	}
	rest := t.n % garbleBatch
	full := t.n - rest
	if full > 0 {
		k.garbleLanes(g, t, 0, full, t.tables, t.stride)
	}
	if rest > 0 {
		k.garbleLanes(g, t, full, garbleBatch, s.tables[:], 2)
		for i := range rest {
			copy(t.pair(full + i)[:], s.tables[2*i:])
		}
	}
}

// garbleLanes garbles n lanes from lane at on, the pair of the first at tables[0], those of the next stride blocks on.
func (k kernels) garbleLanes(g *Garbler, t *andGate, at, n int, tables []prg.Block, stride int) {
	_, _ = t.dst[at+n-1], tables[(n-1)*stride+1] // the kernel knows no bounds
	garbleVAES512(&k.keys[0].Lo, &g.delta.Lo, &t.dst[at].Lo, &t.a[at].Lo, &t.b[at].Lo,
		&tables[0].Lo, stride*prg.BlockBytes, n/garbleBatch, uint64(t.j)+uint64(at))
}

// evaluate evaluates an AND gate (step 5).
func (k kernels) evaluate(e *Evaluator, s *scratch, t *andGate) {
	if k.keys == nil {
		e.and(s, t)
		return
	}
	rest := t.n % evaluateBatch
	full := t.n - rest
	if full > 0 {
		k.evaluateLanes(t, 0, full, t.tables, t.stride)
	}
	if rest > 0 {
		for i := range rest {
			copy(s.tables[2*i:], t.pair(full + i)[:])
		}
		k.evaluateLanes(t, full, evaluateBatch, s.tables[:], 2)
	}
}

// evaluateLanes evaluates n lanes from lane at on, the pair of the first at tables[0], those of the next stride blocks
// on.
func (k kernels) evaluateLanes(t *andGate, at, n int, tables []prg.Block, stride int) {
	_, _ = t.dst[at+n-1], tables[(n-1)*stride+1] // the kernel knows no bounds
	evaluateVAES512(&k.keys[0].Lo, &t.dst[at].Lo, &t.a[at].Lo, &t.b[at].Lo,
		&tables[0].Lo, stride*prg.BlockBytes, n/evaluateBatch, uint64(t.j)+uint64(at))
}
