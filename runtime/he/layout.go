package he

import "sotto/ir/cost"

// Where a plan puts what: see ir/cost/heplan.go for the packing. All indices follow from the geometry.

// cell is what a coefficient of a channel's block holds: an element of the channel in one of the images, or zero if at < 0.
type cell struct{ image, at int32 }

// cells gives, for each phase, the coefficients of a block of a group.
func cells(p cost.HEPlan, group int) [][]cell {
	var all [][]cell
	for _, rows := range p.Rows.Phases {
		for _, cols := range p.Cols.Phases {
			all = append(all, phaseCells(p, group, rows, cols))
		}
	}
	return all
}

func phaseCells(p cost.HEPlan, group, rowPhase, colPhase int) []cell {
	var block []cell
	for unit := group * p.Units; unit < min((group+1)*p.Units, p.AllUnits()); unit++ {
		image, y0, x0 := p.Unit(unit)
		for y := range p.Plane / p.Row {
			row := (y0+y+p.Rows.First)*p.Rows.Stride + rowPhase
			for x := range p.Row {
				col := (x0+x+p.Cols.First)*p.Cols.Stride + colPhase
				c := cell{int32(image), -1}
				if row >= 0 && row < p.Rows.In && col >= 0 && col < p.Cols.In {
					c.at = int32(row*p.Cols.In + col)
				}
				block = append(block, c)
			}
		}
	}
	return block
}

// output is a coefficient of a reply's first block, and the element of the result of one output channel that it is.
type output struct{ coefficient, image, pixel int32 }

// outputs gives the outputs of a group. Those of output channel m of a reply lie m*Cw*Pitch further.
func outputs(p cost.HEPlan, group int) []output {
	var all []output
	base := (p.Cw - 1) * p.Pitch
	for b := range min(p.Units, p.AllUnits()-group*p.Units) {
		image, y0, x0 := p.Unit(group*p.Units + b)
		for y := range min(p.TileH, p.Rows.Out-y0) {
			for x := range min(p.TileW, p.Cols.Out-x0) {
				all = append(all, output{int32(base + b*p.Plane + y*p.Row + x), int32(image), int32((y0+y)*p.Cols.Out + x0 + x)})
			}
		}
	}
	return all
}

// tap is a weight of a kernel, u*KW + v, and how many coefficients before an output's own its product is to be moved.
type tap struct{ weight, offset int }

// taps gives the weights of a kernel by phase.
func taps(p cost.HEPlan) [][]tap {
	all := make([][]tap, len(p.Rows.Phases)*len(p.Cols.Phases))
	for u := range p.Layer.KH {
		rowPhase, down := p.Rows.Tap(u)
		for v := range p.Layer.KW {
			colPhase, right := p.Cols.Tap(v)
			phase := position(p.Rows.Phases, rowPhase)*len(p.Cols.Phases) + position(p.Cols.Phases, colPhase)
			all[phase] = append(all[phase], tap{u*p.Layer.KW + v, (down-p.Rows.First)*p.Row + right - p.Cols.First})
		}
	}
	return all
}

// position finds x in a list that has it.
func position(list []int, x int) int {
	for i, v := range list {
		if v == x {
			return i
		}
	}
	return len(list)
}

// term is one coefficient of a polynomial of weights: weights[weight] times X^exponent, where exponents below 0 are those of
// X^(N+exponent) with the sign changed.
type term struct{ weight, exponent int }

// terms gives the polynomial of weights from a block of channels to a block of outputs.
func terms(p cost.HEPlan, byPhase [][]tap, inBlock, outBlock int) []term {
	all := make([]term, 0, p.Cw*p.Mw*len(byPhase[0]))
	l, phases := p.Layer, len(byPhase)
	perGroup, outPerGroup, area := l.InC/l.Groups, l.OutC/l.Groups, l.KH*l.KW
	for c := inBlock * p.Cw; c < min((inBlock+1)*p.Cw, p.Channels()); c++ {
		channel := c / phases
		for m := outBlock * p.Mw; m < min((outBlock+1)*p.Mw, l.OutC); m++ {
			if m/outPerGroup != channel/perGroup {
				continue
			}
			base := ((m-outBlock*p.Mw+1)*p.Cw - 1 - (c - inBlock*p.Cw)) * p.Pitch
			for _, t := range byPhase[c%phases] {
				all = append(all, term{(m*perGroup+channel%perGroup)*area + t.weight, base - t.offset})
			}
		}
	}
	return all
}
