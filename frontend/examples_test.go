package frontend

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sotto/frontend/syntax"
	"sotto/ir"
)

// counts are published figures of an example. Nil: nothing is published. A rounded figure comes with the digits behind
// the point that its source prints.
type counts struct {
	File            string
	Source          string
	ReLUs           *int64
	MaxpoolInputs   *int64 `json:"maxpool_inputs"`
	ActivationSites *int64 `json:"activation_sites"`
	Sites           *int64
	MACs            *int64
	Params          *int64
	MACsRounded     []any `json:"macs_rounded"`
	ParamsRounded   []any `json:"params_rounded"`
}

func readExample(t *testing.T, name string) []byte {
	t.Helper()
	src, err := os.ReadFile("../examples/" + name + ".sotto")
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func loadExample(t *testing.T, name string) *Space {
	t.Helper()
	s, err := Load(name+".sotto", readExample(t, name), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestExamplesHaveThePublishedCounts(t *testing.T) {
	text, err := os.ReadFile("testdata/counts.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []counts
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		s := loadExample(t, c.File)
		u := Summarise(s.Func)
		for what, pair := range map[string]struct {
			want *int64
			got  int64
		}{
			"relus": {c.ReLUs, u.ReLUs}, "max-pool inputs": {c.MaxpoolInputs, u.MaxpoolInputs},
			"activation sites": {c.ActivationSites, int64(u.ActivationSites)}, "open sites": {c.Sites, int64(len(s.Sites))},
			"MACs": {c.MACs, u.MACs}, "parameters": {c.Params, u.Params},
		} {
			if pair.want != nil && *pair.want != pair.got {
				t.Errorf("%s: %d %s, want %d (%s)", c.File, pair.got, what, *pair.want, c.Source)
			}
		}
		checkRounded(t, c, "MACs", c.MACsRounded, u.MACs)
		checkRounded(t, c, "parameters", c.ParamsRounded, u.Params)
	}
	if files, _ := filepath.Glob("../examples/*.sotto"); len(files) != len(all) {
		t.Errorf("%d examples, %d entries in counts.json", len(files), len(all))
	}
}

// checkRounded compares a count with a figure such as "1.40e6" printed with 2 digits behind the point.
func checkRounded(t *testing.T, c counts, what string, want []any, got int64) {
	t.Helper()
	if want == nil {
		return
	}
	figure, digits := want[0].(string), int(want[1].(float64))
	published, err := strconv.ParseFloat(figure, 64)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := strconv.FormatFloat(float64(got), 'e', digits, 64), strconv.FormatFloat(published, 'e', digits, 64); a != b {
		t.Errorf("%s: %d %s, that is %s, want %s (%s)", c.File, got, what, a, b, c.Source)
	}
}

func TestExamplesAreFormatted(t *testing.T) {
	files, err := filepath.Glob("../examples/*.sotto")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := syntax.Parse(name, src)
		if err != nil {
			t.Error(err)
			continue
		}
		got := syntax.Format(f)
		if os.Getenv("UPDATE") == "1" && got != string(src) {
			if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if got != string(src) {
			t.Errorf("%s is not formatted", name)
		}
	}
}

func TestExamplesPrintAndParseBack(t *testing.T) {
	for _, name := range []string{"minionn", "resnet18", "mobilenetv2", "cnet1_cifar10"} {
		text := loadExample(t, name).Module.String()
		m, err := ir.Parse(name+".ir", text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if again := m.String(); again != text {
			t.Errorf("%s: the printed module parses to another:\n%s", name, again)
		}
	}
}

// TestTorchvisionNames checks the names and shapes of weights against torchvision's state dicts, a few of each kind.
func TestTorchvisionNames(t *testing.T) {
	for name, weights := range map[string]map[string]string{
		"resnet18": {"conv1.weight": "[64, 3, 7, 7]", "bn1.running_var": "[64]", "layer1.0.conv1.weight": "[64, 64, 3, 3]",
			"layer2.0.downsample.0.weight": "[128, 64, 1, 1]", "layer2.0.downsample.1.running_mean": "[128]",
			"layer4.1.bn2.bias": "[512]", "fc.weight": "[1000, 512]", "fc.bias": "[1000]"},
		"resnet50": {"layer1.0.downsample.0.weight": "[256, 64, 1, 1]", "layer3.5.conv3.weight": "[1024, 256, 1, 1]",
			"layer4.0.conv2.weight": "[512, 512, 3, 3]", "layer4.2.bn3.weight": "[2048]"},
		"mobilenetv2": {"features.0.0.weight": "[32, 3, 3, 3]", "features.1.conv.0.0.weight": "[32, 1, 3, 3]",
			"features.1.conv.1.weight": "[16, 32, 1, 1]", "features.1.conv.2.bias": "[16]",
			"features.2.conv.1.0.weight": "[96, 1, 3, 3]", "features.17.conv.3.running_mean": "[320]",
			"features.18.1.weight": "[1280]", "classifier.1.weight": "[1000, 1280]"},
		"vgg16": {"features.0.bias": "[64]", "features.1.running_mean": "[64]", "features.7.weight": "[128, 64, 3, 3]",
			"features.41.weight": "[512]", "classifier.0.weight": "[4096, 25088]", "classifier.6.bias": "[1000]"},
	} {
		got := map[string]string{}
		loadExample(t, name).Func.Walk(func(v *ir.Value) {
			if v.Is("param") {
				got[v.Path] = shapeText(v.Type.Shape)
			}
		})
		for path, shape := range weights {
			if got[path] != shape {
				t.Errorf("%s: %s has shape %q, want %s", name, path, got[path], shape)
			}
		}
		for path := range got {
			if strings.Contains(path, "#") && !strings.Contains(path, ".x2act.") {
				t.Errorf("%s: weight %s has no name of torchvision's", name, path)
			}
		}
	}
}

// TestDesignExamples elaborates the nets of the language's first description, which syntax/testdata holds word for word.
func TestDesignExamples(t *testing.T) {
	src, err := os.ReadFile("syntax/testdata/design.sotto")
	if err != nil {
		t.Fatal(err)
	}
	for net, want := range map[string]struct {
		relus int64
		sites int
	}{
		"tiny":          {16*14*14 + 32*7*7, 0},
		"resnet18":      {2308096, 18}, // papers/pasnet.md
		"cnet1_cifar10": {86016, 0},    // papers/cryptonas.md
	} {
		s, err := Load("design.sotto", src, Options{Net: net})
		if err != nil {
			t.Errorf("%s: %v", net, err)
			continue
		}
		if u := Summarise(s.Func); u.ReLUs != want.relus || len(s.Sites) != want.sites {
			t.Errorf("%s: %d ReLUs and %d sites, want %d and %d", net, u.ReLUs, len(s.Sites), want.relus, want.sites)
		}
	}
}

// TestSitesEndInTheirChoice: the examples leave the uses of choices unlabelled, so that the last part of a site's path says which
// choice it is a use of.
func TestSitesEndInTheirChoice(t *testing.T) {
	for _, name := range []string{"resnet18", "resnet18_cifar", "resnet50", "mobilenetv2", "vgg16"} {
		for _, s := range loadExample(t, name).Sites {
			last := s.Path[strings.LastIndexByte(s.Path, '.')+1:]
			if kind, _, ok := strings.Cut(last, "#"); !ok || kind != s.Choice {
				t.Errorf("%s: the site %s is a use of %s", name, s.Path, s.Choice)
			}
		}
	}
}
