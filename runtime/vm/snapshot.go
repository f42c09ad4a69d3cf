package vm

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// A machine between the phases. After the offline phase a machine holds what the online one needs of it: buffers that the
// online program reads before it writes them, the keys of the garbled batches, and the streams of labels and tables. Save
// writes the first two, Restore reads them into a new machine; streams are kept where Machine.Streams puts them. OTs are
// all made offline, so nothing of their extensions is kept but a garbling's Delta.

// StreamKind says what a stream holds: labels or tables of a garbled batch, the keys of a manifest item's comparisons, or a slot of the program.
type StreamKind string

const (
	Labels         StreamKind = "labels"
	Tables         StreamKind = "tables"
	ComparisonKeys StreamKind = "keys"
	Slots          StreamKind = "slot"
)

// StreamName names a stream of a machine.
type StreamName struct {
	Kind  StreamKind
	Batch int // or the item, or the slot
}

func (n StreamName) String() string { return fmt.Sprintf("%s.%d", n.Kind, n.Batch) }

// ready opens a batch's stream on first use.
func (m *Machine[W]) ready(s **spool, n StreamName) (*spool, error) {
	if *s != nil {
		return *s, nil
	}
	stream, err := m.open(n)
	if err != nil {
		return nil, err
	}
	*s = &spool{stream: stream}
	return *s, nil
}

// made demands that a stream was written, by this machine or by the one it continues.
func (m *Machine[W]) made(s **spool, n StreamName) error {
	if *s == nil && !m.restored {
		return errOrder
	}
	_, err := m.ready(s, n)
	return err
}

func (m *Machine[W]) open(n StreamName) (Stream, error) {
	if m.InsecureRecord != nil {
		return m.InsecureRecord.Stream(n)
	}
	if m.Streams != nil && (m.restored || readOnline(m.Program, n)) {
		return m.Streams(n)
	}
	return m.store.stream(), nil
}

// readOnline tells whether a stream is for the online phase; others are used up in the offline phase already.
func readOnline(p *program.Program, n StreamName) bool {
	if n.Kind == ComparisonKeys {
		return true
	}
	for _, l := range p.Online {
		for _, in := range l.Recv {
			if in.Op == program.GCEvaluate && n.Kind != Slots && in.Ints[0] == n.Batch {
				return true
			}
		}
		for _, in := range slices.Concat(l.Send, l.Recv, l.Compute) {
			if in.Op == program.Fill && n.Kind == Slots && in.Ints[0] == n.Batch {
				return true
			}
		}
	}
	return false
}

// carried gives, by buffer, how many elements the online phase needs of what the offline phase left there: a buffer counts
// from its first element to the last that is read before it is written. What is written in parts counts as read, for the
// other parts.
func carried(p *program.Program) []int {
	c := &carry{need: make([]int, len(p.Buffers)), written: make([]int, len(p.Buffers))}
	for _, o := range p.Given() {
		c.writes(o)
	}
	for _, l := range p.Online {
		c.all(l.Send)
		c.all(l.Recv)
		c.all(l.Compute)
	}
	for _, o := range p.Taken() {
		c.reads(o)
	}
	return c.need
}

type carry struct{ need, written []int }

func (c *carry) reads(o program.Operand) {
	if o.Len > c.written[o.Buf] {
		c.need[o.Buf] = max(c.need[o.Buf], o.Len)
	}
}

func (c *carry) writes(o program.Operand) { c.written[o.Buf] = max(c.written[o.Buf], o.Len) }

func (c *carry) all(list []program.Instr) {
	for _, in := range list {
		for _, o := range in.In {
			c.reads(o)
		}
		for _, o := range in.Out {
			if in.WritesPart() {
				c.reads(o)
			}
			c.writes(o)
		}
	}
}

