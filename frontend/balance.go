package frontend

import (
	"cmp"
	"fmt"
	"strings"

	"sotto/frontend/syntax"
)

// Balance picks the value of one parameter of the space so that the network has as many ReLUs as a budget allows: opts with that value
// added. It is the ReLU balancing of CryptoNAS where channels grow fourfold as sides halve: with C0 channels and L ReLU layers on images
// of 32x32 there are 1024*L*C0 ReLUs, so that the answer is floor(budget / (1024*L)). Here nothing is assumed of the network:
// every value is elaborated and counted, and of those with equally many the first is picked.
//
// param may be empty where one scalar parameter is left open. count counts the ReLUs of an elaborated network. A value that the
// network does not elaborate with is passed over.
func Balance(f *syntax.File, opts Options, param string, budget int64, count func(*Space) (int64, error)) (Options, error) {
	space, err := Elaborate(f, opts)
	if err != nil {
		return opts, err
	}
	p, err := space.balanced(opts, param)
	if err != nil {
		return opts, err
	}
	b := balance{budget: budget, best: -1}
	for i := range p.Values {
		b.try(i, func() (int64, error) {
			space, err := Elaborate(f, opts.with(p.Name, i))
			if err != nil {
				return 0, err
			}
			return count(space)
		})
	}
	if b.best < 0 {
		return opts, b.failure(p)
	}
	return opts.with(p.Name, b.best), nil
}

// balanced finds the parameter to pick: the one named, or the only scalar that is open.
func (s *Space) balanced(opts Options, name string) (Param, error) {
	var open []Param
	var names []string
	for _, p := range s.Params {
		if _, set := opts.Params[p.Name]; set || len(p.Dims) > 0 {
			continue
		}
		if names = append(names, p.Name); name == "" || p.Name == name {
			open = append(open, p)
		}
	}
	switch {
	case len(names) == 0:
		return Param{}, fmt.Errorf("a ReLU budget picks a width, and @%s has no scalar parameter that is open: accepted is `let width in {2..65}`", s.Func.Name)
	case len(open) != 1:
		return Param{}, fmt.Errorf("a ReLU budget picks one parameter: accepted is NAME=BUDGET with a name of %s", strings.Join(names, ", "))
	}
	return open[0], nil
}

// with gives options with one more scalar picked.
func (o Options) with(name string, index int) Options {
	params := map[string][]int{name: {index}}
	for n, v := range o.Params {
		if n != name {
			params[n] = v
		}
	}
	o.Params = params
	return o
}

// balance is a search for the most ReLUs within a budget.
type balance struct {
	budget, most  int64
	best          int   // index, -1: none yet
	least         int64 // of what is beyond the budget
	leastAt, seen int
	err           error // of the first value that does not elaborate
}

func (b *balance) try(i int, count func() (int64, error)) {
	n, err := count()
	switch {
	case err != nil:
		b.err = cmp.Or(b.err, err)
		return
	case n <= b.budget && (b.best < 0 || n > b.most):
		b.best, b.most = i, n
	case n > b.budget && (b.seen == 0 || n < b.least):
		b.least, b.leastAt = n, i
		b.seen++
	}
}

func (b *balance) failure(p Param) error {
	if b.seen == 0 {
		return b.err
	}
	return fmt.Errorf("no value of %s keeps within %d ReLUs: the fewest are %d, of %s = %s", p.Name, b.budget, b.least, p.Name, p.Values[b.leastAt])
}
