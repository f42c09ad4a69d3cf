package lower

import (
	"fmt"
	"slices"

	"sotto/ir/cost"
)

// Phases are the phase that boards run, or both one after the other.
type Phases struct{ First, Last cost.Phase }

// Only is one phase, Whole both.
func Only(p cost.Phase) Phases { return Phases{p, p} }

var Whole = Phases{cost.Offline, cost.Online}

// Has tells whether a phase is one of them.
func (p Phases) Has(phase cost.Phase) bool { return p.First <= phase && phase <= p.Last }

// Each lists them.
func (p Phases) Each() (all []cost.Phase) {
	for phase := p.First; phase <= p.Last; phase++ {
		all = append(all, phase)
	}
	return all
}

const bothPhases = "both"

// PhaseNames are what ParsePhases takes.
var PhaseNames = []string{cost.Online.String(), cost.Offline.String(), bothPhases}

// String names them.
func (p Phases) String() string {
	if p == Whole {
		return bothPhases
	}
	return p.First.String()
}

// ParsePhases reads the name of a phase, or of both.
func ParsePhases(text string) (Phases, error) {
	for _, p := range []Phases{Only(cost.Online), Only(cost.Offline), Whole} {
		if text == p.String() {
			return p, nil
		}
	}
	return Phases{}, fmt.Errorf("no phase is called %q: accepted are %v", text, PhaseNames)
}

// Boards run one phase's commands, and when all of them have ended at both the next one's: between the two an input comes in. Each part of a
// list is a run of the sequencer, whose counts begin at zero.

// border has everything that is cut from now on wait for all that has been cut for both boards.
func (c *cutter) border() {
	all := make([]int, len(*c.units))
	for n := range all {
		all[n] = n
	}
	c.begun = c.join(all)
}

// Part is a board with the commands of one phase alone.
func (b Board) Part(n int) Board {
	first := 0
	if n > 0 {
		first = b.Parts[n-1]
	}
	b.Commands = b.Commands[first:b.Parts[n]]
	return b
}

// divide says where the phases' commands end, and counts what those of a later one wait for from its first command on.
func (b *Board) divide(phases Phases) {
	var before, counts [Kernels]uint32
	phase := phases.First
	for n := range b.Commands {
		k := &b.Commands[n]
		if at := b.Instructions[b.Of[n][0]].Place.Phase; at != phase {
			phase, before = at, counts
			b.Parts = append(b.Parts, n)
		}
		for i := range k.Wait {
			k.Wait[i] -= min(k.Wait[i], before[i])
		}
		counts[k.Kernel]++
	}
	b.Parts = append(b.Parts, slices.Repeat([]int{len(b.Commands)}, len(phases.Each())-len(b.Parts))...)
}
