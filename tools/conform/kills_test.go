package conform

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/runtime/store"
	"sotto/runtime/wire"
)

// Stored material and processes that are killed. Parties are processes of their own that talk in clear through a relay
// which keeps what they say; SIGKILL ends one or both at a random moment. What is made from one inference's material is
// uniform and 128 bits of it do not come up twice, so material that was used twice would be seen in what was sent.

var storeKills = flag.Int("storekills", 64, "how many sessions with stores TestKilledStores cuts at a random moment")

// childVariable holds what a child of this test binary is to do.
const childVariable = "SOTTO_CONFORM_PARTY"

func TestMain(m *testing.M) {
	if job := os.Getenv(childVariable); job != "" {
		if err := runChild(job); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// childJob is what a child does: one session.
type childJob struct {
	Party                cost.Party
	Bundle, Store        string
	Pair                 string
	Source               cost.Source
	Keys, Dealer, Server string // the server's address, at the client
	Mode                 party.Mode
	Hold                 int
	Input                []float32
}

func runChild(text string) error {
	var j childJob
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	b, err := party.OpenBundle(j.Bundle)
	if err != nil {
		return err
	}
	s, err := store.Open(j.Store, store.Binding{Party: j.Party.String(), Pair: j.Pair, Peer: "the other"})
	if err != nil {
		return err
	}
	conn, err := j.connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	o := party.Options{Bundle: b, Conn: conn, Source: j.Source, Dealer: j.dealer, Modes: j.Mode, Store: s, Hold: j.Hold, Input: party.Input{Clear: j.Input}}
	res, err := party.Run(context.Background(), o)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(res.Clear)
}

// connect gives a connection without TLS: the client's to the server, the server's to the first that comes.
func (j *childJob) connect() (*wire.Conn, error) {
	o := wire.Options{Timeout: 5 * time.Second}
	if j.Party == cost.Client {
		c, err := net.Dial("tcp", j.Server)
		if err != nil {
			return nil, err
		}
		return wire.New(c, o)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	fmt.Println(l.Addr())
	c, err := l.Accept()
	if err != nil {
		return nil, err
	}
	return wire.New(c, o)
}

func (j *childJob) dealer(ctx context.Context) (*wire.Conn, error) {
	role := map[cost.Party]wire.Role{cost.Client: wire.Client, cost.Server: wire.Server}[j.Party]
	id, err := wire.LoadIdentity(j.Keys, role)
	if err != nil {
		return nil, err
	}
	cert, err := wire.LoadCertificate(wire.CertPath(j.Keys, wire.Dealer), wire.Dealer)
	if err != nil {
		return nil, err
	}
	config, err := wire.TLSConfig(id, wire.Dealer, cert)
	if err != nil {
		return nil, err
	}
	return wire.Dial(ctx, j.Dealer, config, wire.Options{})
}

// lane is a pair of stores whose sessions come one after the other.
type lane struct {
	t      testing.TB
	net    *Net
	keys   string
	dealer string
	source cost.Source
	dir    string
	input  []float32
	seen   map[[16]byte]int // blocks sent online, by session
	count  int              // sessions so far
}

// cut says who is killed and when.
type cut struct {
	victims []cost.Party
	after   time.Duration
}

// outcome of one session.
type outcome struct {
	output   []float64
	errs     [2]error
	repeated int // blocks that an earlier session had sent
}

// play runs one session between two processes; c, if not nil, cuts it.
func (l *lane) play(mode party.Mode, hold int, c *cut) outcome {
	l.t.Helper()
	server, serverOut := l.start(childJob{Party: cost.Server, Mode: party.Prepare | party.Stored})
	addr, err := bufio.NewReader(serverOut).ReadString('\n')
	if err != nil {
		l.t.Fatalf("the server does not listen: %v %s", err, server.Stderr)
	}
	relay := newTap(l.t, strings.TrimSpace(addr))
	client, clientOut := l.start(childJob{Party: cost.Client, Mode: mode, Hold: hold, Server: relay.addr, Input: l.input})
	procs := [2]*exec.Cmd{cost.Client: client, cost.Server: server}
	if c != nil {
		kill := time.AfterFunc(c.after, func() {
			for _, v := range c.victims {
				procs[v].Process.Kill()
			}
		})
		defer kill.Stop()
	}
	var out outcome
	text, _ := io.ReadAll(clientOut) // ends with the process
	relay.close()
	io.Copy(io.Discard, serverOut)
	for p, cmd := range procs {
		err := cmd.Wait()
		if text := fmt.Sprint(cmd.Stderr); strings.Contains(text, "goroutine ") {
			l.t.Errorf("%s: %s", cost.Party(p), text)
		}
		if err != nil {
			out.errs[p] = fmt.Errorf("%w: %s", err, cmd.Stderr)
		}
	}
	if err := json.Unmarshal(text, &out.output); err != nil && out.errs[cost.Client] == nil {
		l.t.Errorf("the client printed %q", text)
	}
	if mode == party.Stored {
		out.repeated = l.compare(relay)
	}
	return out
}

// start runs a child.
func (l *lane) start(j childJob) (*exec.Cmd, io.Reader) {
	l.t.Helper()
	j.Bundle, j.Store, j.Pair = l.net.bundle(j.Party), filepath.Join(l.dir, j.Party.String()), l.net.Pair.Client.Pair.String()
	j.Keys, j.Dealer, j.Source = l.keys, l.dealer, l.source
	text, err := json.Marshal(j)
	if err != nil {
		l.t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		l.t.Fatal(err)
	}
	cmd := exec.CommandContext(l.t.Context(), self)
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	cmd.Stderr = new(bytes.Buffer)
	out, err := cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	return cmd, out
}

// compare looks in what was said online for blocks that an earlier session sent, and remembers these.
func (l *lane) compare(r *tap) (repeated int) {
	l.count++
	for _, said := range r.said {
		for _, message := range messages(said.Bytes())[1:] { // after the hello
			if len(message) == 8 { // agreeing on a number
				continue
			}
			for ; len(message) >= 16; message = message[16:] {
				b := [16]byte(message)
				if at, ok := l.seen[b]; ok && at != l.count {
					repeated++
				}
				l.seen[b] = l.count
			}
		}
	}
	return repeated
}

// moreFrames is the kind of a frame whose message goes on: runtime/wire/frame.go.
const moreFrames = 1

// messages takes the payloads of whole and cut messages out of a stream of frames; the first is there even if empty.
func messages(b []byte) (out [][]byte) {
	out = [][]byte{nil}
	for len(b) > wire.HeaderBytes {
		length, more := int(binary.LittleEndian.Uint32(b)), b[4] == moreFrames
		b = b[wire.HeaderBytes:]
		n := min(length, len(b))
		out[len(out)-1] = append(out[len(out)-1], b[:n]...)
		b = b[n:]
		if !more {
			out = append(out, nil)
		}
	}
	return out
}

// tap passes bytes on between a client and a server and keeps them.
type tap struct {
	addr string
	said [2]*bytes.Buffer // by the party that said it
	l    net.Listener
	done sync.WaitGroup
}

func newTap(t testing.TB, to string) *tap {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &tap{addr: l.Addr().String(), l: l, said: [2]*bytes.Buffer{{}, {}}}
	r.done.Go(func() {
		client, refused := l.Accept()
		server, err := net.Dial("tcp", to)
		if err == nil {
			defer server.Close()
		}
		if refused == nil {
			defer client.Close()
		}
		if errors.Join(err, refused) != nil { // a server whose client never came has to know
			return
		}
		var both sync.WaitGroup
		pass := func(to, from net.Conn, keep io.Writer) {
			io.Copy(io.MultiWriter(to, keep), from)
			to.Close()
			from.Close()
		}
		both.Go(func() { pass(server, client, r.said[cost.Client]) })
		both.Go(func() { pass(client, server, r.said[cost.Server]) })
		both.Wait()
	})
	return r
}

func (r *tap) close() {
	r.l.Close()
	r.done.Wait()
}

// newLane prepares a directory for a pair of stores.
func newLane(t testing.TB, n *Net, d *dealer, keys string, from cost.Source) *lane {
	return &lane{t: t, net: n, keys: keys, dealer: d.addr, source: from, dir: t.TempDir(), input: image(5, 64), seen: map[[16]byte]int{}}
}

// whole runs a session that nobody disturbs.
func (l *lane) whole(mode party.Mode, hold int) outcome {
	l.t.Helper()
	o := l.play(mode, hold, nil)
	if err := errors.Join(o.errs[:]...); err != nil {
		l.t.Fatalf("%v: %v", mode, err)
	}
	if o.repeated > 0 {
		l.t.Fatalf("%d blocks were sent before", o.repeated)
	}
	return o
}

const killedNet = "net tiny {\n input image: f32[1, 8, 8] from client\n" +
	" output y = conv(image, 4, kernel = 3) |> relu |> maxpool(2) |> x2act |> flatten |> linear(3) to client\n}\n"

// TestKilledStores cuts sessions that prepare and sessions that use what was prepared, at either party or both, and demands
// that nothing is ever used twice, that whoever is left says why, and that later sessions work and are right.
func TestKilledStores(t *testing.T) {
	n := compileExample(t, "tiny", killedNet, cost.ClientServer, 32)
	d, err := newDealer(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	defer d.stop()
	keys, err := filepath.Glob(filepath.Join(n.Dir, "keys*"))
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	sources := []cost.Source{cost.FromDealer, cost.FromHE, cost.FromDealer, cost.FromHE}
	t.Run("lanes", func(t *testing.T) {
		for i, from := range sources {
			t.Run(fmt.Sprintf("%d-%s", i, from), func(t *testing.T) {
				t.Parallel()
				newLane(t, n, d, keys[0], from).disturb(*storeKills / len(sources))
			})
		}
	})
}

// disturb cuts so many sessions.
func (l *lane) disturb(kills int) {
	l.t.Helper()
	took := map[party.Mode]time.Duration{}
	want := l.first(took)
	for i := range kills {
		mode := []party.Mode{party.Prepare, party.Stored}[i%2]
		victims := [][]cost.Party{{cost.Client}, {cost.Server}, {cost.Client, cost.Server}}[rand.IntN(3)]
		c := &cut{victims, time.Duration(rand.Int64N(int64(took[mode])))}
		if mode == party.Stored {
			l.whole(party.Prepare, 2)
		}
		o := l.play(mode, 5, c)
		if o.repeated > 0 {
			l.t.Fatalf("kill %d (%v after %v): %d blocks were sent before", i, victims, c.after, o.repeated)
		}
		if o.errs[cost.Client] == nil && mode == party.Stored {
			l.right(o.output, want)
		}
	}
	l.whole(party.Prepare, 3)
	for range 3 {
		l.right(l.whole(party.Stored, 0).output, want)
	}
}

// first learns how long sessions take and what the output is.
func (l *lane) first(took map[party.Mode]time.Duration) (want []float64) {
	l.t.Helper()
	begun := time.Now()
	l.whole(party.Prepare, 5)
	took[party.Prepare] = time.Since(begun)
	begun = time.Now()
	want = l.whole(party.Stored, 0).output
	took[party.Stored] = time.Since(begun)
	l.t.Logf("a session takes %v", took)
	return want
}

// right compares an output with another session's on the same input; truncations may have gone another way.
func (l *lane) right(got, want []float64) {
	l.t.Helper()
	bound := 2 * l.net.Context.Report.ErrorBound
	if len(got) != len(want) || !slices.EqualFunc(got, want, func(a, b float64) bool { return max(a-b, b-a) <= bound }) {
		l.t.Fatalf("output %v, an earlier session's was %v", got, want)
	}
}

// TestRestoredStoresAreSeen is the test of the test: two stores that are put back to where they were use material twice,
// which shows in what is sent.
func TestRestoredStoresAreSeen(t *testing.T) {
	n := compileExample(t, "tiny", killedNet, cost.ClientServer, 32)
	d, err := newDealer(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	defer d.stop()
	keys, err := filepath.Glob(filepath.Join(n.Dir, "keys*"))
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	l := newLane(t, n, d, keys[0], cost.FromDealer)
	l.whole(party.Prepare, 2)
	old := filepath.Join(t.TempDir(), "old")
	if err := os.CopyFS(old, os.DirFS(l.dir)); err != nil {
		t.Fatal(err)
	}
	l.whole(party.Stored, 0)
	l.dir = old
	for _, p := range []cost.Party{cost.Client, cost.Server} {
		if err := os.Chmod(filepath.Join(old, p.String()), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if o := l.play(party.Stored, 0, nil); o.repeated < 10 || errors.Join(o.errs[:]...) != nil {
		t.Errorf("%d repeated blocks, %v", o.repeated, o.errs)
	}
}
