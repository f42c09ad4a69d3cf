package prices

import (
	"sotto/ir/cost"
	"sotto/runtime/nonlin"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// Bits that the example networks compare, and numbers of values: of a small layer, and of a large one.
var (
	comparedBits  = []int{19, 30}
	comparedAtOne = []int{1 << 10, 1 << 16}
)

// digitProbe runs the local steps of comparisons by OT, those that wait for the values: a digit is a unit of the sender's, and two of the
// receiver's, who corrects its choices and later selects.
func digitProbe() *Probe {
	return &Probe{Name: "digit", Kernels: []cost.Kernel{cost.Digit}, What: "the steps of comparisons of 19 and 30 bits by OT, at either party, the tree of ANDs included, on planes that were not just used", Loads: func(b Budget) (all []Load, err error) {
		for _, bits := range comparedBits {
			for _, n := range comparedAtOne {
				c := b.comparings(bits, n)
				all = append(all, stepsLoad(c, 2, (*comparing).choose, (*comparing).selects), stepsLoad(c, 1, (*comparing).answer))
			}
		}
		return all, nil
	}}
}

// turnProbe runs the step of comparisons by OT that waits for the corrections alone.
func turnProbe() *Probe {
	return &Probe{Name: "turn", Kernels: []cost.Kernel{cost.Turn}, What: "masks of comparisons of 19 and 30 bits turned at the sender, which were not just used", Loads: func(b Budget) (all []Load, err error) {
		for _, bits := range comparedBits {
			for _, n := range comparedAtOne {
				c := b.comparings(bits, n)
				var turns []func()
				for _, c := range c {
					turns = append(turns, c.turn())
				}
				all = append(all, Load{one(cost.Turn, c[0].digits()), inTurn(turns)})
			}
		}
		return all, nil
	}}
}

// inTurn runs one of several steps at a time.
func inTurn(steps []func()) func(*Watch) error {
	next := 0
	return func(w *Watch) error {
		next = (next + 1) % len(steps)
		return w.Time(func() error { steps[next](); return nil })
	}
}

// comparing is a comparison of n values with all its vectors of bits, at either party.
type comparing struct {
	form  cost.Comparison
	step  nonlin.Compare[uint32]
	n     int
	x     []uint32
	nodes []ring.Bits // by level
}

func newComparing(bits, n int) *comparing {
	c := &comparing{form: cost.Comparison{Bits: bits}, step: nonlin.Compare[uint32]{Bits: bits}, n: n, x: make([]uint32, n)}
	prg.Draw(c.x)
	for level := range c.form.Levels() + 1 {
		planes := 2*c.form.Nodes(level) - 1
		c.nodes = append(c.nodes, c.planes(planes))
	}
	return c
}

// planes is so many random planes.
func (c *comparing) planes(n int) ring.Bits {
	b := ring.NewBits(n * int(cost.Padded(int64(c.n))))
	prg.Draw(b.Words())
	return b
}

// comparings take turns, so that each finds its planes as a layer does that was not the last to run.
func (b Budget) comparings(bits, n int) []*comparing {
	form := cost.Comparison{Bits: bits}
	planes := 2*form.MessagePlanes() + form.ChoicePlanes() // most of what a step reads and writes
	all := make([]*comparing, b.copies(4*n+planes*int(cost.Padded(int64(n)))/8))
	for i := range all {
		all[i] = newComparing(bits, n)
	}
	return all
}

// digits of all values.
func (c *comparing) digits() float64 {
	return float64(cost.Padded(int64(c.n))) * float64(c.form.Digits())
}

// stepsLoad is a party's steps for the leaves, and then the tree; a unit is a digit.
func stepsLoad(of []*comparing, times float64, steps ...func(*comparing) func()) Load {
	var turns []func()
	for _, c := range of {
		var all []func()
		for _, s := range steps {
			all = append(all, s(c))
		}
		all = append(all, c.tree())
		turns = append(turns, func() {
			for _, step := range all {
				step()
			}
		})
	}
	return Load{map[cost.Kernel]Amount{cost.Digit: {times * of[0].digits(), times}}, inTurn(turns)}
}

func (c *comparing) turn() func() {
	pads, base := c.planes(c.form.MessagePlanes()), c.planes(c.form.Leaves())
	masks, e := c.planes(c.form.MaskPlanes()), c.planes(c.form.ChoicePlanes())
	return func() { c.step.Turn(pads, base, masks, e) }
}

func (c *comparing) choose() func() {
	e, choice := c.planes(c.form.ChoicePlanes()), c.planes(c.form.ChoicePlanes())
	return func() { c.step.Choose(e, c.x, choice) }
}

func (c *comparing) selects() func() {
	m, masks := c.planes(c.form.MessagePlanes()), c.planes(2*c.form.Digits())
	return func() { c.step.Select(c.nodes[0], c.x, m, masks) }
}

func (c *comparing) answer() func() {
	m, pads, base := c.planes(c.form.MessagePlanes()), c.planes(c.form.MessagePlanes()), c.planes(c.form.Leaves())
	return func() { c.step.Answer(m, c.nodes[0], c.x, pads, base) }
}

// tree opens and joins all levels.
func (c *comparing) tree() func() {
	a, b, product := c.planes(c.form.Triples()), c.planes(2*c.form.Triples()), c.planes(2*c.form.Triples())
	var own, peer []ring.Bits
	for level := range c.form.Levels() {
		own, peer = append(own, c.planes(c.form.OpenedPlanes(level))), append(peer, c.planes(c.form.OpenedPlanes(level)))
	}
	return func() {
		for level := range own {
			c.step.Open(own[level], c.nodes[level], a, b, level)
			c.step.Join(c.nodes[level+1], c.nodes[level], own[level], peer[level], b, product, level)
		}
	}
}

// multiplyProbe runs the local steps of products of two private numbers by OT, at either end.
func multiplyProbe() *Probe {
	return &Probe{Name: "multiply", Kernels: []cost.Kernel{cost.Multiply}, What: "the steps of products of numbers of 32 bits by OT, at either end", Loads: func(b Budget) (all []Load, err error) {
		const width = 32
		for _, n := range []int{1 << 10, 1 << 15} {
			v := b.vectors(2, n)
			pads := b.vectors(2, width*n)
			msg := make([]byte, cost.GilboaBytes(int64(n), width))
			units := float64(cost.GilboaOTs(int64(n), width))
			all = append(all,
				Load{one(cost.Multiply, units), func(w *Watch) error {
					x, p := v.take(), pads.take()
					return w.Time(func() error { nonlin.GilboaCorrelate(msg, x[0], x[1], p[0], p[1]); return nil })
				}},
				Load{one(cost.Multiply, units), func(w *Watch) error {
					x, p := v.take(), pads.take()
					return w.Time(func() error {
						nonlin.GilboaChoose(x[0], p[0])
						nonlin.GilboaReceive(x[0], x[1], msg)
						return nil
					})
				}})
		}
		return all, nil
	}}
}
