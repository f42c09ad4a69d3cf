package fold

import (
	"cmp"
	"math"

	"sotto/ir"
	"sotto/passes/pass"
)

// A tensor may be there times a positive or negative number, its factor, if whoever makes it multiplies by that and whoever reads it
// divides by it. Linear layers do both for nothing, in their weights. Sums, movements and pools hand a factor on, so that values
// between linear layers form classes of one factor each. A polynomial links the factors of two classes: that of its result asks for
// the one of its input. So factors are found from the output backwards, and a residual block's skip needs no multiplication: its
// beginning, the result of an earlier polynomial, has the factor that its end asks for.

// factor is what the values of a class are multiplied by: weights of a single number in the new function. Nil is 1.
type factor struct{ size, sign *ir.Value }

var one factor

// scales knows the classes of a NET function.
type scales struct {
	*pass.Rewriter
	parent  map[*ir.Value]*ir.Value // towards the value that stands for the class
	classes map[*ir.Value]*class
	sites   map[*ir.Value]*site
	public  int      // signs that were written into the function
	small   []string // paths of polynomials whose quadratic coefficient is less than they are computed with
}

// class is what is known of values of one factor, by the value that stands for them.
type class struct {
	pinned   bool        // the factor is 1
	positive bool        // it has no sign
	reads    []*ir.Value // polynomials that read one of the values
	makes    []*ir.Value // polynomials whose result is one of them
	factor   *factor     // once it is known
}

// site is a polynomial.
type site struct {
	root, sign *ir.Value // of its quadratic coefficient, once they are there
	negated    bool      // its sign is public, and below zero
}

