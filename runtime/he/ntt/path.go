package ntt

// Path names the instructions that polynomials are computed with on this machine.
func Path() string { return fastest().String() }
