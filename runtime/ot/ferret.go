package ot

// Ferret, silent OT extension: K. Yang, C. Weng, X. Lan, J. Zhang and X. Wang, "Ferret: Fast Extension for coRRElated oT with
// small communication", CCS 2020: its protocol for COT extension with regular noise, the single-point OTs by half trees
// (spcot.go). Semi-honest, under regular LPN.
//
//	t, k, h, n          trees, LPN secret, depth of a tree, outputs t*2^h of one extension
//	Delta               sender's correlation, all its bits the caller's choice
//	A                   public matrix, k by n, d = 10 ones a column (lpn.go)
//	x, K', M'           k + t*h correlated OTs of random choice, M' = K' ^ x*Delta: x = (r, bits of the alpha_j)
//	e                   receiver's noise: one 1 in each stretch of 2^h, at alpha_j
//	w, v                leaves of the t trees, v = w ^ e*Delta
//	b, K, M             the OTs, of random choice: b = rA ^ e, M = K ^ b*Delta
//	c, d                choices that the receiver wants instead, and b ^ c
//
//	Sender (Delta, K')                                       Receiver (x, M')
//	1.                                                       b = rA ^ e
//	2. trees with leaves w; K = w ^ K'A
//	                     ---- h blocks for each tree ---->
//	3.                                                       trees with leaves v; M = v ^ M'A
//	where choices are wanted, crossing the trees:
//	                     <---- d, a bit an OT ----
//	4. K := K ^ d*Delta, so that M = K ^ c*Delta
//
// The last k + t*h OTs of an extension are the base of the next one; the first base comes from another extension, such as
// SoftSpoken, or this one with a smaller set. The choices of the base are random, so that alpha is, and the receiver need not
// send which of them it wants: steps 2 and 3 are one message. Trees are grown when their OTs are asked for: a batch is one
// round of messages, and no extension is ever held as a whole.
//
// Security: cost.FerretSets are the sets that emp-ot uses since 2026 (tuning.h). It says of them that an LPN estimator gives
// about 128 bits against the published attacks on regular LPN (by its names Gauss, SD-ISD, BJMM, hybrid, Esser and AGB 2.0,
// the last one IACR ePrint 2025/1476), that the hybrid one is the best of them, and that t was chosen to just reach 128. The
// estimate is taken over, not made again here, and leaves no margin. The sets of the paper itself are below 128 bits against
// later attacks, and are not accepted. The hash key and A are fresh in each extension, whose hash calls, at most 2^24, go
// into the bound in runtime/prg.
//
// Cost: 1 round (cost.FerretRounds), cost.FerretBytes: 16 h bytes a tree begun, which is 0.03, 0.05, 0.09 and 0.17 bytes an
// OT for the four sets, and an eighth of a byte back for a chosen OT. AES blocks an OT: 2 for the tree and 1.5 for A, and at
// the receiver 1.5 again, for b.

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// shape is a parameter set in terms of slices.
type shape struct {
	trees, secret, depth, leaves int // t, k, h, 2^h
	base, usable                 int
}

func newShape(set cost.FerretSet) shape {
	return shape{int(set.Trees), 1 << set.SecretBits, int(set.Depth), int(set.Leaves()), int(set.Base()), int(set.Usable())}
}

// checkSet accepts the sets that are believed secure.
func checkSet(set cost.FerretSet) error {
	if !slices.Contains(cost.FerretSets(), set) {
		return fmt.Errorf("ferret: parameter set %d trees of depth %d with a secret of 2^%d bits: accepted are those of cost.FerretSets: %v",
			set.Trees, set.Depth, set.SecretBits, cost.FerretSets())
	}
	return nil
}

// extensionKeys gives the public randomness of one extension after another.
type extensionKeys struct{ stream *prg.Stream }

func (e extensionKeys) next() (hash *prg.Hash, matrix prg.Seed) {
	var key [2]prg.Block
	e.stream.Blocks(key[:])
	return prg.NewHash(key[0]), key[1].Seed()
}

// lane is what a core needs to make the outputs of trees in the current extension, one after another.
type lane struct {
	grower
	*columns
}

func newLane(s shape, hash *prg.Hash, matrix prg.Seed) *lane {
	return &lane{grower{hash: hash, depth: s.depth}, newColumns(matrix)}
}

// blockSide is what both ends have of the OTs' blocks: K at the sender, M at the receiver.
type blockSide struct {
	shape
	keys   extensionKeys
	hash   *prg.Hash
	matrix prg.Seed
	base   []prg.Block // k blocks of the LPN secret, then h for each tree
	tape   tape[prg.Block]
	handed int64 // OTs handed out, since the last call of Renew
	owed   int64 // bytes that the next message begins with: those of an extension that is left
	set    cost.FerretSet
}

