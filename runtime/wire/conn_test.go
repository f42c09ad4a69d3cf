package wire_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sotto/ir/cost"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// both runs the two parties at the same time and fails the test with the first error.
func both(t testing.TB, a, b func() error) {
	t.Helper()
	var errA, errB error
	var wg sync.WaitGroup
	wg.Go(func() { errA = a() })
	wg.Go(func() { errB = b() })
	wg.Wait()
	must(t, errA, errB)
}

func within(t testing.TB, limit time.Duration, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatalf("%s: still busy after %v", what, limit)
	}
}

// fixedTestBytes is deterministic data for tests alone.
func fixedTestBytes(n int) []byte {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	r.Read(b)
	return b
}

var stacks = map[string]func(testing.TB, wire.Options) (a, b *wire.Conn){
	"plain": wiretest.Pair, "tls": wiretest.SecurePair,
}

func TestMessagesOfEverySizeArriveAndCost(t *testing.T) {
	for name, pair := range stacks {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, wire.Options{})
			var total int64
			for i, n := range []int{0, 1, 7, wire.MaxFrame - 1, wire.MaxFrame, wire.MaxFrame + 1, 2 * wire.MaxFrame, 1 << 20, 3<<20 + 1} {
				data, got := fixedTestBytes(n), make([]byte, n)
				both(t, func() error { return a.Send(data) }, func() error { return b.ReadFull(got) })
				if !bytes.Equal(data, got) {
					t.Errorf("message of %d bytes arrives changed", n)
				}
				total += cost.FrameBytes(int64(n))
				if s, r := a.PhaseCounts(0).Sent(), b.PhaseCounts(0).Received(); s != total || r != total {
					t.Errorf("after %d bytes: sent %d, received %d, formula %d", n, s, r, total)
				}
				if m := a.PhaseCounts(0).MessagesSent; m != int64(i) {
					t.Errorf("%d messages counted after %d that are not empty", m, i)
				}
			}
		})
	}
}

// TestCountersAgree drives a random conversation and demands that each side counts what the other does, under the
// same keys, however the payload is cut into calls.
func TestCountersAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := wiretest.Pair(t, wire.Options{})
		defer a.Close()
		defer b.Close()
		var payload, framed int64
		for range rapid.IntRange(1, 6).Draw(rt, "messages") {
			from, to := a, b
			if rapid.Bool().Draw(rt, "back") {
				from, to = b, a
			}
			parts := rapid.SliceOfN(rapid.IntRange(0, wire.MaxFrame+10), 1, 4).Draw(rt, "parts")
			both(t, func() error { return sendParts(from, parts) }, func() error { return readParts(to, parts) })
			var sum int64
			for _, n := range parts {
				sum += int64(n)
			}
			payload, framed = payload+sum, framed+cost.FrameBytes(sum)
		}
		sum := a.PhaseCounts(0).Add(a.PhaseCounts(1))
		if sum.PayloadSent+sum.PayloadReceived != payload || sum.Sent()+sum.Received() != framed {
			rt.Fatalf("counted %+v, want %d payload in %d", sum, payload, framed)
		}
		mirrored(rt, a.Counts(), b.Counts())
	})
}

func sendParts(c *wire.Conn, parts []int) error {
	c.Begin()
	for i, n := range parts {
		c.SetSendTag(i%2, i)
		if _, err := c.Write(make([]byte, n)); err != nil {
			return err
		}
	}
	return c.End()
}

func readParts(c *wire.Conn, parts []int) error {
	for i, n := range parts {
		c.SetRecvTag(i%2, i)
		if err := c.ReadFull(make([]byte, n)); err != nil {
			return err
		}
	}
	return nil
}

func mirrored(t rapid.TB, a, b map[wire.Key]wire.Counts) {
	for k := range a {
		if _, ok := b[k]; !ok && a[k] != (wire.Counts{}) {
			t.Errorf("key %v is counted on one side alone", k)
		}
	}
	for k, y := range b {
		x := a[k]
		y.PayloadSent, y.PayloadReceived = y.PayloadReceived, y.PayloadSent
		y.HeaderSent, y.HeaderReceived = y.HeaderReceived, y.HeaderSent
		y.MessagesSent, y.MessagesReceived = y.MessagesReceived, y.MessagesSent
		if x != y {
			t.Errorf("key %v: %+v here, %+v there", k, x, y)
		}
	}
}

