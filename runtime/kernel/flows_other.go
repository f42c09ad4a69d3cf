//go:build !amd64

package kernel

// flowing gives the flows that this machine has, the slowest first.
func flowing() []flows { return []flows{portableFlows()} }
