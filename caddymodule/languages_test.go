package caddymodule_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// inEnglish are references that are made of something else. In Chinese they have an
// introduction.
var inEnglish = []string{"admin.md", "cli.md", "http.md", "javascript.md", "json.md"}

// The pages in Chinese are those in English: they have the same headings and the same code.
// See CONTRIBUTING.md for what may differ in code.
func TestDocuments_InChinese_HaveTheSameParts(t *testing.T) {
	pages := func(folder string) (names []string) {
		files, err := filepath.Glob(folder + "/*.md")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			names = append(names, filepath.Base(file))
		}
		return names
	}
	english := pages("../docs")
	for _, name := range pages("../docs/zh") {
		if name != "glossary.md" && name != "protocol.md" && !slices.Contains(english, name) {
			t.Errorf("docs/zh/%s has no page in English", name)
		}
	}
	for _, name := range english {
		if slices.Contains(inEnglish, name) {
			continue
		}
		chinese := "../docs/zh/" + name
		for _, wrong := range differences(testcaddy.Read(t, "../docs/"+name), testcaddy.Read(t, chinese)) {
			t.Errorf("%s: %s", chinese, wrong)
		}
	}
}

// What the references in English are made of, commands, requests and types, stands in the tables of their
// introductions.
func TestDocuments_InChinese_IntroduceTheReferences(t *testing.T) {
	for _, name := range inEnglish {
		part := map[string]string{"admin.md": `### ([A-Z]+ /.*)`, "http.md": `### ([A-Z]+ /.*)`}[name]
		if part == "" {
			part = `## (.*)`
		}
		told := map[string]bool{}
		for row := range strings.Lines(testcaddy.Read(t, "../docs/zh/"+name)) {
			if cells := strings.Split(row, " | "); len(cells) > 1 {
				cell := strings.Trim(strings.ReplaceAll(cells[0], "`", ""), "| ")
				for _, each := range append(strings.Split(cell, ", "), cell, strings.TrimSuffix(cell, " new")) {
					told[each] = true
				}
			}
		}
		headings := regexp.MustCompile(`(?m)^`+part+`$`).FindAllStringSubmatch(testcaddy.Read(t, "../docs/"+name), -1)
		for _, m := range headings {
			if what := strings.ReplaceAll(m[1], "`", ""); !told[what] {
				t.Errorf("docs/zh/%s does not introduce %q", name, what)
			}
		}
		if len(headings) < 10 {
			t.Errorf("%s has %d parts", name, len(headings))
		}
	}
}

// The guide to the protocol in Chinese has every frame with its fields, every code, every request, and no example
// that does not run.
func TestDocuments_InChinese_ProtocolIsWhole(t *testing.T) {
	english, chinese := testcaddy.Read(t, "../PROTOCOL.md"), testcaddy.Read(t, "../docs/zh/protocol.md")
	// rows returns the rows of a section, by their first cells.
	rows := func(document, section string) map[string][]string {
		_, text, ok := strings.Cut(document, "\n## "+section+"\n")
		text, _, _ = strings.Cut(text, "\n## ")
		found := map[string][]string{}
		for line := range strings.Lines(text) {
			if cells := strings.Split(strings.TrimSpace(line), "|"); strings.HasPrefix(line, "| `") {
				for i := range cells {
					cells[i] = strings.TrimSpace(cells[i])
				}
				found[cells[1]] = cells[2 : len(cells)-1]
			}
		}
		if !ok || len(found) < 20 && document == chinese {
			t.Errorf("%q has %d rows", section, len(found))
		}
		return found
	}
	field := regexp.MustCompile("\\**`\\w+`\\**")
	for section, translated := range map[string]string{"What a client says": "客户端发送的帧", "What a server says": "服务器发送的帧"} {
		_, text, _ := strings.Cut(english, "\n## "+section+"\n")
		text, _, _ = strings.Cut(text, "\n## ")
		told := rows(chinese, translated)
		for _, frame := range strings.Split(text, "\n### ")[1:] {
			name, body, _ := strings.Cut(frame, "\n")
			var fields []string
			for _, m := range regexp.MustCompile("(?m)^\\| (\\**`\\w+`\\**) \\|").FindAllStringSubmatch(body, -1) {
				fields = append(fields, m[1])
			}
			if cells := told[name]; cells == nil || !slices.Equal(field.FindAllString(cells[0], -1), fields) {
				t.Errorf("%s has %v, in Chinese %q", name, fields, cells)
			}
		}
	}
	codes := rows(chinese, "错误和告别")
	for code, cells := range rows(english, "Errors and goodbyes") {
		if told := codes[code]; len(told) < 5 || !slices.Equal(told[:4], cells[:4]) {
			t.Errorf("%s: %q, in Chinese %q", code, cells, told)
		}
	}
	requests := rows(chinese, "HTTP")
	for request, cells := range rows(english, "HTTP") {
		scope := func(cells []string) []string {
			return regexp.MustCompile("`\\w+`").FindAllString(cells[len(cells)-1], -1)
		}
		if told := requests[request]; !strings.HasPrefix(request, "`{") && (told == nil || !slices.Equal(scope(told), scope(cells))) {
			t.Errorf("%s: %q, in Chinese %q", request, cells, told)
		}
	}
	for _, example := range regexp.MustCompile("(?ms)^```.*?^```").FindAllString(chinese, -1) {
		if !strings.Contains(english, example) {
			t.Errorf("PROTOCOL.md does not have\n%s", example)
		}
	}
}

