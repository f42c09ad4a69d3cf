package material

// Elementwise products of the two-party source: Gilboa's protocol (runtime/nonlin/gilboa.go) over an OT extension of its own,
// in which the client correlates and the server chooses. Semi-honest. slotted.go has the other way.
//
//	x, b     client-server: the client's mask r, the server's random b; outsourced: a0 and a1, and of products of two masks
//	         the client's shares of both, and the server's the other way around
//	c0 + c1  shares of x*b
//
//	Client (x)                                                        Server (b)
//	set-up, message 1:  hash key, base-OT points  ---->
//	set-up, message 2:                            <----  answer; SoftSpoken's choices of all OTs, or
//	                                                     Ferret's seed and its base's, and corrections of chosen b
//	offline, message 1: Ferret's trees, v         ---->
//	c0                                                                c1
//
// With Ferret a random b is what the random choices are, and costs nothing; the masks a1 of the outsourced deployment are
// drawn before, and each bit takes a correction bit. cost.NewGilboaOT says which extension a session has. A square is
// a^2 = a0^2 + a1^2 + 2*a0*a1, a product of two masks a*b = a0*b0 + a1*b1 + a0*b1 + b0*a1.
//
// Cost: cost.GilboaOT and cost.GilboaBytes; no round that set-up and the offline program do not have, but the first of the
// program's, where it has none.

