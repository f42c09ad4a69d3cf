// Package he makes shares of linear maps of a mask that one party holds by weights that the other holds, and of elementwise products
// (slots.go), by homomorphic encryption without rotations: Z. Huang, W. Lu, C. Hong and J. Ding, "Cheetah: Lean and Fast Secure
// Two-Party Deep Neural Network Inference", USENIX Security 2022, section 3. Every reply has an encryption of zero and flooding added,
// C. Gentry's way to hide the circuit ("Fully homomorphic encryption using ideal lattices", STOC 2009). Semi-honest.
//
//	N        8192: polynomials are in Z[X]/(X^N + 1)
//	Q        product of L primes q_0 ... q_(L-1); Q' the product of the first one or two
//	s        secret key, ternary
//	p0, p1   public key, p1 uniform, p0 = e' - p1*s
//	m, w     a polynomial of masks and one of weights, modulo 2^l; ir/cost/heplan.go says where elements lie
//	e, e'    noise, centred binomial of variance 10.5
//
//	encryptor                                              evaluator
//	0. s; (p0, p1)                  -- p0, seed of p1 -->
//	1. a uniform
//	   c0 = e + m*Q/2^l - a*s       -- c0, seed of a -->
//	                                                       2. u ternary, f flooding, r uniform modulo 2^l
//	                                                          d1 = sum of w*a + p1*u + e1
//	                                                          d0 = sum of w*c0 + p0*u + f + r*Q/2^l
//	                                                          both divided by Q/Q', rounded, low bits dropped
//	3. (d0 + d1*s) * 2^l/Q'    <-- d1, outputs of d0 --       share: -r at the outputs
//	   rounded is its share, w*m + r
//
// Functionality: shares of L(m, W) mod 2^l, the evaluator's uniform. Range: all of the ring for m; |w| <= 2^WeightBits, which the
// evaluator checks of its own. Leakage: none but sizes. Cost: cost.HEPlan.UploadBytes and ReplyBytes, cost.HEParams.KeyBytes; one
// round each way.
//
// # The noise
//
// All terms are methods of cost.HEParams, where the numbers are. At an output the encryptor finds, in units of Q,
//
//	(w*m + r) * Q/2^l  +  f  +  x,    x = w*(e + rounding of m*Q/2^l) + e'*u + e1*s + rounding of r*Q/2^l
//
// since w*m is an integer and a multiple of 2^l becomes one of Q. x is small (NoiseSigma) for at most MaxHETerms weights. Division by
// Q/Q' and dropped bits add, in units of Q', at most 2^(C0Drop-1) + 1 from d0, and the sum of N products of rounding errors of d1 with
// s. The sum decodes when it is less than Q'/2^(l+1); FailureLog2 bounds the probability that one of 2^40 does not, below 2^-40.
//
// # What the encryptor learns
//
// It knows s, e, e' and a. (p1, p1*u + e1) is a sample of ring-LWE with the secret u, so d1 looks uniform and hides w*a. Given s, what is
// left of the reply is r's masking of w*m, which is perfect, and f + x. The flooding f is uniform over FloodLog2 values, so that f + x
// is as good as f up to a distance of E|x| / 2^FloodLog2 a coefficient: HidingLog2. Flooding also covers e'*u + e1*s, so that nothing about
// u is given away besides. No coefficient of d0 leaves the evaluator that is no output, and d1 alone is as good as uniform. Distances add up
// over coefficients and over inferences with the same weights: after 2^ReturnedLog2 of them they reach 2^-40. A new version of the
// weights, or of their shares, starts anew.
//
// The flooding is drawn in mixed radix: a digit uniform over q_(L-1) before that limb is dropped, one over the next, and one of FloodBits
// in units of Q' after the last. round((x + d + q*d')/q) = round((x + d)/q) + d', so this is flooding by d + q*d' + ...
//
// The evaluator sees a ring-LWE public key and ciphertexts under it, and knows no secret. Ciphertexts are under 2^40 a key; a key lives for one
// session or, where several inferences are prepared, one batch of them. What both rest on: decision ring-LWE with a ternary secret and
// noise of deviation 3.24 at N = 8192 and log2 Q <= 218, 128 bits by the tables of M. Albrecht et al., "Homomorphic Encryption Standard"
// (2018), whose noise is a Gaussian of deviation 3.19; the centred binomial in its place, of no less variance, is what Microsoft SEAL and
// ML-KEM use.
//
// No branch and no index depends on m, s, w or randomness that is used; what is rejected in sampling says nothing about what is not.
package he