func newBlockSide(set cost.FerretSet, seed prg.Seed, base []prg.Block) blockSide {
	s := newShape(set)
	b := blockSide{shape: s, keys: extensionKeys{prg.NewStream(seed)}, base: slices.Clone(base), tape: newTape[prg.Block](s), set: set}
	b.hash, b.matrix = b.keys.next()
	return b
}

// treeBase gives the OTs of a tree.
func (b *blockSide) treeBase(tree int) []prg.Block { return b.base[b.secret+tree*b.depth:][:b.depth] }

// messageBytes is the size of the sender's message for the next n OTs.
func (b *blockSide) messageBytes(n int) int {
	toReceiver, _ := cost.FerretBytes(b.set, b.handed, int64(n))
	return int(b.owed + toReceiver)
}

// leave has the next OTs be those of another extension.
func (b *blockSide) leave() {
	if b.handed > 0 {
		b.owed, b.handed = cost.FerretRenewalBytes(b.set, b.handed), 0
	}
}

// take fills dst with the next outputs.
func (b *blockSide) take(dst []prg.Block, grow maker[prg.Block], renew func([]prg.Block)) {
	if b.owed > 0 {
		b.tape.skip(grow, renew)
		b.owed = 0
	}
	b.tape.take(dst, grow, renew)
	b.handed += int64(len(dst))
}

// lanes is how many shares an extension's work is cut into at most, whatever the number of cores: each takes memory of its own.
const lanes = 8

// perLane is how many of n pieces of work a share has.
func perLane(n int) int { return (n + lanes - 1) / lanes }

// make fills dst with outputs, spread over the cores by tree. grow grows one tree into leaf.
func (b *blockSide) make(first int, dst []prg.Block, grow func(g *grower, tree int, leaf []prg.Block)) {
	ring.Parallel(len(dst)/b.leaves, perLane(len(dst)/b.leaves), func(lo, hi int) {
		l := newLane(b.shape, b.hash, b.matrix)
		defer l.wipe()
		for j := lo; j < hi; j++ {
			leaf := dst[j*b.leaves:][:b.leaves]
			grow(&l.grower, first+j, leaf)
			l.seek((first + j) * b.leaves)
			l.addRows(leaf, b.base[:b.secret])
		}
	})
}

// renew begins the next extension from what was reserved of the last.
func (b *blockSide) renew() {
	b.base, b.tape.reserve = b.tape.reserve, b.base
	ring.Wipe(b.tape.reserve)
	b.hash, b.matrix = b.keys.next()
}

// wipe forgets the base and what waits.
func (b *blockSide) wipe() {
	ring.Wipe(b.base)
	b.tape.wipe()
}

// treeBytes is the size of the message of one tree.
func (s shape) treeBytes() int { return s.depth * prg.BlockBytes }

// FerretSender is the end of the extension that holds Delta and gets K.
type FerretSender struct {
	blockSide
	delta prg.Block
	rnd   *prg.Stream // the roots
	root  []prg.Block
}

// NewFerretSender starts from set.Base() correlated OTs under delta, k being their K, which are used for nothing else. Both
// parties give the same seed, drawn afresh for this extension by one of them; it is public. It fails when the set is none of
// cost.FerretSets, k has another length, or rnd fails.
func NewFerretSender(set cost.FerretSet, seed prg.Seed, delta prg.Block, k []prg.Block, rnd io.Reader) (*FerretSender, error) {
	if err := checkSet(set); err != nil {
		return nil, err
	}
	return newFerretSender(set, seed, delta, k, rnd)
}

// newFerretSender takes any set.
func newFerretSender(set cost.FerretSet, seed prg.Seed, delta prg.Block, k []prg.Block, rnd io.Reader) (*FerretSender, error) {
	if len(k) != int(set.Base()) {
		return nil, fmt.Errorf("ferret: sender's base: %d OTs, want %d", len(k), set.Base())
	}
	var secret prg.Seed
	if _, err := io.ReadFull(rnd, secret[:]); err != nil {
		return nil, fmt.Errorf("ferret: randomness: %w", err)
	}
	s := &FerretSender{blockSide: newBlockSide(set, seed, k), delta: delta, rnd: prg.NewStream(secret), root: make([]prg.Block, set.Trees)}
	s.rnd.Blocks(s.root)
	return s, nil
}

// Wipe forgets Delta and the state. The sender is of no use afterwards.
func (s *FerretSender) Wipe() {
	s.delta = prg.Block{}
	s.rnd.Wipe()
	ring.Wipe(s.root)
	s.blockSide.wipe()
}

// Delta is the correlation M ^ K of the OTs whose choice is 1.
func (s *FerretSender) Delta() prg.Block { return s.delta }

