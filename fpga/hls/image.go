package hls

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"sotto/fpga/hlslib"
	"sotto/fpga/lower"
	"sotto/ir/circuit"
	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/vm"
)

// segment is words of a board's memory before its first command, little endian.
type segment struct {
	space   lower.Space
	address uint32
	words   []byte
}

// write writes a segment as csim/csim.cpp reads it.
func (s segment) write(w io.Writer, wordBytes int) error {
	head := []uint32{uint32(s.space), s.address, uint32(len(s.words) / wordBytes)}
	if err := binary.Write(w, binary.LittleEndian, head); err != nil {
		return err
	}
	_, err := w.Write(s.words)
	return err
}

// image is the memory of a board as a session's recording has it: weights, tables, material and the input.
func image(b lower.Board, r *Recording) ([]segment, error) {
	var out []segment
	for _, w := range b.Weights {
		words, err := packed(b, w, r.Weights[w.Weight])
		if err != nil {
			return nil, fmt.Errorf("weight %s: %w", b.Program.Weights[w.Weight].Name, err)
		}
		out = append(out, segment{lower.RING, w.Address, words})
	}
	for _, t := range b.Tables {
		out = append(out, segment{lower.BITS, t.Address, blocks(t.Words)})
	}
	used, made := read(b), writers(b)
	for i, v := range b.Values {
		if !used[i] || len(made[i]) > 0 {
			continue
		}
		words, err := initial(b, v, r)
		if err != nil {
			return nil, fmt.Errorf("value %d at %s address %d: %w", i, v.Space, v.Address, err)
		}
		if words != nil {
			out = append(out, segment{v.Space, v.Address, words})
		}
	}
	return out, nil
}

// read tells of each value whether a command reads it: others that were there have no place. What no operand names is there because it is read.
func read(b lower.Board) []bool {
	beside := []lower.OriginKind{lower.Labels, lower.Tables, lower.Keys, lower.Leaves, lower.PadKeys}
	used := make([]bool, len(b.Values))
	for i, v := range b.Values {
		used[i] = slices.Contains(beside, v.Origin.Kind)
	}
	for _, in := range b.Instructions {
		for _, v := range in.In {
			used[v.Value] = true
		}
	}
	return used
}

// initial is what a value is before the first command, nil of what commands make.
func initial(b lower.Board, v lower.Value, r *Recording) (words []byte, err error) {
	switch v.Origin.Kind {
	case lower.Made, lower.Passed, lower.Scratch:
		return nil, nil
	case lower.Input:
		words = r.Begun.Input
	case lower.Labels, lower.Tables:
		return material(b, v, r)
	case lower.Keys, lower.PadKeys, lower.Leaves:
		words, err = r.secrets(v.Origin)
	default:
		s, _ := sourceOf(v.Origin)
		words = r.Kept[s]
	}
	if err != nil {
		return nil, err
	}
	return enough(b, v, words)
}

// material is what a garbled batch keeps from the offline phase.
func material(b lower.Board, v lower.Value, r *Recording) (words []byte, err error) {
	if v.Origin.Kind == lower.Labels {
		words, err = r.Streamed(vm.StreamName{Kind: vm.Labels, Batch: v.Origin.Index})
	} else {
		words, err = tables(b, v, r)
	}
	if err != nil {
		return nil, err
	}
	return enough(b, v, words)
}

// enough is the words of a value, at the beginning of what was recorded.
func enough(b lower.Board, v lower.Value, words []byte) ([]byte, error) {
	want := v.Words() * wordSize(b, v.Space)
	if len(words) < want {
		return nil, fmt.Errorf("%d bytes of its %s were recorded, it takes %d", len(words), v.Origin.Kind, want)
	}
	return words[:want], nil
}

