package torch

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sotto/backend/torch/torchtest"
	"sotto/frontend"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/choices"
	"sotto/passes/pass"
)

// The program's readers, schedules, batches and steps of the logits, in one process.
func TestParts(t *testing.T) {
	dir := t.TempDir()
	fixed, err := Fixed()
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, fixed)
	script, err := filepath.Abs("testdata/parts.py")
	if err != nil {
		t.Fatal(err)
	}
	torchtest.Run(t, dir, script, dir)
}

// small is a space with all that a training step changes: weights, polynomials, running statistics, logits, nested and shared ones.
const small = `
choice act(x) = relu(x) | x2act(x)
choice body(x) = conv(x, 4, kernel = 3, pad = 1) |> batchnorm |> act as deep | conv(x, 4, kernel = 1) |> batchnorm as flat
shared choice pool(x) = maxpool(x, 2) | avgpool(x, 2)
net small {
  input image: f32[1, 8, 8] from client { mean = [0.5], std = [0.25] }
  x = conv(image, 4, kernel = 3, pad = 1) |> batchnorm |> act |> pool as pool1
  x = body(x) |> pool as pool2
  output y = x |> flatten DROPOUT |> linear(3) to client
}
`

// smallSpace is the space, with dropout or without.
func smallSpace(t *testing.T, dropout string) *ir.Module {
	t.Helper()
	space, err := frontend.Load("small.sotto", []byte(strings.Replace(small, "DROPOUT", dropout, 1)), frontend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return space.Module
}

// table is what of the table of prices a search reads.
type table struct {
	Target string       `json:"target"`
	Mean   cost.Figures `json:"mean"`
	Sites  []tableSite  `json:"sites"`
}

type tableSite struct {
	Path    string        `json:"path"`
	Options []tableOption `json:"options"`
}

type tableOption struct {
	Name string       `json:"name"`
	Adds cost.Figures `json:"adds"`
}

// pricesOf makes the first option of every site cost a millisecond more than the others.
func pricesOf(f *ir.Func) table {
	p := table{Target: "test", Mean: cost.Figures{OnlineMS: 10}}
	for _, s := range choices.Sites(f) {
		site := tableSite{Path: s.Path}
		for i, o := range s.Options {
			adds := cost.Figures{OnlineMS: -0.5}
			if i == 0 {
				adds.OnlineMS = 0.5
			}
			site.Options = append(site.Options, tableOption{o, adds})
		}
		p.Sites = append(p.Sites, site)
	}
	return p
}

// emitted writes the program of a module and a data set for it.
func emitted(t *testing.T, m *ir.Module) string {
	t.Helper()
	files, err := Emit(m)
	if err != nil {
		t.Fatal(err)
	}
	prices, err := json.Marshal(pricesOf(m.Funcs[0]))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, append(files, File{TableFile, prices}))
	writeStripes(t, filepath.Join(dir, "data"))
	return dir
}

// writeStripes writes images of noise with a bright stripe: across, down, or none.
func writeStripes(t *testing.T, dir string) {
	t.Helper()
	const side, classes = 8, 3
	r := rand.New(rand.NewPCG(3, 4)) // public: samples of tests
	for split, n := range map[string]int{"train": 96, "test": 30} {
		images, labels := header(n, side, side), header(n)
		for i := range n {
			image := make([]byte, side*side)
			for k := range image {
				image[k] = byte(r.IntN(120))
			}
			at := r.IntN(side)
			for k := range side {
				switch i % classes {
				case 0:
					image[at*side+k] = 255
				case 1:
					image[k*side+at] = 255
				}
			}
			images, labels = append(images, image...), append(labels, byte(i%classes))
		}
		write(t, dir, []File{{split + "-images-idx3-ubyte", images}, {split + "-labels-idx1-ubyte", labels}})
	}
}

// header begins an IDX file of bytes.
func header(sizes ...int) []byte {
	h := []byte{0, 0, 8, byte(len(sizes))}
	for _, n := range sizes {
		h = binary.BigEndian.AppendUint32(h, uint32(n))
	}
	return h
}

// arguments of a search and of a training, of which the decision of the options of all sites is given.
func arguments(command, out string, more ...string) []string {
	return append([]string{command, "--data", "data", "-o", out, "--batch", "16", "--epochs", "3", "--seed", "5"}, more...)
}

func quoted(t *testing.T, args []string) string {
	t.Helper()
	text, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	searching = []string{"--logit-rate", "0.1", "--price", "latency=1", "--rate", "0.1"}
	decisive  = []string{"--decision", "decision.json", "--augment", "pad=1,cutout=2", "--smoothing", "0.1"}
)

const decision = `{"sotto":1,"choices":{"act#1":"x2act","pool":"avgpool","body#1":"deep","body#1.deep.act#1":"relu"}}`

