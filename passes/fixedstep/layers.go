package fixedstep

import (
	"errors"
	"fmt"
	"slices"

	"sotto/ir"
)

// linear is a convolution or fully connected layer: the bias joins the product before its one truncation.
func (s *step) linear(v *ir.Value) *ir.Value {
	x, w := s.To[v.Args[0]], s.To[v.Args[1]]
	y := s.b.Must("ring."+v.Op.Name[len("nn."):], v.Declared(), x, w)
	if len(v.Args) > 2 {
		y = s.add(y, s.spread(s.at(s.To[v.Args[2]], frac(y)), y.Type.Shape))
	}
	return s.trunc(y, frac(w))
}

var errGates = errors.New("a relu that elements go around: accepted are whole ones")

// relu is the product with its sign, which the backward pass reads by the relu's result.
func (s *step) relu(v *ir.Value) (*ir.Value, error) {
	if len(v.Ints("keep")) > 0 {
		return nil, errGates
	}
	x := s.To[v.Args[0]]
	s.signs[v] = s.sign(x)
	s.signs[v.Args[0]] = s.signs[v]
	return s.mux(s.signs[v], x), nil
}

// reluBack passes gradients where the relu's operand was not below zero. In float they stop at zero too.
func (s *step) reluBack(v *ir.Value) (*ir.Value, error) {
	d := s.signs[v.Args[0]]
	if d == nil || len(v.Ints("keep")) > 0 {
		return nil, errGates
	}
	return s.mux(d, s.To[v.Args[1]]), nil
}

// tournament is a max-pool as it was played: its shape, and the bits of its stages, 1 where the first of a pair is not smaller.
type tournament struct {
	pool  *ir.Value // in TRAIN
	attrs ir.Attrs
	won   []*ir.Value
}

func (t *tournament) stage(n int) ir.Attrs {
	attrs := ir.Attrs{"stage": n}
	for k, a := range t.attrs {
		attrs[k] = a
	}
	return attrs
}

func (s *step) maxpool(v *ir.Value) *ir.Value {
	y, t := s.greatest(s.To[v.Args[0]], v.Ints("kernel"), v.Ints("stride"), v.Ints("pad"))
	t.pool, s.pools = v, append(s.pools, t)
	return s.reshape(y, v.Type.Shape...)
}

// greatest gives the greatest element of every window of an image.
func (s *step) greatest(x *ir.Value, kernel, stride, pad []int) (*ir.Value, *tournament) {
	t := &tournament{attrs: ir.Attrs{"image": x.Type.Shape, "kernel": kernel, "stride": stride, "pad": pad}}
	live := s.b.Must("tour.start", t.attrs, x)
	g, err := live.Tournament()
	if err != nil {
		ir.Bugf("%v", err)
	}
	for n := range g.Stages() {
		left, right := s.b.Must("tour.left", t.stage(n), live), s.b.Must("tour.right", t.stage(n), live)
		d := s.sub(left, right)
		t.won = append(t.won, s.sign(d))
		live = s.b.Must("tour.next", t.stage(n), s.add(right, s.mux(t.won[n], d)), live)
	}
	return live, t
}

// maxpoolBack leads the gradients back by the bits of the tournament: no comparison, and two multiplications by bits a stage in all.
func (s *step) maxpoolBack(v *ir.Value) (*ir.Value, error) {
	t := s.played(v)
	if t == nil {
		return nil, fmt.Errorf("the gradient of a max-pool that is not there")
	}
	dy := s.To[v.Args[1]]
	live := s.reshape(dy, dy.Type.Len())
	for n, won := range slices.Backward(t.won) {
		of := s.b.Must("tour.winners", t.stage(n), live)
		left := s.mux(won, of)
		live = s.b.Must("tour.unpair", t.stage(n), left, s.sub(of, left), live)
	}
	return s.b.Must("tour.return", t.attrs, live), nil
}

// played finds the tournament whose gradient v is, the first of equals.
func (s *step) played(v *ir.Value) *tournament {
	i := slices.IndexFunc(s.pools, func(t *tournament) bool {
		return t.pool.Args[0] == v.Args[0] && slices.Equal(t.pool.Ints("kernel"), v.Ints("kernel")) && slices.Equal(t.pool.Ints("stride"), v.Ints("stride")) &&
			slices.Equal(t.pool.Ints("pad"), v.Ints("pad"))
	})
	if i < 0 {
		return nil
	}
	return s.pools[i]
}

func area(v *ir.Value) int { return v.Ints("kernel")[0] * v.Ints("kernel")[1] }

func (s *step) avgpool(v *ir.Value) *ir.Value {
	x := s.To[v.Args[0]]
	return s.over(s.b.Must("ring.sumpool", v.Declared(), x), area(v), frac(x))
}

func (s *step) avgpoolBack(v *ir.Value) *ir.Value {
	dy := s.To[v.Args[0]]
	return s.b.Must("ring.unpool", v.Declared(), s.over(dy, area(v), frac(dy)))
}

