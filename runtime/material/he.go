package material

// Material that the two parties make for each other, by homomorphic encryption (runtime/he) for products with weights and bilinear maps of two
// masks, and by oblivious transfer (crossing.go) or encryption (slotted.go) for elementwise products. Semi-honest; the parties' own masks and shares are the only secrets,
// and no third party is there.
//
//	m, a_i  a party's masks, from its own seed              W, Wi  the server's weights, or party i's share of them
//	L       the linear map of a product                     s      a fresh uniform mask of every coefficient returned
//
//	Encrypting party (m)                                        Evaluating party (W)
//	set-up, message 1:  public key; Enc(m) of each product ---->
//	set-up, message 2:                              <---- Enc(L(m, W) - s)
//	u = L(m, W) - s                                             s
//
// client-server: the client encrypts r, the server evaluates. Outsourced: both ways at once, and
//
//	ui = L(ai, Wi) + own share of L(ai, W(1-i)) + own share of L(a(1-i), Wi)
//
// Bilinear maps f of two masks a and b that both parties share, as training takes them, are made in the same way, with the share of b in
// place of that of weights: cost.HEBatch says as which layer for which images.
//
// Several products of one mask use one upload where their packings agree. Batches of inferences share ciphertexts and the
// transforms of the weights; a batch is moved with its first inference.
//
// Layers are made one after the other. What is multiplied before the connection is free to send it waits in an outbox on disk,
// so that neither party ever holds the ciphertexts of more than a layer or two.
//
// Cost: cost.HEKeyBytes, and for each product what cost.HEPlan says; crossing.go and slotted.go for the rest. Two crossed messages, those of
// set-up.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/vm"
)

// Progress is told of a product that is made, done of so many; tag is its layer.
type Progress func(done, of, tag int)

// HE is one party's end of the two-party source for a batch of inferences.
type HE[W ring.Word] struct {
	party    cost.Party
	m        *program.Manifest
	weights  Weights[W]
	progress Progress
	done     int // products that progress was told of

	seeds   []prg.Seed // by inference
	tapes   []tape[W]
	lattice *lattice[W]
	up      *correlating[W] // the client's end of the elementwise products by OT, if there are any
	down    *choosing[W]    // the server's
	slots   *slotted[W]     // either's of those under encryption

	heard  chan struct{} // closed when the head of the peer's first message is taken
	keyed  atomic.Int32  // of openings and finish, which use the key side by side: those that have not ended
	outbox *outbox

	mu       sync.Mutex
	products [][][]W // by item and inference

	inferences []Inference[W]
}

// NewHE prepares a batch of inferences. Weights is called for the products that this party evaluates. progress may be nil; it is
// called by Absorb and Finish.
func NewHE[W ring.Word](party cost.Party, m *program.Manifest, session Session, inferences int, weights Weights[W], progress Progress) (*HE[W], error) {
	if err := check(m); err != nil {
		return nil, err
	}
	if m.HasKeys() {
		return nil, errors.New("material: the program compares by keys that a dealer makes (fss.drelu): use a dealer for the material," +
			" or compile it with another sign protocol")
	}
	if inferences > 1 && slices.ContainsFunc(m.Items, mapsMasks) {
		return nil, fmt.Errorf("material: %d inferences at once of products of two masks: accepted is one, since the others have other masks", inferences)
	}
	if party > cost.Server || m.Ring != ring.Width[W]() || inferences < 1 {
		return nil, fmt.Errorf("material: %d inferences in a ring of %d bits for the %s: accepted are one or more, of %d bits, for client or server",
			inferences, m.Ring, party, ring.Width[W]())
	}
	s := &HE[W]{party: party, m: m, weights: weights, progress: progress, heard: make(chan struct{}), outbox: newOutbox(outboxMemory),
		seeds: make([]prg.Seed, inferences), products: make([][][]W, len(m.Items)), inferences: make([]Inference[W], inferences)}
	s.keyed.Store(2)
	start := layOut[W](m.Items)
	for i := range s.seeds {
		s.seeds[i] = prg.NewSeed()
		s.tapes = append(s.tapes, tape[W]{&s.seeds[i], m.Items, start})
		s.inferences[i] = Inference[W]{he: s, index: i}
	}
	var err error
	if s.lattice, err = newLattice[W](m, inferences); err != nil {
		return nil, err
	}
	if s.encrypts() && s.lattice.any() {
		if err := s.lattice.newKey(); err != nil {
			return nil, err
		}
	}
	if s.evaluates() && weights == nil && slices.ContainsFunc(m.Items, opened) {
		return nil, fmt.Errorf("material: the %s has no weights to multiply by", party)
	}
	if m.Elementwise == cost.BySIMD {
		s.slots, err = newSlotted(party, m, s.tapes)
		return s, err
	}
	if c := newCrossing[W](m, session, inferences); c != nil && party == cost.Client {
		s.up = newCorrelating(c, s.tapes)
	} else if c != nil {
		s.down = newChoosing(c, s.tapes)
	}
	return s, nil
}

