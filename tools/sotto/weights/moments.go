package weights

import (
	"math"

	"sotto/ir"
)

// moments are mean and variance of a tensor's elements over inputs and positions, a channel (of [C,H,W]) or element (of
// [N]) at a time. Elements are taken as normal, and as independent where they meet in a sum: with weights drawn
// independently of each other the cross terms vanish in the mean over the weights.
type moments struct {
	mean, variance []float64
	// before are the moments in front of the op that gave this tensor, by is what it makes of them, if max pooling commutes with that, as with
	// ReLU: the normal before it is the better approximation.
	before *moments
	by     activation
}

// activation gives the moments of a function of each element, by those of the elements.
type activation func(mean, variance float64) (float64, float64)

func newMoments(n int) *moments {
	return &moments{mean: make([]float64, n), variance: make([]float64, n)}
}

// each applies a function of mean and variance to every channel.
func (m *moments) each(f activation) *moments {
	out := newMoments(len(m.mean))
	for i := range m.mean {
		out.mean[i], out.variance[i] = f(m.mean[i], m.variance[i])
	}
	return out
}

// propagation walks a network in order, assigns its weights and computes the moments of its values.
type propagation struct {
	*recipe
	f      *ir.Func
	of     map[*ir.Value]*moments
	branch map[*ir.Value]bool // batch normalisations that end a residual branch
}

func newPropagation(h *recipe, f *ir.Func) *propagation {
	return &propagation{h, f, map[*ir.Value]*moments{}, branchEnds(f)}
}

// branchEnds finds the batch normalisations that end a residual branch: of the batch normalisations that an addition
// reads, the one behind the longest chain of layers.
func branchEnds(f *ir.Func) map[*ir.Value]bool {
	depth, ends := map[*ir.Value]int{}, map[*ir.Value]bool{}
	f.Walk(func(v *ir.Value) {
		for _, a := range v.Args {
			depth[v] = max(depth[v], depth[a]+1)
		}
		for _, o := range v.Options {
			depth[v] = max(depth[v], depth[o.Result])
		}
		if !v.Is("nn.add") {
			return
		}
		var end *ir.Value
		for _, a := range v.Args {
			if a.Is("nn.batchnorm") && (end == nil || depth[a] > depth[end]) {
				end = a
			}
		}
		if end != nil {
			ends[end] = true
		}
	})
	return ends
}

func (p *propagation) run() {
	for _, in := range p.f.Params {
		p.of[in] = p.input(in)
	}
	p.body(p.f.Body)
}

// input is uniform in [0,1) before its normalisation.
func (p *propagation) input(in *ir.Value) *moments {
	mean, std := in.Floats("mean"), in.Floats("std")
	m := newMoments(in.Type.Shape[0])
	for c := range m.mean {
		m.mean[c], m.variance[c] = 0.5, 1./12
		if c < len(mean) {
			m.mean[c] -= mean[c]
		}
		if c < len(std) {
			m.mean[c] /= std[c]
			m.variance[c] /= std[c] * std[c]
		}
	}
	return m
}

func (p *propagation) body(values []*ir.Value) {
	for _, v := range values {
		switch {
		case v.Op.Constant:
		case v.Is("choice"):
			p.choice(v)
		default:
			p.of[v] = p.value(v)
		}
	}
}

// choice assigns the weights of every option and goes on with the one decided.
func (p *propagation) choice(v *ir.Value) {
	for _, o := range v.Options {
		p.body(o.Body)
		if o.Label == p.choices[v.Str("site")] {
			p.of[v] = p.of[o.Result]
		}
	}
}

// plain reports whether a layer reads activations and weights as the frontend writes them. Weights that were folded
// already stay unassigned, which HeInitialised reports.
func (p *propagation) plain(v *ir.Value) bool {
	for _, a := range v.Args {
		if p.of[a] == nil && !a.Is("param") {
			return false
		}
	}
	return len(v.Args) > 0 && (p.of[v.Args[0]] != nil || v.Is("nn.mix"))
}

// value gives the moments of one layer's result.
func (p *propagation) value(v *ir.Value) *moments {
	if !p.plain(v) {
		return newMoments(v.Type.Shape[0])
	}
	x := p.of[v.Args[0]]
	if f := activationOf(v); f != nil {
		out := x.each(f)
		if v.Op.KeepsOrder {
			out.before, out.by = x, f
		}
		return out
	}
	switch v.Op.Name {
	case "nn.conv2d":
		return p.conv(v, x)
	case "nn.linear":
		return p.dense(v, x)
	case "nn.batchnorm":
		return p.batchnorm(v, x)
	case "nn.scale":
		return p.affine(v, x, 1)
	case "nn.shift":
		return p.affine(v, x, 0)
	case "nn.x2act":
		return p.x2act(v, x)
	case "nn.maxpool":
		return maxpool(v, x)
	case "nn.avgpool":
		return avgpool(v, x)
	case "nn.add":
		return sum(x, p.of[v.Args[1]])
	case "nn.concat":
		return p.concat(v)
	case "nn.mix":
		return p.mix(v)
	case "nn.pad":
		inside := float64(v.Args[0].Type.Len()) / float64(v.Type.Len())
		return x.each(func(m, s float64) (float64, float64) { return partly(m, s, inside) })
	case "nn.argmax", "nn.softmax":
		return newMoments(v.Type.Shape[0])
	}
	if v.Type.Shape[0] == len(x.mean) { // dropout, most movements
		return x
	}
	return reshaped(v, x)
}

