package cost

import "fmt"

// Scheme is a way to garble AND gates. All have free XOR and a hash of two AES blocks (TMMO).
type Scheme string

const (
	// HalfGates: S. Zahur, M. Rosulek and D. Evans, EUROCRYPT 2015: two ciphertexts of a label's length an AND.
	HalfGates Scheme = "half-gates"
	// ThreeHalves: M. Rosulek and L. Roy, CRYPTO 2021: three ciphertexts of half a label's length and five bits an AND.
	ThreeHalves Scheme = "three-halves"
)

// Schemes lists the accepted schemes, the default first.
func Schemes() []Scheme { return []Scheme{HalfGates, ThreeHalves} }

// ParseScheme accepts the names of the schemes; no name stands for the default.
func ParseScheme(s string) (Scheme, error) {
	for _, known := range Schemes() {
		if s == string(known) || (s == "" && known == HalfGates) {
			return known, nil
		}
	}
	return "", fmt.Errorf("no garbling scheme is called %q: accepted are %v", s, Schemes())
}

// hashBlocks is the AES blocks of a TMMO hash.
const hashBlocks = 2

// AES blocks an AND gate of one instance takes in half-gates: the garbler hashes both labels of both operands, the evaluator
// one of each.
const (
	GarbleAES   = 4 * hashBlocks
	EvaluateAES = 2 * hashBlocks
)

// Tweaks is how many tweaks an AND gate takes: one for each thing that is hashed, the operands, and in three-halves their sum.
func (s Scheme) Tweaks() int64 {
	if s == ThreeHalves {
		return 3
	}
	return 2
}

// GarbleAES is the AES blocks of garbling an AND: both labels of everything that is hashed.
func (s Scheme) GarbleAES() int64 { return 2 * hashBlocks * s.Tweaks() }

// EvaluateAES is those of evaluating it.
func (s Scheme) EvaluateAES() int64 { return hashBlocks * s.Tweaks() }

const (
	// halfGateBlocks are the ciphertexts of an AND gate, T_G and T_E.
	halfGateBlocks = 2
	// threeHalvesWords are its ciphertexts of 64 bits, ControlGates how many gates' control bits of five share a word.
	threeHalvesWords = 3
	ControlGates     = 64 / 5
	wordBytes        = 8
)

// TableBlocks is the size of the tables of one instance of a circuit of so many AND gates in blocks of 16 bytes: 32 bytes an AND in
// half-gates; in three-halves 24 and the words of control bits, rounded up to a block.
func (s Scheme) TableBlocks(ands int64) int64 {
	if s != ThreeHalves {
		return halfGateBlocks * ands
	}
	words := threeHalvesWords*ands + (ands+ControlGates-1)/ControlGates
	return (words*wordBytes + blockBytes - 1) / blockBytes
}

// TableBytes is the size of the tables of so many instances.
func (s Scheme) TableBytes(ands, instances int64) int64 {
	return blockBytes * s.TableBlocks(ands) * instances
}

// HalfGatesBytes is the size of the tables of a circuit of so many AND gates,
// garbled so many times: 32 bytes an AND.
func HalfGatesBytes(ands, instances int64) int64 { return HalfGates.TableBytes(ands, instances) }

// LabelBytes is the size of one label for each of so many input wires, for
// each instance: 16 bytes a wire.
func LabelBytes(wires, instances int64) int64 { return blockBytes * wires * instances }