// encrypts tells whether this party has masks, and evaluates whether it has weights.
func (s *HE[W]) encrypts() bool  { return s.party == cost.Client || s.m.Deploy == cost.Outsourced }
func (s *HE[W]) evaluates() bool { return s.party == cost.Server || s.m.Deploy == cost.Outsourced }

// Batch is how many inferences of a manifest are prepared at once: enough to fill ciphertexts and to share the transforms of the
// weights, and few enough that the shares of all stay within batchMemory; one of a training step. Both parties find the same number.
func Batch(m *program.Manifest) int {
	const most = 8
	var bytes int64
	for _, it := range m.Items {
		n := int64(it.N) * int64(m.Ring/8)
		switch {
		case mapsMasks(it):
			return 1
		case it.Kind == program.Product:
			bytes += n
		case crosses(it): // a factor and a share
			bytes += 2 * n
		}
	}
	return int(min(max(batchMemory/max(bytes, 1), 1), most))
}

// batchMemory bounds the shares of a batch that a party holds, if it is more than one inference.
const batchMemory = 256 << 20

// Inferences is the size of the batch.
func (s *HE[W]) Inferences() int { return len(s.inferences) }

// Inference gives the source of one inference of the batch. That of the first moves the whole batch's messages.
func (s *HE[W]) Inference(i int) *Inference[W] { return &s.inferences[i] }

// openings sends the public key, the base-OT points and the encrypted masks.
func (s *HE[W]) openings(w func(tag int, p []byte) error) error {
	defer s.keyDone()
	if s.encrypts() && s.lattice.any() {
		if err := w(cost.SessionTag, s.lattice.enc.PublicKey()); err != nil {
			return err
		}
	}
	if s.slots != nil && s.party == cost.Client {
		if err := w(cost.SessionTag, s.slots.enc.PublicKey()); err != nil {
			return err
		}
	}
	if s.up != nil {
		if err := s.up.open(w); err != nil {
			return err
		}
	}
	if !s.encrypts() {
		return nil
	}
	masks := newWalk(s.m.Items, encrypted, s.tapes)
	defer masks.wipe()
	for _, i := range s.lattice.items {
		err := masks.visit(i, func(args [][][]W) error { return s.upload(i, args, w) })
		if err != nil {
			return s.located(i, err)
		}
	}
	if s.slots != nil && s.party == cost.Client {
		return s.locate(s.slots.upload(w))
	}
	return nil
}

// keyDone ends the keys with the last step that uses it. An honest peer's replies end after the uploads, but nothing else says so:
// under a key that is wiped already an upload would be a message in clear.
func (s *HE[W]) keyDone() {
	if s.keyed.Add(-1) == 0 {
		s.lattice.decrypted()
		if s.slots != nil {
			s.slots.decrypted()
		}
	}
}

// upload sends the masks of a product, unless an earlier one has, and outsourced multiplies them by this party's own weights, or masks.
func (s *HE[W]) upload(item int, args [][][]W, w func(int, []byte) error) error {
	x := args[0]
	if s.lattice.upload[item] == item {
		if err := s.lattice.encrypt(item, x, sender{s.m.Items[item].Tag, w}); err != nil {
			return err
		}
	}
	if !s.evaluates() {
		return nil
	}
	it := s.m.Items[item]
	y := vectors[W](len(x), it.N)
	if mapsMasks(it) {
		if err := vm.Bilinear(it.Op, it.Ints, y[0], x[0], args[1][0]); err != nil {
			return err
		}
		s.add(item, y)
		return nil
	}
	weights, err := s.weight(item)
	if err != nil {
		return err
	}
	for i := range x {
		if err := vm.Product(it.Op, it.Ints, y[i], x[i], weights); err != nil {
			return err
		}
	}
	s.add(item, y)
	return nil
}

