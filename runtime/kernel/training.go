package kernel

import (
	"cmp"
	"math"

	"sotto/runtime/ring"
)

// What training is made of beside products. Tensors of a batch lie one sample behind the other; functions overwrite their
// destination, which may be one of the sources if nothing else is said, and use both cores. Results are the same bits whatever the
// number of cores, and on all machines: sums are of float64, in an order that only the shape decides.

// Bounds is what results are brought into: a ReLU that follows.
type Bounds struct{ Lo, Hi float32 }

// Unbounded leaves results as they are; Positive is what ReLU gives.
var (
	Unbounded = Bounds{noBound, -noBound}
	Positive  = Bounds{0, -noBound}
)

// gate is where a gradient passes: where Lo < x <= Hi.
func (b Bounds) gate() (lo, hi float32) {
	if math.IsInf(float64(b.Hi), 1) {
		return b.Lo, b.Hi
	}
	return b.Lo, math.Nextafter32(b.Hi, noBound)
}

// elements is the elements of a share of a pass over memory, at least.
const elements = 1 << 14

// pass checks that sources have the length of dst and calls f for ranges of elements.
func pass(op string, dst []float32, f func(lo, hi int), sources ...[]float32) error {
	for _, s := range sources {
		if err := sized(op, "a source", len(s), len(dst)); err != nil {
			return err
		}
	}
	ring.Parallel(len(dst), elements, f)
	return nil
}

// Clip sets dst to x brought into bounds: ReLU, or ReLU6.
func Clip(b Bounds, dst, x []float32) error {
	return pass("clip", dst, func(lo, hi int) { flow.affine(dst[lo:hi], x[lo:hi], 0, 1, 0, b.Lo, b.Hi) }, x)
}

// ClipBack sets dst to dy where x lies inside the bounds, and to zero elsewhere. x is Clip's source or its result.
func ClipBack(b Bounds, dst, x, dy []float32) error {
	least, most := b.gate()
	return pass("clip", dst, func(lo, hi int) { flow.gate(dst[lo:hi], x[lo:hi], dy[lo:hi], least, most) }, x, dy)
}

// Plus sets dst to x + y, brought into bounds.
func Plus(b Bounds, dst, x, y []float32) error {
	return pass("plus", dst, func(lo, hi int) { flow.affineAdd(dst[lo:hi], x[lo:hi], y[lo:hi], 0, 1, 0, b.Lo, b.Hi) }, x, y)
}

// Times sets dst to factor*x + shift.
func Times(dst, x []float32, factor, shift float32) error {
	return pass("times", dst, func(lo, hi int) { flow.affine(dst[lo:hi], x[lo:hi], 0, factor, shift, noBound, -noBound) }, x)
}

// PlusTimes sets dst to add + factor*x.
func PlusTimes(dst, add, x []float32, factor float32) error {
	return pass("times", dst, func(lo, hi int) {
		flow.affineAdd(dst[lo:hi], x[lo:hi], add[lo:hi], 0, factor, 0, noBound, -noBound)
	}, x, add)
}

// Polynomial sets dst to (a*x + b)*x + c.
func Polynomial(dst, x []float32, a, b, c float32) error {
	return pass("polynomial", dst, func(lo, hi int) { flow.square(dst[lo:hi], x[lo:hi], a, b, c) }, x)
}

// PolynomialBack sets dst to (a*x + b)*dy.
func PolynomialBack(dst, x, dy []float32, a, b float32) error {
	return pass("polynomial", dst, func(lo, hi int) { flow.slope(dst[lo:hi], x[lo:hi], dy[lo:hi], a, b) }, x, dy)
}

// Channels is tensors of a batch whose samples have some channels of some elements each: an image's pixels, or 1.
type Channels struct{ Samples, Channels, Each int }

// Check reports numbers that make no tensor.
func (c Channels) Check() error {
	return cmp.Or(checkDims("channels", dim{"samples", c.Samples, 1, maxDim}, dim{"channels", c.Channels, 1, maxDim}, dim{"elements", c.Each, 1, maxDim}),
		checkProduct("channels", "elements", c.Samples, c.Channels, c.Each))
}

// Len is the elements of all samples.
func (c Channels) Len() int { return c.Samples * c.Channels * c.Each }

// fits checks c and that the tensors have its elements.
func (c Channels) fits(op string, tensors ...[]float32) error {
	if err := c.Check(); err != nil {
		return err
	}
	for _, t := range tensors {
		if err := sized(op, "a tensor", len(t), c.Len()); err != nil {
			return err
		}
	}
	return nil
}

// numbers checks what has one number a channel, or several.
func (c Channels) numbers(op string, each int, of ...[]float32) error {
	for _, v := range of {
		if err := sized(op, "numbers of channels", len(v), each*c.Channels); err != nil {
			return err
		}
	}
	return nil
}

// of is where a channel of a sample lies.
func (c Channels) of(t []float32, sample, channel int) []float32 {
	return t[(sample*c.Channels+channel)*c.Each:][:c.Each]
}

