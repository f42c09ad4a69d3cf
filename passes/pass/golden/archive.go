package golden

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
)

// inputSections are a person's; all others are the passes'.
var inputSections = []string{"in.ir", "weights", "inputs"}

// testCase is one archive.
type testCase struct {
	archive *txtar.Archive
	outputs []txtar.File
	input   string
	passes  []*pass.Pass
	deploys []cost.Deployment
	rings   []int
	choices []pass.Decision
	using   pass.Protocols
	pools   pass.Pools
	batch   int
	weights listedWeights
	samples [][]float32
}

func parseCase(text []byte, offered []*pass.Pass) (*testCase, error) {
	c := &testCase{archive: txtar.Parse(text), passes: offered[:1], deploys: []cost.Deployment{cost.ClientServer}, rings: []int{0}}
	for _, f := range c.archive.Files {
		if err := c.section(f); err != nil {
			return nil, fmt.Errorf("section %s: %w", f.Name, err)
		}
	}
	if c.input == "" {
		return nil, errors.New("no section in.ir")
	}
	for line := range strings.Lines(string(c.archive.Comment)) {
		key, value, ok := strings.Cut(line, ":")
		if !ok || !strings.HasPrefix(key, "#") {
			continue
		}
		if err := c.setting(key[1:], strings.Fields(value), offered); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *testCase) section(f txtar.File) (err error) {
	switch f.Name {
	case "in.ir":
		c.input = string(f.Data)
	case "weights":
		c.weights, err = parseWeights(string(f.Data))
	case "inputs":
		for line := range strings.Lines(string(f.Data)) {
			x, err := parseNumbers(strings.Fields(line))
			if err != nil {
				return err
			}
			c.samples = append(c.samples, x)
		}
	default:
		c.outputs = append(c.outputs, f)
	}
	return err
}

func (c *testCase) setting(key string, values []string, offered []*pass.Pass) error {
	switch key {
	case "passes":
		c.passes = nil
		for _, name := range values {
			i := slices.IndexFunc(offered, func(p *pass.Pass) bool { return p.Name == name })
			if i < 0 {
				return fmt.Errorf("the test offers no pass %q", name)
			}
			c.passes = append(c.passes, offered[i])
		}
	case "deploy":
		c.deploys = nil
		for _, name := range values {
			d, err := cost.ParseDeployment(name)
			if err != nil {
				return err
			}
			c.deploys = append(c.deploys, d)
		}
	case "ring":
		c.rings = nil
		for _, width := range values {
			n, err := strconv.Atoi(width)
			if err != nil {
				return fmt.Errorf("ring %q, accepted are 32 and 64", width)
			}
			c.rings = append(c.rings, n)
		}
	case "choose":
		for _, v := range values {
			site, option, ok := strings.Cut(v, "=")
			if !ok {
				return fmt.Errorf("choose %q, accepted is SITE=OPTION", v)
			}
			c.choices = append(c.choices, pass.Decision{Site: site, Option: option})
		}
	case "batch":
		var err error
		c.batch, err = strconv.Atoi(strings.Join(values, " "))
		return err
	case "pools":
		var err error
		c.pools, err = pass.ParsePools(strings.Join(values, " "))
		return err
	case "nonlinear", "trunc":
		if len(values) != 1 {
			return fmt.Errorf("%s takes one protocol, not %q", key, values)
		}
		if key == "trunc" {
			c.using.Truncation = pass.Truncation(values[0])
		} else {
			c.using.Nonlinear = pass.Nonlinear(values[0])
		}
		return c.using.Check()
	default:
		return fmt.Errorf("no setting is called %q: accepted are passes, deploy, ring, choose, pools, batch, nonlinear and trunc", key)
	}
	return nil
}

// variant is one of the settings that a case runs under.
type variant struct {
	deploy cost.Deployment
	ring   int
	name   []string
}

func (v variant) prefix() string {
	if len(v.name) == 0 {
		return ""
	}
	return strings.Join(v.name, "-") + "/"
}

func (c *testCase) variants() []variant {
	var out []variant
	for _, d := range c.deploys {
		for _, r := range c.rings {
			v := variant{deploy: d, ring: r}
			if len(c.deploys) > 1 {
				v.name = append(v.name, string(d))
			}
			if len(c.rings) > 1 {
				v.name = append(v.name, strconv.Itoa(r))
			}
			out = append(out, v)
		}
	}
	return out
}

// withOutputs gives the archive's text with other sections produced.
func (c *testCase) withOutputs(outputs []txtar.File) []byte {
	a := &txtar.Archive{Comment: c.archive.Comment}
	for _, f := range c.archive.Files {
		if slices.Contains(inputSections, f.Name) {
			a.Files = append(a.Files, f)
		}
	}
	a.Files = append(a.Files, outputs...)
	return txtar.Format(a)
}

// calibration gives the listed inputs in the length that the module's function takes.
func (c *testCase) calibration(m *ir.Module) [][]float32 {
	var out [][]float32 // nil without a section: no calibration
	for _, s := range c.samples {
		out = append(out, repeated(s, m.Funcs[0].Params[0].Type.Len()))
	}
	return out
}

// listedWeights are the numbers of a weights section by path.
type listedWeights map[string][]float32

// Weight repeats the listed numbers until the tensor is full.
func (w listedWeights) Weight(path string, shape []int) ([]float32, error) {
	list, ok := w[path]
	if !ok {
		return nil, fmt.Errorf("no weight is called %s", path)
	}
	return repeated(list, ir.Float(shape...).Len()), nil
}

func repeated(list []float32, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = list[i%len(list)]
	}
	return out
}

func parseWeights(text string) (listedWeights, error) {
	out := listedWeights{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 {
			return nil, fmt.Errorf("line %q, accepted is a path and numbers", line)
		}
		numbers, err := parseNumbers(words[1:])
		if err != nil {
			return nil, err
		}
		out[words[0]] = numbers
	}
	return out, nil
}

func parseNumbers(words []string) ([]float32, error) {
	if len(words) == 0 {
		return nil, errors.New("an empty line, accepted are numbers")
	}
	out := make([]float32, len(words))
	for i, w := range words {
		x, err := strconv.ParseFloat(w, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is no number", w)
		}
		out[i] = float32(x)
	}
	return out, nil
}