// weight gives the weights of a product.
func (s *HE[W]) weight(item int) ([]W, error) {
	it := s.m.Items[item]
	w, err := s.weights(it.Weight)
	if err != nil {
		return nil, fmt.Errorf("weight %q: %w", it.Weight, err)
	}
	if len(w) != it.WLen {
		return nil, fmt.Errorf("weight %q has %d elements, the manifest says %d", it.Weight, len(w), it.WLen)
	}
	return w, nil
}

// add adds to this party's shares of a product; y is the source's from here on.
func (s *HE[W]) add(item int, y [][]W) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.products[item] == nil {
		s.products[item] = y
		return
	}
	for i := range y {
		ring.Add(s.products[item][i], s.products[item][i], y[i])
		ring.Wipe(y[i])
	}
}

// absorb reads what the peer's openings sent, and multiplies; the replies go to the outbox.
func (s *HE[W]) absorb(r func(tag int, p []byte) error) error {
	err := s.head(r)
	close(s.heard)
	if err == nil && s.evaluates() {
		err = s.multiply(r)
	}
	if err == nil && s.slots != nil && s.party == cost.Server {
		err = s.locate(s.slots.multiply(r, s.outbox, s.tell))
	}
	s.outbox.finish(err)
	return err
}

func (s *HE[W]) head(r func(tag int, p []byte) error) error {
	if s.evaluates() && s.lattice.any() {
		key := make([]byte, s.lattice.keyBytes())
		if err := r(cost.SessionTag, key); err != nil {
			return err
		}
		if err := s.lattice.takeKey(key); err != nil {
			return fmt.Errorf("material: public key: %w", err)
		}
	}
	if s.slots != nil && s.party == cost.Server {
		if err := s.slots.takeKey(r); err != nil {
			return fmt.Errorf("material: public key of elementwise products: %w", err)
		}
	}
	if s.down != nil {
		return s.down.absorb(r)
	}
	return nil
}

// multiply evaluates one product after the other. An upload that later products use again is kept until the last of them.
func (s *HE[W]) multiply(r func(tag int, p []byte) error) error {
	defer s.lattice.evaluated()
	masks := newWalk(s.m.Items, mapsMasks, s.tapes)
	defer masks.wipe()
	kept := map[int]*bytes.Buffer{}
	for _, i := range s.lattice.items {
		if err := s.evaluate(i, masks, s.uploaded(i, kept, r)); err != nil {
			return s.located(i, err)
		}
		if own := s.lattice.upload[i]; s.lattice.last[own] == i {
			delete(kept, own)
		}
	}
	return nil
}

// uploaded gives the upload of a product: as it comes, or as an earlier product had it.
func (s *HE[W]) uploaded(item int, kept map[int]*bytes.Buffer, r func(tag int, p []byte) error) io.Reader {
	own := s.lattice.upload[item]
	if own != item {
		return bytes.NewReader(kept[own].Bytes())
	}
	in := receiver{s.m.Items[item].Tag, r}
	if s.lattice.last[own] == item {
		return in
	}
	kept[own] = new(bytes.Buffer)
	return io.TeeReader(in, kept[own])
}

func (s *HE[W]) evaluate(item int, masks *walk[W], in io.Reader) error {
	y := vectors[W](len(s.seeds), s.m.Items[item].N)
	multiply := func(weights []W) error { return s.lattice.multiply(item, weights, in, s.outbox, y) }
	var err error
	if mapsMasks(s.m.Items[item]) {
		err = masks.visit(item, func(args [][][]W) error { return multiply(args[1][0]) })
	} else if weights, failed := s.weight(item); failed != nil {
		err = failed
	} else {
		err = multiply(weights)
	}
	if err != nil {
		return err
	}
	s.add(item, y)
	s.tell(item)
	return nil
}

