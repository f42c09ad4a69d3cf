package prices

import (
	"bytes"
	"crypto/rand"
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/he"
	"sotto/runtime/prg"
)

// encryptedLayers are layers of networks at 32x32 and larger, of one inference or several, whose products differ in what they take most of:
// uploads, transforms of weights, products and replies. In one packing alone uploads and replies grow together, and the fit would take the
// price of the ones for that of the others.
var encryptedLayers = []struct {
	geometry
	batch int
	by    cost.Packing
}{
	{geometry{3, 32, 64, 3, 1}, 1, cost.Balanced}, {geometry{512, 1, 10, 1, 1}, 1, cost.Balanced}, {geometry{256, 1, 100, 1, 1}, 1, cost.Compact},
	{geometry{64, 32, 128, 1, 2}, 1, cost.Balanced}, {geometry{64, 32, 128, 1, 2}, 1, cost.Compact}, {geometry{64, 32, 64, 3, 1}, 1, cost.Balanced},
	{geometry{64, 32, 64, 3, 1}, 1, cost.Light}, {geometry{64, 32, 128, 3, 2}, 1, cost.Compact}, {geometry{64, 32, 128, 3, 2}, 1, cost.Light},
	{geometry{128, 16, 128, 3, 1}, 1, cost.Compact}, {geometry{256, 8, 256, 3, 1}, 1, cost.Balanced}, {geometry{256, 8, 256, 3, 1}, 1, cost.Compact},
	{geometry{64, 56, 256, 1, 1}, 1, cost.Balanced}, {geometry{64, 56, 64, 3, 1}, 1, cost.Balanced}, {geometry{64, 56, 64, 3, 1}, 1, cost.Compact},
	{geometry{256, 14, 256, 3, 1}, 1, cost.Light}, {geometry{512, 4, 512, 3, 1}, 1, cost.Balanced}, {geometry{512, 7, 512, 3, 1}, 1, cost.Balanced},
	{geometry{512, 7, 512, 3, 1}, 1, cost.Light}, {geometry{256, 28, 64, 1, 1}, 1, cost.Light}, {geometry{64, 32, 64, 3, 1}, 4, cost.Balanced},
	{geometry{64, 32, 64, 3, 1}, 4, cost.Light}, {geometry{128, 16, 128, 3, 1}, 4, cost.Compact}, {geometry{128, 16, 128, 3, 1}, 4, cost.Light},
	{geometry{3, 32, 64, 3, 1}, 8, cost.Balanced},
}

// evaluatorKernels are fitted together: one function does them all.
var evaluatorKernels = []cost.Kernel{cost.Absorb, cost.PlaceWeights, cost.TransformWeights, cost.MultiplyPoly, cost.Reply}

func encryptedProbes() []*Probe {
	what := fmt.Sprintf("homomorphic products of %d layers of networks, in three packings, of one inference and of several, in a ring of 32 bits", len(encryptedLayers))
	step := func(name string, kernels []cost.Kernel, run func(*product) Load) *Probe {
		return &Probe{Name: name, Kernels: kernels, What: what, Loads: func(b Budget) (all []Load, err error) {
			for _, g := range sizes(b, encryptedLayers) {
				p, err := newProduct(g.geometry, g.batch, g.by)
				if err != nil {
					return nil, err
				}
				all = append(all, run(p))
			}
			return all, nil
		}}
	}
	return []*Probe{
		step("encrypt", []cost.Kernel{cost.Encrypt}, (*product).encrypting),
		step("multiply", evaluatorKernels, (*product).multiplying),
		step("decrypt", []cost.Kernel{cost.Decrypt}, (*product).decrypting),
		slotProbe("slot-encrypt", cost.SlotEncrypt, (*slots).encrypting),
		slotProbe("slot-evaluate", cost.SlotEvaluate, (*slots).evaluating),
		slotProbe("slot-decrypt", cost.SlotDecrypt, (*slots).decrypting),
	}
}

// product is a linear layer under encryption, with both parties' keys and messages.
type product struct {
	all             map[cost.Kernel]Amount // of its work
	plan            cost.HEPlan
	encryptor       *he.Encryptor[uint32]
	evaluator       *he.Evaluator[uint32]
	masks, shares   [][]uint32
	weights         []uint32
	upload, replies []byte
}

