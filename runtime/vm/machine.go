// Package vm runs a party's program: level by level, messages both ways at once, then the local instructions.
package vm

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/kernel"
	"sotto/runtime/ot"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/wire"
)

// Conn is what the machine needs of a connection: see runtime/wire.
type Conn interface {
	Begin()
	Write(p []byte) (int, error)
	End() error
	ReadFull(p []byte) error
	Abort(text string) error
	SetSendTag(phase, tag int)
	SetRecvTag(phase, tag int)
}

// Batch is what is garbled under one hash key and Delta: the garbler is the sender of the label OTs, whose Delta is the
// garbling's. They are made by Ferret or, of chosen choices, by another extension.
type Batch struct {
	Hash           *prg.Hash
	Key            prg.Block      // of Hash
	Delta          prg.Block      // garbler
	Seed           prg.Seed       // of the garbler's labels
	Sender         ot.COTSender   // garbler, SoftSpoken or IKNP
	Receiver       ot.COTReceiver // evaluator, SoftSpoken or IKNP
	SilentSender   *ot.FerretSender
	SilentReceiver *ot.FerretReceiver
}

// OTs is the OT state of one session.
type OTs struct {
	Send    PadSender
	Recv    PadReceiver
	Batches []Batch
}

// Wipe forgets every Delta, the seeds of labels and the state of the extensions.
func (o *OTs) Wipe() {
	if o.Send.End != nil {
		o.Send.End.Wipe()
	}
	if o.Recv.End != nil {
		o.Recv.End.Wipe()
	}
	for i := range o.Batches {
		o.Batches[i].wipe()
	}
}

// Release leaves the extensions to whoever keeps them for another run, and forgets what is this run's alone.
func (o *OTs) Release() {
	for i := range o.Batches {
		o.Batches[i].Delta, o.Batches[i].Seed = prg.Block{}, prg.Seed{}
	}
	*o = OTs{}
}

func (b *Batch) wipe() {
	b.Delta, b.Seed = prg.Block{}, prg.Seed{}
	if b.Sender != nil {
		b.Sender.Wipe()
	}
	if b.Receiver != nil {
		b.Receiver.Wipe()
	}
	if b.SilentSender != nil {
		b.SilentSender.Wipe()
	}
	if b.SilentReceiver != nil {
		b.SilentReceiver.Wipe()
	}
}

// Machine holds one party's run of one inference.
type Machine[W ring.Word] struct {
	Program *program.Program
	Conn    Conn
	OTs     *OTs
	Weights [][]W // as Program.Weights lists them
	// InsecureTap, if set, is handed this party's share of every RING value: for verification on one machine only.
	InsecureTap func(name string, share []W) error
	// InsecureRecord, if set before the machine runs, is shown what it starts from and every result: for checks with drawn inputs on one machine only.
	InsecureRecord Recorder
	// Streams, if set, opens what keeps labels and tables of a garbled batch, and keys of comparisons, from the offline to
	// the online phase; otherwise they stay in memory, or go to a file without a name.
	Streams func(StreamName) (Stream, error)
	// Rides are what the first offline messages carry besides the program's own.
	Rides Rides

	Spent [2][]time.Duration // by phase and layer
	// Observe, if set before the machine runs, is told of each stretch of work when it has ended.
	Observe func(Span)

	ring     [][]W
	bits     []ring.Bits
	batches  []*garbled
	keys     *Keys
	store    *store
	slotsMu  sync.Mutex
	slots    map[int]Stream
	shelf    map[int]shelved[W] // by slot: what was read ahead
	own      []shelved[W]       // by buffer: its memory, while it has that of a slot
	spent    []shelved[W]       // memory of slots that was exchanged, to be wiped
	ahead    int64              // bytes that the budget grows by for the online phase
	restored bool               // the offline phase is another machine's
	phase    cost.Phase
	watch    watch
	linears  linears[W]
	relays   relays[W]
	outgoing []byte // packed elements on their way, of the sending and of the receiving half
	incoming []byte
	native   *nativeRun
	online   []streamed
	leaving  []byte // packed pieces of the message that leaves
	outgo    *outgoing
	aside    chan<- *outgoing
	part     *part[W]
	mover    kernel.Mover[W]
	moved    [][]W // by the instruction that is computed
}

