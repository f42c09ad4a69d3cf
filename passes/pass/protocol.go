package pass

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"sotto/ir/cost"
)

// Nonlinear names a way to compute comparisons and what stands on them: relu, maxpool and argmax.
type Nonlinear string

const (
	// GarbledSign garbles the sign alone; a multiplexer follows.
	GarbledSign Nonlinear = "gc"
	// GarbledWhole garbles the whole op, with the truncation before it and a fresh sharing of the result: more gates, fewer rounds.
	GarbledWhole Nonlinear = "gc-whole"
	// DealtSign compares by keys that a dealer makes (function secret sharing); a multiplexer follows.
	DealtSign Nonlinear = "fss"
	// DealtWhole takes a relu, with the truncation before it where nothing else reads that, in two openings with such keys, and no OT.
	DealtWhole Nonlinear = "fss-whole"
	// OTSign compares by oblivious transfers; a multiplexer follows.
	OTSign Nonlinear = "ot"
)

// Nonlinears lists the accepted ways, the default first.
func Nonlinears() []Nonlinear {
	return []Nonlinear{GarbledSign, GarbledWhole, OTSign, DealtSign, DealtWhole}
}

// Truncation names a way to divide by a power of two.
type Truncation string

const (
	// OneCOT divides by one correlated OT and leaves a unit to chance.
	OneCOT Truncation = "cot"
	// ExactTruncation rounds down: the first way and a comparison of the dropped bits.
	ExactTruncation Truncation = "exact"
)

// Truncations lists the accepted ways, the default first.
func Truncations() []Truncation { return []Truncation{OneCOT, ExactTruncation} }

// Protocols says which protocol computes an op where several can. The zero value is the default of each.
type Protocols struct {
	Nonlinear  Nonlinear
	Truncation Truncation
	Garbling   cost.Scheme // of every garbled op

	// Sites and Truncations are for single ops, by their path (Sites, TruncationSites): they come before what the program does.
	Sites       map[string]Nonlinear
	Truncations map[string]Truncation
}

// Way gives the way to compute the comparing op at a path.
func (p Protocols) Way(path string) Nonlinear { return cmp.Or(p.Sites[path], p.Nonlinear) }

// TruncationAt gives the way to truncate the value of the layer at a path.
func (p Protocols) TruncationAt(path string) Truncation {
	return cmp.Or(p.Truncations[path], p.Truncation)
}

// WithDefaults fills what is not decided.
func (p Protocols) WithDefaults() Protocols {
	if p.Nonlinear == "" {
		p.Nonlinear = Nonlinears()[0]
	}
	if p.Truncation == "" {
		p.Truncation = Truncations()[0]
	}
	if p.Garbling == "" {
		p.Garbling = cost.Schemes()[0]
	}
	return p
}

// Check refuses protocols that there are none of.
func (p Protocols) Check() error {
	p = p.WithDefaults()
	for _, n := range slices.Concat([]Nonlinear{p.Nonlinear}, slices.Sorted(maps.Values(p.Sites))) {
		if !slices.Contains(Nonlinears(), n) {
			return fmt.Errorf("no way of comparing is called %q: accepted are %v", n, Nonlinears())
		}
	}
	for _, t := range slices.Concat([]Truncation{p.Truncation}, slices.Sorted(maps.Values(p.Truncations))) {
		if !slices.Contains(Truncations(), t) {
			return fmt.Errorf("no way of truncating is called %q: accepted are %v", t, Truncations())
		}
	}
	_, err := cost.ParseScheme(string(p.Garbling))
	return err
}
