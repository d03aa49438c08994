package wire

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var listedFile = regexp.MustCompile(`(?m)^//   - ([a-z]+\.go): `)

// TestFiles_UseOnlyThoseBeforeThem compares the list of files in each doc.go with
// the references between the files.
func TestFiles_UseOnlyThoseBeforeThem(t *testing.T) {
	for _, dir := range []string{".", "script"} {
		doc, err := os.ReadFile(filepath.Join(dir, "doc.go"))
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		for _, m := range listedFile.FindAllStringSubmatch(string(doc), -1) {
			order = append(order, m[1])
		}
		for from, to := range references(t, dir) {
			if !slices.Contains(order, from) {
				t.Errorf("%s/doc.go does not list %s", dir, from)
			}
			for name, file := range to {
				if slices.Index(order, file) > slices.Index(order, from) {
					t.Errorf("%s/%s uses %s of %s, which comes later", dir, from, name, file)
				}
			}
		}
	}
}

// references returns, for each source file of a package but doc.go, the names it
// uses and the file that declares each.
func references(t *testing.T, dir string) map[string]map[string]string {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	used := map[string]map[string]string{}
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") || filepath.Base(source) == "doc.go" {
			continue
		}
		f, err := parser.ParseFile(set, source, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
		used[filepath.Base(source)] = map[string]string{}
	}
	// What other packages declare does not matter here, so no import is resolved
	// and the errors that follow from that are ignored.
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: noImporter{}, Error: func(error) {}}
	pkg, _ := config.Check(dir, set, files, &info)
	for ident, object := range info.Uses {
		if object.Pkg() == pkg && object.Pos().IsValid() {
			file := func(p token.Pos) string { return filepath.Base(set.Position(p).Filename) }
			used[file(ident.Pos())][ident.Name] = file(object.Pos())
		}
	}
	return used
}

type noImporter struct{}

func (noImporter) Import(string) (*types.Package, error) { return nil, errors.New("not imported") }
