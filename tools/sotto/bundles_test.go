package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/runtime/program"
	"sotto/runtime/tensorfile"
)

// refuse demands that a command ends with status 1 and one clear error that names a file.
func refuse(t *testing.T, what, file string, args ...string) {
	t.Helper()
	var status int
	var out, errs string
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		status, out, errs = sotto(append(args, "--json")...)
	}()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatalf("%s: sotto %s takes it and runs", what, args[0])
	}
	if status != 1 || out != "" {
		t.Errorf("%s: sotto %s: status %d, output %q, %s", what, args[0], status, out, errs)
		return
	}
	if e := oneError(t, errs); !strings.Contains(e.Message, file) || e.Code != "user" {
		t.Errorf("%s: sotto %s: %+v, want an error that names %s", what, args[0], e, file)
	}
}

// commands are those that open the bundles of a place; none gets as far as listening or connecting.
func (p *place) commands() map[string][]string {
	common := []string{"--keys", p.path("keys"), "--timeout", "100ms"}
	return map[string][]string{
		"client": append([]string{"infer", p.path("out/client"), "--connect", "127.0.0.1:1", "--dealer", "127.0.0.1:1", "--input", "random:1"}, common...),
		"server": append([]string{"serve", p.path("out/server"), "--listen", "127.0.0.1:0", "--dealer", "127.0.0.1:1"}, common...),
		"dealer": append([]string{"deal", p.path("out/dealer"), "--listen", "127.0.0.1:0"}, common...),
	}
}