// differences returns where a translation has other headings or other code.
func differences(english, chinese string) (wrong []string) {
	if a, b := levels(english), levels(chinese); a != b {
		wrong = append(wrong, fmt.Sprintf("its headings have the levels %s, in English %s", b, a))
	}
	a, b := codeBlocks(english), codeBlocks(chinese)
	if len(a) != len(b) {
		return append(wrong, fmt.Sprintf("it has %d blocks of code, in English %d", len(b), len(a)))
	}
	for i := range a {
		if !sameCode(a[i], b[i]) {
			wrong = append(wrong, fmt.Sprintf("the code is\n%s\nand in English\n%s", b[i], a[i]))
		}
	}
	return wrong
}

// A page in Chinese links to what there is in Chinese, but that an introduction links to what it introduces.
func TestDocuments_InChinese_LinkToChinese(t *testing.T) {
	link := regexp.MustCompile(`(\[English)?(?:\]\(|src=")([^)#:"]+)`)
	for _, file := range testcaddy.Documents(t) {
		if !strings.Contains(file, "/zh/") && !strings.HasSuffix(file, ".zh-CN.md") {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(testcaddy.Read(t, file), -1) {
			target := filepath.Join(filepath.Dir(file), m[2])
			dir, name := filepath.Split(target)
			if name == "PROTOCOL.md" && filepath.Base(file) != "protocol.md" {
				t.Errorf("%s links to %s, but there is docs/zh/protocol.md", file, target)
			}
			chinese := strings.NewReplacer("zh-CN.md", "zh-CN.md", ".md", ".zh-CN.md", "-en.png", "-zh.png").Replace(target)
			if filepath.Base(dir) == "docs" {
				chinese = filepath.Join(dir, "zh", name)
			}
			if _, err := os.Stat(chinese); err == nil && chinese != target && m[1] == "" && filepath.Base(file) != name {
				t.Errorf("%s links to %s, but there is %s", file, target, chinese)
			}
		}
	}
}

var (
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	han     = regexp.MustCompile(`\p{Han}`)
	heading = regexp.MustCompile(`(?m)^(#+) `)
	// A comment, a string, or a run of anything else.
	codePart = regexp.MustCompile(`(?m)(?:^|[ \t])(?:#|//|--|/\*|<!--) [^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|` + "`[^`\n]*`" + `|[^"'` + "`" + `\s]+|.`)
)

func levels(document string) string {
	var list strings.Builder
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(document, ""), -1) {
		fmt.Fprint(&list, len(m[1]))
	}
	return list.String()
}

// codeBlocks returns the blocks of a document in their order: those with a fence, and those
// that are indented behind an empty line.
func codeBlocks(document string) (blocks []string) {
	return regexp.MustCompile("(?ms)^```.*?^```$|(?:\\A|\\n\\n)(?:    [^\\n]*(?:\\n|\\z)|\\n(?:    ))+").FindAllString(document, -1)
}

// sameCode reports whether two blocks are the same but for comments and strings which are in
// Chinese.
func sameCode(english, chinese string) bool {
	parts := func(code string) (list []string) {
		for _, part := range codePart.FindAllString(code, -1) {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		return list
	}
	isText := func(part string) bool {
		return strings.HasPrefix(part, "# ") || strings.HasPrefix(part, "// ") || strings.HasPrefix(part, "-- ") || strings.HasPrefix(part, "/*") ||
			strings.HasPrefix(part, "<!--") || strings.ContainsAny(part[:1], "\"'`")
	}
	return slices.EqualFunc(parts(english), parts(chinese), func(a, b string) bool {
		return a == b || isText(a) && isText(b) && a[:1] == b[:1] && han.MatchString(b)
	})
}

func TestDocuments_SameCode(t *testing.T) {
	for _, it := range []struct {
		english, chinese string
		same             bool
	}{
		{"a b # one", "a b # 一", true},
		{"a b # one", "a b", false},
		{"say(\"hello\", x)", "say(\"你好\", x)", true},
		{"say(\"hello\", x)", "say(\"bye\", x)", false},
		{"say(\"hello\", x)", "say(\"你好\", y)", false},
		{"max 1", "max 2", false},
		{"// a\nb  {", "// 甲\nb {", true},
		{"caddy chat ban u7 --for 24h", "caddy chat ban u7 --for 2h", false},
	} {
		if same := sameCode(it.english, it.chinese); same != it.same {
			t.Errorf("%q and %q: %v", it.english, it.chinese, same)
		}
	}
	if got := codeBlocks("a\n\n    b\n    c\n\nd\n\n```\ne\n```\nf\n"); len(got) != 2 {
		t.Errorf("%q", got)
	}
}
