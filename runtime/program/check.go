package program

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"sotto/ir/cost"
	"sotto/runtime/kernel"
)

// check refuses programs that could reach outside their buffers or disagree with their manifest. A program may come from
// anybody: after this the executor need not look at indices again.
func (p *Program) check(m *Manifest) error {
	if err := m.Check(); err != nil {
		return err
	}
	if p.Ring != m.Ring || p.Deploy != m.Deploy || p.Party > cost.Server {
		return errors.New("program and manifest are of different rings, deployments or parties")
	}
	if err := cmp.Or(p.checkTables(m), p.checkCircuits(), p.checkExtensions(), p.checkComparisons(m)); err != nil {
		return err
	}
	for s, in := range p.instructions() {
		if err := p.checkInstr(s, in); err != nil {
			return fmt.Errorf("program: instruction %s of layer %d: %w", in.Op, in.Tag, err)
		}
	}
	return p.checkSlots()
}

func (p *Program) checkTables(m *Manifest) error {
	for i, b := range p.Buffers {
		if b.Len < 1 || b.Len > maxElements || b.Kind > Bits {
			return fmt.Errorf("program: buffer %d has %d elements", i, b.Len)
		}
	}
	if n := p.Memory(); n > maxMemory {
		return fmt.Errorf("program: buffers of %d bytes, accepted are at most %d", n, int64(maxMemory))
	}
	for i, w := range p.Weights {
		if w.Len < 1 || w.Len > maxElements {
			return fmt.Errorf("program: weight %d has %d elements", i, w.Len)
		}
	}
	for _, im := range p.Imports {
		if im.Item < 0 || im.Item >= len(m.Items) || im.Part < 0 || im.Part > 1 || p.operand(im.Out, Ring) != nil || im.Out.Len != m.Items[im.Item].N {
			return fmt.Errorf("program: import of item %d does not match the manifest", im.Item)
		}
	}
	for i, it := range m.Items {
		if it.Tag < 0 || it.Tag >= len(p.Layers) {
			return fmt.Errorf("program: manifest item %d belongs to layer %d of %d", i, it.Tag, len(p.Layers))
		}
	}
	return cmp.Or(p.checkInput(), p.checkTensor(p.Input), p.checkTensor(p.Output), p.checkGiven())
}

// checkInput holds what a client does with an image or array before it is an input.
func (p *Program) checkInput() error {
	t := p.Input
	if len(t.Shape) < 1 || len(t.Shape) > maxRank {
		return fmt.Errorf("program: input of shape %v, accepted are one to %d dimensions", t.Shape, maxRank)
	}
	if !(t.Lo <= t.Hi) || math.IsInf(t.Lo, 0) || math.IsInf(t.Hi, 0) {
		return fmt.Errorf("program: inputs from %g to %g", t.Lo, t.Hi)
	}
	if t.Resize < 0 || t.Resize > maxSide || t.Crop < 0 || t.Crop > maxSide {
		return fmt.Errorf("program: images resized to %d and cropped to %d, accepted are 0 to %d", t.Resize, t.Crop, maxSide)
	}
	return nil
}

func (p *Program) checkTensor(t Tensor) error {
	n := 1
	for _, d := range t.Shape {
		if d < 1 || n > maxElements/d {
			return fmt.Errorf("program: tensor %s of shape %v", t.Name, t.Shape)
		}
		n *= d
	}
	if t.Frac < 0 || t.Frac >= p.Ring {
		return fmt.Errorf("program: tensor %s has %d fraction bits", t.Name, t.Frac)
	}
	for _, list := range [][]float64{t.Mean, t.Std} { // of which each may be left out
		if len(list) > 0 && (len(t.Shape) == 0 || len(list) != t.Shape[0]) {
			return fmt.Errorf("program: tensor %s of shape %v has %d means and %d deviations", t.Name, t.Shape, len(t.Mean), len(t.Std))
		}
	}
	if t.Buf >= 0 {
		return p.operand(Operand{Buf: t.Buf, Len: n}, Ring)
	}
	return nil
}

