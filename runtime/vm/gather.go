package vm

import "sotto/runtime/ring"

// gather copies ranges of x, lo to hi for each two ints, one behind the other. The ranges are public: they are part of the program.
func gather[W ring.Word](ranges []int, out, x []W) {
	for ; len(ranges) > 0; ranges = ranges[2:] {
		out = out[copy(out, x[ranges[0]:ranges[1]]):]
	}
}

// scatter copies x, and some into its ranges.
func scatter[W ring.Word](ranges []int, out, x, some []W) {
	copy(out, x)
	for ; len(ranges) > 0; ranges = ranges[2:] {
		some = some[copy(out[ranges[0]:ranges[1]], some):]
	}
}