func TestHeadersGoToTheFirstPayloadByte(t *testing.T) {
	a, b := wiretest.Pair(t, wire.Options{})
	first, second := make([]byte, 10), make([]byte, wire.MaxFrame)
	a.SetSendTag(0, 1)
	a.Begin()
	a.SetSendTag(0, 2) // nothing was written under tag 1
	_, err1 := a.Write(first)
	a.SetSendTag(0, 3)
	_, err2 := a.Write(second)
	must(t, err1, err2, a.End())
	b.SetRecvTag(0, 2)
	must(t, b.ReadFull(first))
	b.SetRecvTag(0, 3)
	must(t, b.ReadFull(second))
	for name, counts := range map[string]map[wire.Key]wire.Counts{"sender": a.Counts(), "receiver": b.Counts()} {
		two, three := counts[wire.Key{Tag: 2}], counts[wire.Key{Tag: 3}]
		if h := two.HeaderSent + two.HeaderReceived; h != 2*wire.HeaderBytes {
			t.Errorf("%s: %d header bytes under the first tag, want both frames' %d", name, h, 2*wire.HeaderBytes)
		}
		if three.HeaderSent+three.HeaderReceived != 0 || three.PayloadSent+three.PayloadReceived != wire.MaxFrame {
			t.Errorf("%s: second tag has %+v", name, three)
		}
		if two.Rounds != 1 || three.Rounds != 0 {
			t.Errorf("%s: rounds %d and %d, want 1 and 0", name, two.Rounds, three.Rounds)
		}
	}
}

// TestRounds spells out the clock: each step is a message from A (>), from B (<), or two that cross (x).
func TestRounds(t *testing.T) {
	for script, want := range map[string]int{
		"": 0, ">": 1, ">>>": 1, "><": 2, "x": 1, "xx": 2, "><><": 4, ">x": 2, ">><<>": 3, "x<": 2, "x>": 2, "<x>": 2, "<x<": 3,
	} {
		t.Run(script, func(t *testing.T) {
			a, b := wiretest.Pair(t, wire.Options{})
			both(t, func() error { return play(a, script, '>') }, func() error { return play(b, script, '<') })
			if a.Rounds(0) != want || b.Rounds(0) != want {
				t.Errorf("%d and %d rounds, want %d", a.Rounds(0), b.Rounds(0), want)
			}
		})
	}
}

func play(c *wire.Conn, script string, mine rune) error {
	var out, in [1]byte
	for _, step := range script {
		var err error
		switch step {
		case mine:
			err = c.Send(out[:])
		case 'x':
			err = c.Exchange(out[:], in[:])
		default:
			err = c.ReadFull(in[:])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// TestBeginAfterDependsOnWhatItSays: B answers the head of A's first message while the rest, and A's second, come in: two rounds, in
// whatever order the bytes arrive.
func TestBeginAfterDependsOnWhatItSays(t *testing.T) {
	a, b := wiretest.Pair(t, wire.Options{})
	both(t, func() error {
		return errors.Join(a.Exchange([]byte{0}, make([]byte, 1)), a.ReadFull(make([]byte, 1)), answer(a))
	}, func() error {
		return errors.Join(b.Exchange([]byte{0}, make([]byte, 1)), answer(b), b.ReadFull(make([]byte, 1)))
	})
	if a.Rounds(0) != 2 || b.Rounds(0) != 2 {
		t.Errorf("%d and %d rounds, want 2", a.Rounds(0), b.Rounds(0))
	}
}

// answer sends a second message that depends on the peer's first.
func answer(c *wire.Conn) error {
	c.BeginAfter(1)
	_, err := c.Write([]byte{0})
	return errors.Join(err, c.End())
}

func TestPhasesResetTheClock(t *testing.T) {
	a, b := wiretest.Pair(t, wire.Options{})
	run := func(c *wire.Conn, mine rune) error {
		for _, p := range []struct {
			phase  int
			script string
		}{{1, "><>"}, {2, ">"}, {1, "><"}} {
			if err := c.BeginPhase(p.phase); err != nil {
				return err
			}
			if err := play(c, p.script, mine); err != nil {
				return err
			}
		}
		return nil
	}
	both(t, func() error { return run(a, '>') }, func() error { return run(b, '<') })
	for _, c := range []*wire.Conn{a, b} {
		if c.Rounds(0) != 0 || c.Rounds(1) != 3+2 || c.Rounds(2) != 1 {
			t.Errorf("rounds %d, %d, %d, want 0, 5, 1", c.Rounds(0), c.Rounds(1), c.Rounds(2))
		}
		if n := c.PhaseCounts(1); n.MessagesSent+n.MessagesReceived != 5 || n.Rounds != 5 {
			t.Errorf("phase 1 counts %+v", n)
		}
	}
}

func TestExchangeOfMoreThanTheSocketsHold(t *testing.T) {
	for name, pair := range stacks {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, wire.Options{})
			const n = 16 << 20
			out, inA, inB := fixedTestBytes(n), make([]byte, n), make([]byte, n)
			both(t, func() error { return a.Exchange(out, inA) }, func() error { return b.Exchange(out, inB) })
			if !bytes.Equal(out, inA) || !bytes.Equal(out, inB) {
				t.Error("payload changed")
			}
			if a.Rounds(0) != 1 || b.Rounds(0) != 1 {
				t.Errorf("%d and %d rounds, want 1: the messages cross", a.Rounds(0), b.Rounds(0))
			}
		})
	}
}

