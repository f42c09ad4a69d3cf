package cost

// Comparison of a shared value with zero by a distributed comparison function: sizes of the keys that runtime/fss deals and
// evaluates. A key is a correction word for every level of a binary tree, and one for a leaf of 2^7 points.

// leafPoints is log2 of the points of a leaf: as many as a block has bits, so the last levels of the tree are one block.
const leafPoints = 7

// ComparisonBatch is the comparisons whose keys are made under one hash key.
const ComparisonBatch = 1 << 12

// ComparisonLevels is the levels of the tree that compares the low width-1 bits of values of width bits.
func ComparisonLevels(width int) int { return max(width-1-leafPoints, 0) }

// ComparisonBlocks is the blocks that a dealer sends each party for n comparisons at a width: a correction word for each level
// and each leaf, and a hash key for each batch begun.
func ComparisonBlocks(n int64, width int) int64 {
	return n*int64(ComparisonLevels(width)+1) + (n+ComparisonBatch-1)/ComparisonBatch
}

// ComparisonKeyBytes is the size of ComparisonBlocks: 16 bytes a level and 16 for the leaf, 400 a comparison of 32 bits.
func ComparisonKeyBytes(n int64, width int) int64 { return blockBytes * ComparisonBlocks(n, width) }

// ComparisonRootBytes is the seeds that a party begins n trees with.
func ComparisonRootBytes(n int64) int64 { return blockBytes * n }

// ComparisonAES is the AES blocks that a party takes to evaluate n comparisons: one a level and one for the leaf.
func ComparisonAES(n int64, width int) int64 { return n * int64(ComparisonLevels(width)+1) }

// DealtComparisonAES is what the dealer takes to make their keys: both children of both parties' nodes, and both leaves.
func DealtComparisonAES(n int64, width int) int64 { return n * int64(4*ComparisonLevels(width)+2) }

// Selections are the shared numbers besides a key that a rectification takes, ring elements each: the dealer sends the server its
// shares. See runtime/fss, relu.go.
const Selections = 5

// SelectionBytes is what the dealer sends the server besides the keys of n rectifications in a ring of so many bits.
func SelectionBytes(n int64, ringBits int) int64 { return BitBytes(Selections*n, ringBits) }

// RectifyOpening is the bits of a value of width bits that are opened to rectify it: one more than it has, if the ring has one.
func RectifyOpening(width, ringBits int) int { return min(width+1, ringBits) }

// RectifyComparison is the width of the comparison in a rectification that drops so many bits: of the truncated value, which may
// be one more than what is left of the greatest.
func RectifyComparison(width, drop, ringBits int) int {
	if drop == 0 {
		return width
	}
	return RectifyOpening(width, ringBits) - drop
}
