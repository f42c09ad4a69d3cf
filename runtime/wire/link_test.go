package wire_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

func TestParseLink(t *testing.T) {
	for _, l := range wire.Links() {
		if got, err := wire.ParseLink(l.Name); err != nil || got != l {
			t.Errorf("%s: %+v, %v", l.Name, got, err)
		}
	}
	want := wire.Link{Name: "0.3gbps,5ms", BitsPerSecond: 300e6, OneWay: 5 * time.Millisecond}
	if got, err := wire.ParseLink(want.Name); err != nil || got != want {
		t.Errorf("%s: %+v, %v", want.Name, got, err)
	}
	for _, text := range []string{"dsl", "300mbps", "300,5ms", "mbps,5ms", "1gbps,1h", "-3mbps,1ms", "3mbps,-1ms", "nanmbps,1ms", "3mbps,1", "2.2kbps,0s", "2tbps,0s", "1mbps,3s",
		"nan,5ms", "inf,5ms", "infmbps,5ms", "1mbps,nan", "1mbps,5ms,1s", ",", ""} {
		if _, err := wire.ParseLink(text); err == nil || !strings.Contains(err.Error(), "300mbps,5ms") || !strings.Contains(err.Error(), "10 kbps to 1 tbps and up to 2s") {
			t.Errorf("link %q: %v, want what is accepted", text, err)
		}
	}
}

// No preset looks like half of a link in numbers: a list of both has one meaning.
func TestParseLinks(t *testing.T) {
	const numbers = "300mbps,5ms"
	for _, l := range wire.Links() {
		got, err := wire.ParseLinks(numbers + "," + l.Name + "," + numbers)
		if err != nil || len(got) != 3 || got[0].Name != numbers || got[1] != l || got[2] != got[0] {
			t.Errorf("%s between two of %s: %+v, %v", l.Name, numbers, got, err)
		}
	}
	for _, text := range []string{"", "lan,", ",lan", "300mbps", "lan,300mbps", "5ms,300mbps", "300mbps,lan,5ms"} {
		if _, err := wire.ParseLinks(text); err == nil {
			t.Errorf("links %q are accepted", text)
		}
	}
}

func TestShapedStreamIsWhole(t *testing.T) {
	x, y := wiretest.Sockets(t)
	s := wire.Shape(x, wire.Link{BitsPerSecond: 4e9, OneWay: time.Millisecond})
	data := fixedTestBytes(5<<20 + 3) // the queue wraps many times
	both(t, func() error {
		for rest := data; len(rest) > 0; {
			n := min(len(rest), 100_003)
			if _, err := s.Write(rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return s.Close()
	}, func() error {
		got, err := io.ReadAll(y)
		if !bytes.Equal(got, data) {
			t.Errorf("%d bytes of %d arrive, or changed", len(got), len(data))
		}
		return err
	})
}

// TestLinkIsNeverFaster: the shaper holds the lower bounds exactly, whatever else the machine does.
func TestLinkIsNeverFaster(t *testing.T) {
	for _, l := range wire.Links() {
		t.Run(l.Name, func(t *testing.T) {
			a, b := wiretest.Pair(t, wire.Options{Link: l})
			const pings, bulk = 3, 500_000
			begun := time.Now()
			both(t, func() error { return pingPong(a, pings) }, func() error { return pongPing(b, pings) })
			if got, least := time.Since(begun), 2*pings*l.OneWay; got < least {
				t.Errorf("%d round trips in %v, the link needs %v", pings, got, least)
			}
			begun = time.Now()
			both(t, func() error { return a.Send(make([]byte, bulk)) }, func() error { return b.ReadFull(make([]byte, bulk)) })
			got, least := time.Since(begun), l.OneWay
			if l.Shaped() {
				least += time.Duration(bulk * 8 / l.BitsPerSecond * float64(time.Second))
			}
			if got < least || got > 20*least+5*time.Second {
				t.Errorf("%d bytes in %v, the link needs %v", bulk, got, least)
			}
		})
	}
}

func pingPong(c *wire.Conn, n int) error {
	var b [1]byte
	for range n {
		if err := errors.Join(c.Send(b[:]), c.ReadFull(b[:])); err != nil {
			return err
		}
	}
	return nil
}

func pongPing(c *wire.Conn, n int) error {
	var b [1]byte
	for range n {
		if err := errors.Join(c.ReadFull(b[:]), c.Send(b[:])); err != nil {
			return err
		}
	}
	return nil
}

func TestShapedCloseDeliversWhatIsQueued(t *testing.T) {
	for name, pair := range stacks {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, wire.Options{Link: wire.WAN()})
			data := fixedTestBytes(100_000)
			must(t, a.Send(data), a.Close())
			got := make([]byte, len(data))
			must(t, b.ReadFull(got))
			if !bytes.Equal(got, data) {
				t.Error("payload changed")
			}
		})
	}
}