func TestSocketBytes(t *testing.T) {
	t.Run("plain", func(t *testing.T) {
		a, b := wiretest.Pair(t, wire.Options{})
		both(t, func() error { return a.Send(make([]byte, 1e5)) }, func() error { return b.ReadFull(make([]byte, 1e5)) })
		sent, _ := a.SocketBytes()
		_, received := b.SocketBytes()
		if want := cost.FrameBytes(1e5); sent != want || received != want {
			t.Errorf("%d sent, %d received, want %d", sent, received, want)
		}
	})
	t.Run("tls", func(t *testing.T) {
		a, b := wiretest.SecurePair(t, wire.Options{})
		base, _ := a.SocketBytes()
		both(t, func() error { return a.Send(make([]byte, 1e5)) }, func() error { return b.ReadFull(make([]byte, 1e5)) })
		sent, _ := a.SocketBytes()
		_, received := b.SocketBytes()
		// RFC 8446, 5.2: a record adds a 5-byte header, a type byte and a 16-byte tag to at most 2^14 bytes.
		full := cost.FrameBytes(wire.MaxFrame)
		rest := cost.FrameBytes(1e5 - wire.MaxFrame)
		want := cost.FrameBytes(1e5) + 22*((full+1<<14-1)/(1<<14)+(rest+1<<14-1)/(1<<14))
		if sent != received || sent-base != want {
			t.Errorf("%d sent beyond the handshake, %d received in all of %d sent, want %d", sent-base, received, sent, want)
		}
	})
}

func TestGoldenBytes(t *testing.T) {
	x, y := wiretest.Sockets(t)
	c, err := wire.New(x, wire.Options{})
	must(t, err)
	both(t, func() error {
		defer c.Close()
		for _, n := range []int{1, wire.MaxFrame, 100_000} {
			if err := c.Send(fixedTestBytes(n)); err != nil {
				return err
			}
		}
		return c.Abort("enough")
	}, func() error {
		h := sha256.New()
		if _, err := io.Copy(h, y); err != nil {
			return err
		}
		const want = "0c5ead257c6b6e229a82fc86e368d9309b06103cd9d667d62b07d5721d06d7f9"
		if got := hex.EncodeToString(h.Sum(nil)); got != want {
			t.Errorf("wire bytes hash to %s, want %s: a change of format needs a new protocolName", got, want)
		}
		return nil
	})
}

