package prices

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"sotto/ir/cost"
)

// Session is a phase of a real session of a generated program, and what it took.
type Session struct {
	Name   string
	Ledger *cost.Ledger
	Phase  cost.Phase
	Link   cost.Link // one that delays messages is emulated, and has the delay that it is told to have
	MS     float64   // median
}

// How far prices that were measured alone may be from what they are in a session, where memory is new, caches are cold and parties
// share the machine: the standard deviation of the logarithm. A call says less than a unit. Times of sessions scatter too.
const (
	unitSlack    = 0.25
	callSlack    = 1
	byteSlack    = 0.07 // of bytes, which were measured as sessions move them
	messageSlack = 1
	meetSlack    = 2 // of messages while the peer is at work, which nothing measures alone
	emulateSlack = 1 // of what emulating a link takes
	sessionNoise = 0.05
	noiseMS      = 0.3 // of short phases: what starting threads and waking processes varies by
	outlier      = 2   // standard deviations beyond which a session counts by its distance, not its square
	mostFactor   = 4   // either way
	mostMessage  = 64  // of a message's call, which a round trip by itself says little of
	refinements  = 8
)

// Refined is a price list that sessions have corrected, with how far estimates were off before and are now: the root mean square of the
// relative errors, each session counting by its time.
type Refined struct {
	Prices        cost.Prices
	Emulating     float64 // a link: what a message takes beyond its delay, nanoseconds
	Before, After float64
	Sessions      []Agreement
}

// Agreement is what a session took beside its estimates, in milliseconds.
type Agreement struct {
	Name     string  `json:"name"`
	Phase    string  `json:"phase"`
	Measured float64 `json:"measured_ms"`
	Alone    float64 `json:"alone_ms"`   // at the prices of kernels measured alone
	Refined  float64 `json:"refined_ms"` // at those that sessions corrected
}

// Refine corrects the prices of a target's one machine, which both parties share, so that estimates of sessions agree with what the
// sessions took: the most likely prices, given the measured ones as the expectation of a logarithmic normal distribution and sessions that
// scatter. emulating is what a message by itself takes over an emulated link beyond the link's delay, nanoseconds. It goes by Gauss and
// Newton's method, derivatives being differences of cost.Estimate.
func Refine(t cost.Target, machine string, emulating float64, sessions []Session) (Refined, error) {
	for _, s := range sessions {
		if !(s.Link.BytesPerSecond.Value > 0) {
			return Refined{}, fmt.Errorf("refining prices: %s, %s: a link of %g bytes a second: accepted is that which the session ran over", s.Name, s.Phase, s.Link.BytesPerSecond.Value)
		}
	}
	r := &refinement{target: t, machine: machine, sessions: sessions, base: t.Machines[machine].Prices, emulating: emulating}
	r.list()
	x := make([]float64, len(r.params))
	before, err := r.errors(x)
	if err != nil {
		return Refined{}, err
	}
	if len(x) > 0 {
		for range refinements {
			if x, err = r.step(x); err != nil {
				return Refined{}, err
			}
		}
	}
	after, err := r.errors(x)
	out := Refined{Prices: r.prices(x), Emulating: r.emulated(x), Before: r.rms(before), After: r.rms(after)}
	for i, s := range sessions {
		out.Sessions = append(out.Sessions, Agreement{s.Name, s.Phase.String(), s.MS, s.MS * math.Exp(before[i]), s.MS * math.Exp(after[i])})
	}
	return out, err
}

// Beginning is a first price of a session's beginning: the median of what phases before the inputs took beyond their estimates, which have
// none of it to speak of.
func Beginning(t cost.Target, sessions []Session) cost.Price {
	var rest []float64
	for _, s := range sessions {
		if s.Phase == cost.Offline {
			t.Link = s.Link
			rest = append(rest, s.MS-cost.Estimate(s.Ledger, t).Offline.MS)
		}
	}
	const leastMS = 0.1
	q := quantityOf(rest)
	return cost.Price{NS: round(nsPerMS * max(q.Value, leastMS)), Spread: round(min(math.Abs(q.Spread), mostSpread)),
		Source: fmt.Sprintf("what %d sessions of generated networks took before their inputs beyond what their kernels take alone", len(rest))}
}

const nsPerMS = 1e6

// refinement is the problem: parameters are logarithms of factors.
type refinement struct {
	target    cost.Target
	machine   string
	sessions  []Session
	base      cost.Prices
	emulating float64
	params    []param
}

// param is a factor of what a unit or a call of a kernel takes, a call while the peer is at work, or emulating a link.
type param struct {
	kernel              cost.Kernel
	call, meet, emulate bool
}

func (p param) slack() float64 {
	switch {
	case p.meet:
		return meetSlack
	case p.emulate:
		return emulateSlack
	case p.message() && p.call:
		return messageSlack
	case p.message():
		return byteSlack
	case p.call || p.kernel == cost.Begin:
		return callSlack
	}
	return unitSlack
}

