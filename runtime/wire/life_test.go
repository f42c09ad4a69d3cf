package wire_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// slow is a link on which a message of slowBytes takes several times lifeLimit.
var slow = wire.Link{Name: "2mbps,1ms", BitsPerSecond: 2e6, OneWay: time.Millisecond}

const (
	lifeLimit = 400 * time.Millisecond
	slowBytes = 400_000 // 1.6 s
)

// TestALongMessageIsLife: who waits for the answer to a message that takes longer than the limit hears nothing meanwhile.
func TestALongMessageIsLife(t *testing.T) {
	for name, pair := range stacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := pair(t, wire.Options{Timeout: lifeLimit, Link: slow})
			begun := time.Now()
			both(t, func() error { return a.Exchange(make([]byte, slowBytes), make([]byte, 1)) }, func() error {
				return errors.Join(b.ReadFull(make([]byte, slowBytes)), b.Send([]byte{1}))
			})
			if took := time.Since(begun); took <= 2*lifeLimit {
				t.Errorf("took %v: the test must outlast the limit of %v", took, lifeLimit)
			}
		})
	}
}

// TestFullSocketsOfABusyPeer: a party cannot send while the peer, which is not read fast, says its own long message first.
func TestFullSocketsOfABusyPeer(t *testing.T) {
	t.Parallel()
	const question, more = 1_800_000, 16 << 20 // both than sockets hold: sending the question takes more than twice the limit
	x, y := wiretest.Sockets(t)
	a, err := wire.New(x, wire.Options{Timeout: lifeLimit})
	must(t, err)
	b, err := wire.New(y, wire.Options{Timeout: lifeLimit, Link: wire.Link{Name: "4mbps,0s", BitsPerSecond: 4e6}})
	must(t, err)
	both(t, func() error { return a.Exchange(make([]byte, more), make([]byte, question)) }, func() error {
		return errors.Join(b.Send(make([]byte, question)), b.ReadFull(make([]byte, more)))
	})
}

// TestWhatTheSystemHoldsIsLife: the message has left for the system, which needs longer than the limit to deliver it.
func TestWhatTheSystemHoldsIsLife(t *testing.T) {
	t.Parallel()
	x, y := wiretest.Sockets(t)
	must(t, y.(*net.TCPConn).SetReadBuffer(16<<10))
	c, err := wire.New(x, wire.Options{Timeout: lifeLimit})
	must(t, err)
	begun := time.Now()
	both(t, func() error { return errors.Join(c.Send(make([]byte, slowBytes)), c.ReadFull(make([]byte, 1))) }, func() error {
		const reads = 40
		left := cost.FrameBytes(slowBytes)
		for i := int64(reads); i > 0; i-- {
			time.Sleep(lifeLimit / 10)
			n, err := io.CopyN(io.Discard, y, left/i)
			if left -= n; err != nil {
				return err
			}
		}
		_, err := y.Write([]byte{1, 0, 0, 0, 2, 2, 0, 0, 'a'})
		return err
	})
	if took := time.Since(begun); took <= 2*lifeLimit {
		t.Errorf("took %v: the test must outlast the limit of %v", took, lifeLimit)
	}
}

// TestADeadPeerIsNoticed: neither what moved before, nor bytes that nobody takes, keep a call waiting for long. (Two limits after the last
// byte moved; the kernel's own buffers take some more of a message for a while.)
func TestADeadPeerIsNoticed(t *testing.T) {
	for name, sent := range map[string]int{"quiet": 1, "stuck": 8 << 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := wiretest.Pair(t, wire.Options{Timeout: lifeLimit})
			both(t, func() error { return a.Send([]byte{1}) }, func() error { return b.ReadFull(make([]byte, 1)) })
			begun := time.Now()
			written := make(chan error, 1)
			go func() { written <- a.Send(make([]byte, sent)) }()
			if err := a.ReadFull(make([]byte, 1)); !errors.Is(err, wire.ErrTimeout) {
				t.Errorf("%v, want a timeout", err)
			}
			took := time.Since(begun)
			if err := <-written; sent > 1 && !errors.Is(err, wire.ErrTimeout) {
				t.Errorf("writing: %v, want a timeout", err)
			}
			if took > 8*lifeLimit {
				t.Errorf("noticed after %v, with a limit of %v", took, lifeLimit)
			}
		})
	}
}

// TestTheSlowestLinkWorks: a handshake and a message that is longer than what is queued, within a limit of seconds.
func TestTheSlowestLinkWorks(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	t.Parallel()
	slowest, err := wire.ParseLink("10kbps,500ms")
	must(t, err)
	a, b := wiretest.SecurePair(t, wire.Options{Timeout: 2 * time.Second, Link: slowest})
	const n = 3000 // 2.4 s
	both(t, func() error { return errors.Join(a.Exchange(make([]byte, n), make([]byte, 1)), a.Close()) }, func() error {
		return errors.Join(b.ReadFull(make([]byte, n)), b.Send([]byte{1}), b.Close())
	})
}
