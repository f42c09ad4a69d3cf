package cost

import (
	"fmt"
	"slices"
)

// A Shape is what an op tells a ledger wherever in a network it stands: its messages and its work, at moments that follow from those of
// its arguments, and what it asks of the session, which depends on what others ask. It is what a Table keeps of an op.
//
// A moment is the latest of the moments from which parties have their parts of arguments, each so many rounds later, and of one that is
// always the same: all that a protocol can make of moments is to wait for both of two and to send. So the form of a moment comes out of
// trying each of them alone.
type Shape struct {
	calls []call
	dealt [2]int64 // bytes from a dealer, by who receives
	asks  []ask
	out   [2]term // by party: when it has its part of the result
	terms []offset
}

// call is a message, or work, at a moment.
type call struct {
	message  bool
	party    Party // who sends or works
	kernel   Kernel
	when     When
	n        int64 // bytes or units
	elements int64 // of a message, as Message has it
	at       term
}

// term is a moment: terms[lo:hi], and never before least.
type term struct {
	lo, hi int
	least  Time
}

// offset is the moment from which a party has its part of an argument, and so many rounds.
type offset struct {
	arg    int
	party  Party
	rounds Time
}

// ask is something that depends on what the rest of a program asks.
type ask struct {
	kind    askKind
	party   Party // receiver of pads, garbler
	n       int64
	ring    int
	at      Time // of labels, until it is a term
	ready   term
	plan    HEPlan
	product product
}

type askKind uint8

const (
	askPads askKind = iota
	askLabels
	askElementwise
	askProduct
)

// opened is where a ledger keeps what is asked of it instead of answering.
type opened struct{ asks []ask }

// recording is what one trial of an op records.
type recording struct {
	Ledger
	out Ready
}

// never is before any moment and soon after it, forever beyond any moment: trials tell by them what a moment depends on.
const (
	never   Time = -1 << 40
	forever Time = 1 << 40
)

// NewShape finds out what an op with so many arguments tells a ledger, given the function that does. Arguments of which known has moments
// have these always.
func NewShape(d Deployment, s Source, known []*Ready, record func(*Ledger, []Ready) Ready) (*Shape, error) {
	try := func(arg int, p Party, at Time) recording {
		r := recording{Ledger: *NewLedger(d, s)}
		r.open = &opened{}
		in := make([]Ready, len(known))
		for i, k := range known {
			if in[i] = (Ready{never, never}); k != nil {
				in[i] = *k
			}
			if i == arg {
				in[i][p] = at
			}
		}
		r.out = record(&r.Ledger, in)
		return r
	}
	trials := newTrials(try(-1, Client, 0))
	for arg, k := range known {
		if k != nil {
			continue
		}
		for _, p := range []Party{Client, Server} {
			if err := trials.add(offset{arg: arg, party: p}, try(arg, p, forever)); err != nil {
				return nil, err
			}
		}
	}
	return trials.shape(), nil
}

// trials are the recordings of one op.
type trials struct {
	first   recording
	moments [][]offset // by moment: what it depends on
	least   []Time
}

// times lists the moments of a recording: of messages, work, what is asked, and the result.
func (r *recording) times() []Time {
	var all []Time
	for _, m := range r.Messages {
		all = append(all, m.Sent)
	}
	for _, w := range r.Work {
		all = append(all, w.At)
	}
	for _, a := range r.open.asks {
		all = append(all, a.at)
	}
	return append(all, r.out[Client], r.out[Server])
}

func newTrials(first recording) *trials {
	t := &trials{first: first, least: first.times()}
	t.moments = make([][]offset, len(t.least))
	return t
}

// add notes what moved to forever with one part of an argument.
func (t *trials) add(o offset, r recording) error {
	times := r.times()
	if len(times) != len(t.least) {
		return fmt.Errorf("an op records %d moments or %d, by when it starts", len(t.least), len(times))
	}
	for i, at := range times {
		if o.rounds = at - forever; o.rounds >= 0 {
			t.moments[i] = append(t.moments[i], o)
		}
	}
	return nil
}

// shape puts the recordings together.
func (t *trials) shape() *Shape {
	s, next := &Shape{}, 0
	moment := func() term {
		m := term{lo: len(s.terms), least: t.least[next]}
		s.terms = append(s.terms, t.moments[next]...)
		m.hi = len(s.terms)
		next++
		return m
	}
	for _, m := range t.first.Messages {
		s.calls = append(s.calls, call{message: true, party: m.From, n: m.Bytes, elements: m.Elements, at: moment()})
	}
	for _, w := range t.first.Work {
		s.calls = append(s.calls, call{party: w.Party, kernel: w.Kernel, when: w.When, n: w.Units, at: moment()})
	}
	for _, a := range t.first.open.asks {
		a.ready = moment()
		if a.kind == askProduct {
			a.product = productOf(a.plan)
		}
		s.asks = append(s.asks, a)
	}
	s.out = [2]term{moment(), moment()}
	for _, d := range t.first.Dealt {
		s.dealt[d.From] += d.Bytes
	}
	return s
}

// Static tells whether a shape records nothing and when its result is there, if that depends on nothing.
func (s *Shape) Static() (Ready, bool) {
	depends := len(s.terms) > 0 || len(s.calls)+len(s.asks) > 0 || s.dealt != [2]int64{}
	return Ready{s.out[Client].least, s.out[Server].least}, !depends
}

// Products counts the products with weights that a shape asks for.
func (s *Shape) Products() (n int) {
	for _, a := range s.asks {
		if a.kind == askProduct {
			n++
		}
	}
	return n
}

// Size is a number that equal shapes share, and few others.
func (s *Shape) Size() (n int64) {
	for _, c := range s.calls {
		n = n*sizeFactor + c.n
	}
	for _, a := range s.asks {
		n = n*sizeFactor + a.n
	}
	return n
}

// sizeFactor spreads sums.
const sizeFactor = 1_000_003

// Equal tells whether two shapes record the same, whatever the masks.
func (s *Shape) Equal(o *Shape) bool {
	same := func(a, b ask) bool {
		return a.kind == b.kind && a.party == b.party && a.n == b.n && a.ring == b.ring && a.ready == b.ready && a.product == b.product &&
			(a.kind != askProduct || a.plan.SameUpload(b.plan))
	}
	return slices.Equal(s.calls, o.calls) && s.dealt == o.dealt && slices.EqualFunc(s.asks, o.asks, same) && s.out == o.out && slices.Equal(s.terms, o.terms)
}
