package dataset

import (
	"image"
	"math"
)

// Scaling is Pillow's bilinear filter (Image.resize), which torchvision's Resize takes for images, antialiased as it always is there: a
// triangle around each new pixel's centre, as wide as the old pixels lie apart, or the new ones where the image shrinks, so that every old
// pixel counts. It goes by rows, then by columns, each rounded to 8 bits, with weights of 22 bits: the same pixels, bit for bit, that a
// network met which PyTorch trained.

// weightBits are the fraction bits of weights: products with pixels, and the sum of both bits of sign, fit 32.
const weightBits = 32 - 8 - 2

// mixture is how a pixel of a scaled row is made: of the old ones from first on, by these weights, which sum to 2^weightBits.
type mixture struct {
	first   int
	weights []int
}

// mixtures scale a row of n pixels to m.
func mixtures(n, m int) []mixture {
	out := make([]mixture, m)
	scale := float64(n) / float64(m)
	reach := max(scale, 1) // half the width of the triangle, in old pixels
	for i := range out {
		centre := float64((float64(i) + 0.5) * scale) // not fused with what follows, where a processor could
		first, end := max(int(centre-reach+0.5), 0), min(int(centre+reach+0.5), n)
		raw, sum := make([]float64, end-first), 0.0
		for k := range raw {
			raw[k] = max(1-math.Abs((float64(first+k)-centre+0.5)*(1/reach)), 0)
			sum += raw[k]
		}
		out[i] = mixture{first, make([]int, len(raw))}
		for k, w := range raw {
			out[i].weights[k] = int(0.5 + float64(w/sum*(1<<weightBits)))
		}
	}
	return out
}

// of mixes one channel of the pixels that lie step bytes apart, from the first on.
func (m mixture) of(pixels []uint8, step int) uint8 {
	sum := 1 << (weightBits - 1)
	for k, w := range m.weights {
		sum += w * int(pixels[k*step])
	}
	return uint8(min(sum>>weightBits, 255))
}

// scale gives an opaque image in another size.
func scale(img *image.RGBA, size image.Point) *image.RGBA {
	old := img.Bounds().Size()
	if old.X != size.X {
		wide := image.NewRGBA(image.Rect(0, 0, size.X, old.Y))
		for x, m := range mixtures(old.X, size.X) {
			for y := range old.Y {
				blend(wide.Pix[wide.PixOffset(x, y):], img.Pix[img.PixOffset(m.first, y):], m, 4)
			}
		}
		img = wide
	}
	if old.Y != size.Y {
		high := image.NewRGBA(image.Rectangle{Max: size})
		for y, m := range mixtures(old.Y, size.Y) {
			for x := range size.X {
				blend(high.Pix[high.PixOffset(x, y):], img.Pix[img.PixOffset(x, m.first):], m, img.Stride)
			}
		}
		img = high
	}
	return img
}

// blend writes the channels of one opaque pixel.
func blend(dst, src []uint8, m mixture, step int) {
	for c := range 3 {
		dst[c] = m.of(src[c:], step)
	}
	dst[3] = 255
}