// replies sends what belongs into the second message.
func (s *HE[W]) replies(w func(tag int, p []byte) error) error {
	<-s.heard
	if s.down != nil && s.down.answer != nil {
		if err := s.down.reply(w); err != nil {
			return err
		}
	}
	if !s.evaluates() {
		return nil
	}
	buf := make([]byte, replyPiece)
	for _, i := range s.lattice.items {
		for left := s.lattice.replyBytes(i); left > 0; {
			p := buf[:min(int64(len(buf)), left)]
			if _, err := io.ReadFull(s.outbox, p); err != nil {
				return s.located(i, err)
			}
			if err := w(s.m.Items[i].Tag, p); err != nil {
				return s.located(i, err)
			}
			left -= int64(len(p))
		}
	}
	if s.slots != nil && s.party == cost.Server {
		return s.locate(s.slots.reply(s.outbox, w))
	}
	return nil
}

// replyPiece is how much of a reply is handed over at a time.
const replyPiece = 1 << 18

// finish reads the peer's replies.
func (s *HE[W]) finish(r func(tag int, p []byte) error) error {
	defer s.keyDone()
	if s.up != nil {
		if err := s.up.finish(r); err != nil {
			return err
		}
	}
	if !s.encrypts() {
		return nil
	}
	for _, i := range s.lattice.items {
		y := vectors[W](len(s.seeds), s.m.Items[i].N)
		if err := s.lattice.decrypt(i, receiver{s.m.Items[i].Tag, r}, y); err != nil {
			return s.located(i, err)
		}
		s.add(i, y)
		s.tell(i)
	}
	if s.slots != nil && s.party == cost.Client {
		return s.locate(s.slots.finish(r, s.tell))
	}
	return nil
}

// tell reports progress: outsourced each product with weights is made twice, as evaluator and as encryptor.
func (s *HE[W]) tell(item int) {
	s.done++
	if s.progress == nil {
		return
	}
	of := len(s.lattice.items)
	if s.m.Deploy == cost.Outsourced {
		of *= 2
	}
	if s.slots != nil {
		of += len(s.slots.blocks)
	}
	s.progress(s.done, of, s.m.Items[item].Tag)
}

// located says of which item something failed, unless the error is from another that has said it.
func (s *HE[W]) located(item int, err error) error {
	var other *ItemError
	if errors.As(err, &other) {
		return err
	}
	return &ItemError{s.m.Items[item].Tag, fmt.Errorf("material: %s: %w", describe(s.m, item), err)}
}

// locate is located where something may have failed.
func (s *HE[W]) locate(item int, err error) error {
	if err == nil {
		return nil
	}
	return s.located(item, err)
}

// ItemError says for which layer the material could not be made.
type ItemError struct {
	Tag int
	Err error
}

func (e *ItemError) Error() string { return e.Err.Error() }

func (e *ItemError) Unwrap() error { return e.Err }

// sender and receiver are the two ends of one layer's bytes.
type sender struct {
	tag int
	w   func(tag int, p []byte) error
}