func TestAbort(t *testing.T) {
	for name, pair := range stacks {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, wire.Options{})
			read := make(chan error, 1)
			go func() { read <- b.ReadFull(make([]byte, 1)) }()
			must(t, a.Abort("layer conv#1: wrong\nsize"))
			err := <-read
			var peer *wire.PeerError
			if !errors.Is(err, wire.ErrPeerAbort) || !errors.As(err, &peer) || peer.Reason != "layer conv#1: wrong size" {
				t.Errorf("peer reads %v", err)
			}
			if err := a.Send([]byte{1}); !errors.Is(err, wire.ErrClosed) || !strings.Contains(err.Error(), "aborted") {
				t.Errorf("sending after abort: %v", err)
			}
			if err := b.ReadFull(make([]byte, 1)); !errors.Is(err, wire.ErrPeerAbort) {
				t.Errorf("reading again: %v", err)
			}
		})
	}
}

// TestRefuse: a refusal is an abort, and told from others.
func TestRefuse(t *testing.T) {
	for _, c := range []struct {
		end     func(*wire.Conn, string) error
		refused bool
	}{{(*wire.Conn).Refuse, true}, {(*wire.Conn).Abort, false}} {
		a, b := stacks["plain"](t, wire.Options{})
		must(t, c.end(a, "not here"))
		if err := b.ReadFull(make([]byte, 1)); !errors.Is(err, wire.ErrPeerAbort) || errors.Is(err, wire.ErrRefused) != c.refused {
			t.Errorf("peer reads %v, of a refusal: %v", err, c.refused)
		}
	}
}

// TestReadTimeout: reads wait as long as they are told to, and writes as before.
func TestReadTimeout(t *testing.T) {
	a, b := stacks["plain"](t, wire.Options{Timeout: 50 * time.Millisecond})
	must(t, a.SetReadTimeout(time.Minute))
	time.AfterFunc(300*time.Millisecond, func() { b.Send([]byte{7}) })
	must(t, a.ReadFull(make([]byte, 1)), a.SetReadTimeout(0))
	if err := a.ReadFull(make([]byte, 1)); !errors.Is(err, wire.ErrTimeout) || a.Timeout() != 50*time.Millisecond {
		t.Errorf("a read gives %v, the timeout is %v", err, a.Timeout())
	}
}

// TestAbortReachesAWriter: a peer that only writes, and is not read, still learns the reason.
func TestAbortReachesAWriter(t *testing.T) {
	for name, pair := range stacks {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, wire.Options{})
			written := make(chan error, 1)
			go func() { written <- b.Send(make([]byte, 64<<20)) }()
			must(t, a.ReadFull(make([]byte, 1000)), a.Abort("no more"), ignoreCut(a.Close()))
			within(t, 10*time.Second, "writer", func() {
				if err := <-written; !errors.Is(err, wire.ErrPeerAbort) {
					t.Errorf("writer gets %v, want the peer's reason", err)
				}
			})
		})
	}
}

// ignoreCut: closing while the peer still sends may find the connection reset.
func ignoreCut(error) error { return nil }

func TestCutConnection(t *testing.T) {
	for name, stream := range map[string][]byte{
		"at once":         {},
		"inside a header": {5, 0, 0},
		"inside a frame":  {5, 0, 0, 0, 2, 1, 0, 0, 'a', 'b'},
	} {
		t.Run(name, func(t *testing.T) {
			x, y := wiretest.Sockets(t)
			c, err := wire.New(x, wire.Options{})
			must(t, err)
			_, err = y.Write(stream)
			must(t, err, y.Close())
			if err := c.ReadFull(make([]byte, 5)); !errors.Is(err, wire.ErrClosed) {
				t.Errorf("%v, want closed", err)
			}
		})
	}
}

func TestCutUnderTLS(t *testing.T) {
	clientConfig, serverConfig := wiretest.Configs(t)
	x, y := wiretest.Sockets(t)
	var client, server *wire.Conn
	both(t, func() (err error) {
		client, err = wire.Connect(t.Context(), x, clientConfig, wire.Options{})
		return err
	}, func() (err error) {
		server, err = wire.Accept(t.Context(), y, serverConfig, wire.Options{})
		return err
	})
	defer client.Close()
	defer server.Close()
	must(t, server.Send(make([]byte, 100)), y.Close())
	if err := client.ReadFull(make([]byte, 200)); !errors.Is(err, wire.ErrClosed) {
		t.Errorf("%v, want closed", err)
	}
}

