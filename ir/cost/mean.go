package cost

import (
	"fmt"
	"math"
)

// Mean is the list between two calibrations of the same machines and link, each price their geometric mean: a machine that others share is
// faster at one hour than at another. Spreads are at least half of what the two are apart. Lists of other machines are an error.
func (t Target) Mean(u Target) (Target, error) {
	if t.Name != u.Name || t.Client != u.Client || t.Server != u.Server || t.Shared != u.Shared || len(t.Machines) != len(u.Machines) {
		return t, fmt.Errorf("mean of the lists %s and %s: accepted are two calibrations of the same machines and link", t.Name, u.Name)
	}
	t.Link = Link{t.Link.BytesPerSecond.mean(u.Link.BytesPerSecond), t.Link.OneWayMS.mean(u.Link.OneWayMS)}
	machines := map[string]Machine{}
	for name, m := range t.Machines {
		n, ok := u.Machines[name]
		if !ok || m.Cores != n.Cores {
			return t, fmt.Errorf("mean of two lists %s: machine %s is in one of them, or has more cores: accepted are two calibrations of the same machines", t.Name, name)
		}
		m.ProcessBytes = m.ProcessBytes.mean(n.ProcessBytes)
		for k, p := range m.Prices {
			m.Prices[k] = p.mean(n.Prices[k], m.Cores)
		}
		machines[name] = m
	}
	t.Machines = machines
	return t, nil
}

func (q Quantity) mean(r Quantity) Quantity {
	q.Value, q.Spread = between(q.Value, r.Value), apart(q.Value, r.Value, q.Spread, r.Spread)
	return q
}

func (p Price) mean(q Price, cores int) Price {
	out := p
	out.NS, out.CallNS, out.Spread = between(p.NS, q.NS), between(p.CallNS, q.CallNS), apart(p.NS, q.NS, p.Spread, q.Spread)
	if p.AllNS != 0 || q.AllNS != 0 {
		out.AllNS = between(p.all(), q.all())
	}
	if p.BusyNS != 0 || q.BusyNS != 0 {
		out.BusyNS = between(p.busy(cores), q.busy(cores))
	}
	if p.MeetNS != 0 || q.MeetNS != 0 {
		out.MeetNS = between(p.meet(), q.meet())
	}
	return out
}

// between is the geometric mean; of a number that may be 0 it is the arithmetic one.
func between(a, b float64) float64 {
	if a <= 0 || b <= 0 {
		return (a + b) / 2
	}
	return math.Sqrt(a * b)
}

// apart is the larger of two spreads, and of how far the numbers are from their middle.
func apart(a, b, spreadA, spreadB float64) float64 {
	if a+b <= 0 {
		return max(spreadA, spreadB)
	}
	return max(spreadA, spreadB, math.Abs(a-b)/(a+b))
}
