package command_test

import (
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
