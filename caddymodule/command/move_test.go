//go:build unix

package command_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
	"github.com/caddychat/caddy-chat/caddymodule/journals"
	"github.com/caddychat/caddy-chat/internal/testpostgres"
)

// clients/test/deployment.test.js opens this shell.
const shellOfTheService = "systemd-run --pty --uid=caddy --working-directory=/var/lib/caddy -p EnvironmentFile=/etc/caddy/environment bash"

// page runs the blocks of docs/cookbook-move.md in their order.
type page struct {
	t     *testing.T
	site  *testcaddy.Site
	admin string
	dir   string
	names *strings.Replacer // of directories
	out   []string          // of each command
}

// serve runs Caddy with this journal, and with tokens and bans as a site has them.
func (p *page) serve(journal string) {
	p.t.Helper()
	p.site.Load("chat /chat {\n" + p.names.Replace(journal) + "\nauth jwt {\nsecret \"" + testcaddy.JWTSecret + "\"\n}\n}")
}

// run runs a line of the page in a shell in which caddy is this program.
func (p *page) run(line string) string {
	p.t.Helper()
	file := filepath.Join(p.dir, "caddy")
	script := fmt.Sprintf("#!/bin/sh\nshift\nexec %s chat --address %s \"$@\"\n", os.Args[0], p.admin)
	if err := os.WriteFile(file, []byte(script), 0o700); err != nil {
		p.t.Fatal(err)
	}
	cmd := testcaddy.CommandContext(p.t.Context(), p.admin)
	env := append(cmd.Env, "PATH="+p.dir+":"+os.Getenv("PATH"))
	cmd = exec.CommandContext(p.t.Context(), "sh", "-c", p.names.Replace(line))
	cmd.Env, cmd.Dir = env, p.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// The page moves a chat from Pebble to PostgreSQL and back. Its clients go on without a gap, and those who were banned stay so.
func TestDocuments_CookbookMove(t *testing.T) {
	server := testpostgres.New()
	t.Cleanup(server.Remove)
	t.Setenv("CHAT_DSN", server.DSN("owner"))
	dir := t.TempDir()
	const old = "/var/lib/caddy/chat/default"
	site, admin := testcaddy.StartAdmin(t, "respond 200")
	p := &page{t: t, site: site, admin: admin, dir: dir, names: strings.NewReplacer(old, dir+"/old", "/var/lib/caddy/chat-back", dir+"/new")}
	p.serve("journal pebble " + old)

	url := "ws://" + site.Plain + "/chat"
	token := func(user string) string {
		return fmt.Sprintf(`,"token":%q`, testcaddy.SiteToken(t, jwt.MapClaims{"sub": user}))
	}
	c := site.V1(url, nil, token("ann")+`,"rooms":[{"room":"tea"}]`)
	epoch := regexp.MustCompile(`"room":"tea","epoch":"([^"]+)"`).FindStringSubmatch(testcaddy.Hears(t, c, `"welcome"`))[1]
	say := func(c *websocket.Conn, body string, seq int) {
		t.Helper()
		testcaddy.Say(t, c, fmt.Sprintf(`{"type":"send","room":"tea","key":"k-%s","body":%q}`, body, body))
		testcaddy.Until(t, c, fmt.Sprintf(`"seq":%d`, seq))
	}
	say(c, "one", 1)
	say(c, "two", 2)
	testcaddy.Say(t, c, `{"type":"recall","room":"tea","seq":1}`)
	testcaddy.Until(t, c, `"recalled"`)
	testcaddy.Say(t, c, `{"type":"read","room":"tea","seq":2}`)
	if out, err := testcaddy.Command(t, admin, "ban", "--unknown", "mallory"); err != nil {
		t.Fatal(out)
	}
	last := 3
	moves := p.follow(func(round int) {
		// A client that has seen all but the last entry gets that one, and no gap.
		c := site.V1(url, nil, token("ann")+fmt.Sprintf(`,"rooms":[{"room":"tea","epoch":%q,"after":%d}]`, epoch, last-1))
		testcaddy.Hears(t, c, `"welcome"`, `"epoch":"`+epoch+`"`, fmt.Sprintf(`"last":%d`, last), `"gap":false`)
		testcaddy.Say(t, c, `{"type":"send","id":"d","room":"tea","key":"k-two","body":"two"}`) // it was recorded before
		testcaddy.Until(t, c, `"id":"d"`, `"seq":2`)
		last++
		say(c, fmt.Sprint("round ", round), last)
		testcaddy.Say(t, c, `{"type":"history","id":"h","room":"tea"}`)
		testcaddy.Until(t, c, `"history"`, `"recalled":true`, `"two"`)
		m := site.V1(url, nil, token("mallory"))
		testcaddy.Until(t, m, `"banned"`)
		c.CloseNow()
	})
	if moves != 2 {
		t.Errorf("the page moves the chat %d times, want 2", moves)
	}
	all := strings.Join(p.out, "")
	says(t, "the page", all, "to be applied: 1:", "exported 1 room", "imported 1 room", "4 entries")
}

// follow runs the page, and calls check whenever Caddy has been started.
func (p *page) follow(check func(round int)) (rounds int) {
	p.t.Helper()
	text := testcaddy.Read(p.t, filepath.Join(testcaddy.Root(p.t), "docs", "cookbook-move.md"))
	journal, stopped := "journal pebble "+p.dir+"/old", false
	for _, block := range regexp.MustCompile("(?s)```(sh|caddyfile)\n(.*?)```").FindAllStringSubmatch(text, -1) {
		if block[1] == "caddyfile" {
			journal = regexp.MustCompile(`(?s)journal [^\n]*?(\{\n.*?\}|\n)`).FindString(block[2])
			continue
		}
		for line := range strings.Lines(block[2]) {
			switch line = strings.TrimSpace(line); line {
			case "systemctl stop caddy-chat":
				p.site.Load("respond 200")
				p.awaitClosed(journal)
				stopped = true
			case "systemctl start caddy-chat":
				p.serve(journal)
				rounds++
				check(rounds)
			case shellOfTheService: // tested with systemd
			default:
				p.out = append(p.out, p.run(line))
			}
		}
	}
	if !stopped {
		p.t.Error("the page stops no Caddy")
	}
	return rounds
}

// awaitClosed waits until the hub has let go of its journal.
func (p *page) awaitClosed(journal string) {
	p.t.Helper()
	s, err := journals.ParseStopped(strings.TrimPrefix(p.names.Replace(journal), "journal "), "default")
	if err != nil {
		p.t.Fatal(err)
	}
	testcaddy.Eventually(p.t, "the hub is closed", func() bool {
		_, done, err := s.OpenThere(p.t.Context())
		if err != nil {
			return false
		}
		return done() == nil
	})
}