// New allocates a machine's buffers. The program must have passed Verify.
func New[W ring.Word](p *program.Program, c Conn, ots *OTs, weights [][]W) (*Machine[W], error) {
	m := &Machine[W]{Program: p, Conn: c, OTs: ots, Weights: weights, store: newStore(DefaultResident), slots: map[int]Stream{},
		shelf: map[int]shelved[W]{}, own: make([]shelved[W], len(p.Buffers)), ahead: onlineRoom(p)}
	for phase := range m.Spent {
		m.Spent[phase] = make([]time.Duration, len(p.Layers))
	}
	if len(weights) != len(p.Weights) {
		return nil, fmt.Errorf("%d weights for a program of %d", len(weights), len(p.Weights))
	}
	for i, w := range p.Weights {
		if len(weights[i]) != w.Len {
			return nil, fmt.Errorf("weight %s has %d elements, the program's has %d", w.Name, len(weights[i]), w.Len)
		}
	}
	if got := len(ots.Batches); got != len(p.Extensions.Garbled) {
		return nil, fmt.Errorf("%d garbled batches for a program of %d", got, len(p.Extensions.Garbled))
	}
	if need, have := p.Memory(), memory(); have > 0 && need > have {
		return nil, fmt.Errorf("the program's buffers take %d MB, this machine has %d MB of memory", need>>20, have>>20)
	}
	m.part = &part[W]{m: m}
	m.keys = &Keys{func(item int) (Stream, error) { return m.open(StreamName{ComparisonKeys, item}) }, map[int]*spool{}, nil}
	m.batches = make([]*garbled, len(p.Extensions.Garbled))
	m.ring, m.bits = make([][]W, len(p.Buffers)), make([]ring.Bits, len(p.Buffers))
	for i, b := range p.Buffers {
		if b.Kind == program.Ring {
			m.ring[i] = make([]W, b.Len)
		} else {
			m.bits[i] = ring.NewBits(b.Len)
		}
	}
	m.packs()
	return m, nil
}

// Keep sets how many bytes of streams stay in memory, in both phases, instead of DefaultResident and DefaultOnline: before the machine
// runs.
func (m *Machine[W]) Keep(resident int64) { m.store, m.ahead = newStore(resident), 0 }

// Import takes this party's parts of the material, but for what is deferred of the items listed, in order: see ImportItem.
func (m *Machine[W]) Import(deferred []int, part func(item, part int, dst []W) error) error {
	for i, im := range m.Program.Imports {
		if _, later := slices.BinarySearch(deferred, im.Item); later && im.Part == deferredPart {
			continue
		}
		if err := m.importPart(i, part); err != nil {
			return err
		}
	}
	return nil
}

func (m *Machine[W]) importPart(i int, part func(item, part int, dst []W) error) error {
	im := m.Program.Imports[i]
	if err := part(im.Item, im.Part, m.r(im.Out)); err != nil {
		return err
	}
	if err := m.recordsImport(i); err != nil || im.Slot == 0 {
		return err
	}
	return m.spill(im.Slot, im.Out)
}

// Input gives the buffer of this party's part of the input, or nil.
func (m *Machine[W]) Input() []W { return m.tensor(m.Program.Input) }

// Output gives the buffer of this party's part of the output, or nil.
func (m *Machine[W]) Output() []W { return m.tensor(m.Program.Output) }

func (m *Machine[W]) tensor(t program.Tensor) []W {
	if t.Buf < 0 {
		return nil
	}
	return m.ring[t.Buf][:t.Len()]
}

func (m *Machine[W]) r(o program.Operand) []W { return m.ring[o.Buf][:o.Len] }

func (m *Machine[W]) b(o program.Operand) ring.Bits {
	return ring.WrapBits(m.bits[o.Buf].Words()[:ring.BitWords(o.Len)], o.Len)
}

// Progress says how many of a phase's instructions are done, and whose the last one was.
type Progress struct {
	Done, Of int
	Layer    string
}

// Run executes a phase. progress, if not nil, is called after every instruction, by one goroutine at a time.
func (m *Machine[W]) Run(phase cost.Phase, progress func(Progress)) error {
	levels := m.Program.Offline
	if phase == cost.Online {
		levels = m.Program.Online
	}
	levels = m.Rides.Board(phase, levels)
	m.phase = phase
	m.watch.begin(progress, levels)
	if err := m.recordsStart(); err != nil {
		return err
	}
	if phase == cost.Online {
		if err := m.Pack(); err != nil {
			return err
		}
		return m.runOnline()
	}
	for i, l := range levels {
		if err := m.level(i, l); err != nil {
			return err
		}
	}
	if m.Streams == nil && m.InsecureRecord == nil { // otherwise the online phase is another session's
		return errors.Join(m.touch(), m.readAhead())
	}
	return nil
}

// watch counts instructions, of the sending and the receiving half alike.
type watch struct {
	mu       sync.Mutex
	tell     func(Progress)
	done, of int
}

func (w *watch) begin(tell func(Progress), levels []program.Level) {
	w.tell, w.done, w.of = tell, 0, 0
	for _, l := range levels {
		w.of += len(l.Send) + len(l.Recv) + len(l.Compute)
	}
}

func (w *watch) passed(layer string) {
	if w.tell == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done++
	w.tell(Progress{w.done, w.of, layer})
}

