package prices

import (
	"math"
	"strings"
	"testing"
	"time"
)

// TestOrdersAreBounded: what a peer asks for takes no more time and memory than a calibration does.
func TestOrdersAreBounded(t *testing.T) {
	for _, o := range []order{{}, {Do: kernels, Budget: Full}, {Do: kernels, Budget: Tiny}, {N: mostPings, Bytes: mostBytes, Pause: mostPause}} {
		if err := o.check(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, c := range []struct {
		order order
		says  string
	}{
		{order{N: -1}, "accepted are from 0 to 65536 times"},
		{order{Bytes: mostBytes + 1}, "asks for 0 times 1048577 bytes"},
		{order{Pause: -1}, "-1ns apart"},
		{order{Pause: time.Second}, "1s apart"},
		{order{Budget: Budget{Load: time.Minute}}, "budget has Load = 60000000000: accepted is from 0 to 70000000"},
		{order{Budget: Budget{Load: math.MinInt64}}, "Load = "},
		{order{Budget: Budget{Runs: 1 << 60}}, "Runs = "},
		{order{Budget: Budget{Turned: 1 << 60}}, "Turned = "},
		{order{Budget: Budget{Sizes: -1}}, "Sizes = -1"},
		{order{Budget: Budget{Samples: -1}}, "Samples = -1: accepted is from 0 to 1000"},
		{order{Budget: Budget{SampleRuns: 1 << 60}}, "SampleRuns = "},
	} {
		if err := c.order.check(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want %q", c.order, err, c.says)
		}
	}
}