func (s sender) Write(p []byte) (int, error) {
	if err := s.w(s.tag, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

type receiver struct {
	tag int
	r   func(tag int, p []byte) error
}

// Read fills all of p, whose reader must know how much there is.
func (r receiver) Read(p []byte) (int, error) {
	if err := r.r(r.tag, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Inference is the Source of one inference of a batch.
type Inference[W ring.Word] struct {
	he    *HE[W]
	index int

	steps    [4]atomic.Bool // Openings, Absorb, Replies, Finish: taken by their one call
	finished atomic.Bool
	closed   atomic.Bool
}

const (
	opening = iota
	absorbing
	replying
	finishing
)

var stepNames = [...]string{opening: "openings", absorbing: "absorb", replying: "replies", finishing: "finish"}

// step runs one of the four steps of set-up, once, and only for the first inference of a batch.
func (i *Inference[W]) step(n int, run func(func(int, []byte) error) error, move func(int, []byte) error) error {
	if i.closed.Load() {
		return fmt.Errorf("material: %s after close", stepNames[n])
	}
	if i.steps[n].Swap(true) {
		return fmt.Errorf("material: %s a second time: material is used once", stepNames[n])
	}
	if i.index > 0 {
		return nil
	}
	return run(move)
}

// Openings sends the public key, base-OT points and encrypted masks.
func (i *Inference[W]) Openings(w func(tag int, p []byte) error) error {
	return i.step(opening, i.he.openings, w)
}

// Absorb reads what the peer's Openings sent and multiplies by the weights.
func (i *Inference[W]) Absorb(r func(tag int, p []byte) error) error {
	return i.step(absorbing, i.he.absorb, r)
}

// Replies sends the products as they are ready.
func (i *Inference[W]) Replies(w func(tag int, p []byte) error) error {
	return i.step(replying, i.he.replies, w)
}

// Finish reads the peer's Replies.
func (i *Inference[W]) Finish(r func(tag int, p []byte) error) error {
	err := i.step(finishing, i.he.finish, r)
	i.finished.Store(err == nil)
	return err
}

// Deferred lists the elementwise products; the first inference completes those of the whole batch.
func (i *Inference[W]) Deferred() []int {
	if i.index > 0 {
		return nil
	}
	return DeferredItems(cost.FromHE, i.he.m)
}

// Complete ends an elementwise product, in each inference of the batch.
func (i *Inference[W]) Complete(item int, move func(p []byte) error) error {
	var err error
	switch s := i.he; {
	case s.up != nil:
		err = s.up.complete(item, move)
	case s.down != nil:
		err = s.down.complete(item, move)
	}
	if err != nil {
		return i.he.located(item, err)
	}
	return nil
}

// Part fills dst with this party's part of an item, once Finish, and for elementwise products Complete, has returned.
func (i *Inference[W]) Part(item, part int, dst []W) error {
	if item < 0 || item >= len(i.he.m.Items) {
		return fmt.Errorf("material: item %d, accepted are 0 to %d", item, len(i.he.m.Items)-1)
	}
	if err := i.part(item, part, dst); err != nil {
		return fmt.Errorf("material: %s: %w", describe(i.he.m, item), err)
	}
	return nil
}

func (i *Inference[W]) part(item, part int, dst []W) error {
	s := i.he
	it := s.m.Items[item]
	switch {
	case it.Kind == program.Moved || !has(s.party, s.m.Deploy, it.Kind, part):
		return fmt.Errorf("the %s has no part %d of it", s.party, part)
	case len(dst) != it.N:
		return fmt.Errorf("part of %d elements into %d", it.N, len(dst))
	case i.closed.Load():
		return errClosed
	case it.Kind != program.Mask && !s.inferences[0].finished.Load(): // masks are this party's own
		return errors.New("the peer's replies are not here yet")
	}
	switch {
	case it.Kind == program.Mask:
		s.tapes[i.index].first(item, dst)
	case encrypted(it):
		copy(dst, s.products[item][i.index])
	default:
		i.cross(item, part, dst)
	}
	return nil
}

// has tells which parts a party gets: see program.ItemKind.
func has(p cost.Party, d cost.Deployment, k program.ItemKind, part int) bool {
	switch {
	case k == program.Mask:
		return part == 0 && (p == cost.Client || d == cost.Outsourced)
	case k == program.Cross && p == cost.Server:
		return part == 0 || part == 1
	}
	return part == 0
}

func (i *Inference[W]) cross(item, part int, dst []W) {
	s := i.he
	var share [][][]W
	switch {
	case s.slots != nil && part == 1:
		share = s.slots.factors
	case s.slots != nil:
		share = s.slots.share
	case part == 1:
		share = s.down.b
	case s.up != nil:
		share = s.up.share
	default:
		share = s.down.share
	}
	sum(s.m.Items[item], dst, share[item][i.index])
}

// Received is empty: there is no third party.
func (i *Inference[W]) Received() map[int]int64 { return nil }

// Close wipes the inference's parts; with the last of a batch, all there is. Calls under way must have returned.
func (i *Inference[W]) Close() error {
	if i.closed.Swap(true) {
		return nil
	}
	s := i.he
	ring.Wipe(s.seeds[i.index][:])
	for _, p := range s.products {
		if p != nil {
			ring.Wipe(p[i.index])
		}
	}
	for j := range s.inferences {
		if !s.inferences[j].closed.Load() {
			return nil
		}
	}
	s.wipe()
	return nil
}

func (s *HE[W]) wipe() {
	s.outbox.close()
	s.lattice.wipe()
	if s.up != nil {
		s.up.wipe()
	}
	if s.down != nil {
		s.down.wipe()
	}
	if s.slots != nil {
		s.slots.wipe()
	}
}

// Close ends all inferences of the batch.
func (s *HE[W]) Close() error {
	var err error
	for i := range s.inferences {
		err = errors.Join(err, s.inferences[i].Close())
	}
	return err
}
