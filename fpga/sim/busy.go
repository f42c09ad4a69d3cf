package sim

import "sotto/fpga/lower"

// Busy is how long a kernel's stages take for all of its commands, whatever they wait for: what the loops of fpga/hlslib count in
// C-simulation, but for the depth of pipelines.
type Busy struct {
	Commands, Tiles      int64
	Load, Compute, Store int64 // cycles
}

// KernelsBusy adds up the commands of a board by kernel.
func KernelsBusy(b lower.Board) (busy [lower.Kernels]Busy, err error) {
	for _, c := range b.Commands {
		list, err := tiles(c, b.Design)
		if err != nil {
			return busy, err
		}
		k := &busy[c.Kernel]
		k.Commands, k.Tiles = k.Commands+1, k.Tiles+int64(len(list))
		for _, t := range list {
			k.Load, k.Compute, k.Store = k.Load+t.loadCycles, k.Compute+t.compute, k.Store+t.storeCycles
		}
	}
	return busy, nil
}
