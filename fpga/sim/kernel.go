package sim

import (
	"sotto/fpga/lower"
	"sotto/fpga/target"
)

// kernel is one of a board's: a queue of commands, and three processes, which load a tile, compute the one before and store the one before that.
// A mover of the link has the link in place of its third or its first process.
type kernel struct {
	board   *board
	id      lower.Kernel
	queue   []int // commands that wait, -1 where one is on its way to it
	credits int   // taken: commands that have not ended

	command, tile int  // that is loaded next, the tile's number in the command
	taken         bool // there is one
	loading       bool
	loaded        []stage // tiles whose operands are there, or on their way
	inputs        int     // buffers taken
	steps         int     // tiles between the beginning of their load and the end of their products
	computing     bool
	outputs       int
	computed      []stage
	storing       bool
	used          float64
}

// stage is a tile on its way through a kernel.
type stage struct {
	tile
	command int
	last    bool // of its command
	frees   bool // an input buffer, when it has been computed
	there   bool // its operands are
}

// wake looks for something to do.
func (k *kernel) wake() {
	if k.id == lower.Recv {
		k.arrive()
	} else {
		k.load()
	}
	k.compute()
	k.store()
}

// take makes the first command of the queue the one that is loaded.
func (k *kernel) take() bool {
	if k.taken || len(k.queue) == 0 || k.queue[0] < 0 {
		return k.taken
	}
	k.command, k.tile, k.taken = k.queue[0], 0, true
	return true
}

// passes ends a tile's load: the command behind it may be next.
func (k *kernel) passes() {
	if k.tile == 0 {
		k.queue = k.queue[1:]
	}
	k.tile++
	k.taken = k.tile < len(k.board.work[k.command])
}

// begun is the stage of the tile that is next.
func (k *kernel) begun() stage {
	all := k.board.work[k.command]
	t := stage{tile: all[k.tile], command: k.command, last: k.tile+1 == len(all)}
	t.frees = t.last || !all[k.tile+1].keepsInput
	return t
}

// load begins to load a tile.
func (k *kernel) load() {
	if k.loading || !k.take() {
		return
	}
	t := k.begun()
	if k.steps == lower.Buffers || !t.keepsInput && k.inputs == lower.Buffers {
		return
	}
	if !t.keepsInput {
		k.inputs++
	}
	k.steps++
	k.loading = true
	k.board.memory.move(t.loadBytes, float64(t.loadCycles)*k.board.scale, func() {
		k.loading = false
		k.loaded = append(k.loaded, t)
		k.passes()
		latency := 0.0
		if t.loadBytes > 0 {
			latency = target.MemoryLatency * k.board.scale
		}
		k.board.s.after(latency, func() {
			k.arrived()
			k.wake()
		})
		k.load()
	})
}

// arrived notes that the operands of the first tile that lacked them are there.
func (k *kernel) arrived() {
	for i := range k.loaded {
		if !k.loaded[i].there {
			k.loaded[i].there = true
			return
		}
	}
}

// compute begins to compute a tile.
func (k *kernel) compute() {
	if k.computing || len(k.loaded) == 0 || !k.loaded[0].there {
		return
	}
	t := k.loaded[0]
	stores := t.storeBytes > 0 || k.id == lower.Send
	if stores && k.outputs == lower.Buffers {
		return
	}
	k.loaded = k.loaded[1:]
	k.computing = true
	if stores {
		k.outputs++
	}
	cycles := float64(t.compute) * k.board.scale
	k.used += cycles
	k.board.s.after(cycles, func() {
		k.computing = false
		k.release(t)
		if stores {
			k.computed = append(k.computed, t)
		}
		k.wake()
	})
}

// release gives back what a tile had in front of the engine.
func (k *kernel) release(t stage) {
	if k.id == lower.Recv {
		k.board.peer().out.stored(t.message)
		return
	}
	k.steps--
	if t.frees {
		k.inputs--
	}
}

// store begins to store a tile, or gives it to the link.
func (k *kernel) store() {
	if k.storing || len(k.computed) == 0 {
		return
	}
	t := k.computed[0]
	k.computed = k.computed[1:]
	k.storing = true
	if k.id == lower.Send {
		k.board.out.send(t.message, func() {
			k.stored(t, 0)
		})
		return
	}
	k.board.memory.move(t.storeBytes, float64(t.storeCycles)*k.board.scale, func() {
		k.stored(t, target.MemoryLatency*k.board.scale)
	})
}

// stored ends a tile, and its command if it is the last one, some cycles later.
func (k *kernel) stored(t stage, latency float64) {
	k.storing = false
	k.outputs--
	if t.last {
		k.board.s.after(latency, func() { k.board.end(t.command) })
	}
	k.wake()
}

// arrive takes the message of the command that is next, if all of it is there.
func (k *kernel) arrive() {
	in := k.board.peer().out
	if len(in.arrived) == 0 || !k.take() {
		return
	}
	in.arrived = in.arrived[1:]
	t := k.begun()
	t.there = true
	k.loaded = append(k.loaded, t)
	k.passes()
	k.arrive()
}

func (b *board) peer() *board {
	if b.s.boards[0] == b {
		return b.s.boards[1]
	}
	return b.s.boards[0]
}
