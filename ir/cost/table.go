package cost

import (
	"fmt"
	"slices"
)

// A Table prices the networks of a space on a target without lowering them: one network is an option for each site. It is built once
// (passes/table) out of the ops that the space's networks lower to, each as a Shape, with the options on which it depends whether the op
// is there and in which form. A query picks the forms, follows the moments through the ops in the order of the program, fills a ledger
// with what they record and plays it, as Estimate does with the ledger of a network that was lowered.
//
// What depends on more than neighbours is not in the forms, but follows from the ops that were picked: set-up, the parts of Ferret's
// batches, blocks of slots, masks that several layers share, and what travels in one message.
type Table struct {
	Sites []TableSite
	base  TableBase
	rates *rates
	ops   []tableOp
	forms []TableForm
	there []bool // of all ops, by combination
	sites []tableDigit
	slots int
	most  capacities
}

// TableSite is a choice of a space and its options.
type TableSite struct {
	Path    string   `json:"path"`
	Choice  string   `json:"choice"` // its name in the user's file
	Options []string `json:"options"`
}

// TableBase is what the networks of a table have in common.
type TableBase struct {
	Deploy      Deployment
	Source      Source
	OT          OT
	Elementwise Elementwise
	Ring        int
}

// TableOp is an op of some of the networks in one of its forms: There tells whether it is there for each combination of options of the
// sites that matter, those of the first site varying slowest. Other ops find its moments at Slot, which all forms of an op share.
type TableOp struct {
	Slot  int32
	Form  int32
	Sites []int
	There []bool
}

// TableForm is a form of an op: its shape, the slots of its arguments (or Input, Known), the latest start of its known arguments, and of
// each product the slot of whose mask it is.
type TableForm struct {
	Shape *Shape
	Args  []int32
	Start Time
	Masks []int32
	ReLUs int64
}

// Among the arguments of a form, the network's input and one that has always the same moments.
const (
	Input int32 = -1
	Known int32 = -2
)

type tableOp struct {
	slot, form        int32
	digits, digitsEnd int32 // of Table.sites
	row               int32 // of Table.there
}

// tableDigit is a site that an op depends on, and what one option of it counts in the number of a combination.
type tableDigit struct{ site, weight int32 }

// NewTable puts a table together. In every network ops come after their arguments, and those that start at one moment in the order of
// the program.
func NewTable(base TableBase, target Target, sites []TableSite, ops []TableOp, forms []TableForm) (*Table, error) {
	t := &Table{Sites: sites, base: base, rates: target.rates(0), forms: forms}
	for i, op := range ops {
		if op.Slot < 0 || op.Form < 0 || int(op.Form) >= len(forms) {
			return nil, fmt.Errorf("op %d has slot %d and form %d of %d", i, op.Slot, op.Form, len(forms))
		}
		o := tableOp{slot: op.Slot, form: op.Form, digits: int32(len(t.sites)), row: int32(len(t.there))}
		weight := int32(1)
		for _, site := range slices.Backward(op.Sites) {
			t.sites = append(t.sites, tableDigit{int32(site), weight})
			weight *= int32(len(sites[site].Options))
		}
		if int(weight) != len(op.There) {
			return nil, fmt.Errorf("op %d is there or not for %d combinations of options of %d", i, len(op.There), weight)
		}
		o.digitsEnd = int32(len(t.sites))
		t.there = append(t.there, op.There...)
		t.ops = append(t.ops, o)
		t.slots = max(t.slots, int(op.Slot)+1)
		t.most.add(forms[op.Form].Shape)
	}
	for i, f := range forms {
		wrong := func(slot int32) bool { return int(slot) >= t.slots }
		if slices.ContainsFunc(f.Args, wrong) || slices.ContainsFunc(f.Masks, wrong) || len(f.Masks) != f.Shape.Products() {
			return nil, fmt.Errorf("form %d reads %v and has the masks %v: accepted are slots below %d, and a mask for each of %d products", i, f.Args, f.Masks, t.slots, f.Shape.Products())
		}
	}
	t.most.session()
	return t, nil
}

// capacities are the greatest numbers of things that a query can meet.
type capacities struct{ messages, work, labels int }

// Of a session: set-up's messages and the work of instances that are not garbled batches; of an ask; and of a garbled batch's instance.
const (
	sessionEntries = 64
	askMessages    = 4
	askWork        = 12
	instanceWork   = 5
)

func (c *capacities) add(s *Shape) {
	for _, call := range s.calls {
		if call.message {
			c.messages++
		} else {
			c.work++
		}
	}
	for _, a := range s.asks {
		c.messages, c.work = c.messages+askMessages, c.work+askWork
		if a.kind == askLabels {
			c.labels++
		}
	}
}

func (c *capacities) session() {
	c.messages, c.work = c.messages+sessionEntries, c.work+sessionEntries+instanceWork*c.labels
}

