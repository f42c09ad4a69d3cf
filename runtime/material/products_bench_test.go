package material_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/material"
	"sotto/runtime/material/materialtest"
	"sotto/runtime/ring"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// BenchmarkProducts makes elementwise products in both ways and rings: CPU time of both parties and of what carries their messages in
// one process, and bytes, a product.
func BenchmarkProducts(b *testing.B) {
	for _, e := range []cost.Elementwise{cost.ByGilboa, cost.BySIMD} {
		b.Run(fmt.Sprintf("%v/32", e), func(b *testing.B) { benchProducts[uint32](b, e) })
		b.Run(fmt.Sprintf("%v/64", e), func(b *testing.B) { benchProducts[uint64](b, e) })
	}
}

func benchProducts[W ring.Word](b *testing.B, e cost.Elementwise) {
	const n = 40 * cost.HEDegree
	m := materialtest.Manifest(cost.ClientServer, ring.Width[W](), materialtest.Mask(n), materialtest.Cross(0, n))
	m.Elementwise = e
	cpu, bytes := time.Duration(0), int64(0)
	for b.Loop() {
		start := cpuTime(b)
		var s materialtest.Sources[W]
		for p := range s {
			made, err := material.NewHE[W](cost.Party(p), m, material.Session{1}, 1, nil, nil)
			if err != nil {
				b.Fatal(err)
			}
			s[p] = made.Inference(0)
		}
		client, server := wiretest.Pair(b, wire.Options{})
		if err := materialtest.Exchange(s, client, server); err != nil {
			b.Fatal(err)
		}
		cpu += cpuTime(b) - start
		bytes = 0
		for _, c := range client.Counts() {
			bytes += c.Sent() + c.Received()
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu.Nanoseconds())/float64(b.N)/n, "cpu-ns/product")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/product")
	b.ReportMetric(float64(bytes)/n, "B/product")
}

// cpuTime is the processor time of this process so far.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
