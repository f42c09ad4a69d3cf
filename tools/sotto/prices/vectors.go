package prices

import (
	"os"
	"runtime/debug"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/kernel"
	"sotto/runtime/nonlin"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/vm"
)

// vectorSizes are elements of activations: of the last layers and of the first.
var vectorSizes = []int{1 << 12, 1 << 15, 1 << 18, 3 << 18}

func vectorProbes() []*Probe {
	return []*Probe{elementwiseProbe(), digitProbe(), multiplyProbe(), gatherProbe(), tourProbe(), turnProbe(), packBitsProbe(), expandProbe(), spillProbe(), allocateProbe()}
}

// vectors are sets of vectors that take turns.
type vectors struct {
	sets [][][]uint32
	next int
}

// vectors makes sets of so many vectors of n elements.
func (b Budget) vectors(count, n int) *vectors {
	v := &vectors{sets: make([][][]uint32, b.copies(4*count*n))}
	for i := range v.sets {
		v.sets[i] = make([][]uint32, count)
		for j := range v.sets[i] {
			v.sets[i][j] = make([]uint32, n)
			prg.Draw(v.sets[i][j])
		}
	}
	return v
}

func (v *vectors) take() [][]uint32 {
	v.next++
	return v.sets[v.next%len(v.sets)]
}

// elementwiseProbe runs the steps of a truncation by OT and sums, which are those of the other elementwise protocols too.
func elementwiseProbe() *Probe {
	return &Probe{Name: "elementwise", Kernels: []cost.Kernel{cost.Vectors}, Alone: true, What: "sums and the steps of a truncation by OT, on vectors that were not just used", Loads: func(b Budget) (all []Load, err error) {
		for _, n := range sizes(b, vectorSizes) {
			v := b.vectors(5, n)
			trunc := nonlin.Trunc[uint32]{F: 12, Party: cost.Client}
			choice, e := ring.NewBits(n), ring.NewBits(n)
			prg.Draw(choice.Words())
			bytes := 4 * n
			all = append(all,
				Load{one(cost.Vectors, float64(3*bytes)), func(w *Watch) error {
					x := v.take()
					return w.Time(func() error {
						cut(n, func(lo, hi int) { ring.Add(x[0][lo:hi], x[1][lo:hi], x[2][lo:hi]) })
						return nil
					})
				}},
				Load{one(cost.Vectors, float64(bytes)), func(w *Watch) error {
					x := v.take()
					return w.Time(func() error {
						cut(n, func(lo, hi int) { trunc.Choose(e.Slice(lo, hi), x[0][lo:hi], choice.Slice(lo, hi)) })
						return nil
					})
				}},
				Load{one(cost.Vectors, float64(4*bytes)), func(w *Watch) error {
					x := v.take()
					return w.Time(func() error {
						cut(n, func(lo, hi int) { trunc.Correlate(x[0][lo:hi], x[1][lo:hi], x[2][lo:hi], x[3][lo:hi]) })
						return nil
					})
				}},
				Load{one(cost.Vectors, float64(4*bytes)), func(w *Watch) error {
					x := v.take()
					return w.Time(func() error {
						cut(n, func(lo, hi int) {
							trunc.Receive(x[0][lo:hi], x[1][lo:hi], e.Slice(lo, hi), choice.Slice(lo, hi), x[2][lo:hi], x[3][lo:hi])
						})
						return nil
					})
				}},
				Load{one(cost.Vectors, float64(3*bytes)), func(w *Watch) error {
					x := v.take()
					return w.Time(func() error {
						cut(n, func(lo, hi int) { trunc.Send(x[0][lo:hi], x[1][lo:hi], e.Slice(lo, hi), x[2][lo:hi]) })
						return nil
					})
				}})
		}
		return all, nil
	}}
}

// cut computes n elements in pieces, as the machine of runtime/vm does.
func cut(n int, f func(lo, hi int)) {
	const piece = 1 << 14
	for lo := 0; lo < n; lo += piece {
		f(lo, min(lo+piece, n))
	}
}

// instructions are kernels of which a call is an instruction of the machine, which parts its work among the cores.
var instructions = []cost.Kernel{cost.Conv32, cost.Conv64, cost.Batch64, cost.Vectors, cost.Gather}

// handingOver measures what it takes to give another core a part of some work and to wait for it, in nanoseconds: what an instruction takes
// whatever its size. No fit of sizes finds it, since small vectors take less a byte than large ones.
func handingOver(b Budget) Quantity {
	const before = 20 * time.Microsecond // an instruction of a small layer
	var all []float64
	for range 10 * max(1, b.Runs) {
		work(before)
		begun := time.Now()
		ring.Parallel(2, 1, func(int, int) {})
		all = append(all, max(1, float64(time.Since(begun))))
	}
	return quantityOf(all)
}