// affine is a factor or summand a channel, which starts as the identity.
func (p *propagation) affine(v *ir.Value, x *moments, start float64) *moments {
	p.constant(v.Args[1], start)
	return x
}

func (p *propagation) batchnorm(v *ir.Value, x *moments) *moments {
	gamma := 1.0
	if p.branch[v] {
		gamma = gammaOfBranch
	}
	p.constant(v.Args[1], gamma)
	p.constant(v.Args[2], 0)
	p.assign(v.Args[3], tensor{values: x.mean})
	p.assign(v.Args[4], tensor{values: x.variance})
	g, beta, mean, variance := p.made(v.Args[1]), p.made(v.Args[2]), p.made(v.Args[3]), p.made(v.Args[4])
	out := newMoments(len(x.mean))
	for c := range out.mean {
		s := float64(ir.BatchnormScale(g[c], variance[c], v.Float("eps")))
		out.mean[c] = (x.mean[c]-float64(mean[c]))*s + float64(beta[c])
		out.variance[c] = x.variance[c] * s * s
	}
	return out
}

func (p *propagation) x2act(v *ir.Value, x *moments) *moments {
	p.constant(v.Args[1], x2actSquare)
	p.constant(v.Args[2], x2actLinear)
	p.constant(v.Args[3], 0)
	a, b, c := float64(p.made(v.Args[1])[0])*v.Float("scale"), float64(p.made(v.Args[2])[0]), float64(p.made(v.Args[3])[0])
	return x.each(func(m, s float64) (float64, float64) { return quadratic(a, b, c, m, s) })
}

// conv sums over taps and channels. At the border some taps meet padding; each counts with the fraction of positions at
// which it is inside.
func (p *propagation) conv(v *ir.Value, x *moments) *moments {
	p.linear(v)
	shape, out := v.Args[1].Type.Shape, newMoments(v.Type.Shape[0])
	inside := tapsInside(v, shape[2], shape[3])
	perGroup := shape[0] / v.Int("groups")
	w := p.made(v.Args[1])
	for o := range out.mean {
		for i := range shape[1] {
			c := o/perGroup*shape[1] + i
			for t, f := range inside {
				tap := float64(w[(o*shape[1]+i)*len(inside)+t])
				m, s := partly(x.mean[c], x.variance[c], f)
				out.mean[o] += tap * m
				out.variance[o] += tap * tap * s
			}
		}
	}
	return p.biased(v, out)
}

func (p *propagation) dense(v *ir.Value, x *moments) *moments {
	p.linear(v)
	out, n := newMoments(v.Type.Shape[0]), v.Args[1].Type.Shape[1]
	w := p.made(v.Args[1])
	for o := range out.mean {
		for i, t := range w[o*n : (o+1)*n] {
			out.mean[o] += float64(t) * x.mean[i]
			out.variance[o] += float64(t) * float64(t) * x.variance[i]
		}
	}
	return p.biased(v, out)
}

func (p *propagation) biased(v *ir.Value, out *moments) *moments {
	if len(v.Args) > 2 {
		for o, b := range p.made(v.Args[2]) {
			out.mean[o] += float64(b)
		}
	}
	return out
}

func (p *propagation) concat(v *ir.Value) *moments {
	out := &moments{}
	for _, a := range v.Args {
		out.mean = append(out.mean, p.of[a].mean...)
		out.variance = append(out.variance, p.of[a].variance...)
	}
	return out
}

// mix is the mean of its options: logits start equal.
func (p *propagation) mix(v *ir.Value) *moments {
	p.constant(v.Args[0], 0)
	out := p.of[v.Args[1]]
	for _, a := range v.Args[2:] {
		out = sum(out, p.of[a])
	}
	n := float64(len(v.Args) - 1)
	return out.each(func(m, s float64) (float64, float64) { return m / n, s / (n * n) })
}

func sum(a, b *moments) *moments {
	out := newMoments(len(a.mean))
	for i := range out.mean {
		out.mean[i], out.variance[i] = a.mean[i]+b.mean[i], a.variance[i]+b.variance[i]
	}
	return out
}

