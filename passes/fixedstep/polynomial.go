package fixedstep

import "sotto/ir"

// x2act is scale*a*x^2 + b*x + c of three trained numbers. Both products with numbers are of the same scale, and truncated together.
func (s *step) x2act(v *ir.Value) *ir.Value {
	x, c := s.To[v.Args[0]], s.To[v.Args[3]]
	shape := x.Type.Shape
	y := s.add(s.mul(s.squared(x), s.spread(s.leading(v), shape)), s.mul(x, s.spread(s.To[v.Args[2]], shape)))
	return s.at(s.add(y, s.spread(s.at(c, frac(y)), shape)), frac(x))
}

func (s *step) squared(x *ir.Value) *ir.Value { return s.at(s.mul(x, x), frac(x)) }

// leading is scale*a, at the scale of a.
func (s *step) leading(v *ir.Value) *ir.Value {
	a := s.To[v.Args[1]]
	if v.Float("scale") == 1 {
		return a
	}
	return s.trunc(s.times(a, v.Float("scale")), rateFrac)
}

// x2actBack is (2*scale*a*x + b)*dy.
func (s *step) x2actBack(v *ir.Value) *ir.Value {
	x, b, dy := s.To[v.Args[0]], s.To[v.Args[2]], s.To[v.Args[3]]
	shape, twice := x.Type.Shape, s.b.Must("ring.mulc", ir.Attrs{"c": 2}, s.leading(v))
	square := s.mul(s.at(s.mul(x, dy), frac(dy)), s.spread(twice, shape))
	return s.at(s.add(square, s.mul(dy, s.spread(b, shape))), frac(dy))
}

// x2actSums are the gradients by a, b and c.
func (s *step) x2actSums(v *ir.Value) *ir.Value {
	x, dy, all := s.To[v.Args[0]], s.To[v.Args[1]], ir.Attrs{"n": 1}
	a := s.at(s.b.Must("ring.products", all, s.squared(x), dy), s.fine())
	if scale := v.Float("scale"); scale != 1 {
		a = s.trunc(s.times(a, scale), rateFrac)
	}
	s.parts[v] = &parts{of: []*ir.Value{a, s.b.Must("ring.products", all, x, dy), s.b.Must("ring.sums", all, dy)}}
	return nil
}
