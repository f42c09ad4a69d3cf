package main

import (
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sotto/runtime/wire"
)

// Faults of peers and of the network, between real processes. Whatever happens, a process ends by itself with one clear
// error and no part of an answer.

var kills = flag.Int("kills", 21, "how many sessions TestKilledPeers and TestKilledAlone each cut at a random moment")

// goTrace finds what the Go runtime prints when a program dies.
var goTrace = regexp.MustCompile(`goroutine \d+|panic:|fatal error:|runtime error`)

// placed says where a failure was: every error between parties names a layer, or a step that is of none.
var placed = regexp.MustCompile(`layer \S+|handshake|session set-up|between the phases|dealer|connecting to`)

// The result of each side, by which a part of an answer would show.
const (
	clientResult = `"output":[`
	serverResult = `"peer":"`
)

// survives demands of a process whose peer failed that it ended well: with its whole result, or with status 3 and one error.
func (p *place) survives(q *proc, result string) {
	p.t.Helper()
	status, out, errs := p.ended(q)
	name, whole := q.cmd.Args[1], strings.Contains(out, result)
	switch {
	case goTrace.MatchString(errs):
		p.t.Errorf("%s shows a trace: %s", name, errs)
	case status == 0 && whole:
	case status == 3 && !whole:
		if e := oneError(p.t, errs); e.Code != "peer" || !placed.MatchString(e.Message) {
			p.t.Errorf("%s: error %+v does not say where", name, e)
		} else {
			p.t.Logf("%s: %s", name, e.Message)
		}
	default:
		p.t.Errorf("%s: status %d, output %q, error %q", name, status, out, errs)
	}
}

// session is three processes at work.
type session struct {
	dealer, server, client *proc
	dealerAddr, serverAddr string
}

func (p *place) session() session {
	p.t.Helper()
	var dealer *proc
	dealerAddr := "" // which is none: the parties make their material alone
	if !p.alone {
		dealer, dealerAddr = p.deal()
	}
	server, addr := p.serve(dealerAddr, "--sessions", "1")
	return session{dealer, server, p.infer(addr, dealerAddr), dealerAddr, addr}
}

func (s session) by(name string) *proc {
	return map[string]*proc{"client": s.client, "server": s.server, "dealer": s.dealer}[name]
}

// fail does something to one process of a session after a while and demands that the others end well.
func (p *place) fail(victim string, at time.Duration, how syscall.Signal) {
	p.t.Helper()
	s := p.session()
	time.Sleep(at)
	s.by(victim).signal(how)
	if victim != "client" {
		p.survives(s.client, clientResult)
	}
	if victim == "client" {
		p.serverSurvives(s)
	} else if victim != "server" {
		p.survives(s.server, serverResult)
	}
	if victim != "dealer" && !p.alone { // which goes on for others
		s.dealer.signal(syscall.SIGTERM)
		if status, _, errs := p.ended(s.dealer); status != 0 || goTrace.MatchString(errs) {
			p.t.Errorf("dealer: status %d: %s", status, errs)
		}
	}
}

// serverSurvives is survives for a server whose client failed: if that was before it was let in, the server goes on and
// must serve another.
func (p *place) serverSurvives(s session) {
	p.t.Helper()
	wait, err := time.ParseDuration(p.wait)
	if err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-s.server.ended:
		p.survives(s.server, serverResult)
	case <-time.After(3 * wait): // a peer that stalls in the middle of a message is given up after two
		p.ends(p.infer(s.serverAddr, s.dealerAddr), 0, "")
		if status, _, errs := p.ended(s.server); status != 0 {
			p.t.Errorf("server: status %d: %s", status, errs)
		}
	}
}

// took is how long a session takes that nothing happens to.
func (p *place) took() time.Duration {
	p.t.Helper()
	begun := time.Now()
	s := p.session()
	p.ends(s.client, 0, "")
	p.ends(s.server, 0, "")
	return time.Since(begun)
}

// slowly gives a place whose sessions take long without using the processor.
func slowly(t *testing.T) (*place, time.Duration) {
	t.Helper()
	p := newPlace(t, "client-server")
	p.link, p.wait = "wan", "3s"
	whole := min(p.took(), p.took()) // the first finds caches cold
	t.Logf("a session takes %v", whole)
	return p, whole
}

