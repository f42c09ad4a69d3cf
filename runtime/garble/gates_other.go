//go:build !amd64

package garble

import "sotto/runtime/prg"

// kernels are the inner loops of a gate: on this architecture several passes over the lanes.
type kernels struct{}

func newKernels(*prg.Hash) kernels { return kernels{} }

// xor sets dst = a ^ b in n lanes.
func (kernels) xor(dst, a, b *block, n int) { xorLanes(dst, a, b, n) }

// garble garbles an AND gate (step 2).
func (kernels) garble(g *Garbler, s *scratch, t *andGate) { g.and(s, t) }

// evaluate evaluates an AND gate (step 5).
func (kernels) evaluate(e *Evaluator, s *scratch, t *andGate) { e.and(s, t) }

// slice is garble for three-halves.
func (kernels) slice(g *Garbler, s *scratch, t *andGate) { g.sliceLanes(s, t) }

// join is evaluate for three-halves.
func (kernels) join(e *Evaluator, s *scratch, t *andGate) { e.joinLanes(s, t) }
