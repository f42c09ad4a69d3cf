package fixedstep

import (
	"fmt"
	"slices"
	"strings"

	"sotto/ir"
)

// Decisions of a relaxed network: its options are added up with probabilities p, what stands for softmax of the logits. Gradients by the logits are those
// of softmax with these p, p*(g - <p,g>), as the gradient of the loss is.

// probability gives p of logits, at the scale of activations.
func (s *step) probability(logits *ir.Value) *ir.Value {
	if s.odds[logits] == nil {
		s.odds[logits] = softmaxes[s.softmax](s, s.at(s.To[logits], s.frac)).p
	}
	return s.odds[logits]
}

// option gives the probability of one option, at all elements of a shape.
func (s *step) option(logits *ir.Value, i int, shape []int) *ir.Value {
	return s.spread(s.b.Must("ring.gather", ir.Attrs{"keep": []int{i, i + 1}}, s.probability(logits)), shape)
}

// mix adds the options up, and truncates once.
func (s *step) mix(v *ir.Value) *ir.Value {
	var sum *ir.Value
	for i, o := range v.Args[1:] {
		y := s.mul(s.To[o], s.option(v.Args[0], i, o.Type.Shape))
		if sum == nil {
			sum = y
			continue
		}
		sum = s.add(sum, y)
	}
	return s.at(sum, s.frac)
}

func (s *step) mixOption(v *ir.Value) *ir.Value {
	dy := s.To[v.Args[1]]
	return s.at(s.mul(dy, s.option(v.Args[0], v.Int("option"), dy.Type.Shape)), frac(dy))
}

// mixLogits takes for the gradient by each probability the product of dy with its option, over the batch.
func (s *step) mixLogits(v *ir.Value) *ir.Value {
	dy := s.To[v.Args[1]]
	var by []*ir.Value
	for _, o := range v.Args[2:] {
		by = append(by, s.b.Must("ring.products", ir.Attrs{"n": 1}, dy, s.To[o]))
	}
	return s.pulled(s.probability(v.Args[0]), s.at(s.b.Must("ring.concat", nil, by...), s.fine()))
}

// pulled is p*(g - <p,g>) for a gradient g by p.
func (s *step) pulled(p, g *ir.Value) *ir.Value {
	mean := s.at(s.total(s.mul(p, g)), frac(g))
	return s.mul(p, s.sub(g, s.spread(mean, g.Type.Shape)))
}

func (s *step) probabilities(v *ir.Value) *ir.Value { return s.probability(v.Args[0]) }

// priced is what options cost, times the gradient of the loss by itself.
func (s *step) priced(v *ir.Value) (*ir.Value, error) {
	if !isOne(v.Args[1]) {
		return nil, fmt.Errorf("a factor: accepted is that of costs, one")
	}
	return s.To[v.Args[0]], nil
}

func (s *step) softmaxBack(v *ir.Value) *ir.Value { return s.pulled(s.To[v.Args[0]], s.To[v.Args[1]]) }

// decide gives a function of state alone: which option has the greatest logit, the first of equals, for each site in the order of their paths. It is nil
// unless f, a step, replaces logits.
func decide(f *ir.Func) *ir.Func {
	var logits []*ir.Value
	for _, v := range f.Body {
		if v.Overwrites() && strings.HasSuffix(v.Path, ".logits") {
			logits = append(logits, v)
		}
	}
	if len(logits) == 0 {
		return nil
	}
	slices.SortFunc(logits, func(v, w *ir.Value) int { return strings.Compare(v.Path, w.Path) })
	g := &ir.Func{Name: "decide", Output: ir.Attrs{"name": "options"}}
	b := ir.NewBuilder(g)
	var best []*ir.Value
	for _, v := range logits {
		at := b.AtPath(v.Pos, v.Path)
		w := &ir.Value{Name: g.Fresh(""), Op: ir.MustLookup("param"), Pos: v.Pos, Path: v.Path, Type: v.Type}
		g.Body = append(g.Body, w)
		best = append(best, at.Must("ring.argmax", nil, w))
	}
	g.Result = b.Must("ring.concat", nil, best...)
	return g
}
