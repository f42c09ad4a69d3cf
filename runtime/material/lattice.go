package material

import (
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"slices"

	"sotto/ir/cost"
	"sotto/runtime/he"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// lattice is what a party needs of runtime/he for the products of a manifest, for a batch of inferences. Encryption of one layer and
// decryption of another may run at once: both read the key alone.
type lattice[W ring.Word] struct {
	params cost.HEParams
	items  []int               // the products, in manifest order
	plan   map[int]cost.HEPlan // by item
	upload map[int]int         // by item: the first product whose upload serves it, itself most often
	last   map[int]int         // by first product: the last that its upload serves
	enc    *he.Encryptor[W]    // of a party that has masks
	eval   *he.Evaluator[W]    // of one that has weights
}

// newLattice plans the products.
func newLattice[W ring.Word](m *program.Manifest, inferences int) (*lattice[W], error) {
	params, err := cost.HEParamsFor(m.Ring, m.Deploy)
	if err != nil {
		return nil, fmt.Errorf("material: %w", err)
	}
	l := &lattice[W]{params: params, plan: map[int]cost.HEPlan{}, upload: map[int]int{}, last: map[int]int{}}
	for i, it := range m.Items {
		if it.Kind != program.Product {
			continue
		}
		if l.plan[i], err = it.Packing.Plan(heLayer(it), m.Ring, m.Deploy, inferences); err != nil {
			return nil, fmt.Errorf("material: %s: %w", describe(m, i), err)
		}
		l.upload[i] = l.served(m, i)
		l.last[l.upload[i]] = i
		l.items = append(l.items, i)
	}
	return l, nil
}

// served finds the earliest product of the same mask in the same packing.
func (l *lattice[W]) served(m *program.Manifest, item int) int {
	for _, before := range l.items {
		if m.Items[before].Args[0] == m.Items[item].Args[0] && l.plan[before].SameUpload(l.plan[item]) {
			return before
		}
	}
	return item
}

// heLayer is the linear map of a product.
func heLayer(it program.Item) cost.HELayer {
	if it.Op == program.Linear {
		return cost.HELinear(it.Ints[0], it.Ints[1])
	}
	return cost.HELayer(program.Geometry(it.Ints))
}

func (l *lattice[W]) any() bool { return len(l.items) > 0 }

func (l *lattice[W]) keyBytes() int64 { return l.params.KeyBytes() }

// newKey draws the key pair of a party that has masks.
func (l *lattice[W]) newKey() (err error) {
	l.enc, err = he.NewEncryptor[W](l.params, rand.Reader)
	return err
}

// takeKey takes the peer's public key.
func (l *lattice[W]) takeKey(publicKey []byte) (err error) {
	if l.eval, err = he.NewEvaluator[W](l.params, publicKey, rand.Reader); err == nil {
		l.eval.Reserve(slices.Collect(maps.Values(l.plan)))
	}
	return err
}

// encrypt writes a product's upload: masks, one an inference.
func (l *lattice[W]) encrypt(item int, masks [][]W, w io.Writer) error {
	return l.enc.Encrypt(l.plan[item], masks, w)
}

// multiply reads a product's upload and writes the reply; shares are this party's, one an inference.
func (l *lattice[W]) multiply(item int, weights []W, r io.Reader, w io.Writer, shares [][]W) error {
	return l.eval.Multiply(l.plan[item], weights, r, w, shares)
}

// decrypt reads a reply; shares are this party's.
func (l *lattice[W]) decrypt(item int, r io.Reader, shares [][]W) error {
	return l.enc.Decrypt(l.plan[item], r, shares)
}

func (l *lattice[W]) replyBytes(item int) int64 { return l.plan[item].ReplyBytes() }

// evaluated lets go of what evaluation needed: nothing is multiplied any more.
func (l *lattice[W]) evaluated() {
	if l.eval != nil {
		l.eval.Close()
		l.eval = nil
	}
}

// decrypted ends the key: nothing is decrypted any more.
func (l *lattice[W]) decrypted() {
	if l.enc != nil {
		l.enc.Close()
		l.enc = nil
	}
}

func (l *lattice[W]) wipe() {
	l.evaluated()
	l.decrypted()
}
