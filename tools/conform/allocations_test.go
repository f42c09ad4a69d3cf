package conform

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/runtime/party"
	"sotto/runtime/vm"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
	"sotto/tools/sotto/clang"
)

// deepNet has as many residual blocks as depth says, with activations of more elements than travel at a time.
func deepNet(depth int, act string) string {
	var b strings.Builder
	b.WriteString("net deep {\n input image: f32[3, 40, 40] from client\n x0 = conv(image, 16, kernel = 3, pad = 1) |> batchnorm |> " + act + "\n")
	for i := range depth {
		fmt.Fprintf(&b, " y%d = conv(x%d, 16, kernel = 3, pad = 1, groups = 16) |> conv(16, kernel = 1) |> batchnorm |> %s |> conv(16, kernel = 3, pad = 1) |> batchnorm\n", i, i, act)
		fmt.Fprintf(&b, " x%d = (x%d + y%d) |> %s\n", i+1, i, i, act)
	}
	fmt.Fprintf(&b, " output o = x%d |> avgpool(2) |> flatten |> linear(5) to client\n}\n", depth)
	return b.String()
}

// mallocs counts what both parties allocate online, from when the first has done an instruction to when one has done its last.
type mallocs struct {
	mu       sync.Mutex
	from, to runtime.MemStats
}

func (m *mallocs) progress(phase cost.Phase, p vm.Progress) {
	if phase != cost.Online || p.Done > 1 && p.Done < p.Of {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.from.Sys == 0:
		runtime.ReadMemStats(&m.from)
	case m.to.Sys == 0 && p.Done == p.Of:
		runtime.ReadMemStats(&m.to)
	}
}

// onlineMallocs runs a network between two parties and says how many allocations their online phases make together, and of how many
// bytes.
func (n *Net) onlineMallocs(t *testing.T, x []float32, prepare func(*party.Bundle) error) (count, bytes uint64) {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // it has memory of its own
	client, server := wiretest.Pair(t, wire.Options{})
	var m mallocs
	n.playOver(t, x, [2]*wire.Conn{client, server}, prepare, m.progress)
	return m.to.Mallocs - m.from.Mallocs, m.to.TotalAlloc - m.from.TotalAlloc
}

// fewMallocs is what a session may allocate online, whatever the network: goroutines that the first call for them makes, and what the
// runtime of Go makes as they wait for each other. It keeps that by core, and sometimes one core runs out; so there is another try.
const (
	fewMallocs = 16
	tries      = 3
)

// TestOnlineAllocatesNothing: buffers and all else that the online phase takes are there before it begins, however deep the network is.
func TestOnlineAllocatesNothing(t *testing.T) {
	allocateNothing(t, asItIs, func(*testing.T, *Net) {})
}

// TestOnlineAllocatesNothingNative is that with native kernels.
func TestOnlineAllocatesNothingNative(t *testing.T) {
	compiler, err := clang.Find()
	if err != nil {
		t.Skipf("no network runs with native kernels: %v", err)
	}
	allocateNothing(t, (*party.Bundle).LoadNative, func(t *testing.T, n *Net) { n.writeNative(t, compiler) })
}

func allocateNothing(t *testing.T, prepare func(*party.Bundle) error, equip func(*testing.T, *Net)) {
	if raceDetector {
		t.Skip("with the race detector purego and others forget what they would use again")
	}
	for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		for _, c := range []struct{ bits, depth int }{{32, 2}, {32, 4}, {64, 2}} {
			t.Run(fmt.Sprintf("%s-%d-%d", d, c.bits, c.depth), func(t *testing.T) {
				n := compileWith(t, "deep", deepNet(c.depth, "x2act"), d, c.bits, pass.Protocols{})
				n.Context.Source = cost.FromHE
				equip(t, n)
				n.allocatesFew(t, image(7, 3*40*40), prepare)
			})
		}
	}
}

func (n *Net) allocatesFew(t *testing.T, x []float32, prepare func(*party.Bundle) error) {
	t.Helper()
	for range tries {
		count, bytes := n.onlineMallocs(t, x, prepare)
		t.Logf("%d allocations of %d bytes", count, bytes)
		if count <= fewMallocs {
			return
		}
	}
	t.Errorf("accepted are %d allocations, whatever the network", fewMallocs)
}