func (p *Program) operand(o Operand, k Kind) error {
	if o.Buf < 0 || o.Buf >= len(p.Buffers) {
		return fmt.Errorf("buffer %d of %d", o.Buf, len(p.Buffers))
	}
	if b := p.Buffers[o.Buf]; (b.Kind != k && k != anyKind) || o.Len < 1 || o.Len > b.Len {
		return fmt.Errorf("%d elements of buffer %d, which has %d of another kind or fewer", o.Len, o.Buf, b.Len)
	}
	return nil
}

func (p *Program) checkInstr(at step, in Instr) error {
	s, ok := shapes[in.Op]
	if !ok {
		return errors.New("unknown opcode")
	}
	if err := p.checkPlace(at, in.Op); err != nil {
		return err
	}
	if in.Tag < 0 || in.Tag >= len(p.Layers) {
		return fmt.Errorf("layer %d of %d", in.Tag, len(p.Layers))
	}
	if (len(in.Ints) != s.ints && s.ints != anyInts) || len(in.Out) != len(s.out) || len(in.In) < len(s.in) || (len(in.In) > len(s.in) && !s.variadic) {
		return fmt.Errorf("%d results, %d arguments and %d numbers", len(in.Out), len(in.In), len(in.Ints))
	}
	for i, o := range in.Out {
		if err := p.operand(o, s.out[i]); err != nil {
			return err
		}
	}
	for i, o := range in.In {
		if err := p.operand(o, s.in[min(i, len(s.in)-1)]); err != nil {
			return err
		}
	}
	if err := p.checkWeights(in); err != nil {
		return err
	}
	return cmp.Or(checkSizes(in), p.checkWidths(in))
}

func (p *Program) checkWeights(in Instr) error {
	var want []int
	switch in.Op {
	case Shift, QuadraticBlind, QuadraticServer, RoundedCorrelate, RoundedServer:
		w := in.Ints[0]
		if w < 0 || w >= len(p.Weights) || in.Out[0].Len%p.Weights[w].Len != 0 {
			return fmt.Errorf("weight %d does not divide %d elements", w, in.Out[0].Len)
		}
		return nil
	case Conv:
		want = []int{in.Ints[2+convInts-1], in.Ints[2+3]}
	case Linear:
		want = []int{in.Ints[2] * in.Ints[3], in.Ints[2]}
	default:
		return nil
	}
	for i, n := range want {
		w := in.Ints[i]
		if i == 1 && w == -1 {
			continue
		}
		if w < 0 || w >= len(p.Weights) || p.Weights[w].Len != n {
			return fmt.Errorf("weight %d, which must have %d elements", w, n)
		}
	}
	return nil
}

// checkWidths holds bit widths within the ring, and garbled parts within their layer.
func (p *Program) checkWidths(in Instr) error {
	bits := p.Ring
	switch in.Op {
	case SendRing, RecvRing:
		if w := in.Ints[0]; w < 1 || w > bits {
			return fmt.Errorf("width %d", w)
		}
	case CompareChoose, CompareTurn, CompareAnswer, CompareSelect, CompareOpen, CompareJoin:
		return p.checkComparison(in)
	case TruncChoose, TruncCorrelate, TruncReceive, TruncSend, TruncExcess, Coarse:
		if f := in.Ints[0]; f < 1 || f > bits-3 {
			return fmt.Errorf("drops %d of %d bits", f, bits)
		}
	case RoundedShare, RoundedOffer, RoundedFix, RoundedTurn, RoundedPad, RoundedHold, RoundedCorrelate, RoundedClient, RoundedServer:
		return p.checkRounded(in)
	case QuadraticBlind, QuadraticClient, QuadraticServer:
		if k := in.Ints[len(in.Ints)-1]; k < 0 || k >= bits {
			return fmt.Errorf("a factor of 2^%d in %d bits", k, bits)
		}
	case Sign:
		if w := in.Ints[0]; w < 2 || w > bits {
			return fmt.Errorf("width %d", w)
		}
	case GCChoose, GCZero, GCFlip, GCTrees, GCExpand, GCCorrect, GCGarble, GCRemask, GCTables, GCLabels, GCEvaluate:
		return p.checkGarbled(in)
	case TapValue:
		if t := in.Ints[0]; t < 0 || t >= len(p.Taps) {
			return fmt.Errorf("tap %d of %d", t, len(p.Taps))
		}
	}
	return nil
}

