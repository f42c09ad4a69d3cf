package kernel

// The portable tile: 2 x 4 outputs are as many as amd64's general registers hold beside two weights, one patch element
// and three pointers.
const (
	portableRows = 2
	portableCols = 4
)

// portable returns the micro-kernel in plain Go.
func portable[T Number]() micro[T] { return micro[T]{portableRows, portableCols, tile2x4[T]} }

// tile2x4 is micro.tile for 2 x 4. The loop takes four steps of the sum at a time, through array pointers, so that
// bounds are checked once in 32 multiply-adds.
func tile2x4[T Number](acc, a []T, lda, n int, b []T, depth int) {
	if n < portableRows {
		lda = 0 // the second row repeats the first, and nobody reads its result
	}
	a0, a1, b := a[:depth], a[lda:lda+depth], b[:depth*portableCols]
	var c00, c01, c02, c03, c10, c11, c12, c13 T
	for len(a0) >= 4 && len(a1) >= 4 && len(b) >= 16 {
		x, y, z := (*[4]T)(a0), (*[4]T)(a1), (*[16]T)(b)
		p, q, v := x[0], y[0], z[0]
		c00, c10, v = c00+p*v, c10+q*v, z[1]
		c01, c11, v = c01+p*v, c11+q*v, z[2]
		c02, c12, v = c02+p*v, c12+q*v, z[3]
		c03, c13 = c03+p*v, c13+q*v
		p, q, v = x[1], y[1], z[4]
		c00, c10, v = c00+p*v, c10+q*v, z[5]
		c01, c11, v = c01+p*v, c11+q*v, z[6]
		c02, c12, v = c02+p*v, c12+q*v, z[7]
		c03, c13 = c03+p*v, c13+q*v
		p, q, v = x[2], y[2], z[8]
		c00, c10, v = c00+p*v, c10+q*v, z[9]
		c01, c11, v = c01+p*v, c11+q*v, z[10]
		c02, c12, v = c02+p*v, c12+q*v, z[11]
		c03, c13 = c03+p*v, c13+q*v
		p, q, v = x[3], y[3], z[12]
		c00, c10, v = c00+p*v, c10+q*v, z[13]
		c01, c11, v = c01+p*v, c11+q*v, z[14]
		c02, c12, v = c02+p*v, c12+q*v, z[15]
		c03, c13 = c03+p*v, c13+q*v
		a0, a1, b = a0[4:], a1[4:], b[16:]
	}
	out := (*[portableRows * portableCols]T)(acc)
	*out = [portableRows * portableCols]T{c00, c01, c02, c03, c10, c11, c12, c13}
	for k := range a0 { // up to three steps are left
		for j, v := range b[k*portableCols:][:portableCols] {
			out[j] += a0[k] * v
			out[portableCols+j] += a1[k] * v
		}
	}
}
