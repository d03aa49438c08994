package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddychat/caddy-chat/caddymodule"
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// site returns a site on its own port with these directives.
func site(port int, directives string) string {
	return fmt.Sprintf("http://localhost:%d {\n%s\n}\n", port, directives)
}

const (
	bareTea   = "chat {\nhub tea\n}"
	fullTea   = "chat {\nhub tea\nmax_connections 7\n}"
	globalTea = "{\nchat {\nhub tea {\nmax_connections 7\n}\n}\n}\n"
)

// One place has the settings of a hub. A second one is refused, equal or not, and the
// error names both.
func TestHubSettings_SecondPlace_IsRefusedWithBoth(t *testing.T) {
	for name, c := range map[string]struct {
		caddyfile string
		places    []string
	}{
		"two sites, equal":     {site(1, fullTea) + site(2, fullTea), []string{"Caddyfile:4 ", "Caddyfile:10:"}},
		"two sites, different": {site(1, fullTea) + site(2, "chat {\nhub tea\nping_interval 9s\n}"), []string{"Caddyfile:4 ", "Caddyfile:10:"}},
		"one site":             {site(1, "chat /a {\nlimits {\ntext 1\n}\n}\nchat /b {\npolicy * {\nread users\n}\n}"), []string{"Caddyfile:3 ", "Caddyfile:8:"}},
		"in handle and route":  {site(1, "handle /a* {\n"+fullTea+"\n}\nroute {\n"+fullTea+"\n}"), []string{"Caddyfile:5 ", "Caddyfile:11:"}},
		"a snippet, twice": {"(chat) {\n" + fullTea + "\n}\n" + site(1, "import chat") + site(2, "import chat"),
			[]string{"Caddyfile:4 import chain ['Caddyfile:8 (import chat)'] ", "Caddyfile:4 import chain ['Caddyfile:11 (import chat)']:"}},
		"the global option":       {globalTea + site(1, fullTea), []string{"Caddyfile:3 ", "Caddyfile:11:"}},
		"the global option, less": {"{\nchat {\nhub tea\n}\n}\n" + site(1, fullTea), []string{"Caddyfile:3 ", "Caddyfile:9:"}},
		"the default hub":         {"{\nchat {\nhub default {\nlimits {\ntext 1\n}\n}\n}\n}\n" + site(1, "chat {\njournal memory\n}"), []string{"Caddyfile:3 ", "Caddyfile:12:"}},
		"twice in the global option": {"{\nchat {\nhub tea {\nmax_connections 7\n}\nhub tea {\nmax_connections 7\n}\n}\n}\n" + site(1, bareTea),
			[]string{"Caddyfile:3 ", "Caddyfile:6"}},
		"named routes": {"&(a) {\n" + fullTea + "\n}\n&(b) {\n" + fullTea + "\n}\n" + site(1, "invoke a\ninvoke b"), []string{"Caddyfile:4 ", "Caddyfile:10:"}},
	} {
		_, err := adaptFile(c.caddyfile)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		for _, part := range append(c.places, "two places", "use the global option chat { hub ") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, want %q", name, err, part)
			}
		}
	}
	if _, err := adaptFile("{\nchat {\n}\nchat {\n}\n}\n" + site(1, "chat")); err == nil || !strings.Contains(err.Error(), "stands twice") || !strings.Contains(err.Error(), "Caddyfile:4") {
		t.Errorf("two global options: %v", err)
	}
}

