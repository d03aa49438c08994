package caddymodule_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddychat/caddy-chat/caddymodule"
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

// Every command of `caddy chat` in the documents, with its flags, is there.
func TestDocuments_Commands_AreThere(t *testing.T) {
	line := regexp.MustCompile(`(?m)^    caddy chat (.*?)(?:  +#.*)?$|` + "`caddy chat ([^`]*)`")
	flag := regexp.MustCompile(`--[\w-]+`)
	helps := map[string]string{}
	for _, file := range documents(t) {
		for _, m := range line.FindAllStringSubmatch(read(t, file), -1) {
			words := flag.ReplaceAllString(m[1]+m[2], " ")
			fields := strings.Fields(strings.ReplaceAll(words, "unix//run/caddy/admin.sock", ""))
			fields = slices.DeleteFunc(fields, func(w string) bool { return strings.Contains(w, ":") && !strings.HasPrefix(w, "'") })
			if len(fields) == 0 || fields[0] == "…" {
				continue
			}
			name := fields[0]
			if helps[name] == "" {
				out, err := command(t, "", name, "--help")
				if err != nil || !strings.Contains(out, "caddy chat "+name) {
					t.Errorf("%s: there is no command %q", file, name)
					continue
				}
				helps[name] = out
			}
			for _, f := range flag.FindAllString(m[1]+m[2], -1) {
				if !strings.Contains(helps[name], f+" ") {
					t.Errorf("%s: caddy chat %s has no %s", file, name, f)
				}
			}
		}
	}
	if len(helps) < 15 {
		t.Errorf("only %d commands were found", len(helps))
	}
}

// Every path of the admin API in the documents is there.
func TestDocuments_AdminPaths_AreThere(t *testing.T) {
	path := regexp.MustCompile(`localhost:2019(/chat/[\w/{}.-]*)`)
	there := strings.Join(caddymodule.AdminPatterns(), "\n") + "\n"
	found := 0
	for _, file := range documents(t) {
		for _, m := range path.FindAllStringSubmatch(read(t, file), -1) {
			found++
			if !strings.Contains(there, strings.Replace(m[1], "/default", "/{hub}", 1)+"\n") {
				t.Errorf("%s: the admin API has no %s", file, m[1])
			}
		}
	}
	if found == 0 {
		t.Error("no path was found")
	}
}
