package caddymodule_test

import (
	"os"
	"path/filepath"
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
		"chat {\npolicy u-{user} {\nread {user}\n}\npolicy u-x* {\nread anyone\n}\n}": "",

		"chat {\nauth jwt {\nkey_file {env.CHAT_NONE}" + missing + "\n}\n}":                       "env.CHAT_NONE",
		"chat {\nauth jwt {\nsecret " + strings.Repeat(strings.Repeat("z", 32)+" ", 2) + "\n}\n}": "secret 2 stands there before",
		"chat {\ncheck https://a.example/ {\n" + hook + "rooms @*\n}\n}":                          "nothing is ever asked",
		"chat {\ncheck https://a.example/ {\n" + hook + "rooms @* tea\n}\n}":                      "",
		"chat {\ncheck https://a.example/ {\n" + hook + "rooms @*\nkeys on\n}\n}":                 "",
	} {
		out, err := testcaddy.Validate(t, directives)
		if (err == nil) != (refused == "") || !strings.Contains(out, refused) || strings.Contains(out, strings.Repeat("z", 32)) {
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
