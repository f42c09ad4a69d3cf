//go:build !unix

package prices

import "time"

var started = time.Now()

// cpuTime is the time that has passed, where the system does not say how much of it was work.
func cpuTime() time.Duration { return time.Since(started) }
