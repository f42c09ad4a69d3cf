package material

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/vm"
	"sotto/runtime/wire"
)

// Weights gives a party's weights, or its share of them, by name: to be read, not changed. It may be called from two
// goroutines at once and gives the same values each time.
type Weights[W ring.Word] func(name string) ([]W, error)

// Seat is a party's place with a dealer for one session: the connection over which it asks for the material of one run after another.
type Seat struct {
	conn    *wire.Conn
	hello   hello
	last    chan struct{} // closed when nothing more comes for the run that was asked for last; nil before the first
	every   time.Duration // how often the dealer is told that this party is there, while it waits for a request
	sending sync.Mutex    // a request, the answer to the seed of the run before, or that this party is there
	waited  chan struct{} // closed when the next request is sent, or none will be; changed under sending
}

// NewSeat begins a session with a dealer. The connection is the seat's from here on. Its Timeout must be longer than the dealer's Patience, or
// the party gives up before it is told why.
func NewSeat(conn *wire.Conn, party cost.Party, session Session) *Seat {
	return &Seat{conn: conn, hello: hello{party, session}, every: hereEvery, waited: make(chan struct{})}
}

// Close ends the session with the dealer.
func (s *Seat) Close() error {
	err := s.conn.Close() // which ends a message that is stuck
	s.sending.Lock()
	defer s.sending.Unlock()
	s.moveOn()
	return err
}

// ask sends a request, the first one behind the hello.
func (s *Seat) ask(r Request) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.moveOn()
	s.waited = make(chan struct{})
	message := r.encode()
	if s.last == nil {
		message = append(s.hello.encode(), message...) // step 1
	}
	if err := s.send(message); err != nil { // step 2
		return fmt.Errorf("asking the dealer for the material of session %v: %w", s.hello.session, err)
	}
	return nil
}

// moveOn says that the dealer waits for this party no more. sending is held.
func (s *Seat) moveOn() {
	select {
	case <-s.waited:
	default:
		close(s.waited)
	}
}

// answer sends the answer to a seed.
func (s *Seat) answer() error {
	s.sending.Lock()
	defer s.sending.Unlock()
	if err := s.send([]byte{readyByte}); err != nil {
		return fmt.Errorf("answering the dealer's seed of session %v: %w", s.hello.session, err)
	}
	return nil
}

// remain tells the dealer, which has dealt all that it was asked for, that this party is there until it asks again. Meanwhile nothing is read: what is sent
// would look like life of the dealer's.
func (s *Seat) remain(waited <-chan struct{}) {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if s.here(waited) != nil {
				return // the next request fails too
			}
		case <-waited:
			return
		}
	}
}

// here says so once, unless the dealer waits no more.
func (s *Seat) here(waited <-chan struct{}) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	select {
	case <-waited:
		return nil
	default:
		return s.send([]byte{hereByte})
	}
}

// send sends a message. sending is held.
func (s *Seat) send(message []byte) error {
	s.conn.SetSendTag(int(cost.Offline), cost.SessionTag)
	return s.conn.Send(message)
}

// Dealt is the Source of a party served by a Dealer.
type Dealt[W ring.Word] struct {
	seat    *Seat
	conn    *wire.Conn // the seat's
	party   cost.Party
	more    bool // other runs follow in the session
	m       *program.Manifest
	weights Weights[W]
	seed    prg.Seed
	tape    tape[W]

	opening, absorbing atomic.Bool // taken by the one call each of Openings and Absorb
	closed             atomic.Bool

	mu       sync.Mutex
	products [][]W // by item: L(mask, F)
	absorbed bool
	received map[int]int64 // bytes, by layer tag

	before      <-chan struct{} // closed when the dealer has said all of the run before; nil: there is none
	waited      <-chan struct{} // the seat's, of this run's request
	seated      chan struct{}   // closed when the seed is here, or a fault is
	corrected   chan struct{}   // closed when the corrections are here, or a fault is
	corrections [][]W           // by item: C1, c1, s1; written before corrected is closed
	keys        *vm.Keys        // of items that have keys; written before corrected is closed
	ended       chan struct{}   // closed when the dealer has nothing more to say of this run
	fault       error           // what kept seed or corrections from coming, or the dealer from ending well; under mu
}