// level sends and receives at once, then computes. Whichever direction fails first ends the connection, which wakes the
// other, and says why to the peer.
func (m *Machine[W]) level(number int, l program.Level) error {
	var first failure
	sent := make(chan struct{})
	if len(l.Send) > 0 {
		m.Conn.Begin()
		go func() {
			defer close(sent)
			defer m.catch(&first)
			m.fail(&first, m.sends(l.Send))
		}()
	} else {
		close(sent)
	}
	m.fail(&first, m.each(Receiving, l.Recv, m.receive))
	start := time.Now()
	<-sent
	if first.panicked != nil {
		panic(first.panicked)
	}
	if len(l.Send) > 0 {
		m.Spent[m.phase][l.Send[0].Tag] += time.Since(start)
	}
	if first.err != nil {
		return first.err
	}
	return m.computes(number, l.Compute, 0)
}

// catch keeps a panic of the sending goroutine for the caller's, who can recover it: here it would end the process. The
// connection is aborted, which wakes the receiving half.
func (m *Machine[W]) catch(f *failure) {
	if r := recover(); r != nil {
		f.mu.Lock()
		f.panicked = r
		f.mu.Unlock()
		m.Conn.Abort("internal error")
	}
}

// failure keeps the first error of two goroutines; the peer's own word on why it gave up goes before what followed from it.
type failure struct {
	mu       sync.Mutex
	err      error
	panicked any
}

func (f *failure) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil || (errors.Is(err, wire.ErrPeerAbort) && !errors.Is(f.err, wire.ErrPeerAbort)) {
		f.err = err
	}
}

func (m *Machine[W]) fail(f *failure, err error) {
	if err == nil {
		return
	}
	f.add(err)
	var step *StepError
	where := "a step"
	if errors.As(err, &step) {
		where = "layer " + step.Layer.Path
	}
	m.Conn.Abort("failed in " + where) // best effort: the connection may be what failed
}

// sends sends a message.
func (m *Machine[W]) sends(list []program.Instr) error {
	if err := m.sendAll(list, m.sendWhole); err != nil {
		return err
	}
	if err := m.Conn.End(); err != nil {
		return m.located(list[len(list)-1], err)
	}
	return nil
}

// sendAll sends parts of a message in order.
func (m *Machine[W]) sendAll(list []program.Instr, send func(program.Instr) error) error {
	for _, in := range list {
		start := time.Now()
		m.Conn.SetSendTag(int(m.phase), in.Tag)
		if err := send(in); err != nil {
			return m.located(in, err)
		}
		m.observes(Sending, in.Op, in.Tag, start, time.Now())
	}
	return nil
}

// sendWhole sends all of a part of a message.
func (m *Machine[W]) sendWhole(in program.Instr) error {
	if err := m.send(in); err != nil {
		return err
	}
	if err := m.records(in); err != nil {
		return err
	}
	m.watch.passed(m.Program.Layers[in.Tag].Path)
	return nil
}

// each runs instructions in order and books their time to their layers.
func (m *Machine[W]) each(lane Lane, list []program.Instr, run func(program.Instr) error) error {
	for _, in := range list {
		start := time.Now()
		if err := run(in); err != nil {
			return m.located(in, err)
		}
		if err := m.records(in); err != nil {
			return m.located(in, err)
		}
		m.spend(lane, in.Op, in.Tag, start)
		m.watch.passed(m.Program.Layers[in.Tag].Path)
	}
	return nil
}

// StepError says in which layer of the user's network a step failed.
type StepError struct {
	Phase cost.Phase
	Op    program.Opcode
	Layer program.Layer
	Err   error
}

func (e *StepError) Error() string {
	at := ""
	if e.Layer.Line > 0 {
		at = fmt.Sprintf("%s:%d:%d: ", e.Layer.File, e.Layer.Line, e.Layer.Col)
	}
	return fmt.Sprintf("%s%s phase, layer %s (%s): %v", at, e.Phase, e.Layer.Path, e.Op, e.Err)
}

func (e *StepError) Unwrap() error { return e.Err }

func (m *Machine[W]) located(in program.Instr, err error) error {
	return &StepError{m.phase, in.Op, m.Program.Layers[in.Tag], err}
}

// Wipe zeroes every buffer and the secrets of every batch, and drops what is spooled.
func (m *Machine[W]) Wipe() {
	for i := range m.ring {
		ring.Wipe(m.ring[i])
		ring.Wipe(m.bits[i].Words())
	}
	for _, b := range m.spent {
		b.wipe()
	}
	for _, b := range m.own {
		b.wipe()
	}
	for _, b := range m.shelf {
		b.wipe()
	}
	m.keys.Close()
	for _, s := range m.slots {
		s.Close() // wipes what it holds; an error would come too late to matter
	}
	for _, g := range m.batches {
		if g != nil {
			g.close()
		}
	}
	m.linears.wipe()
	m.mover.Wipe()
	ring.Wipe(m.outgoing)
	ring.Wipe(m.incoming)
	ring.Wipe(m.leaving)
	m.native.wipe()
	m.store.close()
	m.OTs.Wipe()
}
