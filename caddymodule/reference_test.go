package caddymodule_test

import (
	"context"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"
	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/caddymodule"
	"github.com/caddychat/caddy-chat/caddymodule/checks"
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
	"github.com/caddychat/caddy-chat/caddymodule/journals"
	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal"
)

// option is a row of a table in docs/caddyfile.md.
type option struct{ name, args, value, reload string } // value: the default, empty if it is described in words

// reference returns the options in docs/caddyfile.md, by section.
func reference(t *testing.T) map[string][]option {
	t.Helper()
	heading := regexp.MustCompile(`^## (.*)$`)
	row := regexp.MustCompile("^\\| `(\\w+) ?([^`]*)` \\| (?:`([^`]*)`|[^|]*) \\| ([^|]*) \\|")
	sections := map[string][]option{}
	section := ""
	for line := range strings.Lines(testcaddy.Read(t, "../docs/caddyfile.md")) {
		line = strings.TrimSuffix(line, "\n")
		if m := heading.FindStringSubmatch(line); m != nil {
			section = m[1]
		} else if m := row.FindStringSubmatch(strings.ReplaceAll(line, `\|`, "/")); m != nil && section != "" {
			sections[section] = append(sections[section], option{m[1], m[2], m[3], m[4]})
		}
	}
	return sections
}

// within returns a directive with an option in the block of a section.
func within(section, option string) string {
	switch {
	case section == "chat" || section == "hub":
		return "chat {\n" + option + "\n}"
	case section == "policy":
		return "chat {\n" + inPolicy(option) + "\n}"
	case section == "key":
		return "chat {\n" + inKey(option) + "\n}"
	case section == "webhook":
		return "chat {\n" + inWebhook(option) + "\n}"
	case section == "check https":
		return "chat {\n" + inCheck(option) + "\n}"
	case section == "journal postgres":
		return "chat {\n" + inPostgres(option) + "\n}"
	}
	return "chat {\n" + section + " {\n" + option + "\n}\n}"
}

// keySecret is a secret that is long enough.
const keySecret = "thirty-two-characters-are-enough"

// inKey returns a key with an option.
func inKey(option string) string {
	if option == "" {
		return "key k " + keySecret + " {\nread x\n}"
	}
	if strings.HasPrefix(option, "users") || strings.HasPrefix(option, "read") {
		return "key k " + keySecret + " {\n" + option + "\n}"
	}
	return "key k " + keySecret + " {\n" + option + "\nread x\n}"
}

// hookSecret is the secret of a webhook.
const hookSecret = testcaddy.HookSecret

// inWebhook returns a webhook with an option.
func inWebhook(option string) string {
	if !strings.HasPrefix(option, "secret") {
		option = "secret " + hookSecret + "\n" + option
	}
	return "webhook orders https://a.example/hook {\n" + option + "\n}"
}

// inCheck returns a check with an option.
func inCheck(option string) string {
	if !strings.HasPrefix(option, "secret") {
		option = "secret " + hookSecret + "\n" + option
	}
	return "check https://a.example/check {\n" + option + "\n}"
}

// inPostgres returns a journal with an option.
func inPostgres(option string) string {
	return "journal postgres postgres:///chat?host=/nowhere {\n" + option + "\n}"
}

// inPolicy returns a policy with an option. Some options are those of conversations.
func inPolicy(option string) string {
	name, value, _ := strings.Cut(option, " ")
	switch {
	case name == "direct":
		return "policy a-* {\ncreate users\n" + option + "\n}"
	case name == "create":
		return "policy a-* {\nread members\n" + option + "\n}"
	case name == "invite", name == "open_to", name == "receipts", name == "history" && strings.HasPrefix(value, "joined"):
		return "policy a-* {\nread members\ncreate users\n" + option + "\n}"
	}
	return "policy a {\n" + option + "\n}"
}

func parse(config string) (*caddymodule.Handler, error) {
	h := new(caddymodule.Handler)
	d := caddyfile.NewTestDispenser(config)
	d.Next()
	return h, h.UnmarshalCaddyfile(d)
}