// Extend fills k with the K of the next len(k) OTs, of random choice, and gives the message that the receiver needs for the
// same OTs, the first part of cost.FerretBytes.
func (s *FerretSender) Extend(k []prg.Block) (msg []byte) {
	msg = make([]byte, 0, s.messageBytes(len(k)))
	s.take(k, func(first int, dst []prg.Block) { // step 2
		at := len(msg)
		msg = append(msg, make([]byte, len(dst)/s.leaves*s.treeBytes())...)
		s.make(first, dst, func(g *grower, tree int, leaf []prg.Block) {
			own := msg[at+(tree-first)*s.treeBytes():][:s.treeBytes()]
			g.full(tree, s.delta, s.root[tree], s.treeBase(tree), leaf, own)
		})
	}, s.renew)
	return msg
}

// Renew has the next OTs be those of another extension, whose base the present one makes as ever: so that each run of a program takes as many
// bytes as the one before. What is left of the present one is never made. Both ends do so between the same two OTs; the message of the next OTs
// begins with cost.FerretRenewalBytes. Nothing is used twice by it: hash key, matrix, secret and points are the next extension's own.
func (s *FerretSender) Renew() { s.leave() }

func (s *FerretSender) renew([]prg.Block) {
	s.blockSide.renew()
	s.rnd.Blocks(s.root)
}

// choicesPerShare is the least number of OTs for a core of its own where little is done for each; a multiple of 64.
const choicesPerShare = 1 << 15

// Choose turns the OTs whose K are in k, as Extend gave them, to the choices that the receiver made in d, its message for the
// same OTs. It fails, and changes nothing, when d has not a bit an OT.
func (s *FerretSender) Choose(d []byte, k []prg.Block) error {
	if want := (len(k) + 7) / 8; len(d) != want {
		return fmt.Errorf("ferret: receiver's choices: %d bytes, want %d for %d OTs", len(d), want, len(k))
	}
	ring.Parallel(len(k), choicesPerShare, func(lo, hi int) {
		for i := lo; i < hi; i++ { // step 4
			k[i] = k[i].Xor(s.delta.MaskIf(uint64(d[i/8] >> (i % 8))))
		}
	})
	return nil
}

// FerretReceiver is the end of the extension that chooses and gets M.
type FerretReceiver struct {
	blockSide
	choices choiceSide
	points  [][]uint32 // alpha_j of the extensions from that of M on to that of b
	drawn   int64      // OTs whose choices have been drawn, since the last call of Renew
}

// choiceSide is what the receiver has of the choices: it needs no message, and may be ahead of the blocks.
type choiceSide struct {
	shape
	keys   extensionKeys
	matrix prg.Seed
	r      []byte
	points []uint32 // alpha_j
	tape   tape[byte]
	left   bool // the next choices are those of another extension
}

// NewFerretReceiver starts from set.Base() correlated OTs, m being their M and choice, packed, the choices, which must be
// uniform; they are used for nothing else. Both parties give the same public seed. It fails when the set is none of
// cost.FerretSets or a length does not fit it.
func NewFerretReceiver(set cost.FerretSet, seed prg.Seed, choice []uint64, m []prg.Block) (*FerretReceiver, error) {
	if err := checkSet(set); err != nil {
		return nil, err
	}
	return newFerretReceiver(set, seed, choice, m)
}

// newFerretReceiver takes any set.
func newFerretReceiver(set cost.FerretSet, seed prg.Seed, choice []uint64, m []prg.Block) (*FerretReceiver, error) {
	n := int(set.Base())
	if len(m) != n || len(choice) != ring.BitWords(n) {
		return nil, fmt.Errorf("ferret: receiver's base: %d OTs with %d words of choices, want %d with %d", len(m), len(choice), n, ring.BitWords(n))
	}
	base := make([]byte, n)
	unpackBytes(base, choice)
	r := &FerretReceiver{blockSide: newBlockSide(set, seed, m), choices: newChoiceSide(newShape(set), seed)}
	r.renewChoices(base)
	return r, nil
}

// Wipe forgets the choices and the state. The receiver is of no use afterwards.
func (r *FerretReceiver) Wipe() {
	ring.Wipe(r.choices.r)
	r.choices.tape.wipe()
	for _, p := range r.points { // the last ones are those of choices too
		ring.Wipe(p)
	}
	r.blockSide.wipe()
}

func newChoiceSide(s shape, seed prg.Seed) choiceSide {
	return choiceSide{shape: s, keys: extensionKeys{prg.NewStream(seed)}, r: make([]byte, s.secret), tape: newTape[byte](s)}
}

// renewChoices begins the next extension's choices from the choices of its base, and keeps its points for its blocks.
func (r *FerretReceiver) renewChoices(base []byte) {
	r.choices.renew(base)
	r.points = append(r.points, r.choices.points)
}

