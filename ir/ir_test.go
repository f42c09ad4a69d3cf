package ir

import (
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"sotto/ir/cost"
)

// wrapExample makes a module of an op's example lines, in a stage where the op is legal.
func wrapExample(o *Op) string {
	stage := "net"
	switch {
	case o.Stages&Net != 0:
	case o.Stages&Space != 0:
		stage = "space"
	case o.Stages&RingStage != 0:
		stage = "ring"
	case o.Stages&Train != 0:
		stage = "train"
	default:
		stage = "secure outsourced"
		if strings.Contains(o.Example, ": M ") {
			stage = "secure client-server"
		}
	}
	typ, result := "f32[8,4,4]", "%1"
	if o.Name != "choice" {
		lines := strings.Split(o.Example, "\n")
		last := lines[len(lines)-1]
		typ, result = last[strings.LastIndex(last, " : ")+3:], strings.Fields(last)[0]
	}
	return "module " + stage + "\nfunc @example() -> " + typ + " {\n" + o.Example + "\nreturn " + result + "\n}\n"
}

func TestEveryOpsExampleParsesAndPrintsBack(t *testing.T) {
	for _, o := range Ops() {
		m, err := Parse(o.Name, wrapExample(o))
		if err != nil {
			t.Errorf("%s: %v", o.Name, err)
			continue
		}
		if err := Check(m); err != nil {
			t.Errorf("%s: %v", o.Name, err)
		}
		text := m.String()
		again, err := Parse(o.Name, text)
		if err != nil {
			t.Errorf("%s: printed text does not parse: %v\n%s", o.Name, err, text)
			continue
		}
		if again.String() != text {
			t.Errorf("%s: print(parse(text)) differs:\n%s\n%s", o.Name, text, again)
		}
		if o.Doc == "" || o.Example == "" {
			t.Errorf("%s lacks documentation", o.Name)
		}
	}
}

// exampleWeight gives small deterministic numbers of the type the value says.
func exampleWeight(v *Value) (*Tensor, error) {
	out := NewTensor(v.Type)
	for i := range out.F {
		out.F[i] = float32(i%7)/4 + 0.25
	}
	for i := range out.I {
		out.I[i] = int64(i%7 - 3)
		if v.Type.Elem.Bits == 1 {
			out.I[i] = int64(i % 2)
		}
	}
	return out, nil
}

func TestEvalGivesTheInferredType(t *testing.T) {
	for _, o := range Ops() {
		if o.Eval == nil {
			continue
		}
		m, err := Parse(o.Name, wrapExample(o))
		if err != nil {
			t.Fatal(err)
		}
		f := m.Funcs[0]
		r := Runner{Weight: exampleWeight}
		env, err := r.Run(f)
		if err != nil {
			t.Errorf("%s: %v", o.Name, err)
			continue
		}
		got := env[f.Result]
		if max(len(got.F), len(got.I)) != f.Result.Type.Len() || got.Type.Elem.Float != f.Result.Type.Elem.Float {
			t.Errorf("%s: evaluates to %d elements, type says %s", o.Name, len(got.I)+len(got.F), f.Result.Type)
		}
	}
}

func TestSecureOpsCostMessages(t *testing.T) {
	for _, o := range Ops() {
		if o.Stages != Secure || o.Local || o.Constant {
			continue
		}
		m, err := Parse(o.Name, wrapExample(o))
		if err != nil {
			t.Fatal(err)
		}
		if m.Deploy == "" {
			m.Deploy = cost.Outsourced
		}
		l := Account(m, m.Funcs[0], cost.FromDealer)
		if len(l.Messages)+len(l.Dealt) == 0 {
			t.Errorf("%s is neither local nor does it cost anything", o.Name)
		}
	}
}

