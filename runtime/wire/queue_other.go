//go:build !linux

package wire

import "net"

// unacknowledged is not known here: what the system holds counts as arrived.
func unacknowledged(net.Conn) int64 { return 0 }
