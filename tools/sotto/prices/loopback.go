package prices

import (
	"io"
	"net"
	"time"
)

// LoopbackRate measures how many bytes a second this machine moves from one of its sockets to another, unencrypted.
func LoopbackRate(b Budget) (Quantity, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return Quantity{}, err
	}
	defer l.Close()
	from, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return Quantity{}, err
	}
	defer from.Close()
	to, err := l.Accept()
	if err != nil {
		return Quantity{}, err
	}
	defer to.Close()
	const message, messages = 1 << 20, 64
	drained := make(chan error, 1)
	go func() {
		buf := make([]byte, message)
		for {
			for range messages {
				if _, err := io.ReadFull(to, buf); err != nil {
					return // the other end is closed
				}
			}
			drained <- nil
		}
	}()
	var all []float64
	buf := make([]byte, message)
	for range max(1, b.Runs) {
		begun := time.Now()
		for range messages {
			if _, err := from.Write(buf); err != nil {
				return Quantity{}, err
			}
		}
		<-drained
		all = append(all, messages*message/time.Since(begun).Seconds())
	}
	return quantityOf(all), nil
}
