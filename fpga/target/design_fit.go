package target

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Resource is a kind of what a board has of.
type Resource string

const (
	ResourceLUT  Resource = "LUT"
	ResourceFF   Resource = "FF"
	ResourceDSP  Resource = "DSP"
	ResourceBRAM Resource = "BRAM36"
	ResourceURAM Resource = "URAM"
)

// ResourceKinds lists them.
func ResourceKinds() []Resource {
	return []Resource{ResourceLUT, ResourceFF, ResourceDSP, ResourceBRAM, ResourceURAM}
}

// Of is how many of a resource the area takes; halves of block memories count as a whole one together.
func (a Area) Of(r Resource) int {
	return map[Resource]int{ResourceLUT: a.LUT, ResourceFF: a.FF, ResourceDSP: a.DSP, ResourceBRAM: a.BRAM36(), ResourceURAM: a.URAM}[r]
}

// FitError says that a design does not fit a board.
type FitError struct {
	Board    string
	Resource Resource // of which it lacks the most, as a part of what there is
	Need     int
	Have     int    // that may be planned with
	Kernel   Kernel // that takes most of it
	Takes    int    // of it
	// Settings are knobs and values with which the design fits; none where no values are small enough.
	Settings []Setting
}

func (e *FitError) Error() string {
	text := fmt.Sprintf("does not fit: %s has %d %s to plan with, the design needs %d, of which %s takes %d", e.Board, e.Have, e.Resource, e.Need, e.Kernel, e.Takes)
	if len(e.Settings) == 0 {
		return text + "; even the smallest kernels do not fit"
	}
	var words []string
	for _, s := range e.Settings {
		words = append(words, s.String())
	}
	return text + "; it fits with " + strings.Join(words, ", ")
}

// Fits demands that a design takes no more of a board than may be planned with. The error is a *FitError.
func (d Design) Fits(b Board) error {
	e := d.lacks(b)
	if e == nil {
		return nil
	}
	e.Settings = d.shrink(b, e)
	return e
}

// HasRoom tells whether a design takes no more of a board than may be planned with: Fits without its reasons.
func (d Design) HasRoom(b Board) bool { return d.lacks(b) == nil }

// lacks is the error without settings, or nil.
func (d Design) lacks(b Board) *FitError {
	have, parts := b.Plannable(), d.PartsOn(b)
	var need Area
	for _, p := range parts {
		need = need.Add(p.Area)
	}
	r := slices.MaxFunc(ResourceKinds(), func(x, y Resource) int { return cmp.Compare(share(need, have, x), share(need, have, y)) })
	if need.Of(r) <= have.Of(r) {
		return nil
	}
	most := slices.MaxFunc(parts, func(x, y Part) int { return cmp.Compare(x.Area.Of(r), y.Area.Of(r)) })
	return &FitError{Board: b.Name, Resource: r, Need: need.Of(r), Have: have.Of(r), Kernel: most.Kernel, Takes: most.Area.Of(r)}
}

// share is the part of what there is that is taken; far above 1 where there is none.
func share(need, have Area, r Resource) float64 {
	return float64(need.Of(r)) / max(float64(have.Of(r)), 0.1)
}

// shrink finds knobs to turn down, if it can without leaving out a kernel, which a network may need.
func (d Design) shrink(b Board, e *FitError) []Setting {
	if kept := d.shrinkTo(b, e, func(k knob) int { return max(k.least, min(*k.of(&d), 1)) }); kept != nil {
		return kept
	}
	return d.shrinkTo(b, e, func(k knob) int { return k.least })
}

// shrinkTo turns down one knob of the kernel that takes most of what lacks, if one is enough, and otherwise each in turn that gives back most of what
// lacks most, until the design fits.
func (d Design) shrinkTo(b Board, e *FitError, least func(knob) int) []Setting {
	for _, k := range knobs {
		if !strings.HasPrefix(k.name, string(e.Kernel)) {
			continue
		}
		for v := k.below(d); v >= least(k); v = k.below(d.turned(k, v)) {
			if smaller := d.turned(k, v); smaller.Check() == nil && smaller.lacks(b) == nil {
				return []Setting{{k.name, v}}
			}
		}
	}
	small := d
	for lacks := e; lacks != nil; lacks = small.lacks(b) {
		next, ok := small.reduced(b, lacks.Resource, least)
		if !ok {
			return nil
		}
		small = next
	}
	return d.changes(small)
}

// below is the next smaller value of a knob worth trying: all of a short progression, otherwise an eighth less.
func (k knob) below(d Design) int {
	v := *k.of(&d)
	if k.values == powers && v > 0 {
		return v / 2
	}
	return v - max(v/8, 1)
}

func (d Design) turned(k knob, v int) Design {
	*k.of(&d) = v
	return d
}

// reduced is the design with the one knob turned down a step that gives back the most of a resource.
func (d Design) reduced(b Board, r Resource, least func(knob) int) (best Design, ok bool) {
	takes := func(d Design) int { return d.areaOn(b).Of(r) }
	fewest := takes(d)
	for _, k := range knobs {
		for v := k.below(d); v >= least(k); v = k.below(d.turned(k, v)) {
			next := d.turned(k, v)
			if next.Check() != nil {
				continue
			}
			if n := takes(next); n < fewest {
				best, fewest, ok = next, n, true
			}
			if takes(next) < takes(d) { // one step of this knob
				break
			}
		}
	}
	return best, ok
}

// changes are the knobs that another design has other values of.
func (d Design) changes(other Design) []Setting {
	var all []Setting
	for _, k := range knobs {
		if v := *k.of(&other); v != *k.of(&d) {
			all = append(all, Setting{k.name, v})
		}
	}
	return all
}

// PartsOn are the parts in a board's own multipliers: those of the E1 generation are narrower by two bits, so that a product of ring words
// takes as many as synthesis gives a*b.
func (d Design) PartsOn(b Board) []Part {
	parts := d.Parts()
	if b.Chip.DSPKind != DSP48E1 {
		return parts
	}
	wide, narrow := RingMultiplier(d.Ring).DSP, Multiplier(d.Ring).DSP
	for i := range parts {
		parts[i].Area.DSP = parts[i].Area.DSP / wide * narrow
	}
	return parts
}

func (d Design) areaOn(b Board) Area {
	var all Area
	for _, p := range d.PartsOn(b) {
		all = all.Add(p.Area)
	}
	return all
}

// AreaOn is what the design takes of a board.
func (d Design) AreaOn(b Board) Area { return d.areaOn(b) }
