package ring

import (
	"fmt"
	"testing"
)

// BenchmarkPack is what packing and unpacking an element costs by its width: no width should stand out.
func BenchmarkPack(b *testing.B) {
	benchPack[uint32](b, 1, 3, 4, 12, 20, 25, 28, 29, 30, 31)
	benchPack[uint64](b, 1, 6, 7, 17, 29, 43, 52, 58, 63)
}

func benchPack[W Word](b *testing.B, widths ...int) {
	const n = grain / 2 // on one core
	src := random[W](1, n)
	for _, width := range widths {
		dst := make([]byte, PackedLen(n, width))
		Pack(dst, src, width)
		each := func(name string, f func()) {
			b.Run(fmt.Sprintf("%s/ring=%d/bits=%d", name, Width[W](), width), func(b *testing.B) {
				for range b.N {
					f()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
			})
		}
		each("pack", func() { Pack(dst, src, width) })
		each("unpack", func() { Unpack(src, dst, width) })
	}
}
