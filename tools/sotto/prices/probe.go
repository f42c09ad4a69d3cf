// Package prices measures what the kernels of ir/cost take on this machine, through the functions that sessions call, at the sizes
// that networks have.
//
// A probe is work of some sizes. Each size is run on one core and on all of them until its time is known well enough, and the
// medians are fitted: a price for each unit, and one for each call.
package prices

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"gonum.org/v1/gonum/stat"

	"sotto/ir/cost"
)

// Budget says how long measuring may take.
type Budget struct {
	Load time.Duration // a size on so many cores
	Runs int           // that a size has at least
	// Turned is how much memory the tensors of a load take together at least: a run finds those that it works on as a layer of a network
	// does, which was not the last to run.
	Turned int
	// Sizes, if not zero, is how many loads a probe has at most: the first ones.
	Sizes int
	// Samples are the generated networks that are run, and SampleRuns how often each is.
	Samples, SampleRuns int
}

// Full is the budget of a calibration, which takes six to seven minutes with all its sessions; Tiny is that of a test, whose prices are worth nothing.
var (
	Full = Budget{Load: 70 * time.Millisecond, Runs: 7, Turned: 48 << 20, Samples: 1000, SampleRuns: 5}
	Tiny = Budget{Load: time.Microsecond, Runs: 1, Sizes: 4, Samples: 1, SampleRuns: 1}
)

// mostRuns bounds what is kept of a load that takes no time.
const mostRuns = 2000

// Load is work of one size. Run times its own work, so that what prepares it again is left out.
type Load struct {
	Work map[cost.Kernel]Amount // all that is in it
	Run  func(*Watch) error
}

// Amount is units of a kernel in some calls.
type Amount struct{ Units, Calls float64 }

// one is one call of so many units.
func one(k cost.Kernel, units float64) map[cost.Kernel]Amount {
	return map[cost.Kernel]Amount{k: {units, 1}}
}

// Watch is the time of one run.
type Watch struct{ took time.Duration }

// Time adds the time of f.
func (w *Watch) Time(f func() error) error {
	begun := time.Now()
	err := f()
	w.took += time.Since(begun)
	return err
}

// Probe measures kernels together: their loads differ in how much of each they have.
type Probe struct {
	Name    string
	What    string // what is run, for the source of the prices
	Kernels []cost.Kernel
	Loads   func(Budget) ([]Load, error) // prepared when the probe's turn comes
	Alone   bool                         // the runtime runs it on one core whatever there is
}

// sizes gives those of a list that the budget has time for.
func sizes[T any](b Budget, all []T) []T {
	if b.Sizes == 0 {
		return all
	}
	return all[:min(b.Sizes, len(all))]
}

// goesOn tells whether a load is run again.
func (b Budget) goesOn(runs int, spent time.Duration) bool {
	return spent < b.Load || runs < min(fewRuns, b.Runs) || runs < b.Runs && spent < longLoads*b.Load
}

const (
	fewRuns   = 3 // of any load
	longLoads = 3 // budgets that a load gets whose runs are long
)

// timing is the time of a load.
type timing struct{ median, spread float64 }

// measure runs a load until the budget is spent.
func (b Budget) measure(l Load) (timing, error) {
	var all []float64
	for begun := time.Now(); len(all) < mostRuns && b.goesOn(len(all), time.Since(begun)); {
		var w Watch
		if err := l.Run(&w); err != nil {
			return timing{}, err
		}
		all = append(all, max(1, float64(w.took)))
	}
	if warm := len(all) / 4; len(all) > 3 { // caches, memory and the clock of the processor have settled by then
		all = all[warm:]
	}
	slices.Sort(all)
	at := func(p float64) float64 { return stat.Quantile(p, stat.LinInterp, all, nil) }
	return timing{at(0.5), (at(0.75) - at(0.25)) / 2 / at(0.5)}, nil
}

