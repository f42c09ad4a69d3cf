package material

// Correlated randomness from a dealer that only corrects: commodity-based cryptography (D. Beaver, STOC 1997) for the
// triples of Beaver, CRYPTO 1991, over matrices, with all that is uniform expanded from seeds, as in Chameleon (Riazi,
// Weinert, Tkachenko, Songhori, Schneider, Koushanfar, ASIACCS 2018). Semi-honest, the dealer colluding with nobody.
//
//	m, a    a mask, or a movement of masks          W, Wi  the server's weights, or party i's share of them
//	L       the linear map of a product             B, Bi  a fresh mask of the weights, from the holder's seed
//	F       W - B, the opened weights               C0     the client's share of L(m, B), from its seed
//
//	Client                               Dealer                               Server
//	1. session, party ----------------------->   <---------------------------- session, party
//	for each run of the session, over the same connections:
//	2. pair, more --------------------------->   <------------------------------- pair, more
//	3. <------------------------- seed0 random    seed1 random -------------------------->
//	4. ready --------------------------------->   <--------------------------------- ready
//	5. comparison keys, to both: see keys.go. Then
//	             product  C1 = L(m, B) - C0, B = B1 or B0 + B1
//	             cross    c1 = m*b - c0
//	             square   s1 = a*a - s0
//	             bilinear C1 = f(a, b) - C0       ---- each in manifest order ---->
//	6. <-------------------------------- F1 = W1 - B1 of each product -----------------------
//	   -------------------------------- F0 = W0 - B0, outsourced alone --------------------->
//	7. client-server: u0 = L(m, F) + C0                                       u1 = C1
//	   outsourced:    ui = L(ai, F) + Ci on either side, F = F0 + F1
//
// The seeds of a run are its own, and all else is expanded from them or computed of that: runs have nothing in common but the connections. A party
// may ask for the next run when it has the material of this one, and says every few seconds until it does that it is there (hello.go).
//
// Correct because L is linear in either argument: L(m, F) + L(m, B) = L(m, W). What is opened is uniform, B being fresh
// for every product of every session; what the server gets is uniform by C0, c0, s0.
//
// Cost: the dealer sends each party 16 bytes and the server N*l/8 bytes for each product, cross, square and bilinear (N its
// elements); the server opens WLen*l/8 bytes for each product, and so does the client in the outsourced deployment. Step
// 6 depends on no message between the parties: it rides in their first.

import (
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/vm"
)

// corrector computes the dealer's step 5, one item at a time.
type corrector[W ring.Word] struct {
	m              *program.Manifest
	client, server tape[W]
	masks          *masks[W]
	y, b, t        []W // buffers: the correction, the other factor, a draw to be added or taken off
}

// correct hands emit every correction in manifest order; v is valid during the call alone.
func correct[W ring.Word](m *program.Manifest, seeds *[2]prg.Seed, emit func(item int, v []W) error) error {
	start := layOut[W](m.Items)
	c := &corrector[W]{
		m:      m,
		client: tape[W]{&seeds[cost.Client], m.Items, start},
		server: tape[W]{&seeds[cost.Server], m.Items, start},
	}
	c.masks = newMasks(m.Items, corrected, c.mask)
	defer c.wipe()
	for i, it := range m.Items {
		if err := c.item(i); err != nil {
			return fmt.Errorf("material: %s: %w", describe(m, i), err)
		}
		if !corrected(it) {
			continue
		}
		if err := emit(i, c.y[:it.N]); err != nil {
			return fmt.Errorf("material: %s: %w", describe(m, i), err)
		}
	}
	return nil
}

// item computes an item's correction into y.
func (c *corrector[W]) item(i int) error {
	switch c.m.Items[i].Kind {
	case program.Moved:
		return c.masks.move(i)
	case program.Product:
		return c.product(i)
	case program.Cross:
		c.cross(i)
	case program.Square:
		c.square(i)
	case program.Bilinear:
		return c.bilinear(i)
	}
	return nil
}

// product: C1 = L(m, B) - C0.
func (c *corrector[W]) product(i int) error {
	it := c.m.Items[i]
	y, b := resize(&c.y, it.N), resize(&c.b, it.WLen)
	c.server.first(i, b)
	if c.m.Deploy == cost.Outsourced {
		c.plus(i, b)
	}
	err := vm.Product(it.Op, it.Ints, y, c.masks.get(it.Args[0]), b)
	c.masks.done(it.Args[0])
	c0 := resize(&c.t, it.N)
	c.client.second(i, c0)
	ring.Sub(y, y, c0)
	return err
}

// cross: c1 = m*b - c0.
func (c *corrector[W]) cross(i int) {
	it := c.m.Items[i]
	y := resize(&c.y, it.N)
	c.server.first(i, y)
	ring.Mul(y, y, c.masks.get(it.Args[0]))
	c.masks.done(it.Args[0])
	c.minus(i, y)
}

// square: s1 = a*a - s0.
func (c *corrector[W]) square(i int) {
	it := c.m.Items[i]
	a, y := c.masks.get(it.Args[0]), resize(&c.y, it.N)
	ring.Mul(y, a, a)
	c.masks.done(it.Args[0])
	c.minus(i, y)
}

// bilinear: C1 = f(a, b) - C0.
func (c *corrector[W]) bilinear(i int) error {
	it := c.m.Items[i]
	y := resize(&c.y, it.N)
	err := vm.Bilinear(it.Op, it.Ints, y, c.masks.get(it.Args[0]), c.masks.get(it.Args[1]))
	for _, a := range it.Args {
		c.masks.done(a)
	}
	c.minus(i, y)
	return err
}

// mask: r, or a = a0 + a1.
func (c *corrector[W]) mask(i int, dst []W) {
	if c.m.Deploy == cost.ClientServer {
		c.client.first(i, dst)
		return
	}
	c.server.first(i, dst)
	c.plus(i, dst)
}

// plus adds the client's first draw of item i to y.
func (c *corrector[W]) plus(i int, y []W) {
	t := resize(&c.t, len(y))
	c.client.first(i, t)
	ring.Add(y, y, t)
}

// minus takes the client's first draw of item i off y.
func (c *corrector[W]) minus(i int, y []W) {
	t := resize(&c.t, len(y))
	c.client.first(i, t)
	ring.Sub(y, y, t)
}

func (c *corrector[W]) wipe() {
	c.masks.wipe()
	for _, v := range [][]W{c.y, c.b, c.t} {
		ring.Wipe(v[:cap(v)])
	}
}
