package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"sotto/ir"
	"sotto/passes"
	"sotto/passes/fixed"
	"sotto/passes/ranges"
)

// precision is the error of the output that --error asks for.
type precision struct {
	value    float64 // 0: none is asked for
	relative bool    // of the greatest magnitude that the float network's output has on the probes
}

// parsePrecision reads E, in the output's own units, or P%.
func parsePrecision(text string) (p precision, err error) {
	if text == "" {
		return p, nil
	}
	number, relative := strings.CutSuffix(text, "%")
	p.relative = relative
	p.value, err = strconv.ParseFloat(number, 64)
	if relative {
		p.value /= 100
	}
	if err != nil || !(p.value > 0) || math.IsInf(p.value, 1) {
		return p, usagef("--error %s: accepted are the greatest error of an element of the output, such as 0.01, or P%% of the greatest output", text)
	}
	return p, nil
}

// absolute is the error asked for in the output's own units.
func (p precision) absolute(outputs [][]float64) float64 {
	if !p.relative {
		return p.value
	}
	top := 0.0
	for _, out := range outputs {
		for _, x := range out {
			top = max(top, math.Abs(x))
		}
	}
	return p.value * top
}

// toFixed takes a NET module, of which l.net is a copy, to RING: with the finest scales that fit, or, where an error was asked for,
// with the fewest fraction bits whose stated bound is no more than that, in the narrowest ring that has them. Prices may take
// other scales that keep to it (forms.go).
func (l *lowering) toFixed(m *ir.Module, asked precision) error {
	if err := l.runner.Run(l.context, m, passes.Bounded...); err != nil {
		return err
	}
	l.keepBounded(m)
	if asked.value == 0 {
		err := l.runner.Run(l.context, m, passes.Lowered...)
		l.ring = m
		return err
	}
	if l.source == nil {
		return usagef("--error measures the network: it needs --weights")
	}
	if err := l.floatOutputs(); err != nil {
		return err
	}
	wanted := asked.absolute(l.context.FloatOutputs)
	rings := []int{32, 64}
	if l.context.Ring != 0 {
		rings = []int{l.context.Ring}
	}
	fewest, err := l.fewestBits(m, rings, wanted)
	if err != nil {
		return err
	}
	c := *l.context
	c.Ring, c.Frac = fewest.Bits(), fewest.Frac
	err = l.runner.Run(&c, m, passes.Lowered...)
	l.context.Report, l.context.Notices = c.Report, c.Notices
	if err != nil {
		return err
	}
	l.context.Report.ErrorAsked, l.context.Report.ErrorBound = wanted, fewest.ErrorBound
	l.ring = m
	return nil
}

// floatOutputs evaluates the float network on the probes that the bound is measured on, where calibration has not.
func (l *lowering) floatOutputs() error {
	probes, err := l.probes()
	for _, x := range probes[min(len(probes), len(l.context.FloatOutputs)):] {
		f := l.net.Funcs[0]
		env, err := (&ir.Runner{Weight: ranges.WeightsOf(l.context)}).Run(f, &ir.Tensor{Type: f.Params[0].Type, F: x})
		if err != nil {
			return err
		}
		l.context.FloatOutputs = append(l.context.FloatOutputs, env[f.Result].Real())
	}
	return err
}

// fewestBits gives, of the first ring that has some, the scales of the fewest fraction bits that keep to a bound. They are searched for by halves, from the most:
// the bound grows as bits fall, but for single steps that rounding makes.
func (l *lowering) fewestBits(m *ir.Module, rings []int, wanted float64) (*form, error) {
	var best *form
	var misfit error
	for _, ring := range rings {
		var found *form
		list := fixed.Precisions(ring)
		for lo, hi, at := 0, len(list), len(list)-1; lo < hi; at = (lo + hi) / 2 {
			try, err := l.tryBits(m, ring, list[at])
			switch {
			case err != nil: // too many to fit
				hi, misfit = at, err
			case try.ErrorBound <= wanted:
				found, hi = try, at
			default:
				lo = at + 1
			}
			if try != nil && (best == nil || try.ErrorBound < best.ErrorBound) {
				best = try
			}
		}
		if found != nil {
			return found, nil
		}
	}
	if best == nil {
		return nil, misfit
	}
	return nil, fmt.Errorf("--error asks for %.3g: the least bound reached is %.3g, in ring %d with %d fraction bits: accepted is at least that%s", wanted, best.ErrorBound, best.Bits(), best.Frac, l.widerRing())
}

func (l *lowering) widerRing() string {
	if l.context.Ring == 32 {
		return ", or --ring 64"
	}
	return ""
}

// tryBits is the network with so many fraction bits, and its bound.
func (l *lowering) tryBits(m *ir.Module, ring, frac int) (*form, error) {
	x, err := l.at(m, ring, frac)
	if err != nil {
		return nil, err
	}
	if x.ErrorBound, err = l.boundOf(x.Ring); err != nil {
		return nil, err
	}
	l.app.progress.step("ring %d, %d fraction bits: error bound %.3g", ring, frac, x.ErrorBound)
	return x, nil
}