// checkRounded holds what a quadratic of a truncated value drops and multiplies by: the last ints, behind a weight.
func (p *Program) checkRounded(in Instr) error {
	ints := in.Ints
	if len(ints) == 3 {
		ints = ints[1:]
	}
	if f := ints[0]; f < 1 || f > p.Ring-3 {
		return fmt.Errorf("drops %d of %d bits", f, p.Ring)
	}
	if len(ints) == 2 && (ints[1] < 0 || ints[1] >= p.Ring) {
		return fmt.Errorf("a factor of 2^%d in %d bits", ints[1], p.Ring)
	}
	return nil
}

// checkSizes demands that the lengths of operands fit the opcode.
func checkSizes(in Instr) error {
	var lens []int
	for _, o := range append(slices.Clone(in.Out), in.In...) {
		lens = append(lens, o.Len)
	}
	if m, ok := movements[in.Op]; ok {
		return m.check(in)
	}
	if in.Op.Bilinear() {
		if in.In[2].Len != in.Out[0].Len {
			return fmt.Errorf("%d elements to add to %d", in.In[2].Len, in.Out[0].Len)
		}
		return checkBilinear(in.Op, in.Ints, in.Out[0].Len, in.In[0].Len, in.In[1].Len)
	}
	switch in.Op {
	case MulPublic:
		if in.In[1].Len != 1 || in.In[0].Len != in.Out[0].Len {
			return fmt.Errorf("%d elements times %d into %d, accepted is one number", in.In[0].Len, in.In[1].Len, in.Out[0].Len)
		}
	case Conv, Linear:
		if in.In[1].Len != in.Out[0].Len {
			return fmt.Errorf("%d products for %d results", in.In[1].Len, in.Out[0].Len)
		}
		wlen := 0
		if in.Op == Conv {
			wlen = in.Ints[2+convInts-1]
		} else {
			wlen = in.Ints[2] * in.Ints[3]
		}
		return checkLinear(in.Op, in.Ints[2:], in.Out[0].Len, in.In[0].Len, wlen)
	case GCChoose, GCZero, GCFlip, GCTrees, GCExpand, GCCorrect, GCGarble, GCRemask, GCTables, GCLabels, GCEvaluate: // parts: see checkGarbled
	case OTDraw, OTChoose, OTPads, OT16Choose, OT16Pads, BitsChoose, BitsPads, Products:
		return checkOTSizes(in)
	case CompareChoose, CompareTurn, CompareAnswer, CompareSelect, CompareOpen, CompareJoin: // planes: see checkComparison
	case Take:
		if lo := in.Ints[0]; lo < 0 || lo > in.In[0].Len-in.Out[0].Len {
			return fmt.Errorf("%d elements of %d from %d on", in.Out[0].Len, in.In[0].Len, lo)
		}
	case JoinBits:
		total := 0
		for i, o := range in.In {
			if total += o.Len; i+1 < len(in.In) && o.Len%64 != 0 {
				return fmt.Errorf("%d bits before others, accepted are whole words", o.Len)
			}
		}
		if total != in.Out[0].Len {
			return fmt.Errorf("%d elements into %d", total, in.Out[0].Len)
		}
	default: // elementwise
		for _, n := range lens {
			if n != lens[0] {
				return fmt.Errorf("operands of %v elements", lens)
			}
		}
	}
	return nil
}