// norm is a batch normalisation as it was computed: c = x - mean, 1/sqrt(var + eps), and that times gamma. Of x nothing else is read, forward or
// backward, so that two parties open c once.
type norm struct {
	n                 int       // elements of a channel in the batch
	mean, c, variance *ir.Value // variance has the fraction bits of weights
	deviation, scale  *ir.Value // 1/sqrt(var + eps), gamma times it: of rootFrac bits
	of                *ir.Value // in TRAIN
}

// parts are gradients that lie in one tensor in TRAIN, one behind the other; of a normalisation also the sum of dy*c over the batch.
type parts struct {
	of []*ir.Value
	p  *ir.Value
}

// rootDomain are the powers of two that variances lie between. Those of a channel that is dead lie below, with eps alone: what comes out is at most what
// the guess there is and four steps of Newton's make of it, 0.84 * 2^6 * 1.5^4 < 2^9.
var rootDomain = domain{-12, 12}

// rootFrac are the fraction bits of inverse square roots: four more than activations have, as long as their squares, below 2^18, stay in the ring.
func (s *step) rootFrac() int { return min(s.frac+4, (most-18)/2) }

// most is the logarithm of what truncation takes.
const most = ring - 2

// guarded gives fraction bits beyond those of activations, as long as they are not more than with the usual ones: sums and quotients of moments are as
// large as they are, however fine activations.
func (s *step) guarded(bits int) int { return min(s.frac, usualFrac) + bits }

func (s *step) moments(v *ir.Value) *ir.Value {
	x := s.To[v.Args[0]]
	channels := x.Type.Shape[0]
	k := &norm{n: x.Type.All() / channels, of: v.Args[0]}
	k.mean = s.over(s.b.Must("ring.sums", ir.Attrs{"n": channels}, x), k.n, frac(x))
	k.c = s.sub(x, s.spread(k.mean, x.Type.Shape))
	squares := s.at(s.b.Must("ring.products", ir.Attrs{"n": channels}, k.c, k.c), s.guarded(4))
	k.variance = s.over(squares, k.n, s.fine())
	s.norms[v] = k
	return nil
}

func (s *step) batchnorm(v *ir.Value) *ir.Value {
	k := s.norms[v.Args[3]]
	gamma, beta := s.To[v.Args[1]], s.To[v.Args[2]]
	k.deviation = s.inverseRoot(s.plus(k.variance, v.Float("eps")), rootDomain, s.rootFrac())
	k.scale = s.trunc(s.mul(gamma, k.deviation), frac(gamma))
	y := s.mul(k.c, s.spread(k.scale, k.c.Type.Shape))
	y = s.add(y, s.spread(s.at(beta, frac(y)), y.Type.Shape))
	return s.at(y, s.frac)
}

func (s *step) batchnormSums(v *ir.Value) *ir.Value {
	k, dy := s.norms[v.Args[1]], s.To[v.Args[2]]
	channels := ir.Attrs{"n": dy.Type.Shape[0]}
	p := s.at(s.b.Must("ring.products", channels, k.c, dy), s.fine())
	s.parts[v] = &parts{[]*ir.Value{s.mul(p, k.deviation), s.b.Must("ring.sums", channels, dy)}, p}
	return nil
}

// part gives one of several gradients.
func (s *step) part(v *ir.Value) (*ir.Value, error) {
	first := 0
	for _, g := range s.parts[v.Args[0]].of {
		n := g.Type.Len()
		if slices.Equal(v.Ints("loops"), []int{first, n, 1}) {
			return g, nil
		}
		first += n
	}
	return nil, fmt.Errorf("loops that are none of the gradients that %s gives", v.Args[0].Op.Name)
}

// batchnormBack is scale*dy - scale*sum(dy)/n - c*(scale*deviation^2*p/n), with p = sum(dy*c): products with numbers of channels, of dy and c alone.
func (s *step) batchnormBack(v *ir.Value) *ir.Value {
	k, of, dy := s.norms[v.Args[2]], s.parts[v.Args[3]], s.To[v.Args[4]]
	shape := dy.Type.Shape
	first := s.sub(s.mul(dy, s.spread(k.scale, shape)), s.spread(s.mul(s.over(of.of[1], k.n, frac(dy)), k.scale), shape))
	mean := s.over(of.p, k.n, s.guarded(16)) // p/n is small
	square := s.trunc(s.mul(k.deviation, k.deviation), frac(k.deviation))
	factor := s.trunc(s.mul(mean, square), frac(square))
	factor = s.at(s.mul(factor, k.scale), frac(first)-frac(k.c))
	return s.at(s.sub(first, s.mul(k.c, s.spread(factor, shape))), frac(dy))
}

// kept is (1 - momentum)*old + momentum*factor*now.
func (s *step) kept(v, now *ir.Value, factor float64) *ir.Value {
	old, m := s.To[v.Args[0]], v.Float("momentum")
	sum := s.add(s.times(old, 1-m), s.times(s.at(now, frac(old)), m*factor))
	return s.trunc(sum, rateFrac)
}

func (s *step) runningMean(v *ir.Value) *ir.Value { return s.kept(v, s.norms[v.Args[1]].mean, 1) }

func (s *step) runningVar(v *ir.Value) *ir.Value {
	n := float64(v.Int("count"))
	return s.kept(v, s.norms[v.Args[1]].variance, n/(n-1))
}