// planes calls f for each channel of each sample.
func (c Channels) planes(f func(sample, channel int)) {
	ring.Parallel(c.Samples*c.Channels, elements/c.Each+1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			f(i/c.Channels, i%c.Channels)
		}
	})
}

// Planes calls f for each channel of each sample, in both tensors.
func (c Channels) Planes(dst, x []float32, f func(dst, x []float32, channel int) error) error {
	if err := c.fits("planes", dst, x); err != nil {
		return err
	}
	errs := make([]error, c.Samples)
	ring.Parallel(c.Samples, elements/(c.Channels*c.Each)+1, func(lo, hi int) {
		for i := lo * c.Channels; i < hi*c.Channels; i++ {
			s, ch := i/c.Channels, i%c.Channels
			errs[s] = cmp.Or(errs[s], f(c.of(dst, s, ch), c.of(x, s, ch), ch))
		}
	})
	return cmp.Or(errs...)
}

// sumParts is into how many parts samples are cut where channels are too few for all cores.
const sumParts = 16

// sums gives, for each channel, sums over all samples, which f adds to lanes for one sample's.
func (c Channels) sums(count int, f func(lanes []float64, sample, channel int)) []float64 {
	parts := 1
	if c.Channels < sumParts {
		parts = min(sumParts, c.Samples)
	}
	all := make([]float64, parts*c.Channels*count)
	ring.Parallel(parts*c.Channels, elements*parts/(c.Samples*c.Each)+1, func(lo, hi int) {
		lanes := make([]float64, count*sumLanes)
		for i := lo; i < hi; i++ {
			clear(lanes)
			part, channel := i/c.Channels, i%c.Channels
			for s := part * c.Samples / parts; s < (part+1)*c.Samples/parts; s++ {
				f(lanes, s, channel)
			}
			for k := range count {
				all[i*count+k] = total(lanes[k*sumLanes:])
			}
		}
	})
	for i := c.Channels * count; i < len(all); i++ {
		all[i%(c.Channels*count)] += all[i]
	}
	return all[:c.Channels*count]
}

// products gives for each channel the sum of dy and that of x*dy.
func (c Channels) products(x, dy []float32) []float64 {
	return c.sums(2, func(lanes []float64, s, ch int) {
		flow.products((*[2 * sumLanes]float64)(lanes), c.of(x, s, ch), c.of(dy, s, ch))
	})
}

// Sums sets dst to the sum of each channel of x over all samples: Channels elements.
func Sums(c Channels, dst, x []float32) error { return sumsOf(c, dst, x, x, 0) }

// Products sets dst to the sum of each channel of x*dy over all samples.
func Products(c Channels, dst, x, dy []float32) error { return sumsOf(c, dst, x, dy, 1) }

// sumsOf takes the which-th sum of products.
func sumsOf(c Channels, dst, x, dy []float32, which int) error {
	if err := cmp.Or(c.fits("sums", x, dy), c.numbers("sums", 1, dst)); err != nil {
		return err
	}
	all := c.products(x, dy)
	for i := range dst {
		dst[i] = float32(all[2*i+which])
	}
	return nil
}

// Dot is the sum of x*dy over all channels and samples. Both have c's elements.
func Dot(c Channels, x, dy []float32) float64 {
	sum := 0.0
	for all := c.products(x, dy); len(all) > 0; all = all[2:] {
		sum += all[1]
	}
	return sum
}

// Powers sets dst to the sums of x*x*dy, x*dy and dy over all channels and samples.
func Powers(c Channels, dst *[3]float32, x, dy []float32) error {
	if err := c.fits("powers", x, dy); err != nil {
		return err
	}
	all := c.sums(3, func(lanes []float64, s, ch int) {
		flow.powers((*[3 * sumLanes]float64)(lanes), c.of(x, s, ch), c.of(dy, s, ch))
	})
	var sums [3]float64
	for i, v := range all {
		sums[i%3] += v
	}
	*dst = [3]float32{float32(sums[2]), float32(sums[1]), float32(sums[0])}
	return nil
}

// Moments sets dst to the means of all channels, then their biased variances: 2*Channels elements.
func Moments(c Channels, dst, x []float32) error {
	if err := cmp.Or(c.fits("moments", x), c.numbers("moments", 2, dst)); err != nil {
		return err
	}
	n := float64(c.Samples * c.Each)
	for i, all := 0, c.products(x, x); i < c.Channels; i++ {
		mean := all[2*i] / n
		dst[i], dst[c.Channels+i] = float32(mean), float32(max(0, all[2*i+1]/n-mean*mean))
	}
	return nil
}

// Norm is a batch normalisation by given means and variances: y = (x-mean)/sqrt(variance+eps)*gamma + beta.
type Norm struct {
	Channels
	Gamma, Beta, Mean, Variance []float32
	Eps                         float64
}

// scale is gamma / sqrt(variance + eps) of a channel.
func (n Norm) scale(channel int) float64 {
	return float64(n.Gamma[channel]) * n.inverse(channel)
}

// inverse is 1 / sqrt(variance + eps) of a channel.
func (n Norm) inverse(channel int) float64 { return 1 / math.Sqrt(float64(n.Variance[channel])+n.Eps) }

