package vm

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"sotto/ir/circuit"
	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// layer is both machines of one garbled layer of n instances in a ring of 32 bits, over a real connection. The label OTs are
// those of a trusted party: labels lie in the machines' streams.
type layer struct {
	machines [2]*Machine[uint32]
	task     *circuit.Task
}

// Buffers of a layer's programs.
const (
	shares = iota // of the input
	words         // shares of results in the ring
	bits          // of results that are bits
)

// testSeed fixes what a trusted party draws. It exists in tests alone.
func testSeed(n uint64) *prg.Stream { return prg.NewStream(prg.Block{Lo: n, Hi: 0x7e57}.Seed()) }

// newLayer makes the machines, whose streams keep so many bytes in memory.
func newLayer(t testing.TB, c program.Circuit, n int, resident int64) *layer {
	t.Helper()
	l := &layer{}
	var err error
	if l.task, err = circuit.Named(c.Name, c.Params...); err != nil {
		t.Fatal(err)
	}
	client, server := wiretest.Pair(t, wire.Options{})
	key := prg.Block{Lo: 5}
	delta := prg.Block{Lo: 0x1234567, Hi: 99}
	for p, conn := range []*wire.Conn{client, server} {
		prog := layerProgram(cost.Party(p), c, l.task, n)
		ots := &OTs{Batches: []Batch{{Hash: prg.NewHash(key), Key: key, Delta: delta, Seed: prg.Block{Lo: 3}.Seed()}}}
		if l.machines[p], err = New[uint32](prog, conn, ots, nil); err != nil {
			t.Fatal(err)
		}
		l.machines[p].store = newStore(resident)
		t.Cleanup(l.machines[p].Wipe)
	}
	return l
}

func layerProgram(p cost.Party, c program.Circuit, task *circuit.Task, n int) *program.Program {
	ints := []int{0, 0, n, 0}
	in, out := program.Operand{Buf: shares, Len: n * task.Elements}, program.Operand{Buf: words, Len: n}
	garble := program.Instr{Op: program.GCRemask, In: []program.Operand{out}, Ints: ints}
	if task.Ring == 0 {
		out.Buf = bits
		garble = program.Instr{Op: program.GCGarble, Out: []program.Operand{out}, Ints: ints}
	}
	prog := &program.Program{Party: p, Ring: 32, Layers: []program.Layer{{Path: "layer"}}, Circuits: []program.Circuit{c},
		Buffers: []program.Buffer{{Len: in.Len}, {Len: n}, {Kind: program.Bits, Len: n}}, Input: program.Tensor{Buf: -1}, Output: program.Tensor{Buf: -1}}
	prog.Extensions.Garbled = []cost.Labels{{Garbler: cost.Server}}
	var offline, online program.Level
	if p == cost.Server {
		offline.Send = []program.Instr{garble}
		online.Send = []program.Instr{{Op: program.GCLabels, In: []program.Operand{in}, Ints: ints}}
	} else {
		offline.Recv = []program.Instr{{Op: program.GCTables, Ints: ints}}
		online.Recv = []program.Instr{{Op: program.GCEvaluate, Out: []program.Operand{out}, Ints: ints}}
	}
	prog.Offline, prog.Online = []program.Level{offline}, []program.Level{online}
	return prog
}

