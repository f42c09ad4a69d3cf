package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// Processes of the two-party tests: the test binary under the name sotto, which TestMain puts into the path.

// patience is how long a test waits for a process: far above any --timeout given here.
const patience = 60 * time.Second

// proc is a sotto process whose output is kept in files.
type proc struct {
	cmd      *exec.Cmd
	out, err string // paths
	ended    chan struct{}
	status   int // valid once ended is closed; -1 after a signal
}

// spawn starts sotto in a directory with more environment.
func spawn(dir string, env []string, out, errs string, args ...string) (*proc, error) {
	cmd := exec.Command("sotto", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	return begin(cmd, out, errs)
}

// begin starts a command, in a process group of its own.
func begin(cmd *exec.Cmd, out, errs string) (*proc, error) {
	p := &proc{cmd: cmd, out: out, err: errs, ended: make(chan struct{})}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	for path, to := range map[string]func(*os.File){out: func(f *os.File) { p.cmd.Stdout = f }, errs: func(f *os.File) { p.cmd.Stderr = f }} {
		f, err := os.Create(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		to(f)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.ended)
		p.cmd.Wait() // the state says more than the error
		p.status = p.cmd.ProcessState.ExitCode()
	}()
	return p, nil
}

func (p *proc) signal(s syscall.Signal) { p.cmd.Process.Signal(s) }

// kill ends the process and whatever it started.
func (p *proc) kill() {
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
}

// address waits for the line in which a listener says where it is.
func (p *proc) address() (string, error) {
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(5 * time.Millisecond) {
		var line struct{ Listening string }
		text, err := os.ReadFile(p.out)
		if err != nil {
			return "", err
		}
		if first, _, ok := bytes.Cut(text, []byte("\n")); ok && json.Unmarshal(first, &line) == nil && line.Listening != "" {
			return line.Listening, nil
		}
		select {
		case <-p.ended:
			text, _ := os.ReadFile(p.err)
			return "", errors.New("ended before it listened: " + string(text))
		default:
		}
	}
	return "", errors.New("does not listen")
}

// waited waits for the process to end by itself.
func (p *proc) waited() error {
	select {
	case <-p.ended:
		return nil
	case <-time.After(patience):
		p.signal(syscall.SIGQUIT) // for the stacks
		<-p.ended
		return errors.New("hangs")
	}
}

// The processes that scripts have started, by script and name.
var (
	startedMu sync.Mutex
	started   = map[*testscript.TestScript]map[string]*proc{}
)

// startCommand is `start NAME sotto COMMAND...`: a listener in the background, its address in $NAME, its output in NAME.out
// and NAME.err. It runs with --json.
func startCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 || args[1] != "sotto" {
		ts.Fatalf("usage: start NAME sotto COMMAND...")
	}
	name := args[0]
	p, err := spawn(ts.MkAbs("."), nil, ts.MkAbs(name+".out"), ts.MkAbs(name+".err"), append(args[2:], "--json")...)
	ts.Check(err)
	ts.Defer(p.kill)
	addr, err := p.address()
	ts.Check(err)
	ts.Setenv(name, addr)
	startedMu.Lock()
	defer startedMu.Unlock()
	if started[ts] == nil {
		started[ts] = map[string]*proc{}
		ts.Defer(func() {
			startedMu.Lock()
			defer startedMu.Unlock()
			delete(started, ts)
		})
	}
	started[ts][name] = p
}

// finishCommand is `finish NAME STATUS [SIGNAL]`: the process ends with STATUS, after SIGNAL (INT or TERM) if given.
func finishCommand(ts *testscript.TestScript, _ bool, args []string) {
	startedMu.Lock()
	p := started[ts][args[0]]
	startedMu.Unlock()
	if len(args) < 2 || p == nil {
		ts.Fatalf("usage: finish NAME STATUS [SIGNAL]; nothing called %q was started", args[0])
	}
	if len(args) > 2 {
		p.signal(map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM}[args[2]])
	}
	ts.Check(p.waited())
	if got := strconv.Itoa(p.status); got != args[1] {
		text, _ := os.ReadFile(p.err)
		ts.Fatalf("%s ended with status %s, want %s: %s", args[0], got, args[1], text)
	}
}

// sotto runs a command inside this process and gives its status and streams.
func sotto(args ...string) (status int, out, errs string) {
	var o, e strings.Builder
	status = run(args, strings.NewReader(""), &o, &e)
	return status, o.String(), e.String()
}

// mustSotto runs a command that succeeds.
func mustSotto(t testing.TB, args ...string) string {
	t.Helper()
	status, out, errs := sotto(args...)
	if status != 0 {
		t.Fatalf("sotto %s: status %d: %s", strings.Join(args, " "), status, errs)
	}
	return out
}

// tinyNet has one of everything that takes messages, and few elements.
const tinyNet = `net tiny {
  input image: f32[1, 8, 8] from client { resize = 8, crop = 8 }
  output y = conv(image, 4, kernel = 3) |> relu |> maxpool(2) |> x2act |> flatten |> linear(3) to client
}
`