// gatherProbe moves what the first stage of a tournament of 3x3 windows does.
func gatherProbe() *Probe {
	return &Probe{Name: "gather", Kernels: []cost.Kernel{cost.Gather}, What: "elements of 3x3 windows moved by index", Loads: func(b Budget) (all []Load, err error) {
		for _, n := range sizes(b, vectorSizes) {
			v := b.vectors(2, n)
			index := make([]int32, n)
			const row = 112
			for i := range index {
				index[i] = int32((2*(i%row) + 2*row*(i/row)) % n)
			}
			all = append(all, Load{one(cost.Gather, float64(n)), func(w *Watch) error {
				x := v.take()
				return w.Time(func() error { return kernel.Gather(x[0], x[1], index) })
			}})
		}
		return all, nil
	}}
}

// pooled are max-pools of ResNets and of smaller networks.
var pooled = []cost.Tournament{{C: 16, H: 12, W: 12, KH: 2, KW: 2, StrideH: 2, StrideW: 2}, {C: 16, H: 32, W: 32, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadH: 1, PadW: 1},
	{C: 64, H: 32, W: 32, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadH: 1, PadW: 1}}

// tourProbe moves what the first stage of a tournament compares.
func tourProbe() *Probe {
	return &Probe{Name: "tour", Kernels: []cost.Kernel{cost.Tour}, What: "elements of the first stage of max-pools moved by an index that is made for it", Loads: func(b Budget) (all []Load, err error) {
		for _, t := range sizes(b, pooled) {
			const left, stage = 1, 0
			ints := []int{left, stage, t.C, t.H, t.W, t.KH, t.KW, t.StrideH, t.StrideW, t.PadH, t.PadW}
			n := t.Pairs(stage)
			v := b.vectors(2, t.Live(stage))
			all = append(all, Load{one(cost.Tour, float64(n)), func(w *Watch) error {
				x := v.take()
				return w.Time(func() error { return vm.Move(program.Tour, ints, x[0][:n], x[1]) })
			}})
		}
		return all, nil
	}}
}

// packedWidths are those that truncations and opened values travel at.
var packedWidths = []int{12, 20}

func packBitsProbe() *Probe {
	return &Probe{Name: "pack-bits", Kernels: []cost.Kernel{cost.PackBits}, Alone: true, What: "elements packed to 12 and 20 bits and unpacked, in pieces as messages have them", Loads: func(b Budget) (all []Load, err error) {
		const piece = 1 << 15
		for _, n := range []int{1 << 12, piece} {
			v, packed := b.vectors(1, n), make([]byte, 4*n)
			for _, width := range packedWidths {
				p := packed[:ring.PackedLen(n, width)]
				all = append(all,
					Load{one(cost.PackBits, float64(n)), func(w *Watch) error {
						x := v.take()
						return w.Time(func() error { ring.Pack(p, x[0], width); return nil })
					}},
					Load{one(cost.PackBits, float64(n)), func(w *Watch) error {
						x := v.take()
						return w.Time(func() error { ring.Unpack(x[0], p, width); return nil })
					}})
			}
		}
		return all, nil
	}}
}

func expandProbe() *Probe {
	return &Probe{Name: "expand", Kernels: []cost.Kernel{cost.Expand}, Alone: true, What: "ring elements drawn from a seed", Loads: func(b Budget) (all []Load, err error) {
		for _, n := range sizes(b, vectorSizes) {
			v := b.vectors(1, n)
			all = append(all, Load{one(cost.Expand, float64(4*n)), func(w *Watch) error {
				x := v.take()
				return w.Time(func() error { prg.Draw(x[0]); return nil })
			}})
		}
		return all, nil
	}}
}

// spillProbe copies into memory that was used before, as the stream of a slot does.
func spillProbe() *Probe {
	return &Probe{Name: "spill", Kernels: []cost.Kernel{cost.Spill}, Alone: true, What: "vectors copied to and from memory that was not just used", Loads: func(b Budget) (all []Load, err error) {
		for _, n := range sizes(b, vectorSizes) {
			v := b.vectors(2, n)
			all = append(all, Load{one(cost.Spill, float64(4*n)), func(w *Watch) error {
				x := v.take()
				return w.Time(func() error { copy(x[0], x[1]); return nil })
			}})
		}
		return all, nil
	}}
}

// allocateProbe takes memory that the process never had: as much of it is kept until the probe ends.
func allocateProbe() *Probe {
	return &Probe{Name: "allocate", Kernels: []cost.Kernel{cost.Allocate}, Alone: true, What: "memory taken from the system and written for the first time", Loads: func(b Budget) (all []Load, err error) {
		const most = 256 << 20
		page := os.Getpagesize()
		for _, n := range []int{1 << 20, 16 << 20} {
			var kept [][]byte
			held := 0
			all = append(all, Load{one(cost.Allocate, float64(n)), func(w *Watch) error {
				if held += n; held > most {
					kept, held = nil, 0
					debug.FreeOSMemory()
				}
				return w.Time(func() error {
					b := make([]byte, n)
					for i := 0; i < n; i += page {
						b[i] = 1
					}
					kept = append(kept, b)
					return nil
				})
			}})
		}
		return all, nil
	}}
}