func newScales(c *pass.Context, f *ir.Func) (*scales, error) {
	s := &scales{pass.NewRewriter(f), map[*ir.Value]*ir.Value{}, map[*ir.Value]*class{}, map[*ir.Value]*site{}, 0, nil}
	for _, v := range f.Body {
		if v.Op.HandsOn != ir.NoFactor {
			for _, a := range v.Args {
				if !a.IsConstant() {
					s.parent[s.class(a)] = s.class(v)
				}
			}
		}
	}
	for _, p := range f.Params {
		s.of(p).pinned = true
	}
	for _, v := range f.Body {
		s.note(v)
	}
	s.of(f.Result).pinned = true
	for _, v := range f.Body {
		if v.Is("nn.x2act") {
			if err := s.publish(c, v); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// makesFactor tells whether an op can multiply its result by a factor for nothing, and divide by that of its argument.
func makesFactor(v *ir.Value) bool {
	switch v.Op.Name {
	case "nn.conv2d", "nn.linear", "nn.batchnorm", "nn.scale":
		return true
	}
	return false
}

// note enters what an op asks of the factors of its arguments and its result.
func (s *scales) note(v *ir.Value) {
	switch {
	case v.IsConstant(), makesFactor(v):
	case v.Is("nn.x2act"):
		in, out := s.of(v.Args[0]), s.of(v)
		in.reads, out.makes = append(in.reads, v), append(out.makes, v)
		s.sites[v] = &site{}
	case v.Op.HandsOn == ir.PositiveFactors:
		s.of(v).positive = true
	case v.Op.HandsOn == ir.NoFactor:
		s.of(v).pinned = true
		for _, a := range v.Args {
			if !a.IsConstant() {
				s.of(a).pinned = true
			}
		}
	}
}

// publish decides whether the sign of a polynomial is public: where no factor of its result takes it in. It is then read from the
// weights; without weights it is taken as positive, the value at initialisation.
func (s *scales) publish(c *pass.Context, v *ir.Value) error {
	if c.Weights == nil || !v.Args[1].Is("param") {
		return nil
	}
	w, err := c.Weights.Weight(v.Args[1].Path, v.Args[1].Type.Shape)
	if err != nil {
		return err
	}
	square := float64(w[0]) * v.Float("scale")
	if math.Abs(square) < ir.LeastSquare {
		s.small = append(s.small, v.Path)
	}
	if square < 0 && !s.signed(s.of(v)) {
		s.sites[v].negated = true
		s.public++
	}
	return nil
}

// signed tells whether the factor of a class has a sign, that of the one polynomial which gives it.
func (s *scales) signed(c *class) bool { return !c.pinned && !c.positive && len(c.makes) == 1 }

// class gives the value that stands for a value's class.
func (s *scales) class(v *ir.Value) *ir.Value {
	for s.parent[v] != nil && s.parent[v] != v {
		v = s.parent[v]
	}
	return v
}

func (s *scales) of(v *ir.Value) *class {
	r := s.class(v)
	if s.classes[r] == nil {
		s.classes[r] = &class{}
	}
	return s.classes[r]
}

// definer is the polynomial that reads a class and whose root is the size of its factor: of several the first by name, none if the
// factor of its own result depends on it.
func (s *scales) definer(root *ir.Value) *ir.Value {
	var best *ir.Value
	c := s.of(root)
	if c.pinned {
		return nil
	}
	for _, v := range c.reads {
		if s.depends(v, root, map[*ir.Value]bool{}) {
			return nil
		}
		if best == nil || cmp.Or(cmp.Compare(v.Path, best.Path), cmp.Compare(v.Name, best.Name)) < 0 {
			best = v
		}
	}
	return best
}

// depends tells whether the factor of a polynomial's result may depend on a class.
func (s *scales) depends(v, root *ir.Value, seen map[*ir.Value]bool) bool {
	out := s.class(v)
	if out == root {
		return true
	}
	if seen[out] {
		return false
	}
	seen[out] = true
	for _, r := range s.of(out).reads {
		if s.depends(r, root, seen) {
			return true
		}
	}
	return false
}

// factor gives the factor of a value of the old function, and makes it if it is not there.
func (s *scales) factor(v *ir.Value) factor {
	if v.IsConstant() {
		return one
	}
	c := s.of(v)
	if c.factor == nil {
		var f factor
		if by := s.definer(s.class(v)); by != nil {
			f.size = s.root(by)
		}
		if s.signed(c) {
			f.sign = s.signOf(c.makes[0])
		}
		c.factor = &f
	}
	return *c.factor
}

// root gives sqrt(|s*a|*m) of a polynomial, m the size of its result's factor.
func (s *scales) root(v *ir.Value) *ir.Value {
	site := s.sites[v]
	if site.root == nil {
		b := s.B.At(v)
		size := b.Must("const.x2square", ir.Attrs{"scale": v.Float("scale")}, s.To[v.Args[1]])
		site.root = b.Must("const.sqrt", nil, s.product(v, size, s.factor(v).size))
	}
	return site.root
}

// signOf gives the sign of s*a of a polynomial.
func (s *scales) signOf(v *ir.Value) *ir.Value {
	site := s.sites[v]
	if site.sign == nil {
		site.sign = s.B.At(v).Must("const.x2sign", ir.Attrs{"scale": v.Float("scale")}, s.To[v.Args[1]])
	}
	return site.sign
}

// product multiplies a weight by single numbers; nil is 1.
func (s *scales) product(at, w *ir.Value, by ...*ir.Value) *ir.Value {
	for _, x := range by {
		switch {
		case w == nil:
			w = x
		case x != nil:
			w = s.B.At(at).Must("const.scalerows", nil, w, x)
		}
	}
	return w
}

// times multiplies a weight by a factor.
func (s *scales) times(at, w *ir.Value, f factor) *ir.Value { return s.product(at, w, f.size, f.sign) }

// over divides a weight by a factor.
func (s *scales) over(at, w *ir.Value, f factor) *ir.Value {
	if f.size != nil {
		f.size = s.B.At(at).Must("const.reciprocal", nil, f.size)
	}
	return s.times(at, w, f)
}