// deal draws shares of values, masks and labels, chunk by chunk as the OTs would leave them.
func (l *layer) deal(t testing.TB, value func(i int) uint32) {
	t.Helper()
	client, server := l.machines[cost.Client], l.machines[cost.Server]
	rnd := testSeed(1)
	x0, x1 := client.ring[shares], server.ring[shares]
	prg.Words(rnd, x0)
	prg.Words(rnd, server.ring[words])
	for i := range x1 {
		x1[i] = value(i) - x0[i]
	}
	own, zero := l.part(t, cost.Client), l.part(t, cost.Server)
	err := own.each(func(first, n int) error {
		labels := make([]prg.Block, n*l.task.Wires())
		rnd.Blocks(labels)
		if err := zero.labels.write(labels); err != nil {
			return err
		}
		choices := own.inputs(x0, first, n)
		for k := range labels {
			labels[k] = labels[k].Xor(zero.batch.Delta.MaskIf(choices.Get(k)))
		}
		return own.labels.write(labels)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// part gives a party's view of the layer, its labels' stream open.
func (l *layer) part(t testing.TB, p cost.Party) *gcPart[uint32] {
	m := l.machines[p]
	part, err := m.gcPart(program.Instr{Ints: []int{0, 0, m.Program.Buffers[bits].Len, 0}})
	if err == nil {
		_, err = m.ready(&part.labels, StreamName{Labels, 0})
	}
	if err != nil {
		t.Fatal(err)
	}
	return part
}

// run runs a phase at both machines.
func (l *layer) run(t testing.TB, phase cost.Phase) {
	t.Helper()
	var errs [2]error
	var both sync.WaitGroup
	for p, m := range l.machines {
		both.Go(func() { errs[p] = m.Run(phase, nil) })
	}
	both.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestGarbledLayers holds layers of every kind of result to their values, whether tables and labels wait in memory, in the
// file, or both, in more than one chunk and with a last one that is no multiple of anything.
func TestGarbledLayers(t *testing.T) {
	value := func(i int) uint32 { return uint32(int32(i*i*2654435-i) >> 6) }
	for _, resident := range []int64{0, 1 << 20, 1 << 30} {
		for k, c := range []struct {
			circuit program.Circuit
			n       int
			want    func(x []uint32) uint32
		}{
			{program.Circuit{Name: circuit.CarryTask, Params: []int{32, 0}, Scheme: cost.HalfGates}, 3001, nil},
			{program.Circuit{Name: circuit.CarryTask, Params: []int{32, 20}}, 2000, nil},
			{program.Circuit{Name: circuit.ReLUTask, Params: []int{32, 27, 5}, Scheme: cost.HalfGates}, 1999, func(x []uint32) uint32 { return uint32(max(int32(x[0])>>5, 0)) }},
			{program.Circuit{Name: circuit.MaxPoolTask, Params: []int{32, 32, 0, 3}, Scheme: cost.HalfGates}, 700, func(x []uint32) uint32 {
				return uint32(max(int32(x[0]), int32(x[1]), int32(x[2])))
			}},
		} {
			c.circuit.Scheme = cost.Schemes()[(k+int(resident>>20))%2]
			t.Run(fmt.Sprintf("%s-%s-%d", c.circuit.Name, c.circuit.Scheme, resident), func(t *testing.T) {
				l := newLayer(t, c.circuit, c.n, resident)
				l.deal(t, value)
				l.run(t, cost.Offline)
				l.run(t, cost.Online)
				for i := range c.n {
					x := make([]uint32, l.task.Elements)
					for e := range x {
						x[e] = value(i*len(x) + e)
					}
					if c.want == nil {
						l.checkSign(t, i, x[0], c.circuit.Params[1])
					} else if got := l.machines[0].ring[words][i] + l.machines[1].ring[words][i]; got != c.want(x) {
						t.Fatalf("instance %d: %d of %d, want %d", i, int32(got), x, int32(c.want(x)))
					}
				}
			})
		}
	}
}

// checkSign compares the carry that the parties share with the value's sign; where low bits are left out, values below what they hold
// may have either.
func (l *layer) checkSign(t *testing.T, i int, x uint32, drop int) {
	t.Helper()
	if x < 1<<drop && drop > 0 {
		return
	}
	sign := uint64(x >> 31)
	for _, m := range l.machines {
		sign ^= m.bits[bits].Get(i) ^ uint64(m.ring[shares][i]>>31)
	}
	if sign != 0 {
		t.Fatalf("instance %d: the sign of %d is wrong", i, int32(x))
	}
}

// cpu is the processor time that this process has taken.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSignLayer runs sign-only layers of 32 bits between two machines over loopback TCP: garbling, sending and keeping the
// tables (offline), labels and evaluation (online). cpu-ns/AND is the processor time of both parties together: two idle cores
// do 2e9 over it ANDs a second, if nothing waits.
func BenchmarkSignLayer(b *testing.B) {
	const n = 1 << 17
	for _, phase := range []cost.Phase{cost.Offline, cost.Online} {
		b.Run(phase.String(), func(b *testing.B) {
			var took time.Duration
			for range b.N {
				b.StopTimer()
				l := newLayer(b, program.Circuit{Name: circuit.CarryTask, Params: []int{32, 0}, Scheme: cost.HalfGates}, n, 1<<30)
				l.deal(b, func(i int) uint32 { return uint32(i) })
				if phase == cost.Online {
					l.run(b, cost.Offline)
				}
				begun := cpu(b)
				b.StartTimer()
				l.run(b, phase)
				b.StopTimer()
				took += cpu(b) - begun
				for _, m := range l.machines {
					m.Wipe()
				}
			}
			ands := float64(b.N) * n * 31
			b.ReportMetric(ands/b.Elapsed().Seconds()/1e6, "MANDs/s")
			b.ReportMetric(float64(took.Nanoseconds())/ands, "cpu-ns/AND")
		})
	}
}
