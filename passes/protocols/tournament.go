package protocols

import (
	"fmt"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
)

// maxpool compares pairs stage by stage: max(a, b) = b + relu(a - b). Garbled, each stage's winners are
// re-masked, so that the next one's circuits again know the client's part beforehand.
func (a *assigner) maxpool(v *ir.Value) *ir.Value {
	t := &tournament{assigner: a, v: v, attrs: v.Attrs.Only("kernel", "stride", "pad")}
	x := a.compared(v, a.To[v.Args[0]])
	t.attrs["image"] = x.Type.Shape
	winners, _ := t.play(t.op("tour.start", ".w", -1, x), nil)
	return a.B.At(v).MustAs(v.Name, "ring.reshape", ir.Attrs{"shape": v.Type.Shape}, winners)
}

// argmax plays the tournament with the indices carried along: the right one plus the sign times the difference.
func (a *assigner) argmax(v *ir.Value) *ir.Value {
	n := v.Args[0].Type.Len()
	t := &tournament{assigner: a, v: v, attrs: ir.Attrs{"image": []int{1, 1, n}, "kernel": []int{1, n}, "stride": []int{1, 1}}}
	x := a.compared(v, a.To[v.Args[0]])
	iota := a.B.At(v).MustAs(v.Name+".i", "ring.iota", ir.Attrs{"n": n, "bits": x.Type.Elem.Bits})
	_, index := t.play(x, iota)
	return a.B.At(v).MustAs(v.Name, "ring.reshape", ir.Attrs{"shape": []int{1}}, index)
}

type tournament struct {
	*assigner
	v     *ir.Value
	attrs ir.Attrs
}

// op emits a tournament op; stage -1 has none.
func (t *tournament) op(name, suffix string, stage int, args ...*ir.Value) *ir.Value {
	attrs := ir.Attrs{}
	for k, x := range t.attrs {
		attrs[k] = x
	}
	if stage >= 0 {
		attrs["stage"] = stage
		suffix += fmt.Sprint(stage)
	}
	return t.B.At(t.v).MustAs(t.v.Name+suffix, name, attrs, args...)
}

func (t *tournament) emit(suffix string, stage int, op string, args ...*ir.Value) *ir.Value {
	return t.B.At(t.v).MustAs(fmt.Sprintf("%s%s%d", t.v.Name, suffix, stage), op, nil, args...)
}

// play runs the tournament over live values, and over indices if there are any.
func (t *tournament) play(live, index *ir.Value) (best, bestIndex *ir.Value) {
	probe := &ir.Value{Op: ir.MustLookup("tour.start"), Attrs: t.attrs}
	g, err := probe.Tournament()
	if err != nil {
		ir.Bugf("%s: %v", t.v, err)
	}
	for s := range g.Stages() {
		live, index = t.stage(g, s, live, index)
	}
	return live, index
}

func (t *tournament) stage(g cost.Tournament, s int, live, index *ir.Value) (_, _ *ir.Value) {
	left, right := t.op("tour.left", ".l", s, live), t.op("tour.right", ".r", s, live)
	diff := t.emit(".s", s, "ring.sub", left, right)
	var winner *ir.Value
	if index == nil && t.way(t.v) == pass.DealtWhole {
		winner = t.emit(".x", s, "ring.add", t.gain(s, diff), right)
	} else {
		wins := t.sign(t.v, fmt.Sprintf("%s.d%d", t.v.Name, s), t.compared(t.v, diff), differenceWidth(t.v.Args[0]), 0)
		winner = t.emit(".x", s, "ring.add", t.emit(".u", s, "ot.mux", wins, diff), right)
		if index != nil {
			index = t.carry(s, wins, index)
		}
	}
	if s+1 < g.Stages() {
		winner = t.compared(t.v, winner)
	}
	return t.op("tour.next", ".w", s, winner, live), index
}

func (t *tournament) carry(s int, wins, index *ir.Value) *ir.Value {
	left, right := t.op("tour.left", ".il", s, index), t.op("tour.right", ".ir", s, index)
	gain := t.emit(".iu", s, "ot.mux", wins, t.emit(".is", s, "ring.sub", left, right))
	return t.op("tour.next", ".iw", s, t.emit(".ix", s, "ring.add", gain, right), index)
}
