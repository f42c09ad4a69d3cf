package vm

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/program"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// exchange is a pair of programs over vectors of n elements: the server sends what it computes of x, the client answers piece by piece,
// the server answers that, and the client sends it back.
func exchange(n int) (p [2]*program.Program) {
	const x, a, b, c, y = 0, 1, 2, 3, 4 // buffers of elements
	const e, f = 5, 6                   // of bits
	r := func(buf int) []program.Operand { return []program.Operand{operand(buf, n)} }
	in := func(bufs ...int) (out []program.Operand) {
		for _, b := range bufs {
			out = append(out, operand(b, n))
		}
		return out
	}
	for party := range p {
		p[party] = &program.Program{Ring: 32, Party: cost.Party(party), Layers: []program.Layer{{Path: "first"}, {Path: "second"}},
			Input: program.Tensor{Buf: -1}, Output: program.Tensor{Buf: -1}, Weights: []program.Weight{{Name: "w", Len: 11}}}
		for range e {
			p[party].Buffers = append(p[party].Buffers, program.Buffer{Len: n})
		}
		p[party].Buffers = append(p[party].Buffers, program.Buffer{Kind: program.Bits, Len: n}, program.Buffer{Kind: program.Bits, Len: n})
	}
	p[cost.Server].Online = []program.Level{
		{Compute: []program.Instr{
			{Op: program.Shift, Out: r(a), In: in(x), Ints: []int{0}},
			{Op: program.TapValue, In: in(a), Ints: []int{0}},
			{Op: program.TruncChoose, Out: r(e), In: in(a, f), Ints: []int{3}},
			{Op: program.MulC, Out: r(b), In: in(a), Ints: []int{5}},
		}},
		{Send: []program.Instr{{Op: program.SendRing, In: in(a), Ints: []int{32}}, {Op: program.SendBits, In: in(e)}, {Op: program.SendRing, Tag: 1, In: in(b), Ints: []int{19}}}},
		{Recv: []program.Instr{{Op: program.RecvBits, Out: r(e)}, {Op: program.RecvRing, Out: r(c), Ints: []int{32}}},
			Compute: []program.Instr{{Op: program.Add, Out: r(y), In: in(c, a)}}},
		{Send: []program.Instr{{Op: program.SendRing, In: in(y), Ints: []int{21}}, {Op: program.SendBits, In: in(e)}}},
		{Recv: []program.Instr{{Op: program.RecvRing, Out: r(b), Ints: []int{32}}}},
	}
	p[cost.Client].Online = []program.Level{
		{},
		{Recv: []program.Instr{{Op: program.RecvRing, Out: r(a), Ints: []int{32}}, {Op: program.RecvBits, Out: r(e)}, {Op: program.RecvRing, Tag: 1, Out: r(b), Ints: []int{19}}},
			Compute: []program.Instr{
				{Op: program.Add, Out: r(c), In: in(a, b)},
				{Op: program.TruncChoose, Tag: 1, Out: r(f), In: in(c, e), Ints: []int{3}},
				{Op: program.Sub, Out: r(c), In: in(c, x)},
			}},
		{Send: []program.Instr{{Op: program.SendBits, In: in(f)}, {Op: program.SendRing, In: in(c), Ints: []int{32}}}},
		{Recv: []program.Instr{{Op: program.RecvRing, Out: r(y), Ints: []int{21}}, {Op: program.RecvBits, Out: r(e)}}},
		{Send: []program.Instr{{Op: program.SendRing, In: in(y), Ints: []int{32}}}},
	}
	for _, p := range p {
		p.Taps = []program.Tap{{}}
	}
	return p
}

// play runs an exchange and gives what both parties hold in the end, and what each sent, by layer.
func play(t *testing.T, n int, watched bool) (m [2]*Machine[uint32], counts [2]map[wire.Key]wire.Counts) {
	t.Helper()
	m, conns := players(t, n, watched)
	playOn(t, m)
	return m, [2]map[wire.Key]wire.Counts{conns[0].Counts(), conns[1].Counts()}
}

// playOn runs the online phase of two machines.
func playOn(t *testing.T, m [2]*Machine[uint32]) {
	t.Helper()
	ended := make(chan error, len(m))
	for _, m := range m {
		go func() { ended <- m.Run(cost.Online, nil) }()
	}
	for range m {
		check(t, <-ended)
	}
}

// players are the machines of an exchange.
func players(t *testing.T, n int, watched bool) (m [2]*Machine[uint32], conns [2]*wire.Conn) {
	t.Helper()
	programs := exchange(n)
	conns[0], conns[1] = wiretest.Pair(t, wire.Options{})
	for i := range m {
		weights := [][]uint32{make([]uint32, 11)}
		for j := range weights[0] {
			weights[0][j] = uint32(j * j)
		}
		var err error
		m[i], err = New(programs[i], conns[i], &OTs{}, weights)
		check(t, err)
		for j := range m[i].ring[0] {
			m[i].ring[0][j] = uint32(j+1) * (0x9e3779b9 + uint32(i))
		}
		if watched {
			m[i].InsecureTap = func(string, []uint32) error { return nil }
		}
	}
	return m, conns
}

