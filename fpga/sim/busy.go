package sim

import (
	"sotto/fpga/lower"
	"sotto/fpga/target"
)

// Busy is how long a kernel's stages take for all of its commands, whatever they wait for: what the loops of fpga/hlslib count in
// C-simulation, but for the depth of pipelines.
type Busy struct {
	Commands, Tiles      int64
	Load, Compute, Store int64 // cycles
	Depth                int64 // of Compute: that of pipelines, once a tile
}

// KernelsBusy adds up the commands of a board by kernel.
func KernelsBusy(b lower.Board) (busy [lower.Kernels]Busy, err error) {
	for _, c := range b.Commands {
		list, err := tiles(c, b.Design)
		if err != nil {
			return busy, err
		}
		k := &busy[c.Kernel]
		k.Depth += depth(c, b.Design) * int64(len(list))
		k.Commands, k.Tiles = k.Commands+1, k.Tiles+int64(len(list))
		for _, t := range list {
			k.Load, k.Compute, k.Store = k.Load+t.loadCycles, k.Compute+t.compute, k.Store+t.storeCycles
		}
	}
	return busy, nil
}

// depth is the cycles of a tile in which nothing begins.
func depth(c lower.Command, d target.Design) int64 {
	switch c.Kernel {
	case lower.Conv:
		return d.ConvFill()
	case lower.Depthwise:
		return target.DepthwiseDepth
	case lower.Garble, lower.Evaluate:
		return 0 // counted
	case lower.OT:
		return target.OTDepth
	case lower.Elementwise:
		return int64(record{c, d}.steps()) * target.StreamDepth
	}
	return target.StreamDepth
}
