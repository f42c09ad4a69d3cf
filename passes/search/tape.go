package search

import "math"

// tape differentiates backwards through what was computed on it: a controller's few thousand numbers need no more.
type tape struct{ back []func() }

// vector is numbers with the gradient of the loss by them, which backward adds up.
type vector struct{ v, d []float64 }

func newVector(n int) vector { return vector{make([]float64, n), make([]float64, n)} }

// rows is rows [from, to) of a matrix that has so many columns.
func (x vector) rows(from, to, columns int) vector {
	return vector{x.v[from*columns : to*columns], x.d[from*columns : to*columns]}
}

// backward takes the gradients of results to those of what they were computed from.
func (t *tape) backward() {
	for i := len(t.back) - 1; i >= 0; i-- {
		t.back[i]()
	}
	t.back = t.back[:0]
}

// times is the matrix w, row by row, times x.
func (t *tape) times(w, x vector) vector {
	n := len(x.v)
	y := newVector(len(w.v) / n)
	for i := range y.v {
		y.v[i] = dot(w.v[i*n:(i+1)*n], x.v)
	}
	t.back = append(t.back, func() {
		for i, d := range y.d {
			for j := range n {
				w.d[i*n+j] += d * x.v[j]
				x.d[j] += d * w.v[i*n+j]
			}
		}
	})
	return y
}

// sum is the sum of vectors times factors.
func (t *tape) sum(factor float64, xs ...vector) vector {
	y := newVector(len(xs[0].v))
	for _, x := range xs {
		for i, v := range x.v {
			y.v[i] += factor * v
		}
	}
	t.back = append(t.back, func() {
		for _, x := range xs {
			for i, d := range y.d {
				x.d[i] += factor * d
			}
		}
	})
	return y
}

// product is element by element.
func (t *tape) product(a, b vector) vector {
	y := newVector(len(a.v))
	for i := range y.v {
		y.v[i] = a.v[i] * b.v[i]
	}
	t.back = append(t.back, func() {
		for i, d := range y.d {
			a.d[i] += d * b.v[i]
			b.d[i] += d * a.v[i]
		}
	})
	return y
}

// apply is a function of each element, with its derivative by its value.
func (t *tape) apply(x vector, f, derivative func(float64) float64) vector {
	y := newVector(len(x.v))
	for i, v := range x.v {
		y.v[i] = f(v)
	}
	t.back = append(t.back, func() {
		for i, d := range y.d {
			x.d[i] += d * derivative(y.v[i])
		}
	})
	return y
}

func (t *tape) tanh(x vector) vector {
	return t.apply(x, math.Tanh, func(y float64) float64 { return 1 - y*y })
}

func (t *tape) sigmoid(x vector) vector {
	return t.apply(x, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, func(y float64) float64 { return y * (1 - y) })
}

// surprise is -log of the probability that softmax gives one of the logits.
func (t *tape) surprise(logits vector, option int) vector {
	p, y := make([]float64, len(logits.v)), newVector(1)
	softmax(p, logits.v)
	y.v[0] = -math.Log(p[option])
	t.back = append(t.back, func() {
		for i, q := range p {
			logits.d[i] += y.d[0] * q
		}
		logits.d[option] -= y.d[0]
	})
	return y
}

// join is one vector after the other.
func (t *tape) join(a, b vector) vector {
	n := len(a.v)
	y := newVector(n + len(b.v))
	copy(y.v, a.v)
	copy(y.v[n:], b.v)
	t.back = append(t.back, func() {
		for i, d := range y.d[:n] {
			a.d[i] += d
		}
		for i, d := range y.d[n:] {
			b.d[i] += d
		}
	})
	return y
}

// divergence is that of Kullback and Leibler of the probability p that softmax gives the second of two logits from a rate: of the bit,
// p log(p/rate) + (1-p) log((1-p)/(1-rate)).
func (t *tape) divergence(logits vector, rate float64) vector {
	p, y := make([]float64, 2), newVector(1)
	softmax(p, logits.v)
	y.v[0] = p[1]*math.Log(p[1]/rate) + p[0]*math.Log(p[0]/(1-rate))
	slope := p[0] * p[1] * (math.Log(p[1]/rate) - math.Log(p[0]/(1-rate)))
	t.back = append(t.back, func() {
		logits.d[1] += y.d[0] * slope
		logits.d[0] -= y.d[0] * slope
	})
	return y
}
