package cost

// Sizes of SoftSpoken OT extension (L. Roy, CRYPTO 2022) with field F_2^4 and kappa = 128, and of the base OTs under it.
const (
	kappa      = 128
	fieldBits  = 4                 // k: bits of Delta a GGM tree punctures
	trees      = kappa / fieldBits // one small-field VOLE each
	pointBytes = 32                // a ristretto255 element
	blockBytes = kappa / 8
	groupOTs   = 64 // choices travel in words
	groupBytes = groupOTs / 8
	aesBytes   = 16
)

// SoftSpokenBytes is what the receiver sends for n correlated OTs: a word for each tree and each 64 OTs begun, so 4 bytes
// an OT. The sender sends nothing.
func SoftSpokenBytes(n int64) int64 { return trees * groupBytes * groups(n) }

// SoftSpokenSetupBytes is what the set-up moves: the extension sender's base-OT points go to the receiver, the
// receiver's own point and two corrections for each tree level below the first go back.
func SoftSpokenSetupBytes() (toReceiver, toSender int64) {
	return BaseOTBytes(kappa), pointBytes + trees*(fieldBits-1)*2*blockBytes
}

// BaseOTBytes is what the receiver of n base OTs sends: a point each. The sender sends one point for all.
func BaseOTBytes(n int64) int64 { return n * pointBytes }

// SoftSpokenAES is the AES blocks that expand the leaves for n correlated OTs: 2^k leaves a tree at the receiver, one
// fewer at the sender, one bit an OT from each.
func SoftSpokenAES(n int64) (sender, receiver int64) {
	perLeaf := (groups(n)*groupBytes + aesBytes - 1) / aesBytes
	return trees * (1<<fieldBits - 1) * perLeaf, trees * (1 << fieldBits) * perLeaf
}

// PadAES is the AES blocks that turn n correlated OTs into random ones by TMMO, two blocks a hash: the sender hashes both
// pads, the receiver the chosen one.
func PadAES(n int64) (sender, receiver int64) { return 4 * n, 2 * n }

// groups is how many words n choice bits fill.
func groups(n int64) int64 { return (n + groupOTs - 1) / groupOTs }
