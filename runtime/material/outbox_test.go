package material

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"pgregory.net/rapid"
)

// TestOutboxKeepsOrder: whatever the sizes and the turns, what comes out is what went in.
func TestOutboxKeepsOrder(t *testing.T) {
	const limit = 1 << 12
	all := make([]byte, 3*limit)
	for i := range all {
		all[i] = byte(i * 2654435761 >> 13)
	}
	rapid.Check(t, func(t *rapid.T) {
		o := newOutbox(limit)
		defer o.close()
		size := rapid.IntRange(1, limit)
		in, out := 0, 0
		buf := make([]byte, limit)
		for in < len(all) || out < len(all) {
			if in < len(all) && (in == out || rapid.Bool().Draw(t, "write")) {
				n := min(size.Draw(t, "n"), len(all)-in)
				if _, err := o.Write(all[in : in+n]); err != nil {
					t.Fatal(err)
				}
				in += n
				continue
			}
			n, err := o.Read(buf[:min(size.Draw(t, "n"), in-out)])
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(buf[:n], all[out:out+n]) {
				t.Fatalf("bytes %d to %d differ", out, out+n)
			}
			out += n
		}
		o.finish(nil)
		if _, err := o.Read(buf); err != io.EOF {
			t.Fatalf("after the end: %v", err)
		}
	})
}

func TestOutboxPassesOnWhatFailed(t *testing.T) {
	o, broken := newOutbox(1), errors.New("broken")
	got := make(chan error)
	go func() {
		_, err := o.Read(make([]byte, 1))
		got <- err
	}()
	o.finish(broken)
	if err := <-got; !errors.Is(err, broken) {
		t.Errorf("a reader that waited gets %v", err)
	}
}