// NewDealt is the source of a session of one run: it asks over a connection of its own and waits for the seed, which comes when the peer has
// asked in the same session. Weights is called for the products that this party opens: by a client of the client-server deployment never.
func NewDealt[W ring.Word](conn *wire.Conn, party cost.Party, m *program.Manifest, pair program.Hash, session Session,
	weights Weights[W]) (*Dealt[W], error) {
	s, err := Ask(NewSeat(conn, party, session), m, Request{Pair: pair}, weights)
	if err == nil {
		err = s.Await()
	}
	if err != nil {
		_ = conn.Close() // the connection is of no more use, and err says why
		return nil, err
	}
	return s, nil
}

// Ask asks for the material of a run, which comes in the background when the peer has asked for it too, behind that of the run before. Who
// asks while a run is still under way has the material of both in memory, but for keys beyond what vm.NewKeys keeps there.
func Ask[W ring.Word](seat *Seat, m *program.Manifest, r Request, weights Weights[W]) (*Dealt[W], error) {
	s, err := newDealt(seat, m, weights)
	if err != nil {
		return nil, err
	}
	if err := seat.ask(r); err != nil {
		return nil, err
	}
	s.more, s.before, s.waited, seat.last = r.More, seat.last, seat.waited, s.ended
	go s.listen()
	return s, nil
}

func newDealt[W ring.Word](seat *Seat, m *program.Manifest, weights Weights[W]) (*Dealt[W], error) {
	if err := check(m); err != nil {
		return nil, err
	}
	party := seat.hello.party
	if party > cost.Server {
		return nil, fmt.Errorf("material: the %s gets no parts, accepted are client and server", party)
	}
	if m.Ring != ring.Width[W]() {
		return nil, fmt.Errorf("material: manifest for a ring of %d bits, words have %d", m.Ring, ring.Width[W]())
	}
	s := &Dealt[W]{
		seat: seat, conn: seat.conn, party: party, m: m, weights: weights, received: map[int]int64{},
		products: make([][]W, len(m.Items)), corrections: make([][]W, len(m.Items)),
		seated: make(chan struct{}), corrected: make(chan struct{}), ended: make(chan struct{}), keys: vm.NewKeys(),
	}
	if s.opens() && weights == nil {
		return nil, fmt.Errorf("material: the %s has no weights to open", party)
	}
	s.tape = tape[W]{&s.seed, m.Items, layOut[W](m.Items)}
	return s, nil
}

// Await waits for the seed. A dealer that is silent for the connection's Timeout is given up: as the peer has asked too, there is nothing that it
// would wait for.
func (s *Dealt[W]) Await() error {
	var late <-chan time.Time
	if s.before != nil { // the first seed has the limit of all reads
		timer := time.NewTimer(s.conn.Timeout())
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-s.seated:
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.fault
	case <-late:
		_ = s.conn.Abort("no seed came") // it may not hear it
		return fmt.Errorf("waiting for the dealer's seed of session %v: %w: none within %v", s.seat.hello.session, wire.ErrTimeout, s.conn.Timeout())
	}
}

// join runs the party's steps 3 and 4.
func (s *Dealt[W]) join() error {
	if s.before != nil {
		<-s.before
		if err := s.conn.SetReadTimeout(longestRun); err != nil {
			return err
		}
	}
	if err := s.read(cost.SessionTag, s.seed[:]); err != nil { // step 3
		return fmt.Errorf("waiting for the dealer's seed of session %v: %w", s.seat.hello.session, err)
	}
	if err := s.conn.SetReadTimeout(0); err != nil {
		return err
	}
	return s.seat.answer() // step 4
}

// read fills p with what the dealer sends for a layer.
func (s *Dealt[W]) read(tag int, p []byte) error {
	s.conn.SetRecvTag(int(cost.Offline), tag)
	if err := s.conn.ReadFull(p); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received[tag] += int64(len(p))
	return nil
}

// listen runs the receiving end of a run, and hears the dealer out if it was the last one.
func (s *Dealt[W]) listen() {
	defer close(s.ended)
	err := s.join()
	s.blame(err)
	close(s.seated)
	if err == nil {
		err = s.receive()
		s.blame(err)
	}
	close(s.corrected)
	switch {
	case err != nil:
	case s.more:
		go s.seat.remain(s.waited)
	default:
		s.blame(s.hearOut())
	}
}