func TestParseErrors(t *testing.T) {
	const head = "module net\nfunc @f(%x: C f32[4]) -> f32[4] {\n"
	const space = "module space\nfunc @f(%x: f32[4]) -> f32[4] {\n%1 = choice {site=\"s\"} : f32[4] {\noption a:\n%2 = nn.relu %x : f32[4]\n"
	for _, c := range []struct{ text, want string }{
		{"", `accepted is "module"`},
		{"module nets", "accepted are the stages"},
		{"module secure both", "unknown deployment"},
		{head + "%1 = nn.rule %x : f32[4]\nreturn %1 }", "no op is called"},
		{head + "%1 = nn.relu %y : f32[4]\nreturn %1 }", "used before it is computed"},
		{head + "%1 = nn.relu %x : f32[5]\nreturn %1 }", "nn.relu gives f32[4]"},
		{head + "%1 = nn.relu %x {p=1} : f32[4]\nreturn %1 }", "no attribute"},
		{head + "%1 = nn.relu %x : f32[-1]\nreturn %1 }", "must be positive"},
		{head + "%1 = nn.relu %x : f32[99999999999,99999999999]\nreturn %1 }", "at most 2^34"},
		{head + "%1 = nn.relu %x : f32[4] @9:1:1\nreturn %1 }", "accepted is a place"},
		{head + "%1 = nn.relu %x", `accepted is ":"`},
		{head + "%1 = ring.relu %x : f32[4]\nreturn %1 }", "not legal in stage net"},
		{head + "return %x }", "its head says"},
		{head + "%x = nn.relu %x : f32[4]\nreturn %x }", "computed twice"},
		{head + "%w = param @w : f32[4]\nreturn %x }", "accepted is S f32[4]"},
		{head + "%1 = nn.relu %x : f32[4]\n%2 = nn.scale %x, %1 : f32[4]\nreturn %2 }", "s is %1, a result of nn.relu: accepted is a weight"},
		{"module ring\nfunc @f(%x: i32q8[]) -> i32q8[] {\nreturn %x }", "at least one side"},
		{space + "yield %x\noption b:\nyield %2\n}\nreturn %1 }", "%2 is used before it is computed"},
		{space + "yield %2\noption b:\n%2 = nn.relu %x : f32[4]\nyield %2\n}\nreturn %1 }", "%2 is computed twice"},
		{space + "yield %2\noption a:\nyield %x\n}\nreturn %1 }", "two options are called a"},
		{space + "yield %2\n}\n%3 = choice {site=\"s\"} : f32[4] {\noption b:\nyield %x\n}\nreturn %3 }", `site "s" has the options b here, and a before`},
		{space + "yield %2\n}\n%3 = nn.relu %2 : f32[4]\nreturn %3 }", "%2 is used before it is computed"},
		{"module net\nfunc @f(%x: f32[4]) -> f32[4] {\nreturn %x }\nfunc @f(%x: f32[4]) -> f32[4] {\nreturn %x }", "there twice"},
	} {
		_, err := Parse("t.ir", c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want it to say %q", c.text, err, c.want)
		}
	}
}

func TestCheckPointsAtTheWrongValue(t *testing.T) {
	m, err := Parse("t.ir", "module net\nfunc @f(%x: f32[4]) -> f32[4] {\n%1 = nn.relu %x : f32[4]\nreturn %1\n}")
	if err != nil {
		t.Fatal(err)
	}
	m.Funcs[0].Body[0].Type = Float(5)
	err = Check(m)
	if err == nil || !strings.Contains(err.Error(), "  ^^^ is written as f32[5], nn.relu gives f32[4]") {
		t.Errorf("got %v", err)
	}
}

func TestCheckKeepsWhatAnOptionComputesInside(t *testing.T) {
	m, err := Parse("t.ir", "module space\nfunc @f(%x: f32[4]) -> f32[4] {\n%1 = choice {site=\"s\"} : f32[4] {\noption a:\n%2 = nn.relu %x : f32[4]\n"+
		"yield %2\n}\n%3 = nn.relu %1 : f32[4]\nreturn %3\n}")
	if err != nil {
		t.Fatal(err)
	}
	f := m.Funcs[0]
	f.Body[1].Args[0] = f.Body[0].Options[0].Result
	if err := Check(m); err == nil || !strings.Contains(err.Error(), "%2 is used before it is computed") {
		t.Errorf("got %v", err)
	}
}

