package cost

// Half-gates garbling (Zahur, Rosulek, Evans, EUROCRYPT 2015) with a hash of
// two AES blocks: the counts that runtime/garble is built to.

// halfGateBlocks are the ciphertexts of an AND gate, T_G and T_E.
const halfGateBlocks = 2

// AES blocks an AND gate of one instance takes: the garbler hashes both labels
// of both operands, the evaluator one of each; a TMMO hash is two blocks.
const (
	GarbleAES   = 8
	EvaluateAES = 4
)

// HalfGatesBytes is the size of the tables of a circuit of so many AND gates,
// garbled so many times: 32 bytes an AND.
func HalfGatesBytes(ands, instances int64) int64 {
	return halfGateBlocks * blockBytes * ands * instances
}

// LabelBytes is the size of one label for each of so many input wires, for
// each instance: 16 bytes a wire.
func LabelBytes(wires, instances int64) int64 { return blockBytes * wires * instances }