// hearOut waits for the dealer to close the connection, or to say that the peer's part of the session failed.
func (s *Dealt[W]) hearOut() error {
	err := s.conn.ReadFull(make([]byte, 1))
	switch {
	case err == nil:
		return errors.New("material: the dealer sent more than was declared")
	case errors.Is(err, wire.ErrPeerAbort):
		return fmt.Errorf("material: the dealer gave up: %w", err)
	}
	return nil // the end: whatever else closes the connection now takes nothing away
}

func (s *Dealt[W]) blame(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.fault = err
	}
}

// receive reads the keys of comparisons, which both parties get, and the corrections, which a server gets.
func (s *Dealt[W]) receive() error {
	if err := s.receiveKeys(); err != nil {
		return err
	}
	if s.party != cost.Server {
		return nil
	}
	for i, it := range s.m.Items {
		if !corrected(it) {
			continue
		}
		s.corrections[i] = make([]W, it.N)
		if err := s.read(it.Tag, ring.Bytes(s.corrections[i])); err != nil {
			return fmt.Errorf("material: %s: correction from the dealer: %w", describe(s.m, i), err)
		}
	}
	return nil
}

// opens tells whether this party sends its masked weights, and absorbs whether it is sent the peer's.
func (s *Dealt[W]) opens() bool   { return s.party == cost.Server || s.m.Deploy == cost.Outsourced }
func (s *Dealt[W]) absorbs() bool { return s.party == cost.Client || s.m.Deploy == cost.Outsourced }

// Openings writes F = W - B of every product: step 6. A second call is refused: B hides one W alone.
func (s *Dealt[W]) Openings(w func(tag int, p []byte) error) error {
	if err := s.begin(&s.opening, "openings"); err != nil || !s.opens() {
		return err
	}
	var f []W
	defer func() { ring.Wipe(f[:cap(f)]) }()
	for i, it := range s.m.Items {
		if !opened(it) {
			continue
		}
		own := resize(&f, it.WLen)
		if err := s.open(i, own); err != nil {
			return fmt.Errorf("material: %s: %w", describe(s.m, i), err)
		}
		if err := w(it.Tag, ring.Bytes(own)); err != nil {
			return fmt.Errorf("material: %s: sending the masked weights: %w", describe(s.m, i), err)
		}
	}
	return nil
}

func (s *Dealt[W]) begin(once *atomic.Bool, what string) error {
	if s.closed.Load() {
		return fmt.Errorf("material: %s after close", what)
	}
	if once.Swap(true) {
		return fmt.Errorf("material: %s a second time: material is used once", what)
	}
	return s.Await() // or B would be nobody's secret
}

// open sets f to W - B, of this party's weights and mask.
func (s *Dealt[W]) open(item int, f []W) error {
	name := s.m.Items[item].Weight
	w, err := s.weights(name)
	if err != nil {
		return fmt.Errorf("weight %q: %w", name, err)
	}
	if len(w) != len(f) {
		return fmt.Errorf("weight %q has %d elements, the manifest says %d", name, len(w), len(f))
	}
	s.tape.first(item, f)
	ring.Sub(f, w, f)
	return nil
}

// Absorb reads the peer's F of every product and computes this party's L(mask, F): step 7. One product is computed while
// the next is read.
func (s *Dealt[W]) Absorb(r func(tag int, p []byte) error) error {
	if err := s.begin(&s.absorbing, "absorb"); err != nil || !s.absorbs() {
		return err
	}
	queue, failed := make(chan []W, 1), make(chan error, 1)
	go func() { failed <- s.multiply(queue) }()
	err := s.feed(queue, failed, r)
	close(queue)
	err = errors.Join(err, <-failed)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.absorbed = err == nil
	return err
}

// feed reads the peer's part of each F into the queue. It ends early when multiply has, whose error Absorb finds.
func (s *Dealt[W]) feed(queue chan<- []W, failed chan error, r func(int, []byte) error) error {
	for i, it := range s.m.Items {
		if !opened(it) {
			continue
		}
		f := make([]W, it.WLen)
		if err := r(it.Tag, ring.Bytes(f)); err != nil {
			return fmt.Errorf("material: %s: receiving the masked weights: %w", describe(s.m, i), err)
		}
		select {
		case queue <- f:
		case err := <-failed:
			failed <- err
			return nil
		}
	}
	return nil
}

