package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

const jsonIntro = "# JSON\n\n" +
	"Caddy's own configuration is JSON; a Caddyfile is turned into it. Use JSON if a program writes your\n" +
	"configuration. [The Caddyfile](caddyfile.md) explains the options, their bounds and what a reload\n" +
	"changes. In JSON, 0 and an absent field are the default, a list must have an element, sizes are numbers of\n" +
	"bytes, and durations are texts like `\"90s\"`. `caddy adapt` shows what a Caddyfile becomes.\n\n" +
	"This page is made of the comments of the program. A test compares it with them; after a change,\n" +
	"`make references` writes it again.\n"

// jsonParts are the types of the configuration, in the order of the document.
var jsonParts = []struct{ name, title string }{
	{"Handler", "The handler `chat`"},
	{"App", "The app `chat`"},
	{"HubSettings", "The settings of a hub"},
	{"Policy", "Policy"},
	{"History", "History"},
	{"Retention", "Retention"},
	{"Key", "Key"},
	{"Limits", "Limits"},
	{"Rate", "Rate"},
	{"Webhook", "Webhook"},
	{"GuestAuth", "`chat.auth.guest`"},
	{"JWTAuth", "`chat.auth.jwt`"},
	{"WeChatAuth", "`chat.auth.wechat`"},
	{"CaddyAuth", "`chat.auth.caddy`"},
	{"Pebble", "`chat.journals.pebble`"},
	{"StorageLimits", "`chat.journals.memory`, and what both journals of one server have"},
	{"Postgres", "`chat.journals.postgres`"},
	{"HTTPS", "`chat.checks.https`"},
	{"WeChat", "`chat.checks.wechat`"},
	{"Options", "What all checks have"},
}

// docs/json.md has all fields of the configuration, with their comments. With
// WRITE_REFERENCES in the environment the test writes it.
func TestDocuments_JSON_IsTheComments(t *testing.T) {
	structs := configuration(t)
	var text strings.Builder
	text.WriteString(jsonIntro)
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte("chat.example.com {\n\tchat {\n\t\tui on\n\t\tauth guest\n\t\tjournal pebble {\n\t\t\tretention 90d\n\t\t}\n\t}\n}\n"), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, config, "", "  "); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&text, "\nA site with a chat:\n\n```json\n%s\n```\n", pretty.String())
	titles := map[string]string{}
	for _, part := range jsonParts {
		titles[part.name] = part.title
	}
	for _, part := range jsonParts {
		s, ok := structs[part.name]
		if !ok {
			t.Fatalf("there is no %s, only %q", part.name, slices.Sorted(maps.Keys(structs)))
		}
		delete(structs, part.name)
		fmt.Fprintf(&text, "\n## %s\n\n%s", part.title, jsonFields(s, titles))
	}
	if len(structs) > 0 {
		t.Errorf("the document lacks %q", slices.Sorted(maps.Keys(structs)))
	}
	const file = "../docs/json.md"
	if os.Getenv("WRITE_REFERENCES") != "" {
		if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if testcaddy.Read(t, file) != text.String() {
		t.Errorf("%s is not what the comments say: make references", file)
	}
}

// configuration returns the exported structs with fields that have a name in JSON. One
// whose name another has, too, begins with its package.
func configuration(t *testing.T) map[string]*ast.StructType {
	structs := map[string]*ast.StructType{}
	for _, dir := range []string{".", "checks", "internal/webhooks", "journals"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no Go files: %v", dir, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				spec, ok := n.(*ast.TypeSpec)
				if !ok || !spec.Name.IsExported() {
					return true
				}
				s, ok := spec.Type.(*ast.StructType)
				if !ok || !slices.ContainsFunc(s.Fields.List, func(f *ast.Field) bool { return jsonName(f) != "" }) {
					return true
				}
				name := spec.Name.Name
				if structs[name] != nil {
					name = file.Name.Name + "." + name
				}
				structs[name] = s
				return true
			})
		}
	}
	return structs
}

// jsonName returns the name of a field in JSON, or "".
func jsonName(f *ast.Field) string {
	if f.Tag == nil {
		return ""
	}
	tag, _ := strconv.Unquote(f.Tag.Value)
	name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
	return strings.TrimPrefix(name, "-")
}

func jsonFields(s *ast.StructType, titles map[string]string) string {
	var rows, also strings.Builder
	comment := ""
	for _, f := range s.Fields.List {
		if f.Doc != nil {
			comment = strings.Join(strings.Fields(f.Doc.Text()), " ")
		}
		if name := jsonName(f); name != "" {
			fmt.Fprintf(&rows, "| `%s` | %s | %s |\n", name, jsonType(f, titles), strings.ReplaceAll(comment, "|", `\|`))
		} else if embedded := typeName(f.Type); len(f.Names) == 0 && titles[embedded] != "" && f.Tag == nil {
			fmt.Fprintf(&also, "\nAnd the fields of %s.\n", link(titles[embedded]))
		}
	}
	if rows.Len() == 0 {
		return strings.TrimPrefix(also.String(), "\n")
	}
	return "| field | value | meaning |\n|---|---|---|\n" + rows.String() + also.String()
}

// jsonType returns what a field holds, in words.
func jsonType(f *ast.Field, titles map[string]string) string {
	if name := jsonName(f); f.Tag != nil && strings.Contains(f.Tag.Value, "inline_key=") {
		_, namespace, _ := strings.Cut(f.Tag.Value, "namespace=")
		namespace, key, _ := strings.Cut(strings.TrimRight(namespace, "\"`"), " inline_key=")
		if strings.HasSuffix(name, "s") || name == "auth" {
			return fmt.Sprintf("list of modules `%s.…`, each with its name in `%s`", namespace, key)
		}
		return fmt.Sprintf("a module `%s.…`, with its name in `%s`", namespace, key)
	}
	list := ""
	of := f.Type
	switch t := of.(type) {
	case *ast.ArrayType:
		list, of = "list of ", t.Elt
	case *ast.MapType:
		list, of = "object by name: ", t.Value
	}
	name := typeName(of)
	switch {
	case titles[name] != "":
		return list + link(titles[name])
	case name == "Duration":
		return list + "duration"
	case strings.HasPrefix(name, "int"), strings.HasPrefix(name, "float"):
		return list + "number"
	case name == "bool":
		return list + "true or false"
	}
	return list + "text"
}

func typeName(of ast.Expr) string {
	switch t := of.(type) {
	case *ast.StarExpr:
		return typeName(t.X)
	case *ast.SelectorExpr:
		return t.Sel.Name
	case *ast.Ident:
		return t.Name
	}
	return ""
}

func link(title string) string {
	return fmt.Sprintf("[%s](#%s)", strings.ToLower(title[:1])+title[1:], anchors("# " + title)[0])
}
