package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sotto/runtime/tensorfile"
)

var trainingKills = flag.Int("trainingkills", 2, "how often TestKilledTraining kills a server of a training at a random moment")

// privatePlace has the data of two owners, split for both servers, and a dealer.
type privatePlace struct {
	*place
	all     []string // what all three processes are given
	owners  []string
	own     map[string][]string // what a server is given of its own, by its name
	dealing *proc
	dealer  string // its address; empty: there is none
	addr    string // the server's
}

// trainedNet takes milliseconds a step.
const trainedNet = `net trained {
  input image: f32[1, 16, 16] from client { mean = [0.5], std = [0.5] }
  output y = conv(image, 2, kernel = 5, stride = 3) |> relu |> flatten |> linear(3) to client
}
`

// trainedBy are the flags that all three processes are given.
var trainedBy = []string{"--batch", "16", "--epochs", "4", "--rate", "0.1", "--momentum", "0.5"}

func newPrivatePlace(t *testing.T) *privatePlace {
	return newPrivatePlaceFor(t, trainedNet, []int{25, 26}, append([]string{"train"}, trainedBy...)...)
}

// newPrivatePlaceFor has a network, as many images of each owner, and a dealer of what a command does with flags.
func newPrivatePlaceFor(t *testing.T, net string, images []int, command ...string) *privatePlace {
	t.Helper()
	p := newAlonePlaceFor(t, net, images, command...)
	p.deals("127.0.0.1:0")
	return p
}

// deals starts a dealer.
func (p *privatePlace) deals(addr string) {
	p.t.Helper()
	p.dealing = p.process("--deal", addr)
	p.dealer = p.address(p.dealing)
}

// newAlonePlaceFor is newPrivatePlaceFor without a dealer.
func newAlonePlaceFor(t *testing.T, net string, images []int, command ...string) *privatePlace {
	t.Helper()
	p := &privatePlace{place: &place{t: t, dir: t.TempDir(), wait: "20s"}, addr: freeAddress(t)}
	p.all = append([]string{command[0], "net.sotto", "--private", "--timeout", p.wait}, command[1:]...)
	p.write("net.sotto", net)
	mustSotto(t, "keys", "-o", p.path("keys"))
	for i, n := range images {
		p.owners = append(p.owners, fmt.Sprint("owner", i))
		mustSotto(t, "share", fmt.Sprintf("glyphs:%d", n), "--for", p.path("net.sotto"), "--keys", p.path("keys"), "-o", p.path(p.owners[i]))
	}
	return p
}

// process starts one of the three.
func (p *privatePlace) process(more ...string) *proc {
	p.t.Helper()
	return p.start(nil, slices.Concat(p.all, more)...)
}

// party starts one of the two servers.
func (p *privatePlace) party(name string, more ...string) *proc {
	p.t.Helper()
	who := map[string]string{"client": "--connect", "server": "--serve"}[name]
	args := []string{who, p.addr, "-o", p.tag + name, "--checkpoint-steps", "2"}
	if p.dealer != "" {
		args = append(args, "--dealer", p.dealer)
	}
	for i := range p.owners { // in an order of its own
		args = append(args, "--data-bundle", p.owners[len(p.owners)-1-i]+"/"+name+".data")
	}
	return p.process(slices.Concat(args, p.own[name], more)...)
}

// both have the two servers come to their ends, and gives what the server says.
func (p *privatePlace) both() string {
	p.t.Helper()
	server, client := p.party("server"), p.party("client")
	p.ends(client, 0, "")
	return p.ends(server, 0, "")
}

// tookAsTold demands that a run took the bytes that were told before it began, and gives what is told after it.
func (p *privatePlace) tookAsTold(out string) privateResult {
	p.t.Helper()
	var told runEstimate
	var took privateResult
	line(p.t, out, "estimate", &told)
	line(p.t, out, "program_hash", &took)
	if sent := took.Online.ClientSent + took.Online.ServerSent + took.Offline.ClientSent + took.Offline.ServerSent; sent != told.Estimate.Bytes {
		p.t.Errorf("%d steps took %d bytes, told were %d", took.Steps, sent, told.Estimate.Bytes)
	}
	if p.dealer == "" && told.Estimate.DealerBytes != 0 {
		p.t.Errorf("told were %d bytes of a dealer, who is not there", told.Estimate.DealerBytes)
	}
	return took
}

// combined are the weights that both came to.
func (p *privatePlace) combined(more ...string) map[string][]float32 {
	p.t.Helper()
	out := p.path(p.tag + "weights.safetensors")
	mustSotto(p.t, append([]string{"combine", p.path(p.tag + "client/share.safetensors"), p.path(p.tag + "server/share.safetensors"), "-o", out}, more...)...)
	return p.weights(out)
}

