package bench

import (
	"io"
	"net"
	"time"

	"sotto/runtime/prg"
	"sotto/tools/sotto/bench/peak"
)

// Limits is what one core of the machine, and its loopback, can do: the best of several short runs, which other work
// disturbs least.
type Limits struct {
	AESPath  string  `json:"aes_path"`
	AES      float64 `json:"aes_blocks_per_s"`
	Copy     float64 `json:"memory_copy_bytes_per_s"`
	Loopback float64 `json:"loopback_bytes_per_s"`
	TLS      float64 `json:"tls_loopback_bytes_per_s"` // TLS 1.3 over it, one way
	peak.Rates
}

const (
	limitRuns = 7
	peakRuns  = 15 // of a millisecond
)

// MeasureLimits measures this machine. plain and secure are this process's ends of two loopback connections, the second of them
// TLS; the other process runs Drain on its ends, one after the other.
func MeasureLimits(plain, secure net.Conn) (*Limits, error) {
	l := &Limits{Copy: best(copyRate), AES: best(aesRate), AESPath: prg.NewHash(prg.Block{}).Path().String(), Rates: peak.Measure(peakRuns)}
	var err error
	if l.Loopback, err = loopbackRate(plain); err != nil {
		return nil, err
	}
	l.TLS, err = loopbackRate(secure)
	return l, err
}

// loopbackRate is the best of some pours.
func loopbackRate(conn net.Conn) (float64, error) {
	most := 0.0
	for range limitRuns {
		rate, err := pour(conn)
		if err != nil {
			return 0, err
		}
		most = max(most, rate)
	}
	return most, nil
}

func best(rate func() float64) float64 {
	most := 0.0
	for range limitRuns {
		most = max(most, rate())
	}
	return most
}

// aesRate is the AES blocks a second with nothing around them, in a buffer that stays in the first cache.
func aesRate() float64 {
	x, hash := make([]prg.Block, 1024), prg.NewHash(prg.Block{Lo: 1})
	const times = 2000
	begun := time.Now()
	for range times {
		hash.Permute(x)
	}
	return float64(times*len(x)) / time.Since(begun).Seconds()
}

// copyRate is the bytes a second that copying between two large buffers writes.
func copyRate() float64 {
	from, to := make([]byte, 64<<20), make([]byte, 64<<20)
	copy(to, from) // the pages are there
	begun := time.Now()
	copy(to, from)
	return float64(len(to)) / time.Since(begun).Seconds()
}

// A drop of the loopback measurement, and how many are poured at a time.
const (
	dropBytes = 1 << 20
	drops     = 256
)

// pour writes drops to the other process and waits for its word that all are there.
func pour(conn net.Conn) (float64, error) {
	drop := make([]byte, dropBytes)
	begun := time.Now()
	for range drops {
		if _, err := conn.Write(drop); err != nil {
			return 0, err
		}
	}
	if _, err := io.ReadFull(conn, drop[:1]); err != nil {
		return 0, err
	}
	return drops * dropBytes / time.Since(begun).Seconds(), nil
}

// Drain is the other process's part of MeasureLimits, for one connection.
func Drain(conn net.Conn) error {
	buf := make([]byte, dropBytes)
	for range limitRuns {
		for range drops {
			if _, err := io.ReadFull(conn, buf); err != nil {
				return err
			}
		}
		if _, err := conn.Write(buf[:1]); err != nil {
			return err
		}
	}
	return nil
}