func TestKilledPeers(t *testing.T) {
	p, whole := slowly(t)
	for i := range *kills {
		victim, at := []string{"client", "server", "dealer"}[i%3], time.Duration(mathrand.Int64N(int64(whole)))
		if victim == "dealer" { // which has done its part early
			at /= 3
		}
		t.Run(fmt.Sprintf("%s-%d-%v", victim, i, at.Round(time.Millisecond)), func(t *testing.T) {
			t.Parallel()
			p.sub(t).fail(victim, at, syscall.SIGKILL)
		})
	}
}

// TestKilledAlone: as TestKilledPeers, without a dealer.
func TestKilledAlone(t *testing.T) {
	p := newPlace(t, "client-server")
	p.link, p.wait, p.alone = "wan", "3s", true
	whole := p.took()
	for i := range *kills {
		victim, at := []string{"client", "server"}[i%2], time.Duration(mathrand.Int64N(int64(whole)))
		t.Run(fmt.Sprintf("%s-%d-%v", victim, i, at.Round(time.Millisecond)), func(t *testing.T) {
			t.Parallel()
			p.sub(t).fail(victim, at, syscall.SIGKILL)
		})
	}
}

// TestSuspendedPeers stops processes without ending them: the network stays up and nothing moves.
func TestSuspendedPeers(t *testing.T) {
	p, whole := slowly(t)
	for _, victim := range []string{"client", "server", "dealer"} {
		for _, part := range []float64{0.1, 0.5} {
			t.Run(fmt.Sprintf("%s-%g", victim, part), func(t *testing.T) {
				t.Parallel()
				p.sub(t).fail(victim, time.Duration(part*float64(whole)), syscall.SIGSTOP)
			})
		}
	}
}

// farLink takes five seconds for a session at least, however fast the machine is: there are 16 rounds.
const farLink = "10mbps,300ms"

// midway is when both have met over farLink, also on a machine that is busy, and are far from their end.
const midway = 3 * time.Second

