package caddychat_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The walls of the house: which package imports which, how large packages and
// files are, in which order the files of a package stand, and which old names must
// not come back. CONTRIBUTING.md says the same to people.

const module = "github.com/caddychat/caddy-chat"

// Bounds of the house.
const (
	maxFiles        = 20   // source files of a package, without tests
	maxPackageLines = 3500 // about
	maxFileLines    = 500  // tests too
)

// goPackage is a package as go list tells it.
type goPackage struct {
	Dir, ImportPath                     string
	GoFiles, IgnoredGoFiles             []string
	Imports, TestImports, XTestImports  []string
	TestGoFiles, XTestGoFiles, CgoFiles []string
}

// name is the path of the package below the module's; the root is (root).
func (p *goPackage) name() string { return short(p.ImportPath) }

func short(path string) string {
	if path == module {
		return "(root)"
	}
	return strings.TrimPrefix(path, module+"/")
}

// sources are the source files, also those for other systems.
func (p *goPackage) sources() []string {
	return slices.DeleteFunc(slices.Concat(p.GoFiles, p.IgnoredGoFiles), func(f string) bool {
		return strings.HasSuffix(f, "_test.go")
	})
}

func packages(t *testing.T) []*goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []*goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		p := new(goPackage)
		if err := d.Decode(p); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// graphLine is an arrow or several of the graph in CONTRIBUTING.md:
// "chat → chat/access, chat/journal".
var graphLine = regexp.MustCompile(`(?m)^    (\S+) +→ (.+)$`)

// printedGraph returns the imports that CONTRIBUTING.md prints.
func printedGraph(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	graph := map[string][]string{}
	for _, m := range graphLine.FindAllStringSubmatch(string(text), -1) {
		for to := range strings.SplitSeq(m[2], ", ") {
			graph[m[1]] = append(graph[m[1]], strings.TrimSpace(to))
		}
	}
	if len(graph) < 10 {
		t.Fatalf("CONTRIBUTING.md prints only %d packages", len(graph))
	}
	return graph
}

func TestHouse_Imports_AreThePrintedGraph(t *testing.T) {
	printed := printedGraph(t)
	seen := map[string][]string{}
	for _, p := range packages(t) {
		for _, path := range p.Imports {
			if strings.HasPrefix(path+"/", module+"/") {
				seen[p.name()] = append(seen[p.name()], short(path))
			}
		}
	}
	for _, from := range slices.Sorted(maps.Keys(seen)) {
		slices.Sort(seen[from])
		slices.Sort(printed[from])
		if !slices.Equal(seen[from], printed[from]) {
			t.Errorf("%s imports\n\t%s\nbut CONTRIBUTING.md prints\n\t%s", from, strings.Join(seen[from], ", "), strings.Join(printed[from], ", "))
		}
		delete(printed, from)
	}
	for from := range printed {
		t.Errorf("CONTRIBUTING.md prints imports of %s, which has none", from)
	}
}

// A later package in this list may import earlier ones, never the other way.
var floors = []string{
	"chat/journal", "chat/wire", "chat/access", "chat/wsconn",
	"chat/internal/room", "chat/internal/acts", "chat/internal/rawdialect", "chat/internal/chatv1", "chat/internal/transfer",
	"chat", "caddymodule", "caddymodule/admin", "caddymodule/command", "(root)", "cmd/caddy",
}

func TestHouse_Imports_GoDown(t *testing.T) {
	engines := []string{"chat/memjournal", "chat/pebblejournal", "chat/pgjournal"}
	for _, p := range packages(t) {
		from := slices.Index(floors, p.name())
		for _, path := range p.Imports {
			to := short(path)
			switch {
			case from >= 0 && slices.Index(floors, to) > from:
				t.Errorf("%s imports %s, which is above it", p.name(), to)
			case strings.HasPrefix(path, "github.com/caddyserver/") && !strings.HasPrefix(p.name(), "caddymodule") && p.name() != "cmd/caddy":
				t.Errorf("%s imports Caddy", p.name())
			case slices.Contains(engines, to) && p.name() != "caddymodule/journals":
				t.Errorf("%s names the journal %s", p.name(), to)
			case slices.Contains(engines, p.name()) && (to == "chat" || strings.HasPrefix(to, "chat/internal/room")):
				t.Errorf("the journal %s knows the hub", p.name())
			case p.name() == "chat/journal" && strings.HasPrefix(path, module):
				t.Errorf("chat/journal imports %s", to)
			}
		}
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			if strings.HasPrefix(path, "github.com/caddyserver/") && !strings.HasPrefix(p.name(), "caddymodule") && p.name() != "cmd/caddy" {
				t.Errorf("a test of %s imports Caddy", p.name())
			}
		}
	}
}

// Nothing below chat may depend on Caddy, not even through others: a Go program
// embeds it without.
func TestHouse_Chat_DependsOnNoCaddy(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./chat/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, module+"/chat") {
		t.Fatal("go list did not list chat itself")
	}
	for _, path := range deps {
		if strings.HasPrefix(path, "github.com/caddyserver/") || strings.HasPrefix(path, module+"/caddymodule") {
			t.Errorf("chat depends on %s", path)
		}
	}
}

// generated are the files that programs write. They may have any size.
var generated = []string{"clients/miniprogram/caddy-chat/lib/chat.js"}

