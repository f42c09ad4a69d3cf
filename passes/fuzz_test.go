package passes_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/choices"
	"sotto/passes/pass"
)

// FuzzPasses runs whatever parses through the passes that take its stage, in the order of the pipeline. An error is an
// answer, an internal one too: the frontend builds no network that computes on its weights alone, but a text may. A panic is
// none. The runner verifies what each pass leaves.
func FuzzPasses(f *testing.F) {
	files, err := filepath.Glob("*/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden files to start from (%v)", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, s := range a.Files {
			if s.Name == "in.ir" {
				f.Add(string(s.Data))
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ir.Parse("fuzz.ir", text)
		if err != nil || len(m.Funcs) == 0 {
			return
		}
		c := &pass.Context{Deploy: cost.ClientServer}
		for _, s := range choices.Sites(m.Funcs[0]) {
			c.Choices = append(c.Choices, pass.Decision{Site: s.Path, Option: s.Options[0]})
		}
		c.Training = &pass.Training{Batch: 2, Optimiser: pass.SGD{}, Clip: 1, Costs: true}
		switch m.Stage {
		case ir.Space:
			(&pass.Runner{}).Run(c, m.Clone(), slices.Concat(passes.ToSupernet, passes.ToTrain)...)
		case ir.Net:
			(&pass.Runner{}).Run(c, m.Clone(), passes.ToTrain...)
		}
		for _, p := range passes.All() {
			if m.Stage&p.Needs == 0 {
				continue
			}
			if (&pass.Runner{}).Run(c, m, p) != nil {
				return
			}
		}
	})
}
