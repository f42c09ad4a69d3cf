package conform

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"net"
	"slices"
	"sync"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/program"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// What a party sends must tell its peer nothing: over the randomness of a session every message is uniform, whatever the
// inputs, and no two messages are hidden by one pad. The test runs sessions with two inputs, far apart, and looks at the
// bits below TLS:
//
//	constant   no bit is the same in all sessions of an input
//	spread     the number of ones of each bit over the sessions is binomial: the sum of its squared deviations is normal
//	ones       so is the number of ones in all
//	bytes      the histogram of bytes is that of uniform ones, and the same for both inputs (chi-square)
//	pairs      the differences of two messages' elements are uniform too: a pad used twice would cancel
const (
	sessions  = 64  // for each input: a bit is constant by chance with 2^-63
	deviation = 6.5 // standard deviations: 10^-10 for a normal variable
	pairBits  = 1 << 11
)

// payload is one instruction's, or one piece of set-up's, part of a party's traffic: n elements of width bits, packed.
type payload struct {
	name     string
	n, width int
	at, size int // bytes, counted from the end of the stream
}

// recorder keeps what is written to a connection.
type recorder struct {
	net.Conn
	mu  sync.Mutex
	raw []byte
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	r.raw = append(r.raw, p...)
	r.mu.Unlock()
	return r.Conn.Write(p)
}

// payload gives what the frames written carry.
func (r *recorder) payload() []byte {
	var out []byte
	for raw := r.raw; len(raw) > 0; {
		n := int(binary.LittleEndian.Uint32(raw))
		out = append(out, raw[wire.HeaderBytes:wire.HeaderBytes+n]...)
		raw = raw[wire.HeaderBytes+n:]
	}
	return out
}

