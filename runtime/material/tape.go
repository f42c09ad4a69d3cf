package material

import (
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// tape is all that is uniform in one party's parts, expanded from its seed: the AES-CTR stream of the seed, laid out in
// manifest order. An item's draws begin at a block of their own, so any of them can be made alone, in any order.
type tape[W ring.Word] struct {
	seed  *prg.Seed // the owner's, who wipes it
	items []program.Item
	start []uint64 // the block of the stream at which an item's draws begin
}

// draws gives the words that each draw of an item takes:
//
//	mask     r, a0 or a1
//	product  B, B0 or B1; then C0 (client)
//	cross    c0 (client), b (server)
//	square   s0 (client)
//	bilinear c0 (client)
//	compare  r0 or r1; then the roots of the keys' trees, a block each
//	rectify  the same; then the client's selections
//
// The layout is the same for both parties: what a party does not use of its tape is skipped.
func draws[W ring.Word](it program.Item) []int {
	switch it.Kind {
	case program.Moved:
		return nil
	case program.Product:
		return []int{it.WLen, it.N}
	case program.Compare:
		return []int{it.N, it.N * blockWords[W]()}
	case program.Rectify:
		return []int{it.N, it.N * blockWords[W](), it.N * cost.Selections}
	}
	return []int{it.N}
}

// blocks is the number of PRG blocks that hold n words.
func blocks[W ring.Word](n int) uint64 {
	words := uint64(blockWords[W]())
	return (uint64(n) + words - 1) / words
}

// blockWords is how many words a PRG block has.
func blockWords[W ring.Word]() int { return 8 * prg.BlockBytes / ring.Width[W]() }

func layOut[W ring.Word](items []program.Item) []uint64 {
	start := make([]uint64, len(items))
	var next uint64
	for i, it := range items {
		start[i] = next
		for _, n := range draws[W](it) {
			next += blocks[W](n)
		}
	}
	return start
}

// first fills dst with the item's first draw.
func (t tape[W]) first(item int, dst []W) { expand(*t.seed, t.start[item], dst) }

// second fills dst with the item's second draw.
func (t tape[W]) second(item int, dst []W) { t.from(item, 1, 0, dst) }

// block is the block of the stream at which a draw of an item begins, the first draw being 0.
func (t tape[W]) block(item, draw int) uint64 {
	at := t.start[item]
	for _, n := range draws[W](t.items[item])[:draw] {
		at += blocks[W](n)
	}
	return at
}

// from fills dst with words of a draw from word lo on, which begins a block.
func (t tape[W]) from(item, draw, lo int, dst []W) {
	expand(*t.seed, t.block(item, draw)+blocks[W](lo), dst)
}

// roots fills dst with blocks of the item's second draw from block lo on.
func (t tape[W]) roots(item, lo int, dst []prg.Block) {
	s := prg.NewStream(*t.seed)
	s.Seek(t.block(item, 1) + uint64(lo))
	s.Blocks(dst)
}

// expandGrain is the words below which a second core is not worth its key schedule; whole blocks at either width.
const expandGrain = 1 << 16

func expand[W ring.Word](seed prg.Seed, block uint64, dst []W) {
	ring.Parallel(len(dst), expandGrain, func(lo, hi int) {
		s := prg.NewStream(seed)
		s.Seek(block + blocks[W](lo))
		prg.Words(s, dst[lo:hi])
	})
}

// check refuses manifests that this package cannot make material for.
func check(m *program.Manifest) error {
	if err := m.Check(); err != nil {
		return fmt.Errorf("material: %w", err)
	}
	only := map[program.ItemKind]cost.Deployment{program.Cross: cost.ClientServer, program.Square: cost.Outsourced, program.Bilinear: cost.Outsourced}
	for i, it := range m.Items {
		if d, one := only[it.Kind]; one && d != m.Deploy {
			return fmt.Errorf("material: %s: no such item in the %s deployment", describe(m, i), m.Deploy)
		}
	}
	return nil
}

// describe names an item in errors.
func describe(m *program.Manifest, item int) string {
	return fmt.Sprintf("item %d (%s of layer %d)", item, m.Items[item].Kind, m.Items[item].Tag)
}

// corrected tells whether the dealer sends the server a correction for an item.
func corrected(it program.Item) bool {
	return it.Kind == program.Product || it.Kind == program.Cross || it.Kind == program.Square || it.Kind == program.Bilinear
}

// opened tells whether a dealer's parties open something for an item.
func opened(it program.Item) bool { return it.Kind == program.Product }
