package nonlin

import (
	"golang.org/x/sys/cpu"
	"sotto/runtime/ring"
)

//go:generate go -C ../ring/_asm run . -kernels nonlin -out ../../nonlin/kernels_amd64.s -stubs ../../nonlin/kernels_amd64.go -pkg nonlin

// registerBytes is what a kernel of squares takes at a time; those of truncations take blocks of wordBits.
const registerBytes = 64

// hasVectors says whether this machine has the kernels.
var hasVectors = cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ

// whole counts the blocks of a vector that kernels take, and their elements; the rest is computed in Go.
func whole[W ring.Word](v []W) (blocks, elements int) {
	if !hasVectors {
		return 0, 0
	}
	blocks = len(v) / wordBits
	return blocks, blocks * wordBits
}

// p32 and p64 are the address of a vector that is not empty, for the kernels of its size.
func p32[W ring.Word](v []W) *uint32 { return &any(v).([]uint32)[0] }
func p64[W ring.Word](v []W) *uint64 { return &any(v).([]uint64)[0] }

// The vectors' versions of the steps do what they say for a number of elements, from the first on, which they return.

func (k truncation[W]) chooseVectors(e []uint64, x []W, c []uint64) int {
	n, done := whole(x)
	switch {
	case n == 0:
	case ring.Width[W]() == 32:
		choose32(&e[0], &c[0], p32(x), n, uint32(k.offset))
	default:
		choose64(&e[0], &c[0], p64(x), n, uint64(k.offset))
	}
	return done
}

func (k truncation[W]) correlateVectors(v, x, p0, p1 []W) int {
	n, done := whole(x)
	switch {
	case n == 0:
	case ring.Width[W]() == 32:
		correlate32(p32(v), p32(x), p32(p0), p32(p1), n, uint32(k.offset), uint32(k.low))
	default:
		correlate64(p64(v), p64(x), p64(p0), p64(p1), n, uint64(k.offset), uint64(k.low))
	}
	return done
}

func (k truncation[W]) receiveVectors(z, x []W, e, c []uint64, q, v []W) int {
	n, done := whole(x)
	f, wrap := uint64(k.f), uint64(k.wrap)
	switch {
	case n == 0:
	case ring.Width[W]() == 32:
		receive32(p32(z), p32(x), p32(q), p32(v), &e[0], &c[0], n, f, wrap, uint32(k.low), uint32(k.up), uint32(k.offset), uint32(k.base))
	default:
		receive64(p64(z), p64(x), p64(q), p64(v), &e[0], &c[0], n, f, wrap, uint64(k.low), uint64(k.up), uint64(k.offset), uint64(k.base))
	}
	return done
}

func (k truncation[W]) sendVectors(z, x []W, e []uint64, p0 []W) int {
	n, done := whole(x)
	f, wrap := uint64(k.f), uint64(k.wrap)
	switch {
	case n == 0:
	case ring.Width[W]() == 32:
		send32(p32(z), p32(x), p32(p0), &e[0], n, f, wrap, uint32(k.low), uint32(k.up), uint32(k.offset), uint32(k.base))
	default:
		send64(p64(z), p64(x), p64(p0), &e[0], n, f, wrap, uint64(k.low), uint64(k.up), uint64(k.offset), uint64(k.base))
	}
	return done
}

func squareClientVectors[W ring.Word](y, r, g, c0 []W) int {
	n, done := whole(y)
	n *= wordBits * ring.Width[W]() / 8 / registerBytes
	switch {
	case n == 0:
	case ring.Width[W]() == 32:
		squareClient32(p32(y), p32(r), p32(g), p32(c0), n)
	default:
		squareClient64(p64(y), p64(r), p64(g), p64(c0), n)
	}
	return done
}

func squareServerVectors[W ring.Word](y, x1, c1 []W) int {
	n, done := whole(y)
	n *= wordBits * ring.Width[W]() / 8 / registerBytes
	switch {
	case n == 0:
	case ring.Width[W]() == 32:
		squareServer32(p32(y), p32(x1), p32(c1), n)
	default:
		squareServer64(p64(y), p64(x1), p64(c1), n)
	}
	return done
}

