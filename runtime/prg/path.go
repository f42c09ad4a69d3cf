package prg

import (
	"fmt"
	"slices"
)

// Path is a way to compute AES on many blocks. All paths give the same results.
type Path uint8

const (
	Portable Path = iota // crypto/aes, block by block
	AESNI                // AES-NI with AVX, 8 blocks in flight
	VAES512              // VAES on AVX-512 registers, 32 blocks in flight
)

// String names the path.
func (p Path) String() string {
	switch p {
	case Portable:
		return "portable"
	case AESNI:
		return "AES-NI"
	case VAES512:
		return "VAES-512"
	}
	return fmt.Sprintf("path %d", uint8(p))
}

// Paths gives the paths that this machine has, the slowest, which is Portable, first.
func Paths() []Path { return slices.Clone(paths) }

// RoundKeys is the key schedule of AES-128, the key of each round in wire order: for kernels, on machines that have any.
type RoundKeys [11]Block
