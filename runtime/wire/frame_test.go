package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"sotto/ir/cost"
)

func TestConstantsMatchCost(t *testing.T) {
	if MaxFrame != cost.MaxFramePayload || HeaderBytes != cost.FrameHeaderBytes {
		t.Errorf("frames of %d+%d bytes, ir/cost has %d+%d", HeaderBytes, MaxFrame,
			cost.FrameHeaderBytes, cost.MaxFramePayload)
	}
}

func TestHeaderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := header{
			length: rapid.IntRange(1, MaxFrame).Draw(t, "length"),
			kind:   kindLast,
			depth:  uint32(rapid.IntRange(1, maxDepth).Draw(t, "depth")),
		}
		var b [HeaderBytes]byte
		h.put(b[:])
		if got, err := parseHeader(b[:]); err != nil || got != h {
			t.Fatalf("parse(put(%+v)) = %+v, %v", h, got, err)
		}
	})
}

func TestHeaderLimits(t *testing.T) {
	for name, h := range map[string]header{
		"too long":       {MaxFrame + 1, kindLast, 1},
		"far too long":   {1<<31 - 1, kindLast, 1},
		"empty":          {0, kindLast, 1},
		"no depth":       {1, kindLast, 0},
		"kind zero":      {1, 0, 1},
		"kind unknown":   {1, 4, 1},
		"short and more": {MaxFrame - 1, kindMore, 1},
		"abort depth":    {1, kindAbort, 2},
		"abort too long": {MaxReason + 1, kindAbort, 0},
	} {
		var b [HeaderBytes]byte
		h.put(b[:])
		if _, err := parseHeader(b[:]); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: %v, want a protocol error", name, err)
		}
	}
}

func TestReasonIsPrintableAndBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		got := reason(string(rapid.SliceOf(rapid.Byte()).Draw(t, "text")) + strings.Repeat("é", 300))
		if len(got) > MaxReason || len(got) < MaxReason-3 || !utf8.ValidString(got) || strings.ContainsAny(got, "\x1b\n\x00") {
			t.Fatalf("%d bytes %q", len(got), got)
		}
	})
	if got := reason("layer\x1b[31m 3"); got != "layer [31m 3" {
		t.Errorf("%q", got)
	}
}

// replay is a socket on which a fixed stream arrives and writes vanish.
type replay struct{ io.Reader }

func (replay) Write(p []byte) (int, error)      { return len(p), nil }
func (replay) Close() error                     { return nil }
func (replay) LocalAddr() net.Addr              { return nil }
func (replay) RemoteAddr() net.Addr             { return nil }
func (replay) SetDeadline(time.Time) error      { return nil }
func (replay) SetReadDeadline(time.Time) error  { return nil }
func (replay) SetWriteDeadline(time.Time) error { return nil }

// FuzzReceive feeds a connection any stream: it must give the payload of the well-formed frames in front, end in a
// typed error, and never panic or read on.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{3, 0, 0, 0, byte(kindLast), 1, 0, 0, 'a', 'b', 'c'})
	f.Add([]byte{2, 0, 0, 0, byte(kindAbort), 0, 0, 0, 'n', 'o'})
	f.Add([]byte{255, 255, 255, 255, 9, 9, 9, 9})
	f.Add([]byte{1, 0, 0, 0, byte(kindLast), 2, 0, 0, 'a'})
	f.Fuzz(func(t *testing.T, stream []byte) {
		c, err := New(replay{bytes.NewReader(stream)}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var payload int64
		for err == nil {
			var b [1]byte
			if err = c.ReadFull(b[:]); err == nil {
				payload++
			}
		}
		if !errors.Is(err, ErrProtocol) && !errors.Is(err, ErrClosed) && !errors.Is(err, ErrPeerAbort) {
			t.Errorf("untyped error: %v", err)
		}
		got := c.PhaseCounts(0)
		if got.PayloadReceived != payload || got.Received() > int64(len(stream)) {
			t.Errorf("read %d payload bytes of a stream of %d, counted %+v", payload, len(stream), got)
		}
	})
}

func TestCloseWipes(t *testing.T) {
	stream := append([]byte{200, 0, 0, 0, byte(kindLast), 1, 0, 0}, bytes.Repeat([]byte{0xaa}, 200)...)
	c, err := New(replay{bytes.NewReader(stream)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c.Begin()
	if _, err := c.Write(bytes.Repeat([]byte{0xbb}, 100)); err != nil {
		t.Fatal(err)
	}
	if err := c.ReadFull(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(c.out.buf, []byte{0xbb}) || !bytes.Contains(c.in.ahead.buf, []byte{0xaa}) {
		t.Fatal("nothing to wipe: the test looks at the wrong buffers")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if len(bytes.Trim(c.out.buf, "\x00")) > 0 || len(bytes.Trim(c.in.ahead.buf, "\x00")) > 0 {
		t.Error("payload left in a buffer after Close")
	}
}
