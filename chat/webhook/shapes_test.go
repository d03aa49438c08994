package webhook

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// indented returns the indented blocks of a document.
func indented(t *testing.T, file string) (list []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\n\n((?:    .*\n|\n)+)`).FindAllStringSubmatch(string(text), -1) {
		list = append(list, strings.ReplaceAll(m[1], "\n    ", "\n"))
	}
	return list
}

// The requests and answers in the documents are those that are sent and taken: the headers, a question with all its
// fields, and each verdict. What a webhook sends is compared with openapi.json, in clients/test/documents.test.js.
func TestDocuments_Shapes(t *testing.T) {
	headers := http.Header{"Content-Type": nil}
	Sign(headers, "x", time.Now(), nil, []Secret{secret(t, secretText)})
	requests := 0
	for _, file := range []string{"../../docs/checks.md", "../../docs/webhooks.md"} {
		for _, block := range indented(t, file) {
			head, body, ok := strings.Cut(strings.TrimSpace(block), "\n\n")
			if !ok || !strings.HasPrefix(head, "POST ") {
				continue
			}
			requests++
			named := http.Header{}
			for _, line := range strings.Split(head, "\n")[1:] {
				name, _, _ := strings.Cut(line, ":")
				named.Set(name, "")
			}
			for name := range headers {
				if _, there := named[http.CanonicalHeaderKey(name)]; !there || len(named) != len(headers) {
					t.Errorf("%s: the headers are %v, and %v are sent", file, named, headers)
				}
			}
			if strings.Contains(file, "checks") {
				sameQuestion(t, body)
			}
		}
	}
	if requests != 2 {
		t.Errorf("%d requests were found", requests)
	}
	verdicts := map[check.Kind]bool{}
	for _, block := range indented(t, "../../docs/checks.md") {
		for line := range strings.Lines(block) {
			if !strings.HasPrefix(strings.TrimSpace(line), `{"verdict"`) {
				continue
			}
			r, ok := readVerdict([]byte(line))
			kind, known := kinds[r.verdict]
			if !ok || !known {
				t.Errorf("no verdict: %s", line)
			}
			verdicts[kind] = true
			if kind == kinds["change"] && len(r.body) == 0 {
				t.Errorf("nothing is changed: %s", line)
			}
		}
	}
	if len(verdicts) != len(kinds) {
		t.Errorf("the document has the verdicts %v", verdicts)
	}
}

// sameQuestion compares the question of docs/checks.md with what is sent.
func sameQuestion(t *testing.T, body string) {
	t.Helper()
	var got, want map[string]any
	if err := json.Unmarshal([]byte(body), &want); err != nil {
		t.Fatal(err)
	}
	q := &check.Question{
		About: check.Send, Room: "g-7fk2", Device: "d-81", Addr: netip.MustParseAddr("192.0.2.7"), Key: "k-1", Body: json.RawMessage(`{"text":"buy now"}`),
		Mentions: []string{"u8"}, Reply: 41, From: journal.User{ID: "u7", Name: "Li"},
	}
	sent, err := json.Marshal(question{q, asker(q.From)})
	if err == nil {
		err = json.Unmarshal(sent, &got)
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the document has\n%v\nand sent is\n%v, %v", fmt.Sprint(want), fmt.Sprint(got), err)
	}
}
