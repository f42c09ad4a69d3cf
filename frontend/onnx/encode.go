package onnx

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Encode writes a model; Decode reads it back.
func Encode(m *Model) []byte {
	var w writing
	w.int(1, m.IRVersion)
	w.text(2, m.Producer)
	w.text(3, m.Version)
	w.message(7, m.Graph.encode)
	for _, o := range m.Opsets {
		w.message(8, func(w *writing) {
			w.text(1, o.Domain)
			w.int(2, o.Version)
		})
	}
	for _, f := range m.Functions {
		w.message(25, f.encode)
	}
	return w.out
}

// writing is a message on its way out; what is empty is left out, as proto3 does.
type writing struct{ out []byte }

func (w *writing) int(number protowire.Number, x int64) {
	if x != 0 {
		w.out = protowire.AppendTag(w.out, number, protowire.VarintType)
		w.out = protowire.AppendVarint(w.out, uint64(x))
	}
}

func (w *writing) text(number protowire.Number, text string) {
	if text != "" {
		w.bytes(number, []byte(text))
	}
}

func (w *writing) texts(number protowire.Number, list []string) {
	for _, s := range list {
		w.bytes(number, []byte(s)) // an empty name is an input that is left out
	}
}

func (w *writing) bytes(number protowire.Number, b []byte) {
	w.out = protowire.AppendTag(w.out, number, protowire.BytesType)
	w.out = protowire.AppendBytes(w.out, b)
}

func (w *writing) message(number protowire.Number, fill func(*writing)) {
	var inner writing
	fill(&inner)
	w.bytes(number, inner.out)
}

func (w *writing) ints(number protowire.Number, list []int64) {
	var b []byte
	for _, x := range list {
		b = protowire.AppendVarint(b, uint64(x))
	}
	if len(list) > 0 {
		w.bytes(number, b)
	}
}

func (w *writing) floats(number protowire.Number, list []float32) {
	var b []byte
	for _, x := range list {
		b = protowire.AppendFixed32(b, math.Float32bits(x))
	}
	if len(list) > 0 {
		w.bytes(number, b)
	}
}

func (w *writing) entries(number protowire.Number, m map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		w.message(number, func(w *writing) {
			w.text(1, key)
			w.text(2, m[key])
		})
	}
}

func (g *Graph) encode(w *writing) {
	for _, n := range g.Nodes {
		w.message(1, n.encode)
	}
	w.text(2, g.Name)
	for _, t := range g.Initializers {
		w.message(5, t.encode)
	}
	for _, v := range g.Inputs {
		w.message(11, v.encode)
	}
	for _, v := range g.Outputs {
		w.message(12, v.encode)
	}
}

func (f *Function) encode(w *writing) {
	w.text(1, f.Name)
	w.texts(4, f.Inputs)
	w.texts(5, f.Outputs)
	w.texts(6, f.Attrs)
	for _, n := range f.Nodes {
		w.message(7, n.encode)
	}
	w.text(10, f.Domain)
	for _, a := range f.Defaults {
		w.message(11, a.encode)
	}
}

func (n *Node) encode(w *writing) {
	w.texts(1, n.Inputs)
	w.texts(2, n.Outputs)
	w.text(3, n.Name)
	w.text(4, n.Op)
	for _, a := range n.Attrs {
		w.message(5, a.encode)
	}
	w.text(7, n.Domain)
	w.entries(9, n.Meta)
}

func (a *Attr) encode(w *writing) {
	w.text(1, a.Name)
	if a.Type == FloatAttr && a.Ref == "" {
		w.out = protowire.AppendTag(w.out, 2, protowire.Fixed32Type)
		w.out = protowire.AppendFixed32(w.out, math.Float32bits(a.F))
	}
	w.int(3, a.I)
	w.text(4, a.S)
	if a.T != nil {
		w.message(5, a.T.encode)
	}
	w.floats(7, a.Floats)
	w.ints(8, a.Ints)
	w.int(20, int64(a.Type))
	w.text(21, a.Ref)
}

func (t *Tensor) encode(w *writing) {
	w.ints(1, t.Dims)
	w.int(2, int64(t.Type))
	w.floats(4, t.Floats)
	w.ints(5, t.Int32s)
	w.ints(7, t.Int64s)
	w.text(8, t.Name)
	if t.Raw != nil {
		w.bytes(9, t.Raw)
	}
	if len(t.Doubles) > 0 {
		var b []byte
		for _, x := range t.Doubles {
			b = protowire.AppendFixed64(b, math.Float64bits(x))
		}
		w.bytes(10, b)
	}
	w.entries(13, t.External)
	if t.Outside {
		w.int(14, 1)
	}
}

func (v *Value) encode(w *writing) {
	w.text(1, v.Name)
	w.message(2, func(w *writing) {
		w.message(1, func(w *writing) {
			w.int(1, int64(v.Type))
			w.message(2, func(w *writing) {
				for _, d := range v.Dims {
					w.message(1, func(w *writing) {
						if d < 0 {
							w.text(2, "batch")
						} else {
							w.int(1, d)
						}
					})
				}
			})
		})
	})
}

// NewTensor is a tensor of floats.
func NewTensor(name string, dims []int, data []float32) *Tensor {
	t := &Tensor{Name: name, Type: Float32, Raw: make([]byte, 0, 4*len(data))}
	for _, d := range dims {
		t.Dims = append(t.Dims, int64(d))
	}
	for _, x := range data {
		t.Raw = binary.LittleEndian.AppendUint32(t.Raw, math.Float32bits(x))
	}
	return t
}
