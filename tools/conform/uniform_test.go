package conform

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"sync"
	"testing"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/runtime/party"
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
//	shares     so are the sums of a message and the receiver's share of any value: a share that leaves without a pad would
//	           show the value, and a choice bit the carry between the shares
const (
	sessions  = 64      // for each input: a bit is constant by chance with 2^-63
	deviation = 6.5     // standard deviations: 10^-10 for a normal variable
	pairBits  = 1 << 11 // of a pair that are looked at, at most
	leastBits = 256     // a sum over fewer is not normal
)

// payload is one instruction's, or one piece of set-up's, part of a party's traffic: n elements of width bits, packed.
type payload struct {
	name     string
	tag      int // layer, or -1
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

// view is what one session leaves behind: what either party sent, and its shares of RING values by name.
type view struct {
	sent   [2][]byte
	shares [2]map[string][]int64
}

// session runs the network once.
func (n *Net) session(t *testing.T, x []float32) *view {
	t.Helper()
	dealer, err := newDealer(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	defer dealer.stop()
	var recorders [2]*recorder
	var errs [2]error
	var wg sync.WaitGroup
	v, inputs := new(view), n.inputs(x)
	a, b := wiretest.Sockets(t)
	for p, nc := range []net.Conn{a, b} {
		recorders[p], v.shares[p] = &recorder{Conn: nc}, map[string][]int64{}
		wg.Go(func() {
			conn, err := wire.New(recorders[p], wire.Options{})
			if err != nil {
				errs[p] = err
				return
			}
			defer conn.Close()
			errs[p] = n.play(t, conn, cost.Party(p), dealer, inputs[p], v.shares[p])
		})
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	for p, r := range recorders {
		v.sent[p] = r.payload()
	}
	return v
}

func (n *Net) play(t *testing.T, c *wire.Conn, p cost.Party, d *dealer, in party.Input, shares map[string][]int64) error {
	b, err := party.OpenBundle(n.bundle(p))
	if err != nil {
		return err
	}
	tap := func(name string, share []int64) error {
		shares[name] = slices.Clone(share)
		return nil
	}
	_, err = party.Run(t.Context(), party.Options{Bundle: b, Conn: c, Source: cost.FromDealer, Dealer: d.dial(p), Input: in, InsecureTap: tap})
	return err
}

// payloads lists what a party sends that must be uniform: all but the hello, hash keys and points of the base OTs.
func (n *Net) payloads(p *program.Program) []payload {
	var out []payload
	add := func(name string, n, width int, size int64) {
		out = append(out, payload{name, -1, n, width, 0, int(size)})
	}
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
		for _, i := range p.Extensions.Sent(p.Party.Other()) {
			point := cost.BaseOTBytes(1)
			add("", 0, 0, point)
			if i.OT != cost.IKNP {
				add("tree corrections", int(answer-point), 8, answer-point)
			}
			base := cost.SoftSpokenBytes(i.Base())
			add("base of Ferret", int(base), 8, base)
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
			out[len(out)-1].tag = in.Tag
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

// checkPair holds the bits of the differences of two messages' elements to the first tests.
func checkPair(t *testing.T, a, b payload, x, y func(*view) []byte, views []*view) {
	t.Helper()
	if a.width != b.width || min(a.n, b.n)*a.width < leastBits {
		return
	}
	n := min(a.n, b.n, pairBits/a.width)
	counts := make(tally, n*a.width)
	for _, v := range views {
		p, q := a.of(x(v)), b.of(y(v))
		for i := range n {
			counts.bits(i*a.width, element(p, i, a.width)-element(q, i, a.width), a.width)
		}
	}
	counts.check(t, a.name+" less "+b.name)
}

// checkShares adds the receiver's share of every value that has as many elements: its top bit to bits, the whole to
// elements.
func checkShares(t *testing.T, a payload, sender cost.Party, ring int, views []*view) {
	t.Helper()
	n := min(a.n, pairBits/a.width)
	if n*a.width < leastBits || (a.width != 1 && a.width != ring) {
		return
	}
	for name, share := range views[0].shares[sender.Other()] {
		if len(share) != a.n {
			continue
		}
		counts := make(tally, n*a.width)
		for _, v := range views {
			p, own := a.of(v.sent[sender]), v.shares[sender.Other()][name]
			for i := range n {
				counts.bits(i*a.width, element(p, i, a.width)+top(own[i], ring, a.width), a.width)
			}
		}
		counts.check(t, fmt.Sprintf("%s: %s and the receiver's share of %s", sender, a.name, name))
	}
}

// top is the top width bits of a share, which is a signed number of ring bits.
func top(share int64, ring, width int) uint64 { return uint64(share) << (64 - ring) >> (64 - width) }

// bits adds the low width bits of x from bit at on.
func (c tally) bits(at int, x uint64, width int) {
	for j := range width {
		c[at+j] += int(x >> j & 1)
	}
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

// TestDealtMessagesAreUniform runs small networks that compare with keys from a dealer.
func TestDealtMessagesAreUniform(t *testing.T) {
	if !*large {
		t.Skip("pass -large")
	}
	for name, way := range map[string]pass.Nonlinear{"maxpool": pass.DealtWhole, "argmax": pass.DealtWhole, "residual": pass.DealtSign} {
		for d, ring := range map[cost.Deployment]int{cost.ClientServer: 32, cost.Outsourced: 64} {
			t.Run(fmt.Sprintf("%s-%s-%s", name, way, d), func(t *testing.T) {
				checkUniform(t, compileWith(t, name, "net small {\n input image: f32[3, 9, 10] from client\n "+opNets[name]+"\n}\n", d, ring, pass.Protocols{Nonlinear: way}))
			})
		}
	}
}

func checkUniform(t *testing.T, n *Net) {
	var views [2][]*view // by input
	x := image(7, n.Ring.Funcs[0].Params[0].Type.Len())
	for i, input := range [][]float32{make([]float32, len(x)), x} {
		for range sessions {
			views[i] = append(views[i], n.session(t, input))
		}
	}
	var all [2][]payload
	for p, prog := range []*program.Program{n.Pair.Client, n.Pair.Server} {
		all[p] = n.payloads(prog)
		for _, part := range all[p] {
			checkMessage(t, part, cost.Party(p), views)
			if !n.shows(part) {
				checkShares(t, part, cost.Party(p), prog.Ring, views[1])
			}
		}
	}
	checkPairs(t, all, views[1])
}

// shows tells whether a message gives its receiver a share, or a value, as it is: the client's masked input and its result.
func (n *Net) shows(a payload) bool {
	if a.tag < 0 {
		return false
	}
	v := n.Secure.Funcs[0].Body[a.tag]
	return v.Is("reveal") || (v.Is("mask") && v.Args[0].Type.Share == ir.OfClient)
}

func checkMessage(t *testing.T, a payload, sender cost.Party, views [2][]*view) {
	t.Helper()
	var h [2]histogram
	for i := range views {
		counts := make(tally, a.n*a.width)
		for _, v := range views[i] {
			p := a.of(v.sent[sender])
			counts.add(p)
			h[i].add(p[:a.n*a.width/8])
		}
		counts.check(t, fmt.Sprintf("%s: %s, input %d", sender, a.name, i))
	}
	checkBytes(t, fmt.Sprintf("%s: %s", sender, a.name), h)
}

// checkPairs compares every message with every later one, and those of the two directions.
func checkPairs(t *testing.T, all [2][]payload, views []*view) {
	of := func(p int) func(*view) []byte { return func(v *view) []byte { return v.sent[p] } }
	compared := 0
	for p := range all {
		for i, a := range all[p] {
			others := all[p][i+1:]
			for _, b := range others {
				checkPair(t, a, b, of(p), of(p), views)
			}
			compared += len(others)
		}
	}
	for _, a := range all[0] {
		for _, b := range all[1] {
			checkPair(t, a, b, of(0), of(1), views)
		}
		compared += len(all[1])
	}
	t.Logf("%d and %d messages, %d pairs", len(all[0]), len(all[1]), compared)
}