// blocks returns the names of all blocks of the directive.
func blocks(t *testing.T) []string {
	list := []string{"chat", "hub", "limits", "policy", "key", "webhook"}
	for _, kind := range []string{"journal", "auth", "check"} {
		namespace := map[string]string{"journal": "chat.journals", "auth": "chat.auth", "check": "chat.checks"}[kind]
		for _, m := range caddy.GetModules(namespace) {
			if !strings.HasSuffix(reflect.TypeOf(m.New()).Elem().PkgPath(), "_test") {
				list = append(list, kind+" "+m.ID.Name())
			}
		}
	}
	if len(list) < 10 {
		t.Fatalf("only %q are known", list)
	}
	return list
}

// docs/caddyfile.md has the options that the parser has, and no others.
func TestReference_HasEveryOption(t *testing.T) {
	sections := reference(t)
	for _, section := range blocks(t) {
		var told []string
		for _, o := range sections[section] {
			told = append(told, o.name)
		}
		_, err := parse(within(section, "what"))
		switch section {
		case "chat": // a directive may have the settings of its hub
			for _, o := range sections["hub"] {
				told = append(told, o.name)
			}
		case "hub":
			_, err = adaptFile("{\nchat {\nhub x {\nwhat\n}\n}\n}\n")
		}
		slices.Sort(told)
		if err == nil {
			t.Fatalf("%s takes any option", section)
		}
		_, list, _ := strings.Cut(err.Error(), "there are ")
		list, _, _ = strings.Cut(list, ", at ")
		if known := strings.Join(told, ", "); known != list {
			t.Errorf("%s has %s, and docs/caddyfile.md has %s", section, list, known)
		}
	}
}

// Setting an option to its default in docs/caddyfile.md changes nothing. The defaults
// that are not among the settings of a hub are looked up in moduleDefaults.
func TestReference_DefaultsAreTrue(t *testing.T) {
	usual := effective(t, "chat")
	modules := moduleDefaults(t)
	for section, options := range reference(t) {
		for _, o := range options {
			name := section + " " + o.name
			holds, special := modules[name]
			delete(modules, name)
			switch {
			case o.value == "": // described in words
				if special {
					t.Errorf("%s: its default is not in docs/caddyfile.md", name)
				}
			case special:
				if !holds(o.value) {
					t.Errorf("%s: %s is not the default", name, o.value)
				}
			case section == "hub" || section == "limits":
				if set := effective(t, within(section, o.name+" "+o.value)); !reflect.DeepEqual(set, usual) {
					t.Errorf("%s: %s is not the default:\n%+v\n%+v", name, o.value, set, usual)
				}
			default:
				t.Errorf("%s: moduleDefaults does not have its default", name)
			}
		}
	}
	for name := range modules {
		t.Errorf("docs/caddyfile.md does not have %s", name)
	}
}

