package vm

import (
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/fss"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// Keys are a party's comparison keys by manifest item, from when the dealer sends them to when they are used: put away in
// order, read once in the same order. Putting and reading may not overlap.
type Keys struct {
	open  func(item int) (Stream, error)
	items map[int]*spool
	store *store // of its own streams
}

// NewKeys keeps keys as a machine keeps its streams.
func NewKeys() *Keys {
	s := newStore(DefaultResident)
	return &Keys{func(int) (Stream, error) { return s.stream(), nil }, map[int]*spool{}, s}
}

func (k *Keys) spool(item int) (*spool, error) {
	if s := k.items[item]; s != nil {
		return s, nil
	}
	stream, err := k.open(item)
	if err != nil {
		return nil, err
	}
	k.items[item] = &spool{stream: stream}
	return k.items[item], nil
}

// Put puts away the next n blocks of an item's keys, which fill fills: where they stay, if they stay in memory, or else in buf.
func (k *Keys) Put(item, n int, buf *[]prg.Block, fill func(blocks []prg.Block) error) error {
	s, err := k.spool(item)
	if err != nil {
		return err
	}
	if in, ok := s.stream.(*kept); ok {
		if memory := in.resident(n * prg.BlockBytes); memory != nil {
			in.append(memory, n*prg.BlockBytes)
			return fill(memory)
		}
	}
	blocks := room(buf, n)
	if err := fill(blocks); err != nil {
		return err
	}
	return s.write(blocks)
}

// Read gives the next n blocks of an item's keys, which are then gone: as they lie in memory, or else in buf. The caller wipes them.
func (k *Keys) Read(item, n int, buf *[]prg.Block) ([]prg.Block, error) {
	s, err := k.spool(item)
	if err == nil {
		if in, ok := s.stream.(*kept); ok {
			if memory := in.next(n * prg.BlockBytes); memory != nil {
				return memory, nil
			}
		}
		blocks := room(buf, n)
		if err = s.read(blocks); err == nil {
			return blocks, nil
		}
	}
	return nil, fmt.Errorf("comparison keys of item %d: %w", item, err)
}

// Close drops what is left.
func (k *Keys) Close() {
	for _, s := range k.items {
		s.close()
	}
	clear(k.items)
	if k.store != nil {
		k.store.close()
	}
}

// TakeKeys gives the machine the keys of its comparisons. Whoever made k closes it, when the machine is done.
func (m *Machine[W]) TakeKeys(k *Keys) error {
	if m.Streams == nil {
		m.keys = k
		return nil
	}
	for item, in := range m.Program.Comparisons() {
		if err := m.storeKeys(k, item, in); err != nil {
			return err
		}
	}
	return nil
}

// storeKeys moves an item's keys to the machine's streams.
func (m *Machine[W]) storeKeys(k *Keys, item int, in program.Instr) error {
	var buf []prg.Block
	defer func() { ring.Wipe(buf[:cap(buf)]) }()
	return m.eachRecord(k, in, func(r record) error {
		return m.keys.Put(item, len(r.blocks), &buf, func(blocks []prg.Block) error { copy(blocks, r.blocks); return nil })
	})
}

// KeyRecord is the blocks in which the keys of n comparisons of one batch are put away: the key, and behind that of
// rectifications the selections. Kind and ints are the item's.
func KeyRecord[W ring.Word](kind program.ItemKind, ints []int, n int) int {
	size := fss.KeyBlocks(n, program.KeyWidth(kind, ints, ring.Width[W]()))
	if kind == program.Rectify {
		size += fss.SelectionBlocks[W](n)
	}
	return size
}

// PackWords fills blocks with words, and zeros after them.
func PackWords[W ring.Word](blocks []prg.Block, words []W) {
	raw := make([]byte, len(blocks)*prg.BlockBytes)
	defer ring.Wipe(raw)
	copy(raw, ring.Bytes(words))
	prg.Load(blocks, raw)
}

// record is the keys of comparisons lo to hi-1 of an item.
type record struct {
	lo, hi int
	blocks []prg.Block
}

// eachRecord visits the records that an instruction takes, in order: the next is read while f works on one, which is wiped
// afterwards.
func (m *Machine[W]) eachRecord(from *Keys, in program.Instr, f func(record) error) (err error) {
	read, stop, ended := make(chan record), make(chan struct{}), make(chan error, 1)
	var buffers [2][]prg.Block
	go func() { ended <- m.readRecords(from, in, &buffers, read, stop) }()
	defer func() {
		close(stop)
		if failed := <-ended; err == nil {
			err = failed
		}
		for _, b := range buffers {
			ring.Wipe(b[:cap(b)])
		}
	}()
	for r := range read {
		err := f(r)
		ring.Wipe(r.blocks)
		if err != nil {
			return err
		}
	}
	return nil
}

// readRecords reads records into the buffers in turn, until stop is closed.
func (m *Machine[W]) readRecords(from *Keys, in program.Instr, buffers *[2][]prg.Block, read chan<- record, stop <-chan struct{}) error {
	defer close(read)
	kind := program.Compare
	if in.Op == program.FSSRectify {
		kind = program.Rectify
	}
	turn := 0
	return chunks(in.In[0].Len, fss.Batch, func(lo, hi int) error {
		turn++
		blocks, err := from.Read(in.Ints[0], KeyRecord[W](kind, in.Ints[1:], hi-lo), &buffers[turn%len(buffers)])
		if err != nil {
			return err
		}
		select {
		case read <- record{lo, hi, blocks}:
			return nil
		case <-stop:
			ring.Wipe(blocks)
			return errStopped
		}
	})
}

// fssSign evaluates the keys of an item at the opened values.
func (m *Machine[W]) fssSign(in program.Instr) error {
	d, y, width := m.b(in.Out[0]), m.r(in.In[0]), in.Ints[1]
	return m.eachRecord(m.keys, in, func(r record) error {
		fss.Sign(d.Slice(r.lo, r.hi), fss.NewKey(r.blocks, r.hi-r.lo, width, m.Program.Party), y[r.lo:r.hi])
		return nil
	})
}

// fssRectify is the local step of rectifications after the opening.
func (m *Machine[W]) fssRectify(in program.Instr) error {
	e, p, q, y := m.b(in.Out[0]), m.r(in.Out[1]), m.r(in.Out[2]), m.r(in.In[0])
	c := fss.Rectifier{Width: in.Ints[1], Drop: in.Ints[2]}
	words := make([]W, cost.Selections*min(len(y), fss.Batch))
	defer ring.Wipe(words)
	return m.eachRecord(m.keys, in, func(r record) error {
		lo, hi, n := r.lo, r.hi, r.hi-r.lo
		width := c.KeyWidth(ring.Width[W]())
		key, rest := r.blocks[:fss.KeyBlocks(n, width)], r.blocks[fss.KeyBlocks(n, width):]
		selection := fss.Selection[W](words[:cost.Selections*n])
		copy(ring.Bytes(selection), prg.Bytes(rest))
		fss.Rectify(e.Slice(lo, hi), p[lo:hi], q[lo:hi], c, fss.NewKey(key, n, width, m.Program.Party), selection, y[lo:hi])
		return nil
	})
}