// TestDamagedBundles cuts files short, flips bits, and puts other things in their place.
func TestDamagedBundles(t *testing.T) {
	p := newPlace(t, "client-server")
	commands := p.commands()
	for _, name := range []string{"client/program.cbor", "client/manifest.cbor", "server/program.cbor", "server/manifest.cbor", "dealer/manifest.cbor", "dealer/deal.json"} {
		role, _, _ := strings.Cut(name, "/")
		file := p.path("out/" + name)
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		try := func(what string, text []byte) {
			t.Helper()
			p.overwrite("out/"+name, text)
			refuse(t, name+" "+what, p.path("out/"+role), commands[role]...)
		}
		if strings.HasSuffix(name, ".json") {
			whole = bytes.TrimSpace(whole) // its last byte says nothing
		}
		for _, n := range []int{0, 1, len(whole) / 2, len(whole) - 1} {
			try(fmt.Sprintf("cut to %d bytes", n), whole[:n])
		}
		for what, text := range hostileFiles {
			try(what, text)
		}
		if !strings.HasSuffix(name, ".json") { // whose names may be any
			for range 20 {
				at, bit := rand.IntN(len(whole)), rand.IntN(8)
				changed := slices.Clone(whole)
				changed[at] ^= 1 << bit
				try(fmt.Sprintf("with bit %d of byte %d flipped", bit, at), changed)
			}
			try("with more after it", append(slices.Clone(whole), 0))
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		refuse(t, name+" missing", p.path("out/"+role), commands[role]...)
		p.overwrite("out/"+name, whole)
	}
}

// hostileFiles are no bundle files, and some of them ask for much.
var hostileFiles = map[string][]byte{
	"list of 2^64-1 elements":   {0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	"list of 2^40 elements":     append([]byte{0x9b, 0, 0, 1, 0, 0, 0, 0, 0}, bytes.Repeat([]byte{0}, 100)...),
	"text of 2^60 bytes":        {0xa1, 0x04, 0x7b, 0x10, 0, 0, 0, 0, 0, 0, 0, 'x'},
	"map of 2^31 pairs":         {0xba, 0x80, 0, 0, 0, 1, 1},
	"lists in lists":            bytes.Repeat([]byte{0x81}, 1<<20),
	"maps in maps":              bytes.Repeat([]byte{0xa1, 0x01}, 1<<19),
	"tags on tags":              bytes.Repeat([]byte{0xc1}, 1<<20),
	"indefinite list":           append([]byte{0x9f}, bytes.Repeat([]byte{0}, 1<<16)...),
	"the same key twice":        {0xa2, 0x01, 0x01, 0x01, 0x01},
	"version of another future": {0xa1, 0x01, 0x18, 0x63},
	"nothing but zeros":         make([]byte, 1<<16),
	"a number":                  {0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	"text":                      []byte("\x89PNG not a bundle\n"),
}

// TestDamagedWeights changes the server's weights file.
func TestDamagedWeights(t *testing.T) {
	p := newPlace(t, "client-server")
	serve := p.commands()["server"]
	file := p.path("out/server/weights.safetensors")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := party.OpenBundle(p.path("out/server"))
	if err != nil {
		t.Fatal(err)
	}
	write := func(change func(i int, w program.Weight) *tensorfile.Tensor) {
		t.Helper()
		var list []tensorfile.Tensor
		for i, w := range b.Program.Weights {
			if x := change(i, w); x != nil {
				list = append(list, *x)
			}
		}
		if err := tensorfile.Write(file, list, nil, tensorfile.Secret); err != nil {
			t.Fatal(err)
		}
	}
	right := func(w program.Weight) *tensorfile.Tensor {
		x := tensorfile.New(w.Name, []int{w.Len}, make([]int32, w.Len))
		return &x
	}
	for what, first := range map[string]func(w program.Weight) *tensorfile.Tensor{
		"a missing tensor": func(program.Weight) *tensorfile.Tensor { return nil },
		"a longer tensor": func(w program.Weight) *tensorfile.Tensor {
			x := tensorfile.New(w.Name, []int{w.Len + 1}, make([]int32, w.Len+1))
			return &x
		},
		"wide elements": func(w program.Weight) *tensorfile.Tensor {
			x := tensorfile.New(w.Name, []int{w.Len}, make([]int64, w.Len))
			return &x
		},
		"floats": func(w program.Weight) *tensorfile.Tensor {
			x := tensorfile.New(w.Name, []int{w.Len}, make([]float32, w.Len))
			return &x
		},
	} {
		write(func(i int, w program.Weight) *tensorfile.Tensor {
			if i == 0 {
				return first(w)
			}
			return right(w)
		})
		refuse(t, what, "weights.safetensors", serve...)
	}
	for _, n := range []int{0, 7, 100, len(whole) - 1} {
		p.overwrite("out/server/weights.safetensors", whole[:n])
		refuse(t, fmt.Sprintf("cut to %d bytes", n), "weights.safetensors", serve...)
	}
	header := slices.Clone(whole)
	binary.LittleEndian.PutUint64(header, math.MaxUint64)
	p.overwrite("out/server/weights.safetensors", header)
	refuse(t, "a header of 2^64-1 bytes", "weights.safetensors", serve...)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	refuse(t, "no weights", "weights.safetensors", serve...)
}

// TestBadInputs are refused before anybody is connected to.
func TestBadInputs(t *testing.T) {
	p := newPlace(t, "client-server")
	write := func(name string, shape []int, x ...float32) string {
		n := 1
		for _, d := range shape {
			n *= d
		}
		for len(x) < n {
			x = append(x, 0.5)
		}
		if err := tensorfile.WriteNPY(p.path(name), shape, x, tensorfile.Shared); err != nil {
			t.Fatal(err)
		}
		return p.path(name)
	}
	infer := p.commands()["client"]
	at := slices.Index(infer, "random:1")
	for name, path := range map[string]string{
		"too large":     write("large.npy", []int{1, 8, 8}, 0, 1.5),
		"too small":     write("small.npy", []int{1, 8, 8}, -0.5),
		"not a number":  write("nan.npy", []int{1, 8, 8}, float32(math.NaN())),
		"infinite":      write("inf.npy", []int{1, 8, 8}, float32(math.Inf(1))),
		"another shape": write("shape.npy", []int{8, 8, 1}),
		"more elements": write("more.npy", []int{1, 8, 9}),
		"a bundle":      p.path("out/client/program.cbor"),
		"a directory":   p.path("out"),
		"nothing":       p.path("nothing"),
	} {
		args := slices.Clone(infer)
		args[at] = path
		refuse(t, name, path, args...)
	}
}

// files reads every file below a directory.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err == nil {
			out[name], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestClientHoldsNoWeight: two models whose scales and widths agree give the client and the dealer the same bytes, and of neither
// model's weights does any stretch occur among them.
func TestClientHoldsNoWeight(t *testing.T) {
	p := newPlace(t, "client-server")
	mustSotto(t, "init", p.path("tiny.sotto"), "-o", p.path("one.safetensors"), "--seed", "1")
	shrink(t, p.path("one.safetensors"), p.path("two.safetensors"))
	given := map[string]map[string][]byte{}
	for _, model := range []string{"one", "two"} {
		mustSotto(t, "compile", p.path("tiny.sotto"), "--weights", p.path(model+".safetensors"), "--calibration", "random:1x2", "-o", p.path(model), "--quiet")
		given[model] = files(t, p.path(model+"/client"))
		maps.Copy(given[model], map[string][]byte{"dealer": bytes.Join(slices.Collect(maps.Values(files(t, p.path(model+"/dealer")))), nil)})
		if _, ok := given[model][party.WeightsFile]; ok {
			t.Errorf("client holds %s", party.WeightsFile)
		}
		windows(t, p.path(model+"/server/weights.safetensors"), given[model])
	}
	one, two := files(t, p.path("one/server")), files(t, p.path("two/server"))
	if bytes.Equal(one[party.WeightsFile], two[party.WeightsFile]) {
		t.Fatal("both models have the same weights")
	}
	for _, side := range []string{"client", "dealer"} {
		one, two := files(t, p.path("one/"+side)), files(t, p.path("two/"+side))
		if !maps.EqualFunc(one, two, bytes.Equal) {
			t.Errorf("two models of equal scales and widths give the %s different bytes", side)
		}
	}
}

// shrink writes the weights with every second one a little smaller: other weights of about the same magnitudes.
func shrink(t *testing.T, from, to string) {
	t.Helper()
	f, err := tensorfile.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []tensorfile.Tensor
	for _, name := range f.Names() {
		x, shape, err := f.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(shape) > 1 {
			for i := range x {
				if i%2 == 1 {
					x[i] *= 0.999
				}
			}
		}
		list = append(list, tensorfile.New(name, shape, x))
	}
	if err := tensorfile.Write(to, list, nil, tensorfile.Shared); err != nil {
		t.Fatal(err)
	}
}

// windows looks for every 16 bytes of every tensor in every file.
func windows(t *testing.T, weights string, among map[string][]byte) {
	t.Helper()
	f, err := tensorfile.Open(weights)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const window = 16
	tried := 0
	for _, name := range f.Names() {
		x, _, err := f.Ints(name)
		if err != nil {
			t.Fatal(err)
		}
		var text []byte
		for _, e := range x {
			text = binary.LittleEndian.AppendUint32(text, uint32(e))
		}
		for at := 0; at+window <= len(text); at += 4 {
			w := text[at : at+window]
			if bytes.Equal(w, bytes.Repeat(w[:1], window)) { // zeros are everywhere
				continue
			}
			tried++
			for file, have := range among {
				if bytes.Contains(have, w) {
					t.Fatalf("%s holds bytes %d to %d of weight %s", file, at, at+window, name)
				}
			}
		}
	}
	if tried == 0 {
		t.Fatal("no weights to look for")
	}
}

// sum adds phases up.
func sum(layers []party.LayerStats, of func(party.LayerStats) party.Phase) party.Phase {
	var s party.Phase
	for _, l := range layers {
		p := of(l)
		s.MS += p.MS
		s.DealerSent += p.DealerSent
		s.Traffic.Add(p.Traffic)
	}
	return s
}

func onlineOf(l party.LayerStats) party.Phase  { return l.Online }
func offlineOf(l party.LayerStats) party.Phase { return l.Offline }

// checkColumns demands that layers sum to the totals: bytes and rounds exactly, milliseconds up to rounding.
func checkColumns(t *testing.T, who string, s party.Stats) {
	t.Helper()
	for name, pair := range map[string][2]party.Phase{"online": {s.Online, sum(s.Layers, onlineOf)}, "offline": {s.Offline, sum(s.Layers, offlineOf)}} {
		total, layers := pair[0], pair[1]
		if total.Traffic != layers.Traffic || total.DealerSent != layers.DealerSent {
			t.Errorf("%s %s: total %+v, layers sum to %+v", who, name, total, layers)
		}
		if d := math.Abs(total.MS - layers.MS); d > 1e-3+1e-6*total.MS {
			t.Errorf("%s %s: %g ms, layers sum to %g ms", who, name, total.MS, layers.MS)
		}
		if total.MS <= 0 || total.Rounds <= 0 || total.ClientSent <= 0 || total.ServerSent <= 0 {
			t.Errorf("%s %s: %+v counts nothing", who, name, total)
		}
	}
}

// tlsOverhead bounds what TLS adds to bytes above it: a handshake each way, 22 bytes a record, a record at least every
// frame of 64 KiB but possibly one a message, and the session's own hello.
func tlsOverhead(above int64, rounds int) int64 { return 4096 + above/1024 + 200*int64(rounds) }

func TestStatisticsAgree(t *testing.T) {
	for _, deploy := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		t.Run(string(deploy), func(t *testing.T) {
			p := newPlace(t, string(deploy))
			_, dealer := p.deal()
			server, addr := p.serve(dealer, "--sessions", "1")
			client := p.infer(addr, dealer)
			var mine, theirs party.Stats
			parse(t, p.ends(client, 0, ""), &mine)
			out := p.ends(server, 0, "")
			parse(t, out[strings.IndexByte(out, '\n')+1:], &theirs)
			checkColumns(t, "client", mine)
			checkColumns(t, "server", theirs)
			if mine.Online.Traffic != theirs.Online.Traffic || mine.Offline.Traffic != theirs.Offline.Traffic {
				t.Errorf("client counts %+v %+v, server %+v %+v", mine.Offline, mine.Online, theirs.Offline, theirs.Online)
			}
			agree(t, mine.Layers, theirs.Layers)
			for who, pair := range map[string][4]int64{
				"client": {mine.SocketSent, mine.Online.ClientSent + mine.Offline.ClientSent, mine.SocketReceived, mine.Online.ServerSent + mine.Offline.ServerSent},
				"server": {theirs.SocketSent, mine.Online.ServerSent + mine.Offline.ServerSent, theirs.SocketReceived, mine.Online.ClientSent + mine.Offline.ClientSent},
			} {
				for i := 0; i < 4; i += 2 {
					socket, above := pair[i], pair[i+1]
					if socket < above || socket > above+tlsOverhead(above, mine.Online.Rounds+mine.Offline.Rounds) {
						t.Errorf("%s: %d bytes at the socket, %d above TLS", who, socket, above)
					}
				}
			}
		})
	}
}

// TestRunAddsUp: what run prints of the processes together.
func TestRunAddsUp(t *testing.T) {
	p := newPlace(t, "client-server")
	q := p.start(nil, "run", "out", "--input", "random:3")
	var r runResult
	parse(t, p.ends(q, 0, ""), &r)
	checkColumns(t, "run", r.Stats)
	var report struct {
		Online, Offline party.Phase
		Layers          []party.LayerStats
	}
	text, err := os.ReadFile(p.path("out/report.json"))
	if err != nil {
		t.Fatal(err)
	}
	parse(t, string(text), &report)
	if r.Online.Traffic != report.Online.Traffic || r.Offline.Traffic != report.Offline.Traffic || r.Offline.DealerSent != report.Offline.DealerSent {
		t.Errorf("run measured %+v %+v, compile stated %+v %+v", r.Offline, r.Online, report.Offline, report.Online)
	}
	agree(t, r.Layers, report.Layers)
}

// agree demands the same traffic of layers of the same path, if there is any.
func agree(t *testing.T, a, b []party.LayerStats) {
	t.Helper()
	byPath := map[string]party.LayerStats{}
	for _, l := range b {
		byPath[l.Path] = l
	}
	for _, l := range a {
		if o := byPath[l.Path]; l.Online.Traffic != o.Online.Traffic || l.Offline.Traffic != o.Offline.Traffic {
			t.Errorf("layer %s: %+v %+v on one side, %+v %+v on the other", l.Path, l.Offline, l.Online, o.Offline, o.Online)
		}
	}
}

func parse(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}
