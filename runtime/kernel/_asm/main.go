// Command asm writes the AMD64 assembly of runtime/kernel. It is a module of its own, so that nothing that builds Sotto
// depends on avo. Run it by `go generate ./runtime/kernel`.
package main

import . "github.com/mmcloughlin/avo/build"

func main() {
	for _, m := range machines {
		for _, e := range elements {
			k := kernel{m, e}
			k.tiles("tiles", m.pixels)
			k.tiles("single", 1)
			k.squares()
			k.rows()
			k.halves()
		}
	}
	streams()
	Generate()
}
