package conform

import (
	"bytes"
	cryptorand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"sotto/backend/twopc"
	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/runtime/ot"
	"sotto/runtime/party"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/vm"
)

// A bundle may come from anybody. These tests change programs and seal them again, as whoever hands out bundles can, and
// demand that Verify refuses a program or that the machine runs it without a panic.

// hostileNets and silentNet use every opcode between them.
var hostileNets = []string{
	"x = conv(image, 2, kernel = 3, pad = 1) |> batchnorm |> x2act |> pad(1) |> slice(stride = 2)\n output y = maxpool(x, 2) |> flatten |> linear(3) |> argmax to client",
	"a = conv(image, 2, kernel = 3) |> relu\n output y = concat(a, a) |> upsample |> avgpool(4) |> batchnorm |> flatten |> linear(70) |> relu |> linear(2) to client",
}

// silentNet has label OTs enough for Ferret.
const silentNet = "x = conv(image, 230, kernel = 1) |> relu\n output y = x |> avgpool |> flatten |> linear(2) to client"

func hostilePairs(tb testing.TB) []*twopc.Pair {
	tb.Helper()
	var pairs []*twopc.Pair
	for i, body := range hostileNets {
		for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			for _, bits := range []int{32, 64} {
				pairs = append(pairs, compileExample(tb, fmt.Sprintf("hostile%d", i), "net small {\n input image: f32[1, 6, 6] from client\n "+body+"\n}\n", d, bits).Pair)
			}
		}
	}
	for i, way := range []pass.Protocols{byOT, {Nonlinear: pass.OTSign}} {
		d := []cost.Deployment{cost.ClientServer, cost.Outsourced}[i]
		pairs = append(pairs, compileWith(tb, "compared", "net small {\n input image: f32[1, 6, 6] from client\n "+hostileNets[1]+"\n}\n", d, 32, way).Pair)
	}
	exact := pass.Protocols{Truncation: pass.ExactTruncation} // no quadratic takes such a truncation in
	pairs = append(pairs, compileWith(tb, "exact", "net small {\n input image: f32[1, 6, 6] from client\n "+hostileNets[0]+"\n}\n", cost.ClientServer, 32, exact).Pair)
	silent := &pass.Context{Deploy: cost.ClientServer, Ring: 32, Source: cost.FromDealer, OT: cost.AlwaysOT(cost.Ferret)}
	pairs = append(pairs, dealtPairs(tb)...)
	pairs = append(pairs, stepPair(tb))
	gathered := &pass.Context{Deploy: cost.ClientServer, Ring: 32, Source: cost.FromDealer, Protocols: pass.Protocols{Nonlinear: pass.GarbledWhole}, Gates: gatesOf(1, 5)}
	pairs = append(pairs, compileIn(tb, "gathered", gatheredText, gathered).Pair)
	return append(pairs, compileIn(tb, "silent", "net small {\n input image: f32[1, 6, 6] from client\n "+silentNet+"\n}\n", silent).Pair)
}

// stepPair is of a training step.
func stepPair(tb testing.TB) *twopc.Pair {
	how := pass.Training{Batch: 2, Optimiser: pass.SGD{Momentum: 0.9}, Softmax: pass.ShiftedReLU}
	return compileStep(tb, "net small {\n input image: f32[1, 4, 4] from client\n x = conv(image, 2, kernel = 3, pad = 1) |> batchnorm |> maxpool(2) |> relu\n"+
		" output y = x |> avgpool(2) |> flatten |> linear(2) to client\n}\n",
		&pass.Context{Deploy: cost.Outsourced, Source: cost.FromDealer, Training: &how, OT: cost.AlwaysOT(cost.SoftSpoken)}).Pair
}

// dealtPairs use the opcodes of comparisons by dealt keys.
func dealtPairs(tb testing.TB) []*twopc.Pair {
	tb.Helper()
	var pairs []*twopc.Pair
	for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		pairs = append(pairs, compileWith(tb, "dealt", "net small {\n input image: f32[1, 6, 6] from client\n x = conv(image, 2, kernel = 3) |> relu |> flatten\n"+
			" output y = x |> linear(3) |> argmax to client\n}\n", d, 32, pass.Protocols{Nonlinear: pass.DealtWhole}).Pair)
	}
	return pairs
}

// subject is a program and its manifest, to be changed.
type subject struct {
	Program  *program.Program
	Manifest *program.Manifest
}

