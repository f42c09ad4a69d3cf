package material

// Elementwise products of the two-party source under encryption (runtime/he/slots.go), for manifests that say so; crossing.go has
// the other way. Semi-honest.
//
//	x, b     client-server: the client's mask r, the server's random b; outsourced: a0 and a1, and of products of two masks
//	         the client's shares of both, and the server's the other way around
//	c0 + c1  shares of x*b
//
//	Client (x)                                                   Server (b)
//	set-up, message 1:  public key; Enc(x), block by block ---->
//	set-up, message 2:                                     <---- Enc(x*b + mask)
//	c0                                                           c1
//
// The elements of all items and inferences fill blocks in a row, in the order of the manifest; a block belongs to the layer of its first
// element. A square is a^2 = a0^2 + a1^2 + 2*a0*a1, a product of two masks a*b = a0*b0 + a1*b1 + a0*b1 + b0*a1.
//
// Cost: cost.SlotParams a block, cost.SlotBlocks of an item; no round that set-up does not have.

import (
	"crypto/rand"
	"io"

	"sotto/ir/cost"
	"sotto/runtime/he"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// slotted is a party's end.
type slotted[W ring.Word] struct {
	m       *program.Manifest
	params  cost.SlotParams
	blocks  [][]stretch
	factors [][][]W              // by item and inference: x or b
	share   [][][]W              // c0 or c1
	enc     *he.SlotEncryptor[W] // the client's
	eval    *he.SlotEvaluator[W] // the server's
}

// newSlotted prepares the products of a batch of inferences, or gives nil where there are none.
func newSlotted[W ring.Word](party cost.Party, m *program.Manifest, tapes []tape[W]) (*slotted[W], error) {
	params, err := cost.SlotParamsFor(m.Ring)
	if err != nil {
		return nil, err
	}
	s := &slotted[W]{m: m, params: params, factors: make([][][]W, len(m.Items)), share: make([][][]W, len(m.Items))}
	masks := newWalk(m.Items, crosses, tapes)
	defer masks.wipe()
	for i, it := range m.Items {
		if !crosses(it) {
			continue
		}
		n := crossProducts(it)
		s.share[i] = vectors[W](len(tapes), n)
		if err := s.draw(party, i, masks); err != nil {
			return nil, err
		}
		for inference := range tapes {
			s.fill(i, inference, n)
		}
	}
	if len(s.blocks) == 0 {
		return nil, nil
	}
	if party == cost.Client {
		s.enc, err = he.NewSlotEncryptor[W](params, rand.Reader)
	}
	return s, err
}

// draw sets a party's factors of an item: masks, or in client-server the server's own.
func (s *slotted[W]) draw(party cost.Party, item int, masks *walk[W]) error {
	if party == cost.Server && s.m.Deploy == cost.ClientServer {
		s.factors[item] = vectors[W](len(masks.masks), s.m.Items[item].N)
		for _, v := range s.factors[item] {
			seed := prg.NewSeed()
			stream := prg.NewStream(seed)
			prg.Words(stream, v)
			stream.Wipe()
			ring.Wipe(seed[:])
		}
		return nil
	}
	return masks.visit(item, func(args [][][]W) error {
		s.factors[item] = factors(party, s.m.Items[item], args)
		return nil
	})
}

// fill appends n elements to the blocks.
func (s *slotted[W]) fill(item, inference, n int) {
	for lo := 0; lo < n; {
		if len(s.blocks) == 0 || size(s.blocks[len(s.blocks)-1]) == cost.HEDegree {
			s.blocks = append(s.blocks, nil)
		}
		last := &s.blocks[len(s.blocks)-1]
		hi := min(n, lo+cost.HEDegree-size(*last))
		*last = append(*last, stretch{item, inference, lo, hi})
		lo = hi
	}
}

// size is the elements of a block.
func size(block []stretch) (n int) {
	for _, s := range block {
		n += s.hi - s.lo
	}
	return n
}

// tag is the layer of a block.
func (s *slotted[W]) tag(block []stretch) int { return s.m.Items[block[0].item].Tag }

// gather copies a block's factors.
func (s *slotted[W]) gather(block []stretch) []W {
	all := make([]W, 0, size(block)) // all at once: what is outgrown would not be wiped
	for _, part := range block {
		all = append(all, cut(s.factors[part.item], part)...)
	}
	return all
}

// scatter keeps the share of a block, with what this party has of it by itself.
func (s *slotted[W]) scatter(block []stretch, share []W) {
	for _, part := range block {
		share = share[copy(cut(s.share[part.item], part), share):]
		settle(s.m.Items[part.item], part, s.share[part.item][part.inference], s.factors[part.item][part.inference])
	}
}

// upload sends the client's factors.
func (s *slotted[W]) upload(w func(tag int, p []byte) error) (item int, err error) {
	for _, block := range s.blocks {
		x := s.gather(block)
		err := s.enc.Encrypt(x, sender{s.tag(block), w})
		ring.Wipe(x)
		if err != nil {
			return block[0].item, err
		}
	}
	return 0, nil
}

// takeKey reads the client's public key.
func (s *slotted[W]) takeKey(r func(tag int, p []byte) error) error {
	key := make([]byte, s.params.Cipher.KeyBytes())
	if err := r(cost.SessionTag, key); err != nil {
		return err
	}
	var err error
	s.eval, err = he.NewSlotEvaluator[W](s.params, key, rand.Reader)
	return err
}

// multiply reads the client's factors, and writes the replies. It calls made after each block with the item that it began with.
func (s *slotted[W]) multiply(r func(tag int, p []byte) error, w io.Writer, made func(item int)) (item int, err error) {
	defer s.eval.Close()
	for _, block := range s.blocks {
		b := s.gather(block)
		share := make([]W, len(b))
		err := s.eval.Multiply(b, receiver{s.tag(block), r}, w, share)
		s.scatter(block, share)
		ring.Wipe(b)
		ring.Wipe(share)
		if err != nil {
			return block[0].item, err
		}
		made(block[0].item)
	}
	return 0, nil
}

// reply sends what multiply has written to the outbox.
func (s *slotted[W]) reply(from io.Reader, w func(tag int, p []byte) error) (item int, err error) {
	p := make([]byte, s.params.ReplyBytes())
	for _, block := range s.blocks {
		if _, err := io.ReadFull(from, p); err != nil {
			return block[0].item, err
		}
		if err := w(s.tag(block), p); err != nil {
			return block[0].item, err
		}
	}
	return 0, nil
}

// finish reads the replies. It calls made as multiply does.
func (s *slotted[W]) finish(r func(tag int, p []byte) error, made func(item int)) (item int, err error) {
	for _, block := range s.blocks {
		share := make([]W, size(block))
		err := s.enc.Decrypt(receiver{s.tag(block), r}, share)
		s.scatter(block, share)
		ring.Wipe(share)
		if err != nil {
			return block[0].item, err
		}
		made(block[0].item)
	}
	return 0, nil
}

// decrypted ends the key: nothing is decrypted any more.
func (s *slotted[W]) decrypted() {
	if s.enc != nil {
		s.enc.Close()
		s.enc = nil
	}
}

func (s *slotted[W]) wipe() {
	for _, items := range [][][][]W{s.factors, s.share} {
		for _, item := range items {
			for _, v := range item {
				ring.Wipe(v)
			}
		}
	}
	s.decrypted()
	if s.eval != nil {
		s.eval.Close()
	}
}
