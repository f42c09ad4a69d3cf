package material

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/wire"
)

// Deal is what a dealer is told of a pair of programs: neither weights nor instructions. It is the content of the
// dealer's bundle.
type Deal struct {
	Pair     program.Hash      `cbor:"1,keyasint"`
	Manifest *program.Manifest `cbor:"2,keyasint"`
}

// Tuning is a dealer's local settings.
type Tuning struct {
	// Patience is how long the dealer waits for each single thing: a party's hello, its partner, the answer to a
	// seed, progress in what is sent. Zero means DefaultPatience.
	Patience time.Duration
	// Silence is how long a party may say nothing between two runs of a session. The next request comes when the parties have come so far, however
	// long that takes; until then a party says every few seconds that it is there. Zero means DefaultSilence.
	Silence time.Duration
	// Sessions bounds the sessions that wait or are served at a time; zero means DefaultSessions.
	Sessions int
	// Log takes one line a session; nil drops them.
	Log *slog.Logger
}

// Defaults of Tuning. The patience is half of wire.DefaultTimeout: a party is told why before it gives up.
const (
	DefaultPatience = wire.DefaultTimeout / 2
	DefaultSilence  = wire.DefaultTimeout
	DefaultSessions = 64
)

// Dealer serves material to the sessions of some pairs of programs.
type Dealer struct {
	deals  map[program.Hash]*program.Manifest
	tuning Tuning
	draw   func() prg.Seed

	mu      sync.Mutex
	waiting map[Session]*guest
	ended   [2]map[Session]error // why a session's id is not accepted any more: of the latest that ended, and of those before them
	serving int
}

// remembered is how many sessions that are over the dealer knows at least; twice as many at most. Who comes late is told why, and no id is served again while
// anybody may still have it. Nothing else depends on it: seeds are drawn for each run, whatever the id.
const remembered = 1 << 15

// NewDealer checks the deals, one or more.
func NewDealer(deals []Deal, t Tuning) (*Dealer, error) {
	if len(deals) == 0 {
		return nil, fmt.Errorf("material: no deal to serve")
	}
	d := &Dealer{deals: map[program.Hash]*program.Manifest{}, draw: prg.NewSeed, waiting: map[Session]*guest{}, ended: [2]map[Session]error{{}, {}}}
	for _, deal := range deals {
		if deal.Manifest == nil {
			return nil, fmt.Errorf("material: a deal without a manifest")
		}
		if err := check(deal.Manifest); err != nil {
			return nil, err
		}
		d.deals[deal.Pair] = deal.Manifest
	}
	if t.Patience < 0 || t.Silence < 0 || t.Sessions < 0 {
		return nil, fmt.Errorf("material: patience %v, silence %v and %d sessions: none may be negative", t.Patience, t.Silence, t.Sessions)
	}
	t.Patience, t.Silence, t.Sessions = cmp.Or(t.Patience, DefaultPatience), cmp.Or(t.Silence, DefaultSilence), cmp.Or(t.Sessions, DefaultSessions)
	if t.Log == nil {
		t.Log = slog.New(slog.DiscardHandler)
	}
	d.tuning = t
	return d, nil
}

// refusal is an error that comes again however often a party tries.
type refusal struct{ error }

// Is makes it a wire.ErrRefused.
func (refusal) Is(target error) bool { return target == wire.ErrRefused }

// manifest is that of a pair of programs.
func (d *Dealer) manifest(p cost.Party, pair program.Hash) (*program.Manifest, error) {
	if m := d.deals[pair]; m != nil {
		return m, nil
	}
	var own []string
	for h := range d.deals {
		own = append(own, h.Short())
	}
	slices.Sort(own)
	return nil, refusal{fmt.Errorf("the %s runs the program %s, this dealer deals for %s: compile again, and give all three what it made",
		p, pair.Short(), strings.Join(own, ", "))}
}