// TestInterruptedPeers: who is interrupted says so, and the other is told.
func TestInterruptedPeers(t *testing.T) {
	p := newPlace(t, "client-server")
	p.link, p.wait = farLink, "20s" // nobody is to wait for it
	for _, victim := range []string{"client", "server"} {
		t.Run(victim, func(t *testing.T) {
			t.Parallel()
			p := p.sub(t)
			s := p.session()
			time.Sleep(midway)
			begun := time.Now()
			s.by(victim).signal(syscall.SIGINT)
			p.ends(s.by(victim), 128+int(syscall.SIGINT), "interrupted")
			other := s.client
			if victim == "client" {
				other = s.server
			}
			p.ends(other, 3, "interrupted")
			if d := time.Since(begun); d > 5*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestUnreachableDealer(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "client-server")
	p.wait = "1s"
	nobody := freeAddress(t)
	server, addr := p.serve(nobody, "--sessions", "1")
	client := p.infer(addr, nobody)
	p.survives(client, clientResult)
	p.survives(server, serverResult)
}

// freeAddress is one where nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestStrangeKeys: a client whose key the server does not know, a server whose key the client does not know.
func TestStrangeKeys(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "client-server")
	mustSotto(t, "keys", "-o", p.path("strange"))
	_, dealer := p.deal()
	server, addr := p.serve(dealer, "--sessions", "1")
	p.ends(p.infer(addr, dealer, "--keys", "strange"), 3, "wrong certificate")

	mixed := p.path("mixed") // the client trusts this server, which does not know the client
	p.copy("strange/client/client.key", "mixed/client.key")
	p.copy("strange/client/client.crt", "mixed/client.crt")
	for _, name := range []string{"server.crt", "dealer.crt"} {
		p.copy("keys/client/"+name, "mixed/"+name)
	}
	p.ends(p.infer(addr, dealer, "--keys", mixed), 3, "peer refuses this side's certificate")

	p.ends(p.infer(addr, dealer), 0, "")
	if status, _, errs := p.ended(server); status != 0 || strings.Count(errs, "refused a connection") != 2 || goTrace.MatchString(errs) {
		t.Errorf("server: status %d, errors %s: want two refusals", status, errs)
	}
}

// copy copies a file, making directories.
func (p *place) copy(from, to string) {
	p.t.Helper()
	text, err := os.ReadFile(p.path(from))
	if err != nil {
		p.t.Fatal(err)
	}
	p.overwrite(to, text)
}

func (p *place) overwrite(to string, text []byte) {
	p.t.Helper()
	path := p.path(to)
	if err := os.MkdirAll(path[:strings.LastIndexByte(path, os.PathSeparator)], 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// TestOtherPrograms pairs bundles of two compilations, and a dealer of another.
func TestOtherPrograms(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "client-server")
	p.write("other.sotto", strings.Replace(tinyNet, "linear(3)", "linear(4)", 1))
	mustSotto(t, "compile", p.path("other.sotto"), "--weights", "random:1", "-o", p.path("other"), "--quiet")
	_, dealer := p.deal()
	server, addr := p.serve(dealer, "--sessions", "1")
	client := p.start(nil, "infer", "other/client", "--connect", addr, "--dealer", dealer, "--input", "random:3")
	p.ends(client, 3, "the programs differ")
	p.ends(server, 3, "the programs differ")

	q := p.start(nil, "deal", "other/dealer", "--listen", "127.0.0.1:0")
	wrong := p.address(q)
	server, addr = p.serve(wrong, "--sessions", "1")
	p.ends(p.infer(addr, wrong), 3, "this dealer deals for")
	p.survives(server, serverResult)
}

// TestOtherSharing pairs the same program's bundles of two compilations, whose shares of the weights do not belong together.
func TestOtherSharing(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "outsourced")
	mustSotto(t, "compile", p.path("tiny.sotto"), "--weights", "random:1", "--deploy", "outsourced", "-o", p.path("again"), "--quiet")
	_, dealer := p.deal()
	server, addr := p.serve(dealer, "--sessions", "1")
	client := p.start(nil, "infer", "again/client", "--connect", addr, "--dealer", dealer, "--input", "shares/client.npy")
	p.ends(client, 3, "shares of different splittings")
	p.ends(server, 3, "shares of different splittings")
}

// TestGarbage sends what is no TLS to every listener, and leaves connections open that say nothing.
func TestGarbage(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "client-server")
	dealerProc, dealer := p.deal()
	server, addr := p.serve(dealer, "--sessions", "1")
	noise := make([]byte, 1<<16)
	rand.Read(noise)
	for _, to := range []string{dealer, addr} {
		for _, text := range [][]byte{[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), noise, {0x16, 3, 1, 0, 5, 1}, {0}, nil} {
			for range 3 {
				c, err := net.Dial("tcp", to)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close() // some stay open until the end
				if _, err := c.Write(text); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	begun := time.Now()
	p.ends(p.infer(addr, dealer), 0, "")
	if d := time.Since(begun); d > wire.HandshakeTimeout {
		t.Errorf("connections that stall hold a client up for %v", d)
	}
	if status, _, errs := p.ended(server); status != 0 || goTrace.MatchString(errs) {
		t.Errorf("server: status %d: %s", status, errs)
	}
	dealerProc.signal(syscall.SIGTERM)
	if status, _, errs := p.ended(dealerProc); status != 0 || goTrace.MatchString(errs) {
		t.Errorf("dealer: status %d: %s", status, errs)
	}
}

// TestTwoClients has the second wait for its turn.
func TestTwoClients(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "client-server")
	p.link = "wan"
	_, dealer := p.deal()
	server, addr := p.serve(dealer, "--sessions", "4")
	var clients []*proc
	for range 4 {
		clients = append(clients, p.infer(addr, dealer))
	}
	for _, c := range clients {
		if out := p.ends(c, 0, ""); !strings.Contains(out, `"class":0`) {
			t.Errorf("a client of several: %s", out)
		}
	}
	if out := p.ends(server, 0, ""); strings.Count(out, serverResult) != 4 {
		t.Errorf("the server's sessions: %s", out)
	}
}

// TestBusyServer: a client that cannot be served soon is told so, not left to a timeout.
func TestBusyServer(t *testing.T) {
	t.Parallel()
	p, whole := slowly(t)
	p.wait = "8s"
	_, dealer := p.deal()
	server, addr := p.serve(dealer, "--sessions", "2")
	first := p.infer(addr, dealer)
	time.Sleep(whole / 3)
	first.signal(syscall.SIGSTOP)
	begun := time.Now()
	p.ends(p.infer(addr, dealer), 3, "the server is busy with another client")
	if d := time.Since(begun); d > 7*time.Second {
		t.Errorf("told after %v", d)
	}
	// The server gives the first up after one to two limits and an eighth of each, and lets others wait for 4 s.
	for status, errs := -1, ""; status != 0; status, _, errs = p.ended(p.infer(addr, dealer, "--timeout", "20s")) {
		if status > 0 && (time.Since(begun) > 2*9*time.Second || !strings.Contains(errs, "busy")) {
			t.Fatalf("after %v: status %d: %s", time.Since(begun), status, errs)
		}
	}
	if status, out, _ := p.ended(server); status != 0 || strings.Count(out, serverResult) != 1 {
		t.Errorf("server: status %d: %s", status, out)
	}
}

// TestSilentClient: a client that authenticates and says nothing is given up when a handshake would be.
func TestSilentClient(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for the handshake's limit")
	}
	p := newPlace(t, "client-server")
	p.wait = "60s"
	_, dealer := p.deal()
	server, addr := p.serve(dealer, "--sessions", "2")
	f := peerFlags{keys: p.path("keys")}
	config, err := f.tls(wire.Client, wire.Server)
	if err != nil {
		t.Fatal(err)
	}
	c, err := wire.Dial(t.Context(), addr, config, wire.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	begun := time.Now()
	p.ends(p.infer(addr, dealer), 0, "")
	if d := time.Since(begun); d > wire.HandshakeTimeout+10*time.Second {
		t.Errorf("held up for %v", d)
	}
	if status, _, errs := p.ended(server); status != 0 || !strings.Contains(errs, "no hello within") {
		t.Errorf("server: status %d: %s", status, errs)
	}
}

// TestFullDisk has no room in the temporary directory: what a small network's online phase waits for stays in memory
// (runtime/vm has the test of a larger one).
func TestFullDisk(t *testing.T) {
	t.Parallel()
	small := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=16k", "none", small).CombinedOutput(); err != nil {
		t.Skipf("needs to mount a small file system: %v %s", err, out)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(small, 0); err != nil {
			t.Error(err)
		}
	})
	p := newPlace(t, "client-server")
	_, dealer := p.deal()
	full := []string{"TMPDIR=" + small}

	server, addr := p.serveIn(full, dealer, "--sessions", "1")
	p.ends(p.inferIn(full, addr, dealer), 0, "")
	p.ends(server, 0, "")
}

// TestInterruptedRun leaves no process behind, however run itself ends.
func TestInterruptedRun(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "client-server")
	for _, how := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		if how == syscall.SIGKILL && runtime.GOOS != "linux" {
			continue
		}
		q := p.start(nil, "run", "out", "--input", "random:3", "--link", farLink, "--offline", "dealer")
		time.Sleep(midway)
		q.signal(how)
		status, out, errs := p.ended(q)
		if how != syscall.SIGKILL && (status != 128+int(syscall.SIGINT) || oneError(t, errs).Code != "interrupted") {
			t.Errorf("%v: status %d: %s", how, status, errs)
		}
		if strings.Contains(out, clientResult) || goTrace.MatchString(errs) {
			t.Errorf("%v: %s %s", how, out, errs)
		}
		group := -q.cmd.Process.Pid // the processes of run are of its group
		for begun := time.Now(); syscall.Kill(group, 0) == nil; time.Sleep(10 * time.Millisecond) {
			if time.Since(begun) > 10*time.Second {
				t.Fatalf("%v: processes are left", how)
			}
		}
	}
}

