package kernel

import (
	"fmt"
	"testing"
)

// layer gives a square convolution without groups: channels in and out, pixels of a side, kernel and stride, padded to keep
// the size.
func layer(in, out, side, kernel, stride int) Conv {
	return Conv{InC: in, InH: side, InW: side, OutC: out, KH: kernel, KW: kernel, StrideH: stride, StrideW: stride,
		PadH: kernel / 2, PadW: kernel / 2, DilH: 1, DilW: 1, Groups: 1}
}

// resnet50 is every layer shape of ResNet-50 at 224x224, and the 3x3 of ResNet-18 that it lacks.
var resnet50 = []Conv{
	layer(3, 64, 224, 7, 2),
	layer(64, 64, 56, 1, 1), layer(64, 64, 56, 3, 1), layer(64, 256, 56, 1, 1), layer(256, 64, 56, 1, 1),
	layer(256, 128, 56, 1, 1), layer(128, 128, 56, 3, 2), layer(128, 512, 28, 1, 1), layer(256, 512, 56, 1, 2),
	layer(512, 128, 28, 1, 1), layer(128, 128, 28, 3, 1),
	layer(512, 256, 28, 1, 1), layer(256, 256, 28, 3, 2), layer(256, 1024, 14, 1, 1), layer(512, 1024, 28, 1, 2),
	layer(1024, 256, 14, 1, 1), layer(256, 256, 14, 3, 1),
	layer(1024, 512, 14, 1, 1), layer(512, 512, 14, 3, 2), layer(512, 2048, 7, 1, 1), layer(1024, 2048, 14, 1, 2),
	layer(2048, 512, 7, 1, 1), layer(512, 512, 7, 3, 1),
	matrix(1000, 2048),
}

// depthwises are layers of MobileNetV2.
var depthwises = []Conv{grouped(layer(96, 96, 112, 3, 2), 96), grouped(layer(144, 144, 56, 3, 1), 144), grouped(layer(960, 960, 7, 3, 1), 960)}

func grouped(c Conv, groups int) Conv {
	c.Groups = groups
	return c
}

// benchConv reports multiply-adds a second of the fastest kernels, on one core with -cpu 1.
func benchConv[T Number](b *testing.B) {
	for _, c := range append(resnet50, depthwises...) {
		b.Run(fmt.Sprintf("%dx%d_s%d_%d-%d_%d_g%d", c.KH, c.KW, c.StrideH, c.InC, c.OutC, c.InH, c.Groups), func(b *testing.B) {
			x, add, dst := fill[T](1, c.InLen()), fill[T](2, c.OutLen()), make([]T, c.OutLen())
			p, err := PackConv(c, fill[T](3, c.WeightLen()), fill[T](4, c.OutC))
			if err != nil {
				b.Fatal(err)
			}
			scratch := make([]T, p.Scratch())
			for b.Loop() {
				if err := p.Apply(dst, x, add, scratch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(c.MACs())*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
		})
	}
}

func BenchmarkConvU32(b *testing.B) { benchConv[uint32](b) }
func BenchmarkConvU64(b *testing.B) { benchConv[uint64](b) }
func BenchmarkConvF32(b *testing.B) { benchConv[float32](b) }

// BenchmarkPackU32 packs the largest layer.
func BenchmarkPackU32(b *testing.B) {
	c := layer(512, 512, 7, 3, 1)
	w := fill[uint32](1, c.WeightLen())
	b.SetBytes(int64(4 * len(w)))
	for b.Loop() {
		if _, err := PackConv(c, w, nil); err != nil {
			b.Fatal(err)
		}
	}
}
