// Command typecheck looks whether packages and their tests would compile for another
// system: typecheck <os>/<arch> <pattern…>. It checks types, and of the packages that are
// not this module's it reads the declarations only. So it takes seconds, where go vet has
// the compiler translate each of them, which takes minutes.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"
)

// goPackage is a package as go list tells it. With tests, go list shows a package a second
// time, with its test files and under another path.
type goPackage struct {
	Dir, ImportPath, ForTest string
	GoFiles                  []string
	ImportMap                map[string]string
	Module                   *struct{ Main bool }

	files []*ast.File
}

func (p *goPackage) ours() bool { return p.Module != nil && p.Module.Main }

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: typecheck <os>/<arch> <pattern…>")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func run(system string, patterns []string) error {
	goos, goarch, _ := strings.Cut(system, "/")
	list, err := packages(goos, goarch, patterns)
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	if err := parse(fset, list); err != nil {
		return err
	}
	return check(goarch, fset, list)
}

// packages lists what matches patterns and all that it imports, in this order: a package
// comes after those that it imports.
func packages(goos, goarch string, patterns []string) ([]*goPackage, error) {
	cmd := exec.Command("go", append([]string{"list", "-deps", "-test", "-json=Dir,ImportPath,ForTest,GoFiles,ImportMap,Module"}, patterns...)...)
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var list []*goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		p := new(goPackage)
		if err := d.Decode(p); err == io.EOF {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(p.ImportPath, ".test") { // the main package of a test, which go test writes
			list = append(list, p)
		}
	}
}

func parse(fset *token.FileSet, list []*goPackage) error {
	var all errgroup.Group
	all.SetLimit(runtime.GOMAXPROCS(0))
	for _, p := range list {
		p.files = make([]*ast.File, len(p.GoFiles))
		for i, name := range p.GoFiles {
			all.Go(func() (err error) {
				p.files[i], err = parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
				return err
			})
		}
	}
	return all.Wait()
}

// check checks the types of each package of the list. It prints what is wrong in ours.
func check(goarch string, fset *token.FileSet, list []*goPackage) error {
	checked := map[string]*types.Package{"unsafe": types.Unsafe}
	wrong := map[string]bool{} // a package that has tests is checked twice
	for _, p := range list {
		if p.ImportPath == "unsafe" {
			continue
		}
		conf := types.Config{
			Importer:         importer{p, checked},
			Sizes:            types.SizesFor("gc", goarch),
			IgnoreFuncBodies: !p.ours(),
			Error: func(err error) {
				if p.ours() && !wrong[err.Error()] {
					wrong[err.Error()] = true
					fmt.Fprintln(os.Stderr, err)
				}
			},
		}
		path, _, _ := strings.Cut(p.ImportPath, " ")
		checked[p.ImportPath], _ = conf.Check(path, fset, p.files, nil)
		p.files = nil // for the collector
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%d errors", len(wrong))
	}
	return nil
}

// importer finds what one package imports among those that have been checked.
type importer struct {
	of      *goPackage
	checked map[string]*types.Package
}

func (i importer) Import(path string) (*types.Package, error) {
	if mapped := i.of.ImportMap[path]; mapped != "" {
		path = mapped
	}
	if p := i.checked[path]; p != nil {
		return p, nil
	}
	return nil, errors.New(path + " was not listed")
}
