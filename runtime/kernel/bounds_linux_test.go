package kernel

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// fenced gives a copy of v that ends where memory that nobody may touch begins: kernels know no bounds.
func fenced[T any](t testing.TB, v []T) []T {
	t.Helper()
	var one T
	page, size := unix.Getpagesize(), len(v)*int(unsafe.Sizeof(one))
	all, err := unix.Mmap(-1, 0, roundUp(size, page)+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(all); err != nil {
			t.Error(err)
		}
	})
	end := len(all) - page
	if err := unix.Mprotect(all[end:], unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	if size == 0 {
		return []T{}
	}
	out := unsafe.Slice((*T)(unsafe.Pointer(&all[end-size])), len(v))
	copy(out, v)
	return out
}

// TestKernelsStayInside applies maps whose tensors, weights and memory all end at a fence.
func TestKernelsStayInside(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := drawConv(r)
		t.Run("", func(t *testing.T) {
			staysInside[uint32](t, c)
			staysInside[uint64](t, c)
			staysInside[float32](t, c)
		})
	})
}

func staysInside[T Number](t *testing.T, c Conv) {
	x, add := fenced(t, fill[T](1, c.InLen())), fenced(t, fill[T](2, c.OutLen()))
	w, bias := fenced(t, fill[T](3, c.WeightLen())), fenced(t, fill[T](4, c.OutC))
	for _, m := range micros[T]() {
		p, r := newProduct(c, m, w, bias), newRows(c, m, w, bias)
		p.w, p.bias, p.zeros, p.offsets, p.pixels = fenced(t, p.w), fenced(t, p.bias), fenced(t, p.zeros), fenced(t, p.offsets), fenced(t, p.pixels)
		r.w, r.bias, r.zeros, r.offsets = fenced(t, r.w), fenced(t, r.bias), fenced(t, r.zeros), fenced(t, r.offsets)
		for _, how := range []method[T]{p, r} {
			dst, scratch := fenced(t, make([]T, c.OutLen())), fenced(t, make([]T, how.scratch(2)))
			for _, plus := range [][]T{nil, add} {
				if err := (&Packed[T]{c, how}).Apply(dst, x, plus, scratch); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestHalves compares every kernel's parting of columns with the definition, between fences, whole vectors and parts of them.
func TestHalves(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		pairs, rows := rapid.IntRange(0, 70).Draw(r, "pairs"), rapid.IntRange(1, 4).Draw(r, "rows")
		apart, between := rapid.IntRange(0, 3).Draw(r, "apart"), rapid.IntRange(0, 3).Draw(r, "between")
		t.Run("", func(t *testing.T) {
			checkHalves[uint32](t, pairs, rows, apart, between)
			checkHalves[uint64](t, pairs, rows, apart, between)
			checkHalves[float32](t, pairs, rows, apart, between)
		})
	})
}

func checkHalves[T Number](t *testing.T, pairs, rows, apart, between int) {
	h := halving[T]{step: pairs + apart, srcStep: 2*pairs + between, pairs: pairs, rows: rows}
	h.src = fenced(t, fill[T](1, (rows-1)*h.srcStep+2*pairs))
	want := dirty[T](2 * ((rows-1)*h.step + pairs))
	half := len(want) / 2
	for y := range rows {
		for p := range pairs {
			want[y*h.step+p], want[half+y*h.step+p] = h.src[y*h.srcStep+2*p], h.src[y*h.srcStep+2*p+1]
		}
	}
	for _, m := range micros[T]() {
		clean := dirty[T](len(want))
		h.even, h.odd = fenced(t, clean[:half]), fenced(t, clean[half:])
		m.halves(h)
		equal(t, m.name+" even", h.even, want[:half])
		equal(t, m.name+" odd", h.odd, want[half:])
	}
}