func TestShapedCloseDoesNotHang(t *testing.T) {
	x, _ := net.Pipe() // without buffers: a write takes until it is read
	s := wire.Shape(x, wire.PASNet())
	must(t, s.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
	if n, err := s.Write(make([]byte, 4<<20)); n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%d bytes written, %v: the queue should be full", n, err)
	}
	must(t, s.SetWriteDeadline(time.Time{}))
	written := make(chan error, 1)
	go func() {
		_, err := s.Write([]byte{1})
		written <- err
	}()
	within(t, 15*time.Second, "close", func() {
		if err := s.Close(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("close says %v, but bytes were lost", err)
		}
		if err := <-written; err == nil {
			t.Error("the blocked write says that all was written")
		}
	})
}

func TestShapedWriteReportsDeath(t *testing.T) {
	x, y := wiretest.Sockets(t)
	s := wire.Shape(x, wire.PASNet())
	must(t, y.Close())
	within(t, 10*time.Second, "write", func() {
		var err error
		for err == nil {
			_, err = s.Write(make([]byte, 1<<16))
		}
		if errors.Is(err, net.ErrClosed) {
			t.Errorf("%v: this side closed nothing", err)
		}
	})
	_ = s.Close() // reports the same death
}

func TestShapedWriteDeadline(t *testing.T) {
	x, _ := wiretest.Sockets(t)
	s := wire.Shape(x, wire.Link{BitsPerSecond: 1e6})
	must(t, s.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
	_, err := s.Write(make([]byte, 64<<20))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v, want a deadline", err)
	}
	must(t, x.Close())
	_ = s.Close() // what was queued is lost with the socket
}

// BenchmarkPingPong reports the median one-way delay beside the preset's; 'over' is their ratio.
func BenchmarkPingPong(b *testing.B) {
	for _, l := range wire.Links() {
		b.Run(l.Name, func(b *testing.B) {
			x, y := wiretest.SecurePair(b, wire.Options{Link: l})
			go func() { _ = pongPing(y, math.MaxInt) }() // ends with the connection
			times := make([]time.Duration, 0, b.N)
			for b.Loop() {
				begun := time.Now()
				must(b, pingPong(x, 1))
				times = append(times, time.Since(begun))
			}
			slices.Sort(times)
			median := times[len(times)/2] / 2
			b.ReportMetric(float64(median.Nanoseconds())/1e3, "us-one-way")
			if l.OneWay > 0 {
				b.ReportMetric(float64(median)/float64(l.OneWay), "over")
			}
		})
	}
}

func BenchmarkStream(b *testing.B) {
	for _, l := range wire.Links() {
		b.Run(l.Name, func(b *testing.B) {
			const n = 1 << 20
			x, y := wiretest.Pair(b, wire.Options{Link: l})
			go func() {
				for x.Send(make([]byte, n)) == nil {
				}
			}()
			b.SetBytes(n)
			in := make([]byte, n)
			for b.Loop() {
				must(b, y.ReadFull(in))
			}
		})
	}
}

// BenchmarkSecureStream is BenchmarkStream over mutual TLS on a link that is not shaped: what is missing to that is encryption.
func BenchmarkSecureStream(b *testing.B) {
	const n = 1 << 20
	x, y := wiretest.SecurePair(b, wire.Options{})
	go func() {
		for x.Send(make([]byte, n)) == nil {
		}
	}()
	b.SetBytes(n)
	in := make([]byte, n)
	for b.Loop() {
		must(b, y.ReadFull(in))
	}
}
