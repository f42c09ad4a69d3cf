package prices

import (
	"crypto/rand"

	"sotto/ir/cost"
	"sotto/runtime/ot"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

func otProbes() []*Probe {
	return []*Probe{
		{Name: "base-ot-points", Kernels: []cost.Kernel{cost.BaseOTPoints}, What: "points of the 128 base OTs of a set-up of SoftSpoken or IKNP", Loads: func(Budget) ([]Load, error) { return setupLoads(cost.BaseOTPoints), nil }},
		{Name: "base-ot-keys", Kernels: []cost.Kernel{cost.BaseOTKeys}, What: "keys of the 128 base OTs of a set-up of SoftSpoken or IKNP, at either end", Loads: func(Budget) ([]Load, error) { return setupLoads(cost.BaseOTKeys), nil }},
		{Name: "softspoken-ot", Kernels: []cost.Kernel{cost.SoftSpokenOT}, What: "correlated OTs of SoftSpoken, k = 4, at either end, in chunks of 2^13 and 2^17", Loads: func(Budget) ([]Load, error) { return extensionLoads(cost.SoftSpokenOT) }},
		{Name: "iknp-ot", Kernels: []cost.Kernel{cost.IKNPOT}, What: "correlated OTs of IKNP at either end, in chunks of 2^13 and 2^17", Loads: func(Budget) ([]Load, error) { return extensionLoads(cost.IKNPOT) }},
		{Name: "ferret-send", Kernels: []cost.Kernel{cost.FerretSend}, What: "correlated OTs of Ferret (1170, 17, 11) at the sender, extension after extension", Loads: func(Budget) ([]Load, error) { return ferretLoads(cost.FerretSend) }},
		{Name: "ferret-receive", Kernels: []cost.Kernel{cost.FerretReceive}, What: "correlated OTs of Ferret (1170, 17, 11) at the receiver, choices drawn, extension after extension", Loads: func(Budget) ([]Load, error) { return ferretLoads(cost.FerretReceive) }},
		{Name: "hash", Kernels: []cost.Kernel{cost.Hash}, What: "correlated OTs hashed into words: both pads at the sender, one at the receiver", Loads: hashLoads},
	}
}

// chunkOTs are OTs that are made at a time: few, as of a small layer, and as many as a session makes at once (runtime/vm).
var chunkOTs = []int{1 << 13, 1 << 17}

// baseOTs is those of an extension: one for each bit of Delta.
const baseOTs = 8 * prg.BlockBytes

// ends are both ends of an extension in one process, and how long its set-up took: the sender's points, the receiver's keys and answer,
// and the sender's keys.
type ends struct {
	sender                 ot.COTSender
	receiver               ot.COTReceiver
	points, answer, finish Watch
}

// newEnds sets an extension up.
func newEnds(k cost.Kernel) (*ends, error) {
	sid, delta, x := []byte("sotto calibrate"), block(), new(ends)
	delta.Lo |= 1
	var first, reply []byte
	var finish func() error
	err := x.points.Time(func() (err error) {
		if k == cost.IKNPOT {
			var s *ot.IKNPSetup
			s, first, err = ot.NewIKNPSetup(sid, delta, rand.Reader)
			finish = func() (err error) { x.sender, err = s.Finish(reply); return err }
			return err
		}
		var s *ot.SenderSetup
		s, first, err = ot.NewSenderSetup(sid, delta, rand.Reader)
		finish = func() (err error) { x.sender, err = s.Finish(reply); return err }
		return err
	})
	if err != nil {
		return nil, err
	}
	err = x.answer.Time(func() (err error) {
		if k == cost.IKNPOT {
			x.receiver, reply, err = ot.NewIKNPReceiver(sid, first, rand.Reader)
		} else {
			x.receiver, reply, err = ot.NewReceiver(sid, first, rand.Reader)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return x, x.finish.Time(func() error { return finish() })
}

// setupLoads times the steps of set-ups that are a kernel.
func setupLoads(k cost.Kernel) (all []Load) {
	steps := []func(x *ends) Watch{func(x *ends) Watch { return x.points }}
	if k == cost.BaseOTKeys {
		steps = []func(x *ends) Watch{func(x *ends) Watch { return x.answer }, func(x *ends) Watch { return x.finish }}
	}
	for _, extension := range []cost.Kernel{cost.SoftSpokenOT, cost.IKNPOT} {
		for _, step := range steps {
			all = append(all, Load{one(k, baseOTs), func(w *Watch) error {
				x, err := newEnds(extension)
				if err == nil {
					*w = step(x)
				}
				return err
			}})
		}
	}
	return all
}

// extensionLoads extends at the receiver, and at the sender with what the receiver said.
func extensionLoads(k cost.Kernel) (all []Load, err error) {
	x, err := newEnds(k)
	if err != nil {
		return nil, err
	}
	for _, n := range chunkOTs {
		choice, blocks, u := make([]uint64, ring.BitWords(n)), make([]prg.Block, n), make([]byte, x.receiver.MessageBytes(n))
		prg.Draw(choice)
		receive := func() error { return x.receiver.ExtendTo(u, choice, n, blocks) }
		work := one(k, float64(n))
		all = append(all, Load{work, func(w *Watch) error { return w.Time(receive) }},
			Load{work, func(w *Watch) error {
				if err := receive(); err != nil {
					return err
				}
				return w.Time(func() error { return x.sender.Extend(n, u, blocks) })
			}})
		// The first load has advanced the receiver alone; what the sender gets is as long to compute, and wrong.
	}
	return all, nil
}

// ferretRun is OTs that one run makes: an eighth of an extension.
const ferretRun = 1 << 18

func ferretLoads(k cost.Kernel) ([]Load, error) {
	set, delta := cost.FerretSets()[2], block()
	delta.Lo |= 1
	n, seed := int(set.Base()), prg.NewSeed()
	keys, choice := randomBlocks(n), make([]uint64, ring.BitWords(n))
	prg.Draw(choice)
	if tail := n % 64; tail != 0 {
		choice[len(choice)-1] &= 1<<tail - 1
	}
	theirs := make([]prg.Block, n)
	for i := range theirs {
		theirs[i] = keys[i].Xor(delta.MaskIf(choice[i/64] >> (i % 64) & 1))
	}
	sender, err := ot.NewFerretSender(set, seed, delta, keys, rand.Reader)
	if err != nil {
		return nil, err
	}
	receiver, err := ot.NewFerretReceiver(set, seed, choice, theirs)
	if err != nil {
		return nil, err
	}
	blocks, drawn := make([]prg.Block, ferretRun), make([]uint64, ferretRun/64)
	return []Load{{one(k, ferretRun), func(w *Watch) error {
		var msg []byte
		send := func() error { msg = sender.Extend(blocks); return nil }
		if k == cost.FerretSend {
			return w.Time(send)
		}
		if err := send(); err != nil {
			return err
		}
		return w.Time(func() error {
			if err := receiver.Draw(drawn, ferretRun); err != nil {
				return err
			}
			return receiver.Extend(msg, blocks)
		})
	}}}, nil
}

func hashLoads(Budget) (all []Load, err error) {
	h, delta := prg.NewHash(block()), block()
	for _, n := range chunkOTs {
		x, p0, p1 := randomBlocks(n), make([]uint32, n), make([]uint32, n)
		all = append(all, Load{one(cost.Hash, float64(2*n)), func(w *Watch) error {
			return w.Time(func() error { return ot.SenderPads(h, delta, x, prg.COTPad.First(), 1, p0, p1) })
		}}, Load{one(cost.Hash, float64(n)), func(w *Watch) error {
			return w.Time(func() error { return ot.ReceiverPads(h, x, prg.COTPad.First(), 1, p0) })
		}})
	}
	return all, nil
}
