package caddymodule_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// adapt adapts a site with these directives.
func adapt(directives string) (string, error) {
	return adaptFile("http://localhost:8080 {\n" + directives + "\n}\n")
}

// adaptFile adapts a Caddyfile.
func adaptFile(text string) (string, error) {
	out, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	return string(out), err
}

// handlersOf returns the handlers of an adapted site, except subroutes, in their order.
func handlersOf(t *testing.T, config string) (found []map[string]any) {
	t.Helper()
	var tree any
	if err := json.Unmarshal([]byte(config), &tree); err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(node any) {
		switch node := node.(type) {
		case map[string]any:
			if name, ok := node["handler"].(string); ok && name != "subroute" {
				found = append(found, node)
			}
			for _, key := range []string{"apps", "http", "servers", "srv0", "routes", "handle"} {
				walk(node[key])
			}
		case []any:
			for _, child := range node {
				walk(child)
			}
		}
	}
	walk(tree)
	return found
}

func TestCaddyfile_Adapts(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"bare":  {"chat", `{"handler":"chat"}`},
		"path":  {"chat /talk", `{"handler":"chat","path":"/talk"}`},
		"match": {"@m host a\nchat @m /talk", `{"handler":"chat","path":"/talk"}`},
		"all": {`chat /talk {
			room {http.request.header.X-Room}
			max_message 128KiB
			max_connections 10
			max_connections_per_ip 2
			ping_interval 1m
			origins https://a.example https://*.b.example
			compression on
		}`, `{"compression":true,"handler":"chat","max_connections":10,"max_connections_per_ip":2,
			"max_message":131072,"origins":["https://a.example","https://*.b.example"],"path":"/talk",
			"ping_interval":60000000000,"room":"{http.request.header.X-Room}"}`},
		"hub":    {"chat {\nhub talk\n}", `{"handler":"chat","hub":"talk"}`},
		"ui":     {"chat {\nui on\n}", `{"handler":"chat","ui":true}`},
		"sign":   {"chat {\nui {\nsign_in https://example.com/login?to=chat\n}\n}", `{"handler":"chat","sign_in":"https://example.com/login?to=chat","ui":true}`},
		"memory": {"chat {\njournal memory\n}", `{"handler":"chat","journal":{"engine":"memory"}}`},
		"pebble": {`chat {
			journal pebble /srv/{env.SITE} {
				retention 10000 90d 1GiB
				max_size 100GiB
			}
		}`, `{"handler":"chat","journal":{"engine":"pebble","dir":"/srv/{env.SITE}","max_size":107374182400,
			"retention":{"count":10000,"age":7776000000000000,"bytes":1073741824}}}`},
		"policies": {`chat {
			policy inbox-{user} {
				read {user} role=staff
				write users
				moderate role=staff
				history 1000 30d
				retention 90d
				max_members 50
				presence off
				raw off
			}
			policy * {
				read anyone
				history none
				presence on
				raw on
			}
		}`, `{"handler":"chat","policies":[{"pattern":"inbox-{user}","read":["{user}","role=staff"],"write":["users"],
			"moderate":["role=staff"],"history":{"entries":1000,"age":2592000000000000},"retention":{"age":7776000000000000},
			"max_members":50,"no_presence":true,"no_raw":true},
			{"pattern":"*","read":["anyone"],"history":{"entries":-1}}]}`},
		"auth": {`chat {
			auth caddy
			auth caddy {
				id {http.request.header.Remote-User}
				name {http.request.header.Remote-Name}
				avatar https://example.com/{http.request.header.Remote-User}.png
			}
		}`, `{"handler":"chat","auth":[{"method":"caddy"},{"method":"caddy","id":"{http.request.header.Remote-User}",
			"name":"{http.request.header.Remote-Name}","avatar":"https://example.com/{http.request.header.Remote-User}.png"}]}`},
		"auth guest": {"chat {\nauth guest {\ntoken_life 30d\n}\n}", `{"handler":"chat","auth":[{"method":"guest","token_life":2592000000000000}]}`},
		"auth jwt": {`chat {
			auth jwt {
				secret {env.A} {env.B}
				key {env.C}
				key_file /etc/keys/a.pem /etc/keys/b.pem
				jwks https://example.com/jwks
				issuer https://example.com
				audience chat
				leeway 1m
			}
		}`, `{"handler":"chat","auth":[{"method":"jwt","secrets":["{env.A}","{env.B}"],"keys":["{env.C}"],
			"key_files":["/etc/keys/a.pem","/etc/keys/b.pem"],"jwks":"https://example.com/jwks",
			"issuer":"https://example.com","audience":"chat","leeway":60000000000}]}`},
		"auth wechat": {`chat {
			auth wechat {
				app_id wx01
				app_secret {env.A}
				api http://localhost:9000
				token_life 1d
				check_referer on
			}
		}`, `{"handler":"chat","auth":[{"method":"wechat","app_id":"wx01","app_secret":"{env.A}",
			"api":"http://localhost:9000","token_life":86400000000000,"check_referer":true}]}`},
		"limits": {`chat {
			limits {
				text 500
				page 50
				rooms 5
				sessions 3
				greeting 10
				open_rooms 1000
				outbox 1MiB
				outboxes 1GiB
				session_rate 0.5 10
				session_bytes 1KiB 64KiB
				user_rate 2 20
				user_bytes 2KiB 128KiB
				connect_rate 1 5
				new_rooms 0.5 30
				read_bytes 1MiB 8MiB
				marks 200
				recall 1m
				hello 5s
				away 1m
			}
		}`, `{"handler":"chat","limits":{"text":500,"page":50,"rooms":5,"sessions":3,"greeting":10,"open_rooms":1000,
			"outbox":1048576,"outboxes":1073741824,"session_rate":{"per_second":0.5,"burst":10},
			"session_bytes":{"per_second":1024,"burst":65536},"user_rate":{"per_second":2,"burst":20},
			"user_bytes":{"per_second":2048,"burst":131072},"connect_rate":{"per_second":1,"burst":5},
			"new_rooms":{"per_second":0.5,"burst":30},"read_bytes":{"per_second":1048576,"burst":8388608},"marks":200,
			"recall":60000000000,"hello":5000000000,"away":60000000000}}`},
	} {
		t.Run(name, func(t *testing.T) {
			config, err := adapt(c.in)
			if err != nil {
				t.Fatal(err)
			}
			found := handlersOf(t, config)
			if len(found) != 1 {
				t.Fatalf("%d handlers in %s", len(found), config)
			}
			delete(found[0], "settings_at") // see TestCaddyfile_SettingsAt
			line := map[bool]string{true: "Caddyfile:3", false: "Caddyfile:2"}[strings.Contains(c.in, "@")]
			if found[0]["at"] != line {
				t.Errorf("at %v, want %s", found[0]["at"], line)
			}
			delete(found[0], "at")
			got, _ := json.Marshal(found[0])
			var want any
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			if w, _ := json.Marshal(want); string(w) != string(got) {
				t.Errorf("got  %s\nwant %s", got, w)
			}
		})
	}
}