// message tells whether it is of what messages take.
func (p param) message() bool { return p.kernel == cost.SendByte || p.kernel == cost.ReceiveByte }

// most bounds the factor.
func (p param) most() float64 {
	if p.meet || p.emulate || p.call && p.message() {
		return mostMessage
	}
	return mostFactor
}

// list takes the kernels that the sessions have, what a message takes where both parties work, and what emulating a link takes.
func (r *refinement) list() {
	var used [cost.Kernels]bool
	for _, s := range r.sessions {
		for _, w := range s.Ledger.Work {
			used[w.Kernel] = true
		}
		used[cost.SendByte], used[cost.ReceiveByte] = true, true
	}
	for k, price := range r.base {
		if used[k] {
			r.params = append(r.params, param{kernel: cost.Kernel(k)})
		}
		if used[k] && price.CallNS > 0 {
			r.params = append(r.params, param{kernel: cost.Kernel(k), call: true})
		}
	}
	r.params = append(r.params, param{kernel: cost.ReceiveByte, meet: true}, param{emulate: true})
}

// prices are the base's times the factors.
func (r *refinement) prices(x []float64) cost.Prices {
	out := r.base
	for i, p := range r.params {
		f, price := math.Exp(x[i]), &out[p.kernel]
		switch {
		case p.emulate:
		case p.meet:
			price.MeetNS = f * r.base[p.kernel].CallNS
		case p.call:
			price.CallNS *= f
		default:
			price.NS *= f
			price.AllNS *= f
			price.BusyNS *= f
		}
	}
	return out
}

// emulated is what emulating a link takes.
func (r *refinement) emulated(x []float64) float64 {
	i := slices.IndexFunc(r.params, func(p param) bool { return p.emulate })
	return r.emulating * math.Exp(x[i])
}

// errors are the logarithms of estimate over measurement.
func (r *refinement) errors(x []float64) ([]float64, error) {
	t := r.target
	m := t.Machines[r.machine]
	m.Prices = r.prices(x)
	t.Machines = map[string]cost.Machine{r.machine: m}
	out := make([]float64, len(r.sessions))
	for i, s := range r.sessions {
		t.Link = s.Link
		if t.Link.OneWayMS.Value > 0 {
			t.Link.OneWayMS.Value += r.emulated(x) / nsPerMS
		}
		e := cost.Estimate(s.Ledger, t)
		ms := e.Offline.MS
		if s.Phase == cost.Online {
			ms = e.Online.MS
		}
		if !(ms > 0) || !(s.MS > 0) {
			return nil, fmt.Errorf("refining prices: %s, %s: estimate %g ms, measured %g ms: accepted are positive times", s.Name, s.Phase, ms, s.MS)
		}
		out[i] = math.Log(ms / s.MS)
	}
	return out, nil
}

// weight is one over the noise of a session's time, less for one that is far off (P. J. Huber, "Robust Estimation of a Location
// Parameter", 1964).
func (s Session) weight(off float64) float64 {
	w := 1 / math.Hypot(sessionNoise, noiseMS/s.MS)
	if d := w * math.Abs(off); d > outlier {
		w *= math.Sqrt(outlier / d)
	}
	return w
}

// step is one of Gauss and Newton's: least squares in the sessions' errors and the parameters' distance from 0.
func (r *refinement) step(x []float64) ([]float64, error) {
	const difference = 0.02
	n, k := len(r.sessions), len(x)
	now, err := r.errors(x)
	if err != nil {
		return nil, err
	}
	a, b := mat.NewDense(n+k, k, nil), mat.NewVecDense(n+k, nil)
	for j := range x {
		moved := append([]float64(nil), x...)
		moved[j] += difference
		then, err := r.errors(moved)
		if err != nil {
			return nil, err
		}
		for i, s := range r.sessions {
			a.Set(i, j, s.weight(now[i])*(then[i]-now[i])/difference)
		}
		a.Set(n+j, j, 1/r.params[j].slack())
		b.SetVec(n+j, -x[j]/r.params[j].slack())
	}
	for i, s := range r.sessions {
		b.SetVec(i, -s.weight(now[i])*now[i])
	}
	var d mat.VecDense
	if err := d.SolveVec(a, b); err != nil {
		return nil, fmt.Errorf("refining prices: %w", err)
	}
	out := make([]float64, k)
	for j := range out {
		most := math.Log(r.params[j].most())
		out[j] = max(-most, min(most, x[j]+d.AtVec(j)))
	}
	return out, nil
}

// rms is the root mean square of errors, weighted by the sessions' times.
func (r *refinement) rms(errors []float64) float64 {
	sum, weights := 0.0, 0.0
	for i, s := range r.sessions {
		sum, weights = sum+s.MS*errors[i]*errors[i], weights+s.MS
	}
	return math.Sqrt(sum / weights)
}