func TestGarbage(t *testing.T) {
	for name, stream := range map[string][]byte{
		"text":          []byte("GET / HTTP/1.1\r\n\r\n"),
		"out of step":   {1, 0, 0, 0, 2, 2, 0, 0, 'a'},
		"falling depth": {1, 0, 0, 0, 2, 1, 0, 0, 'a', 1, 0, 0, 0, 2, 0, 0, 0, 'a'},
	} {
		t.Run(name, func(t *testing.T) {
			x, y := wiretest.Sockets(t)
			c, err := wire.New(x, wire.Options{})
			must(t, err)
			_, err = y.Write(stream)
			must(t, err)
			if err := c.ReadFull(make([]byte, 5)); !errors.Is(err, wire.ErrProtocol) {
				t.Errorf("%v, want a protocol error", err)
			}
		})
	}
}

func TestDepthChangesInsideAMessage(t *testing.T) {
	x, y := wiretest.Sockets(t)
	c, err := wire.New(x, wire.Options{})
	must(t, err, c.Send([]byte{1}))
	stream := append([]byte{0, 0, 1, 0, 1, 1, 0, 0}, make([]byte, wire.MaxFrame)...)
	_, err = y.Write(append(stream, 1, 0, 0, 0, 2, 2, 0, 0, 'a'))
	must(t, err)
	if err := c.ReadFull(make([]byte, wire.MaxFrame+1)); !errors.Is(err, wire.ErrProtocol) {
		t.Errorf("%v, want a protocol error", err)
	}
}

func TestSlowPeer(t *testing.T) {
	const limit = 100 * time.Millisecond
	for name, pair := range stacks {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, wire.Options{Timeout: limit})
			begun := time.Now()
			err := a.ReadFull(make([]byte, 1))
			if !errors.Is(err, wire.ErrTimeout) || time.Since(begun) < limit {
				t.Errorf("reading: %v after %v", err, time.Since(begun))
			}
			if err := b.Send(make([]byte, 64<<20)); !errors.Is(err, wire.ErrTimeout) {
				t.Errorf("writing to a peer that does not read: %v", err)
			}
		})
	}
}

// TestSlowButMoving: the timeout is for progress, not for the whole message.
func TestSlowButMoving(t *testing.T) {
	const limit = 400 * time.Millisecond
	x, y := wiretest.Sockets(t)
	c, err := wire.New(x, wire.Options{Timeout: limit})
	must(t, err)
	frame := append([]byte{6, 0, 0, 0, 2, 1, 0, 0}, "abcdef"...)
	go func() {
		for i := range frame {
			time.Sleep(limit / 8)
			if _, err := y.Write(frame[i : i+1]); err != nil {
				return
			}
		}
	}()
	begun := time.Now()
	must(t, c.ReadFull(make([]byte, 6)))
	if took := time.Since(begun); took <= limit {
		t.Errorf("took %v: the test must outlast the limit of %v", took, limit)
	}
}

// TestSlowReader: a write that takes longer than the timeout goes on as long as the peer takes some of it.
func TestSlowReader(t *testing.T) {
	const limit, total = 200 * time.Millisecond, 12 << 20
	x, y := wiretest.Sockets(t)
	must(t, y.(*net.TCPConn).SetReadBuffer(64<<10))
	c, err := wire.New(x, wire.Options{Timeout: limit})
	must(t, err)
	begun := time.Now()
	both(t, func() error { return c.Send(make([]byte, total)) }, func() error {
		left := cost.FrameBytes(total)
		for left > 0 {
			time.Sleep(limit / 10)
			n, err := io.CopyN(io.Discard, y, min(left, 256<<10))
			if left -= n; err != nil {
				return err
			}
		}
		return nil
	})
	if took := time.Since(begun); took <= 2*limit {
		t.Errorf("took %v: the test must outlast the limit of %v", took, limit)
	}
}

func TestAnErrorWakesTheOtherDirection(t *testing.T) {
	x, y := wiretest.Sockets(t)
	c, err := wire.New(x, wire.Options{})
	must(t, err)
	written := make(chan error, 1)
	go func() { written <- c.Send(make([]byte, 64<<20)) }()
	_, err = y.Write([]byte("garbage!"))
	must(t, err)
	within(t, 10*time.Second, "both directions", func() {
		readErr, writeErr := c.ReadFull(make([]byte, 1)), <-written
		if !errors.Is(readErr, wire.ErrProtocol) || !errors.Is(writeErr, wire.ErrProtocol) {
			t.Errorf("read %v, write %v", readErr, writeErr)
		}
	})
}

