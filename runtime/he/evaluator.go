package he

import (
	"fmt"
	"io"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// Evaluator is the party that holds the weights. Its methods are for one goroutine at a time; each uses all cores.
type Evaluator[W ring.Word] struct {
	*basis
	rnd     io.Reader
	p0, p1  poly // values of the public key
	uploads pool[ciphertext]
	scratch pool[*productScratch[W]]
	values  poly // of weights, any number of rows
}

// NewEvaluator reads a public key of params.KeyBytes(). rnd is crypto/rand.Reader, except in tests.
func NewEvaluator[W ring.Word](params cost.HEParams, public []byte, rnd io.Reader) (*Evaluator[W], error) {
	b, err := newBasis[W](params)
	if err != nil {
		return nil, err
	}
	p0, p1, err := b.readKey(public)
	if err != nil {
		return nil, err
	}
	v := &Evaluator[W]{basis: b, rnd: rnd, p0: p0, p1: p1, uploads: newPool(cost.MaxHEResident, b.newCiphertext)}
	v.scratch = newPool(window, v.newScratch)
	return v, nil
}

// readKey gives the values of a public key.
func (b *basis) readKey(public []byte) (p0, p1 poly, err error) {
	if int64(len(public)) != b.params.KeyBytes() {
		return nil, nil, fmt.Errorf("homomorphic products: a public key of %d bytes: accepted are %d", len(public), b.params.KeyBytes())
	}
	p0, p1 = newPoly(len(b.q)), newPoly(len(b.q))
	var seed prg.Seed
	copy(seed[:], public)
	b.expand(p1, seed, 0)
	if err := b.unpack(p0, public[len(seed):]); err != nil {
		return nil, nil, fmt.Errorf("public key: %w", err)
	}
	return p0, p1, nil
}

// Close wipes weights and masks, and lets go of memory.
func (v *Evaluator[W]) Close() {
	v.scratch.each((*productScratch[W]).wipe)
	v.uploads.each(func(ciphertext) {})
	v.values.wipe()
	v.values = nil
}

// unpack reads what pack wrote, and refuses what is no residue.
func (b *basis) unpack(p poly, src []byte) error {
	size := ring.PackedLen(degree, b.params.LimbBits)
	for i, row := range p {
		ring.Unpack(row, src[i*size:(i+1)*size], b.params.LimbBits)
		for j, x := range row {
			if x >= b.q[i].Q() {
				return fmt.Errorf("homomorphic products: coefficient %d is not below the modulus of limb %d", j, i)
			}
		}
	}
	return nil
}

// ciphertext is an upload as values.
type ciphertext struct{ c0, c1 poly }

func (b *basis) newCiphertext() ciphertext { return ciphertext{newPoly(len(b.q)), newPoly(len(b.q))} }

// Multiply reads the uploads of a layer, multiplies them by its weights, and writes the replies. It fills shares, one of
// plan.OutLen() elements for each image.
func (v *Evaluator[W]) Multiply(plan cost.HEPlan, weights []W, r io.Reader, w io.Writer, shares [][]W) error { // step 2
	if err := v.check(plan); err != nil {
		return err
	}
	if err := checkVectors("share", shares, plan.Batch, plan.OutLen()); err != nil {
		return err
	}
	if err := checkWeights(plan, weights); err != nil {
		return err
	}
	private, err := drawSeed(v.rnd)
	if err != nil {
		return err
	}
	defer ring.Wipe(private[:])
	var seed prg.Seed
	if _, err := io.ReadFull(r, seed[:]); err != nil {
		return fmt.Errorf("homomorphic products: seed of uploads: %w", err)
	}
	product := newLayerProduct(v, plan, weights, private, shares)
	defer ring.Wipe(product.private[:])
	for chunk := range plan.Chunks() {
		uploads, err := v.read(plan, chunk, seed, r)
		if err != nil {
			return err
		}
		err = product.chunk(chunk, uploads, w)
		for _, group := range uploads {
			v.uploads.give(group...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkWeights refuses weights beyond the bound that the noise was computed for. It looks at all of them.
func checkWeights[W ring.Word](plan cost.HEPlan, weights []W) error {
	if len(weights) != plan.WeightLen() {
		return fmt.Errorf("homomorphic products: %d weights, want %d", len(weights), plan.WeightLen())
	}
	bound := plan.Params.WeightBits
	if bound >= ring.Width[W]()-1 {
		return nil
	}
	var above W
	for _, x := range weights {
		above |= (x + 1<<bound) >> (bound + 1)
	}
	if above != 0 {
		return fmt.Errorf("homomorphic products: a weight is 2^%d or more, in units of its last fraction bit: accepted are smaller ones", bound)
	}
	return nil
}

// read takes in the uploads of a chunk: [group][block of channels].
func (v *Evaluator[W]) read(plan cost.HEPlan, chunk int, seed prg.Seed, r io.Reader) ([][]ciphertext, error) {
	first, groups := chunkGroups(plan, chunk)
	n, size := plan.InBlocks(), int(plan.Params.PolyBytes())
	all := make([]ciphertext, groups*n)
	in := make([]byte, window*size)
	for from := 0; from < len(all); from += window {
		part := all[from:min(from+window, len(all))]
		if _, err := io.ReadFull(r, in[:len(part)*size]); err != nil {
			return nil, fmt.Errorf("homomorphic products: uploads: %w", err)
		}
		errs := make([]error, len(part))
		ring.Parallel(len(part), 1, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				part[i] = v.uploads.take()
				errs[i] = v.unpack(part[i].c0, in[i*size:(i+1)*size])
				v.expand(part[i].c1, seed, first*n+from+i)
			}
		})
		if err := firstError(errs); err != nil {
			return nil, fmt.Errorf("upload: %w", err)
		}
	}
	byGroup := make([][]ciphertext, groups)
	for g := range byGroup {
		byGroup[g] = all[g*n : (g+1)*n]
	}
	return byGroup, nil
}
