package kernel

// Path names the vector instructions that linear maps are computed with on this machine.
func Path() string { return fastest[uint32]().name }
