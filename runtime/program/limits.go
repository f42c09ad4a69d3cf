package program

import (
	"fmt"
	"iter"
	"slices"

	"sotto/ir/cost"
)

// Limits on what a manifest or program may ask for. They are far above any network that this machine's memory holds, and
// keep every sum below within an int.
const (
	maxItems    = 1 << 20
	maxElements = 1 << 31
	maxMemory   = 64 << 30 // bytes of buffers, or of material
	maxRank     = 3        // of an input: channels, rows, columns

	maxOTsPerElement = 1 << 10 // random OTs of all the ops of a program, an element of its largest buffer
	maxSide          = 1 << 14 // pixels that an image is resized or cropped to
)

// maxPadded is how many elements the padded input of a convolution may have: padding takes memory that no buffer tells of.
// Networks have a few times their input, at small maps with dilated kernels a few dozen times.
func maxPadded(in, out int) int { return 1<<20 + 64*(in+out) }

// Memory is the size of a program's buffers in bytes.
func (p *Program) Memory() int64 {
	var bits int64
	for _, b := range p.Buffers {
		width := 1
		if b.Kind == Ring {
			width = p.Ring
		}
		bits += int64(b.Len) * int64(width)
	}
	return bits / 8
}

// Memory is the size in bytes of a manifest's items and of the masked weights that belong to them.
func (m *Manifest) Memory() int64 {
	var n int64
	for _, it := range m.Items {
		n += int64(it.N) + int64(it.WLen)
	}
	return n * int64(m.Ring/8)
}

// step is one of the lists of a level.
type step uint8

const (
	sending step = iota
	receiving
	computing
)

var stepNames = [...]string{sending: "sends", receiving: "receives", computing: "computes"}

// instructions lists all instructions of both phases with the list each stands in.
func (p *Program) instructions() iter.Seq2[step, Instr] {
	return func(yield func(step, Instr) bool) {
		for _, l := range slices.Concat(p.Offline, p.Online) {
			for s, list := range [...][]Instr{sending: l.Send, receiving: l.Recv, computing: l.Compute} {
				for _, in := range list {
					if !yield(step(s), in) {
						return
					}
				}
			}
		}
	}
}

// owners are the opcodes that one party alone can run: the server garbles.
var owners = map[Opcode]cost.Party{
	GCChoose: cost.Client, GCFlip: cost.Client, GCExpand: cost.Client, GCTables: cost.Client, GCEvaluate: cost.Client,
	GCZero: cost.Server, GCTrees: cost.Server, GCCorrect: cost.Server, GCGarble: cost.Server, GCRemask: cost.Server, GCLabels: cost.Server,
}

func (p *Program) stepOf(op Opcode) step {
	if _, ok := p.meets(op); ok {
		return sending
	}
	if _, chooses := otEnds[op]; chooses || padsOf(op) {
		return receiving
	}
	for _, recv := range receiver {
		if recv == op {
			return receiving
		}
	}
	return computing
}

// checkPlace demands that an opcode stands among the sends, receives or computations as it should, and at the right party.
func (p *Program) checkPlace(at step, op Opcode) error {
	if op == Spill || op == Fill {
		return nil
	}
	if want := p.stepOf(op); want != at {
		return fmt.Errorf("it stands where a level %s, not where it %s", stepNames[at], stepNames[want])
	}
	if owner, one := owners[op]; one && owner != p.Party {
		return fmt.Errorf("it is the %s's alone", owner)
	}
	return nil
}

// checkExtensions demands that every garbled batch is of some use, for each costs base OTs, and that no opcode uses one
// twice: two labels of one wire give Delta away.
func (p *Program) checkExtensions() error {
	type use struct {
		op    Opcode
		batch int
	}
	seen, used := map[use]bool{}, 0
	for _, in := range p.instructions() {
		if _, garbles := owners[in.Op]; !garbles || len(in.Ints) == 0 {
			continue
		}
		u := use{in.Op, in.Ints[0]}
		if u.op == GCRemask { // it garbles too
			u.op = GCGarble
		}
		if seen[u] {
			return fmt.Errorf("program: batch %d is used by %s before", u.batch, u.op)
		}
		seen[u] = true
		if in.Op == GCChoose || in.Op == GCZero || in.Op == GCTrees || in.Op == GCExpand {
			used++
		}
	}
	if o := p.Extensions.OT; int(o) >= len(cost.OTNames) {
		return fmt.Errorf("program: OT extension number %d, accepted are those below %d", o, len(cost.OTNames))
	}
	for i, g := range p.Extensions.Garbled {
		if g.Garbler != cost.Server || g.OTs < 1 || g.OTs > maxElements*maxOTsPerElement {
			return fmt.Errorf("program: batch %d has %d label OTs and the %s as its garbler", i, g.OTs, g.Garbler)
		}
	}
	if n := len(p.Extensions.Garbled); n > used {
		return fmt.Errorf("program: %d garbled batches, of which %d are used", n, used)
	}
	return p.checkOTs()
}