// Run measures a probe and gives the prices of its kernels, those in known being known.
func (p *Probe) Run(b Budget, known map[cost.Kernel]cost.Price) (map[cost.Kernel]cost.Price, error) {
	loads, err := p.Loads(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	defer debug.FreeOSMemory() // what the next probe finds is not this one's garbage
	all, err := p.times(b, loads, runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, err
	}
	single := all
	if !p.Alone && runtime.GOMAXPROCS(0) > 1 {
		if single, err = p.times(b, loads, 1); err != nil {
			return nil, err
		}
	}
	busy, err := p.beside(b, loads, runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, err
	}
	return p.prices(loads, single, all, busy, known)
}

// beside measures all loads on one core while the others are busy with the same.
func (p *Probe) beside(b Budget, loads []Load, cores int) ([]timing, error) {
	others := make([][]Load, cores-1)
	for i := range others {
		var err error
		if others[i], err = p.Loads(b); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	out := make([]timing, len(loads))
	for i, l := range loads {
		runtime.GC()
		var ended atomic.Bool
		errs := make(chan error, len(others))
		for _, all := range others {
			go func() {
				var err error
				for err == nil && !ended.Load() {
					err = all[i].Run(new(Watch))
				}
				errs <- err
			}()
		}
		var err error
		out[i], err = b.measure(l)
		ended.Store(true)
		for range others {
			err = errors.Join(err, <-errs)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return out, nil
}

// times measures all loads on so many cores.
func (p *Probe) times(b Budget, loads []Load, cores int) ([]timing, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
	out := make([]timing, len(loads))
	for i, l := range loads {
		runtime.GC()
		var err error
		if out[i], err = b.measure(l); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return out, nil
}

// prices fits what the loads took: first on one core, then what a unit takes on all of them, where a call takes as long.
func (p *Probe) prices(loads []Load, single, all, busy []timing, known map[cost.Kernel]cost.Price) (map[cost.Kernel]cost.Price, error) {
	calls := p.called(loads)
	unit, call, err := p.fit(loads, single, calls, nil, known)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	onAll := unit
	if !p.Alone {
		if onAll, _, err = p.fit(loads, all, nil, call, known); err != nil {
			return nil, fmt.Errorf("%s on all cores: %w", p.Name, err)
		}
	}
	beside, _, err := p.fit(loads, busy, nil, call, known)
	if err != nil {
		return nil, fmt.Errorf("%s beside others: %w", p.Name, err)
	}
	out, spread := map[cost.Kernel]cost.Price{}, min(p.spread(loads, single, unit, call, known), mostSpread)
	for j, k := range p.Kernels {
		price := cost.Price{NS: round(unit[j]), CallNS: round(call[j]), Spread: round(spread), Source: p.What}
		if gain := unit[j] / onAll[j]; gain > worthCores {
			price.AllNS = round(max(onAll[j], unit[j]/float64(runtime.GOMAXPROCS(0)))) // as all cores can do at best
		} else if beside[j] > worthCores*unit[j] {
			price.BusyNS = round(min(beside[j], unit[j]*float64(runtime.GOMAXPROCS(0)))) // its part of one core's work is the least it gets
		}
		out[k] = price
	}
	return out, nil
}

const (
	worthCores = 1.05 // a kernel that gains less from all cores runs on one
	mostSpread = 0.99 // a price list has none of 1
	sizesApart = 4    // loads whose sizes differ by less say nothing of calls
)

// called tells of which kernels the loads differ enough in size for the price of a call.
func (p *Probe) called(loads []Load) []bool {
	out := make([]bool, len(p.Kernels))
	for j, k := range p.Kernels {
		least, most := math.Inf(1), 0.0
		for _, l := range loads {
			if a := l.Work[k]; a.Calls > 0 {
				least, most = min(least, a.Units/a.Calls), max(most, a.Units/a.Calls)
			}
		}
		out[j] = most >= sizesApart*least
	}
	return out
}

// fit finds the prices of a unit of each kernel, and of a call of those in calls; the others' calls have the prices given, or none.
func (p *Probe) fit(loads []Load, took []timing, calls []bool, call []float64, known map[cost.Kernel]cost.Price) (units, callNS []float64, err error) {
	n := len(p.Kernels)
	var rows [][]float64
	var values []float64
	for i, l := range loads {
		row, rest := make([]float64, 2*n), took[i].median-p.others(l, known, calls == nil)
		for j, k := range p.Kernels {
			a := l.Work[k]
			row[j] = a.Units
			if calls != nil && calls[j] {
				row[n+j] = a.Calls
			} else if call != nil {
				rest -= a.Calls * call[j]
			}
		}
		rows, values = append(rows, row), append(values, max(rest, took[i].median/10))
	}
	x, err := Fit(rows, values)
	if err != nil {
		return nil, nil, err
	}
	for j, k := range p.Kernels { // a price list has none of nothing
		least := math.Inf(1)
		for i, l := range loads {
			if units := l.Work[k].Units; units > 0 {
				least = min(least, took[i].median/units)
			}
		}
		x[j] = max(x[j], least/1000)
	}
	return x[:n], x[n:], nil
}

// spread is how far the prices may be off: what the loads' times vary by, or what they differ from the fit by, if that is more.
func (p *Probe) spread(loads []Load, took []timing, unit, call []float64, known map[cost.Kernel]cost.Price) float64 {
	var fitted, values []float64
	varies := 0.0
	for i, l := range loads {
		sum := p.others(l, known, false)
		for j, k := range p.Kernels {
			sum += l.Work[k].Units*unit[j] + l.Work[k].Calls*call[j]
		}
		fitted, values = append(fitted, sum), append(values, took[i].median)
		varies = max(varies, took[i].spread)
	}
	return max(varies, typical(fitted, values))
}

// others is the time of what a load has of kernels that are not the probe's.
func (p *Probe) others(l Load, known map[cost.Kernel]cost.Price, onAll bool) (ns float64) {
	for k, a := range l.Work {
		if slices.Contains(p.Kernels, k) {
			continue
		}
		unit := known[k].NS
		if onAll && known[k].AllNS > 0 {
			unit = known[k].AllNS
		}
		ns += a.Units*unit + a.Calls*known[k].CallNS
	}
	return ns
}

// round keeps three digits.
func round(x float64) float64 {
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 3, 64), 64)
	if err != nil {
		return x // of nothing that FormatFloat writes
	}
	return y
}