func TestTournamentOpsFindTheMaximum(t *testing.T) {
	text, err := os.ReadFile("testdata/tournament.ir")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse("tournament.ir", string(text))
	if err != nil {
		t.Fatal(err)
	}
	x := NewTensor(m.Funcs[0].Params[0].Type)
	for i := range x.I {
		x.I[i] = int64((i*37)%101 - 50)
	}
	env, err := (&Runner{}).Run(m.Funcs[0], x)
	if err != nil {
		t.Fatal(err)
	}
	got := env[m.Funcs[0].Result].I
	pool := &Value{Op: MustLookup("ring.maxpool"), Attrs: Attrs{"kernel": []int{2, 2}, "stride": []int{2, 2}}, Type: m.Funcs[0].Result.Type.With(1, 2, 2).Of(Clear),
		Args: []*Value{{Type: x.Type.Of(Clear)}}}
	want, err := EvalOne(pool, []*Tensor{x})
	if err != nil {
		t.Fatal(err)
	}
	for i := range want.I {
		if got[i] != want.I[i] {
			t.Errorf("window %d: got %d, want %d", i, got[i], want.I[i])
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, o := range Ops() {
		f.Add(wrapExample(o))
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Parse("fuzz.ir", text)
		if err != nil {
			return
		}
		once := m.String()
		again, err := Parse("fuzz.ir", once)
		if err != nil {
			t.Fatalf("printed text does not parse: %v\n%s", err, once)
		}
		if twice := again.String(); twice != once {
			t.Fatalf("print(parse(print)) differs:\n%s\n%s", once, twice)
		}
	})
}

// drawnWeight draws numbers of both signs, and of one for a variance, from none at all to some hundreds.
func drawnWeight(rng *rand.Rand) func(v *Value) (*Tensor, error) {
	return func(v *Value) (*Tensor, error) {
		out := NewTensor(v.Type)
		size, shift := math.Exp2(12*rng.Float64()-4), rng.Float64()-0.5
		for i := range out.F {
			out.F[i] = float32(size * (rng.Float64() - 0.5 + shift))
			if v.Path == "var" {
				out.F[i] = float32(math.Abs(float64(out.F[i])))
			}
		}
		return out, nil
	}
}

func TestRangeHoldsTheResult(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2)) // public: inputs of a test
	for _, o := range Ops() {
		if o.Stages&Net == 0 || o.Eval == nil || strings.HasPrefix(o.Name, "const.") {
			continue
		}
		m, err := Parse(o.Name, wrapExample(o))
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			if !rangeHolds(t, m.Funcs[0], drawnWeight(rng)) {
				break
			}
		}
	}
}

// rangeHolds tells whether the result of a function is within the range that its op gives for the arguments.
func rangeHolds(t *testing.T, f *Func, weight func(*Value) (*Tensor, error)) bool {
	env, err := (&Runner{Weight: weight, Keep: func(*Value) bool { return true }}).Run(f)
	if err != nil {
		t.Fatal(err)
	}
	in, weights := make([]Interval, len(f.Result.Args)), make([][]float32, len(f.Result.Args))
	for i, a := range f.Result.Args {
		weights[i] = env[a].F
		in[i] = hull(weights[i])
	}
	if f.Result.Is("nn.mix") || f.Result.Is("nn.concat") { // their arguments are no weights elsewhere
		in[0] = in[len(in)-1].Union(in[1])
	}
	got, want := f.Result.Range(in, weights), hull(env[f.Result].F)
	within := 1e-5 * max(1, want.Magnitude())
	if got.Lo > want.Lo+within || got.Hi < want.Hi-within {
		t.Errorf("%s: range %v does not hold the result's %v of arguments in %v", f.Result.Op.Name, got, want, in)
		return false
	}
	return true
}

func hull(xs []float32) Interval {
	h := Interval{float64(xs[0]), float64(xs[0])}
	for _, x := range xs {
		h = h.Union(Interval{float64(x), float64(x)})
	}
	return h
}