// TestLateListener: a client may start before its server.
func TestLateListener(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "client-server")
	_, dealer := p.deal()
	addr := freeAddress(t)
	client := p.infer(addr, dealer)
	time.Sleep(300 * time.Millisecond)
	server, _ := p.serve(dealer, "--sessions", "1", "--listen", addr)
	p.ends(client, 0, "")
	p.ends(server, 0, "")
}

// relay passes bytes on between a client and a server and changes one of them.
func relay(t *testing.T, to string, at int64) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		a, err := l.Accept()
		if err != nil {
			return
		}
		defer a.Close()
		b, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer b.Close()
		go io.Copy(a, b)
		if _, err := io.CopyN(b, a, at); err != nil {
			return
		}
		var one [1]byte
		if _, err := io.ReadFull(a, one[:]); err == nil {
			b.Write([]byte{one[0] ^ 0x10})
			io.Copy(b, a)
		}
	}()
	return l.Addr().String()
}

// TestChangedBytes flips a bit on the way: TLS finds it, in the handshake or in any phase.
func TestChangedBytes(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "client-server")
	p.wait = "4s"
	_, dealer := p.deal()
	for _, at := range []int64{10, 700, 5000, 20000, 30000} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			t.Parallel()
			p := p.sub(t)
			server, addr := p.serve(dealer)
			client := p.infer(relay(t, addr, at), dealer)
			if status, out, errs := p.ended(client); status != 3 || strings.Contains(out, clientResult) || goTrace.MatchString(errs) {
				t.Errorf("client: status %d: %s %s", status, out, errs)
			} else if e := oneError(t, errs); !placed.MatchString(e.Message) {
				t.Errorf("client: %s", e.Message)
			}
			server.signal(syscall.SIGTERM)
			if status, out, errs := p.ended(server); status != 0 || strings.Contains(out, serverResult) || goTrace.MatchString(errs) {
				t.Errorf("server: status %d: %s %s", status, out, errs)
			}
		})
	}
}