// A search and a training that are killed and resumed end as those that are not, and a search by two processes ends as that by one.
func TestRunsAreResumedAndDivided(t *testing.T) {
	m := smallSpace(t, "|> dropout(0.2)")
	dir := emitted(t, m)
	write(t, dir, []File{{"decision.json", []byte(decision)}})
	several, err := filepath.Abs("testdata/several.py")
	if err != nil {
		t.Fatal(err)
	}
	torchtest.Run(t, dir, several, dir, quoted(t, arguments("search", "s1", searching...)), quoted(t, arguments("train", "t1", decisive...)))
	killed(t, dir, arguments("search", "s2", searching...))
	killed(t, dir, arguments("train", "t2", decisive...))
	again := func(command, out string, settings []string) string {
		return quoted(t, arguments(command, out, append(settings, "--resume")...))
	}
	torchtest.Run(t, dir, several, dir, again("search", "s2", searching), again("train", "t2", decisive))
	for _, out := range []string{"s", "t"} {
		one, two := readTensors(t, filepath.Join(dir, out+"1", "weights.safetensors")), readTensors(t, filepath.Join(dir, out+"2", "weights.safetensors"))
		if len(one) == 0 || !reflect.DeepEqual(one, two) {
			t.Errorf("%s: what was resumed ends with other weights", out)
		}
		if a, b := entries(t, filepath.Join(dir, out+"1")), entries(t, filepath.Join(dir, out+"2")); !reflect.DeepEqual(a, b) || len(a) != 3 {
			t.Errorf("%s: what was resumed has another history: %v\n%v", out, a, b)
		}
	}
	taken := decisionOf(t, m, filepath.Join(dir, "s1", "decision.json"))
	if taken["act#1"] != "x2act" || taken["pool"] != "avgpool" { // which cost a weight of 1 less
		t.Errorf("the search takes what costs more: %v", taken)
	}
}

// Two processes do what one does with the joined batch, to what the order of sums leaves.
func TestTwoProcessesAreOne(t *testing.T) {
	dir := emitted(t, smallSpace(t, ""))
	torchtest.Run(t, dir, append([]string{"main.py"}, arguments("search", "one", searching...)...)...)
	// PyTorch 1.13 under Python 3.11 does not know the default of --redirects and --tee.
	torchrun := []string{"-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "--redirects", "1", "--tee", "1",
		"--log_dir", t.TempDir(), "main.py"}
	torchtest.Run(t, dir, append(torchrun, arguments("search", "two", searching...)...)...)
	one, two := readTensors(t, filepath.Join(dir, "one", "weights.safetensors")), readTensors(t, filepath.Join(dir, "two", "weights.safetensors"))
	if len(one) == 0 || len(one) != len(two) {
		t.Fatalf("%d and %d tensors", len(one), len(two))
	}
	for path, want := range one {
		if off := apart(two[path], want); off > tolerance {
			t.Errorf("%s is %.2g apart: %v, by one process %v", path, off, two[path], want)
		}
	}
	a, b := entries(t, filepath.Join(dir, "one")), entries(t, filepath.Join(dir, "two"))
	if x, y := a[len(a)-1]["accuracy"], b[len(b)-1]["accuracy"]; x != y {
		t.Errorf("accuracies %v and %v", x, y)
	}
}

// killed starts a run and kills it after its first epoch.
func killed(t *testing.T, dir string, args []string) {
	t.Helper()
	c := torchtest.Command(t, dir, append([]string{"main.py"}, args...)...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if !bufio.NewScanner(out).Scan() {
		t.Errorf("%v ends before its first epoch", args)
	}
	c.Process.Kill()
	c.Wait()
}

// entries are the lines of a run's log, without what clocks say.
func entries(t *testing.T, dir string) (list []map[string]any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "log.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		entry := map[string]any{}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		delete(entry, "seconds")
		delete(entry, "images_per_s")
		list = append(list, entry)
	}
	return list
}

// decisionOf reads what a search wrote, which has to decide all sites of the space.
func decisionOf(t *testing.T, m *ir.Module, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Sotto   int
		Choices map[string]string
	}
	if err := json.Unmarshal(text, &file); err != nil || file.Sotto != 1 {
		t.Fatalf("%s: %v", text, err)
	}
	var list []pass.Decision
	for site, option := range file.Choices {
		list = append(list, pass.Decision{Site: site, Option: option})
	}
	lower(t, m, &pass.Context{Choices: list}, choices.Resolve)
	return file.Choices
}

// What is wrong with what a user gives is said in a line.
func TestProgramRefuses(t *testing.T) {
	dir := emitted(t, smallSpace(t, ""))
	write(t, dir, []File{{"other.json", []byte(`{"sotto":1,"choices":{"act#1":"gelu"}}`)}})
	for want, args := range map[string][]string{
		"choices without a decision: act#1, ":         arguments("train", "o"),
		"the decision takes gelu for act#1: accepted": arguments("train", "o", "--decision", "other.json"),
	} {
		if got := torchtest.Fails(t, dir, slices.Concat([]string{"main.py"}, args)...); !strings.Contains(got, want) || strings.Contains(got, "Traceback") {
			t.Errorf("%v: %s; want %s", args, got, want)
		}
	}
}
