package frontend

import (
	"strings"
	"testing"

	"sotto/frontend/syntax"
)

func countWritten(s *Space) (int64, error) { return Summarise(s.Func).ReLUs, nil }

func parseText(t *testing.T, src string) *syntax.File {
	t.Helper()
	f, err := syntax.Parse("t.sotto", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Widths of CryptoNAS's networks are those of its formula, C0 = floor(B / (1024 * L)), and keep within the budget.
func TestBalanceIsThePapersFormula(t *testing.T) {
	for name, layers := range map[string]int64{"cnet1_cifar10": 6, "cnet2_cifar10": 12} {
		f := parseText(t, string(readExample(t, name)))
		for _, budget := range []int64{50_000, 86_000, 86_016, 100_000, 344_063, 344_064, 500_000} {
			opts, err := Balance(f, Options{}, "", budget, countWritten)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Elaborate(f, opts)
			if err != nil {
				t.Fatal(err)
			}
			want := budget / (1024 * layers)
			if got := Summarise(s.Func).ReLUs; got != 1024*layers*want || got > budget {
				t.Errorf("%s: %d ReLUs within %d, want %d of width %d", name, got, budget, 1024*layers*want, want)
			}
		}
	}
}

// A value that the network does not elaborate with is passed over, and a network that more channels do not give more ReLUs is counted as it
// is.
func TestBalanceCountsEveryValue(t *testing.T) {
	f := parseText(t, `net n {
  input image: f32[3, 8, 8] from client
  let c in {9, 1..6, 12}
  let other[2] in {1, 2}
  x = conv(image, if c == 3 { 40 } else { c }, kernel = 1) |> relu
  output y = conv(x, 8, kernel = 1, groups = if c == 5 { 3 } else { 1 }) |> flatten |> linear(2) to client
}`)
	for budget, want := range map[int64]int{64: 1, 320: 4, 575: 4, 576: 0, 768: 6, 2559: 6, 2560: 3} {
		opts, err := Balance(f, Options{}, "c", budget, countWritten)
		if err != nil || opts.Params["c"][0] != want {
			t.Errorf("%d ReLUs: value number %v, want %d (%v)", budget, opts.Params["c"], want, err)
		}
	}
}

func TestBalanceRefuses(t *testing.T) {
	const two = "net n {\n  input v: f32[4] from client\n  let a in {1, 2}\n  let b in {3, 4}\n  output y = linear(v, a + b) |> relu to client\n}"
	for _, c := range []struct {
		src, param string
		picked     map[string][]int
		budget     int64
		want       string
	}{
		{two, "", nil, 9, "accepted is NAME=BUDGET with a name of a, b"},
		{two, "c", nil, 9, "with a name of a, b"},
		{two, "a", map[string][]int{"a": {0}}, 9, "with a name of b"},
		{two, "a", map[string][]int{"b": {1}}, 4, "no value of a keeps within 4 ReLUs: the fewest are 5, of a = 1"},
		{"net n {\n  input v: f32[4] from client\n  output y = relu(v) to client\n}", "", nil, 9, "@n has no scalar parameter that is open"},
	} {
		_, err := Balance(parseText(t, c.src), Options{Params: c.picked}, c.param, c.budget, countWritten)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want it to say %q", err, c.want)
		}
	}
}