func (c *choiceSide) renew(base []byte) {
	_, c.matrix = c.keys.next()
	copy(c.r, base)
	c.points = make([]uint32, c.trees)
	for j := range c.points {
		for _, x := range base[c.secret+j*c.depth:][:c.depth] {
			c.points[j] = c.points[j]<<1 | uint32(1^x)
		}
	}
	ring.Wipe(base)
}

// make fills dst with the choices of trees, a byte each.
func (c *choiceSide) make(first int, dst []byte) {
	ring.Parallel(len(dst)/c.leaves, perLane(len(dst)/c.leaves), func(lo, hi int) {
		col := newColumns(c.matrix)
		for j := lo; j < hi; j++ { // step 1
			leaf := dst[j*c.leaves:][:c.leaves]
			col.seek((first + j) * c.leaves)
			col.sumBits(leaf, c.r)
			flipAt(leaf, uint64(c.points[first+j]))
		}
	})
}

// flipAt adds 1 to bit number point of a multiple of eight, without showing which it is.
func flipAt(bit []byte, point uint64) {
	flip := uint64(1) << (8 * (point % 8))
	for x := uint64(0); len(bit) >= 8; x++ {
		eight := binary.LittleEndian.Uint64(bit)
		binary.LittleEndian.PutUint64(bit, eight^flip&-equal(x, point/8))
		bit = bit[8:]
	}
}

// Draw sets choice to the random choices of the next n OTs, packed as Extend of COTReceiver takes them, with nothing beyond n.
// The OTs' blocks follow by Extend. It fails, and changes no state, when choice has not ceil(n/64) words.
func (r *FerretReceiver) Draw(choice []uint64, n int) error {
	if n < 0 || len(choice) != ring.BitWords(n) {
		return fmt.Errorf("ferret: %d words of choices for %d OTs, want %d", len(choice), n, ring.BitWords(max(n, 0)))
	}
	b := make([]byte, n)
	if r.choices.left {
		r.choices.tape.skip(r.choices.make, r.renewChoices)
		r.choices.left = false
	}
	r.choices.tape.take(b, r.choices.make, r.renewChoices)
	packBytes(choice, b)
	ring.Wipe(b)
	r.drawn += int64(n)
	return nil
}

// Choose gives the next n OTs the choices wanted, packed as Draw packs them, bits beyond n without meaning, and returns the
// message to the sender, a bit an OT. The OTs' blocks follow by Extend. It fails, and changes no state, when choice has not
// ceil(n/64) words.
func (r *FerretReceiver) Choose(choice []uint64, n int) (d []byte, err error) {
	b := make([]uint64, len(choice))
	if err := r.Draw(b, n); err != nil {
		return nil, err
	}
	defer ring.Wipe(b)
	for i := range b {
		b[i] ^= choice[i]
	}
	d = make([]byte, (n+7)/8)
	ring.PackBits(d, ring.WrapBits(b, n))
	return d, nil
}

// MessageBytes is the size of the sender's message for the next n OTs.
func (r *FerretReceiver) MessageBytes(n int) int { return r.messageBytes(n) }

// Extend fills m with the M of the next len(m) OTs whose choices were drawn or made, from the sender's message for the same
// OTs. It fails, and changes no state, when fewer have choices or the message has another length.
func (r *FerretReceiver) Extend(msg []byte, m []prg.Block) error {
	if left := r.drawn - r.handed; int64(len(m)) > left {
		return fmt.Errorf("ferret: blocks of %d OTs wanted, want at most %d: the others have no choices", len(m), left)
	}
	if want := r.messageBytes(len(m)); len(msg) != want {
		return fmt.Errorf("ferret: sender's message: %d bytes, want %d for %d OTs", len(msg), want, len(m))
	}
	r.take(m, func(first int, dst []prg.Block) { // step 3
		own := msg[:len(dst)/r.leaves*r.treeBytes()]
		msg = msg[len(own):]
		r.make(first, dst, func(g *grower, tree int, leaf []prg.Block) {
			point := uint64(r.points[0][tree])
			g.punctured(tree, point, r.treeBase(tree), leaf, own[(tree-first)*r.treeBytes():])
		})
	}, r.renew)
	return nil
}

// Renew is the receiver's end of FerretSender.Renew. It fails, and changes nothing, while choices are drawn whose blocks are not there.
func (r *FerretReceiver) Renew() error {
	if r.drawn != r.handed {
		return fmt.Errorf("ferret: another extension is wanted while %d OTs have choices and no blocks", r.drawn-r.handed)
	}
	r.choices.left = r.choices.left || r.drawn > 0
	r.drawn = 0
	r.leave()
	return nil
}

func (r *FerretReceiver) renew([]prg.Block) {
	r.blockSide.renew()
	ring.Wipe(r.points[0])
	r.points = r.points[1:]
}