// reshaped keeps the moments a channel where the new shape is a list of the channels' elements, and otherwise counts
// every element as the average one.
func reshaped(v *ir.Value, x *moments) *moments {
	n := v.Type.Shape[0]
	out := newMoments(n)
	if n%len(x.mean) == 0 {
		per := n / len(x.mean)
		for i := range n {
			out.mean[i], out.variance[i] = x.mean[i/per], x.variance[i/per]
		}
		return out
	}
	for i := range n {
		out.mean[i], out.variance[i] = average(x.mean), average(x.variance)
	}
	return out
}

func average(xs []float64) float64 {
	var total float64
	for _, x := range xs {
		total += x
	}
	return total / float64(len(xs))
}

// partly is a variable that is replaced by zero in all but a fraction f of places.
func partly(mean, variance, f float64) (float64, float64) {
	return f * mean, f*variance + f*(1-f)*mean*mean
}

// tapsInside gives, for each tap of a window, the fraction of output positions at which it lies inside the image.
func tapsInside(v *ir.Value, kh, kw int) []float64 {
	in, out, stride, pad := v.Args[0].Type.Shape, v.Type.Shape, v.Ints("stride"), v.Ints("pad")
	dilation := []int{1, 1}
	if _, dilated := ir.FindAttr(v.Op.Attrs, "dilation"); dilated {
		dilation = v.Ints("dilation")
	}
	rows := axisInside(kh, in[1], out[1], stride[0], pad[0], dilation[0])
	cols := axisInside(kw, in[2], out[2], stride[1], pad[1], dilation[1])
	taps := make([]float64, 0, kh*kw)
	for _, r := range rows {
		for _, c := range cols {
			taps = append(taps, r*c)
		}
	}
	return taps
}

func axisInside(kernel, in, out, stride, pad, dilation int) []float64 {
	f := make([]float64, kernel)
	for k := range f {
		for i := range out {
			if at := i*stride + k*dilation - pad; at >= 0 && at < in {
				f[k] += 1 / float64(out)
			}
		}
	}
	return f
}

// neighbours is the correlation assumed between elements of one pooling window: between that of noise, none, and that of
// smooth images.
const neighbours = 0.25

// avgpool averages n elements of correlation neighbours: Var = s * (1/n + neighbours * (1 - 1/n)), and zeros of the padding.
func avgpool(v *ir.Value, x *moments) *moments {
	k := v.Ints("kernel")
	n, inside := float64(k[0]*k[1]), average(tapsInside(v, k[0], k[1]))
	return x.each(func(m, s float64) (float64, float64) {
		return inside * m, inside * s * (1/n + neighbours*(1-1/n))
	})
}

// maxpool takes the greatest of as many independent normals as a window holds on average.
func maxpool(v *ir.Value, x *moments) *moments {
	k := v.Ints("kernel")
	mean, variance := greatestNormal(float64(k[0]*k[1]) * average(tapsInside(v, k[0], k[1])))
	greatest := func(m, s float64) (float64, float64) { return m + math.Sqrt(s)*mean, s * variance }
	if x.before != nil {
		return x.before.each(greatest).each(x.by)
	}
	return x.each(greatest)
}

// greatestNormal gives mean and variance of the greatest of n standard normals, by integrating over its density
// n * phi(x) * Phi(x)^(n-1).
func greatestNormal(n float64) (mean, variance float64) {
	const reach, step = 8, 1. / 64
	var second float64
	for x := -reach * 1.0; x <= reach; x += step {
		p := n * density(x) * math.Pow(below(x), n-1) * step
		mean += x * p
		second += x * x * p
	}
	return mean, second - mean*mean
}

// density and below are the standard normal's density and distribution function.
func density(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }
func below(x float64) float64   { return math.Erfc(-x/math.Sqrt2) / 2 }

// rectified gives the moments of max(x, 0): with t = m/sd, E = m*Phi(t) + sd*phi(t), E2 = (m^2+s)*Phi(t) + m*sd*phi(t).
func rectified(m, s float64) (float64, float64) {
	if s <= 0 {
		return max(m, 0), 0
	}
	sd := math.Sqrt(s)
	mean := m*below(m/sd) + sd*density(m/sd)
	second := (m*m+s)*below(m/sd) + m*sd*density(m/sd)
	return mean, max(second-mean*mean, 0)
}

// clipped gives the moments of min(max(x, 0), 6) = max(x, 0) - max(x-6, 0). The two terms' product is (x-6)^2 + 6(x-6)
// where x > 6, and zero elsewhere.
func clipped(m, s float64) (float64, float64) {
	low, lowVar := rectified(m, s)
	high, highVar := rectified(m-6, s)
	cross := highVar + high*high + 6*high
	return low - high, max(lowVar+highVar-2*(cross-low*high), 0)
}

// quadratic gives the moments of a*x^2 + b*x + c for a normal x.
func quadratic(a, b, c, m, s float64) (float64, float64) {
	slope := 2*a*m + b
	return a*(m*m+s) + b*m + c, 2*a*a*s*s + slope*slope*s
}
