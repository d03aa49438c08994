package caddymodule_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// validate adapts and provisions a Caddyfile, as `caddy validate` does.
func validate(t *testing.T, caddyfile string) error {
	t.Helper()
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return err
	}
	var c caddy.Config
	if err := caddy.StrictUnmarshalJSON(config, &c); err != nil {
		return err
	}
	return caddy.Validate(&c)
}

// Every Caddyfile in the documents is one that Caddy takes.
func TestDocuments_CaddyfileBlocks_AreValid(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	block := regexp.MustCompile("(?ms)^```caddyfile\\n(.*?)^```")
	variable := regexp.MustCompile(`\{env\.(\w+)\}`)
	found := 0
	for _, file := range documents(t) {
		for _, m := range block.FindAllStringSubmatch(read(t, file), -1) {
			found++
			for _, name := range variable.FindAllStringSubmatch(m[1], -1) {
				t.Setenv(name[1], "thirty-two bytes, which is enough")
			}
			if err := validate(t, m[1]); err != nil {
				t.Errorf("%s: %v\n%s", file, err, m[1])
			}
		}
	}
	if found < 2 {
		t.Errorf("found only %d blocks", found)
	}
}

func TestDocuments_Example_IsValid(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	example := read(t, "../Caddyfile.example")
	if err := validate(t, example); err != nil {
		t.Error(err)
	}
	production := regexp.MustCompile(`(?m)^#     (.*)$`).FindAllStringSubmatch(example, -1)
	var lines []string
	for _, m := range production {
		if !strings.HasPrefix(m[1], "go run") {
			lines = append(lines, m[1])
		}
	}
	if len(lines) != 3 {
		t.Fatalf("the production block has %d lines: %q", len(lines), lines)
	}
	if err := validate(t, strings.Join(lines, "\n")); err != nil {
		t.Error(err)
	}
}

// documents returns the paths of all Markdown files of the project.
func documents(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "build") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) == ".md" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Every link of a document to a file of the project leads somewhere.
func TestDocuments_Links_LeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, file := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, file), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}