// fields lists every number and opcode of v that may be changed, and every list whose elements may be.
func fields(v reflect.Value, out *[]reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		fields(v.Elem(), out)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "_" {
				fields(v.Field(i), out)
			}
		}
	case reflect.Slice:
		*out = append(*out, v)
		for i := range v.Len() {
			fields(v.Index(i), out)
		}
	case reflect.Int, reflect.Int64, reflect.Uint8, reflect.Bool, reflect.Float64:
		*out = append(*out, v)
	case reflect.String:
		if v.Type() == reflect.TypeFor[program.Opcode]() || v.Type() == reflect.TypeFor[program.ItemKind]() {
			*out = append(*out, v)
		}
	case reflect.Array:
		if v.Type() != reflect.TypeFor[program.Hash]() {
			for i := range v.Len() {
				fields(v.Index(i), out)
			}
		}
	}
}

// opcodes are those that there are, and one that there is not.
var opcodes = append(program.Opcodes(), "none")

var kinds = []program.ItemKind{program.Mask, program.Moved, program.Product, program.Cross, program.Square, program.Bilinear, program.Compare, program.Rectify, ""}

// numbers are added to a number, or take its place.
var numbers = []int{0, 1, -1, 2, 3, 31, 32, 33, 63, 64, 65, 1 << 16, 1<<31 - 1, 1 << 31, 1 << 32, 1 << 48, 1<<63 - 1, -1 << 63}

// change applies one edit of four bytes.
func change(v reflect.Value, kind, arg byte) {
	switch v.Kind() {
	case reflect.Int, reflect.Int64:
		n := numbers[int(arg)%len(numbers)]
		if kind%2 == 0 {
			n += int(v.Int())
		}
		v.SetInt(int64(n))
	case reflect.Uint8:
		v.SetUint(uint64(arg % 4))
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Float64:
		v.SetFloat(float64(int8(arg)))
	case reflect.String:
		if v.Type() == reflect.TypeFor[program.ItemKind]() {
			v.SetString(string(kinds[int(arg)%len(kinds)]))
			return
		}
		v.SetString(string(opcodes[int(arg)%len(opcodes)]))
	case reflect.Slice:
		changeList(v, kind, int(arg))
	}
}

// changeList drops, repeats or swaps elements.
func changeList(v reflect.Value, kind byte, at int) {
	n := v.Len()
	if n == 0 {
		return
	}
	switch at %= n; kind % 3 {
	case 0:
		v.Set(reflect.AppendSlice(v.Slice3(0, at, at), v.Slice(at+1, n)))
	case 1:
		v.Set(reflect.Append(v.Slice3(0, n, n), v.Index(at)))
	case 2:
		first := reflect.New(v.Type().Elem()).Elem()
		first.Set(v.Index(0))
		v.Index(0).Set(v.Index(at))
		v.Index(at).Set(first)
	}
}

// mutate applies edits and gives what the file of the result would hold, sealed.
func mutate(t *testing.T, s subject, edits []byte) subject {
	t.Helper()
	for ; len(edits) >= 4; edits = edits[4:] {
		var all []reflect.Value
		fields(reflect.ValueOf(&s).Elem(), &all)
		change(all[int(binary.LittleEndian.Uint16(edits))%len(all)], edits[2], edits[3])
	}
	var other program.Program
	if s.Program.Party == cost.Server {
		seal(t, &other, s.Program, s.Manifest)
	} else {
		seal(t, s.Program, &other, s.Manifest)
	}
	return s
}

func seal(t testing.TB, client, server *program.Program, m *program.Manifest) {
	t.Helper()
	if err := program.Seal(client, server, m); err != nil {
		t.Fatal(err)
	}
}

// clone copies a program and its manifest, to be changed.
func clone(p *program.Program, m *program.Manifest) subject {
	s := subject{p, m}
	return deepCopy(reflect.ValueOf(s)).Interface().(subject)
}

func deepCopy(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.Pointer:
		out.Set(reflect.New(v.Type().Elem()))
		out.Elem().Set(deepCopy(v.Elem()))
	case reflect.Slice:
		if v.IsNil() { // which the encoding tells from an empty one
			return out
		}
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(deepCopy(v.Index(i)))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(deepCopy(v.Field(i)))
			}
		}
	default:
		out.Set(v)
	}
	return out
}

// survive verifies a program and, if it passes and is small enough to be run here, runs both its phases. It reports
// whether it was accepted.
func survive(t *testing.T, s subject) bool {
	t.Helper()
	if s.Program.Verify(s.Manifest) != nil {
		return false
	}
	const small = 1 << 20
	weights := 0
	for _, w := range s.Program.Weights {
		weights += w.Len
	}
	if s.Program.Memory() > small || s.Manifest.Memory() > small || weights > small {
		return true
	}
	if s.Program.Ring == 32 {
		play[uint32](t, s.Program)
	} else {
		play[uint64](t, s.Program)
	}
	return true
}