// TestKilledTrace: of a traced session whose server dies in the middle, the client says so and leaves no trace, and nothing beside it.
func TestKilledTrace(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "client-server")
	p.link, p.wait = farLink, "3s"
	_, dealer := p.deal()
	p.overwrite("traces/c.json", []byte("of before"))
	server, addr := p.serve(dealer, "--sessions", "1", "--trace", "traces/s.json")
	client := p.infer(addr, dealer, "--trace", "traces/c.json")
	time.Sleep(midway)
	server.signal(syscall.SIGKILL)
	p.survives(client, clientResult)
	p.holdsAlone("traces", "c.json")
	if text, err := os.ReadFile(p.path("traces/c.json")); err != nil || string(text) != "of before" {
		t.Errorf("%q, %v: accepted is what was there", text, err)
	}
}

// holdsAlone demands that a folder has these files and no others.
func (p *place) holdsAlone(dir string, want ...string) {
	p.t.Helper()
	entries, err := os.ReadDir(p.path(dir))
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if err != nil || !slices.Equal(got, want) {
		p.t.Errorf("%s holds %v, want %v; %v", dir, got, want, err)
	}
}

// TestFullOutput: what a full disk has no room for ends its command with one error that names the file, and nothing half-written is left; the
// file of before is as it was.
func TestFullOutput(t *testing.T) {
	t.Parallel()
	small := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=8k", "none", small).CombinedOutput(); err != nil {
		t.Skipf("needs to mount a small file system: %v %s", err, out)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(small, 0); err != nil {
			t.Error(err)
		}
	})
	p := newPlace(t, "client-server")
	p.write("large.sotto", strings.Replace(tinyNet, "4, kernel", "400, kernel", 1))
	mustSotto(t, "export", p.path("large.sotto"), "--weights", "random:1", "--onnx", p.path("large.onnx"))
	for name, command := range map[string][]string{
		"t.json":    {"run", "out", "--input", "random:3", "--offline", "dealer", "--trace"},
		"page.html": {"explore", "tiny.sotto", "-o"},
		"net.onnx":  {"export", "large.sotto", "--weights", "random:1", "--onnx"},
		"w":         {"init", "large.sotto", "-o"},
		"net":       {"import", "large.onnx", "-o"},
		"bundles":   {"compile", "tiny.sotto", "--weights", "random:1", "-o"},
	} {
		p := p.sub(t)
		p.tag = name + "-"
		to := small + "/" + name
		status, out, errs := p.ended(p.start(nil, append(command, to)...))
		if e := oneError(t, errs); status != 1 || !strings.Contains(e.Message, "no space left on device") || !strings.Contains(e.Message, to) || strings.Contains(e.Message, "\n") || out != "" {
			t.Errorf("%v: status %d, %s, %s", command, status, out, errs)
		}
		if left, err := os.ReadDir(small); err != nil || len(left) > 0 {
			t.Errorf("%v leaves %v, %v", command, left, err)
		}
	}
	// Where a device is named, it stays one.
	if status, _, errs := sotto("explore", p.path("tiny.sotto"), "-o", "/dev/full"); status != 1 || !strings.Contains(errs, "/dev/full could not be written: no space left on device") {
		t.Errorf("status %d, %s", status, errs)
	}
	if status, _, errs := sotto("init", p.path("tiny.sotto"), "-o", "/dev/full", "--force"); status != 1 || !strings.Contains(errs, "/dev/full: not a regular file") {
		t.Errorf("status %d, %s", status, errs)
	}
	if info, err := os.Stat("/dev/full"); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		t.Errorf("/dev/full is %v, %v", info.Mode(), err)
	}
}