func TestHubSettings_OnePlace_IsEnough(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	for name, caddyfile := range map[string]string{
		"a directive beside bare ones":            site(1, bareTea) + site(2, fullTea) + site(3, bareTea),
		"the global option":                       globalTea + site(1, bareTea) + site(2, bareTea),
		"a snippet without settings":              globalTea + "(chat) {\n" + bareTea + "\n}\n" + site(1, "import chat") + site(2, "import chat"),
		"a site with two addresses":               "http://localhost:1, http://localhost:2, http://a:1 {\n" + fullTea + "\n}\n",
		"a named route on two servers":            "&(a) {\n" + fullTea + "\n}\n" + site(1, "invoke a") + site(2, "invoke a"),
		"a site with two addresses, in a snippet": "(chat) {\n" + fullTea + "\n}\nhttp://localhost:1, http://localhost:2 {\nimport chat\n}\n",
		"two hubs":              globalTea + site(1, bareTea) + site(2, "chat {\nmax_connections 7\n}"),
		"options of directives": globalTea + site(1, "chat {\nhub tea\nui on\ncompression on\norigins *\nroom x\nauth guest\n}") + site(2, bareTea),
	} {
		if err := validate(t, caddyfile); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Caddy adapts named routes by themselves, so that only validating finds a second place.
func TestHubSettings_SecondPlace_InANamedRoute(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	err := validate(t, "&(a) {\n"+fullTea+"\n}\n"+site(1, "invoke a\n"+fullTea))
	for _, place := range []string{"Caddyfile:4", "Caddyfile:11"} {
		if err == nil || !strings.Contains(err.Error(), place) {
			t.Errorf("%v, want %s", err, place)
		}
	}
}

// inJSON returns a configuration with a chat handler of each of these settings, each on
// a server of its own unless it begins with +, and with these hubs in the app.
func inJSON(t *testing.T, hubs string, handlers ...string) *caddy.Config {
	t.Helper()
	var servers []string
	for i, h := range handlers {
		route := fmt.Sprintf(`{"handle":[{"handler":"chat","path":"/chat%d","hub":"tea"%s}]}`, i+1, strings.TrimPrefix(h, "+"))
		if strings.HasPrefix(h, "+") {
			servers[len(servers)-1] += "," + route
			continue
		}
		servers = append(servers, route)
	}
	for i, routes := range servers {
		servers[i] = fmt.Sprintf(`"srv%d":{"listen":[":%d"],"automatic_https":{"disable":true},"routes":[%s]}`, i, i+1, routes)
	}
	var c caddy.Config
	err := json.Unmarshal([]byte(`{"apps":{"chat":{"hubs":{`+hubs+`}},"http":{"servers":{`+strings.Join(servers, ",")+`}}}}`), &c)
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

// The same rule holds in JSON. Only handlers that Caddy has made of one directive may say
// the same.
func TestHubSettings_SecondPlace_IsRefusedInJSON(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	const seven, eight = `,"max_connections":7`, `,"max_connections":8`
	const memory, line = `,"journal":{"engine":"memory"}`, `,"settings_at":"Caddyfile:4"`
	const srv0, srv1 = "chat handler 1 in apps.http.servers.srv0, path /chat1", "chat handler 1 in apps.http.servers.srv1, path /chat2"
	for name, c := range map[string]struct {
		hubs     string
		handlers []string
		places   []string // nil: accepted
	}{
		"one":                          {"", []string{seven}, nil},
		"one and a bare one":           {"", []string{seven, "", "+"}, nil},
		"the app":                      {`"tea":{"max_connections":7}`, []string{"", "+", ""}, nil},
		"one directive, two servers":   {"", []string{seven + memory + line, seven + memory + line}, nil},
		"one line, different":          {"", []string{seven + line, eight + line}, []string{"Caddyfile:4 and Caddyfile:4"}},
		"two lines, equal":             {"", []string{seven + line, seven + `,"settings_at":"Caddyfile:9"`}, []string{"Caddyfile:4", "Caddyfile:9"}},
		"a line and none, equal":       {"", []string{seven + line, seven}, []string{"Caddyfile:4", srv1}},
		"a line and no settings":       {"", []string{seven, line}, nil},
		"equal, on two servers":        {"", []string{seven + memory, seven + memory}, []string{srv0, srv1}},
		"different, on two servers":    {"", []string{seven, eight}, []string{srv0, srv1}},
		"other journal, on two":        {"", []string{seven + memory, seven}, []string{srv0, srv1}},
		"equal, on one server":         {"", []string{seven, "+" + seven}, []string{srv0, "chat handler 2 in apps.http.servers.srv0, path /chat2"}},
		"the app and a handler, equal": {`"tea":{"max_connections":7}`, []string{seven}, []string{"apps.chat.hubs.tea", srv0}},
		"the app, empty, and one":      {`"tea":{}`, []string{memory}, []string{"apps.chat.hubs.tea", srv0}},
	} {
		err := caddy.Validate(inJSON(t, c.hubs, c.handlers...))
		if (err == nil) != (c.places == nil) {
			t.Errorf("%s: %v", name, err)
		}
		for _, place := range c.places {
			if err != nil && !strings.Contains(err.Error(), place) {
				t.Errorf("%s: %v, want %q", name, err, place)
			}
		}
	}
	for hubs, want := range map[string]string{
		`"tea":null`:                            `hub "tea" has no settings, not even {}`,
		`"../x":{}`:                             `hub "../x" must have`,
		`"tea":{"max_message":-1}`:              `apps.chat.hubs.tea: max_message must be from 1KiB to 128MiB, not -1`,
		`"tea":{"journal":{"engine":"paper"}}`:  `apps.chat.hubs.tea: journal: loading module`,
		`"tea":{"policies":[{"pattern":"@x"}]}`: `belong to the server`,
		`"tea":{"journal":{"engine":"pebble","dir":"/x"}},"milk":{"journal":{"engine":"pebble","dir":"/x/"}}`:        `can't both have their journal in pebble:/x`,
		`"tea":{"journal":{"engine":"pebble","dir":"/x/y"}},"milk":{"journal":{"engine":"pebble","dir":"/x"}}`:       `can't have one journal within the other, in pebble:/x and pebble:/x/y`,
		`"tea":{"checks":[{"check":"https","url":"https://a.example"},{"url":"https://a.example","check":"https"}]}`: `apps.chat.hubs.tea: checks 1 and 2 are the same`,
	} {
		if err := caddy.Validate(inJSON(t, hubs, "")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", hubs, err)
		}
	}
}

// The settings hold whatever handler has them, in whatever order Caddy provisions
// the servers.
func TestHubSettings_HoldForAllHandlers(t *testing.T) {
	s := testcaddy.Start(t, "chat /a {\nhub x\n}\nchat /b {\nhub x\nmax_connections 2\n}\nchat /c {\nhub x\n}")
	limit := func(want int) {
		t.Helper()
		hub, err := caddymodule.Hubs()["x"].Hub()
		if err != nil {
			t.Fatal(err)
		}
		if got := hub.Settings().MaxConnections; got != want {
			t.Fatalf("max_connections is %d, want %d", got, want)
		}
	}
	limit(2)
	a, b := s.Client("ws://"+s.Plain+"/a"), s.Client("wss://"+s.TLS+"/c")
	if code, _ := s.Status("http://"+s.Plain+"/a", testcaddy.UpgradeHeader); code != http.StatusServiceUnavailable {
		t.Errorf("a third connection: %d", code)
	}
	for i := range 4 {
		s.Restart(fmt.Sprintf("chat /b {\nhub x\nmax_connections %d\n}\nchat /a {\nhub x\n}", 3+i))
		limit(3 + i)
	}
	a.CloseNow()
	b.CloseNow()
}

// A reload may move the settings from a directive to the global option, and back.
func TestHubSettings_Reload_MovesThem(t *testing.T) {
	s := testcaddy.Start(t, "chat {\nmax_message 1KiB\n}")
	a, b := s.Client("ws://"+s.Plain+"/chat"), s.Client("wss://"+s.TLS+"/chat")
	heard := func(long, tooLong int) {
		t.Helper()
		testcaddy.Say(t, a, strings.Repeat("x", long))
		testcaddy.Expect(t, b, strings.Repeat("x", long))
		hub, err := caddymodule.Hubs()["default"].Hub()
		if err != nil || hub.Settings().MaxMessage >= tooLong {
			t.Errorf("max_message is %d, %v", hub.Settings().MaxMessage, err)
		}
	}
	heard(1<<10, 2<<10)
	s.SetGlobal("chat {\nhub default {\nmax_message 2KiB\n}\n}")
	s.Load("chat")
	heard(2<<10, 3<<10)
	s.Load("chat /chat\nchat /other {\nui on\n}")
	heard(2<<10, 3<<10)
	if err := s.TryLoad("chat {\nmax_message 4KiB\n}"); err == nil {
		t.Error("two places were accepted")
	}
	heard(2<<10, 3<<10)
	s.SetGlobal("")
	s.Load("chat {\nmax_message 3KiB\n}")
	heard(3<<10, 4<<10)
	s.NoErrors()
}

// A handler that removes the beginning of the chat's path from it leaves nothing to serve.
func TestHandler_WithinHandlePath_IsRefused(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	for directives, good := range map[string]bool{
		"handle_path /chat* {\nchat\n}":                        false,
		"handle_path /chat/* {\nchat\n}":                       false,
		"handle_path /a/* {\nroute {\nchat /a/b\n}\n}":         false,
		"route {\nuri strip_prefix /chat\nchat\n}":             false,
		"uri strip_prefix /chat\nchat":                         false,
		"route {\nchat\nuri strip_prefix /chat\n}":             true,
		"uri /x* strip_prefix /chat\nchat":                     true,
		"route {\nchat\nroute {\nuri strip_prefix /chat\n}\n}": true,
		"route {\nroute {\nchat\n}\nuri strip_prefix /chat\n}": true,
		"uri strip_prefix /api\nchat":                          true,
		"handle_path /api/* {\nchat\n}":                        true,
		"handle_path /chat* {\nchat /\n}":                      true,
		"handle_path /chatter* {\nchat\n}":                     true,
		"handle_path /chat* {\nrespond x\n}\nchat":             true,
		"handle /chat* {\nchat\n}":                             true,
	} {
		if err := validate(t, site(1, directives)); (err == nil) != good || !good && !strings.Contains(err.Error(), "use handle /") {
			t.Errorf("%s: %v", directives, err)
		}
	}
}

// Of two handlers one behind the other with the same path, the second would never serve.
func TestHandler_SamePathTwice_IsRefused(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	for directives, good := range map[string]bool{
		"chat\nchat":                                         false,
		"chat /chat\nchat /chat {\nhub b\n}":                 false,
		"chat /chat\nchat /chat/":                            false,
		"route {\nchat\nchat\n}":                             false,
		"handle {\nchat\nchat\n}":                            false,
		"chat\nreverse_proxy localhost:1\nchat":              false,
		"route {\nchat\nroute {\nchat\n}\n}":                 false,
		"chat /a\nchat /b {\nhub b\n}":                       true,
		"chat /a\nchat /a/b":                                 true,
		"@a path /chat*\nchat @a\nchat":                      true,
		"@a remote_ip 10.0.0.0/8\nchat @a {\nhub b\n}\nchat": true,
		"handle /a* {\nchat /a\n}\nhandle {\nchat /a\n}":     true,
	} {
		if err := validate(t, site(1, directives)); (err == nil) != good || !good && !strings.Contains(err.Error(), "two handlers of the chat") {
			t.Errorf("%s: %v", directives, err)
		}
	}
	if err := validate(t, site(1, "chat")+site(2, "chat")); err != nil {
		t.Errorf("two sites: %v", err)
	}
}

// A matcher that lets only the path itself through takes away what is below it, which is
// rarely meant.
func TestHandler_PathAlone_IsWarnedOf(t *testing.T) {
	for directives, want := range map[string]bool{
		"handle /chat {\nchat\n}":                          true,
		"handle /chat/ {\nchat\n}":                         true,
		"@chat path /chat /other\nhandle @chat {\nchat\n}": true,
		"@chat path /chat\nchat @chat":                     true,
		"route /talk {\nchat /talk\n}":                     true,
		"handle /chat* {\nchat\n}":                         false,
		"handle /chat/* {\nchat\n}":                        false,
		"@chat path /chat /chat/health\nchat @chat":        false,
		"@chat header X-Chat 1\nchat @chat":                false,
		"handle {\nchat\n}":                                false,
		"chat":                                             false,
	} {
		out, err := testcaddy.Validate(t, directives)
		if err != nil || (strings.Count(out, "only requests for the chat's own path") == 1) != want {
			t.Errorf("%s: %v: %s", directives, err, out)
		}
	}
}

// Without trusted_proxies_strict a client chooses its address, which is warned of.
func TestHandler_LenientProxies_AreWarnedOf(t *testing.T) {
	const line = "clients can choose the address that counts for them"
	for strict, warned := range map[string]bool{"": true, "trusted_proxies_strict": false} {
		s := testcaddy.StartWith(t, "chat {\nmax_connections_per_ip 2\n}", "admin off\nservers {\ntrusted_proxies static 127.0.0.0/8\n"+strict+"\n}")
		for i := range 4 {
			header := with(testcaddy.UpgradeHeader, "X-Forwarded-For", fmt.Sprintf("198.51.100.%d, 203.0.113.9", i))
			if code, _ := s.Status("http://"+s.Plain+"/chat?room=", header); code != http.StatusBadRequest {
				t.Errorf("%d", code)
			}
		}
		if got := strings.Count(testcaddy.Read(t, s.Log), line); got > 1 || (got == 1) != warned {
			t.Errorf("with %q, %d warnings", strict, got)
		}
		if err := caddy.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range testcaddy.Documents(t) {
		for block := range strings.SplitSeq(testcaddy.Read(t, file), "```") {
			if strings.Contains(block, "trusted_proxies static") && !strings.Contains(block, "trusted_proxies_strict") {
				t.Errorf("%s has trusted_proxies without trusted_proxies_strict", file)
			}
		}
	}
}

// The guests of one address share a rate over HTTP, with real tokens and behind a proxy that is
// trusted: its clients do not count as one.
func TestLimits_UserRate_OfGuestsOverHTTP(t *testing.T) {
	s := testcaddy.StartWith(t, "chat {\nauth guest\nlimits {\nuser_rate 0.001 2\n}\n}",
		"admin off\nservers {\ntrusted_proxies static 127.0.0.0/8\ntrusted_proxies_strict\n}")
	guest := func() string {
		text := testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/chat", nil, ``), `"token":"`)
		_, rest, _ := strings.Cut(text, `"token":"`)
		token, _, _ := strings.Cut(rest, `"`)
		return token
	}
	for i, c := range []struct {
		client string
		want   int
	}{{"198.51.100.1", 200}, {"198.51.100.1", 200}, {"198.51.100.1", 429}, {"198.51.100.2", 200},
		{"2001:db8::1", 200}, {"2001:db8::2", 200}, {"2001:db8::3", 429}, {"2001:db8:0:1::1", 200}} {
		header := http.Header{"Authorization": {"Bearer " + guest()}, "X-Forwarded-For": {c.client}}
		if code, body := s.Status("http://"+s.Plain+"/chat/rooms/tea/messages", header); code != c.want {
			t.Errorf("request %d, of %s: %d %s", i+1, c.client, code, body)
		}
	}
}

// What a policy says and is rarely meant is warned of, and nothing else.
func TestPolicy_RarelyMeant_IsWarnedOf(t *testing.T) {
	for policy, warns := range map[string]string{
		"staff {\nwrite users\n}":                    "a policy has no read",
		"g-* {\nwrite members\ncreate users\n}":      "a policy has no read",
		"g-* {\nread members\n}":                     "a policy for conversations has no create",
		"g-* {\nread users\nwrite admins\n}":         "a policy for conversations has no create",
		"g-* {\nread users\ninvite members\n}":       "a policy for conversations has no create",
		"d-* {\ndirect\ncreate users\n}":             "",
		"g-* {\nread members\ncreate role=staff\n}":  "",
		"g-* {\nread users\nwrite users\nraw off\n}": "",
	} {
		out, err := testcaddy.Validate(t, "chat {\npolicy "+policy+"\npolicy * {\nread users\n}\n}")
		n := 0
		for _, line := range []string{"a policy has no read", "a policy for conversations has no create"} {
			n += strings.Count(out, line)
		}
		pattern, _, _ := strings.Cut(policy, " ")
		said := strings.Contains(out, warns) && strings.Contains(strings.ReplaceAll(out, ": ", ":"), `"pattern":"`+pattern+`"`)
		if err != nil || warns == "" && n > 0 || warns != "" && (n != 1 || !said) {
			t.Errorf("%s: %v, warned %d times of %q:\n%s", policy, err, n, warns, out)
		}
	}
}

// Conversations that users found need somebody who is no guest, or a key.
func TestPolicy_NobodyCanFound_IsWarnedOf(t *testing.T) {
	const direct = "policy d-* {\ndirect\ncreate users\n}"
	jwt := "auth jwt {\nsecret " + strings.Repeat("x", 32) + "\n}"
	for chat, warns := range map[string]bool{
		direct:                                             true,
		"auth guest\n" + direct:                            true,
		jwt + "\n" + direct:                                false,
		jwt + "\nauth guest\n" + direct:                    false,
		"policy d-* {\ndirect\ncreate anyone\n}":           false,
		"policy d-* {\ndirect\ncreate guests\n}":           false,
		"policy g-* {\nread members\ncreate role=staff\n}": true,
		"key k " + strings.Repeat("y", 32) + " {\nmembers d-*\n}\n" + direct: false,
		"key k " + strings.Repeat("y", 32) + " {\nread d-*\n}\n" + direct:    true,
	} {
		out, err := testcaddy.Validate(t, "chat {\n"+chat+"\n}")
		if said := strings.Contains(out, "only guests can come in"); err != nil || said != warns {
			t.Errorf("%s: %v, warned: %v\n%s", chat, err, said, out)
		}
	}
	if log := testcaddy.Read(t, testcaddy.Start(t, "chat {\n"+direct+"\n}").Log); !strings.Contains(log, "only guests can come in") {
		t.Errorf("nothing is logged: %s", log)
	}
}

// A room that only users may read needs somebody who is no guest.
func TestPolicy_NobodyCanRead_IsWarnedOf(t *testing.T) {
	jwt := "auth jwt {\nsecret " + strings.Repeat("x", 32) + "\n}"
	for chat, warns := range map[string]bool{
		"policy * {\nread users\n}":                    true,
		"policy a {\nread role=staff\n}":               true,
		jwt + "\npolicy * {\nread users\n}":            false,
		"policy * {\nread users guests\n}":             false,
		"policy inbox-{user} {\nread {user}\n}":        false,
		"policy g-* {\nread members\ncreate anyone\n}": false,
	} {
		out, err := testcaddy.Validate(t, "chat {\n"+chat+"\n}")
		if said := strings.Contains(out, "a policy lets none of them read"); err != nil || said != warns {
			t.Errorf("%s: %v, warned: %v\n%s", chat, err, said, out)
		}
	}
}

// A hub that no directive names is most often mistyped.
func TestHubSettings_WithoutADirective_AreWarnedOf(t *testing.T) {
	s := testcaddy.StartWith(t, "chat", "chat {\nhub tee {\nmax_connections 7\n}\n}")
	if log := testcaddy.Read(t, s.Log); !strings.Contains(log, `"msg":"a hub has settings, but no handler names it","hub":"tee"`) {
		t.Errorf("nothing is logged: %s", log)
	}
}
