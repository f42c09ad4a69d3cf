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

// lattice is what a party needs of runtime/he for the products of a manifest, those with weights and bilinear ones of two masks, for a batch of
// inferences. Encryption of one layer and decryption of another may run at once: both read the key alone.
type lattice[W ring.Word] struct {
	params cost.HEParams
	items  []int                // the products, in manifest order
	plan   map[int]cost.HEPlan  // by item
	form   map[int]cost.HEBatch // of bilinear ones
	upload map[int]int          // by item: the first product whose upload serves it, itself most often
	last   map[int]int          // by first product: the last that its upload serves
	enc    *he.Encryptor[W]     // of a party that has masks
	eval   *he.Evaluator[W]     // of one that has weights
}

// newLattice plans the products.
func newLattice[W ring.Word](m *program.Manifest, inferences int) (*lattice[W], error) {
	params, err := cost.HEParamsFor(m.Ring, m.Deploy)
	if err != nil {
		return nil, fmt.Errorf("material: %w", err)
	}
	l := &lattice[W]{params: params, plan: map[int]cost.HEPlan{}, form: map[int]cost.HEBatch{}, upload: map[int]int{}, last: map[int]int{}}
	for i, it := range m.Items {
		switch {
		case mapsMasks(it):
			n, c := program.BatchGeometry(it.Ints)
			l.form[i], l.plan[i], err = it.Packing.PlanBatch(batchMaps[it.Op], n, cost.HELayer(c), m.Ring)
		case it.Kind == program.Product:
			l.plan[i], err = it.Packing.Plan(heLayer(it), m.Ring, m.Deploy, inferences)
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("material: %s: %w", describe(m, i), err)
		}
		l.upload[i] = l.served(m, i)
		l.last[l.upload[i]] = i
		l.items = append(l.items, i)
	}
	return l, nil
}

// batchMaps are the bilinear maps by opcode.
var batchMaps = map[program.Opcode]cost.BatchMap{program.BatchConv: cost.Forward, program.BatchConvX: cost.ByInput, program.BatchConvW: cost.ByWeights}

// mapsMasks tells whether an item is a bilinear map of two masks, but of elements alone.
func mapsMasks(it program.Item) bool { return it.Kind == program.Bilinear && it.Op != program.Mul }

// encrypted tells whether an item's products are made by encryption of its first argument.
func encrypted(it program.Item) bool { return it.Kind == program.Product || mapsMasks(it) }

// served finds the earliest product of the same mask, laid out in the same way, in the same packing.
func (l *lattice[W]) served(m *program.Manifest, item int) int {
	for _, before := range l.items {
		if m.Items[before].Args[0] == m.Items[item].Args[0] && l.form[before].Laid() == l.form[item].Laid() && l.plan[before].SameUpload(l.plan[item]) {
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
	if form, mapped := l.form[item]; mapped {
		images := laidOut(masks[0], form.ImageIndex())
		defer ring.Wipe(images)
		return l.enc.Encrypt(l.plan[item], parts(images, form.Images), w)
	}
	return l.enc.Encrypt(l.plan[item], masks, w)
}

// multiply reads a product's upload and writes the reply; weights, of a bilinear one this party's share of the second mask, and shares are this
// party's, the latter one an inference.
func (l *lattice[W]) multiply(item int, weights []W, r io.Reader, w io.Writer, shares [][]W) error {
	form, mapped := l.form[item]
	if !mapped {
		return l.eval.Multiply(l.plan[item], weights, r, w, shares)
	}
	weights = laidOut(weights, form.WeightIndex())
	defer ring.Wipe(weights)
	return l.gather(item, shares[0], func(images [][]W) error { return l.eval.Multiply(l.plan[item], weights, r, w, images) })
}

// decrypt reads a reply; shares are this party's.
func (l *lattice[W]) decrypt(item int, r io.Reader, shares [][]W) error {
	if _, mapped := l.form[item]; mapped {
		return l.gather(item, shares[0], func(images [][]W) error { return l.enc.Decrypt(l.plan[item], r, images) })
	}
	return l.enc.Decrypt(l.plan[item], r, shares)
}

// gather brings the images that f makes to their places in the result of a bilinear map.
func (l *lattice[W]) gather(item int, result []W, f func(images [][]W) error) error {
	form := l.form[item]
	all := make([]W, len(result))
	defer ring.Wipe(all)
	if err := f(parts(all, form.Images)); err != nil {
		return err
	}
	index := form.ResultIndex()
	if index == nil {
		copy(result, all)
	}
	for i, at := range index {
		result[at] = all[i]
	}
	return nil
}

// laidOut copies elements to where an index wants them: nil in order, -1 a zero.
func laidOut[W ring.Word](x []W, index []int32) []W {
	if index == nil {
		return slices.Clone(x)
	}
	out := make([]W, len(index))
	for i, at := range index {
		if at >= 0 {
			out[i] = x[at]
		}
	}
	return out
}

// parts cuts a vector into so many equal ones.
func parts[W ring.Word](x []W, count int) [][]W {
	return slices.Collect(slices.Chunk(x, len(x)/count))
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