// effective returns the settings of a hub with this configuration, with the defaults.
func effective(t *testing.T, config string) chat.Settings {
	t.Helper()
	h, err := parse(config)
	if err != nil {
		t.Fatalf("%s: %v", config, err)
	}
	s, err := h.Settings()
	if err != nil {
		t.Fatalf("%s: %v", config, err)
	}
	hub, err := chat.NewHub(chat.Config{Settings: s, Journal: memjournal.New(memjournal.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Close(t.Context())
	return hub.Settings()
}

// moduleDefaults returns, for each option, a function that reports whether a text is its
// default.
func moduleDefaults(t *testing.T) map[string]func(string) bool {
	s, admin := testcaddy.StartAdmin(t, "chat")
	guest := identity.NewGuest(nil, 0)
	weChat, err := identity.NewWeChat(identity.WeChatOptions{AppID: "a", AppSecret: "b"})
	if err != nil {
		t.Fatal(err)
	}
	pebble, err := pebblejournal.Open(pebblejournal.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pebble.Close() })
	memory := memjournal.New(memjournal.Options{})
	t.Cleanup(func() { memory.Close() })
	keep := new(journals.Memory).Limits().Retention
	chain, err := checks.Load([]any{new(checks.HTTPS)})
	if err != nil {
		t.Fatal(err)
	}
	asked := chain[0]

	// reloads reports whether Caddy accepts a reload with this option. It refuses one
	// that changes the journal.
	reloads := func(option string) func(string) bool {
		return func(value string) bool { return s.TryLoad("chat {\n"+option+" "+value+"\n}") == nil }
	}
	same := func(section, option string) func(string) bool {
		return func(value string) bool {
			with, err := parse(within(section, option+" "+value))
			without, err2 := parse(within(section, ""))
			return err == nil && err2 == nil && reflect.DeepEqual(with, without)
		}
	}
	return map[string]func(string) bool{
		"chat hub": func(value string) bool {
			code, _ := testcaddy.Ask(t, "GET", admin+"/chat/hubs/"+value, "")
			return code == 200
		},
		"hub journal": reloads("journal"),
		"chat auth": func(value string) bool {
			return value == "guest" && strings.Contains(testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/chat", nil, ""), "welcome"), `"guest":true`)
		},
		"chat ui":                 same("chat", "ui"),
		"chat compression":        same("chat", "compression"),
		"journal pebble max_size": isSize(hidden(pebble, "maxBytes", "v")),
		"journal memory max_size": isSize(hidden(memory, "maxBytes")),
		"journal memory retention": func(value string) bool {
			return keep == journals.Retention{Count: keep.Count} && value == strconv.Itoa(keep.Count)
		},
		"journal postgres durability": func(value string) bool {
			return (&journals.Postgres{Durability: value}).Fixed() == new(journals.Postgres).Fixed()
		},
		"journal postgres parts":    func(value string) bool { return value == "8" }, // chat/pgjournal tests it
		"policy presence":           same("policy", "presence"),
		"policy raw":                same("policy", "raw"),
		"check https timeout":       isDuration(reflect.ValueOf(asked.Timeout)),
		"check https at_once":       func(value string) bool { return value == strconv.Itoa(asked.AtOnce) },
		"check https on_error":      func(value string) bool { return value == "refuse" && !asked.PassOnError },
		"check https keys":          func(value string) bool { return value == "off" && !asked.Keys },
		"check wechat timeout":      isDuration(reflect.ValueOf(asked.Timeout)),
		"check wechat at_once":      func(value string) bool { return value == strconv.Itoa(asked.AtOnce) },
		"check wechat on_error":     func(value string) bool { return value == "refuse" && !asked.PassOnError },
		"check wechat keys":         func(value string) bool { return value == "off" && !asked.Keys },
		"check wechat review":       func(value string) bool { return value == "review" },
		"check wechat others":       func(value string) bool { return value == "refuse" },
		"check wechat api":          func(value string) bool { return value == hidden(weChat, "opt", "API").String() },
		"auth guest token_life":     isDuration(hidden(guest, "signer", "Life")),
		"auth wechat token_life":    isDuration(hidden(weChat, "signer", "Life")),
		"auth wechat api":           func(value string) bool { return value == hidden(weChat, "opt", "API").String() },
		"auth wechat check_referer": func(value string) bool { return value == "off" && !hidden(weChat, "opt", "CheckReferer").Bool() },
		"auth jwt leeway":           func(value string) bool { return isLeeway(t, value) },
		"auth caddy id":             func(value string) bool { return caddyUser(t, value) == "ann" && caddyUser(t, "") == "ann" },
	}
}

// hidden returns an unexported field. No code outside the package that has a default needs
// it; only this test compares it with the documents.
func hidden(of any, fields ...string) reflect.Value {
	v := reflect.ValueOf(of)
	for _, name := range fields {
		v = reflect.Indirect(v).FieldByName(name)
	}
	return v
}

func isSize(v reflect.Value) func(string) bool {
	return func(value string) bool {
		n, err := humanize.ParseBytes(value)
		return err == nil && int64(n) == v.Int()
	}
}

func isDuration(v reflect.Value) func(string) bool {
	return func(value string) bool {
		d, err := caddy.ParseDuration(value)
		return err == nil && int64(d) == v.Int()
	}
}

// isLeeway reports whether a token is valid if it expired a little less than that long
// ago, and invalid if it expired a little earlier.
func isLeeway(t *testing.T, value string) bool {
	leeway, err := caddy.ParseDuration(value)
	if err != nil {
		return false
	}
	key, err := identity.Secret([]byte(testcaddy.JWTSecret))
	if err != nil {
		t.Fatal(err)
	}
	j := &identity.JWT{Keys: []identity.Key{key}}
	good := func(since time.Duration) bool {
		token := testcaddy.SiteToken(t, jwt.MapClaims{"sub": "u7", "exp": time.Now().Add(-since).Unix()})
		_, err := j.Authenticate(t.Context(), access.Credential{Token: token})
		return err == nil
	}
	return good(leeway-5*time.Second) && !good(leeway+5*time.Second)
}

// caddyUser returns the user id that auth caddy finds with this placeholder in a request
// that Caddy has authenticated as ann.
func caddyUser(t *testing.T, id string) string {
	repl := caddy.NewReplacer()
	repl.Set("http.auth.user.id", "ann")
	r := httptest.NewRequestWithContext(context.WithValue(t.Context(), caddy.ReplacerCtxKey, repl), "GET", "/chat", nil)
	who, err := (&caddymodule.CaddyAuth{ID: id}).Authenticate(t.Context(), access.Credential{Request: r})
	if err != nil {
		return err.Error()
	}
	return who.User.ID
}

// The options that docs/caddyfile.md calls live are settings of the hub, and a reload
// changes those for all sessions. The other options are not settings of the hub.
func TestReference_ReloadIsTrue(t *testing.T) {
	others := map[string]string{"<size>": "1MiB", "<number>": "7", "<duration>": "33s", "on/off": "on", "<pattern>": "tea", "<room…>": "x", "<user…>": "x", "<network…>": "::1",
		"<event…>": "info", "<room pattern…>": "tea", "<events> [<duration>]": "7 3s",
		"<who…>": "users", "none/joined/<count, age…>": "none", "<count, age, size…>": "7"}
	for _, section := range []string{"chat", "hub", "limits", "policy", "key", "webhook"} {
		usual := effective(t, within(section, ""))
		for _, o := range reference(t)[section] {
			value := others[o.args]
			switch {
			case o.name == "limits" || o.name == "ui" || o.name == "origins" || o.name == "check":
				continue // its options have rows; each request reads it; TestReload_Origins and TestCheck_Reload test them
			case o.name == "presence" || o.name == "raw":
				value = "off"
			case o.name == "outbox": // smaller values are raised to eight times max_message
				value = "2MiB"
			case strings.HasSuffix(o.name, "_bytes"):
				value = "3KiB 7KiB"
			case strings.HasSuffix(o.name, "_rate"), o.name == "new_rooms":
				value = "3 7"
			case section == "key" && o.name == "read":
				value = "y"
			case o.name == "key":
				value = "k " + keySecret + " {\nusers\n}"
			case o.name == "webhook":
				value = "orders https://a.example/ {\nsecret " + hookSecret + "\n}"
			case section == "webhook" && o.name == "secret":
				value = "whsec_" + strings.Repeat("QUJD", 10)
			case o.name == "policy":
				value = "tea {\nread users\n}"
			case value == "":
				value = map[string]string{"journal": "memory", "room": "{query.channel}", "auth": "caddy", "hub": "tea"}[o.name]
			}
			set := effective(t, within(section, o.name+" "+value))
			if live := !reflect.DeepEqual(set, usual); live != (o.reload == "live") {
				t.Errorf("%s %s %q: whether it is a setting of the hub is %v, and docs/caddyfile.md says %q", section, o.name, value, live, o.reload)
			}
		}
	}
}
