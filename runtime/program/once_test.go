package program

import (
	"strings"
	"testing"

	"sotto/ir/cost"
)

// garbling is a server's program that garbles one batch of 64 signs, and sends the labels of its shares' bits again as often
// as sent says.
func garbling(sent int) (*Program, *Manifest) {
	part := []int{0, 0, 64, 0}
	share, bits := Operand{Buf: 0, Len: 64}, Operand{Buf: 1, Len: 64}
	p := &Program{Version: Version, Party: cost.Server, Deploy: cost.Outsourced, Ring: 32, Layers: []Layer{{Path: "relu"}},
		Buffers: []Buffer{{Ring, 64}, {Bits, 64}}, Input: Tensor{Shape: []int{64}, Hi: 1}, Output: Tensor{Shape: []int{64}},
		Extensions: cost.Extensions{Garbled: labels(64 * 31)}, Circuits: []Circuit{sign32},
		Offline: []Level{
			{Recv: []Instr{{Op: GCZero, Ints: part}}},
			{Send: []Instr{{Op: GCGarble, Out: []Operand{bits}, Ints: part}}},
		}}
	for range sent {
		p.Online = append(p.Online, Level{Send: []Instr{{Op: GCLabels, In: []Operand{share}, Ints: part}}})
	}
	return p, &Manifest{Version: Version, Deploy: cost.Outsourced, Ring: 32}
}

// Labels of two values of one wire give Delta away, and with it the server's share.
func TestVerifyRefusesABatchUsedTwice(t *testing.T) {
	for sent, want := range map[int]string{1: "", 2: "batch 0 is used by gc.labels before"} {
		p, m := garbling(sent)
		if err := Seal(&Program{}, p, m); err != nil {
			t.Fatal(err)
		}
		err := p.Verify(m)
		if (err == nil) != (want == "") || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("labels sent %d times: got %v, want %q", sent, err, want)
		}
	}
}