import (
	"crypto/rand"
	"errors"
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/nonlin"
	"sotto/runtime/ot"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// crossingChunk elements are multiplied at a time, 32 or 64 OTs each; a multiple of 64, so that the chunks' messages are
// together what that of all elements would be.
const crossingChunk = 1 << 13

// crosses tells whether an item is of elementwise products.
func crosses(it program.Item) bool {
	return it.Kind == program.Cross || it.Kind == program.Square || it.Kind == program.Bilinear && it.Op == program.Mul
}

// crossProducts is how many products of what one party knows with what the other does such an item takes.
func crossProducts(it program.Item) int {
	if it.Kind == program.Bilinear {
		return 2 * it.N
	}
	return it.N
}

// factors copies a party's factors of an item in each inference: its masks. Of products of two masks they are its shares of both, at the server
// the other way around, so that each meets the peer's share of the other.
func factors[W ring.Word](party cost.Party, it program.Item, args [][][]W) [][]W {
	all := vectors[W](len(args[0]), crossProducts(it))
	for i, to := range all {
		for k := range args {
			from := args[k]
			if party == cost.Server {
				from = args[len(args)-1-k]
			}
			copy(to[k*it.N:], from[i])
		}
	}
	return all
}

// settle adds to a stretch of an item's shares what a party has of it by itself. Of products of two masks those of the second half are to be
// added to the first's.
func settle[W ring.Word](it program.Item, s stretch, share, own []W) {
	switch it.Kind {
	case program.Square: // own^2 + 2*share
		for i := s.lo; i < s.hi; i++ {
			share[i] = own[i]*own[i] + 2*share[i]
		}
	case program.Bilinear:
		for i := s.lo; i < min(s.hi, it.N); i++ {
			share[i] += own[i] * own[it.N+i]
		}
	}
}

// DeferredItems lists the items of a manifest whose material takes the first message of the offline program: see Source.
func DeferredItems(s cost.Source, m *program.Manifest) []int {
	var list []int
	for i, it := range m.Items {
		if s == cost.FromHE && m.Elementwise == cost.ByGilboa && crosses(it) {
			list = append(list, i)
		}
	}
	return list
}

// crossing is what both ends of the products have.
type crossing[W ring.Word] struct {
	m      *program.Manifest
	list   []int // the items
	plan   cost.GilboaOT
	id     []byte    // of the base OTs
	hash   *prg.Hash // of the pads
	tweaks *prg.Counter
	share  [][][]W // by item and inference: c0 or c1
	handed int64   // OTs that came out of Ferret
}

// newCrossing prepares the products of a batch of inferences, or gives nil where there are none.
func newCrossing[W ring.Word](m *program.Manifest, session Session, inferences int) *crossing[W] {
	list := DeferredItems(cost.FromHE, m)
	if len(list) == 0 {
		return nil
	}
	c := &crossing[W]{m: m, list: list, id: fmt.Appendf(nil, "%s/elementwise", session[:]), tweaks: prg.NewCounter(prg.COTPad),
		share: make([][][]W, len(m.Items))}
	var ots int64
	for _, i := range list {
		n := crossProducts(m.Items[i])
		c.share[i] = vectors[W](inferences, n)
		ots += int64(inferences) * cost.GilboaOTs(int64(n), m.Ring)
	}
	c.plan = cost.NewGilboaOT(ots, m.Deploy == cost.Outsourced)
	return c
}

// vectors gives count zero vectors of n elements.
func vectors[W ring.Word](count, n int) [][]W {
	v := make([][]W, count)
	for i := range v {
		v[i] = make([]W, n)
	}
	return v
}

// stretch is a few elements of an item in one inference.
type stretch struct{ item, inference, lo, hi int }

// ots is the OTs of a stretch.
func (c *crossing[W]) ots(s stretch) int { return int(cost.GilboaOTs(int64(s.hi-s.lo), c.m.Ring)) }

// messageBytes is the size of the correlating party's message of a stretch.
func (c *crossing[W]) messageBytes(s stretch) int64 {
	return cost.GilboaBytes(int64(s.hi-s.lo), c.m.Ring)
}

// each calls f for the stretches of an item, in the order in which both ends have them.
func (c *crossing[W]) each(item int, f func(s stretch) error) error {
	for inference := range c.share[item] {
		n := crossProducts(c.m.Items[item])
		for lo := 0; lo < n; lo += crossingChunk {
			if err := f(stretch{item, inference, lo, min(lo+crossingChunk, n)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// all calls f for the stretches of all items.
func (c *crossing[W]) all(f func(s stretch) error) error {
	for _, item := range c.list {
		if err := c.each(item, f); err != nil {
			return fmt.Errorf("material: %s: %w", describe(c.m, item), err)
		}
	}
	return nil
}

// tag is the layer of a stretch.
func (c *crossing[W]) tag(s stretch) int { return c.m.Items[s.item].Tag }

// cut gives the elements of a stretch.
func cut[W ring.Word](v [][]W, s stretch) []W { return v[s.inference][s.lo:s.hi] }

// treeBytes is the size of Ferret's next message, of n OTs, which it counts as made.
func (c *crossing[W]) treeBytes(n int) int64 {
	bytes := c.plan.TreeBytes(c.handed, int64(n))
	c.handed += int64(n)
	return bytes
}

// settle is settle of a stretch, whose item has these factors.
func (c *crossing[W]) settle(s stretch, own [][]W) {
	settle(c.m.Items[s.item], s, c.share[s.item][s.inference], own[s.inference])
}

// sum gives a party's share of an item in an inference, of its share of the cross products.
func sum[W ring.Word](it program.Item, dst, share []W) {
	copy(dst, share)
	if it.Kind == program.Bilinear {
		ring.Add(dst, dst, share[it.N:])
	}
}

func (c *crossing[W]) wipe() {
	for _, item := range c.share {
		for _, v := range item {
			ring.Wipe(v)
		}
	}
}

// correlating is the client's end.
type correlating[W ring.Word] struct {
	*crossing[W]
	walk       *walk[W]      // stops at the products
	x          [][]W         // the factors of the item at hand, by inference
	opened     chan struct{} // closed when setup and hash are there
	setup      *ot.SenderSetup
	softspoken *ot.Sender
	ferret     *ot.FerretSender
	choices    [][]byte // by item: Ferret's corrections of chosen bits
	made       [][]byte // by item: messages that SoftSpoken's pads are in already
}

func newCorrelating[W ring.Word](c *crossing[W], tapes []tape[W]) *correlating[W] {
	n := len(c.m.Items)
	return &correlating[W]{crossing: c, walk: newWalk(c.m.Items, crosses, tapes), opened: make(chan struct{}), choices: make([][]byte, n), made: make([][]byte, n)}
}

// open writes the hash key and the base-OT points.
func (c *correlating[W]) open(w func(tag int, p []byte) error) error {
	key, delta := prg.NewSeed(), prg.NewSeed()
	var first []byte
	var err error
	c.setup, first, err = ot.NewSenderSetup(c.id, prg.LoadBlock(delta[:]), rand.Reader)
	if err != nil {
		return err
	}
	c.hash = prg.NewHash(prg.LoadBlock(key[:]))
	close(c.opened)
	if err := w(cost.SessionTag, key[:]); err != nil {
		return err
	}
	return w(cost.SessionTag, first)
}

// finish reads the server's answer and choices. With SoftSpoken the pads are known now, and the messages made.
func (c *correlating[W]) finish(r func(tag int, p []byte) error) error {
	_, toSender := cost.SoftSpokenSetupBytes()
	answer := make([]byte, toSender)
	if err := r(cost.SessionTag, answer); err != nil {
		return err
	}
	select {
	case <-c.opened:
	default:
		return errors.New("material: the peer answers base OTs that it was not sent")
	}
	var err error
	if c.softspoken, err = c.setup.Finish(answer); err != nil {
		return err
	}
	if c.plan.Ferret != nil {
		if err := c.startFerret(r); err != nil {
			return err
		}
	}
	return c.all(func(s stretch) error { return c.choose(s, r) })
}

func (c *correlating[W]) startFerret(r func(tag int, p []byte) error) error {
	msg := make([]byte, c.plan.SetupBytes())
	if err := r(cost.SessionTag, msg); err != nil {
		return err
	}
	k := make([]prg.Block, c.plan.Ferret.Base())
	defer ring.Wipe(k)
	if err := c.softspoken.Extend(len(k), msg[cost.SeedBytes:], k); err != nil {
		return err
	}
	var err error
	c.ferret, err = ot.NewFerretSender(*c.plan.Ferret, prg.Seed(msg[:cost.SeedBytes]), c.softspoken.Delta(), k, rand.Reader)
	return err
}

// choose takes the server's message of a stretch.
func (c *correlating[W]) choose(s stretch, r func(tag int, p []byte) error) error {
	n := c.ots(s)
	msg := make([]byte, c.plan.ChoiceBytes(int64(n)))
	if err := r(c.tag(s), msg); err != nil {
		return err
	}
	if c.ferret != nil {
		c.choices[s.item] = append(c.choices[s.item], msg...)
		return nil
	}
	k := make([]prg.Block, n)
	defer ring.Wipe(k)
	if err := c.softspoken.Extend(n, msg, k); err != nil {
		return err
	}
	v, err := c.correlate(s, k)
	c.made[s.item] = append(c.made[s.item], v...)
	return err
}

// correlate turns the OTs of a stretch into the client's share and message.
func (c *correlating[W]) correlate(s stretch, k []prg.Block) (msg []byte, err error) {
	if s.inference == 0 && s.lo == 0 {
		if err := c.factors(s.item); err != nil {
			return nil, err
		}
	}
	first, err := c.tweaks.Take(uint64(len(k)))
	if err != nil {
		return nil, err
	}
	pads := vectors[W](2, len(k))
	defer func() { ring.Wipe(pads[0]); ring.Wipe(pads[1]) }()
	if err := ot.SenderPads(c.hash, c.softspoken.Delta(), k, first, 1, pads[0], pads[1]); err != nil {
		return nil, err
	}
	msg = make([]byte, c.messageBytes(s))
	nonlin.GilboaCorrelate(msg, cut(c.share[s.item], s), cut(c.x, s), pads[0], pads[1])
	c.settle(s, c.x)
	return msg, nil
}

// factors copies the masks that an item multiplies.
func (c *correlating[W]) factors(item int) error {
	c.wipeFactors()
	return c.walk.visit(item, func(args [][][]W) error {
		c.x = factors(cost.Client, c.m.Items[item], args)
		return nil
	})
}

func (c *correlating[W]) wipeFactors() {
	for _, v := range c.x {
		ring.Wipe(v)
	}
}

// complete sends the messages of an item.
func (c *correlating[W]) complete(item int, send func(p []byte) error) error {
	if c.ferret == nil {
		err := send(c.made[item])
		c.made[item] = nil
		return err
	}
	return c.each(item, func(s stretch) error {
		n := c.ots(s)
		k := make([]prg.Block, n)
		defer ring.Wipe(k)
		if err := send(c.ferret.Extend(k)); err != nil {
			return err
		}
		if err := c.turn(s, k); err != nil {
			return err
		}
		msg, err := c.correlate(s, k)
		if err != nil {
			return err
		}
		return send(msg)
	})
}

// turn applies the corrections of chosen bits.
func (c *correlating[W]) turn(s stretch, k []prg.Block) error {
	size := c.plan.ChoiceBytes(int64(len(k)))
	if size == 0 {
		return nil
	}
	d := c.choices[s.item][:size]
	c.choices[s.item] = c.choices[s.item][size:]
	return c.ferret.Choose(d, k)
}

func (c *correlating[W]) wipe() {
	c.crossing.wipe()
	c.wipeFactors()
	c.walk.wipe()
	if c.setup != nil {
		c.setup.Wipe()
	}
	if c.softspoken != nil {
		c.softspoken.Wipe()
	}
	if c.ferret != nil {
		c.ferret.Wipe()
	}
}

// choosing is the server's end.
type choosing[W ring.Word] struct {
	*crossing[W]
	walk       *walk[W] // of the outsourced deployment, whose factors are masks
	b          [][][]W  // by item and inference: the factors
	softspoken *ot.Receiver
	answer     []byte
	ferret     *ot.FerretReceiver
}

func newChoosing[W ring.Word](c *crossing[W], tapes []tape[W]) *choosing[W] {
	out := &choosing[W]{crossing: c, b: make([][][]W, len(c.m.Items))}
	if c.m.Deploy == cost.Outsourced {
		out.walk = newWalk(c.m.Items, crosses, tapes)
	}
	return out
}

// absorb reads the hash key and the base-OT points.
func (c *choosing[W]) absorb(r func(tag int, p []byte) error) error {
	toReceiver, _ := cost.SoftSpokenSetupBytes()
	msg := make([]byte, cost.HashKeyBytes+toReceiver)
	for _, p := range [][]byte{msg[:cost.HashKeyBytes], msg[cost.HashKeyBytes:]} {
		if err := r(cost.SessionTag, p); err != nil {
			return err
		}
	}
	c.hash = prg.NewHash(prg.LoadBlock(msg))
	var err error
	c.softspoken, c.answer, err = ot.NewReceiver(c.id, msg[cost.HashKeyBytes:], rand.Reader)
	return err
}

// reply writes the answer and the choices.
func (c *choosing[W]) reply(w func(tag int, p []byte) error) error {
	if err := w(cost.SessionTag, c.answer); err != nil {
		return err
	}
	if c.plan.Ferret != nil {
		if err := c.startFerret(w); err != nil {
			return err
		}
	}
	for _, item := range c.list {
		if err := c.factors(item); err != nil {
			return err
		}
	}
	return c.all(func(s stretch) error { return c.choose(s, w) })
}

func (c *choosing[W]) startFerret(w func(tag int, p []byte) error) error {
	n := int(c.plan.Ferret.Base())
	choice, m, seed := make([]uint64, ring.BitWords(n)), make([]prg.Block, n), prg.NewSeed()
	defer ring.Wipe(m)
	defer ring.Wipe(choice)
	prg.Draw(choice)
	ring.WrapBits(choice, n)
	msg, err := c.softspoken.Extend(choice, n, m)
	if err != nil {
		return err
	}
	if c.ferret, err = ot.NewFerretReceiver(*c.plan.Ferret, seed, choice, m); err != nil {
		return err
	}
	return w(cost.SessionTag, append(seed[:], msg...))
}

// drawn tells whether the factors are what Ferret's choices are.
func (c *choosing[W]) drawn() bool { return c.ferret != nil && !c.plan.Chosen }

// factors makes room for an item's factors, and sets them but where they are drawn with the OTs: random ones, or masks.
func (c *choosing[W]) factors(item int) error {
	if c.walk != nil {
		return c.walk.visit(item, func(args [][][]W) error {
			c.b[item] = factors(cost.Server, c.m.Items[item], args)
			return nil
		})
	}
	c.b[item] = vectors[W](len(c.share[item]), c.m.Items[item].N)
	if !c.drawn() {
		for _, v := range c.b[item] {
			prg.Draw(v)
		}
	}
	return nil
}

// choose makes the choices of a stretch, and with SoftSpoken the OTs.
func (c *choosing[W]) choose(s stretch, w func(tag int, p []byte) error) error {
	n, b := c.ots(s), cut(c.b[s.item], s)
	choice := make([]uint64, n/64)
	defer ring.Wipe(choice)
	if c.drawn() {
		err := c.ferret.Draw(choice, n)
		nonlin.GilboaFactors(b, choice)
		return err
	}
	nonlin.GilboaChoices(choice, b)
	if c.ferret != nil {
		d, err := c.ferret.Choose(choice, n)
		if err != nil {
			return err
		}
		return w(c.tag(s), d)
	}
	m := make([]prg.Block, n)
	defer ring.Wipe(m)
	u, err := c.softspoken.Extend(choice, n, m)
	if err != nil {
		return err
	}
	if err := c.begin(s, m); err != nil {
		return err
	}
	return w(c.tag(s), u)
}

// begin turns the OTs of a stretch into what the server's share has without the client's message.
func (c *choosing[W]) begin(s stretch, m []prg.Block) error {
	first, err := c.tweaks.Take(uint64(len(m)))
	if err != nil {
		return err
	}
	q := make([]W, len(m))
	defer ring.Wipe(q)
	if err := ot.ReceiverPads(c.hash, m, first, 1, q); err != nil {
		return err
	}
	nonlin.GilboaChoose(cut(c.share[s.item], s), q)
	return nil
}

// complete reads the messages of an item.
func (c *choosing[W]) complete(item int, read func(p []byte) error) error {
	return c.each(item, func(s stretch) error {
		if c.ferret != nil {
			if err := c.trees(s, read); err != nil {
				return err
			}
		}
		msg := make([]byte, c.messageBytes(s))
		if err := read(msg); err != nil {
			return err
		}
		nonlin.GilboaReceive(cut(c.share[item], s), cut(c.b[item], s), msg)
		c.settle(s, c.b[item])
		return nil
	})
}

func (c *choosing[W]) trees(s stretch, read func(p []byte) error) error {
	n := c.ots(s)
	msg := make([]byte, c.treeBytes(n))
	if err := read(msg); err != nil {
		return err
	}
	m := make([]prg.Block, n)
	defer ring.Wipe(m)
	if err := c.ferret.Extend(msg, m); err != nil {
		return err
	}
	return c.begin(s, m)
}

func (c *choosing[W]) wipe() {
	c.crossing.wipe()
	for _, item := range c.b {
		for _, v := range item {
			ring.Wipe(v)
		}
	}
	if c.walk != nil {
		c.walk.wipe()
	}
	if c.softspoken != nil {
		c.softspoken.Wipe()
	}
	if c.ferret != nil {
		c.ferret.Wipe()
	}
}