// Serve deals to the parties that come in, several sessions at a time, until ctx ends, which is no error: sessions
// under way are then aborted. The listener stays open. An error is one of accepting.
func (d *Dealer) Serve(ctx context.Context, l *Listener) error {
	ctx, stop := context.WithCancel(ctx)
	var guests sync.WaitGroup
	defer guests.Wait()
	defer stop()
	for {
		nc, err := l.sockets.AcceptSocket(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("dealer: %w", err)
		}
		guests.Go(func() { d.welcome(ctx, l, nc) })
	}
}

// welcome serves one connection to its end.
func (d *Dealer) welcome(ctx context.Context, l *Listener, nc net.Conn) {
	conn, party, err := l.greet(ctx, nc)
	if err != nil {
		d.tuning.Log.Warn("dealer: no handshake", "error", err)
		return
	}
	defer conn.Close()
	g := newGuest(conn, party)
	defer close(g.over)
	release := context.AfterFunc(ctx, func() { g.tell(errors.New("the dealer is shutting down")) })
	defer release()
	if err := g.introduce(d.tuning.Patience); err != nil {
		d.dismiss(g, err)
		return
	}
	d.host(g)
}

// host finds the guest's partner. Whoever comes second has the session served; the first waits for that.
func (d *Dealer) host(g *guest) {
	partner, err := d.meet(g)
	switch {
	case err != nil:
		d.dismiss(g, err)
	case partner != nil:
		d.serve(g, partner)
	default:
		if err := d.await(g); err != nil {
			d.dismiss(g, err)
		}
	}
}

// dismiss tells a guest without a session why, and logs it.
func (d *Dealer) dismiss(g *guest, why error) {
	d.tuning.Log.Warn("dealer: refused", "session", g.hello.session, "party", g.party, "error", why)
	g.tell(why)
}

// meet gives the partner if it is waiting, and otherwise makes g wait.
func (d *Dealer) meet(g *guest) (partner *guest, err error) {
	id := g.hello.session
	d.mu.Lock()
	defer d.mu.Unlock()
	partner = d.waiting[id]
	_, unknown := d.manifest(g.party, g.request.Pair)
	switch why := d.over(id); {
	case why != nil:
		return nil, fmt.Errorf("session %v is over: %w: start a new one", id, why)
	case partner != nil && partner.party == g.party:
		return nil, fmt.Errorf("session %v: the %s is here already", id, g.party)
	case unknown != nil:
		return nil, d.burn(id, unknown)
	case partner != nil:
		delete(d.waiting, id)
		d.end(id, errDealt)
		d.serving++
		return partner, nil
	case len(d.waiting)+d.serving >= d.tuning.Sessions:
		return nil, d.burn(id, fmt.Errorf("the dealer has %d sessions, which is its limit: try again", d.tuning.Sessions))
	}
	d.waiting[id] = g
	return nil, nil
}

var errDealt = errors.New("its material was dealt")

// over gives why a session's id is not accepted any more, if that is so. d.mu is held, as for end.
func (d *Dealer) over(id Session) error {
	for _, some := range d.ended {
		if why := some[id]; why != nil {
			return why
		}
	}
	return nil
}

// end has a session's id not be accepted any more. The oldest are forgotten.
func (d *Dealer) end(id Session, why error) {
	if len(d.ended[0]) == remembered {
		d.ended[0], d.ended[1] = map[Session]error{}, d.ended[0]
	}
	d.ended[0][id] = why
}

// burn ends a session that was not served, tells the guest who waits in it, and gives why back. d.mu is held.
func (d *Dealer) burn(id Session, why error) error {
	d.end(id, why)
	if g := d.waiting[id]; g != nil {
		delete(d.waiting, id)
		g.outcome <- why
	}
	return why
}

