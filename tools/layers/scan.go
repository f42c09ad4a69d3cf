package layers

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// File is a Go file with its imports.
type File struct {
	Package string // folder below the module's root, with slashes; "" is the root
	Path    string // of the file, below the root
	Test    bool
	Imports []Import
}

// Import is one line of an import declaration.
type Import struct {
	Path string
	Line int
}

// Scan reads the imports of all Go files below a module's root, whatever their build constraints, and the module's path.
// Folders that the go command does not enter are left out.
func Scan(root string) (module string, files []File, err error) {
	if module, err = modulePath(filepath.Join(root, "go.mod")); err != nil {
		return "", nil, err
	}
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != root && skipped(d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		f, err := scanFile(name, filepath.ToSlash(rel))
		files = append(files, f)
		return err
	})
	return module, files, err
}

func skipped(dir string) bool {
	return dir == "testdata" || dir == "vendor" || strings.HasPrefix(dir, ".") || strings.HasPrefix(dir, "_")
}

func modulePath(name string) (string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "module" {
			return fields[1], nil
		}
	}
	return "", fmt.Errorf("%s: no module line", name)
}

func scanFile(name, rel string) (File, error) {
	f := File{Package: path.Dir(rel), Path: rel, Test: strings.HasSuffix(rel, "_test.go")}
	if f.Package == "." {
		f.Package = ""
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, name, nil, parser.ImportsOnly)
	if err != nil {
		return f, err
	}
	for _, spec := range parsed.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return f, fmt.Errorf("%s: import %s: %w", rel, spec.Path.Value, err)
		}
		f.Imports = append(f.Imports, Import{p, set.Position(spec.Pos()).Line})
	}
	return f, nil
}
