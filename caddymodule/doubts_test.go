package caddymodule_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// What can never work is refused; of what is rarely meant, the site is warned. Both by caddy validate.
func TestConfiguration_ThatCannotWork(t *testing.T) {
	key := "key k " + strings.Repeat("y", 32) + " {\n"
	hook := "secret whsec_" + strings.Repeat("AAAA", 8) + "\n"
	const weChat, login = "check wechat {\napp_id a\napp_secret b\n", "auth wechat {\napp_id a\napp_secret b\n}\n"
	two := func(first, second string) string {
		return "chat " + first + " {\nhub a\njournal memory\n}\nchat " + second + " {\nhub b\njournal memory\n}"
	}
	t.Setenv("CHAT_EMPTY", "")
	t.Setenv("CHAT_ROOM", "tea")
	missing := filepath.Join(t.TempDir(), "k.pem")
	if err := os.WriteFile(missing, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for directives, refused := range map[string]string{
		two("/chat", "/chat/rooms"):        "takes away",
		two("/chat/rooms", "/chat"):        "takes away",
		two("/chat", "/chat/rooms/x/"):     "takes away",
		two("/chat", "/chat/health"):       "takes away",
		two("/", "/login"):                 "takes away",
		two("/chat/openapi.json", "/chat"): "takes away",
		two("/", "/chat"):                  "",
		two("/chat", "/chat/tea"):          "",
		two("/chat", "/chatter/rooms"):     "",
		two("/chat/rooms", "/other"):       "",

		"chat {\nroom @{query.x}\n}":                  "belong to the server",
		"chat {\nroom {env.CHAT_NONE}\n}":             "the variable of the environment CHAT_NONE is not set",
		"chat {\nroom a-{env.CHAT_EMPTY}\n}":          "the variable of the environment CHAT_EMPTY is not set",
		"chat {\nroom {env.CHAT_ROOM}\n}":             "",
		"chat {\nroom {query.room}{env.CHAT_ROOM}\n}": "",

		"chat {\n" + key + "members @*\n}\n}":      "names no conversation",
		"chat {\n" + key + "read @hub-0\n}\n}":     "matches no room of a user",
		"chat {\n" + key + "read @hub-*\n}\n}":     "matches no room of a user",
		"chat {\n" + key + "write @bot-x\n}\n}":    "matches no room of a user",
		"chat {\n" + key + "read @\n}\n}":          "matches no room of a user",
		"chat {\n" + key + "read @u1 @* @h*\n}\n}": "",
		"chat {\n" + key + "moderate @*\n}\n}":     "",

		"chat {\npolicy u-{user} {\nread {user}\n}\npolicy u-x {\nread anyone\n}\n}":  "never applies",
		"chat {\npolicy u-x {\nread anyone\n}\npolicy u-{user} {\nread {user}\n}\n}":  "",
		"chat {\npolicy u-{user} {\nread {user}\n}\npolicy u- {\nread anyone\n}\n}":   "",
		"chat {\npolicy u-{user} {\nread {user}\n}\npolicy u-x* {\nread anyone\n}\n}": "never applies",
		"chat {\npolicy u-{user} {\nread {user}\n}\npolicy u-* {\nread anyone\n}\n}":  "",
		"chat {\npolicy * {\nread anyone users\n}\n}":                                 "remove one of them",

		"chat {\nauth jwt {\nkey_file {env.CHAT_NONE}" + missing + "\n}\n}":                       "env.CHAT_NONE",
		"chat {\nauth jwt {\nsecret " + strings.Repeat(strings.Repeat("z", 32)+" ", 2) + "\n}\n}": "secret 2 stands there before",
		"chat {\ncheck https://a.example/ {\n" + hook + "rooms @*\n}\n}":                          "nothing is ever asked",
		"chat {\ncheck https://a.example/ {\n" + hook + "rooms @* tea\n}\n}":                      "",
		"chat {\ncheck https://a.example/ {\n" + hook + "rooms @*\nkeys on\n}\n}":                 "",
	} {
		out, err := testcaddy.Validate(t, directives)
		if (err == nil) != (refused == "") || !strings.Contains(out, refused) || strings.Contains(out, strings.Repeat("z", 32)) || err != nil && !hasLine(out) {
			t.Errorf("%s\n%v, want %q:\n%s", directives, err, refused, out)
		}
	}
	const all = "policy * {\nread anyone\nwrite anyone\n}\n"
	for block, doubt := range map[string]string{
		weChat + "}":              "nobody can say anything",
		login + weChat + "}":      "",
		weChat + "others pass\n}": "",
		weChat + "rooms tea\n}":   "",
		weChat + "}\ncheck https://a.example/ {\n" + hook + "}": "",
		"max_connections 10\nmax_connections_per_ip 100":        "max_connections_per_ip is greater",
		"max_connections 10":                                                                 "",
		"max_connections_per_ip 60000":                                                       "max_connections_per_ip is greater",
		"limits {\noutbox 300MiB\n}":                                                         "outbox of limits is greater",
		"journal memory {\nretention 100GiB\nmax_size 1GiB\n}":                               "retention of the journal is greater",
		"journal memory {\nretention 1GiB\nmax_size 1GiB\n}":                                 "",
		"limits {\noutbox 200MiB\n}":                                                         "",
		"limits {\nsession_rate 100 100\nuser_rate 1 1\n}":                                   "session_rate of limits is greater",
		"limits {\nuser_rate 1 1\n}":                                                         "",
		"limits {\nsession_bytes 9MiB 9MiB\nuser_bytes 1MiB 9MiB\n}":                         "session_bytes of limits is greater",
		"policy g-* {\nread members guests\ncreate anyone\nreceipts 5000\nmax_members 10\n}": "receipts of a policy are for more members",
		"policy g-* {\nread members guests\ncreate anyone\nreceipts 10\nmax_members 10\n}":   "",
		"policy * {\nread anyone\nhistory 100\nretention 10\n}":                              "history of a policy shows more",
		"policy * {\nread anyone\nhistory 2h\nretention 1h\n}":                               "history of a policy shows more",
		"policy * {\nread anyone\nhistory 10\nretention 100\n}":                              "",
	} {
		if !strings.Contains(block, "policy") {
			block += "\n" + all
		}
		out, err := testcaddy.Validate(t, "chat {\n"+block+"\n}")
		n := 0
		for _, words := range []string{"nobody can say", "is greater", "are for more", "shows more"} {
			n += strings.Count(out, words)
		}
		if err != nil || !strings.Contains(out, doubt) || (n > 0) != (doubt != "") {
			t.Errorf("%s\n%v, %d warnings, want %q:\n%s", block, err, n, doubt, out)
		}
	}
}

// hasLine reports whether what caddy validate says has the file and the line of a refusal.
func hasLine(out string) bool { return regexp.MustCompile(`Caddyfile:\d+`).MatchString(out) }

// A chat that no request ever comes to is refused, and what is likely to be a mistake in its place is told.
// Nothing is said where Caddy's other handlers, or modules unknown to us, may bring requests to it.
func TestConfiguration_WhereNothingComes(t *testing.T) {
	const hub = "{\njournal memory\n}"
	for directives, refused := range map[string]string{
		"@m path /foo*\nchat @m " + hub:                                                            "no request for it through",
		"@m path /chatter* /chat.html\nchat @m " + hub:                                             "no request for it through",
		"handle /foo* {\nchat " + hub + "\n}":                                                      "no request for it through",
		"handle /foo* {\nroute {\nchat " + hub + "\n}\n}":                                          "no request for it through",
		"handle /foo* {\nuri strip_prefix /foo\nchat " + hub + "\n}":                               "",
		"handle_path /foo* {\nchat " + hub + "\n}":                                                 "",
		"@m path /CHAT*\nchat @m " + hub:                                                           "",
		"@m path /c*\nchat @m " + hub:                                                              "",
		"@m path */rooms/*\nchat @m " + hub:                                                        "",
		"@m path /%63hat*\nchat @m " + hub:                                                         "",
		"@m path {vars.p}\nchat @m " + hub:                                                         "",
		"@m not path /chat*\nchat @m " + hub:                                                       "", // of Caddy's matchers only that of paths is looked at
		"respond hello\nchat " + hub:                                                               "respond, redir or abort",
		"redir https://a.example{uri}\nchat " + hub:                                                "respond, redir or abort",
		"error 404\nchat " + hub:                                                                   "error stands before it",
		"respond /robots.txt 404\nchat " + hub:                                                     "",
		"respond 103\nchat " + hub:                                                                 "",
		"route {\nrespond hello\nchat " + hub + "\n}":                                              "respond, redir or abort",
		"route {\nchat " + hub + "\nrespond hello\n}":                                              "",
		"route {\nreverse_proxy localhost:1\nchat " + hub + "\n}":                                  "reverse_proxy stands before it",
		"reverse_proxy localhost:1\nfile_server\nchat " + hub:                                      "",
		"route {\nfile_server\nchat " + hub + "\n}":                                                "file_server stands before it",
		"route {\nfile_server {\npass_thru\n}\nchat " + hub + "\n}":                                "",
		"handle {\nrespond hello\n}\nchat " + hub:                                                  "respond, redir or abort",
		"handle /chat* {\nheader A b\n}\nhandle {\nrespond hello\n}\nchat " + hub:                  "", // comes for /chat
		"handle {\nrespond hello\n}\nhandle /chat* {\nchat " + hub + "\n}":                         "",
		"rewrite * /index.html\nchat " + hub:                                                       "makes /index.html of every path",
		"rewrite * /index.php{uri}\nchat " + hub:                                                   "makes /index.php{http.request.uri} of every path",
		"rewrite * {uri}?a=b\nchat " + hub:                                                         "",
		"rewrite * ?a=b\nchat " + hub:                                                              "",
		"rewrite * /chat/\nchat " + hub:                                                            "",
		"route {\nrewrite * /a/chat\nuri strip_prefix /a\nchat " + hub + "\n}":                     "",
		"route {\nrewrite /old /index.html\nchat " + hub + "\n}":                                   "",
		"try_files {path} /index.html\nchat " + hub:                                                "",
		"forward_auth localhost:1 {\nuri /auth\ncopy_headers Remote-User\n}\nchat " + hub:          "",
		"@m path /foo*\nhandle @m {\nrespond hello\n}\nhandle_errors {\nchat /chat " + hub + "\n}": "",
	} {
		out, err := testcaddy.Validate(t, directives)
		if (err == nil) != (refused == "") || !strings.Contains(out, refused) || err != nil && !hasLine(out) {
			t.Errorf("%s\n%v, want %q:\n%s", directives, err, refused, out)
		}
	}
	chat := func(option string) string { return "chat {\njournal memory\n" + option + "\n}" }
	for directives, doubt := range map[string]string{
		"@m method POST\nchat @m " + hub:                                         "neither GET nor CONNECT",
		"@m method GET POST\nchat @m " + hub:                                     "",
		chat("room {qurey.room}"):                                                "which nothing sets",
		chat("room {http.request.uri.qurey.room}"):                               "which nothing sets",
		chat("room {query.room}-{path.0}-{header.A}{cookie.b}-{host}{labels.1}"): "",
		chat("room {vars.a}{re.b.1}{time.now.year}{system.hostname}{remote_host}{remote_port}{remote}{uuid}{orig_uri}{http.request.orig_uri.path.1}{http.request.local.port}"): "",
		chat("room {http.request.body}{http.request.remote.host/24}{http.shutting_down}{http.request.duration}{tls_client_subject}{client_ip}{%path}"):                         "",
		"map {host} {qurey.room} {\ndefault tea\n}\n" + chat("room {qurey.room}"):                                                                                              "",
		chat("auth caddy"): "nothing before it authenticates",
		chat("auth caddy {\nid x-{http.auth.user.id}\n}"):                                                                           "nothing before it authenticates",
		chat("auth caddy {\nid {header.Remote-User}\n}"):                                                                            "",
		"basic_auth {\nann $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n}\n" + chat("auth caddy"):                  "",
		"basic_auth /chat {\nann $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n}\n" + chat("auth caddy"):            "",
		"route {\nbasic_auth {\nann $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n}\n" + chat("auth caddy") + "\n}": "",
	} {
		out, err := testcaddy.Validate(t, directives)
		n := 0
		for _, words := range []string{"neither GET", "nothing sets", "nothing before it"} {
			n += strings.Count(out, words)
		}
		if err != nil || !strings.Contains(out, doubt) || (n > 0) != (doubt != "") || n > 1 {
			t.Errorf("%s\n%v, %d warnings, want %q:\n%s", directives, err, n, doubt, out)
		}
	}
}