// multiply walks the manifest and computes products as their F comes in; it ends without error when no more come.
func (s *Dealt[W]) multiply(queue <-chan []W) error {
	k := newMasks(s.m.Items, opened, s.tape.first)
	defer k.wipe()
	for i, it := range s.m.Items {
		var err error
		switch it.Kind {
		case program.Moved:
			err = k.move(i)
		case program.Product:
			f, ok := <-queue
			if !ok {
				return nil
			}
			err = s.product(i, k.get(it.Args[0]), f)
			k.done(it.Args[0])
		}
		if err != nil {
			return fmt.Errorf("material: %s: %w", describe(s.m, i), err)
		}
	}
	return nil
}

// product computes L(x, F) from the peer's part of F.
func (s *Dealt[W]) product(item int, x, f []W) error {
	it := s.m.Items[item]
	if s.opens() {
		own := make([]W, len(f))
		if err := s.open(item, own); err != nil {
			return err
		}
		ring.Add(f, f, own)
	}
	y := make([]W, it.N)
	if err := vm.Product(it.Op, it.Ints, y, x, f); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.products[item] = y
	return nil
}

// Replies and Finish move nothing: a dealer's material takes one message between the parties.
func (s *Dealt[W]) Replies(func(int, []byte) error) error { return nil }

// Finish is the other end of Replies.
func (s *Dealt[W]) Finish(func(int, []byte) error) error { return nil }

// Deferred lists nothing.
func (s *Dealt[W]) Deferred() []int { return nil }

// Complete fails: nothing is deferred.
func (s *Dealt[W]) Complete(item int, _ func([]byte) error) error {
	return fmt.Errorf("material: item %d is not deferred", item)
}

// Part fills dst with this party's part of an item, once all corrections are here.
func (s *Dealt[W]) Part(item, part int, dst []W) error {
	if item < 0 || item >= len(s.m.Items) {
		return fmt.Errorf("material: item %d, accepted are 0 to %d", item, len(s.m.Items)-1)
	}
	if err := s.part(item, part, dst); err != nil {
		return fmt.Errorf("material: %s: %w", describe(s.m, item), err)
	}
	return nil
}

func (s *Dealt[W]) part(item, part int, dst []W) error {
	it := s.m.Items[item]
	if it.Kind == program.Moved || !s.has(it.Kind, part) {
		return fmt.Errorf("the %s has no part %d of it", s.party, part)
	}
	if len(dst) != it.N {
		return fmt.Errorf("part of %d elements into %d", it.N, len(dst))
	}
	if err := s.settle(); err != nil {
		return err
	}
	switch {
	case it.Kind == program.Mask || it.HasKeys() || part == 1:
		s.tape.first(item, dst)
	case it.Kind == program.Product:
		return s.productPart(item, dst)
	case s.party == cost.Server:
		copy(dst, s.corrections[item])
	default:
		s.tape.first(item, dst)
	}
	return nil
}

// has tells which parts this party gets: see program.ItemKind.
func (s *Dealt[W]) has(k program.ItemKind, part int) bool {
	switch {
	case k == program.Mask:
		return part == 0 && s.absorbs()
	case k == program.Cross && s.party == cost.Server:
		return part == 0 || part == 1
	}
	return part == 0
}

// settle waits until the corrections are here, and tells of a dealer that gave up.
func (s *Dealt[W]) settle() error {
	<-s.corrected
	if s.closed.Load() {
		return errors.New("the material is closed")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

// productPart sets dst to C0 or C1, plus L(mask, F) at a party that has masks.
func (s *Dealt[W]) productPart(item int, dst []W) error {
	if s.party == cost.Server {
		copy(dst, s.corrections[item])
	} else {
		s.tape.second(item, dst)
	}
	if !s.absorbs() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.absorbed {
		return errors.New("the peer's masked weights are not absorbed yet")
	}
	ring.Add(dst, dst, s.products[item])
	return nil
}

// Received gives the payload bytes that came from the dealer so far for this run, by layer tag, the seed's under cost.SessionTag.
func (s *Dealt[W]) Received() map[int]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.received)
}

// Close wipes seed and parts. It ends the session with the dealer if no other run follows, and if the material of this one is not all here: then it
// is given up. Calls under way must have returned.
func (s *Dealt[W]) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	all := false
	select {
	case <-s.corrected:
		all = true
	default:
	}
	if !all || !s.more {
		_ = s.seat.Close() // whether the dealer hears of it changes nothing
	}
	<-s.ended
	for i := range s.m.Items {
		ring.Wipe(s.products[i])
		ring.Wipe(s.corrections[i])
	}
	s.keys.Close()
	ring.Wipe(s.seed[:])
	return nil
}