// await waits with the first guest until its session is over. An error is one that keeps the session from being served.
func (d *Dealer) await(g *guest) error {
	patience := time.NewTimer(d.tuning.Patience)
	defer patience.Stop()
	var why error
	select {
	case err := <-g.outcome:
		return err
	case err := <-g.answer:
		select {
		case g.answer <- err: // serve wants to know, if it has g by now
		default: // it said more meanwhile
		}
		why = g.left(err)
	case <-patience.C:
		why = fmt.Errorf("the %s did not come within %v", g.party.Other(), d.tuning.Patience)
	}
	if d.leave(g, why) {
		return why
	}
	return <-g.outcome
}

// leave burns g's session, unless its partner has come in the meantime.
func (d *Dealer) leave(g *guest, why error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waiting[g.hello.session] != g {
		return false
	}
	delete(d.waiting, g.hello.session)
	_ = d.burn(g.hello.session, why) // nobody waits there now; why is told by the caller
	return true
}

// serve deals to both parties and logs the session.
func (d *Dealer) serve(g, partner *guest) {
	begun := time.Now()
	t := &table{dealer: d}
	t.guests[g.party], t.guests[partner.party] = g, partner
	err := t.run()
	d.clear()
	partner.outcome <- nil
	attrs := []any{"session", g.hello.session, "runs", t.runs, "bytes", t.bytes, "took", time.Since(begun).Round(time.Millisecond)}
	if err != nil {
		d.tuning.Log.Warn("dealer: session failed", append(attrs, "error", err)...)
		return
	}
	d.tuning.Log.Info("dealer: session served", attrs...)
}

// clear makes room for another session.
func (d *Dealer) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.serving--
}

// guest is one party's connection.
type guest struct {
	conn    *wire.Conn
	party   cost.Party // by its certificate
	hello   hello
	request Request       // for the run that is served
	answer  chan error    // the answer to the seed, or that the party is gone
	here    chan struct{} // it said that it is there
	next    chan asked    // its next request, or that it is gone
	outcome chan error    // to the first of a pair: the session is over
	turn    chan struct{}
	over    chan struct{} // closed when nobody asks what it says any more
}

// asked is what came of waiting for a request.
type asked struct {
	Request
	err error
}

func newGuest(conn *wire.Conn, party cost.Party) *guest {
	return &guest{conn: conn, party: party, answer: make(chan error, 1), here: make(chan struct{}, 1), next: make(chan asked, 1), outcome: make(chan error, 1),
		turn: make(chan struct{}, 1), over: make(chan struct{})}
}

// Write sends part of the open message, a frame at a time: tell takes its turn in between.
func (g *guest) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		err := g.inTurn(func() error {
			n, err := g.conn.Write(p[done:min(done+wire.MaxFrame, len(p))])
			done += n
			return err
		})
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

func (g *guest) inTurn(f func() error) error {
	g.turn <- struct{}{}
	defer func() { <-g.turn }()
	return f()
}

// turnGrace is how long tell leaves a piece that is under way before it cuts in: a guest that takes nothing for so long
// would not be told either.
const turnGrace = time.Second

// tell gives the guest up and says why; one that is gone cannot be told.
func (g *guest) tell(why error) {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-time.After(turnGrace):
	}
	if errors.Is(why, wire.ErrRefused) {
		_ = g.conn.Refuse(why.Error())
		return
	}
	_ = g.conn.Abort(why.Error())
}

// introduce reads the hello and the first request, and starts to wait for the answer to the seed: that is how the dealer notices when a party
// that is waiting goes.
func (g *guest) introduce(patience time.Duration) error {
	hurry := time.AfterFunc(patience, func() { g.tell(fmt.Errorf("no hello within %v", patience)) })
	defer hurry.Stop()
	var b [helloBytes]byte
	if err := g.conn.ReadFull(b[:]); err != nil {
		return fmt.Errorf("the %s's hello: %w", g.party, err)
	}
	var err error
	if g.hello, err = decodeHello(b); err != nil {
		return err
	}
	if g.hello.party != g.party {
		return fmt.Errorf("a %s says it is the %s", g.party, g.hello.party)
	}
	if g.request, err = g.hear(); err != nil {
		return err
	}
	// The reads below outlast all that they wait for: the partner, the answer, the run between two requests. What has a limit has a timer.
	if err := g.conn.SetReadTimeout(longestRun); err != nil {
		return err
	}
	go g.listen(g.request.More)
	return nil
}

