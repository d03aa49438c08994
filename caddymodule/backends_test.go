package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// block is a fenced block of docs/backends.md.
type block struct{ language, text string }

func backendBlocks(t *testing.T) (list []block) {
	t.Helper()
	for _, m := range regexp.MustCompile("(?ms)^```(\\w+)\\n(.*?)^```").FindAllStringSubmatch(testcaddy.Read(t, "../docs/backends.md"), -1) {
		list = append(list, block{m[1], m[2]})
	}
	return list
}

// directives returns what a Caddyfile has for its site.
func (b *block) directives() string {
	_, text, _ := strings.Cut(b.text, "{\n")
	return text[:strings.LastIndex(text, "}")]
}

const keyOfDocuments = "0123456789abcdef0123456789abcdef0123456789abcdef"

// The commands of docs/backends.md do what the document says, one block after the other, each
// with the Caddyfile that stands before it.
func TestDocuments_Backends_CommandsWork(t *testing.T) {
	t.Setenv("CHAT_KEY", keyOfDocuments)
	t.Setenv("CHAT_CHECK_SECRET", hookSecret)
	s := testcaddy.Start(t, "chat")
	define, played := "", 0
	for _, b := range backendBlocks(t) {
		switch b.language {
		case "caddyfile":
			if !strings.Contains(b.text, "check ") {
				s.Load(b.directives())
			}
		case "sh":
			script := strings.NewReplacer("https://example.com", "http://"+s.Plain, "wait=60000", "wait=10").Replace(b.text)
			if at := strings.Index(script, "post() {"); at >= 0 {
				define = script[at : strings.Index(script, "; }\n")+4]
			} else {
				script = define + script
			}
			cmd := exec.CommandContext(t.Context(), "bash", "-euc", script)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, b.text)
			}
			n := 0
			for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); n++ {
				var answer map[string]any
				if err := d.Decode(&answer); err != nil || answer["code"] != nil {
					t.Errorf("%v, %v, to\n%s", answer, err, b.text)
					break
				}
			}
			if n == 0 {
				t.Errorf("no answer to\n%s", b.text)
			}
			played++
		}
	}
	if played < 7 {
		t.Errorf("only %d blocks were played", played)
	}
	s.NoErrors()
}

// The backend of docs/backends.md makes a room, refuses what it judges bad, and answers.
func TestDocuments_Backends_ProgramWorks(t *testing.T) {
	t.Setenv("CHAT_KEY", keyOfDocuments)
	t.Setenv("CHAT_CHECK_SECRET", hookSecret)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	directives, program := "", ""
	for _, b := range backendBlocks(t) {
		switch {
		case b.language == "caddyfile" && strings.Contains(b.text, "check "):
			directives = strings.ReplaceAll(b.directives(), ":9000", ":"+port)
		case b.language == "mjs":
			program = b.text
		}
	}
	if lines := len(regexp.MustCompile(`(?m)^.*\S.*$`).FindAllString(program, -1)); lines > 30 {
		t.Errorf("the backend in thirty lines has %d", lines)
	}
	s := testcaddy.Start(t, directives)
	file := filepath.Join(t.TempDir(), "backend.mjs")
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", file)
	cmd.Env = append(os.Environ(), "PORT="+port, "CHAT_URL=http://"+s.Plain+"/chat")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	header := http.Header{"Authorization": {"Bearer " + keyOfDocuments}, "Content-Type": {"application/json"}}
	testcaddy.Eventually(t, "the room is there", func() bool {
		res := ask(t, s, "GET", "/chat/rooms/order-4711", header, "")
		return res.StatusCode == 200
	})
	var answer struct{ Token string }
	body := text(t, ask(t, s, "POST", "/chat/users/u-7/token", header, `{}`))
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Token == "" {
		t.Fatal(body, err)
	}
	c := s.V1("ws://"+s.Plain+"/chat", nil, `,"token":"`+answer.Token+`","rooms":[{"room":"order-4711"}]`)
	testcaddy.Hears(t, c, `"welcome"`)
	say := func(text string) {
		testcaddy.Say(t, c, fmt.Sprintf(`{"type":"send","id":"1","room":"order-4711","body":{"text":%q}}`, text))
	}
	forged, err := http.Post("http://127.0.0.1:"+port+"/check", "application/json", strings.NewReader(`{}`))
	if err != nil || forged.StatusCode != 401 {
		t.Errorf("a question without a signature: %v, %v", forged, err)
	}
	say("Buy now!")
	testcaddy.Until(t, c, `"error"`, `"refused"`, "no adverts")
	say("Where is it?")
	testcaddy.Until(t, c, `"message"`, `"bot-shop"`, "It is on its way.", `"reply":`)
	s.NoErrors()
}
