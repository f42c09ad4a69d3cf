package garble

// AND gates by three-halves garbling.
//
// M. Rosulek, L. Roy, "Three Halves Make a Whole? Beating the Half-Gates Lower Bound for Garbled Circuits", CRYPTO 2021: slicing
// and dicing. Semi-honest. The linear system is the paper's; the control matrices below were found by search over all that satisfy
// it, and the test holds what the proof needs of them.
//
//	A, B          operand labels, A_i the one of colour i, A_i = A_0 ^ i*Delta; a, b: the values of A_0 and B_0
//	X_L, X_R      halves of a block of 64 bits: Lo and Hi. The colour is bit 0 of X_L
//	H(X, j)       tweakable hash; its first 64 bits hide halves of labels, bit 64 a control bit, bit 65 is a coin of the garbler's
//	f_i, g_j, h_k H(A_i, j), H(B_j, j'), H(A_i ^ B_j, j'') with k = i ^ j; f', g', h' their control bits
//	t_ij          value of the gate at colours i, j: (i ^ a)(j ^ b)
//	R_ij          control matrix, of two rows over the halves of A_i and B_j, and of two bits r_ij, s_ij:
//
//	              R_ij (A, B) = ( i*B_L ^ r_ij*u ^ s_ij*v,  j*A_R ^ r_ij*v ^ s_ij*(u ^ v) ),  u = A_L ^ A_R ^ B_L,  v = A_L ^ B_R
//
//	Garbler                                           Evaluator, at colours i, j
//	1. r, s from two coins, a and b
//	2. S_ij = R_ij(A_i, B_j) ^ t_ij*Delta
//	   C0  = (f_0 ^ h_0, g_0 ^ h_0) ^ S_00
//	   G_0 = f_0 ^ f_1 ^ (S_00 ^ S_11)_L
//	   G_1 = g_0 ^ g_1 ^ (S_00 ^ S_11)_R
//	   G_2 = h_0 ^ h_1 ^ (S_00 ^ S_01)_L
//	3. z_L = f'_0 ^ h'_0 ^ r_00,  z_R = g'_0 ^ h'_0 ^ s_00
//	   z_0 = f'_0 ^ f'_1 ^ r_00 ^ r_11
//	   z_1 = g'_0 ^ g'_1 ^ s_00 ^ s_11
//	   z_2 = h'_0 ^ h'_1 ^ r_00 ^ r_01
//	                    ---- G, z ---->
//	                                                  4. r_ij = f'_i ^ h'_k ^ z_L ^ i*z_0 ^ k*z_2
//	                                                     s_ij = g'_j ^ h'_k ^ z_R ^ j*z_1 ^ k*z_2
//	                                                  5. C = (f_i ^ h_k ^ i*G_0 ^ k*G_2,
//	                                                          g_j ^ h_k ^ j*G_1 ^ k*G_2) ^ R_ij(A, B)
//
// With coins p, q: (r, s)_00 = (p, q), _01 = (p^a^b, q^a), _10 = (p^b, q^a^b), _11 = (p^a, q^b). Then the eight equations of step 5,
// C = C0 ^ t_ij*Delta, agree on five unknowns, and so do those of step 4 on z.
//
// Privacy. The evaluator knows one hash of each pair f, g, h; the others hide G_0, G_1, G_2 and z_0, z_1, z_2, each another one of
// them. z_L and z_R follow from what it finds for r_ij and s_ij, and those are p and q plus something: uniform,
// whatever a and b are. Nothing else depends on the values. What the hash has to be is circular correlation robust for
// linear functions of Delta, as in half-gates, with more of them. p and q are bits 65 of f_0 ^ f_1 and g_0 ^ g_1, of which the evaluator
// misses one each.
//
// Cost an AND: 24 bytes and five bits, which take a word for twelve gates of an instance (cost.Scheme.TableBlocks); 12 AES
// blocks garbling, 6 evaluating.

import "sotto/runtime/prg"

// Operands of a gate have three tweaks a lane: A, B and their sum.
const (
	ofA = iota * lanes
	ofB
	ofSum
)

// Control bits of a gate in its word.
const (
	bitL = iota
	bitR
	bit0
	bit1
	bit2
	controlBits
)

// gateWords are the ciphertexts of an AND gate of one instance.
type gateWords [3]uint64

// coin is bit 65 of a hash, its control bit is bit 64.
const coin = 1

// mask is all ones where bit 0 of x is one, else zero.
func mask(x uint64) uint64 { return -(x & 1) }

// threeHalves garbles an AND gate (steps 1 to 3). The control bits of the gates of a word wait for each other.
func (g *Garbler) threeHalves(s *scratch, t *andGate) {
	if _, shift := t.word(); shift == 0 {
		s.control = block{}
	}
	g.engine.kernels.slice(g, s, t)
	t.store(&s.control)
}