// Apply sets dst to the normalised x, plus add unless that is nil, brought into bounds.
func (n Norm) Apply(b Bounds, dst, x, add []float32) error {
	err := cmp.Or(n.fits("norm", dst, x), n.numbers("norm", 1, n.Gamma, n.Beta, n.Mean, n.Variance))
	if add != nil {
		err = cmp.Or(err, n.fits("norm", add))
	}
	if err != nil {
		return err
	}
	n.planes(func(s, c int) {
		a := float32(n.scale(c))
		if add == nil {
			flow.affine(n.of(dst, s, c), n.of(x, s, c), n.Mean[c], a, n.Beta[c], b.Lo, b.Hi)
		} else {
			flow.affineAdd(n.of(dst, s, c), n.of(x, s, c), n.of(add, s, c), n.Mean[c], a, n.Beta[c], b.Lo, b.Hi)
		}
	})
	return nil
}

// Sums sets dst to the gradients by gamma, then by beta, for the gradient dy of the result: 2*Channels elements. Beta and Gamma are not read.
func (n Norm) Sums(dst, x, dy []float32) error {
	err := cmp.Or(n.fits("norm sums", x, dy), n.numbers("norm sums", 1, n.Mean, n.Variance), n.numbers("norm sums", 2, dst))
	if err != nil {
		return err
	}
	for c, all := 0, n.products(x, dy); c < n.Channels.Channels; c++ {
		beta, gamma := all[2*c], (all[2*c+1]-float64(n.Mean[c])*all[2*c])*n.inverse(c)
		dst[c], dst[n.Channels.Channels+c] = float32(gamma), float32(beta)
	}
	return nil
}

// Back sets dst to the gradient by x where mean and variance are x's own, for what Sums gave. Beta is not read.
func (n Norm) Back(dst, x, sums, dy []float32) error {
	err := cmp.Or(n.fits("norm gradient", dst, x, dy), n.numbers("norm gradient", 1, n.Gamma, n.Mean, n.Variance),
		n.numbers("norm gradient", 2, sums))
	if err != nil {
		return err
	}
	count := float64(n.Samples * n.Each)
	n.planes(func(s, c int) {
		a := n.scale(c)
		slope := -a * n.inverse(c) * float64(sums[c]) / count
		shift := -a * float64(sums[n.Channels.Channels+c]) / count
		flow.normal(n.of(dst, s, c), n.of(x, s, c), n.of(dy, s, c), float32(a), n.Mean[c], float32(slope), float32(shift))
	})
	return nil
}

// EachChannel sets dst to x times a channel's factor plus its shift; nil stands for ones, and for zeros.
func EachChannel(c Channels, dst, x, factor, shift []float32) error {
	err := c.fits("channels", dst, x)
	for _, v := range [][]float32{factor, shift} {
		if v != nil {
			err = cmp.Or(err, c.numbers("channels", 1, v))
		}
	}
	if err != nil {
		return err
	}
	c.planes(func(s, ch int) {
		a, b := float32(1), float32(0)
		if factor != nil {
			a = factor[ch]
		}
		if shift != nil {
			b = shift[ch]
		}
		flow.affine(c.of(dst, s, ch), c.of(x, s, ch), 0, a, b, noBound, -noBound)
	})
	return nil
}

// MaxPoolBack sets dst to dy of each window at the place of its greatest element, the first of equals. Pool's C counts the channels of all samples. dst may be
// no source.
func MaxPoolBack(p Pool, dst, x, dy []float32) error {
	if err := cmp.Or(p.fits("maxpool", len(dy), len(x)), sized("maxpool", "dst", len(dst), len(x))); err != nil {
		return err
	}
	return p.back("maxpool", dst, func(o, at, rows, cols int) {
		best := at
		for r := range rows {
			for i := at + r*p.W; i < at+r*p.W+cols; i++ {
				if x[i] > x[best] {
					best = i
				}
			}
		}
		dst[best] += dy[o]
	})
}

// AvgPoolBack sets dst to dy of each window spread over its elements, of which those of the padding count. dst may be no source.
func AvgPoolBack(p Pool, dst, dy []float32) error {
	if err := p.fits("avgpool", len(dy), len(dst)); err != nil {
		return err
	}
	share := 1 / float32(p.KH*p.KW)
	return p.back("avgpool", dst, func(o, at, rows, cols int) {
		d := dy[o] * share
		for r := range rows {
			for i := range dst[at+r*p.W:][:cols] {
				dst[at+r*p.W+i] += d
			}
		}
	})
}

// back clears dst and calls f for every window; those of a channel follow one another.
func (p Pool) back(op string, dst []float32, f func(o, at, rows, cols int)) error {
	clear(dst)
	return p.each(op, p.C*p.OutH()*p.OutW(), len(dst), f)
}

// Norm2 is the length of all tensors as one vector.
func Norm2(of ...[]float32) float64 {
	sum := 0.0
	for _, t := range of {
		sum += Channels{1, 1, len(t)}.products(t, t)[1]
	}
	return math.Sqrt(sum)
}
