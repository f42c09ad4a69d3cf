package prices

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"

	"sotto/ir/cost"
)

// Machine is what a party has measured of itself.
type Machine struct {
	CPU          string
	Cores        int
	ProcessBytes int64                 // of a party that has no program yet
	Prices       map[string]cost.Price // by kernel
	Emulating    float64               // a link: what a message takes beyond the link's delay and its calls, nanoseconds
	Loopback     Quantity              // bytes a second between them, unencrypted
	Sessions     []Agreement           // that corrected the prices
}

// Clone is a copy whose prices may be corrected.
func (m *Machine) Clone() *Machine {
	out := *m
	out.Prices = maps.Clone(m.Prices)
	return &out
}

// Target gives the machine as a price list has it; source completes the sources of its numbers.
func (m *Machine) Target(source string) (cost.Machine, error) {
	out := cost.Machine{Cores: m.Cores, ProcessBytes: cost.Quantity{Value: float64(m.ProcessBytes), Spread: processSpread, Source: "resident memory of a party before its program is there; " + source}}
	for _, k := range cost.AllKernels() {
		p, ok := m.Prices[k.String()]
		if !ok {
			return out, fmt.Errorf("no price of %s was measured", k)
		}
		p.Source += "; " + source
		out.Prices[k] = p
	}
	return out, nil
}

// processSpread is what the memory of a fresh process varies by.
const processSpread = 0.1

// Bytes sets the prices of moving bytes from what a connection between two processes of the machine takes. Half a round trip is a call at
// either end: nothing else lies between them.
func (m *Machine) Bytes(w Wire) {
	const what = "1 MiB messages over mutual TLS between two processes of the machine, processor time of the %s; a call: a quarter of a round trip of messages of a byte"
	price := func(q Quantity, end string) cost.Price {
		return cost.Price{NS: round(q.Value), CallNS: round(w.HalfTrip.Value / 2), Spread: round(min(max(q.Spread, w.HalfTrip.Spread), mostSpread)), Source: fmt.Sprintf(what, end)}
	}
	m.Prices[cost.SendByte.String()] = price(w.Send, "sender")
	m.Prices[cost.ReceiveByte.String()] = price(w.Receive, "receiver")
	m.Prices[cost.Wake.String()] = cost.Price{NS: round(w.Wake.Value), Spread: round(w.Wake.Spread),
		Source: fmt.Sprintf("half a round trip of messages of a byte between two processes of the machine which each works for %v before it answers, less one of those that answer at once", waitForSleep)}
	m.Prices[cost.Begin.String()] = cost.Price{NS: 1, Source: "no session was run"} // until Refine
}

// Calls is what the two ends of a message take beside its bytes, nanoseconds: a party of the machine that sends it and one that receives it.
func (m *Machine) Calls() float64 {
	return m.Prices[cost.SendByte.String()].CallNS + m.Prices[cost.ReceiveByte.String()].CallNS
}

// Probes lists all that a party measures alone, in an order in which what one leaves to another is known.
func Probes() []*Probe {
	return slices.Concat(linearProbes(), vectorProbes(), garbledProbes(), otProbes(), encryptedProbes())
}

// Measure runs all probes, until ctx ends. step is told which begins.
func Measure(ctx context.Context, b Budget, cpu string, step func(name string, done, of int)) (*Machine, error) {
	m := &Machine{CPU: cpu, Cores: runtime.GOMAXPROCS(0), Prices: map[string]cost.Price{}}
	call := handingOver(b)
	known := map[cost.Kernel]cost.Price{}
	all := Probes()
	for i, p := range all {
		step(p.Name, i, len(all))
		prices, err := p.Run(b, known)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("measuring %w", err)
		}
		for k, price := range prices {
			if slices.Contains(instructions, k) && price.CallNS < call.Value {
				price.CallNS, price.Source = round(call.Value), price.Source+"; a call: a part of it handed to another core"
			}
			known[k] = price
			m.Prices[k.String()] = price
		}
	}
	return m, nil
}

// Refine takes the prices that sessions have corrected.
func (m *Machine) Refine(r Refined, sessions int) {
	for k, price := range r.Prices {
		name := cost.Kernel(k).String()
		before := m.Prices[name]
		factor, call := price.NS/before.NS, 1.0
		if before.CallNS > 0 {
			call = price.CallNS / before.CallNS
		}
		price.NS, price.AllNS, price.BusyNS, price.CallNS = round(price.NS), round(price.AllNS), round(price.BusyNS), round(price.CallNS)
		price.MeetNS = round(price.MeetNS)
		price.Source, price.Spread = before.Source, round(min(max(before.Spread, r.After), mostSpread))
		if round(factor) != 1 || round(call) != 1 {
			price.Source += fmt.Sprintf("; a unit times %.3g and a call times %.3g, so that estimates of %d phases of sessions of generated networks are off by %.0f %% for %.0f %%",
				factor, call, sessions, 100*r.After, 100*r.Before)
		}
		if price.MeetNS > 0 {
			price.Source += "; a call while the other party works, by sessions alone"
		}
		m.Prices[name] = price
	}
	m.Emulating, m.Sessions = r.Emulating, r.Sessions
}