// place is a directory with a compiled tiny network and keys.
type place struct {
	t     testing.TB
	dir   string
	link  string
	wait  string // --timeout of every process
	alone bool   // no dealer: the parties make the material
	tag   string // begins the names of the output files
	n     int
}

// sub is the same place for a subtest.
func (p *place) sub(t testing.TB) *place {
	q := *p
	q.t, q.n, q.tag = t, 0, strings.ReplaceAll(t.Name(), "/", "-")+"-"
	return &q
}

// newPlace compiles the tiny network, perhaps with flags.
func newPlace(t testing.TB, deploy string, flags ...string) *place {
	t.Helper()
	p := &place{t: t, dir: t.TempDir(), link: "loopback", wait: "20s"}
	p.write("tiny.sotto", tinyNet)
	mustSotto(t, append([]string{"compile", p.path("tiny.sotto"), "--weights", "random:1", "--deploy", deploy, "-o", p.path("out"), "--quiet"}, flags...)...)
	mustSotto(t, "keys", "-o", p.path("keys"))
	if deploy == "outsourced" {
		mustSotto(t, "share", "random:3", "--bundle", p.path("out/client"), "-o", p.path("shares"))
	}
	return p
}

func (p *place) path(name string) string { return filepath.Join(p.dir, filepath.FromSlash(name)) }

func (p *place) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(p.path(name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// start runs a command as a process of its own, killed when the test ends.
func (p *place) start(env []string, args ...string) *proc {
	p.t.Helper()
	p.n++
	base := p.path(p.tag + args[0] + strconv.Itoa(p.n))
	q, err := spawn(p.dir, env, base+".out", base+".err", append(args, "--json")...)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(q.kill)
	return q
}

func (p *place) address(q *proc) string {
	p.t.Helper()
	addr, err := q.address()
	if err != nil {
		p.t.Fatal(err)
	}
	return addr
}

func (p *place) deal(more ...string) (*proc, string) {
	p.t.Helper()
	q := p.start(nil, append([]string{"deal", "out/dealer", "--listen", "127.0.0.1:0", "--timeout", p.wait}, more...)...)
	return q, p.address(q)
}

func (p *place) serve(dealer string, more ...string) (*proc, string) {
	p.t.Helper()
	return p.serveIn(nil, dealer, more...)
}

func (p *place) serveIn(env []string, dealer string, more ...string) (*proc, string) {
	p.t.Helper()
	args := []string{"serve", "out/server", "--listen", "127.0.0.1:0", "--dealer", dealer, "--timeout", p.wait, "--link", p.link}
	if _, err := os.Stat(p.path("shares")); err == nil {
		args = append(args, "--input", "shares/server.npy")
	}
	q := p.start(env, append(args, more...)...)
	return q, p.address(q)
}

func (p *place) infer(server, dealer string, more ...string) *proc {
	p.t.Helper()
	return p.inferIn(nil, server, dealer, more...)
}

func (p *place) inferIn(env []string, server, dealer string, more ...string) *proc {
	p.t.Helper()
	args := []string{"infer", "out/client", "--connect", server, "--dealer", dealer, "--timeout", p.wait, "--link", p.link, "--input", "random:3"}
	if _, err := os.Stat(p.path("shares")); err == nil {
		args[len(args)-1] = "shares/client.npy"
	}
	return p.start(env, append(args, more...)...)
}

// ended waits for a process and gives its status and streams.
func (p *place) ended(q *proc) (status int, out, errs string) {
	p.t.Helper()
	if err := q.waited(); err != nil {
		text, _ := os.ReadFile(q.err)
		p.t.Fatalf("%v: %v: %s", q.cmd.Args[1], err, text)
	}
	o, err := os.ReadFile(q.out)
	if err != nil {
		p.t.Fatal(err)
	}
	e, err := os.ReadFile(q.err)
	if err != nil {
		p.t.Fatal(err)
	}
	return q.status, string(o), string(e)
}

// ends demands a status and, of a failure, one clear error: a JSON object whose message holds want. It gives stdout.
func (p *place) ends(q *proc, want int, message string) string {
	p.t.Helper()
	status, out, errs := p.ended(q)
	if status != want {
		p.t.Fatalf("%s: status %d, want %d: %s", q.cmd.Args[1], status, want, errs)
	}
	if want != 0 {
		if e := oneError(p.t, errs); !strings.Contains(e.Message, message) {
			p.t.Errorf("%s: error %q, want one with %q", q.cmd.Args[1], e.Message, message)
		}
	}
	return out
}

// oneError demands that stderr is one JSON error.
func oneError(t testing.TB, errs string) errorJSON {
	t.Helper()
	var object struct{ Error errorJSON }
	if err := json.Unmarshal([]byte(errs), &object); err != nil || object.Error.Message == "" {
		t.Fatalf("not one error: %q", errs)
	}
	return object.Error
}
