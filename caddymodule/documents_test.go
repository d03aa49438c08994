package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
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

// Caddy accepts every Caddyfile in the documents.
func TestDocuments_CaddyfileBlocks_AreValid(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	block := regexp.MustCompile("(?ms)^```caddyfile\\n(.*?)^```")
	variable := regexp.MustCompile(`\{env\.(\w+)\}`)
	found := 0
	for _, file := range testcaddy.Documents(t) {
		for _, m := range block.FindAllStringSubmatch(testcaddy.Read(t, file), -1) {
			found++
			for _, name := range variable.FindAllStringSubmatch(m[1], -1) {
				value := "thirty-two-bytes-which-is-enough-for-" + name[1]
				if strings.Contains(name[1], "HOOK") || strings.Contains(name[1], "CHECK") {
					value = hookSecret
				}
				t.Setenv(name[1], value)
			}
			if err := validate(t, m[1]); err != nil {
				t.Errorf("%s: %v\n%s", file, err, m[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("found only %d blocks", found)
	}
}

// No block of a document that is a Caddyfile, or a part of one, escapes the test above.
func TestDocuments_CaddyfileBlocks_AreAllFound(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	fence := regexp.MustCompile("(?m)^([ \t>]*)(```+|~~~+)([^\n`]*)\n((?s:.*?))^[ \t>]*(?:```+|~~~+)[ \t]*$")
	looks := regexp.MustCompile(`(?m)^\s*(?:chat(?: [@/*]\S*)*(?: \{)?|reverse_proxy .*|handle(?:_path)?(?: .*)? \{|auth (?:guest|jwt|wechat|caddy).*|journal (?:pebble|memory|postgres).*|limits \{|policy \S+ \{)$`)
	for _, file := range testcaddy.Documents(t) {
		for _, m := range fence.FindAllStringSubmatch(testcaddy.Read(t, file), -1) {
			tested := m[1] == "" && m[2] == "```" && m[3] == "caddyfile"
			// The help of a command may have options of the directive, with tabs before them.
			if options := strings.Join(regexp.MustCompile(`(?m)^\t.*$`).FindAllString(m[4], -1), "\n"); filepath.Base(file) == "cli.md" && looks.MatchString(m[4]) {
				if err := validate(t, site(1, "chat {\n"+options+"\n}")); err != nil || options == "" {
					t.Errorf("%s: %v\n%s", file, err, options)
				}
				continue
			}
			if !tested && (strings.Contains(strings.ToLower(m[3]), "caddy") || looks.MatchString(m[4])) {
				t.Errorf("%s: no test reads this block; begin it with ```caddyfile:\n%s%s", file, m[3], m[4])
			}
		}
	}
}

func TestDocuments_Example_IsValid(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	example := testcaddy.Read(t, "../Caddyfile.example")
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

// In the documents, the files and headings that links lead to exist, and the pictures.
func TestDocuments_Links_LeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`(?:\]\(|<img src=")([^)"#:]*)(?:#([^):]*))?[)"]`)
	for _, file := range testcaddy.Documents(t) {
		for _, m := range link.FindAllStringSubmatch(testcaddy.Read(t, file), -1) {
			target := file
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(file), m[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", file, err)
			} else if m[2] != "" && !slices.Contains(anchors(testcaddy.Read(t, target)), m[2]) {
				t.Errorf("%s: %s has no heading #%s", file, target, m[2])
			}
		}
	}
}

// anchors returns the anchors of a document's headings.
func anchors(document string) (list []string) {
	other := regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(document, -1) {
		anchor := strings.ReplaceAll(other.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")
		unique := anchor
		for n := 1; slices.Contains(list, unique); n++ {
			unique = fmt.Sprintf("%s-%d", anchor, n)
		}
		list = append(list, unique)
	}
	return list
}

// Every file of the project that a document names, also in a command, exists.
func TestDocuments_Files_Exist(t *testing.T) {
	name := regexp.MustCompile("(?m)(?:^|[\\s`(])(?:\\./)?((?:bench|caddymodule|chat|clients|cmd|conformance|contrib|docs)/[\\w./-]*\\w)")
	found := map[string]bool{}
	for _, file := range testcaddy.Documents(t) {
		for _, m := range name.FindAllStringSubmatch(testcaddy.Read(t, file), -1) {
			found[m[1]] = true
			if m[1] == "bench/results" { // which is an output
				continue
			}
			if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if len(found) < 10 {
		t.Errorf("only %d were found", len(found))
	}
}

// The program in docs/embedding.md is part of an Example, and all other names in that
// document are exported.
func TestDocuments_Embedding_IsTheExample(t *testing.T) {
	document := testcaddy.Read(t, "../docs/embedding.md")
	_, rest, _ := strings.Cut(document, "```go\n")
	program, after, ok := strings.Cut(rest, "```\n")
	var indented strings.Builder
	for line := range strings.Lines(program) {
		if line != "\n" {
			indented.WriteString("\t")
		}
		indented.WriteString(line)
	}
	if !ok || !strings.Contains(testcaddy.Read(t, "../chat/example_test.go"), indented.String()) {
		t.Errorf("chat/example_test.go does not have\n%s", indented.String())
	}
	there, found := exported(t, "../chat", "../chat/access", "../chat/identity", "../chat/journal", "../chat/journal/journaltest",
		"../chat/memjournal", "../chat/pebblejournal"), 0
	for _, m := range regexp.MustCompile("`(?:\\w+\\.)?([A-Z]\\w+)`").FindAllStringSubmatch(after, -1) {
		found++
		if !there[m[1]] && m[1] != "Shutdown" { // of the web server
			t.Errorf("there is no %s", m[1])
		}
	}
	if found < 20 {
		t.Errorf("only %d names were found", found)
	}
}

// exported returns the names that packages export, with fields and methods of types.
func exported(t *testing.T, dirs ...string) map[string]bool {
	names := map[string]bool{}
	for _, dir := range dirs {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no Go files: %v", dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.FileExports(parsed)
			ast.Inspect(parsed, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncDecl:
					names[n.Name.Name] = true
					return false
				case *ast.TypeSpec:
					names[n.Name.Name] = true
				case *ast.Field:
					for _, name := range n.Names {
						names[name.Name] = true
					}
				case *ast.ValueSpec:
					for _, name := range n.Names {
						names[name.Name] = true
					}
				}
				return true
			})
		}
	}
	return names
}

// docs/operations.md has a row for each alert rule, and no other rows.
func TestDocuments_Alerts_AreThose(t *testing.T) {
	var rules, told []string
	for _, m := range regexp.MustCompile(`(?m)^ *- alert: (\w+)$`).FindAllStringSubmatch(testcaddy.Read(t, "../contrib/alerts.yaml"), -1) {
		rules = append(rules, m[1])
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(Chat\\w+)` ").FindAllStringSubmatch(testcaddy.Read(t, "../docs/operations.md"), -1) {
		told = append(told, m[1])
	}
	if len(rules) == 0 || !slices.Equal(rules, told) {
		t.Errorf("contrib/alerts.yaml has %q, and docs/operations.md has rows for %q", rules, told)
	}
}

// config.js has the settings that the mini program's quick start tells people to change.
func TestDocuments_QuickStart_NamesTheSettings(t *testing.T) {
	config, found := testcaddy.Read(t, "../clients/miniprogram/config.js"), 0
	for _, m := range regexp.MustCompile(`(?m)^    (\w+:) .*,$`).FindAllStringSubmatch(testcaddy.Read(t, "../docs/quickstart-miniprogram.md"), -1) {
		found++
		if !strings.Contains(config, "\n  "+m[1]+" ") {
			t.Errorf("config.js has no %s", m[1])
		}
	}
	if found != 2 {
		t.Errorf("%d settings were found", found)
	}
}

// A README in Chinese has what the English one has: the same headings, the same code but for
// comments, and links to the same places, which may be in Chinese as well.
func TestDocuments_ReadmesInChinese_HaveTheSameParts(t *testing.T) {
	comment, anchor := regexp.MustCompile(`(?m)(?:^|[ \t]+)(?:#|//) .*$`), regexp.MustCompile(`#[^)">]*`)
	english := strings.NewReplacer("-zh.png", ".png", "-en.png", ".png", "docs/zh/protocol.md", "PROTOCOL.md", "docs/zh/", "docs/", "README.zh-CN.md", "README", ".zh-CN.md", ".md", "README.md", "README")
	for _, file := range []string{"../README", "../SECURITY", "../CODE_OF_CONDUCT", "../clients/core/README", "../clients/miniprogram/README", "../clients/miniprogram/caddy-chat/README",
		"../clients/react/README", "../clients/vue/README", "../clients/examples/taro/README", "../clients/examples/tdesign/README", "../clients/examples/uniapp/README"} {
		for what, part := range map[string]*regexp.Regexp{
			"headings": regexp.MustCompile(`(?m)^#+ `),
			"code":     regexp.MustCompile("(?ms)^```.*?^```|^    \\S.*?$"),
			"links":    regexp.MustCompile(`(?:\]\(|src="|<)[\w:/.-]*(?:#[^)">]*)?[)">]`),
			"rows":     regexp.MustCompile(`(?m)^(?:\||- |\d\. )`),
		} {
			same := func(document string) []string {
				found := part.FindAllString(document, -1)
				for i := range found {
					switch found[i] = english.Replace(found[i]); what {
					case "code":
						found[i] = comment.ReplaceAllString(found[i], "")
					case "links":
						found[i] = anchor.ReplaceAllString(found[i], "#") // the heading has another name
					}
				}
				slices.Sort(found)
				return found
			}
			a, b := same(testcaddy.Read(t, file+".md")), same(testcaddy.Read(t, file+".zh-CN.md"))
			if !slices.Equal(a, b) || len(a) == 0 && what != "code" {
				t.Errorf("%s: %s.md has\n%q\nthat in Chinese has\n%q", what, file, a, b)
			}
		}
	}
}

// The table of paths in the documents is complete: what the chat takes never reaches the next
// handler.
func TestDocuments_Paths_AreAll(t *testing.T) {
	s := testcaddy.Start(t, "chat {\njournal memory\n}")
	var api struct{ Paths map[string]any }
	if err := json.Unmarshal([]byte(text(t, ask(t, s, "GET", "/chat/openapi.json", nil, ""))), &api); err != nil || len(api.Paths) == 0 {
		t.Fatal(err)
	}
	for _, page := range []string{"../docs/caddyfile.md", "../docs/zh/caddyfile.md"} {
		table, _, _ := strings.Cut(testcaddy.Read(t, page), "PROTOCOL.md#http")
		for path := range api.Paths {
			first := "/" + strings.Split(path, "/")[1]
			if !strings.Contains(table, "`<path>"+first+"`") && !strings.Contains(table, "`<path>"+first+"/…`") {
				t.Errorf("%s does not name %s", page, first)
			}
		}
	}
}
