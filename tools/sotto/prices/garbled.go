package prices

import (
	"sotto/ir/circuit"
	"sotto/ir/cost"
	"sotto/runtime/fss"
	"sotto/runtime/garble"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// signBits are the ANDs of a sign at the widths that the example networks compare at.
var signBits = []int{19, 30}

// chunkInstances is how many instances a session garbles at a time: a megabyte of tables (runtime/vm).
const chunkInstances = 1 << 10

// spanLabels is how many instances have labels of their own; later ones use them again.
const spanLabels = 1 << 13

func garbledProbes() []*Probe {
	return []*Probe{
		{Name: "garble", Kernels: []cost.Kernel{cost.Garble}, What: "sign-only circuits of 19 and 30 ANDs garbled by half-gates in chunks of 2^10, nothing sent", Loads: garbleLoads},
		{Name: "evaluate", Kernels: []cost.Kernel{cost.Evaluate}, What: "sign-only circuits of 19 and 30 ANDs evaluated from memory in chunks of 2^10", Loads: evaluateLoads},
		{Name: "labels", Kernels: []cost.Kernel{cost.SendLabels}, What: "labels of the garbler's inputs in chunks of 2^10 instances", Loads: labelLoads},
		{Name: "evaluate-key", Kernels: []cost.Kernel{cost.EvaluateKey}, What: "keys of comparisons at 20 and 40 bits evaluated, which were not just used", Loads: keyLoads},
		{Name: "deal-key", Kernels: []cost.Kernel{cost.DealKey}, What: "keys of comparisons at 20 and 40 bits made", Loads: dealLoads},
	}
}

// signs is a circuit with all that both ends of its garbling need.
type signs struct {
	circuit *circuit.Circuit
	hash    *prg.Hash
	garbler *garble.Garbler
	ands    int
}

func newSigns(ands int) (*signs, error) {
	c, err := circuit.Carry(ands)
	if err != nil {
		return nil, err
	}
	s := &signs{circuit: c, ands: ands, hash: prg.NewHash(block())}
	delta := block()
	delta.Lo |= 1
	s.garbler, err = garble.NewGarbler(cost.HalfGates, c, s.hash, delta, prg.NewSeed(), prg.Garbling.First())
	return s, err
}

// block is a random one.
func block() prg.Block {
	seed := prg.NewSeed()
	return prg.LoadBlock(seed[:])
}

func randomBlocks(n int) []prg.Block {
	b := make([]prg.Block, n)
	prg.NewStream(prg.NewSeed()).Blocks(b)
	return b
}

// each makes the loads of all circuits; chunk runs one chunk whose instances begin at first.
func eachSign(k cost.Kernel, blocks int, chunk func(s *signs) (func(first int) error, error)) (all []Load, err error) {
	for _, ands := range signBits {
		s, err := newSigns(ands)
		if err != nil {
			return nil, err
		}
		run, err := chunk(s)
		if err != nil {
			return nil, err
		}
		first := 0
		all = append(all, Load{one(k, float64(blocks*ands*chunkInstances)), func(w *Watch) error {
			first = (first + chunkInstances) % spanLabels
			return w.Time(func() error { return run(first) })
		}})
	}
	return all, nil
}

func garbleLoads(Budget) ([]Load, error) {
	return eachSign(cost.Garble, cost.GarbleAES, func(s *signs) (func(int) error, error) {
		zero, tables, permute := randomBlocks(spanLabels*s.ands), make([]prg.Block, 2*chunkInstances*s.ands), make([]uint64, chunkInstances/64)
		return func(first int) error {
			return s.garbler.Garble(first, chunkInstances, zero[first*s.ands:][:chunkInstances*s.ands], nil, tables, permute)
		}, nil
	})
}

func evaluateLoads(Budget) ([]Load, error) {
	return eachSign(cost.Evaluate, cost.EvaluateAES, func(s *signs) (func(int) error, error) {
		e, err := garble.NewEvaluator(cost.HalfGates, s.circuit, s.hash, prg.Garbling.First())
		own, theirs := randomBlocks(spanLabels*s.ands), randomBlocks(spanLabels*s.ands)
		tables, colour := randomBlocks(2*spanLabels*s.ands), make([]uint64, chunkInstances/64)
		return func(first int) error {
			n, at := chunkInstances*s.ands, first*s.ands
			return e.Evaluate(first, chunkInstances, own[at:][:n], theirs[at:][:n], tables[2*at:][:2*n], colour)
		}, err
	})
}

func labelLoads(Budget) ([]Load, error) {
	return eachSign(cost.SendLabels, 1, func(s *signs) (func(int) error, error) {
		n := chunkInstances * s.ands
		out, bits := make([]prg.Block, n), make([]uint64, ring.BitWords(n))
		return func(first int) error { return s.garbler.Labels(first, chunkInstances, bits, out) }, nil
	})
}

// comparisons is keys of a batch of comparisons at a width.
type comparisons struct {
	n, width int
	roots    [2][]prg.Block
	dealt    []prg.Block
	r        []uint64
}

func newComparisons(n, width int) *comparisons {
	c := &comparisons{n: n, width: width, roots: [2][]prg.Block{randomBlocks(n), randomBlocks(n)}, dealt: randomBlocks(int(cost.ComparisonBlocks(int64(n), width))), r: make([]uint64, n)}
	prg.Draw(c.r)
	return c
}

// Widths and numbers of comparisons whose keys are timed: of inference, and of training.
var (
	keyWidths = []int{20, 40}
	keyCounts = []int{64, cost.ComparisonBatch}
)

// eachKeys runs batches of so many bytes of keys together.
func eachKeys(k cost.Kernel, bytes int, aes func(n int64, width int) int64, run func(c *comparisons)) (all []Load) {
	for _, width := range keyWidths {
		for _, n := range keyCounts {
			var batches []func()
			for range min(16, 1+bytes/int(cost.ComparisonKeyBytes(int64(n), width))) {
				c := newComparisons(n, width)
				batches = append(batches, func() { run(c) })
			}
			all = append(all, Load{one(k, float64(aes(int64(n), width))), inTurn(batches)})
		}
	}
	return all
}

func dealLoads(Budget) ([]Load, error) {
	return eachKeys(cost.DealKey, 0, cost.DealtComparisonAES, func(c *comparisons) { fss.Deal(c.dealt, block(), c.width, c.roots, c.r) }), nil
}

// keyLoads finds keys where they were put away.
func keyLoads(b Budget) ([]Load, error) {
	return eachKeys(cost.EvaluateKey, b.Turned, cost.ComparisonAES, func(c *comparisons) {
		fss.Sign(ring.NewBits(c.n), fss.Key{Width: c.width, Party: cost.Client, Roots: c.roots[0], Dealt: c.dealt}, c.r)
	}), nil
}
