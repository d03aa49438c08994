//go:build unix

package command_test

import (
	"bufio"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// The commands of `caddy chat` that stand in lines of their own do something, as they stand, on a server on which there
// is what they name. Those of the cookbooks run in tests of their own, and bench in those of bench/run.
func TestDocuments_Commands_Run(t *testing.T) {
	line := regexp.MustCompile(`(?m)^ {4,7}caddy chat (.*?)(?:  +#.*)?$`)
	lines := map[string]string{}
	for _, file := range testcaddy.Documents(t) {
		for _, m := range line.FindAllStringSubmatch(testcaddy.Read(t, file), -1) {
			if !strings.HasPrefix(m[1], "bench ") {
				lines[m[1]] = file
			}
		}
	}
	site, admin := testcaddy.StartAdmin(t, "chat {\nauth jwt {\nsecret \""+testcaddy.JWTSecret+"\"\n}\nauth guest\n}")
	p := &page{t: t, site: site, admin: admin, dir: t.TempDir(), names: strings.NewReplacer()}
	url := "ws://" + site.Plain + "/chat"
	// make makes the room tea with 42 messages of u7, and a guest there, whose id it returns.
	make := func() string {
		token := testcaddy.SiteToken(t, jwt.MapClaims{"sub": "u7"})
		c := site.V1(url, nil, `,"token":"`+token+`","rooms":[{"room":"tea"}]`)
		if !strings.Contains(testcaddy.Hears(t, c, `"welcome"`), `"seq":42`) {
			for i := range 42 {
				testcaddy.Say(t, c, fmt.Sprintf(`{"type":"send","room":"tea","body":"%d"}`, i))
			}
			testcaddy.Until(t, c, `"seq":42`)
		}
		guest := site.V1(url, nil, `,"name":"Li","rooms":[{"room":"tea"}]`)
		return regexp.MustCompile(`guest-\w+`).FindString(testcaddy.Hears(t, guest, `"welcome"`))
	}
	make()
	p.run("caddy chat export > old.jsonl; cp old.jsonl chat.jsonl")
	// What docs/moving.md says in place of server code, with the token that it says.
	curl := regexp.MustCompile(`(?m)^    curl -H "Authorization: Bearer \$TOKEN"(?: .*\\\n)+ .*$`).FindString(testcaddy.Read(t, "../../docs/moving.md"))
	says(t, "docs/moving.md", p.run("TOKEN=$(caddy chat token u7); "+strings.ReplaceAll(curl, "https://chat.example.com", "http://"+site.Plain)), `"room":"tea","seq":43`)
	ran := map[string]bool{}
	// Backwards: a message is recalled before its user is erased, and that before the room is.
	for _, words := range slices.Backward(slices.Sorted(maps.Keys(lines))) {
		guest := make()
		ran[strings.Fields(words)[0]] = true
		p.names = strings.NewReplacer("guest-x", guest, "/srv/backup", p.dir, "--address unix//run/caddy/admin.sock ", "", "--after 1200", "--after 12")
		if strings.HasPrefix(words, "tail ") {
			cmd := testcaddy.CommandContext(t.Context(), admin, strings.Fields(words)...)
			out, err := cmd.StdoutPipe()
			if err == nil {
				err = cmd.Start()
			}
			if line, _ := bufio.NewReader(out).ReadString('\n'); err != nil || line == "" {
				t.Errorf("%s: %s: %v", lines[words], words, err)
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			continue
		}
		if strings.HasPrefix(words, "unban ") {
			p.run("caddy chat ban guest-x")
		}
		p.run("caddy chat " + words)
	}
	for _, name := range []string{"status", "history", "tail", "recall", "mute", "ban", "kick", "unban", "sanctions", "erase-user", "erase-room", "backup", "export", "import", "compact"} {
		if !ran[name] {
			t.Errorf("no document has a line with %s", name)
		}
	}
}
