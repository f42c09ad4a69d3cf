package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"sotto/fpga/lower"
	"sotto/fpga/pasnet"
	"sotto/fpga/target"
	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/runtime/wire"
)

// pair reads the boards, the knobs of their design that are set, and the link between them.
func (a *app) pair(f *fpgaFlags) (board target.Board, settings []target.Setting, link cost.Link, err error) {
	pair, ownLink, _ := strings.Cut(f.target, "@")
	if board, err = a.board(pair); err != nil {
		return board, nil, link, err
	}
	if settings, err = parseKnobs(f.knobs); err != nil {
		return board, nil, link, err
	}
	link, err = boardLink(cmp.Or(f.link, ownLink), board)
	return board, settings, link, err
}

// board reads a pair of boards of one kind.
func (a *app) board(name string) (target.Board, error) {
	if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
		text, err := a.read(name)
		if err != nil {
			return target.Board{}, err
		}
		b, err := target.Parse([]byte(text))
		return b, ofFile(name, err)
	}
	accepted := fmt.Sprintf("accepted are a pair of %s, such as %s, or a board's file", strings.Join(target.Names(), ", "), target.Names()[0]+pairSuffix)
	if slices.Contains(pasnet.TargetNames(), name) {
		return target.Board{}, usagef("--target: %s is the paper's model, which prices a network and describes no hardware: it is for sotto estimate alone; %s", name, accepted)
	}
	if slices.Contains(target.Names(), name) {
		return target.Board{}, usagef("%s is one board, and a private inference has two parties: --target %s%s", name, name, pairSuffix)
	}
	of, ok := strings.CutSuffix(name, pairSuffix)
	if !ok || !slices.Contains(target.Names(), of) {
		return target.Board{}, usagef("--target: no pair of boards is called %q: %s", name, accepted)
	}
	return target.Shipped(of)
}

// boardLink is a link by name or numbers; without one it is a board's own first port.
func boardLink(text string, b target.Board) (cost.Link, error) {
	if text == "" {
		return b.OwnLink(), nil
	}
	l, err := wire.ParseLink(text)
	if err != nil {
		return cost.Link{}, usageError{err}
	}
	if l.BitsPerSecond == 0 {
		return cost.Link{}, usagef("--link %s: it has no bandwidth that boards could be planned with: accepted are %s, or numbers such as 1gbps,100us", text, strings.Join(plannedLinks(), ", "))
	}
	const bitsPerByte = 8
	return cost.Link{BytesPerSecond: cost.Quantity{Value: l.BitsPerSecond / bitsPerByte, Source: "--link"}, OneWayMS: cost.Quantity{Value: 1e3 * l.OneWay.Seconds(), Source: "--link"}}, nil
}

// plannedLinks names the links that boards can be planned with.
func plannedLinks() (names []string) {
	for _, l := range wire.Links() {
		if l.BitsPerSecond > 0 {
			names = append(names, l.Name)
		}
	}
	return names
}

// hardwareWays is what boards compare by.
var hardwareWays = []pass.Nonlinear{pass.GarbledSign, pass.GarbledWhole, pass.OTSign}

// checkProtocols refuses what no kernel does, before a network is compiled for it.
func (f *fpgaFlags) checkProtocols(phases lower.Phases) error {
	if x := f.lower.ot; phases.Has(cost.Offline) && x != "" && x != wayAuto && x != cost.SoftSpoken.String() {
		return usagef("--ot %s: no kernel does it: accepted are %s and %s", x, cost.SoftSpoken, wayAuto)
	}
	if err := f.lower.checkWays(); err != nil {
		return err
	}
	if g := f.lower.garbling; g == string(cost.ThreeHalves) {
		return usagef("--garbling %s: no kernel does it: accepted are %s and %s", g, cost.HalfGates, cost.SchemeAuto)
	}
	return f.lower.nonlinear.check("nonlinear", func(way string) error {
		if way == wayAuto || slices.Contains(hardwareWays, pass.Nonlinear(way)) {
			return nil
		}
		return fmt.Errorf("no kernel does it: accepted are %v, or %s", hardwareWays, wayAuto)
	})
}

func parseKnobs(texts []string) (list []target.Setting, err error) {
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		n, err := strconv.Atoi(value)
		if !ok || err != nil {
			return nil, usagef("--knob %s: accepted is NAME=VALUE with a whole number, such as conv.tm=16", text)
		}
		s := target.Setting{Knob: name, Value: n}
		if err := s.Check(); err != nil {
			return nil, usagef("--knob %s: %w", text, err)
		}
		list = append(list, s)
	}
	return list, nil
}

// firstFit is what an error says of a layer or a board that does not fit, if it says that, and nothing before it.
func firstFit(err error) error {
	var layer *lower.FitError
	var board *target.FitError
	switch {
	case errors.As(err, &layer):
		return layer
	case errors.As(err, &board):
		return board
	}
	return err
}

// withKnob adds how to turn the knobs that an error names.
func withKnob(err error) error {
	var fit *target.FitError
	var knob *target.KnobError
	var settings []target.Setting
	switch {
	case errors.As(err, &fit):
		settings = fit.Settings
	case errors.As(err, &knob):
		settings = []target.Setting{knob.Setting()}
	}
	if len(settings) == 0 {
		return err
	}
	var flags []string
	for _, s := range settings {
		flags = append(flags, "--knob "+s.String())
	}
	return fmt.Errorf("%w; run again with %s", err, strings.Join(flags, " "))
}
