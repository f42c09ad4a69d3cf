package ir

import (
	"os"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestReadmeNamesEveryOp(t *testing.T) {
	_, table, _ := strings.Cut(readme(t), "## The op table")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, o := range Ops() {
		if !strings.Contains(table, "`"+o.Name+"`") {
			t.Errorf("the op table of README.md lacks `%s`", o.Name)
		}
	}
	for _, name := range strings.Split(table, "`")[1:] {
		if _, ok := Lookup(name); !ok && strings.Contains(name, ".") && !strings.ContainsAny(name, " ,") {
			t.Errorf("README.md lists `%s`, which is no op", name)
		}
	}
}

func TestReadmesModulesAreInNormalForm(t *testing.T) {
	blocks := strings.Split(readme(t), "```ir\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("README.md shows no module")
	}
	for _, b := range blocks {
		text, _, _ := strings.Cut(b, "```")
		m, err := Parse("README.md", text)
		if err != nil {
			t.Error(err)
		} else if m.String() != text {
			t.Errorf("README.md shows\n%s\nwhich prints as\n%s", text, m)
		}
	}
}