// Priced is what a network of a space costs.
type Priced struct {
	ReLUs           int64
	Offline, Online Traffic
	Dealt           int64 // bytes from a dealer, if there is one
	OfflineMS       float64
	OnlineMS        float64
}

// Query is the memory of queries of one table, which take turns.
type Query struct {
	t      *Table
	picked []*tableOp // those that are there, after their arguments
	ready  []Ready    // by slot + 1, the input's first
	start  []Time     // by slot + 1
	order  []*tableOp // as the program runs them
	first  []int32    // by moment
	masks  []packed
	ledger Ledger
	phases [2]phaseQuery // by Phase
	aside  func()        // plays the offline phase and reports to played
	played chan struct{}
}

// phaseQuery is a phase of a query.
type phaseQuery struct {
	sim     simulation
	sums    [][2]int64
	traffic Traffic
	ms      float64
}

// packed is a mask that was sent in a packing.
type packed struct {
	mask int32
	plan *HEPlan
}

// On gives the table's prices on another link.
func (t *Table) On(link Link) *Table {
	other, rates := *t, *t.rates
	rates.link(link, 0)
	other.rates = &rates
	return &other
}

// With gives the table's prices of networks with another extension and way of products, on which what ops record does not depend.
func (t *Table) With(ot OT, products Elementwise) *Table {
	other := *t
	other.base.OT, other.base.Elementwise = ot, products
	return &other
}

// NewQuery gives the memory of a query.
func (t *Table) NewQuery() *Query {
	n := len(t.ops)
	q := &Query{t: t, picked: make([]*tableOp, 0, n), order: make([]*tableOp, 0, n), ready: make([]Ready, t.slots+1), start: make([]Time, t.slots+1)}
	q.ledger = Ledger{Deploy: t.base.Deploy, Source: t.base.Source,
		Messages: make([]Message, 0, t.most.messages), Dealt: make([]Message, 0, 2*n+2), Work: make([]Work, 0, t.most.work)}
	q.ledger.asked.Garbled = make([]Labels, 0, t.most.labels)
	q.ledger.extensions.Garbled = make([]Labels, 0, t.most.labels)
	q.masks = make([]packed, 0, n)
	q.played = make(chan struct{}, 1)
	q.aside = func() { q.play(Offline); q.played <- struct{}{} } // made once, as a query allocates nothing
	return q
}

// Price tells what the network costs that takes the option of that number at each site. Bytes and rounds are those of the network when it
// is compiled, times those that Estimate gives it. After a few queries it allocates no memory.
func (q *Query) Price(options []int) (Priced, error) {
	if err := q.t.check(options); err != nil {
		return Priced{}, err
	}
	p := Priced{ReLUs: q.pick(options)}
	q.follow()
	q.sort()
	if err := q.setup(); err != nil {
		return Priced{}, err
	}
	q.record()
	for _, m := range q.ledger.Dealt {
		p.Dealt += m.Bytes
	}
	go q.aside() // neither phase knows of the other, and a ledger is only read
	q.play(Online)
	<-q.played
	p.Offline, p.OfflineMS = q.phases[Offline].traffic, q.phases[Offline].ms
	p.Online, p.OnlineMS = q.phases[Online].traffic, q.phases[Online].ms
	return p, nil
}

func (t *Table) check(options []int) error {
	if len(options) != len(t.Sites) {
		return fmt.Errorf("%d options for %d sites", len(options), len(t.Sites))
	}
	for i, o := range options {
		if o < 0 || o >= len(t.Sites[i].Options) {
			return fmt.Errorf("option %d of site %s: accepted are 0 to %d", o, t.Sites[i].Path, len(t.Sites[i].Options)-1)
		}
	}
	return nil
}

// pick finds the ops that are there, and counts the ReLUs.
func (q *Query) pick(options []int) (relus int64) {
	t := q.t
	q.picked = q.picked[:0]
	for i := range t.ops {
		op := &t.ops[i]
		row := op.row
		for _, d := range t.sites[op.digits:op.digitsEnd] {
			row += d.weight * int32(options[d.site])
		}
		if t.there[row] {
			q.picked = append(q.picked, op)
			relus += t.forms[op.form].ReLUs
		}
	}
	return relus
}

// follow finds from when on each party has its part of every op, and when each op starts (ir.StartTimes).
func (q *Query) follow() {
	q.ready[0] = Ready{OnlineStart, OnlineStart}
	for _, op := range q.picked {
		f := q.form(op)
		start := f.Start
		for _, a := range f.Args {
			if a == Known {
				continue
			}
			at := &q.ready[a+1]
			start = max(start, at[Client], at[Server], q.start[a+1])
		}
		q.start[op.slot+1] = start
		q.ready[op.slot+1] = Ready{f.moment(f.Shape.out[Client], q.ready), f.moment(f.Shape.out[Server], q.ready)}
	}
}