func play[W ring.Word](t *testing.T, p *program.Program) {
	t.Helper()
	weights := make([][]W, len(p.Weights))
	for i, w := range p.Weights {
		weights[i] = make([]W, w.Len)
	}
	m, err := vm.New(p, &deafConn{left: 1 << 20}, noOTs(p), weights)
	if err != nil {
		t.Fatalf("verified, and cannot be made: %v", err)
	}
	defer m.Wipe()
	m.Streams = func(vm.StreamName) (vm.Stream, error) { return new(nonsenseStream), nil }
	for _, phase := range []cost.Phase{cost.Offline, cost.Online} {
		if err := m.Run(phase, nil); err != nil {
			return // an error is a fine answer
		}
	}
	if m.Program.Input.Buf >= 0 && len(m.Input()) == 0 || m.Program.Output.Buf >= 0 && len(m.Output()) == 0 {
		t.Error("an input or output without elements")
	}
}

// nonsenseStream gives back what was written, then nonsense: keys of comparisons that no dealer made.
type nonsenseStream struct{ bytes.Buffer }

func (s *nonsenseStream) Read(p []byte) (int, error) {
	if s.Len() > 0 {
		return s.Buffer.Read(p)
	}
	for i := range p {
		p[i] = byte(i * 41)
	}
	return len(p), nil
}

func (*nonsenseStream) Close() error { return nil }

// deafConn is a peer that hears nothing and says left bytes of nonsense.
type deafConn struct{ left int }

func (c *deafConn) Begin()                      {}
func (c *deafConn) Write(p []byte) (int, error) { return len(p), nil }
func (c *deafConn) End() error                  { return nil }
func (c *deafConn) Abort(string) error          { return nil }
func (c *deafConn) SetSendTag(int, int)         {}
func (c *deafConn) SetRecvTag(int, int)         {}
func (c *deafConn) ReadFull(p []byte) error {
	if c.left -= len(p); c.left < 0 {
		return errors.New("the peer has said enough")
	}
	for i := range p {
		p[i] = byte(i * 37)
	}
	return nil
}

// nonsenseCOT has the message sizes of SoftSpoken and blocks that mean nothing.
type nonsenseCOT struct{}

func (nonsenseCOT) Wipe() {}

func (nonsenseCOT) Delta() prg.Block { return prg.Block{Lo: 1} }

func (nonsenseCOT) MessageBytes(n int) int { return int(cost.SoftSpokenBytes(int64(n))) }

func (nonsenseCOT) Extend(n int, u []byte, k []prg.Block) error {
	if int64(len(u)) != cost.SoftSpokenBytes(int64(n)) || len(k) != n {
		return errors.New("lengths do not fit")
	}
	return nil
}

type nonsenseReceiver struct{}

func (nonsenseReceiver) Wipe() {}

func (nonsenseReceiver) MessageBytes(n int) int { return int(cost.SoftSpokenBytes(int64(n))) }

func (r nonsenseReceiver) Extend(choice []uint64, n int, m []prg.Block) ([]byte, error) {
	u := make([]byte, r.MessageBytes(len(m)))
	return u, r.ExtendTo(u, choice, n, m)
}

func (r nonsenseReceiver) ExtendTo(u []byte, choice []uint64, n int, m []prg.Block) error {
	if len(m) != n || len(choice) != (n+63)/64 || len(u) != r.MessageBytes(n) {
		return errors.New("lengths do not fit")
	}
	return nil
}

// noOTs has what the party's extensions give it, and nothing more. Label OTs by Ferret take a base that means nothing.
func noOTs(p *program.Program) *vm.OTs {
	hash := prg.NewHash(prg.Block{Lo: 3})
	o := &vm.OTs{}
	if p.Extensions.Pads[p.Party] > 0 {
		o.Send = vm.PadSender{End: vm.COTSender(nonsenseCOT{}), Hash: hash, Keys: prg.NewCounter(prg.COTPad)}
		if pad := p.Extensions.Pad(p.Party); pad.Silent() {
			o.Send.End = vm.FerretSender(nonsenseSender(pad))
		}
	}
	if peer := p.Party.Other(); p.Extensions.Pads[peer] > 0 {
		o.Recv = vm.PadReceiver{End: vm.COTReceiver(nonsenseReceiver{}), Hash: hash, Keys: prg.NewCounter(prg.COTPad)}
		if pad := p.Extensions.Pad(peer); pad.Silent() {
			o.Recv.End = vm.FerretReceiver(nonsenseChooser(pad))
		}
	}
	for i := range p.Extensions.Garbled {
		o.Batches = append(o.Batches, nonsenseBatch(p, i, hash))
	}
	return o
}

