// Package fold rewrites NET so that only linear layers, polynomials, sign-based ops and movements remain, and folds factors into the
// weights around them.
package fold

import (
	"slices"
	"strings"

	"sotto/ir"
	"sotto/passes/pass"
)

// X2act writes the polynomial activation s*a*x^2 + b*x + c, which stays secret, as u^2 + b'*u + c' without a secret factor of the
// square. What it takes for that are factors of whole tensors (scales.go): x is computed times sqrt|s*a|, the result with the sign
// of s*a, and the linear layers around take both into their weights.
var X2act = &pass.Pass{
	Name: "x2act",
	Doc: "writes x2act as a square and a linear term of x times sqrt|s*a|, with factors of whole tensors that the linear layers before" +
		" and behind take in (exact up to rounding, |s*a| at least 2^-16); where neither can take in the sign of s*a, that becomes public",
	Needs: ir.Net,
	Run: func(c *pass.Context, m *ir.Module) error {
		for i, f := range m.Funcs {
			s, err := newScales(c, f)
			if err != nil {
				return err
			}
			m.Funcs[i] = s.rewrite()
			if len(s.small) > 0 {
				slices.Sort(s.small)
				c.Notice("x2act: |scale*a| is below 2^-16 at %s: it is computed with 2^-16 there, off by at most 2^-16*x^2", strings.Join(s.small, ", "))
			}
			if s.public > 0 {
				c.Notice("x2act: %d site(s) have a negative quadratic coefficient that no linear layer takes in; that sign is visible in both programs", s.public)
			}
		}
		return nil
	},
}

// rewrite gives the function with every tensor times its factor.
func (s *scales) rewrite() *ir.Func {
	for _, v := range s.Old.Body {
		if v.Is("nn.x2act") {
			for _, w := range v.Args[1:] { // factors of what comes before are made of them
				s.hoist(w)
			}
		}
	}
	for _, v := range s.Old.Body {
		if s.To[v] == nil {
			s.To[v] = s.value(v)
		}
	}
	s.New.Result = s.To[s.Old.Result]
	return s.New
}

// hoist copies a constant and what it is made of.
func (s *scales) hoist(v *ir.Value) {
	if s.To[v] != nil {
		return
	}
	for _, a := range v.Args {
		s.hoist(a)
	}
	s.Copy(v)
}

// value copies a value for tensors that have their factors: what it multiplies by or adds is changed accordingly.
func (s *scales) value(v *ir.Value) *ir.Value {
	if v.Is("nn.x2act") {
		return s.polynomial(v)
	}
	n := v.CopyTo(s.To)
	switch v.Op.Name {
	case "nn.conv2d", "nn.linear", "nn.scale":
		n.Args[1] = s.over(v, n.Args[1], s.factor(v.Args[0]))
	case "nn.batchnorm":
		in := s.factor(v.Args[0])
		n.Args[1], n.Args[3] = s.over(v, n.Args[1], in), s.times(v, n.Args[3], in)
	case "nn.shift":
		n.Args[1] = s.times(v, n.Args[1], s.factor(v))
	}
	s.New.Body = append(s.New.Body, n)
	if out := s.factor(v); out != one && makesFactor(v) {
		return s.B.At(v).Must("nn.scale", nil, n, s.times(v, nil, out))
	}
	return n
}

// polynomial writes a*x^2 + b*x + c, where x is there with a factor and the result is to have one. With q = |a|, m the size of the
// result's factor and r = sqrt(q*m), u = r*x up to the sign of x:
//
//	m*sign(a)*(a*x^2 + b*x + c) = u^2 + b*m*sign(a)/r * u + m*sign(a)*c
//
// the sign of x at the linear term. Where the result must not have the sign of a, all but the constant is negated if a is known to
// be below zero.
func (s *scales) polynomial(v *ir.Value) *ir.Value {
	b, site := s.B.At(v), s.sites[v]
	u := s.To[v.Args[0]]
	in, out := s.factor(v.Args[0]), s.factor(v)
	r := s.root(v)
	if s.definer(s.class(v.Args[0])) != v {
		ratio := r
		if in.size != nil {
			ratio = s.product(v, r, b.Must("const.reciprocal", nil, in.size))
		}
		u = b.Must("nn.scale", nil, u, ratio)
	}
	sign := s.signOf(v)
	slope := s.product(v, s.To[v.Args[2]], sign, out.size, in.sign, b.Must("const.reciprocal", nil, r))
	y := b.Must("nn.quadratic", nil, u, slope)
	if site.negated {
		y = b.Must("nn.negate", nil, y)
	}
	return b.Must("nn.shift", nil, y, s.times(v, s.To[v.Args[3]], out))
}
