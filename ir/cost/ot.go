package cost

import "slices"

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

// IKNPBytes is what the receiver sends for n correlated OTs of IKNP in the form of Asharov, Lindell, Schneider and Zohner (CCS 2013):
// a word for each of kappa columns and each 64 OTs begun, so 16 bytes an OT.
func IKNPBytes(n int64) int64 { return kappa * groupBytes * groups(n) }

// IKNPSetupBytes is what the set-up moves: the base OTs' points and the one back.
func IKNPSetupBytes() (toReceiver, toSender int64) { return BaseOTBytes(kappa), pointBytes }

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

// FerretSet is a parameter set of Ferret (K. Yang, C. Weng, X. Lan, J. Zhang and X. Wang, CCS 2020) with regular noise: an
// extension gives Trees * 2^Depth correlated OTs with one noise position in each stretch of 2^Depth, hidden by an LPN secret
// of 2^SecretBits bits.
type FerretSet struct {
	Trees      int64 // t
	SecretBits int64 // log2 k
	Depth      int64 // h, levels of a tree
}

// FerretSets gives the sets for which 128 bits of security are claimed, the one with the fewest bytes an OT first: see
// runtime/ot/ferret.go for the estimate and its source.
func FerretSets() []FerretSet { return slices.Clone(ferretSets[:]) }

var ferretSets = [...]FerretSet{{1900, 19, 13}, {1520, 18, 12}, {1170, 17, 11}, {850, 16, 10}}

// Leaves is the OTs of one tree, 2^h.
func (s FerretSet) Leaves() int64 { return 1 << s.Depth }

// Outputs is the OTs that one extension gives, t * 2^h.
func (s FerretSet) Outputs() int64 { return s.Trees * s.Leaves() }

// Base is the OTs that one extension uses up, k + t*h: the LPN secret and one for each level of each tree.
func (s FerretSet) Base() int64 { return 1<<s.SecretBits + s.Trees*s.Depth }

// Usable is the OTs of an extension that are left when the next one has its base.
func (s FerretSet) Usable() int64 { return s.Outputs() - s.Base() }

// FerretRounds is the rounds of a batch: the sender's corrections cross the receiver's choices.
const FerretRounds = 1

// FerretBytes is what moves the OTs from number first to number first+n-1 of a session, n > 0: the sender sends a block for
// each level of each tree begun, the receiver a bit an OT where it chooses, and nothing where its choices stay random. OTs are
// numbered from 0, and a tree that an earlier batch began costs nothing more.
func FerretBytes(s FerretSet, first, n int64) (toReceiver, toSender int64) {
	toReceiver = (s.treesBegun(first+n) - s.treesBegun(first)) * s.Depth * blockBytes
	return toReceiver, (n + 7) / 8
}

// FerretRenewalBytes is what the sender sends before the OTs of a run when an earlier run of n OTs, n > 0, has left an extension where it was:
// the trees of its last Base() OTs, which the next one begins from, as far as they were not begun. What lies between is left out.
func FerretRenewalBytes(s FerretSet, n int64) int64 {
	begun := s.treesBegun(n) - (n-1)/s.Usable()*s.Trees // of the last extension
	return (s.Trees - max(begun, s.Usable()/s.Leaves())) * s.Depth * blockBytes
}

// treesBegun is how many trees the first n OTs of a session take part of. The last Base() OTs of an extension are for the
// next one, and are made when it begins.
func (s FerretSet) treesBegun(n int64) int64 {
	if n == 0 {
		return 0
	}
	extensions := (n - 1) / s.Usable() // complete
	rest := n - extensions*s.Usable()
	return extensions*s.Trees + (rest+s.Leaves()-1)/s.Leaves()
}
