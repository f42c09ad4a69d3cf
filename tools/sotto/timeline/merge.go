package timeline

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Clocks says how the server's clock was brought to the client's: by Shift microseconds at the server's time 0, and Drift a microsecond
// after that.
type Clocks struct {
	Shift, Drift float64
	// Low and High are the least and the greatest shift, in microseconds, by which no message arrives before it left.
	Low, High float64
	// Moved says that the two machines' own clocks, by which the shift would be Own, do not lie between those.
	Moved bool
	Own   float64
}

// Merge puts the traces of both parties of one session, in any order, on the client's clock. The two machines' clocks are believed as long as
// every message arrives after it left; otherwise the server's is shifted to the middle of what the messages both ways allow, as NTP does, and if
// no shift will do because one clock is faster, to the middle of the drift that will.
func Merge(a, b *File) (*File, Clocks, error) {
	client, server, err := sides(a, b)
	if err != nil {
		return nil, Clocks{}, err
	}
	clocks, err := align(client, server)
	if err != nil {
		return nil, clocks, err
	}
	out := *client
	out.Events = slices.Clone(client.Events)
	for _, e := range server.Events {
		if e.Ph != "M" {
			e.TS = micros(e.TS + clocks.Shift + clocks.Drift*e.TS)
			if e.Dur != nil {
				dur := micros(*e.Dur * (1 + clocks.Drift))
				e.Dur = &dur
			}
		}
		out.Events = append(out.Events, e)
	}
	out.settle()
	return &out, clocks, nil
}

// sides tells which trace is whose, and that they belong together.
func sides(a, b *File) (client, server *File, err error) {
	switch of := [2]int{a.Side(), b.Side()}; {
	case of[0] == 0 || of[1] == 0:
		return nil, nil, errors.New("a trace has both parties in it already: accepted is one of each party")
	case of[0] == of[1]:
		return nil, nil, fmt.Errorf("both traces are the %s's: accepted is one of each party", map[int]string{Client: "client", Server: "server"}[of[0]])
	case of[0] == Server:
		a, b = b, a
	}
	if a.About.Program != b.About.Program {
		return nil, nil, fmt.Errorf("the traces are of different programs, %.12s and %.12s", a.About.Program, b.About.Program)
	}
	if a.About.Session != b.About.Session {
		return nil, nil, fmt.Errorf("the traces are of different sessions, %.12s and %.12s", a.About.Session, b.About.Session)
	}
	return a, b, nil
}

// Side is the party that a trace is of: Client or Server, or 0 if it is of both.
func (f *File) Side() int {
	side := 0
	for _, e := range f.Events {
		switch {
		case e.PID != Client && e.PID != Server:
		case side == 0:
			side = e.PID
		case side != e.PID:
			return 0
		}
	}
	return side
}

// bound is a bound of the shift, in microseconds, by a message at some time of the server's.
type bound struct{ at, shift float64 }

// align finds the server's shift and drift.
func align(client, server *File) (c Clocks, err error) {
	lows, highs := bounds(client, server)
	if len(lows) == 0 || len(highs) == 0 {
		return c, errors.New("the traces have no message of either party in common: accepted are those of one session")
	}
	c.Own = float64(server.About.Origin-client.About.Origin) / 1e3
	c.Low, c.High = between(lows, highs, 0)
	if c.Low <= c.Own && c.Own <= c.High {
		c.Shift = c.Own
		return c, nil
	}
	c.Moved = true
	if c.Low > c.High {
		c.Drift = drift(lows, highs)
		c.Low, c.High = between(lows, highs, c.Drift)
	}
	c.Shift = (c.Low + c.High) / 2
	return c, nil
}

// bounds lists the least shifts, which the client's messages ask for, and the greatest, by the server's.
func bounds(client, server *File) (lows, highs []bound) {
	left := map[string]Event{}
	all := slices.Concat(client.Events, server.Events)
	for _, e := range all {
		if e.Ph == "s" {
			left[e.ID] = e
		}
	}
	for _, e := range all {
		from, sent := left[e.ID]
		switch {
		case e.Ph != "f" || !sent || from.PID == e.PID:
		case e.PID == Server:
			lows = append(lows, bound{e.TS, from.TS - e.TS})
		default:
			highs = append(highs, bound{from.TS, e.TS - from.TS})
		}
	}
	return lows, highs
}

// between gives the least and the greatest shift at a drift.
func between(lows, highs []bound, drift float64) (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	for _, b := range lows {
		low = max(low, b.shift-drift*b.at)
	}
	for _, b := range highs {
		high = min(high, b.shift-drift*b.at)
	}
	return low, high
}

// mostDrift is how much faster one clock may be: NTP slews a clock by 500 parts in a million at most, and there are two.
const mostDrift = 1e-3

// drift gives the one that leaves the shift the most room, which is a concave function of it.
func drift(lows, highs []bound) float64 {
	room := func(at float64) float64 {
		low, high := between(lows, highs, at)
		return high - low
	}
	from, to := -mostDrift, mostDrift
	for range 60 { // a third of the interval goes each time: to less than can be told apart
		if a, b := from+(to-from)/3, to-(to-from)/3; room(a) < room(b) {
			from = a
		} else {
			to = b
		}
	}
	return (from + to) / 2
}