// moment is when a term of the form is; ready is by slot + 1.
func (f *TableForm) moment(t term, ready []Ready) Time {
	at := t.least
	for _, o := range f.Shape.terms[t.lo:t.hi] {
		at = max(at, ready[f.Args[o.arg]+1][o.party]+o.rounds)
	}
	return at
}

// sort puts the ops that are there in the order of the program: by when they start.
func (q *Query) sort() {
	offline, last := Time(0), 0 // the last start before the online phase, and the last place
	for _, op := range q.picked {
		if at := q.start[op.slot+1]; at < OnlineStart {
			offline = max(offline, at)
		}
	}
	for _, op := range q.picked {
		last = max(last, place(q.start[op.slot+1], offline))
	}
	q.first = slices.Grow(q.first[:0], last+2)[:last+2]
	clear(q.first)
	for _, op := range q.picked {
		q.first[place(q.start[op.slot+1], offline)+1]++
	}
	for s := range last + 1 {
		q.first[s+1] += q.first[s]
	}
	q.order = q.order[:len(q.picked)]
	for _, op := range q.picked {
		at := &q.first[place(q.start[op.slot+1], offline)]
		q.order[*at] = op
		*at++
	}
}

// place numbers moments, given the last one of the offline phase.
func place(t, offline Time) int {
	if t >= OnlineStart {
		return int(offline) + 1 + t.Depth()
	}
	return int(t)
}

// setup empties the ledger and enters what belongs to the session.
func (q *Query) setup() error {
	l, base := &q.ledger, &q.t.base
	*l = Ledger{Deploy: base.Deploy, Source: base.Source, Messages: l.Messages[:0], Dealt: l.Dealt[:0], Work: l.Work[:0],
		asked: Extensions{Garbled: l.asked.Garbled[:0]}, extensions: Extensions{Garbled: l.extensions.Garbled[:0]}}
	x, made := l.extensions, Made{Ring: base.Ring, Elementwise: base.Elementwise}
	x.OT = base.OT
	for _, op := range q.order {
		asks := q.form(op).Shape.asks
		for k := range asks {
			switch a := &asks[k]; a.kind {
			case askPads:
				x.Pads[a.party.Other()] += a.n
			case askLabels:
				x.Garbled = append(x.Garbled, Labels{Garbler: a.party, OTs: a.n})
			case askElementwise:
				made.Elements += a.n
				made.OTs += GilboaOTs(a.n, a.ring)
			case askProduct:
				made.Products++
			}
		}
	}
	l.Begin()
	l.Setup(x)
	l.Seeds()
	return l.Make(x, made)
}

func (q *Query) form(op *tableOp) *TableForm { return &q.t.forms[op.form] }

// record enters the ops.
func (q *Query) record() {
	l := &q.ledger
	q.masks = q.masks[:0]
	for tag, op := range q.order {
		l.For(tag)
		f := q.form(op)
		for k := range f.Shape.calls {
			c := &f.Shape.calls[k]
			at := f.moment(c.at, q.ready)
			if c.message {
				l.Messages = append(l.Messages, Message{tag, c.party, at, c.n, c.elements})
			} else {
				l.Work = slices.Grow(l.Work, 1)[:len(l.Work)+1]
				w := &l.Work[len(l.Work)-1] // written where it stays, as timeline.effort does
				w.Tag, w.Party, w.Kernel, w.At, w.When, w.Units, w.Batches = tag, c.party, c.kernel, at, c.when, c.n, 0
			}
		}
		for p, bytes := range f.Shape.dealt {
			l.Deal(Party(p), bytes)
		}
		q.ask(f)
	}
}

// ask enters what depends on the ops before.
func (q *Query) ask(f *TableForm) {
	products := 0
	for k := range f.Shape.asks {
		a := &f.Shape.asks[k]
		switch a.kind {
		case askPads:
			q.ledger.RandomOT(a.party, a.n)
		case askLabels:
			q.ledger.LabelOT(a.party, a.n, f.moment(a.ready, q.ready))
		case askElementwise:
			q.ledger.Elementwise(a.n, a.ring)
		case askProduct:
			mask := packed{f.Masks[products], &a.plan}
			again := false
			for _, before := range q.masks {
				again = again || before.mask == mask.mask && before.plan.SameUpload(a.plan)
			}
			q.masks = append(q.masks, mask)
			q.ledger.product(a.product, again)
			products++
		}
	}
}

// play finds the time of a phase, and its traffic.
func (q *Query) play(phase Phase) {
	x := &q.phases[phase]
	x.traffic, x.ms = q.ledger.total(phase, &x.sums), x.sim.ms(&q.ledger, phase, q.t.rates)
}
