//go:build !amd64

package prg

// paths are those of this machine.
var paths = []Path{Portable}

// expand gives the key schedule of a key: nil, since no path needs one.
func (p Path) expand(Block) *RoundKeys { return nil }

// apply applies op to the blocks of x, which may be dst, with tweaks from first on.
func (h *Hash) apply(op operation, dst, x []Block, first Tweak) { h.applyPortable(op, dst, x, first) }

// keystream starts a seed's stream.
func (p Path) keystream(seed Seed) keystream { return newLibraryStream(seed) }
