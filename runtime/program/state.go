package program

import "fmt"

// Given lists what the caller has put into buffers when the online phase begins: inputs, public numbers and state.
func (p *Program) Given() []Operand {
	var list []Operand
	add := func(buf, n int) {
		if buf >= 0 {
			list = append(list, Operand{Buf: buf, Len: n})
		}
	}
	add(p.Input.Buf, p.Input.Len())
	for _, t := range p.Further {
		add(t.Buf, t.Len())
	}
	for _, t := range p.Publics {
		add(t.Buf, t.Len())
	}
	for _, s := range p.State {
		add(s.In, s.Len())
	}
	return list
}

// Taken lists what the caller reads when the online phase has ended: the output and state.
func (p *Program) Taken() []Operand {
	var list []Operand
	if p.Output.Buf >= 0 {
		list = append(list, Operand{Buf: p.Output.Buf, Len: p.Output.Len()})
	}
	for _, s := range p.State {
		if s.Out >= 0 {
			list = append(list, Operand{Buf: s.Out, Len: s.Len()})
		}
	}
	return list
}

// stateRank is the most dimensions of a tensor of state: those of a convolution's weights.
const stateRank = 4

// checkGiven holds further inputs, public numbers and state within their buffers, each of which is for one of them, and demands names that tell
// state apart.
func (p *Program) checkGiven() error {
	for _, t := range append(p.Further[:len(p.Further):len(p.Further)], p.Publics...) {
		if len(t.Shape) < 1 || len(t.Shape) > stateRank {
			return fmt.Errorf("program: %s of shape %v, accepted are one to %d dimensions", t.Name, t.Shape, stateRank)
		}
		if err := p.checkTensor(t); err != nil {
			return err
		}
	}
	for _, t := range p.Publics {
		if t.Len() != 1 || t.Buf < 0 {
			return fmt.Errorf("program: public input %s of %d elements, accepted is one number", t.Name, t.Len())
		}
	}
	if err := p.checkState(); err != nil {
		return err
	}
	used := map[int]bool{}
	for _, o := range p.Given() {
		if used[o.Buf] {
			return fmt.Errorf("program: buffer %d is given two values", o.Buf)
		}
		used[o.Buf] = true
	}
	return nil
}

func (p *Program) checkState() error {
	if n := len(p.State); n > maxItems {
		return fmt.Errorf("program: %d tensors of state, accepted are at most %d", n, maxItems)
	}
	names := map[string]bool{}
	for _, s := range p.State {
		if len(s.Shape) < 1 || len(s.Shape) > stateRank || names[s.Name] {
			return fmt.Errorf("program: state %s is there twice, or of shape %v: accepted are one to %d dimensions", s.Name, s.Shape, stateRank)
		}
		names[s.Name] = true
		for _, buf := range []int{s.In, s.Out} {
			if err := p.checkTensor(Tensor{Name: s.Name, Shape: s.Shape, Frac: s.Frac, Buf: buf}); err != nil {
				return fmt.Errorf("program: state %s: %w", s.Name, err)
			}
		}
	}
	return nil
}