// TestOnlineAllocates: an online phase makes no memory for elements. What is left are some objects for each piece that a party computes,
// of 64 kB a vector, and for each message. What TLS makes for its records is not counted here.
func TestOnlineAllocates(t *testing.T) {
	const pieces, mostOfPiece, most = 11 * 8, 1 << 10, 32 << 10
	m, _ := players(t, pieces*parcel, false)
	for _, m := range m {
		check(t, m.Pack())
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	playOn(t, m)
	runtime.ReadMemStats(&after)
	got := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d bytes in %d objects", got, after.Mallocs-before.Mallocs)
	if got > most+pieces*mostOfPiece {
		t.Errorf("%d bytes, accepted are %d and %d for each of %d pieces", got, most, mostOfPiece, pieces)
	}
}

// TestStream: what goes by pieces is what goes as a whole, value by value and byte by byte, of lengths that end inside of a word of bits,
// of a channel and of a piece, and where answers are longer than what sockets hold while their question still arrives.
func TestStream(t *testing.T) {
	for _, n := range []int{11, 11 * 64, 3*parcel + 11*7 - 3*parcel%11, 11 * 6 * parcel} {
		whole, wholeCounts := play(t, n, true)
		pieces, counts := play(t, n, false)
		if pieces[cost.Client].online[1].answers == false || pieces[cost.Server].online[0].tail.n != n || pieces[cost.Client].online[3].tail.n != n || whole[cost.Client].online[1].head.n != 0 {
			t.Fatalf("n = %d: not what is to be compared", n)
		}
		for party := range whole {
			for i := range whole[party].ring {
				if !slices.Equal(whole[party].ring[i], pieces[party].ring[i]) || !slices.Equal(whole[party].bits[i].Words(), pieces[party].bits[i].Words()) {
					t.Errorf("n = %d: buffer %d of party %d differs", n, i, party)
				}
			}
			for key, want := range wholeCounts[party] {
				if counts[party][key] != want {
					t.Errorf("n = %d, party %d: %v counted %v, want %v", n, party, key, counts[party][key], want)
				}
			}
		}
		server, client := pieces[cost.Server].ring, pieces[cost.Client].ring
		for i := range n {
			a := server[0][i] + uint32(i*11/n)*uint32(i*11/n)
			c := a + a*5&(1<<19-1) - client[0][i]
			if client[1][i] != a || server[3][i] != c || client[4][i] != (a+c)&(1<<21-1) || server[2][i] != client[4][i] {
				t.Fatalf("n = %d: element %d is wrong", n, i)
			}
		}
	}
}

// TestProgressCountsInstructions: one that goes by pieces counts once, whether it sends, receives or computes.
func TestProgressCountsInstructions(t *testing.T) {
	for _, n := range []int{11, 11 * parcel} {
		m, _ := players(t, n, false)
		ended := make(chan error, len(m))
		for i, m := range m {
			var steps, last Progress
			go func() {
				err := m.Run(cost.Online, func(p Progress) { steps.Done, last = steps.Done+1, p })
				if last.Of == 0 || last.Done != last.Of || steps.Done != last.Of {
					t.Errorf("n = %d, party %d: %d of %d in %d steps", n, i, last.Done, last.Of, steps.Done)
				}
				ended <- err
			}()
		}
		for range m {
			check(t, <-ended)
		}
	}
}

// TestStreamEnds: a party whose peer goes in the middle of an answer ends with an error that says where.
func TestStreamEnds(t *testing.T) {
	const n = 11 * 6 * parcel
	p := exchange(n)[cost.Client]
	a, b := wiretest.Pair(t, wire.Options{})
	m, err := New[uint32](p, a, &OTs{}, [][]uint32{make([]uint32, 11)})
	check(t, err)
	go func() {
		b.Begin()
		b.Write(make([]byte, 5*parcel*6))
		b.Abort("enough")
	}()
	if err := m.Run(cost.Online, nil); err == nil || !strings.Contains(err.Error(), "layer") {
		t.Errorf("error %v", err)
	}
}

// TestPanicsStrandNobody: whoever recovers a panic of the online phase is left no goroutine that waits for a message's pieces, and the peer ends.
func TestPanicsStrandNobody(t *testing.T) {
	const n = 11 * 6 * parcel
	for party := range 2 {
		steps := 0 // that a party has
		for at := 1; at <= max(steps, 1); at++ {
			m, _ := players(t, n, false)
			before := runtime.NumGoroutine()
			other := make(chan error, 1)
			go func() { other <- m[1-party].Run(cost.Online, nil) }()
			panicked := panics(func() {
				m[party].Run(cost.Online, func(p Progress) {
					if steps = p.Of; p.Done == at {
						panic("step")
					}
				})
			})
			if !panicked {
				t.Errorf("party %d, step %d: no panic", party, at)
			}
			<-other
			for tries := 0; runtime.NumGoroutine() > before; tries++ {
				if time.Sleep(time.Millisecond); tries == 5000 {
					t.Fatalf("party %d, step %d: goroutines are left", party, at)
				}
			}
		}
	}
}

func panics(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return
}

// TestStretches: what is fetched among transfers is fetched before them, if it lies elsewhere.
func TestStretches(t *testing.T) {
	send := func(buf, n int) program.Instr {
		return program.Instr{Op: program.SendRing, In: []program.Operand{operand(buf, n)}, Ints: []int{32}}
	}
	fill := func(buf int) program.Instr {
		return program.Instr{Op: program.Fill, Out: []program.Operand{operand(buf, 7)}, Ints: []int{1}}
	}
	got, err := stretches([]program.Instr{send(0, 7), fill(1), send(1, 7), send(2, 8), {Op: program.GCLabels}, fill(3)})
	check(t, err)
	var n, lengths []int
	for _, s := range got {
		n, lengths = append(n, s.n), append(lengths, len(s.list))
	}
	if !slices.Equal(n, []int{0, 7, 8, 0, 0}) || !slices.Equal(lengths, []int{1, 2, 1, 1, 1}) {
		t.Errorf("stretches of %v elements, %v instructions", n, lengths)
	}
	if _, err := stretches([]program.Instr{send(0, 7), fill(0), send(0, 7)}); err == nil {
		t.Error("a buffer that is used twice in a stretch")
	}
}