// longestRun is how long a connection may be silent where something else has a limit. A party's machine that is gone is found out before, by the system.
const longestRun = 30 * 24 * time.Hour

// hear reads a request, and before it that the party is there.
func (g *guest) hear() (Request, error) {
	b := [requestBytes]byte{hereByte}
	for b[0] == hereByte {
		if err := g.conn.ReadFull(b[:1]); err != nil {
			return Request{}, err
		}
		select {
		case g.here <- struct{}{}:
		default: // nobody has asked since it said so before
		}
	}
	if err := g.conn.ReadFull(b[1:]); err != nil {
		return Request{}, err
	}
	return decodeRequest(b)
}

// listen reads the answer to a seed, and the next request, until there is no more.
func (g *guest) listen(more bool) {
	for {
		err := g.agree()
		select {
		case g.answer <- err:
		case <-g.over:
			return
		}
		if err != nil || !more {
			return
		}
		r, err := g.hear()
		select {
		case g.next <- asked{r, err}:
		case <-g.over:
			return
		}
		if err != nil {
			return
		}
		more = r.More
	}
}

// agree reads the answer to a seed.
func (g *guest) agree() error {
	var b [1]byte
	if err := g.conn.ReadFull(b[:]); err != nil {
		return err
	}
	if b[0] != readyByte {
		return fmt.Errorf("answer %#x to the seed, want %#x", b[0], readyByte)
	}
	return nil
}

// left explains an answer that came before the seed.
func (g *guest) left(err error) error {
	if err == nil {
		return fmt.Errorf("the %s spoke before its turn", g.party)
	}
	return fmt.Errorf("the %s left: %w", g.party, err)
}

// table is one session being served.
type table struct {
	dealer   *Dealer
	guests   [2]*guest // by party
	manifest *program.Manifest
	seeds    [2]prg.Seed
	runs     int
	bytes    int64 // of payload sent

	once sync.Once
	err  error // the first failure
}

// run serves runs until the parties want no more.
func (t *table) run() error {
	for t.agree() && t.serve() && t.guests[cost.Client].request.More && t.await() {
	}
	return t.err
}

// agree finds the manifest that both ask for. It reports, as the others, whether the session goes on.
func (t *table) agree() bool {
	client, server := t.guests[cost.Client], t.guests[cost.Server]
	if client.request != server.request {
		t.fail(server, fmt.Errorf("it asks for %v, the client for %v", server.request, client.request))
		return false
	}
	var err error
	if t.manifest, err = t.dealer.manifest(client.party, client.request.Pair); err != nil {
		t.fail(client, err)
	}
	return err == nil
}

// await waits for both next requests: the parties come to them when they have come so far, each by itself.
func (t *table) await() bool {
	var group sync.WaitGroup
	for _, g := range t.guests {
		group.Go(func() { t.awaits(g) })
	}
	group.Wait()
	return t.err == nil
}

// awaits waits for a party's next request while the party says that it is there.
func (t *table) awaits(g *guest) {
	quiet := time.NewTimer(t.dealer.tuning.Silence)
	defer quiet.Stop()
	for {
		select {
		case a := <-g.next:
			if g.request = a.Request; a.err != nil {
				t.fail(g, fmt.Errorf("gone after %d run(s): %w", t.runs, a.err))
			}
			return
		case <-g.here:
			quiet.Reset(t.dealer.tuning.Silence)
		case <-quiet.C:
			t.fail(g, fmt.Errorf("silent for %v after %d run(s)", t.dealer.tuning.Silence, t.runs))
			return
		}
	}
}