// checkCarried refuses a program whose online phase needs the state of OT extensions, which no snapshot has.
func checkCarried(p *program.Program) error {
	for _, l := range p.Online {
		for _, in := range slices.Concat(l.Send, l.Recv, l.Compute) {
			if in.Op.MakesOTs() {
				return fmt.Errorf("layer %s makes OTs in the online phase (%s): the program's material cannot be stored", p.Layers[in.Tag].Path, in.Op)
			}
		}
	}
	return nil
}

// Save writes the machine's state after its offline phase, but for the streams.
func (m *Machine[W]) Save(w io.Writer) error {
	if err := checkCarried(m.Program); err != nil {
		return err
	}
	err := m.carriedBytes(func(b []byte) error {
		_, err := w.Write(b)
		return err
	})
	if err != nil {
		return err
	}
	for i := range m.OTs.Batches {
		keys := m.OTs.Batches[i].keys(m.Program.Party)
		_, err := w.Write(keys)
		ring.Wipe(keys)
		if err != nil {
			return err
		}
	}
	return nil
}

// carriedBytes visits the memory of what the online phase needs, in the order of the buffers.
func (m *Machine[W]) carriedBytes(visit func([]byte) error) error {
	for i, n := range carried(m.Program) {
		if n == 0 {
			continue
		}
		b := ring.Bytes(m.bits[i].Words()[:min(ring.BitWords(n), len(m.bits[i].Words()))])
		if m.Program.Buffers[i].Kind == program.Ring {
			b = ring.Bytes(m.ring[i][:n])
		}
		if err := visit(b); err != nil {
			return err
		}
	}
	return nil
}

// keys of a batch: the hash's, and at the server Delta and the seed of its labels.
func (b *Batch) keys(p cost.Party) []byte {
	out := make([]byte, batchKeyBytes(p))
	b.Key.Put(out)
	if p == cost.Server {
		b.Delta.Put(out[prg.BlockBytes:])
		copy(out[2*prg.BlockBytes:], b.Seed[:])
	}
	return out
}

func batchKeyBytes(p cost.Party) int {
	if p == cost.Server {
		return 2*prg.BlockBytes + len(prg.Seed{})
	}
	return prg.BlockBytes
}

// Restore makes a machine that is past its offline phase, from what Save wrote. Streams, which it opens when a layer comes
// to them, must give what was written into those of the same names.
func Restore[W ring.Word](p *program.Program, c Conn, weights [][]W, r io.Reader, streams func(StreamName) (Stream, error)) (*Machine[W], error) {
	if err := checkCarried(p); err != nil {
		return nil, err
	}
	m, err := New(p, c, &OTs{Batches: make([]Batch, len(p.Extensions.Garbled))}, weights)
	if err != nil {
		return nil, err
	}
	m.Streams = streams
	m.restored = true
	err = m.load(r)
	if err == nil {
		err = errors.Join(m.touch(), m.readAhead())
	}
	if err != nil {
		m.Wipe()
		return nil, err
	}
	return m, nil
}

func (m *Machine[W]) load(r io.Reader) error {
	err := m.carriedBytes(func(b []byte) error {
		_, err := io.ReadFull(r, b)
		return err
	})
	if err != nil {
		return err
	}
	keys := make([]byte, batchKeyBytes(m.Program.Party))
	defer ring.Wipe(keys)
	for i := range m.OTs.Batches {
		if _, err := io.ReadFull(r, keys); err != nil {
			return err
		}
		m.OTs.Batches[i].restore(m.Program.Party, keys)
	}
	if _, err := io.ReadFull(r, keys[:1]); !errors.Is(err, io.EOF) {
		return errors.New("stored material is longer than the program's")
	}
	return nil
}

func (b *Batch) restore(p cost.Party, keys []byte) {
	b.Key = prg.LoadBlock(keys)
	b.Hash = prg.NewHash(b.Key)
	if p == cost.Server {
		b.Delta = prg.LoadBlock(keys[prg.BlockBytes:])
		copy(b.Seed[:], keys[2*prg.BlockBytes:])
	}
}