func nonsenseBatch(p *program.Program, i int, hash *prg.Hash) vm.Batch {
	garbles, label := p.Extensions.Garbled[i].Garbler == p.Party, p.Extensions.Label(i)
	b := vm.Batch{Hash: hash, Delta: prg.Block{Lo: 1}}
	switch {
	case garbles && label.Silent():
		b.SilentSender = nonsenseSender(label)
	case label.Silent():
		b.SilentReceiver = nonsenseChooser(label)
	case garbles:
		b.Sender = nonsenseCOT{}
	default:
		b.Receiver = nonsenseReceiver{}
	}
	return b
}

// nonsenseSender is an end of Ferret with a base that means nothing.
func nonsenseSender(i cost.Instance) *ot.FerretSender {
	s, err := ot.NewFerretSender(i.Set, prg.Seed{}, prg.Block{Lo: 1}, make([]prg.Block, i.Base()), cryptorand.Reader)
	if err != nil {
		panic(err)
	}
	return s
}

// nonsenseChooser is the other end of such a Ferret.
func nonsenseChooser(i cost.Instance) *ot.FerretReceiver {
	r, err := ot.NewFerretReceiver(i.Set, prg.Seed{}, make([]uint64, ring.BitWords(int(i.Base()))), make([]prg.Block, i.Base()))
	if err != nil {
		panic(err)
	}
	return r
}

func of(pair *twopc.Pair, which int) *program.Program {
	return []*program.Program{pair.Client, pair.Server}[which%2]
}

// TestHostilePrograms runs a thousand changed programs; FuzzProgram goes on from there.
func TestHostilePrograms(t *testing.T) {
	pairs := hostilePairs(t)
	const eachProgram, mostEdits = 60, 3
	r := rand.New(rand.NewPCG(1, 1)) // public: which edits are tried
	accepted, refused := 0, 0
	for i, pair := range pairs {
		for which := range 2 {
			if !survive(t, clone(of(pair, which), pair.Manifest)) {
				t.Fatalf("program %d of pair %d is refused as it is", which, i)
			}
			for range eachProgram {
				edits := make([]byte, 4*(1+r.IntN(mostEdits)))
				for j := range edits {
					edits[j] = byte(r.Uint32())
				}
				if survive(t, mutate(t, clone(of(pair, which), pair.Manifest), edits)) {
					accepted++
				} else {
					refused++
				}
			}
		}
	}
	t.Logf("%d accepted, %d refused", accepted, refused)
	if accepted == 0 || refused == 0 {
		t.Error("the edits try one side alone")
	}
}

func FuzzProgram(f *testing.F) {
	pairs := hostilePairs(f)
	f.Add(uint8(0), []byte{0, 0, 0, 0})
	f.Add(uint8(5), []byte{100, 0, 1, 17, 7, 2, 0, 3})
	f.Fuzz(func(t *testing.T, which uint8, edits []byte) {
		if len(edits) > 64 {
			return
		}
		pair := pairs[int(which/2)%len(pairs)]
		survive(t, mutate(t, clone(of(pair, int(which)), pair.Manifest), edits))
	})
}

// FuzzProgramFile feeds the decoder bytes: it gives an error or something that Verify can judge.
func FuzzProgramFile(f *testing.F) {
	dir := f.TempDir()
	for i, pair := range hostilePairs(f)[:2] {
		for name, v := range map[string]any{"p": pair.Client, "m": pair.Manifest} {
			path := filepath.Join(dir, fmt.Sprint(name, i))
			if err := program.Write(path, v); err != nil {
				f.Fatal(err)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Add([]byte{0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) // a list of 2^64-1 elements
	f.Add(bytes.Repeat([]byte{0x81}, 1<<16))                            // lists in lists
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), party.ProgramFile)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		s := subject{new(program.Program), new(program.Manifest)}
		if program.Read(path, s.Program) == nil && program.Read(path, s.Manifest) == nil {
			s.Program.Verify(s.Manifest)
		}
	})
}

// TestEveryOpcodeIsTried holds hostileNets to their promise.
func TestEveryOpcodeIsTried(t *testing.T) {
	var seen []program.Opcode
	for _, pair := range hostilePairs(t) {
		for which := range 2 {
			p := of(pair, which)
			for _, l := range slices.Concat(p.Offline, p.Online) {
				for _, in := range slices.Concat(l.Send, l.Recv, l.Compute) {
					seen = append(seen, in.Op)
				}
			}
		}
	}
	// By these networks: a square without a linear term is in dumps alone.
	notEmitted := []program.Opcode{program.Copy, program.AddC, program.SquareClient, program.SquareServer, "none"}
	for _, op := range opcodes {
		if slices.Contains(notEmitted, op) {
			continue
		}
		if !slices.Contains(seen, op) {
			t.Errorf("no program has a %s", op)
		}
	}
}