func TestCloseWakesBothDirections(t *testing.T) {
	for name, pair := range stacks {
		t.Run(name, func(t *testing.T) {
			a, _ := pair(t, wire.Options{})
			ended := make(chan error, 2)
			go func() { ended <- a.Send(make([]byte, 64<<20)) }()
			go func() { ended <- a.ReadFull(make([]byte, 1)) }()
			time.Sleep(20 * time.Millisecond)
			within(t, 10*time.Second, "close", func() {
				_ = a.Close() // may report the message it cut
				for range 2 {
					if err := <-ended; !errors.Is(err, wire.ErrClosed) {
						t.Errorf("%v, want closed", err)
					}
				}
			})
		})
	}
}

func TestMisuse(t *testing.T) {
	for name, use := range map[string]func(a, b *wire.Conn) error{
		"write before begin": func(a, _ *wire.Conn) error { _, err := a.Write([]byte{1}); return err },
		"end before begin":   func(a, _ *wire.Conn) error { return a.End() },
		"begin twice":        func(a, _ *wire.Conn) error { a.Begin(); a.Begin(); return a.End() },
		"phase in a message": func(a, _ *wire.Conn) error { a.Begin(); return a.BeginPhase(1) },
		"phase in a read": func(a, b *wire.Conn) error {
			return errors.Join(b.Send([]byte{1, 2}), a.ReadFull(make([]byte, 1)), a.BeginPhase(1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := wiretest.Pair(t, wire.Options{})
			if err := use(a, b); !errors.Is(err, wire.ErrMisuse) {
				t.Errorf("%v, want misuse", err)
			}
		})
	}
}

func TestOptionsRefused(t *testing.T) {
	x, _ := wiretest.Sockets(t)
	for _, o := range []wire.Options{{Timeout: -1}, {Link: wire.Link{OneWay: -1}}, {Link: wire.Link{BitsPerSecond: -1}}} {
		if _, err := wire.New(x, o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	a, _ := wiretest.Pair(t, wire.Options{})
	if err := a.SetTimeout(0); err == nil {
		t.Error("timeout of zero is accepted")
	}
	must(t, a.SetTimeout(time.Millisecond))
	if err := a.ReadFull(make([]byte, 1)); !errors.Is(err, wire.ErrTimeout) {
		t.Errorf("%v, want a timeout", err)
	}
}

func TestDialBeforeListen(t *testing.T) {
	clientConfig, serverConfig := wiretest.Configs(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	addr := free.Addr().String()
	must(t, free.Close())
	both(t, func() error {
		c, err := wire.Dial(t.Context(), addr, clientConfig, wire.Options{})
		if err != nil {
			return err
		}
		return errors.Join(c.Send([]byte("hello")), c.Close())
	}, func() error {
		time.Sleep(50 * time.Millisecond)
		l, err := wire.Listen(addr, serverConfig, wire.Options{})
		if err != nil {
			return err
		}
		defer l.Close()
		c, err := l.Accept(t.Context())
		if err != nil {
			return err
		}
		defer c.Close()
		got := make([]byte, 5)
		err = c.ReadFull(got)
		if string(got) != "hello" {
			t.Errorf("got %q", got)
		}
		return err
	})
}

func TestDialGivesUp(t *testing.T) {
	clientConfig, _ := wiretest.Configs(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err, free.Close())
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Millisecond)
	defer cancel()
	_, err = wire.Dial(ctx, free.Addr().String(), clientConfig, wire.Options{})
	if err == nil || !strings.Contains(err.Error(), "nobody listens") {
		t.Errorf("%v", err)
	}
}

func TestAcceptEndsWithItsContext(t *testing.T) {
	_, serverConfig := wiretest.Configs(t)
	l, err := wire.Listen("127.0.0.1:0", serverConfig, wire.Options{})
	must(t, err)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := l.Accept(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want the context's end", err)
	}
}