// tables is the tables of a garbled batch or, of results in the ring, its permute words: result 0 or 1 of what the batch keeps. The
// runtime's stream has both by turns.
func tables(b lower.Board, v lower.Value, r *Recording) ([]byte, error) {
	stream, err := r.Streamed(vm.StreamName{Kind: vm.Tables, Batch: v.Origin.Index})
	if err != nil {
		return nil, err
	}
	task, scheme, count, err := batch(b.Program, v.Origin.Index)
	if err != nil {
		return nil, err
	}
	chunk := vm.GarbledChunk(task, scheme, count)
	var out [2][]byte
	for done := 0; done < count; done += chunk {
		n := min(chunk, count-done)
		sizes := [2]int{int(scheme.TableBytes(int64(task.ANDs()), int64(n))), n * task.Ring / 8}
		for i, size := range sizes {
			if size > len(stream) {
				return nil, fmt.Errorf("the tables of batch %d end at instance %d of %d", v.Origin.Index, done, count)
			}
			out[i], stream = append(out[i], stream[:size]...), stream[size:]
		}
	}
	return out[v.Origin.Result], nil
}

// batch finds what is garbled as a batch.
func batch(p *program.Program, index int) (*circuit.Task, cost.Scheme, int, error) {
	for _, l := range p.Online {
		for _, in := range l.Recv {
			if in.Op == program.GCEvaluate && in.Ints[0] == index {
				task, err := p.Task(in.Ints[3])
				return task, p.Circuits[in.Ints[3]].Scheme, in.Ints[2], err
			}
		}
	}
	return nil, "", 0, fmt.Errorf("no instruction evaluates batch %d", index)
}

// wordSize is the bytes of a word of a space.
func wordSize(b lower.Board, s lower.Space) int {
	if s == lower.BITS {
		return wordBytes
	}
	return b.Design.WordBytes()
}

// secrets are keys, or leaves of an extension, as the kernels read them.
func (r *Recording) secrets(o lower.Origin) ([]byte, error) {
	var k vm.GarbledKeys
	switch of := r.Begun; {
	case o.Kind == lower.PadKeys, o.Kind == lower.Leaves && o.Result == lower.OfPads:
		k.Extension = of.Pads[o.Index]
	case o.Index < len(of.Batches):
		k = of.Batches[o.Index]
	default:
		return nil, fmt.Errorf("the %s's session has %d garbled batches", r.Program.Party, len(of.Batches))
	}
	if o.Kind == lower.Leaves {
		return prg.Bytes(k.Leaves), nil
	}
	return record(k), nil
}

// record is the hash's key, Delta, and the seed of a garbler's labels.
func record(k vm.GarbledKeys) []byte {
	return slices.Concat(blocks([]uint64{k.Key.Lo, k.Key.Hi, k.Delta.Lo, k.Delta.Hi}), k.Seed[:])
}

// blocks is words of 64 bits as bytes.
func blocks(words []uint64) []byte {
	out := make([]byte, 0, wordBytes*len(words))
	for _, w := range words {
		out = binary.LittleEndian.AppendUint64(out, w)
	}
	return out
}

// packed puts a weight into the order in which its kernel takes it.
func packed(b lower.Board, w lower.Weight, raw []byte) ([]byte, error) {
	if b.Design.WordBytes() == wordBytes {
		return packWords(w, raw, wordBytes, binary.LittleEndian.Uint64, binary.LittleEndian.AppendUint64)
	}
	return packWords(w, raw, b.Design.WordBytes(), binary.LittleEndian.Uint32, binary.LittleEndian.AppendUint32)
}

func packWords[W hlslib.Word](w lower.Weight, raw []byte, size int, load func([]byte) W, add func([]byte, W) []byte) ([]byte, error) {
	if w.Layout == lower.Plain {
		return raw, nil
	}
	words := make([]W, len(raw)/size)
	for i := range words {
		words[i] = load(raw[i*size:])
	}
	pack := func() ([]W, error) { return hlslib.PackDepthwise(w.Geometry, w.TN, words) }
	if w.Layout == lower.Array {
		g := w.Geometry
		each := g.OutC * g.InC * g.KH * g.KW
		if (w.Group+1)*each > len(words) {
			return nil, fmt.Errorf("%d words, group %d of it needs %d", len(words), w.Group, (w.Group+1)*each)
		}
		group := words[w.Group*each : (w.Group+1)*each]
		pack = func() ([]W, error) { return hlslib.PackConv(g, w.TM, w.TN, group) }
	}
	made, err := pack()
	out := make([]byte, 0, size*len(made))
	for _, v := range made {
		out = add(out, v)
	}
	return out, err
}
