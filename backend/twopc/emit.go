// Package twopc turns a SECURE function into the programs of the two parties and the manifest of the material they use.
//
// Every SECURE op becomes a few instructions at each party. A value's part is ready at a moment that counts dependent
// messages; a message leaves as soon as its sender's parts are ready. The moment decides the level an instruction goes
// to, and what depends on no input lands in the offline program by itself.
package twopc

import (
	"fmt"
	"slices"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// Pair is what Emit gives.
type Pair struct {
	Client, Server *program.Program
	Manifest       *program.Manifest
}

// Tuning is what may differ without changing what is computed or sent.
type Tuning struct {
	SlotBytes int // the least size of a part that is put away while it waits long: slots.go
	Compared  int // values that are compared at once by OT, a multiple of 64
}

// DefaultTuning is for machines with a GB to spare: parts below 64 KiB stay in their buffers, and the masks of a comparison's OTs
// take up to 32 MB.
func DefaultTuning() Tuning { return Tuning{SlotBytes: 64 << 10, Compared: 1 << 20} }

// Emit makes the two programs of a SECURE function and checks them against each other. Its first input is the programs' Input, which has no buffer if
// the function has none; others are shared, Further, or Publics.
func Emit(m *ir.Module, f *ir.Func) (*Pair, error) { return EmitTuned(m, f, DefaultTuning()) }

// EmitTuned is Emit with a tuning of one's own.
func EmitTuned(m *ir.Module, f *ir.Func, tuning Tuning) (*Pair, error) {
	if m.Stage != ir.Secure || len(f.Params) > 0 && f.Params[0].Type.Share == ir.Public {
		return nil, fmt.Errorf("@%s is in stage %s with inputs %v: accepted is stage secure, with a first input that is no public number, or with none", f.Name, m.Stage, f.Params)
	}
	e := newEmitter(m, f)
	e.tuning = tuning
	for i, v := range f.Body {
		e.tag = i
		if !v.Op.Constant {
			e.of[v] = e.value(v)
			e.tap(v)
		}
	}
	return e.finish()
}

// part is one party's part of a value: a virtual register that becomes a buffer.
type part struct {
	kind  program.Kind
	n     int
	ready cost.Time
	id    int
	lane  lane
}

// shared is a value in the hands of the parties. A party without a part has nil.
type shared struct {
	at [2]*part
	// mask says which manifest item r or a is, for M and E values whose mask was drawn; see maskItem.
	mask *mask
	// a holds the shares of the mask of an opened value.
	a [2]*part
}

// mask is a drawn mask, or a movement of such.
type mask struct {
	item int // -1: not in the manifest yet
	n    int
	op   program.Opcode
	ints []int
	args []*mask
}

type emitter struct {
	m       *ir.Module
	f       *ir.Func
	bits    int
	of      map[*ir.Value]*shared
	man     *program.Manifest
	prog    [2]*stream
	tag     int
	batches int
	tuning  Tuning
	ots     [2]int // random OTs so far, by sender
	states  []*state
}

// stream collects one party's instructions before they are put into levels and buffers.
type stream struct {
	p       *program.Program
	parts   []*part
	ops     []timed
	weights map[*ir.Value]int // index in p.Weights
}

// class says where in its level an instruction goes.
type class uint8

const (
	send class = iota
	recv
	compute
)

type timed struct {
	op      program.Opcode
	tag     int
	class   class
	at      cost.Time
	out, in []*part
	ints    []int
}

func newEmitter(m *ir.Module, f *ir.Func) *emitter {
	bits := f.Result.Type.Elem.Bits
	e := &emitter{m: m, f: f, bits: bits, of: map[*ir.Value]*shared{},
		man: &program.Manifest{Version: program.Version, Deploy: m.Deploy, Ring: bits, Elementwise: m.Elementwise}}
	layers := e.layers()
	for p := range e.prog {
		e.prog[p] = &stream{weights: map[*ir.Value]int{}, p: &program.Program{Version: program.Version, Party: cost.Party(p), Deploy: m.Deploy, Net: f.Name, Ring: e.bits,
			Layers: layers, Extensions: ir.SessionOTs(m, f)}}
	}
	for _, x := range f.Params {
		e.of[x] = e.given(x.Type)
	}
	return e
}

// given is what the parties have when the online phase begins: both, or the client alone its input.
func (e *emitter) given(t ir.Type) *shared {
	in := &shared{}
	for p := range e.prog {
		if t.Share != ir.OfClient || cost.Party(p) == cost.Client {
			in.at[p] = e.part(cost.Party(p), program.Ring, t.Len(), cost.OnlineStart)
		}
	}
	return in
}

func (e *emitter) part(p cost.Party, kind program.Kind, n int, ready cost.Time) *part {
	s := e.prog[p]
	v := &part{kind: kind, n: n, ready: ready, id: len(s.parts)}
	s.parts = append(s.parts, v)
	return v
}

func latest(parts []*part) cost.Time {
	t := cost.Start
	for _, p := range parts {
		t = max(t, p.ready)
	}
	return t
}

// compute adds a local instruction at a party as soon as its arguments are there.
func (e *emitter) compute(p cost.Party, op program.Opcode, kind program.Kind, n int, ints []int, in ...*part) *part {
	out := e.part(p, kind, n, latest(in))
	e.add(p, timed{op, e.tag, compute, out.ready, []*part{out}, in, ints})
	return out
}

// ring is compute with a ring vector of the first argument's length as the result.
func (e *emitter) ring(p cost.Party, op program.Opcode, in ...*part) *part {
	return e.compute(p, op, program.Ring, in[0].n, nil, in...)
}

func (e *emitter) add(p cost.Party, t timed) { e.prog[p].ops = append(e.prog[p].ops, t) }

// send moves the low width bits of a vector to the other party.
func (e *emitter) send(from cost.Party, x *part, width int) *part {
	sendOp, recvOp, ints := program.SendRing, program.RecvRing, []int{width}
	if x.kind == program.Bits {
		sendOp, recvOp, ints = program.SendBits, program.RecvBits, nil
	}
	arrives := x.ready + 1
	out := e.part(from.Other(), x.kind, x.n, arrives)
	e.add(from, timed{sendOp, e.tag, send, arrives, nil, []*part{x}, ints})
	e.add(from.Other(), timed{recvOp, e.tag, recv, arrives, []*part{out}, nil, ints})
	return out
}

// item adds an entry to the manifest.
func (e *emitter) item(it program.Item) int {
	it.Tag = e.tag
	e.man.Items = append(e.man.Items, it)
	return len(e.man.Items) - 1
}

// material gives a party its part of a manifest item.
func (e *emitter) material(p cost.Party, item, which int) *part {
	out := e.part(p, program.Ring, e.man.Items[item].N, cost.Start)
	e.prog[p].p.Imports = append(e.prog[p].p.Imports, program.Import{Item: item, Part: which, Out: program.Operand{Buf: out.id, Len: out.n}})
	return out
}

// draw adds a fresh mask.
func (e *emitter) draw(n int) *mask {
	return &mask{item: e.item(program.Item{Kind: program.Mask, N: n}), n: n}
}

// maskItem gives the manifest item of a mask; movements enter the manifest when a product needs them.
func (e *emitter) maskItem(m *mask) int {
	if m == nil {
		ir.Bugf("a product reads what is masked with no drawn mask")
	}
	if m.item < 0 {
		var args []int
		for _, a := range m.args {
			args = append(args, e.maskItem(a))
		}
		m.item = e.item(program.Item{Kind: program.Moved, N: m.n, Args: args, Op: m.op, Ints: m.ints})
	}
	return m.item
}

// tap marks the parts of a value that is the result of a RING value of the same name.
func (e *emitter) tap(v *ir.Value) {
	s := e.of[v]
	if !v.Type.Share.Additive() || s.at[0] == nil || s.at[1] == nil {
		return
	}
	for p, s := range e.prog {
		s.p.Taps = append(s.p.Taps, program.Tap{Name: v.Name})
		at := e.of[v].at[p]
		e.add(cost.Party(p), timed{program.TapValue, e.tag, compute, at.ready, nil, []*part{at}, []int{len(s.p.Taps) - 1}})
	}
}

func (e *emitter) finish() (*Pair, error) {
	for p := range e.prog {
		s := e.prog[p]
		s.place(e.ends(cost.Party(p), s.p), e.tuning)
	}
	e.equalLevels()
	c, s := e.prog[0].p, e.prog[1].p
	if err := program.CheckPair(c, s); err != nil {
		ir.Bugf("emitted programs do not match: %v", err)
	}
	if err := program.Seal(c, s, e.man); err != nil {
		return nil, err
	}
	for _, p := range []*program.Program{c, s} {
		if err := p.Verify(e.man); err != nil {
			ir.Bugf("emitted program does not verify: %v", err)
		}
	}
	return &Pair{c, s, e.man}, nil
}

// ends describes what goes into a party's program and comes out of it.
func (e *emitter) ends(p cost.Party, to *program.Program) ends {
	y, others := e.f.Result, e.f.Params
	var all ends
	to.Input = program.Tensor{Name: "none", Shape: []int{1}, Buf: -1}
	if len(others) > 0 {
		x := others[0]
		lo, hi := ir.InputRange(x)
		to.Input = program.Tensor{Name: x.Name, Shape: x.Type.Shape, Frac: x.Type.Elem.Frac, Lo: lo, Hi: hi, Buf: -1,
			Mean: x.Floats("mean"), Std: x.Floats("std"), Resize: x.Int("resize"), Crop: x.Int("crop")}
		all.into(e.of[x].at[p], &to.Input.Buf)
		others = others[1:]
	}
	name, _ := e.f.Output["name"].(string)
	post, _ := e.f.Output["post"].(string)
	to.Output = program.Tensor{Name: name, Shape: y.Type.Shape, Frac: y.Type.Elem.Frac, Post: post, Buf: -1}
	all.outOf(e.of[y].at[p], &to.Output.Buf)
	to.Further = e.others(p, others, &all, func(x *ir.Value) bool { return x.Type.Share != ir.Public })
	to.Publics = e.others(p, others, &all, func(x *ir.Value) bool { return x.Type.Share == ir.Public })
	for _, s := range e.states {
		to.State = append(to.State, program.State{Name: s.path, Shape: s.shape, Frac: s.frac, In: -1, Out: -1})
	}
	for i, s := range e.states {
		all.into(s.in.at[p], &to.State[i].In)
		all.outOf(s.out.at[p], &to.State[i].Out)
	}
	return all
}

// others describes those of some inputs that are of a kind.
func (e *emitter) others(p cost.Party, inputs []*ir.Value, to *ends, kind func(*ir.Value) bool) []program.Tensor {
	var out []program.Tensor
	of := slices.DeleteFunc(slices.Clone(inputs), func(x *ir.Value) bool { return !kind(x) })
	for _, x := range of {
		out = append(out, program.Tensor{Name: x.Name, Shape: x.Type.Shape, Frac: x.Type.Elem.Frac, Buf: -1})
	}
	for i, x := range of {
		to.into(e.of[x].at[p], &out[i].Buf)
	}
	return out
}

// equalLevels gives both programs as many levels as the longer one has.
func (e *emitter) equalLevels() {
	c, s := e.prog[0].p, e.prog[1].p
	for _, pair := range [][2]*[]program.Level{{&c.Offline, &s.Offline}, {&c.Online, &s.Online}} {
		for len(*pair[0]) < len(*pair[1]) {
			*pair[0] = append(*pair[0], program.Level{})
		}
		for len(*pair[1]) < len(*pair[0]) {
			*pair[1] = append(*pair[1], program.Level{})
		}
	}
}
