package lower

// Messages. A message of the runtime becomes a Send and a Recv a slab, of as many elements at both boards. What a slab takes on the link
// is filled up to words of 64 bits, which only the last slab of a vector needs.

// messageBytes is what a slab takes on the link.
func messageBytes(bits int) int64 { return int64(ceil(bits, bitsPerWord)) * bitWordBytes }

// sending and receiving are the operations of a vector of either kind.
func sending(s Space) (send, recv Operation) {
	if s == BITS {
		return OpSendBits, OpRecvBits
	}
	return OpSendRing, OpRecvRing
}

// width is the bits of an element of a transfer.
func (c *cutter) width(t task) int {
	if len(t.Ints) > 0 {
		return t.Ints[0]
	}
	return 1
}

func (c *cutter) send(t task) pieces {
	v, width := t.in[0], c.width(t)
	op, _ := sending(c.values[v.value].Space)
	return pieces{v.len, c.message, func(lo, hi int) {
		c.sends(c.transfer(op, hi-lo, width), v, lo, hi, (hi-lo)*width)
	}}
}

func (c *cutter) recv(t task) pieces {
	v, width := t.out[0], c.width(t)
	_, op := sending(c.values[v.value].Space)
	return pieces{v.len, c.message, func(lo, hi int) {
		c.receives(c.transfer(op, hi-lo, width), v, lo, hi)
	}}
}

// transfer is a command on the link.
func (c *cutter) transfer(op Operation, n, width int) Command {
	k := c.command(op, n)
	if op == OpSendRing || op == OpRecvRing {
		k.Ints[0] = int32(width)
	}
	return k
}

// sends emits a Send of elements lo to hi-1 of a vector, which are so many bits on the link.
func (c *cutter) sends(k Command, v view, lo, hi, bits int) {
	k.Lo, k.In[0] = uint32(lo), c.address(v, lo)
	w := c.linkWork(v, lo, hi)
	n := c.emit(k, []Work{{LoadBytes: w.LoadBytes, LoadCycles: w.LoadCycles, Compute: w.Compute}}, []span{c.part(v, lo, hi)}, nil)
	(*c.units)[n].message = messageBytes(bits)
	c.sent = append(c.sent, n)
}

// receives emits the Recv of the oldest Send of the peer that has none.
func (c *cutter) receives(k Command, v view, lo, hi int) {
	k.Lo, k.Out[0] = uint32(lo), c.address(v, lo)
	w := c.linkWork(v, lo, hi)
	n := c.emit(k, []Work{{Compute: w.Compute, StoreBytes: w.LoadBytes, StoreCycles: w.LoadCycles}}, nil, []span{c.part(v, lo, hi)})
	u := &(*c.units)[n]
	u.meets, c.peer.sent = c.peer.sent[0], c.peer.sent[1:]
	u.message = (*c.units)[u.meets].message
}

// linkWork is a transfer's, as if it were sent.
func (c *cutter) linkWork(v view, lo, hi int) (w Work) {
	d, words := c.design, hi-lo
	if c.values[v.value].Space == BITS {
		words = ceil(hi-lo, bitsPerWord)
		w.LoadBytes, w.LoadCycles = move(d, words, bitWordBytes, words)
		w.Compute = d.LinkCycles(words)
		return w
	}
	w.LoadBytes, w.LoadCycles = move(d, words, d.WordBytes(), words)
	w.Compute = d.MoveCycles(words)
	return w
}