// session runs the network once and gives what either party sent.
func (n *Net) session(t *testing.T, x []float32) (sent [2][]byte) {
	t.Helper()
	var recorders [2]*recorder
	var conns [2]*wire.Conn
	a, b := wiretest.Sockets(t)
	for p, nc := range []net.Conn{a, b} {
		recorders[p] = &recorder{Conn: nc}
		var err error
		if conns[p], err = wire.New(recorders[p], wire.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.Play(x, conns); err != nil {
		t.Fatal(err)
	}
	for p, r := range recorders {
		sent[p] = r.payload()
	}
	return sent
}

// payloads lists what a party sends that must be uniform: all but the hello, hash keys and points of the base OTs.
func (n *Net) payloads(p *program.Program) []payload {
	var out []payload
	add := func(name string, n, width int, size int64) { out = append(out, payload{name, n, width, 0, int(size)}) }
	if p.Party == cost.Server || p.Deploy == cost.Outsourced {
		for i, it := range n.Pair.Manifest.Items {
			if it.Kind == program.Product {
				add(fmt.Sprintf("opening of item %d", i), it.WLen, p.Ring, cost.BitBytes(int64(it.WLen), p.Ring))
			}
		}
	}
	if p.Extensions.Any() {
		add("", 0, 0, cost.SetupMark)
		_, answer := cost.SoftSpokenSetupBytes()
		for range p.Extensions.Senders(p.Party.Other()) {
			point := cost.BaseOTBytes(1)
			add("", 0, 0, point)
			add("tree corrections", int(answer-point), 8, answer-point)
		}
	}
	for _, l := range slices.Concat(p.Offline, p.Online) {
		for _, in := range l.Send {
			size := p.SentBytes(in)
			switch in.Op {
			case program.SendRing:
				add(fmt.Sprintf("%s of layer %d", in.Op, in.Tag), in.In[0].Len, in.Ints[0], size)
			case program.SendBits:
				add(fmt.Sprintf("%s of layer %d", in.Op, in.Tag), in.In[0].Len, 1, size)
			default:
				add(fmt.Sprintf("%s of layer %d", in.Op, in.Tag), int(size), 8, size)
			}
		}
	}
	at := 0
	for i := len(out) - 1; i >= 0; i-- {
		at += out[i].size
		out[i].at = at
	}
	return slices.DeleteFunc(out, func(p payload) bool { return p.n == 0 })
}

// of cuts the payload out of a stream.
func (p payload) of(stream []byte) []byte { return stream[len(stream)-p.at:][:p.size] }

func bit(p []byte, i int) int { return int(p[i/8] >> (i % 8) & 1) }

// element gives width bits of packed elements.
func element(p []byte, i, width int) uint64 {
	var x uint64
	for j := range width {
		x |= uint64(bit(p, i*width+j)) << j
	}
	return x
}

// tally counts the ones of every bit over sessions.
type tally []int

func (c tally) add(p []byte) {
	for i := range c {
		c[i] += bit(p, i)
	}
}

// check applies the first three tests.
func (c tally) check(t *testing.T, name string) {
	t.Helper()
	n, r := float64(len(c)), float64(sessions)
	var squares, ones float64
	for i, count := range c {
		if count == 0 || count == sessions {
			t.Errorf("%s: bit %d of %d is %d in all %d sessions", name, i, len(c), count/sessions, sessions)
			return
		}
		d := 2*float64(count) - r
		squares += d * d / r
		ones += d
	}
	// d*d/r has mean 1 and variance 2 - 2/r for a binomial count.
	if z := (squares - n) / math.Sqrt(n*(2-2/r)); math.Abs(z) > deviation {
		t.Errorf("%s: bits are spread over %d sessions as by chance with %.1f standard deviations", name, sessions, z)
	}
	if z := ones / math.Sqrt(n*r); math.Abs(z) > deviation {
		t.Errorf("%s: ones deviate by %.1f standard deviations", name, z)
	}
}

type histogram [256]int

func (h *histogram) add(p []byte) {
	for _, b := range p {
		h[b]++
	}
}

func (h *histogram) total() (n float64) {
	for _, c := range h {
		n += float64(c)
	}
	return n
}

// normal turns a chi-square statistic into a nearly normal one (Wilson and Hilferty, 1931).
func normal(chi2, df float64) float64 {
	k := 2 / (9 * df)
	return (math.Cbrt(chi2/df) - (1 - k)) / math.Sqrt(k)
}

// checkBytes compares the histograms of both inputs with uniform bytes, and with each other.
func checkBytes(t *testing.T, name string, h [2]histogram) {
	t.Helper()
	const df = len(h[0]) - 1
	total := [2]float64{h[0].total(), h[1].total()}
	if min(total[0], total[1]) < 5*float64(len(h[0])) { // too few for the statistic to be chi-square
		return
	}
	var between float64
	uniform := [2]float64{}
	for b := range h[0] {
		both := float64(h[0][b]+h[1][b]) / (total[0] + total[1])
		for i := range h {
			want := total[i] / float64(len(h[i]))
			uniform[i] += math.Pow(float64(h[i][b])-want, 2) / want
			between += math.Pow(float64(h[i][b])-both*total[i], 2) / (both * total[i])
		}
	}
	for what, chi2 := range map[string]float64{"first input": uniform[0], "second input": uniform[1], "both inputs": between} {
		if z := normal(chi2, float64(df)); math.Abs(z) > deviation {
			t.Errorf("%s: bytes of the %s deviate by %.1f standard deviations", name, what, z)
		}
	}
}

// checkPair holds the bits of the differences of two messages' elements to the same tests.
func checkPair(t *testing.T, a, b payload, x, y [][]byte) {
	t.Helper()
	if a.width != b.width || min(a.n, b.n)*a.width < 4*bits.UintSize {
		return
	}
	n := min(a.n, b.n, pairBits/a.width)
	counts := make(tally, n*a.width)
	for s := range x {
		p, q := a.of(x[s]), b.of(y[s])
		for i := range n {
			d := element(p, i, a.width) - element(q, i, a.width)
			for j := range a.width {
				counts[i*a.width+j] += int(d >> j & 1)
			}
		}
	}
	counts.check(t, a.name+" less "+b.name)
}

// TestMessagesAreUniform runs small networks with all protocols.
func TestMessagesAreUniform(t *testing.T) {
	if !*large {
		t.Skip("pass -large")
	}
	for _, name := range []string{"x2act", "maxpool", "residual", "argmax"} {
		for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			ring := map[cost.Deployment]int{cost.ClientServer: 32, cost.Outsourced: 64}[d]
			t.Run(fmt.Sprintf("%s-%s-%d", name, d, ring), func(t *testing.T) {
				n := compileExample(t, name, "net small {\n input image: f32[3, 9, 10] from client\n "+opNets[name]+"\n}\n", d, ring)
				checkUniform(t, n)
			})
		}
	}
}

func checkUniform(t *testing.T, n *Net) {
	var streams [2][2][][]byte // by input, party, session
	x := image(7, n.Ring.Funcs[0].Params[0].Type.Len())
	for i, input := range [][]float32{make([]float32, len(x)), x} {
		for range sessions {
			sent := n.session(t, input)
			for p := range sent {
				streams[i][p] = append(streams[i][p], sent[p])
			}
		}
	}
	var all [2][]payload
	for p, prog := range []*program.Program{n.Pair.Client, n.Pair.Server} {
		all[p] = n.payloads(prog)
		for _, part := range all[p] {
			var h [2]histogram
			for i := range streams {
				counts := make(tally, part.n*part.width)
				for _, s := range streams[i][p] {
					counts.add(part.of(s))
					h[i].add(part.of(s)[:part.n*part.width/8])
				}
				counts.check(t, fmt.Sprintf("%s: %s, input %d", prog.Party, part.name, i))
			}
			checkBytes(t, fmt.Sprintf("%s: %s", prog.Party, part.name), h)
		}
	}
	checkPairs(t, all, streams[1])
}

// checkPairs compares every message with every later one, in both directions.
func checkPairs(t *testing.T, all [2][]payload, streams [2][][]byte) {
	compared := 0
	for p := range all {
		for i, a := range all[p] {
			for _, b := range all[p][i+1:] {
				checkPair(t, a, b, streams[p], streams[p])
				compared++
			}
		}
	}
	for _, a := range all[0] {
		for _, b := range all[1] {
			checkPair(t, a, b, streams[0], streams[1])
			compared++
		}
	}
	t.Logf("%d and %d messages, %d pairs", len(all[0]), len(all[1]), compared)
}