// serve is the dealer's steps 3 to 5.
func (t *table) serve() bool {
	defer ring.Wipe(t.seeds[:])
	var group sync.WaitGroup
	for p, g := range t.guests {
		t.seeds[p] = t.dealer.draw()
		if err := t.send(g, t.seeds[p][:]); err != nil { // step 3
			t.fail(g, err)
		}
	}
	for _, g := range t.guests {
		group.Go(func() { t.hear(g) }) // step 4
	}
	if g, err := t.deal(); err != nil { // step 5
		t.fail(g, err)
	}
	group.Wait()
	t.runs++
	return t.err == nil
}

// fail ends the session: g is to blame, its partner is told.
func (t *table) fail(g *guest, err error) {
	t.once.Do(func() {
		t.err = fmt.Errorf("the %s: %w", g.party, err)
		t.guests[g.party.Other()].tell(t.err)
		g.tell(err)
	})
}

func (t *table) send(g *guest, p []byte) error {
	if err := g.conn.SetTimeout(t.dealer.tuning.Patience); err != nil {
		return err
	}
	t.bytes += int64(len(p))
	return g.inTurn(func() error { return g.conn.Send(p) })
}

// hear waits for the answer to a seed.
func (t *table) hear(g *guest) {
	late := time.NewTimer(t.dealer.tuning.Patience)
	defer late.Stop()
	select {
	case err := <-g.answer:
		if err != nil {
			t.fail(g, err)
		}
	case <-late.C:
		t.fail(g, fmt.Errorf("no answer to its seed within %v", t.dealer.tuning.Patience))
	}
}

// deal sends each party what it gets of a run as one message: the keys of comparisons to both, then the corrections to the server. On an
// error it says whose it is.
func (t *table) deal() (*guest, error) {
	if t.manifest.Ring == 32 {
		return streams[uint32](t)
	}
	return streams[uint64](t)
}

func streams[W ring.Word](t *table) (*guest, error) {
	server := t.guests[cost.Server]
	m := t.manifest
	server.conn.Begin()
	if m.HasKeys() {
		if g, err := dealBoth[W](t); err != nil {
			return g, err
		}
	}
	if err := correct(m, &t.seeds, func(_ int, v []W) error { return t.write(server, ring.Bytes(v)) }); err != nil {
		return server, err
	}
	return server, server.inTurn(server.conn.End)
}

// dealBoth sends keys to both parties at once, and selections to the server. The next batch is made meanwhile.
func dealBoth[W ring.Word](t *table) (blame *guest, err error) {
	client := t.guests[cost.Client]
	client.conn.Begin()
	l := newLocksmith[W](t.manifest, &t.seeds, t.dealer.draw)
	defer l.wipe()
	made, stop, ended := make(chan dealing[W]), make(chan struct{}), make(chan error, 1)
	go func() { ended <- l.work(made, stop) }()
	for d := range made {
		if blame, err = sendKeys(t, d); err != nil {
			close(stop)
			break
		}
	}
	if failed := <-ended; err == nil {
		blame, err = client, failed
	}
	if err == nil {
		err = client.inTurn(client.conn.End)
	}
	return blame, err
}

// sendKeys sends one batch to both parties.
func sendKeys[W ring.Word](t *table, d dealing[W]) (blame *guest, err error) {
	client, server := t.guests[cost.Client], t.guests[cost.Server]
	sent := make(chan error, 1)
	go func() {
		_, err := client.Write(prg.Bytes(d.words))
		sent <- err
	}()
	err = errors.Join(t.write(server, prg.Bytes(d.words)), t.write(server, ring.Bytes(d.selections)))
	t.bytes += int64(prg.BlockBytes * len(d.words)) // the client's, which are gone if the session goes on
	if clients := <-sent; clients != nil {
		return client, clients
	}
	return server, err
}

func (t *table) write(g *guest, p []byte) error {
	n, err := g.Write(p)
	t.bytes += int64(n)
	return err
}
