package passes_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/pass"
)

// blocks gives the fenced blocks of README.md: what stands behind the fence, and the text.
func blocks(t *testing.T) (text string, fenced [][2]string) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range strings.Split(string(b), "```") {
		if head, body, ok := strings.Cut(part, "\n"); ok && i%2 == 1 {
			fenced = append(fenced, [2]string{head, body})
		}
	}
	return string(b), fenced
}

// The excerpts of README.md stand in what the passes leave of its network.
func TestReadmesWalkIsWhatThePassesDo(t *testing.T) {
	_, fenced := blocks(t)
	m, err := ir.Parse("README.md", fenced[0][1])
	if err != nil {
		t.Fatal(err)
	}
	after := map[string]string{}
	r := pass.Runner{After: func(p *pass.Pass, m *ir.Module, _ time.Duration) {
		if _, first := after[p.Name]; !first {
			after[p.Name] = m.String()
		}
	}}
	c := &pass.Context{Deploy: cost.ClientServer, Choices: []pass.Decision{{Site: "act", Option: "relu"}}}
	c.Training = &pass.Training{Batch: 64, Optimiser: pass.SGD{Momentum: 0.9}}
	for _, way := range [][]*pass.Pass{every, slices.Concat(passes.ToTrainable, passes.ToTrain, passes.ToFixedStep, passes.ToPrivateStep)} {
		if err := r.Run(c, m.Clone(), way...); err != nil {
			t.Fatal(err)
		}
		c.Deploy = cost.Outsourced // as every step is
	}
	for _, b := range fenced[1:] {
		text, ok := after[strings.TrimPrefix(b[0], "after ")]
		if !ok {
			t.Errorf("README.md shows a module %q, which is no pass", b[0])
		}
		for line := range strings.Lines(b[1]) {
			if !strings.Contains(text, line) {
				t.Errorf("README.md shows %s %q, which is not in\n%s", b[0], line, text)
			}
		}
	}
}

func TestReadmeNamesEveryPass(t *testing.T) {
	text, _ := blocks(t)
	_, table, _ := strings.Cut(text, "## Packages")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, p := range passes.All() {
		if !strings.Contains(table, "`"+p.Name+"`") {
			t.Errorf("the table of README.md lacks `%s`", p.Name)
		}
	}
	var inOrder []string
	for _, p := range slices.Concat(passes.ToNet, passes.ToRing, passes.ToSecure, passes.ToTrain) {
		inOrder = append(inOrder, p.Name)
	}
	var listed []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "## To ") && strings.Contains(line, ":") {
			for i, name := range strings.Split(line, "`") {
				if i%2 == 1 {
					listed = append(listed, name)
				}
			}
		}
	}
	if !slices.Equal(listed, inOrder) {
		t.Errorf("README.md walks %v, the pipeline is %v", listed, inOrder)
	}
}