// sliceLanes makes the ciphertexts, control bits and output labels of an AND gate, a pass after the other over its lanes.
func (g *Garbler) sliceLanes(s *scratch, t *andGate) {
	n, h := t.n, &s.sums
	_, shift := t.word()
	for i := range n {
		s.a0[i] = t.a[i].Xor(g.delta.MaskIf(t.a[i].Lsb())) // of colour 0
		s.b0[i] = t.b[i].Xor(g.delta.MaskIf(t.b[i].Lsb()))
		s.a1[i], s.b1[i] = s.a0[i].Xor(g.delta), s.b0[i].Xor(g.delta)
		s.x0[i], s.x1[i] = s.a0[i].Xor(s.b0[i]), s.a1[i].Xor(s.b0[i])
	}
	for k, x := range []*block{&s.a0, &s.a1, &s.b0, &s.b1, &s.x0, &s.x1} {
		g.engine.hash.Sum(h[k][:n], x[:n], t.j+prg.Tweak(k/2*lanes))
	}
	for i := range n {
		c, z := g.slice(s, i, mask(t.a[i].Lo), mask(t.b[i].Lo), t.words(i))
		t.dst[i] = c
		s.control[i].Lo |= z << shift
	}
}

// slice makes the ciphertexts and control bits of the gate in lane i, whose operands' labels of colour 0 have the values a and b as
// masks, and gives the output's label for 0. Step 2 is expanded: with u, v those of A_0 and B_0, A_1 and B_1 change u by Delta_R and v by
// Delta_L ^ Delta_R, B_1 alone u by Delta_L and v by Delta_R.
func (g *Garbler) slice(s *scratch, i int, a, b uint64, w *gateWords) (c prg.Block, z uint64) {
	h, dl, dr := &s.sums, g.delta.Lo, g.delta.Hi
	f0, g0, h0 := &h[0][i], &h[2][i], &h[4][i]
	fl, fh := f0.Lo^h[1][i].Lo, f0.Hi^h[1][i].Hi
	gl, gh := g0.Lo^h[3][i].Lo, g0.Hi^h[3][i].Hi
	hl, hh := h0.Lo^h[5][i].Lo, h0.Hi^h[5][i].Hi
	p, q := mask(fh>>coin), mask(gh>>coin)
	al, ar, bl, br := s.a0[i].Lo, s.a0[i].Hi, s.b0[i].Lo, s.b0[i].Hi
	u, v := al^ar^bl, al^br
	w[0] = fl ^ bl ^ a&u ^ b&v ^ (p^a)&dr ^ (q^b)&(dl^dr) ^ (a^b)&dl
	w[1] = gl ^ ar ^ a&v ^ b&(u^v) ^ (p^a)&(dl^dr) ^ (q^b)&dl ^ (a^b)&dr
	w[2] = hl ^ (a^b)&u ^ a&v ^ (p^b)&dl ^ (q^a)&dr
	z = (f0.Hi^h0.Hi^p)&1<<bitL | (g0.Hi^h0.Hi^q)&1<<bitR | (fh^a)&1<<bit0 | (gh^b)&1<<bit1 | (hh^a^b)&1<<bit2
	c = prg.Block{Lo: f0.Lo ^ h0.Lo ^ p&u ^ q&v ^ a&b&dl, Hi: g0.Lo ^ h0.Lo ^ p&v ^ q&(u^v) ^ a&b&dr}
	return c, z
}

// threeHalves evaluates an AND gate (steps 4 and 5).
func (e *Evaluator) threeHalves(s *scratch, t *andGate) {
	t.load(&s.control)
	e.engine.kernels.join(e, s, t)
}

// joinLanes finds the output labels of an AND gate, a pass after the other over its lanes.
func (e *Evaluator) joinLanes(s *scratch, t *andGate) {
	n, h := t.n, &s.sums
	_, shift := t.word()
	for i := range n {
		s.x0[i] = t.a[i].Xor(t.b[i])
	}
	e.engine.hash.Sum(h[0][:n], t.a[:n], t.j+ofA)
	e.engine.hash.Sum(h[1][:n], t.b[:n], t.j+ofB)
	e.engine.hash.Sum(h[2][:n], s.x0[:n], t.j+ofSum)
	for l := range n {
		t.dst[l], _ = join(&t.a[l], &t.b[l], &h[0][l], &h[1][l], &h[2][l], t.words(l), s.control[l].Lo>>shift)
	}
}

// join gives the output's label from the operands', their hashes and that of their sum, the ciphertexts and the control bits; and the
// bits of the control matrix, r and s.
func join(a, b, f, g, h *prg.Block, w *gateWords, z uint64) (c prg.Block, bits [2]uint64) {
	i, j := mask(a.Lo), mask(b.Lo)
	k := i ^ j
	r := f.Hi ^ h.Hi ^ z>>bitL ^ i&(z>>bit0) ^ k&(z>>bit2)
	s := g.Hi ^ h.Hi ^ z>>bitR ^ j&(z>>bit1) ^ k&(z>>bit2)
	u, v, rm, sm := a.Lo^a.Hi^b.Lo, a.Lo^b.Hi, mask(r), mask(s)
	c.Lo = i&b.Lo ^ rm&u ^ sm&v ^ f.Lo ^ h.Lo ^ i&w[0] ^ k&w[2]
	c.Hi = j&a.Hi ^ rm&v ^ sm&(u^v) ^ g.Lo ^ h.Lo ^ j&w[1] ^ k&w[2]
	return c, [2]uint64{r & 1, s & 1}
}
