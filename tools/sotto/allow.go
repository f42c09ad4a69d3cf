package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/choose"
)

// allowPolynomial is the value of --allow that lets prices decide between a comparison and a polynomial. It is never the default: the function is
// another one, so weights must have been trained for it.
const allowPolynomial = "polynomial"

// picked is a choice that was made by price, with what each other option would add, the runner-up first.
type picked struct {
	Path       string         `json:"path"`
	Chosen     string         `json:"chosen"`
	Polynomial bool           `json:"polynomial"`
	Rivals     []choose.Rival `json:"rivals"`
	// Flips are the nearest bandwidths and delays on either side of the link's where the pick of all together turns, if that was asked for and
	// this choice is among those that change there.
	Flips []choose.Flip `json:"flips,omitempty"`
}

// checkAllowed refuses what --allow does not know.
func (f *lowerFlags) checkAllowed() error {
	for _, what := range f.allow {
		if what != allowPolynomial {
			return usagef("--allow %s: accepted is %s", what, allowPolynomial)
		}
	}
	return nil
}

// pick decides by price the open choices of a network that offer a polynomial, if that is allowed: the network with the decisions, and what was
// decided. Prices are at assumed ranges.
func (a *app) pick(n *network, f lowerFlags, target cost.Target) (*network, []picked, error) {
	if err := f.checkAllowed(); err != nil || len(f.allow) == 0 {
		return n, nil, err
	}
	if n.module.Stage != ir.Space {
		return nil, nil, usagef("--allow %s: accepted are networks with choices, such as choice act(x) = relu(x) | x2act(x)", allowPolynomial)
	}
	p, err := a.picker(n, f, target)
	if err != nil {
		return nil, nil, err
	}
	best, err := p.best(target.Link)
	if err != nil {
		return nil, nil, err
	}
	all, err := p.rows(best.options)
	if err != nil || !f.explain {
		return p.with(best.options), all, err
	}
	a.progress.step("looking for flips of polynomials")
	return p.with(best.options), all, p.flips(all, target.Link)
}

// notePicked says what a user must know of polynomials that were picked.
func (l *lowering) notePicked(all []picked) {
	polynomials := 0
	for _, x := range all {
		if x.Polynomial {
			polynomials++
		}
	}
	if len(all) > 0 {
		l.context.Notice("--allow %s: of %d open activations %d are polynomials by price. That is another function: weights must have been trained for it, and `sotto verify --data` measures its accuracy",
			allowPolynomial, len(all), polynomials)
	}
}

// pickedText is a table of what was picked, nothing where nothing was open.
func pickedText(w io.Writer, all []picked) {
	if len(all) == 0 {
		return
	}
	explained := slices.ContainsFunc(all, func(x picked) bool { return x.Flips != nil })
	var rows [][]string
	for _, x := range all {
		var others []string
		for _, r := range x.Rivals {
			others = append(others, fmt.Sprintf("%s %+.3g ms", r.Option, r.Offline+r.Online))
		}
		row := []string{x.Path, x.Chosen, strings.Join(others, ", ")}
		if explained {
			for _, axis := range choose.Axes() {
				row = append(row, nearestText(x.Flips, axis))
			}
		}
		rows = append(rows, row)
	}
	head := "choice picked others"
	if explained {
		head += flipsHead
	}
	table(w, head, rows)
	fmt.Fprintln(w)
}

// nearestText says where the pick turns, nothing where this choice stays.
func nearestText(flips []choose.Flip, axis choose.Axis) string {
	if !slices.ContainsFunc(flips, func(f choose.Flip) bool { return f.Axis == axis }) {
		return ""
	}
	return flipsText(flips, axis)
}
