package pass

import (
	"fmt"
	"slices"
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
)

// Nonlinears lists the accepted ways, the default first.
func Nonlinears() []Nonlinear { return []Nonlinear{GarbledSign, GarbledWhole, DealtSign} }

// Protocols says which protocol computes an op where several can. The zero value is the default of each.
type Protocols struct {
	Nonlinear Nonlinear
}

// WithDefaults fills what is not decided.
func (p Protocols) WithDefaults() Protocols {
	if p.Nonlinear == "" {
		p.Nonlinear = Nonlinears()[0]
	}
	return p
}

// Check refuses protocols that there are none of.
func (p Protocols) Check() error {
	if p = p.WithDefaults(); !slices.Contains(Nonlinears(), p.Nonlinear) {
		return fmt.Errorf("no way of comparing is called %q: accepted are %v", p.Nonlinear, Nonlinears())
	}
	return nil
}
