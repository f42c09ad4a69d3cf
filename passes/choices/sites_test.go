package choices_test

import (
	"slices"
	"testing"

	"sotto/ir"
	"sotto/passes/choices"
	"sotto/passes/pass"
)

const nested = `module space
func @net(%x: f32[4]) -> f32[4] {
  %1 = choice {site="body#1", choice="body"} : f32[4] {
  option deep:
    %2 = choice {site="body#1.act#1", choice="act"} : f32[4] {
    option relu:
      %3 = nn.relu %x : f32[4]
      yield %3
    option none:
      yield %x
    }
    yield %2
  option skip:
    yield %x
  }
  return %1
}`

func TestFirstTakesTheFirstOptionOfWhatIsOpen(t *testing.T) {
	for _, c := range []struct {
		decisions []pass.Decision
		open      []string
		values    int
	}{
		{nil, []string{"body#1", "body#1.act#1"}, 1},
		{[]pass.Decision{{Site: "body", Option: "deep"}}, []string{"body#1.act#1"}, 1},
		{[]pass.Decision{{Site: "body", Option: "deep"}, {Site: "act", Option: "none"}}, nil, 0},
		{[]pass.Decision{{Site: "body#1", Option: "skip"}}, nil, 0},
	} {
		m, err := ir.Parse("t.ir", nested)
		if err != nil {
			t.Fatal(err)
		}
		f, open, err := choices.First(m.Funcs[0], c.decisions)
		if err != nil || !slices.Equal(open, c.open) || len(f.Body) != c.values {
			t.Errorf("%v: %d values, open %v, error %v; want %d values, open %v", c.decisions, len(f.Body), open, err, c.values, c.open)
		}
	}
}

func TestSitesListsEverySiteOnce(t *testing.T) {
	m, err := ir.Parse("t.ir", nested)
	if err != nil {
		t.Fatal(err)
	}
	sites := choices.Sites(m.Funcs[0])
	if len(sites) != 2 || sites[0].Path != "body#1.act#1" || sites[1].Path != "body#1" || !slices.Equal(sites[1].Options, []string{"deep", "skip"}) {
		t.Errorf("sites %+v", sites)
	}
}
