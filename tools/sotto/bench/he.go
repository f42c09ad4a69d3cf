package bench

import (
	"crypto/rand"

	"sotto/ir/cost"
	"sotto/runtime/he"
	"sotto/runtime/prg"
	"sotto/runtime/wire"
)

// hePrimitives have the client's masks and the server's weights.
var hePrimitives = []*Primitive{
	{Name: "he.conv", Doc: "n inferences' worth of homomorphic products of a 3x3 convolution 64 to 64 at 56x56, l = 32, in batches of 8: both ends, messages included; the key is not timed",
		N: heBatch, Prepare: multiplyMasks, Limit: multiplyLimit},
}

// multiplyLimit: the multiplications that a whole batch cannot do without, on both cores, or its bytes.
func multiplyLimit(l *Limits) Bound {
	plan, err := cost.HEPlanFor(cost.HELayer(conv56), 32, cost.ClientServer, heBatch)
	if err != nil {
		return Bound{}
	}
	work := Bound{heBatch * cores * l.Word52 / float64(plan.MACs52()), "52-bit multiply-adds of both cores"}
	if l.Word52 == 0 {
		return Bound{}
	}
	bytes := plan.UploadBytes()
	for group := range plan.Groups() {
		bytes += int64(plan.OutBlocks()) * plan.ReplySize(group)
	}
	return lower(work, Bound{heBatch * l.Loopback / float64(bytes), "bytes over loopback"})
}

// heBatch inferences share the transforms of the weights.
const heBatch = 8

// received is a connection's message as a stream.
type received struct{ *wire.Conn }

func (r received) Read(p []byte) (int, error) { return len(p), r.ReadFull(p) }

// answer is a message that begins when there is something to say, after what it answers.
type answer struct {
	*wire.Conn
	begun bool
}

func (a *answer) Write(p []byte) (int, error) {
	if !a.begun {
		a.Begin()
		a.begun = true
	}
	return a.Conn.Write(p)
}

func multiplyMasks(s *Session, n int64) (func() error, error) {
	params, err := cost.HEParamsFor(32, cost.ClientServer)
	if err != nil {
		return nil, err
	}
	key := make([]byte, params.KeyBytes())
	if s.Party == cost.Server {
		if err := s.Conn.ReadFull(key); err != nil {
			return nil, err
		}
		v, err := he.NewEvaluator[uint32](params, key, rand.Reader)
		return inBatches(n, func(plan cost.HEPlan) error {
			weights := make([]uint32, plan.WeightLen())
			fillSmall(weights)
			if err := v.Multiply(plan, weights, received{s.Conn}, &answer{Conn: s.Conn}, images(plan.Batch, plan.OutLen())); err != nil {
				return err
			}
			return s.Conn.End()
		}), err
	}
	e, err := he.NewEncryptor[uint32](params, rand.Reader)
	if err != nil {
		return nil, err
	}
	return inBatches(n, func(plan cost.HEPlan) error {
		masks := images(plan.Batch, plan.InLen())
		for _, m := range masks {
			prg.Words(prg.NewStream(prg.NewSeed()), m)
		}
		s.Conn.Begin()
		if err := e.Encrypt(plan, masks, s.Conn); err != nil {
			return err
		}
		if err := s.Conn.End(); err != nil {
			return err
		}
		return e.Decrypt(plan, received{s.Conn}, images(plan.Batch, plan.OutLen()))
	}), s.Conn.Send(e.PublicKey())
}

// inBatches calls f with the plans for n inferences. Each has one chunk, so that a message goes one way at a time.
func inBatches(n int64, f func(plan cost.HEPlan) error) func() error {
	layer := cost.HELayer(conv56)
	return func() error {
		for ; n > 0; n -= heBatch {
			plan, err := cost.HEPlanFor(layer, 32, cost.ClientServer, int(min(n, heBatch)))
			if err != nil {
				return err
			}
			if err := f(plan); err != nil {
				return err
			}
		}
		return nil
	}
}

func images(n, length int) [][]uint32 {
	all := make([][]uint32, n)
	for i := range all {
		all[i] = make([]uint32, length)
	}
	return all
}
