package prices

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"

	"sotto/runtime/wire"
)

// What the measuring party asks of the other over a connection, one order after the other. Both directions are framed and encrypted as
// a session's are.
const (
	ping    = "ping"    // N times Bytes there and back, after a Pause at either end
	pour    = "pour"    // N messages of Bytes there, a byte back
	draw    = "draw"    // a byte there, N messages of Bytes back
	kernels = "kernels" // the other party's own prices
	end     = "end"
)

// order is one of them. Budget is for kernels.
type order struct {
	Do     string
	N      int
	Bytes  int
	Pause  time.Duration
	Budget Budget
}

// mostOrder bounds an order or an answer, which is JSON behind its length, and what one may ask for.
const (
	mostOrder = 1 << 20
	mostPings = 1 << 16
	mostBytes = 1 << 20
	mostPause = 100 * time.Millisecond
)

func (o order) check() error {
	if o.N < 0 || o.N > mostPings || o.Bytes < 0 || o.Bytes > mostBytes || o.Pause < 0 || o.Pause > mostPause {
		return fmt.Errorf("calibration: the peer asks for %d times %d bytes, %v apart: accepted are from 0 to %d times, %d bytes and %v",
			o.N, o.Bytes, o.Pause, mostPings, mostBytes, mostPause)
	}
	b := o.Budget
	for _, part := range []struct {
		name        string
		value, most int
	}{
		{"Load", int(b.Load), int(Full.Load)}, {"Runs", b.Runs, Full.Runs}, {"Turned", b.Turned, Full.Turned}, {"Sizes", b.Sizes, math.MaxInt},
		{"Samples", b.Samples, Full.Samples}, {"SampleRuns", b.SampleRuns, Full.SampleRuns},
	} {
		if part.value < 0 || part.value > part.most {
			return fmt.Errorf("calibration: the peer's budget has %s = %d: accepted is from 0 to %d", part.name, part.value, part.most)
		}
	}
	return nil
}

func tell(c *wire.Conn, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.Send(append(binary.LittleEndian.AppendUint32(nil, uint32(len(text))), text...))
}

func hear(c *wire.Conn, v any) error {
	var head [4]byte
	if err := c.ReadFull(head[:]); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > mostOrder {
		return fmt.Errorf("calibration: the peer announces %d bytes: accepted are %d", n, mostOrder)
	}
	text := make([]byte, n)
	if err := c.ReadFull(text); err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("calibration: what the peer says: %w", err)
	}
	return nil
}

// Serve does what the other party asks until it asks for the end. own gives this party's prices.
func Serve(c *wire.Conn, own func(Budget) (*Machine, error)) error {
	for phase := 1; ; phase++ {
		if err := c.BeginPhase(phase); err != nil {
			return err
		}
		var o order
		if err := hear(c, &o); err != nil {
			return err
		}
		if err := o.check(); err != nil {
			c.Abort("asked for too much")
			return err
		}
		if o.Do == end {
			return nil
		}
		if err := obey(c, o, own); err != nil {
			return err
		}
	}
}

func obey(c *wire.Conn, o order, own func(Budget) (*Machine, error)) error {
	buf := make([]byte, o.Bytes)
	switch o.Do {
	case ping:
		return repeat(o.N, func() error {
			if err := c.ReadFull(buf); err != nil {
				return err
			}
			work(o.Pause)
			return c.Send(buf)
		})
	case pour:
		work, err := worked(func() error { return repeat(o.N, func() error { return c.ReadFull(buf) }) })
		if err != nil {
			return err
		}
		return tell(c, work)
	case draw:
		work, err := worked(func() error { return repeat(o.N, func() error { return c.Send(buf) }) })
		if err != nil {
			return err
		}
		return tell(c, work)
	case kernels:
		m, err := own(o.Budget)
		if err != nil {
			c.Abort("could not measure its own prices")
			return err
		}
		return tell(c, m)
	}
	c.Abort("asked for what it does not know")
	return fmt.Errorf("calibration: the peer asks for %q: accepted are %s, %s, %s, %s and %s", o.Do, ping, pour, draw, kernels, end)
}