// Geometry reads the convolution that the ints describe.
func Geometry(ints []int) kernel.Conv {
	return kernel.Conv{InC: ints[0], InH: ints[1], InW: ints[2], OutC: ints[3], KH: ints[4], KW: ints[5], StrideH: ints[6], StrideW: ints[7],
		PadH: ints[8], PadW: ints[9], DilH: ints[10], DilW: ints[11], Groups: ints[12]}
}

// checkLinear checks the ints of a linear map from in to out elements with weights elements.
func checkLinear(op Opcode, ints []int, out, in, weights int) error {
	if op == Linear {
		if len(ints) != 2 || ints[0] != out || ints[1] != in || weights != out*in {
			return fmt.Errorf("a matrix %v for %d to %d elements", ints, in, out)
		}
		return nil
	}
	if len(ints) != convInts {
		return fmt.Errorf("%d numbers for a convolution", len(ints))
	}
	c := Geometry(ints)
	if err := c.Check(); err != nil {
		return err
	}
	if n := c.PaddedLen(); n > maxPadded(in, out) {
		return fmt.Errorf("padding that makes %d elements of %d, accepted are at most %d", n, in, maxPadded(in, out))
	}
	if c.InLen() != in || c.OutLen() != out || c.WeightLen() != weights || ints[convInts-1] != weights {
		return fmt.Errorf("a convolution of %d to %d elements with %d weights for %d to %d with %d", c.InLen(), c.OutLen(), c.WeightLen(), in, out, weights)
	}
	return nil
}

// CheckPair demands that every send of one program meets a recv of the same bytes in the same level and order of the
// other. Within a level both directions move at once, so such a pair cannot block.
func CheckPair(client, server *Program) error {
	for i, pair := range [][2][]Level{{client.Offline, server.Offline}, {client.Online, server.Online}} {
		if len(pair[0]) != len(pair[1]) {
			return fmt.Errorf("%s: %d levels at the client, %d at the server", cost.Phase(i), len(pair[0]), len(pair[1]))
		}
		for j := range pair[0] {
			c, s := pair[0][j], pair[1][j]
			if err := errors.Join(matches(c.Send, s.Recv, client, server), matches(s.Send, c.Recv, server, client)); err != nil {
				return fmt.Errorf("%s level %d: %w", cost.Phase(i), j, err)
			}
		}
	}
	return nil
}

func matches(sends, recvs []Instr, from, to *Program) error {
	sends, recvs = slices.DeleteFunc(slices.Clone(sends), Instr.Local), slices.DeleteFunc(slices.Clone(recvs), Instr.Local)
	if len(sends) != len(recvs) {
		return fmt.Errorf("%d sends meet %d recvs", len(sends), len(recvs))
	}
	for i := range sends {
		s, r := sends[i], recvs[i]
		if meets, _ := from.meets(s.Op); meets != r.Op || from.SentBytes(s) != to.SentBytes(r) || s.Tag != r.Tag {
			return fmt.Errorf("%s of layer %d, %d bytes, meets %s of layer %d, %d bytes", s.Op, s.Tag, from.SentBytes(s), r.Op, r.Tag, to.SentBytes(r))
		}
	}
	return nil
}

// receiver names the recv that meets each send.
var receiver = map[Opcode]Opcode{
	SendRing: RecvRing, SendBits: RecvBits, GCChoose: GCZero, GCTrees: GCExpand, GCGarble: GCTables, GCRemask: GCTables, GCLabels: GCEvaluate,
}

// SentBytes is the payload that a send or its recv moves.
func (p *Program) SentBytes(in Instr) int64 {
	var n int64
	for _, o := range append(slices.Clone(in.In), in.Out...) {
		n = int64(o.Len)
	}
	switch in.Op {
	case SendRing, RecvRing:
		return cost.BitBytes(n, in.Ints[0])
	case SendBits, RecvBits:
		return cost.BitBytes(n, 1)
	}
	if bytes := p.otBytes(in); bytes > 0 {
		return bytes
	}
	return p.garbledBytes(in)
}
