package prg

import "golang.org/x/sys/cpu"

//go:generate go -C _asm run . -kernels prg -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg prg

// Blocks that a kernel takes at a time.
const (
	batchAESNI   = 8
	batchVAES512 = 32
)

// paths are those of this machine.
var paths = detect()

func detect() []Path {
	p := []Path{Portable}
	if cpu.X86.HasAES && cpu.X86.HasAVX {
		p = append(p, AESNI)
		if cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VAES {
			p = append(p, VAES512)
		}
	}
	return p
}

// expand gives the key schedule of a key, nil if the path needs none.
func (p Path) expand(key Block) *RoundKeys {
	if p == Portable {
		return nil
	}
	keys := new(RoundKeys)
	expandKeys(&key.Lo, &keys[0].Lo)
	return keys
}

// apply applies op to the blocks of x, which may be dst, with tweaks from first on.
func (h *Hash) apply(op operation, dst, x []Block, first Tweak) {
	if h.path == Portable {
		h.applyPortable(op, dst, x, first)
		return
	}
	for len(x) > 0 {
		p, batch := h.path.kernel(len(x))
		n := len(x) / batch
		if n == 0 {
			h.applyPadded(op, p, dst, x, first)
			return
		}
		h.run(op, p, dst, x, n, first)
		dst, x, first = dst[n*batch:], x[n*batch:], first+Tweak(n*batch)
	}
}

// applyPadded is apply for at least one block, and fewer than the kernels of p take.
func (h *Hash) applyPadded(op operation, p Path, dst, x []Block, first Tweak) {
	var padded [batchVAES512]Block
	copy(padded[:], x)
	h.run(op, p, padded[:], padded[:], 1, first)
	copy(dst, padded[:len(x)])
}

// kernel gives the path whose kernels suit n blocks, and how many they take at a time.
func (p Path) kernel(n int) (Path, int) {
	if p == VAES512 && n > batchAESNI {
		return VAES512, batchVAES512
	}
	return AESNI, batchAESNI
}

// run calls the kernel of an operation on a path. dst and x have a number of batches and are not empty.
func (h *Hash) run(op operation, p Path, dst, x []Block, batches int, first Tweak) {
	keys, d, s := &h.keys[0].Lo, &dst[0].Lo, &x[0].Lo
	switch {
	case op == hashing && p == VAES512:
		hashVAES512(keys, d, s, batches, uint64(first))
	case op == hashing:
		hashAESNI(keys, d, s, batches, uint64(first))
	case p == VAES512:
		permuteVAES512(keys, d, batches)
	default:
		permuteAESNI(keys, d, batches)
	}
}
