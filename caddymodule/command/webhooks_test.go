package command_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// The webhooks are listed with their positions and what is wrong, and moved back.
func TestCommand_HooksAndReplay(t *testing.T) {
	var accepts atomic.Bool
	accepts.Store(true)
	got := make(chan struct{}, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !accepts.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
		got <- struct{}{}
	}))
	defer receiver.Close()
	s, admin := testcaddy.StartAdmin(t, "chat {\nwebhook orders "+receiver.URL+"/events?token=secret {\nprivate\nsecret whsec_"+
		strings.Repeat("AAAA", 8)+"\nbatch 10 1ms\n}\n}\nchat /empty {\nhub empty\njournal memory\n}")
	hooks := func(pattern string) {
		t.Helper()
		testcaddy.Eventually(t, pattern, func() bool {
			out := run(t, admin, "hooks")
			return out.code == 0 && regexp.MustCompile("(?s)^"+pattern+"$").MatchString(strings.TrimSuffix(out.out, "\n"))
		})
	}
	const heading = `WEBHOOK +URL +POSITION +WAITING +LAG +DELIVERED +STATE\n`
	const position = `\w+-0-\d+`
	hooks(heading + `orders +http://127\.0\.0\.1:\d+/events +` + position + ` +0 +0\.0s +0 +ok`)
	at := regexp.MustCompile(position).FindString(run(t, admin, "hooks").out)
	c := s.V1("ws://"+s.Plain+"/chat", nil, `,"rooms":[{"room":"tea"}]`)
	testcaddy.Hears(t, c, "welcome")
	testcaddy.Say(t, c, `{"type":"send","room":"tea","body":"hello"}`)
	<-got
	hooks(heading + `orders +\S+ +` + position + ` +0 +0\.0s +1 +ok`)
	for _, r := range []row{
		{"hooks --hub empty", "none", "", 0},
		{"hooks --json", `\{"webhooks":\[\{"name":"orders",.*\}\]\}`, "", 0},
		{"replay", "", `Error: <webhook> is missing: .*`, 1},
		{"replay orders", "", `Error: --since with a duration like 2h is needed, or --from with a position; .*`, 1},
		{"replay orders --since 2h --from x", "", `Error: --since .*`, 1},
		{"replay orders --since x", "", `Error: since must be a duration like .*, not "x"`, 1},
		{"replay nix --since 2h", "", `Error: webhook "nix": there is no webhook of that name`, 1},
		{"replay order --since 2h", "", `Error: webhook "order": there is no webhook of that name; did you mean "orders"\?`, 1},
		{"replay orders --from nix", "", `Error: this is no position of the journal: .*`, 1},
		{"replay orders --from " + at, "webhook orders goes on from " + at + " again, instead of " + position, "", 0},
	} {
		check(t, admin, r.args, r.out, r.err, r.code)
	}
	<-got // it has sent it again
	hooks(heading + `orders +\S+ +` + position + ` +0 +0\.0s +2 +ok`)
	accepts.Store(false)
	check(t, admin, "replay orders --since 2h --json", `\{"webhook":"orders","parts":\[\{"part":0,"from":"`+position+`","to":"`+position+`"\}\]\}`, "", 0)
	hooks(heading + `orders +\S+ +` + position + ` +1 +\d+\.\ds +2 +failing\norders: status 500, since .*`)
	check(t, admin, "replay orders --since 2h", "", "Warning: webhook orders is there already, or further back: nothing is sent again", 4)
}

// A receiver that answers 410 gets nothing more, as hooks, hubs, status and the log say, until the
// configuration is loaded again. The chat is healthy meanwhile, and nothing is lost.
func TestCommand_Hooks_OfAReceiverThatIsGone(t *testing.T) {
	var gone atomic.Bool
	gone.Store(true)
	got := make(chan string, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if gone.Load() {
			w.WriteHeader(http.StatusGone)
		}
		got <- string(body)
	}))
	defer receiver.Close()
	block := "chat {\njournal memory\nwebhook orders " + receiver.URL + " {\nprivate\nsecret whsec_" + strings.Repeat("AAAA", 8) + "\nbatch 10 1ms\n}\n}"
	s, admin := testcaddy.StartAdmin(t, block)
	says := func(command, text string) {
		t.Helper()
		testcaddy.Eventually(t, command+" says "+text, func() bool {
			out := run(t, admin, command)
			return out.code == 0 && strings.Contains(out.out+out.err, text)
		})
	}
	says("hooks", " ok\n")
	c := s.V1("ws://"+s.Plain+"/chat", nil, `,"rooms":[{"room":"tea"}]`)
	testcaddy.Hears(t, c, "welcome")
	for _, text := range []string{"one", "two"} {
		testcaddy.Say(t, c, `{"type":"send","id":"`+text+`","room":"tea","body":"`+text+`"}`)
		testcaddy.Until(t, c, `"ok"`, text)
		if text == "one" {
			<-got
		}
		says("hooks", "stopped\norders: status 410, since ")
	}
	says("hubs", "webhook orders is stopped, since its receiver has answered with status 410")
	says("status", "Warning: webhook orders is stopped")
	for _, from := range []string{"--since 1h", "--from " + regexp.MustCompile(`\w+-0-\d+`).FindString(run(t, admin, "hooks").out)} {
		check(t, admin, "replay orders "+from, "", "Error: nothing would be sent again: webhook orders is stopped, since its receiver .* load the configuration again, with caddy reload --force; replay after that", 1)
	}
	if log := testcaddy.Read(t, s.Log); strings.Count(log, "gone for good (status 410)") != 1 || !strings.Contains(log, "until the configuration is loaded again") {
		t.Errorf("the log has\n%s", log)
	}
	if status, text := s.Status("http://"+s.Plain+"/chat/health", nil); status != 200 {
		t.Errorf("health: %d %s", status, text)
	}
	if len(got) > 0 {
		t.Errorf("it gets more: %s", <-got)
	}
	gone.Store(false)
	s.Load(block)
	if body := <-got; strings.Count(body, `"body":"one"`) != 1 || strings.Count(body, `"body":"two"`) != 1 {
		t.Errorf("after the reload: %s", body)
	}
	says("hooks", " ok\n")
	if out := run(t, admin, "hubs"); strings.Contains(out.out, "stopped") {
		t.Errorf("hubs still says\n%s", out.out)
	}
}
