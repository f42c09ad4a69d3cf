package rtl

import (
	"fmt"
	"strings"
	"testing"

	"sotto/fpga/target"
	"sotto/ir/circuit"
	"sotto/runtime/prg"
)

// comparisons are those of a garbling, of whole blocks, as hardware takes them: a gate a line, by block, bit and lane.
type comparisons struct {
	*garbling
	bits int
}

// newComparisons garbles the runtime's sign comparison of a width.
func newComparisons(t *testing.T, width, blocks int) comparisons {
	t.Helper()
	task, err := circuit.Named(circuit.CarryTask, width, 0)
	check(t, err)
	return comparisons{newGarbling(t, task.Circuit, blocks*target.Lanes, 2), task.Bits}
}

// wire is an input's zero-label and active label.
func (c comparisons) wire(instance, w int) (zero, active prg.Block) {
	at := instance*c.circuit.Inputs() + w
	return c.zero[at], c.label(c.zero[at], c.values[at])
}

// write writes the file of a bench: tables are a message of the runtime, in its order.
func (c comparisons) write(t *testing.T, path string) {
	t.Helper()
	lines := []string{fmt.Sprintf("%s %s %016x", hex(c.key), hex(c.delta), uint64(c.first))}
	for gate := range c.n * c.bits {
		instance, bit := c.place(gate)
		x0, x := c.wire(instance, bit)
		y0, y := c.wire(instance, c.circuit.Garbler+bit)
		lines = append(lines, strings.Join([]string{hex(x0), hex(y0), hex(x), hex(y), hex(c.tables[2*gate]), hex(c.tables[2*gate+1])}, " "))
	}
	write(t, path, lines)
}

// place is the instance and bit of a gate.
func (c comparisons) place(gate int) (instance, bit int) {
	block := gate / (target.Lanes * c.bits)
	return block*target.Lanes + gate%target.Lanes, gate / target.Lanes % c.bits
}

// check holds tables, permute bits and colour bits against the runtime's, and cycles against the declared ones of both engines.
func (c comparisons) check(t *testing.T, k *trace, engines ...target.HalfGates) {
	t.Helper()
	if k == nil || len(k.out) != c.n*c.bits {
		t.Fatalf("%d gates are wanted: %+v", c.n*c.bits, k)
	}
	for gate, out := range k.out {
		_, bit := c.place(gate)
		if got, want := out.values[1]+out.values[2], hex(c.tables[2*gate])+hex(c.tables[2*gate+1]); got != want {
			t.Fatalf("gate %d: tables %s, the runtime has %s", gate, got, want)
		}
		if last := out.values[0] == "1"; last != (bit == c.bits-1) {
			t.Fatalf("gate %d of bit %d: last is %v", gate, bit, last)
		}
		if bit == c.bits-1 {
			c.checkResult(t, gate, out)
		}
	}
	for _, e := range engines {
		want := target.Comparison{Engine: e, Bits: c.bits}.Cycles(c.n)
		if got := k.out[len(k.out)-1].cycle - k.in[0].cycle; got != want {
			t.Errorf("%d cycles, declared for %v %d", got, e, want)
		}
	}
}

func (c comparisons) checkResult(t *testing.T, gate int, out event) {
	t.Helper()
	i, _ := c.place(gate)
	word := i / 64 // of the only output
	permute, colour := c.permute[word]>>(i%64)&1, c.colour[word]>>(i%64)&1
	if got := lowest(t, out.values[3]); got != permute {
		t.Errorf("instance %d: permute bit %d, the runtime has %d", i, got, permute)
	}
	if got := lowest(t, out.values[4]); got != colour {
		t.Errorf("instance %d: colour bit %d, the runtime has %d", i, got, colour)
	}
}

// lowest is bit 0 of a hexadecimal number.
func lowest(t *testing.T, number string) uint64 {
	t.Helper()
	var digit uint64
	if _, err := fmt.Sscanf(number[len(number)-1:], "%x", &digit); err != nil {
		t.Fatalf("%q is no number: %v", number, err)
	}
	return digit & 1
}
