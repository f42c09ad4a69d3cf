package main

import (
	"fmt"
	"strconv"
	"strings"

	"sotto/frontend/syntax"
	"sotto/ir/cost"
)

// declared is the price list of a target that a .sotto file declares: that of two of its boards, on the link that it names.
func (a *app) declared(d *syntax.Target) (cost.Target, error) {
	device, err := deviceOf(d)
	if err != nil {
		return cost.Target{}, err
	}
	count := "2" // there are two parties
	if n, ok := d.Count.(*syntax.Number); ok {
		count = n.Text
	}
	t, ok, err := pairOf(device + "x" + count)
	if !ok || err != nil {
		return cost.Target{}, d.Name.Errorf("target %s: there are no prices of %s x %s: accepted is %s, a price list's or a board's file with --target, or one of %s",
			d.Name.Name, device, count, boardForm, strings.Join(targetNames(), ", "))
	}
	t.Name = d.Name.Name
	t.Source += fmt.Sprintf("; as target %s declares it", d.Name.Name)
	if err := linkOf(d, &t.Link); err != nil {
		return cost.Target{}, err
	}
	if err := t.Link.Check(); err != nil {
		return cost.Target{}, d.Name.Errorf("target %s: %v", d.Name.Name, err)
	}
	return t, nil
}

const boardForm = `fpga("zcu104") x 2`

// deviceOf is the name in fpga("name").
func deviceOf(d *syntax.Target) (string, error) {
	call, ok := d.Device.(*syntax.Call)
	if ok && call.Fn.Name == "fpga" && len(call.Args) == 1 {
		if s, ok := call.Args[0].Value.(*syntax.Str); ok && len(s.Parts) == 1 && s.Parts[0].X == nil {
			return s.Parts[0].Text, nil
		}
	}
	return "", d.Name.Errorf("target %s is no board: accepted is %s", d.Name.Name, boardForm)
}

// Units of a declared link: bits a second, and milliseconds.
var (
	rateUnits = map[string]float64{"bps": 1, "Kbps": 1e3, "Mbps": 1e6, "Gbps": 1e9}
	timeUnits = map[string]float64{"ns": 1e-6, "us": 1e-3, "ms": 1, "s": 1e3}
)

// linkOf takes what a declaration says of its link. A delay is one way unless it says "round trip".
func linkOf(d *syntax.Target, link *cost.Link) error {
	if d.Link == nil {
		return nil
	}
	source := fmt.Sprintf("declared by target %s", d.Name.Name)
	for _, arg := range d.Link.Args {
		n, ok := arg.Value.(*syntax.Number)
		if !ok {
			return arg.Errorf("link: accepted are a rate, such as 8 Gbps, and a delay, such as 100 us one way")
		}
		v, err := strconv.ParseFloat(n.Text, 64)
		rate, isRate := rateUnits[n.Unit]
		delay, isDelay := timeUnits[n.Unit]
		switch {
		case err == nil && isRate && v > 0:
			link.BytesPerSecond = cost.Quantity{Value: v * rate / 8, Source: source}
		case err == nil && isDelay && v >= 0 && arg.Direction == "round trip":
			link.OneWayMS = cost.Quantity{Value: v * delay / 2, Source: source}
		case err == nil && isDelay && v >= 0:
			link.OneWayMS = cost.Quantity{Value: v * delay, Source: source}
		default:
			return arg.Errorf("link: %s %s: accepted are a positive rate in bps, Kbps, Mbps or Gbps, and a delay in ns, us, ms or s", n.Text, n.Unit)
		}
	}
	return nil
}
