package ring

import (
	"bytes"
	"os"
	"syscall"
	"testing"
)

// beforeNothing gives n bytes behind which no byte may be read or written.
func beforeNothing(t *testing.T, n int) []byte {
	page := os.Getpagesize()
	pages := (n + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, pages+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(m) })
	if err := syscall.Mprotect(m[pages:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	return m[pages-n : pages]
}

// TestEveryWidth: each width, at each number of elements about what kernels take at a time, is packed as bit by bit, and nothing
// around the bytes is touched.
func TestEveryWidth(t *testing.T) {
	t.Run("32", testEveryWidth[uint32])
	t.Run("64", testEveryWidth[uint64])
}

func testEveryWidth[W Word](t *testing.T) {
	const guard = 0xa5
	room := beforeNothing(t, PackedLen(200, Width[W]()))
	for width := 1; width <= Width[W](); width++ {
		for _, n := range []int{1, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 128, 199} {
			src, back := random[W](uint64(n), n), make([]W, n)
			dst := room[len(room)-PackedLen(n, width):]
			for i := range room {
				room[i] = guard
			}
			Pack(dst, src, width)
			if !bytes.Equal(dst, naivePack(src, width)) {
				t.Fatalf("%d x %d bits: packed otherwise than bit by bit", n, width)
			}
			if before := room[:len(room)-len(dst)]; bytes.Count(before, []byte{guard}) != len(before) {
				t.Fatalf("%d x %d bits: packed before the first byte", n, width)
			}
			Unpack(back, dst, width)
			for i, v := range src {
				if back[i] != low(v, width) {
					t.Fatalf("element %d of %d, %d bits: %x, want %x", i, n, width, back[i], low(v, width))
				}
			}
		}
	}
}