func TestHouse_Sizes(t *testing.T) {
	for _, p := range packages(t) {
		files := p.sources()
		lines := 0
		for _, f := range files {
			lines += countLines(t, filepath.Join(p.Dir, f))
		}
		if len(files) > maxFiles || lines > maxPackageLines {
			t.Errorf("%s has %d source files and %d lines, %d and %d are allowed", p.name(), len(files), lines, maxFiles, maxPackageLines)
		}
	}
	for _, path := range projectFiles(t, ".go", ".js") {
		if n := countLines(t, path); n > maxFileLines && !slices.Contains(generated, path) {
			t.Errorf("%s has %d lines, %d are allowed", path, n, maxFileLines)
		}
	}
}

// projectFiles returns the files with these endings.
func projectFiles(t *testing.T, endings ...string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"node_modules", "miniprogram_npm", ".git", "build", "dist", "commonjs"}, d.Name()):
			return filepath.SkipDir
		case !d.IsDir() && slices.Contains(endings, filepath.Ext(path)):
			paths = append(paths, filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func countLines(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}

// listed are the files in the list "# Files" of a package's comment: "name.go
// what it has", or "- name.go: what it has".
var listed = regexp.MustCompile(`\b[a-z0-9_]+\.go\b`)

// Each package with several files lists them, the lowest first, and each file
// refers to lower files only.
func TestHouse_Files_ReferDown(t *testing.T) {
	for _, p := range packages(t) {
		files := slices.DeleteFunc(p.sources(), func(f string) bool { return f == "doc.go" })
		if len(files) < 3 || p.name() == "caddymodule/ui" {
			continue
		}
		order := fileOrder(t, p)
		if order == nil {
			t.Errorf("%s has %d files and no list of them", p.name(), len(files))
			continue
		}
		for _, f := range files {
			if !slices.Contains(order, f) {
				t.Errorf("the list of %s lacks %s", p.name(), f)
			}
		}
		for _, f := range order {
			if !slices.Contains(files, f) {
				t.Errorf("the list of %s has %s, which is not there", p.name(), f)
			}
		}
		for _, ref := range references(t, p) {
			if slices.Index(order, ref.to) > slices.Index(order, ref.from) {
				t.Errorf("%s/%s uses %s of %s, which is above it", p.name(), ref.from, ref.name, ref.to)
			}
		}
	}
}

// fileOrder returns the list in a package's comment, or nil.
func fileOrder(t *testing.T, p *goPackage) (order []string) {
	t.Helper()
	for _, f := range p.GoFiles {
		text, err := os.ReadFile(filepath.Join(p.Dir, f))
		if err != nil {
			t.Fatal(err)
		}
		comment, _, _ := strings.Cut(string(text), "\npackage ")
		_, list, found := strings.Cut(comment, "// # Files")
		if !found {
			continue
		}
		for line := range strings.Lines(list) {
			if !strings.HasPrefix(line, "//\t") && !strings.HasPrefix(line, "//   ") {
				continue
			}
			// The names stand before what the files have.
			names, _, _ := strings.Cut(strings.TrimSpace(strings.TrimLeft(line, "/")), "  ")
			order = append(order, listed.FindAllString(names, -1)...)
		}
		return order
	}
	return nil
}

// reference is a name that one file uses and another declares.
type reference struct{ from, to, name string }

func references(t *testing.T, p *goPackage) (refs []reference) {
	t.Helper()
	set := token.NewFileSet()
	var files []*ast.File
	for _, f := range p.GoFiles {
		if f == "doc.go" {
			continue
		}
		parsed, err := parser.ParseFile(set, filepath.Join(p.Dir, f), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, parsed)
	}
	// What other packages declare does not matter here. So no import is resolved,
	// and the errors that follow from that are ignored.
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: noImporter{}, Error: func(error) {}}
	pkg, _ := config.Check(p.ImportPath, set, files, &info)
	file := func(pos token.Pos) string { return filepath.Base(set.Position(pos).Filename) }
	for ident, object := range info.Uses {
		if object.Pkg() == pkg && object.Pos().IsValid() && file(ident.Pos()) != file(object.Pos()) {
			refs = append(refs, reference{file(ident.Pos()), file(object.Pos()), ident.Name})
		}
	}
	return refs
}

type noImporter struct{}

func (noImporter) Import(string) (*types.Package, error) { return nil, errors.New("not imported") }

// testdata/oldnames has names of files, types and functions that were metaphors or
// had several meanings. Nothing may be declared by one of them again.
func TestHouse_OldNames_StayAway(t *testing.T) {
	text, err := os.ReadFile("testdata/oldnames")
	if err != nil {
		t.Fatal(err)
	}
	old := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			old[line] = true
		}
	}
	for _, path := range projectFiles(t, ".go") {
		if old[filepath.Base(path)] {
			t.Errorf("%s has an old name", path)
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range declared(f) {
			if old[name] {
				t.Errorf("%s declares %s", path, name)
			}
		}
	}
}

// declared returns the types, functions, methods and fields that a file declares.
func declared(f *ast.File) (names []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			names = append(names, n.Name.Name)
		case *ast.TypeSpec:
			names = append(names, n.Name.Name)
		case *ast.StructType:
			for _, field := range n.Fields.List {
				for _, name := range field.Names {
					names = append(names, name.Name)
				}
			}
		}
		return true
	})
	return names
}