// The JSON says where the Caddyfile has the settings of a hub, if it has any.
func TestCaddyfile_SettingsAt(t *testing.T) {
	for directives, want := range map[string]any{
		"chat {\nroom x\nui on\n}":                          nil,
		"chat {\nroom x\nping_interval 30s\nlimits {\n}\n}": "Caddyfile:4",
	} {
		config, err := adapt(directives)
		if err != nil {
			t.Fatal(err)
		}
		if got := handlersOf(t, config)[0]["settings_at"]; got != want {
			t.Errorf("%q: %v", directives, got)
		}
	}
}

func TestCaddyfile_ComesBeforeReverseProxy(t *testing.T) {
	config, err := adapt("reverse_proxy localhost:9000\nchat")
	if err != nil {
		t.Fatal(err)
	}
	found := handlersOf(t, config)
	if len(found) != 2 || found[0]["handler"] != "chat" {
		t.Errorf("order: %v", found)
	}
}

func TestCaddyfile_RefusesWithFileAndLine(t *testing.T) {
	for in, want := range map[string]string{
		"chat talk":                      "path \"talk\" does not begin with /",
		"chat /chat*":                    "must be a plain path",
		"chat /a%20b":                    "must be a plain path",
		"chat //chat":                    "two slashes",
		"chat `/a\\b`":                   "a backslash, for which browsers send a slash",
		"chat /a/../chat":                "a part . or ..",
		"chat /chat/.":                   "a part . or ..",
		"chat {\nhub ../x\n}":            "hub \"../x\" must have",
		"chat {\norigins example.com\n}": "origin \"example.com\" is not of the form",
		"chat {\norigins https://a.example, https://b\n}":                                               "several have spaces between them",
		"chat {\nlimits text 5\n}":                                                                      "limits: \"text\" is one word too many; options stand in the block",
		"chat {\norigins https://b?c\n}":                                                                "origin \"https://b?c\" is not of the form",
		"chat {\norigins https://a.example https://*\n}":                                                "origin \"https://*\" would let in sites of anybody",
		"chat {\norigins https://a.example https://a.example\n}":                                        "origin \"https://a.example\" stands twice",
		"chat {\norigins https://b:99999\n}":                                                            "the port is not a number",
		"chat {\norigins https://例子.cn\n}":                                                              "browsers send such a host as xn--",
		"chat {\nauth guest\nauth caddy\n}":                                                             "put it last",
		"chat {\nauth guest\nauth guest\n}":                                                             "put it last",
		"chat {\nauth wechat {\napp_id a\napp_secret b\n}\nauth wechat {\napp_id a\napp_secret b\n}\n}": "only one method can issue tokens",
		"chat {\npolicy * {\nread users\n}\npolicy a {\nread users\n}\n}":                               "policy \"a\" never applies",
		"chat {\norigins https://a.example https://b/c\n}":                                              "origin \"https://b/c\" is not of the form",
		"chat {\nauth jwt\n}":                                                                           "needs a key or the URL of a key set",
		"chat {\nauth jwt {\nissuer x\n}\n}":                                                            "needs a key or the URL of a key set",
		"chat {\nauth jwt {\nsecret short\n}\n}":                                                        "secret 1: a secret of 5 bytes",
		"chat {\nauth jwt {\nsecret {$NO_SUCH_VARIABLE}\n}\n}":                                          "secret needs at least one value",
		"chat {\nauth jwt {\nkey x\n}\n}":                                                               "key 1: there is no PEM block",
		"chat {\nauth wechat\n}":                                                                        "needs the app_id and the app_secret",
		"chat {\nauth wechat {\napp_id a\n}\n}":                                                         "needs the app_id and the app_secret",
		"chat {\nauth oauth\n}":                                                                         "unknown auth \"oauth\"; there are caddy, ",
		"chat {\njournal redis\n}":                                                                      "unknown journal \"redis\"; there are failing, fileless, memory, pebble",
		"chat /a /b":                                                                                    "is one word too many",
		"chat {\nfoo\n}":                                                                                "unknown option \"foo\"",
		"chat {\nroom a\nroom b\n}":                                                                     "room is set twice",
		"chat {\nroom\n}":                                                                               "room needs a value",
		"chat {\nroom a b\n}":                                                                           "room takes one value",
		"chat {\nroom a {\nx\n}\n}":                                                                     "room has no block",
		"chat {\nmax_message big\n}":                                                                    "max_message \"big\" is not a size",
		"chat {\nmax_message 0\n}":                                                                      "max_message \"0\" is not a size",
		"chat {\nmax_connections -1\n}":                                                                 "max_connections \"-1\" is not a whole number",
		"chat {\nmax_connections_per_ip x\n}":                                                           "max_connections_per_ip \"x\" is not a whole number",
		"chat {\nping_interval soon\n}":                                                                 "ping_interval \"soon\" is not a duration",
		"chat {\nping_interval -1s\n}":                                                                  "ping_interval \"-1s\" is not a duration",
		"chat {\norigins\n}":                                                                            "origins needs at least one value",
		"chat {\norigins https://a {\nx\n}\n}":                                                          "origins has no block",
		"chat {\ncompression maybe\n}":                                                                  "compression is on or off",
		"chat {\njournal\n}":                                                                            "journal needs an engine",
		"chat {\njournal paper\n}":                                                                      "unknown journal \"paper\"",
		"chat {\njournal pebble a b\n}":                                                                 "is one word too many",
		"chat {\njournal memory a\n}":                                                                   "is one word too many",
		"chat {\njournal memory {\nink blue\n}\n}":                                                      "unknown option \"ink\"",
		"chat {\njournal memory {\nmax_size 0\n}\n}":                                                    "\"0\" is not a size from 1MiB",
		"chat {\njournal memory {\nretention\n}\n}":                                                     "retention needs a value",
		"chat {\njournal memory {\nretention 0\n}\n}":                                                   "\"0\" does not fit",
		"chat {\njournal memory {\nretention 5m 6m\n}\n}":                                               "\"6m\" does not fit",
		"chat {\njournal memory {\nmax_size 1MiB\nmax_size 1MiB\n}\n}":                                  "max_size is set twice",
		"chat {\nui maybe\n}":                                                                           "ui is on or off",
		"chat {\nui\n}":                                                                                 "ui needs on, off, or a block",
		"chat {\nui on on\n}":                                                                           "ui is on or off, not \"on on\"",
		"chat {\nui {\nink blue\n}\n}":                                                                  "unknown option \"ink\"",
		"chat {\nui off {\nsign_in /login\n}\n}":                                                        "sign_in has no effect without ui",
		"chat {\nui {\nsign_in javascript:alert(1)\n}\n}":                                               "is no http or https URL",
		"chat {\nui {\nsign_in //other.example\n}\n}":                                                   "is no http or https URL",
		"chat {\nui {\nsign_in login\n}\n}":                                                             "no path that begins with /",
		"chat {\nauth\n}":                                                                               "auth needs a method",
		"chat {\nauth magic\n}":                                                                         "unknown auth \"magic\"",
		"chat {\nauth caddy x\n}":                                                                       "is one word too many",
		"chat {\nauth caddy {\nuser x\n}\n}":                                                            "unknown option \"user\"",
		"chat {\npolicy\n}":                                                                             "policy needs a pattern",
		"chat {\npolicy a b\n}":                                                                         "is one word too many",
		"chat {\npolicy a {\nred anyone\n}\n}":                                                          "unknown option \"red\"",
		"chat {\npolicy a {\nread\n}\n}":                                                                "read needs at least one value",
		"chat {\npolicy a {\nread everyone\n}\n}":                                                       "subject \"everyone\" is not",
		"chat {\npolicy a {\nread {user}\n}\n}":                                                         "the pattern has no {user}",
		"chat {\npolicy {x} {\nread users\n}\n}":                                                        "braces are for {user} only",
		"chat {\npolicy a {\nhistory soon\n}\n}":                                                        "history: \"soon\" does not fit",
		"chat {\npolicy a {\nread users\nread users\n}\n}":                                              "read is set twice",
		"chat {\nlimits 5\n}":                                                                           "is one word too many",
		"chat {\nlimits {\nfoo 1\n}\n}":                                                                 "unknown option \"foo\"",
		"chat {\nlimits {\ntext 1\ntext 2\n}\n}":                                                        "text is set twice",
		"chat {\nlimits {\ntext\n}\n}":                                                                  "text needs a value",
		"chat {\nlimits {\nsession_rate 5\n}\n}":                                                        "session_rate takes two numbers",
		"chat {\nlimits {\nsession_rate 0 5\n}\n}":                                                      "\"0\" is not a number above 0",
		"chat {\nlimits {\nnew_rooms 0.2\n}\n}":                                                         "new_rooms takes two numbers",
		"chat {\nlimits {\nmarks 0\n}\n}":                                                               "marks",
		"chat {\npolicy d-* {\ndirect on\ncreate users\n}\n}":                                           `direct takes no value, not "on"`,
		"chat {\npolicy d-* {\ndirect {\nx\n}\n}\n}":                                                    "direct has no block",
		"chat {\npolicy d-* {\ndirect\ninvite users\ncreate users\n}\n}":                                `policy "d-*": invite contradicts direct: nobody is added to the two`,
		"chat {\npolicy g-* {\nread members\ncreate members\n}\n}":                                      `policy "g-*": create names members or admins, but nobody is one before the conversation is founded: name users, guests or claim=value`,
		"chat {\npolicy @* {\nread anyone\n}\n}":                                                        "rooms whose names begin with @ belong to the server",
		"chat {\nmax_message 100\n}":                                                                    `max_message "100" is not a size from 1KiB to 128MiB`,
		"chat {\nlimits {\nconversations 0\n}\n}":                                                       `conversations "0" is not a whole number from 1 to 100000`,
		"chat {\nlimits {\nconversations 100001\n}\n}":                                                  `conversations "100001" is not a whole number from 1 to 100000`,
		"chat {\nping_interval 1ms\n}":                                                                  `ping_interval "1ms" is not a duration from 1s to 36500d`,
		"chat {\npolicy g-* {\nread members\nreceipts 1\n}\n}":                                          `receipts "1" is not a whole number from 2 to 5000`,
		"chat {\npolicy g-* {\nread members\nreceipts 6000\n}\n}":                                       `receipts "6000" is not a whole number from 2 to 5000`,
		"chat {\npolicy g-* {\nread members\ninvite members\nmax_members 1\n}\n}":                       `invite contradicts max_members 1`,
		"chat {\npolicy d-* {\ndirect\ncreate users\nraw on\n}\n}":                                      `raw on contradicts the rest`,
		"chat {\nauth caddy {\nid {query.user}\n}\n}":                                                   "anybody could be any user",
		"chat {\nauth caddy {\nid ann\n}\n}":                                                            "the same for everybody",
		"chat {\nauth caddy {\nid {vars.a}{vars.b}\n}\n}":                                               "two placeholders side by side",
		"chat {\nauth caddy {\nid guest-{vars.a}\n}\n}":                                                 "lets nobody in: the user's id begins with guest-",
		"chat {\nauth caddy {\nid wx-{vars.a}\n}\n}":                                                    "lets nobody in: the user's id begins with",
		"chat {\nauth caddy {\nid bot-{vars.a}-{vars.b}\n}\n}":                                          "lets nobody in: the user's id begins with bot-",
		"chat {\nauth caddy {\nid hub-{vars.a}\n}\n}":                                                   "lets nobody in: the user's id begins with bot- or hub-",
		"chat {\nauth caddy {\nid \"a\tb{vars.a}\"\n}\n}":                                               "lets nobody in: the user's id is not a string of at most 128 bytes without control",
		"chat {\nauth caddy {\nid " + strings.Repeat("a", 128) + "{vars.a}\n}\n}":                       "lets nobody in: the user's id is not a string of at most 128 bytes",
		"chat {\npolicy a {\nread users role=a users\n}\n}":                                             "names users twice in one list",
		"chat {\nauth caddy\nauth jwt {\nsecret xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n}\nauth caddy\n}":                                                                                                   "auth 1 and 3 are the same",
		"chat {\ncheck https://a.example/c {\nsecret whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n}\ncheck https://a.example/c {\nsecret whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n}\n}": "check 1 and 2 are the same",
		"chat {\npolicy a {\nread users\nwrite guests\n}\n}":                        "guests may write or moderate and not read",
		"chat {\npolicy a {\nmoderate role=staff guests\nread users\n}\n}":          "guests may write or moderate and not read",
		"chat {\npolicy " + strings.Repeat("a", 129) + " {\nread users\n}\n}":       "matches no room",
		"chat {\npolicy " + strings.Repeat("a", 128) + "{user} {\nread users\n}\n}": "matches no room",
		"chat {\nlimits {\nuser_bytes 1KiB x\n}\n}":                                 "\"x\" is not a size",
	} {
		_, err := adapt(in)
		if err == nil {
			t.Errorf("%q was accepted", in)
			continue
		}
		if !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(want)) || !strings.Contains(err.Error(), "Caddyfile:") {
			t.Errorf("%q: %v", in, err)
		}
	}
}