func (p *privatePlace) weights(path string) map[string][]float32 {
	p.t.Helper()
	f, err := tensorfile.Open(path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	all := map[string][]float32{}
	for _, name := range f.Names() {
		if all[name], _, err = f.Float32(name); err != nil {
			p.t.Fatal(err)
		}
	}
	return all
}

// near compares weights, of the order of 1, that roundings keep apart.
func near(t testing.TB, got, want map[string][]float32) {
	t.Helper()
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%d tensors, want %d", len(got), len(want))
	}
	for name := range want {
		for i, x := range want[name] {
			if d := math.Abs(float64(got[name][i] - x)); !(d < 2e-2) {
				t.Errorf("%s: element %d is %g, %.3g away", name, i, got[name][i], d)
				break
			}
		}
	}
}

// line decodes the line of a process's output that has a key.
func line(t testing.TB, out, key string, to any) {
	t.Helper()
	for text := range strings.Lines(out) {
		if strings.Contains(text, `"`+key+`":`) {
			if err := json.Unmarshal([]byte(text), to); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no line with %s in %q", key, out)
}

// Two servers, killed at any moment, come to the weights that are come to in the clear, on the data of both owners; and one that nobody disturbs
// takes the bytes that were told before it began.
func TestKilledTraining(t *testing.T) {
	p := newPrivatePlace(t)
	p.tag = "whole-"
	began := time.Now()
	took := p.tookAsTold(p.both())
	whole := time.Since(began)
	if took.Steps != 12 {
		t.Errorf("%d steps", took.Steps)
	}
	want := p.combined()
	for n := range *trainingKills {
		p.tag = fmt.Sprintf("killed%d-", n)
		p.killed([]string{"client", "server"}[n%2], func() { time.Sleep(time.Duration(mathrand.Float64() * float64(whole))) })
		near(t, p.combined(), want)
	}
}

// A server that ends while a client shakes hands with it is waited for, as one that is not there yet.
func TestServerThatEndsInAHandshake(t *testing.T) {
	p := newPrivatePlace(t)
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	client := p.party("client")
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(conn.(*net.TCPConn).SetLinger(0), conn.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	server := p.party("server")
	p.ends(client, 0, "")
	p.ends(server, 0, "")
}

// Of one data owner and one model owner, either of whom is killed, or their dealer, the server gets the weights that are come to in the clear, and the client none.
func TestKilledTrainingOfTwoOwners(t *testing.T) {
	p := newPrivatePlaceFor(t, trainedNet, nil, append([]string{"train"}, trainedBy...)...)
	p.twoOwners("51")
	want := p.inTheClear("51", trainedBy)
	for n := range *trainingKills + 1 {
		p.tag = fmt.Sprintf("killed%d-", n)
		victim := []string{"client", "server", "dealer"}[n%3]
		p.killed(victim, func() {
			p.kept("server")
			time.Sleep(time.Duration(mathrand.Int64N(int64(200 * time.Millisecond)))) // of about half a second to the end
		})
		near(t, p.weights(p.path(p.tag+"server/weights.safetensors")), want)
		if exists(p.path(p.tag + "client/weights.safetensors")) {
			t.Error("the client has weights")
		}
	}
}

// A server that may not write where it is to does not begin. One whose disk is full says so, once, and keeps its last checkpoint; with more room it goes on from there,
// and the other has waited for it.
func TestTrainingOnAFullDisk(t *testing.T) {
	p := newPrivatePlace(t)
	p.tag = "full-"
	small := p.path(p.tag + "server")
	if err := os.Mkdir(small, 0o700); err != nil {
		t.Fatal(err)
	}
	mount := func(how string) error {
		out, err := exec.Command("mount", "-t", "tmpfs", "-o", how, "none", small).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return err
	}
	if err := mount("ro,size=8k"); err != nil { // which has room for two pages
		t.Skipf("needs to mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(small, 0); err != nil {
			t.Error(err)
		}
	})
	p.ends(p.party("server"), 1, p.tag+"server/checkpoints: read-only file system")
	if err := mount("remount,rw"); err != nil {
		t.Fatal(err)
	}
	server, client := p.party("server"), p.party("client")
	p.ends(server, 1, "no space left on device (what was done up to step ")
	if err := mount("remount,size=1m"); err != nil {
		t.Fatal(err)
	}
	server = p.party("server", "--resume")
	for _, q := range []*proc{server, client} {
		var r privateResult
		line(t, p.ends(q, 0, ""), "program_hash", &r)
		if q == server && r.From == 0 {
			t.Error("nothing was kept")
		}
	}
}

// killed has both servers come to their end though one of the three is killed, as soon as some wait is over.
func (p *privatePlace) killed(victim string, wait func()) {
	p.t.Helper()
	procs := map[string]*proc{"server": p.party("server"), "client": p.party("client")}
	wait()
	if victim == "dealer" {
		p.dealing.kill()
		p.deals(p.dealer)
	} else {
		procs[victim].kill()
	}
	for name, q := range procs { // who ended before it has to come back too
		select {
		case <-q.ended:
			procs[name] = p.party(name, "--resume")
		default:
		}
	}
	for _, name := range []string{"client", "server"} {
		var r privateResult
		line(p.t, p.ends(procs[name], 0, ""), "program_hash", &r)
		if name == victim {
			p.t.Logf("the %s was killed; went on from step %d", name, r.From)
		}
	}
}

// idx writes a data set, which is tested on what it is trained on.
func (p *privatePlace) idx(name string, images [][]byte, labels []byte) {
	p.t.Helper()
	header := func(sides ...int) string {
		text := []byte{0, 0, 8, byte(len(sides))}
		for _, n := range sides {
			text = binary.BigEndian.AppendUint32(text, uint32(n))
		}
		return string(text)
	}
	if err := os.Mkdir(p.path(name), 0o755); err != nil {
		p.t.Fatal(err)
	}
	for _, split := range []string{"train", "test"} {
		p.write(name+"/"+split+"-images", header(len(images), 16, 16)+string(bytes.Join(images, nil)))
		p.write(name+"/"+split+"-labels", header(len(labels))+string(labels))
	}
}

// Owners share their own data, each by itself, one of them without images of a class; two servers, which name the halves in different orders, train on all of it. In
// the clear the same steps on the data sets one behind the other, in the order that both servers tell, come to the same weights; and the
// record of that run lets the private one begin.
func TestPrivateTrainingOfTwoOwnersIsTheClearOne(t *testing.T) {
	p := newPrivatePlaceFor(t, trainedNet, nil, append([]string{"train"}, trainedBy...)...)
	mustSotto(t, "data", "glyphs:48", "--for", p.path("net.sotto"), "-o", p.path("all"))
	labels, none := os.ReadFile(p.path("all/train-labels-idx1-ubyte"))
	pixels, err := os.ReadFile(p.path("all/train-images-idx3-ubyte"))
	if none != nil || err != nil {
		t.Fatal(none, err)
	}
	labels, pixels = labels[8:], pixels[16:] // behind the headers
	owned := map[string][]int{}              // images, by owner
	for i, label := range labels {
		owner := "a"
		if label == 0 || label == 1 && i%2 == 0 {
			owner = "b"
		}
		owned[owner] = append(owned[owner], i)
	}
	some := func(numbers []int) (x [][]byte, y []byte) {
		for _, i := range numbers {
			x, y = append(x, pixels[256*i:256*(i+1)]), append(y, labels[i])
		}
		return x, y
	}
	sets := map[string]string{} // names of splittings, by owner
	for owner, numbers := range owned {
		x, y := some(numbers)
		p.idx("data-"+owner, x, y)
		var r shareResult
		if err := json.Unmarshal([]byte(mustSotto(t, "share", p.path("data-"+owner), "--for", p.path("net.sotto"), "--keys", p.path("keys"), "-o", p.path(owner), "--json")), &r); err != nil {
			t.Fatal(err)
		}
		sets[owner] = fmt.Sprintf("%x", r.Data.Set)
	}
	first, second := "a", "b"
	if sets[second] < sets[first] {
		first, second = second, first
	}
	x, y := some(slices.Concat(owned[first], owned[second]))
	p.idx("both", x, y)
	mustSotto(t, append([]string{"train", p.path("net.sotto"), "--data", p.path("both"), "--ring", "64", "--ranges", p.path("ranges.json"), "-o", p.path("clear"), "--quiet"}, trainedBy...)...)

	server := p.process("--serve", p.addr, "--dealer", p.dealer, "-o", "server", "--ranges", "ranges.json", "--data-bundle", "b/server.data", "--data-bundle", "a/server.data")
	client := p.process("--connect", p.addr, "--dealer", p.dealer, "-o", "client", "--ranges", "ranges.json", "--data-bundle", "a/client.data", "--data-bundle", "b/client.data")
	for _, q := range []*proc{client, server} {
		var r privateResult
		line(t, p.ends(q, 0, ""), "program_hash", &r)
		if len(r.Owners) != 2 || fmt.Sprintf("%x", r.Owners[0].Set) != sets[first] || r.Owners[1].Images != len(owned[second]) || r.Images != 48 || r.Public == nil || r.Public.Bits < enough {
			t.Errorf("%s: %d images of %+v, public margin %+v", r.Party, r.Images, r.Owners, r.Public)
		}
	}
	near(t, p.combined(), p.weights(p.path("clear/weights.safetensors")))
}

// Who is left alone ends after --timeout, whichever of the two it is, with one error; and what would come again ends at once.
func TestTrainingAlone(t *testing.T) {
	p := newPrivatePlace(t)
	p.tag = "alone-"
	p.ends(p.party("server", "--timeout", "1s"), 3, "nobody came in 1")
	p.ends(p.party("client", "--timeout", "1s"), 3, "nobody listens there, tried for 1")
	p.tag = "refused-"
	p.dealer = p.address(p.process("--deal", "127.0.0.1:0", "--momentum", "0.25"))
	began := time.Now()
	server, client := p.party("server"), p.party("client")
	p.ends(client, 3, "compile again, and give all three what it made")
	p.ends(server, 3, "")
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("a dealer of another program took both %v", took)
	}
}