// registers counts the whole registers of a vector, and their elements.
func registers[W ring.Word](v []W) (count, elements int) {
	if !hasVectors {
		return 0, 0
	}
	lanes := registerBytes * 8 / ring.Width[W]()
	count = len(v) / lanes
	return count, count * lanes
}

func quadraticBlindVectors[W ring.Word](g, x1, b []W, slope W, k int) int {
	n, done := registers(g)
	switch {
	case n == 0:
	case ring.Width[W]() == 32:
		quadraticBlind32(p32(g), p32(x1), p32(b), n, uint64(k+1), uint32(slope))
	default:
		quadraticBlind64(p64(g), p64(x1), p64(b), n, uint64(k+1), uint64(slope))
	}
	return done
}

func quadraticClientVectors[W ring.Word](y, r, g, c0 []W, k int) int {
	n, done := registers(y)
	switch {
	case n == 0:
	case ring.Width[W]() == 32:
		quadraticClient32(p32(y), p32(r), p32(g), p32(c0), n, uint64(k))
	default:
		quadraticClient64(p64(y), p64(r), p64(g), p64(c0), n, uint64(k))
	}
	return done
}

func quadraticServerVectors[W ring.Word](y, x1, c1 []W, slope W, k int) int {
	n, done := registers(y)
	switch {
	case n == 0:
	case ring.Width[W]() == 32:
		quadraticServer32(p32(y), p32(x1), p32(c1), n, uint64(k), uint32(slope))
	default:
		quadraticServer64(p64(y), p64(x1), p64(c1), n, uint64(k), uint64(slope))
	}
	return done
}

func roundedShareVectors[W ring.Word](k truncation[W], z, x []W, known W) int {
	n, done := registers(z)
	f, wrap := uint64(k.f), uint64(k.wrap)
	switch {
	case n == 0:
	case ring.Width[W]() == 32:
		roundedShare32(p32(z), p32(x), n, f, wrap, uint32(k.low), uint32(k.up), uint32(k.offset), uint32(k.base), uint32(known))
	default:
		roundedShare64(p64(z), p64(x), n, f, wrap, uint64(k.low), uint64(k.up), uint64(k.offset), uint64(k.base), uint64(known))
	}
	return done
}

// roundedCorrelateVectors takes the slope less what it lost.
func roundedCorrelateVectors[W ring.Word](t Rounded[W], v, x, t1, p0, p1 []W, less W) int {
	n, done := registers(v)
	k1, low := uint64(t.K+1), W(1)<<t.F-1
	switch {
	case n == 0:
	case ring.Width[W]() == 32:
		roundedCorrelate32(p32(v), p32(x), p32(t1), p32(p0), p32(p1), n, k1, uint32(less), uint32(low))
	default:
		roundedCorrelate64(p64(v), p64(x), p64(t1), p64(p0), p64(p1), n, k1, uint64(less), uint64(low))
	}
	return done
}

func roundedClientVectors[W ring.Word](t Rounded[W], y, t0, g, u, w, v []W, e, own, c []uint64) int {
	n, done := whole(y)
	k, wrap := uint64(t.K), uint64(ring.Width[W]()-t.F)
	switch {
	case n == 0:
	case ring.Width[W]() == 32:
		roundedClient32(p32(y), p32(t0), p32(g), p32(u), p32(w), p32(v), &e[0], &own[0], &c[0], n, k, wrap)
	default:
		roundedClient64(p64(y), p64(t0), p64(g), p64(u), p64(w), p64(v), &e[0], &own[0], &c[0], n, k, wrap)
	}
	return done
}

func roundedServerVectors[W ring.Word](t Rounded[W], y, x, t1, u, o []W, own, e []uint64, slope W) int {
	n, done := whole(y)
	k, wrap, less := uint64(t.K), uint64(ring.Width[W]()-t.F), slope-t.lost()
	switch {
	case n == 0:
	case ring.Width[W]() == 32:
		roundedServer32(p32(y), p32(x), p32(t1), p32(u), p32(o), &own[0], &e[0], n, k, k+1, wrap, uint32(slope), uint32(less))
	default:
		roundedServer64(p64(y), p64(x), p64(t1), p64(u), p64(o), &own[0], &e[0], n, k, k+1, wrap, uint64(slope), uint64(less))
	}
	return done
}