func repeat(n int, f func() error) error {
	for range n {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// work keeps a core busy for some time.
func work(d time.Duration) {
	for end := time.Now().Add(d); d > 0 && time.Now().Before(end); {
	}
}

// worked is the CPU time of this process during f, in nanoseconds.
func worked(f func() error) (ns int64, err error) {
	before := cpuTime()
	err = f()
	return int64(cpuTime() - before), err
}

// Wire is what moving bytes takes.
type Wire struct {
	HalfTrip       Quantity // of a message of a byte, in nanoseconds: sending, the link, receiving
	Wake           Quantity // what a half trip takes beside that where the receiver has waited until its core slept
	Send, Receive  Quantity // of a byte, nanoseconds of a party's work
	BytesPerSecond Quantity // of the slower direction, both parties' work included
}

// Quantity is a measured number, the median of some runs, and half the distance of their quartiles, as a part of it.
type Quantity struct{ Value, Spread float64 }

// quantityOf is that of some runs.
func quantityOf(all []float64) Quantity {
	x := slices.Sorted(slices.Values(all))
	at := func(p float64) float64 { return stat.Quantile(p, stat.LinInterp, x, nil) }
	return Quantity{at(0.5), (at(0.75) - at(0.25)) / 2 / at(0.5)}
}

// plan says how much is moved.
type plan struct {
	pours  int
	bytes  int // of a pour, in all
	length int // of a message of it
}

// planOf is for a link that moves so many bytes a second: each pour takes about the budget's time.
func (b Budget) planOf(bytesPerSecond float64) plan {
	const message = mostBytes
	bytes := int(2 * bytesPerSecond * b.Load.Seconds())
	return plan{pours: max(1, b.Runs/2), bytes: min(max(bytes, message), 256<<20) / message * message, length: message}
}

// pings are as many messages as the budget has time for, if the first few took so many nanoseconds each.
func (b Budget) pings(ns float64) int {
	const least, most, loads = 10, 1000, 10
	return int(min(max(least, loads*float64(b.Load)/ns), most))
}

// Peer is the measuring party's side of a calibration.
type Peer struct {
	conn  *wire.Conn
	phase int
}

// NewPeer takes a fresh connection to a party that serves.
func NewPeer(c *wire.Conn) *Peer { return &Peer{conn: c} }

func (p *Peer) ask(o order) error {
	p.phase++
	if err := p.conn.BeginPhase(p.phase); err != nil {
		return err
	}
	return tell(p.conn, o)
}

// End lets the other party go.
func (p *Peer) End() error { return p.ask(order{Do: end}) }

// Machine asks for the other party's own prices.
func (p *Peer) Machine(b Budget) (*Machine, error) {
	if err := p.ask(order{Do: kernels, Budget: b}); err != nil { // minutes may pass until the answer
		return nil, err
	}
	m := new(Machine)
	return m, hear(p.conn, m)
}

// HalfTrip measures half a round trip of a message of a byte, in nanoseconds.
func (p *Peer) HalfTrip(b Budget) (Quantity, error) {
	return p.halfTrip(b, 0)
}

// waitForSleep is how long a party lets the other wait so that its core sleeps: some times what cores wait before they do.
const waitForSleep = time.Millisecond

// wake measures what a half trip takes longer where the receiver's core sleeps.
func (p *Peer) wake(b Budget, awake Quantity) (Quantity, error) {
	asleep, err := p.halfTrip(b, waitForSleep)
	more := max(asleep.Value-awake.Value, 1)
	return Quantity{more, min(asleep.Spread*asleep.Value/more, mostSpread)}, err
}

func (p *Peer) halfTrip(b Budget, pause time.Duration) (Quantity, error) {
	first, err := p.ping(3, 1, pause)
	if err != nil {
		return Quantity{}, err
	}
	all, err := p.ping(b.pings(2*(first[len(first)-1]+float64(pause))), 1, pause)
	return quantityOf(append(all, first...)), err
}

// ping gives half the round trips of messages of so many bytes, in nanoseconds, without the pauses before them.
func (p *Peer) ping(n, bytes int, pause time.Duration) ([]float64, error) {
	if err := p.ask(order{Do: ping, N: n, Bytes: bytes, Pause: pause}); err != nil {
		return nil, err
	}
	buf, all := make([]byte, bytes), make([]float64, 0, n)
	err := repeat(n, func() error {
		begun := time.Now()
		work(pause)
		if err := p.conn.Send(buf); err != nil {
			return err
		}
		err := p.conn.ReadFull(buf)
		all = append(all, max(1, float64(time.Since(begun)-2*pause)/2))
		return err
	})
	return all, err
}

// moved is one pour: the time until all was there, and the work of both ends.
type moved struct {
	took           time.Duration
	sender, reader int64
}

// pour moves bytes from this party to the other, or with draw the other way.
func (p *Peer) pour(do string, pl plan) (m moved, err error) {
	n, buf := pl.bytes/pl.length, make([]byte, pl.length)
	if err := p.ask(order{Do: do, N: n, Bytes: pl.length}); err != nil {
		return m, err
	}
	begun := time.Now()
	own, err := worked(func() error {
		return repeat(n, func() error {
			if do == draw {
				return p.conn.ReadFull(buf)
			}
			return p.conn.Send(buf)
		})
	})
	if err != nil {
		return m, err
	}
	var theirs int64
	if err := hear(p.conn, &theirs); err != nil {
		return m, err
	}
	m = moved{time.Since(begun), own, theirs}
	if do == draw {
		m.sender, m.reader = theirs, own
	}
	return m, nil
}

// Wire measures the connection.
func (p *Peer) Wire(b Budget) (w Wire, err error) {
	rough, err := p.pour(pour, b.planOf(1))
	if err != nil {
		return w, err
	}
	pl := b.planOf(float64(1<<20) / rough.took.Seconds())
	if w.HalfTrip, err = p.HalfTrip(b); err != nil {
		return w, err
	}
	if w.Wake, err = p.wake(b, w.HalfTrip); err != nil {
		return w, err
	}
	var sent, read []float64
	rates := map[string][]float64{}
	for range pl.pours {
		for _, do := range []string{pour, draw} {
			m, err := p.pour(do, pl)
			if err != nil {
				return w, err
			}
			sent, read = append(sent, float64(m.sender)/float64(pl.bytes)), append(read, float64(m.reader)/float64(pl.bytes))
			rates[do] = append(rates[do], float64(pl.bytes)/m.took.Seconds())
		}
	}
	w.Send, w.Receive, w.BytesPerSecond = quantityOf(sent), quantityOf(read), quantityOf(rates[pour])
	if back := quantityOf(rates[draw]); back.Value < w.BytesPerSecond.Value {
		w.BytesPerSecond = back
	}
	return w, nil
}