func newProduct(g geometry, batch int, by cost.Packing) (*product, error) {
	c := g.conv(1)
	layer := cost.HELayer{InC: c.InC, InH: c.InH, InW: c.InW, OutC: c.OutC, KH: c.KH, KW: c.KW, StrideH: c.StrideH, StrideW: c.StrideW,
		PadH: c.PadH, PadW: c.PadW, DilH: 1, DilW: 1, Groups: 1}
	plan, err := by.Plan(layer, 32, cost.ClientServer, batch)
	if err != nil {
		return nil, err
	}
	p := &product{plan: plan, weights: make([]uint32, plan.WeightLen())}
	for range batch {
		p.masks, p.shares = append(p.masks, make([]uint32, plan.InLen())), append(p.shares, make([]uint32, plan.OutLen()))
		prg.Draw(p.masks[len(p.masks)-1])
	}
	prg.Draw(p.weights)
	for i := range p.weights {
		p.weights[i] >>= 32 - smallWeights
	}
	if p.all, err = p.work(); err != nil {
		return nil, err
	}
	if p.encryptor, err = he.NewEncryptor[uint32](plan.Params, rand.Reader); err != nil {
		return nil, err
	}
	if p.evaluator, err = he.NewEvaluator[uint32](plan.Params, p.encryptor.PublicKey(), rand.Reader); err != nil {
		return nil, err
	}
	var up, back bytes.Buffer
	if err := p.encryptor.Encrypt(plan, p.masks, &up); err != nil {
		return nil, err
	}
	p.upload = up.Bytes()
	if err := p.evaluator.Multiply(plan, p.weights, bytes.NewReader(p.upload), &back, p.shares); err != nil {
		return nil, err
	}
	p.replies = back.Bytes()
	return p, nil
}

// smallWeights is the bits of weights in fixed point.
const smallWeights = 12

// work is what the ledger has of the product.
func (p *product) work() (map[cost.Kernel]Amount, error) {
	l := cost.NewLedger(cost.ClientServer, cost.FromHE)
	if err := l.Make(cost.Extensions{}, cost.Made{Ring: p.plan.Params.Ring, Products: 1}); err != nil {
		return nil, err
	}
	l.Product(p.plan, "mask")
	all := map[cost.Kernel]Amount{}
	for _, w := range l.Work {
		a := all[w.Kernel]
		all[w.Kernel] = Amount{a.Units + float64(w.Units), a.Calls + 1}
	}
	return all, nil
}

// only keeps some kernels of a load's work.
func only(work map[cost.Kernel]Amount, keep ...cost.Kernel) map[cost.Kernel]Amount {
	out := map[cost.Kernel]Amount{}
	for _, k := range keep {
		out[k] = work[k]
	}
	return out
}

func (p *product) encrypting() Load {
	return Load{only(p.all, cost.Encrypt), func(w *Watch) error {
		return w.Time(func() error { return p.encryptor.Encrypt(p.plan, p.masks, discard{}) })
	}}
}

func (p *product) multiplying() Load {
	return Load{only(p.all, evaluatorKernels...), func(w *Watch) error {
		return w.Time(func() error {
			return p.evaluator.Multiply(p.plan, p.weights, bytes.NewReader(p.upload), discard{}, p.shares)
		})
	}}
}

func (p *product) decrypting() Load {
	return Load{only(p.all, cost.Decrypt), func(w *Watch) error {
		return w.Time(func() error { return p.encryptor.Decrypt(p.plan, bytes.NewReader(p.replies), p.shares) })
	}}
}

// discard takes messages.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// slots is elementwise products under encryption.
type slots struct {
	params        cost.SlotParams
	encryptor     *he.SlotEncryptor[uint32]
	evaluator     *he.SlotEvaluator[uint32]
	a, b, share   []uint32
	upload, reply []byte
}

func slotProbe(name string, k cost.Kernel, run func(*slots) func() error) *Probe {
	return &Probe{Name: name, Kernels: []cost.Kernel{k}, What: "a block of 8192 products of numbers of 32 bits under encryption, in slots", Loads: func(Budget) ([]Load, error) {
		s, err := newSlots()
		if err != nil {
			return nil, err
		}
		step := run(s)
		return []Load{{one(k, float64(s.params.Primes)), func(w *Watch) error { return w.Time(step) }}}, nil
	}}
}

func newSlots() (*slots, error) {
	params, err := cost.SlotParamsFor(32)
	if err != nil {
		return nil, err
	}
	s := &slots{params: params, a: make([]uint32, cost.HEDegree), b: make([]uint32, cost.HEDegree), share: make([]uint32, cost.HEDegree)}
	prg.Draw(s.a)
	prg.Draw(s.b)
	if s.encryptor, err = he.NewSlotEncryptor[uint32](params, rand.Reader); err != nil {
		return nil, err
	}
	if s.evaluator, err = he.NewSlotEvaluator[uint32](params, s.encryptor.PublicKey(), rand.Reader); err != nil {
		return nil, err
	}
	var up, back bytes.Buffer
	if err := s.encryptor.Encrypt(s.a, &up); err != nil {
		return nil, err
	}
	s.upload = up.Bytes()
	if err := s.evaluator.Multiply(s.b, bytes.NewReader(s.upload), &back, s.share); err != nil {
		return nil, err
	}
	s.reply = back.Bytes()
	return s, nil
}

func (s *slots) encrypting() func() error {
	return func() error { return s.encryptor.Encrypt(s.a, discard{}) }
}

func (s *slots) evaluating() func() error {
	return func() error { return s.evaluator.Multiply(s.b, bytes.NewReader(s.upload), discard{}, s.share) }
}

func (s *slots) decrypting() func() error {
	return func() error { return s.encryptor.Decrypt(bytes.NewReader(s.reply), s.share) }
}
