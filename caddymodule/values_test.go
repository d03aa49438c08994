package caddymodule_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddychat/caddy-chat/caddymodule"
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
	"github.com/caddychat/caddy-chat/caddymodule/internal/webhooks"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// values are what options of one kind, or one option, take and refuse.
type values struct {
	good  []string
	bad   []string
	words string // are in the error for each of bad
}

// kinds are the values of options by what docs/caddyfile.md has behind their names.
// "0" is never a value: in JSON it stands for the default.
var kinds = map[string]values{
	"<size>": {
		[]string{"1B", "64KiB", "2047MiB"},
		[]string{"0", "-1", "2048MiB", "16EiB", "1e400", "big", "1,5MiB"},
		"is not a size from 1B to 2047MiB, such as 64KiB",
	},
	"<number>": {
		[]string{"1", "2147483647"},
		[]string{"0", "-1", "2147483648", "99999999999999999999", "many", "1.5", "1e3"},
		"is not a whole number from 1 to 2147483647",
	},
	"<duration>": {
		[]string{"1ms", "90s", "36500d"},
		[]string{"0", "0s", "-1s", "999us", "36501d", "106752d", "5", "soon"},
		"is not a duration from 1ms to 36500d, such as 25s",
	},
	"<room…>": {
		[]string{"*", "a-* @* b", "@ann"},
		[]string{"{user}", "inbox-{user}", "{x}", strings.Repeat("*", 257), "@hub-1", "@bot-*"},
		"key \"k\":",
	},
	"on/off":        {[]string{"on", "off"}, []string{"yes", "true", "ON", "0"}, "is on or off, not"},
	"<text>":        {[]string{"x", "{env.CHAT_TEST}"}, nil, ""},
	"<placeholder>": {[]string{"{header.Remote-User}", "x"}, nil, ""},
	"<who…>": {
		[]string{"anyone", "guests users role=staff sub=" + strings.Repeat("x", 64)},
		[]string{"everyone", "Users", "role=", "=staff", "{user}"},
		"chat: policy \"a",
	},
	"<count, age, size…>": {
		[]string{"1", "2147483647", "1ms", "36500d", "1B", "8PiB", "1 1d 1MiB"},
		[]string{"0", "-1", "2147483648", "999us", "36501d", "0B", "9PiB", "soon", "1 2", "1d 2d", "1B 2B", "1 1d 1MiB 3"},
		"does not fit: it takes one count from 1 to 2147483647, one age from 1ms to 36500d and one size from 1B to 8PiB at most",
	},
	"none/joined/<count, age…>": {
		[]string{"none", "joined", "1", "2147483647", "1ms", "36500d", "1 1d"},
		[]string{"0", "-1", "2147483648", "999us", "36501d", "1MiB", "all", "none 1", "joined 1", "1 2", "1d 2d"},
		"does not fit: it takes none, joined, or one count from 1 to 2147483647 and one age from 1ms to 36500d at most",
	},
	"<each second> <at once>": {
		[]string{"0.000001 1", "0.5 10", "2147483647 2147483647"},
		[]string{"5", "5 5 5", "0 1", "-1 1", "NaN 1", "Inf 1", "1 0", "1 1.5", "1 2147483648", "many 1", "2147483648 1", "0.0000001 1", "0.000001 1000000"},
		"",
	},
	"<bytes each second> <at once>": {
		[]string{"1B 1B", "1KiB 64KiB", "2047MiB 2047MiB"},
		[]string{"1KiB", "1B 1B 1B", "0 1B", "1B 0", "-1 1", "2048MiB 1B", "1B 2048MiB", "many 1B", "1B 2047MiB"},
		"",
	},
}

// particular are the values of options that are not those of their kind, and of options
// that are of no kind.
func particular(t *testing.T) map[string]values {
	pem := filepath.Join(t.TempDir(), "key.pem")
	const key = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
	if err := os.WriteFile(pem, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	const secret = "thirty-two-bytes-which-is-enough"
	a := func(n int) string { return strings.Repeat("a", n) }
	return map[string]values{
		"chat hub":     {[]string{"a", a(64)}, []string{a(65), "../x", ".x", "a/b", "é"}, "must have 1 to 64 letters, digits and -_."},
		"chat room":    {[]string{"{query.channel}", "a", a(128), "{query.a}-{query.b}"}, []string{a(129), "@a", "{query.a", "query.a}", "\"a\tb\""}, "room"},
		"chat auth":    {[]string{"guest", "caddy"}, []string{"oauth", "guest x", "jwt", "wechat", "guest {\nx\n}"}, ""},
		"chat origins": {[]string{"*", "https://a.example https://*.b.example:8443", "http://[::1]:80", "chrome-extension://abc", "http://localhost:*"}, []string{"a.example", "https://", "https://a/b", "https://a?b", "https://u@a", "https://a:0", "https://a:65536", "https://例子.cn", "null", "**", "https://a.example, https://b.example", "https://[::1", "https://a:b", "wss://a.example", "WS://a.example"}, "origin"},
		"chat ui":      {[]string{"on", "off", "{\nsign_in /login\n}", "on {\nsign_in https://a.example/x\n}"}, []string{"yes", "on on", "off {\nsign_in /x\n}", "{\nsign_in x\n}", "{\n}"}, "chat: ui"},
		"hub journal":  {[]string{"memory", "pebble", "memory {\nmax_size 1GiB\n}", "postgres {env.CHAT_TEST_DSN}"}, []string{"paper", "memory x", "pebble a b", `pebble ""`, "postgres", "postgres a b", "postgres://db.example/chat"}, ""},
		"hub policy": {[]string{"tea {\nread users\n}", "* {\nread anyone\n}", a(128) + "* {\nread users\n}", a(127) + "{user} {\nread users\n}"},
			[]string{a(129) + " {\nread users\n}", "*" + a(129) + " {\nread users\n}", a(128) + "{user} {\nread users\n}", strings.Repeat("*", 257) + " {\nread users\n}", "@x {\nread users\n}", "{x} {\nread users\n}", `"" {` + "\n}", "a b"}, ""},
		"hub key": {[]string{"k " + keySecret + " {\nusers\n}", a(31) + " {env.CHAT_TEST_KEY} " + keySecret + " {\nread *\n}"},
			[]string{"k", keySecret + " {\nusers\n}", a(32) + " " + keySecret + " {\nusers\n}", "k " + keySecret[1:] + " {\nusers\n}", "k " + keySecret + " " + keySecret + " {\nusers\n}",
				"k " + keySecret, "k " + keySecret + " {\nas *\n}", `k "" {` + "\nusers\n}", "k \"thirty-two characters are no secret\" {\nusers\n}", ".k " + keySecret + " {\nusers\n}"}, ""},
		"key members": {[]string{"*", "a-* b"}, []string{"{user}", "inbox-{user}", "{x}", strings.Repeat("*", 257), "@*", "a @ann"}, "key \"k\":"},
		"key as":      {[]string{"*", "u-* v"}, []string{"bot-x", "hub-*"}, "belong to the server"},
		"key users":   {[]string{""}, []string{"on", "x"}, ""},
		"key feed":    {[]string{""}, []string{"on", "x"}, ""},
		"key from":    {[]string{"10.0.0.0/8 192.0.2.7", "fd00::/8 ::1", "::ffff:10.0.0.0/104"}, []string{"fe80::1%eth0", "10.0.0.1/8", "10.0.0.0/33", "localhost", "10.0.0"}, "from"},
		"hub webhook": {[]string{"orders https://a.example/x?y=z {\nsecret " + hookSecret + "\n}", a(64) + " http://10.0.0.1:8000 {\nprivate\nsecret {env.CHAT_TEST_HOOK} " + hookSecret + "\n}"},
			[]string{"orders", "orders https://a.example", "orders https://a.example {\n}", "a.b https://a.example {\nsecret " + hookSecret + "\n}", a(65) + " https://a.example {\nsecret " + hookSecret + "\n}",
				"orders http://a.example {\nsecret " + hookSecret + "\n}", "orders a.example {\nsecret " + hookSecret + "\n}", "orders https://u:p@a.example {\nsecret " + hookSecret + "\n}",
				"orders https://a.example:0 {\nsecret " + hookSecret + "\n}", "orders https://a.example:65536 {\nsecret " + hookSecret + "\n}"}, "webhook"},
		"hub check": {[]string{"https://a.example/x?y=z {\nsecret " + hookSecret + "\n}", "{env.CHAT_TEST_CHECK} {\nsecret {env.CHAT_TEST_HOOK}\n}", "http://[::1]:8000 {\nprivate\nsecret " + hookSecret + "\n}"},
			[]string{"https", "what", "https://a.example", "https://a.example {\n}", "https://a.example x {\nsecret " + hookSecret + "\n}", "http://a.example {\nsecret " + hookSecret + "\n}",
				"ftp://a.example {\nsecret " + hookSecret + "\n}", "https://u:p@a.example {\nsecret " + hookSecret + "\n}", "https:// {\nsecret " + hookSecret + "\n}",
				"https://a.example:0 {\nsecret " + hookSecret + "\n}", "https://a.example:65536 {\nsecret " + hookSecret + "\n}"}, ""},
		"check https secret":    {[]string{hookSecret, hookSecret + " {env.CHAT_TEST_HOOK}"}, []string{"x", "whsec_QUJD", "whsec_%%%%", hookSecret + " short"}, "openssl rand -base64 32"},
		"check https private":   {[]string{""}, []string{"on", "x"}, "private takes no value"},
		"check https rooms":     {[]string{"*", "a-* b"}, []string{"{x}", strings.Repeat("*", 257)}, "pattern"},
		"check https timeout":   {[]string{"1ms", "10s"}, []string{"0", "0s", "-1s", "11s", "soon"}, "timeout"},
		"check https at_once":   {[]string{"1", "1024"}, []string{"0", "-1", "1025", "many"}, "at_once"},
		"check https on_error":  {[]string{"refuse", "pass"}, []string{"on", "review", "pass pass"}, "on_error"},
		"check wechat app_id":   {[]string{"wx01", "{env.CHAT_TEST_ID}", a(64)}, []string{a(65), "wx-01"}, "app_id may contain only letters and digits"},
		"check wechat api":      {[]string{"https://a.example", "http://127.0.0.1:1"}, []string{"a.example", "ftp://a"}, "api must be an http or https URL"},
		"check wechat review":   {[]string{"review", "pass", "refuse"}, []string{"on", "pass pass"}, "review"},
		"check wechat others":   {[]string{"refuse", "pass"}, []string{"on", "review"}, "others"},
		"check wechat rooms":    {[]string{"*", "a-* b"}, []string{"{x}", strings.Repeat("*", 257)}, "pattern"},
		"check wechat timeout":  {[]string{"1ms", "10s"}, []string{"0", "11s", "soon"}, "timeout"},
		"check wechat at_once":  {[]string{"1", "1024"}, []string{"0", "1025", "many"}, "at_once"},
		"check wechat on_error": {[]string{"refuse", "pass"}, []string{"on"}, "on_error"},
		"webhook secret":        {[]string{hookSecret, hookSecret + " {env.CHAT_TEST_HOOK}"}, []string{"x", "whsec_QUJD", "whsec_%%%%", hookSecret + " short"}, "openssl rand -base64 32"},
		"webhook private":       {[]string{""}, []string{"on", "x"}, "private takes no value"},
		"webhook events":        {[]string{"message", "message edited recalled tagged notice member info", "review unchecked online offline missed audit"}, []string{"mess", "*", "event", "info info", "audit audit"}, "events"},
		"webhook rooms":         {[]string{"*", "a-* b"}, []string{"{x}", strings.Repeat("*", 257), "@*", "a @u-*"}, "pattern"},
		"webhook batch":         {[]string{"1", "1000 1ms", "100 10s"}, []string{"0", "1001", "x", "1 11s", "1 1us", "1 1s 1s", "1 0"}, "batch"},
		"policy direct":         {[]string{""}, []string{"on", "x"}, "direct takes no value"},
		"limits conversations":  {[]string{"1", "100000"}, []string{"0", "-1", "100001", "many"}, "is not a whole number from 1 to 100000"},
		"policy receipts":       {[]string{"2", "5000"}, []string{"0", "1", "-1", "5001", "many", "1.5", "99999999999999999999"}, "is not a whole number from 2 to 5000"},
		"hub limits":            {[]string{"{\n}"}, []string{"5", "{\nx 1\n}"}, ""},
		"hub max_message":       {[]string{"1KiB", "64MiB"}, []string{"0", "-1", "100", "1023", "big", "64.1MiB", "129MiB", "2047MiB", "2048MiB"}, "max_message"},
		"hub ping_interval":     {[]string{"1s", "36500d"}, []string{"0s", "-1s", "999ms", "36501d", "soon"}, "is not a duration from 1s to 36500d"},
		"limits outboxes":       {[]string{"256KiB", "2047MiB"}, []string{"0", "255KiB", "2048MiB", "big"}, "outboxes"},
		"limits hello":          {[]string{"1s", "36500d"}, []string{"0s", "999ms", "36501d", "soon"}, "is not a duration from 1s to 36500d"},
		"auth caddy id": {[]string{"{header.Remote-User}", "{http.auth.user.id}", "site-{http.vars.user}", "{vars.user}", "{tls_client_subject}", "{tls_client_fingerprint}", "{http.request.tls.client.san.dns_names.0}", "{rp.header.X-User}", "{http.auth.user.org}-{http.auth.user.id}"},
			[]string{
				"x", "{query.user}", "u-{query.user}", "{cookie.user}", "{path}", "{uri}", "{host}", "{labels.1}", "{env.HOME}", "{system.hostname}", "{scheme}", "{port}",
				"{http.request.proto}", "{time.now.year}", "{file./etc/hostname}", "\\{x\\}", "\\{http.auth.user.id\\}", "{header.Cookie}", "{header.cookie}", "{header.User-Agent}", "{re.u.1}", "{remote_host}",
				"{http.request.header.}", "{http.auth.user.}", "{tls_client_issuer}", "{header.Remote-User}{query.x}", "{chat_user}", "{http.auth.user.id",
			}, "id"},
		"auth guest token_life":       {[]string{"1m", "36500d"}, []string{"0s", "59s", "36501d", "soon"}, "token_life"},
		"auth wechat token_life":      {[]string{"1m", "36500d"}, []string{"0s", "59s", "36501d", "soon"}, "token_life"},
		"auth jwt leeway":             {[]string{"1ms", "5m"}, []string{"0s", "301s", "soon"}, "leeway"},
		"auth jwt secret":             {[]string{secret, secret + " {env.CHAT_TEST}"}, []string{secret[1:], secret + " short"}, "auth jwt: secret"},
		"auth jwt key":                {[]string{"`" + key + "`"}, []string{"x", "`" + key + "` x"}, "auth jwt: key"},
		"auth jwt key_file":           {[]string{pem, pem + " " + pem}, nil, ""},
		"auth jwt jwks":               {[]string{"https://a.example/x", "http://localhost", "https://a.example/{env.CHAT_TEST}"}, []string{"a.example/x", "ftp://a", "https://", "/x"}, "must be an http or https URL"},
		"auth wechat app_id":          {[]string{"wx01", "{env.CHAT_TEST_ID}", a(64)}, []string{a(65), "wx-01"}, "app_id may contain only letters and digits"},
		"auth wechat api":             {[]string{"https://a.example", "http://127.0.0.1:1"}, []string{"a.example", "ftp://a"}, "api must be an http or https URL"},
		"journal postgres schema":     {[]string{"chat", a(63), "Chat-1.x"}, []string{a(64), ".x", "pg_x", "a/b", "é"}, "must have 1 to 63 letters"},
		"journal postgres durability": {[]string{"standby", "primary"}, []string{"both", "on"}, "durability is standby or primary"},
		"journal postgres listen":     {[]string{"postgres:///chat?host=/nowhere", "{env.CHAT_TEST}"}, []string{"postgres://db.example:x/chat", "db.example"}, "address of PostgreSQL can't be read"},
		"journal postgres parts":      {[]string{"1", "64"}, []string{"0", "-1", "65", "many"}, "is not a whole number from 1 to 64"},
		"journal pebble max_size":     {[]string{"1MiB", "8PiB"}, []string{"0", "100", "1023KiB", "9PiB", "16EiB", "big"}, "is not a size from 1MiB to 8PiB"},
		"journal memory max_size":     {[]string{"1MiB", "8PiB"}, []string{"0", "100", "1023KiB", "9PiB", "16EiB", "big"}, "is not a size from 1MiB to 8PiB"},
	}
}

// needed are the options without which a block is refused.
var needed = map[string]string{
	"auth jwt":     "secret thirty-two-bytes-which-is-enough",
	"auth wechat":  "app_id wx01\napp_secret b",
	"check wechat": "app_id wx01\napp_secret b",
}

// written returns a Caddyfile with an option, in a directive or in the global option. The
// option stands in line 5 or behind it.
func written(section, option string, global bool) string {
	name, _, _ := strings.Cut(option, " ")
	var others []string
	for line := range strings.SplitSeq(needed[section], "\n") {
		if other, _, _ := strings.Cut(line, " "); other != name && line != "" {
			others = append(others, line)
		}
	}
	block := strings.Join(append(others, option), "\n")
	switch {
	case section == "policy":
		block = inPolicy(block)
	case section == "key":
		block = inKey(block)
	case section == "webhook":
		block = inWebhook(block)
	case section == "check https":
		block = inCheck(block)
	case section == "journal postgres":
		block = inPostgres(block)
	case section != "chat" && section != "hub":
		block = section + " {\n" + block + "\n}"
	}
	if global {
		return "{\nchat {\nhub default {\n\n" + block + "\n}\n}\n}\n" + site(1, "chat")
	}
	return "{\nadmin off\n}\n" + site(1, "chat {\n"+block+"\n}")
}

// forms returns what an option must not look like, whatever its kind.
func forms(section string, o option, good string) map[string]string {
	bad := map[string]string{o.name: "", o.name + ` ""`: ""}
	if repeatable := o.name == "auth" || o.name == "policy" || o.name == "key" || o.name == "check" || o.name == "webhook"; !repeatable {
		bad[o.name+" "+good+"\n"+o.name+" "+good] = o.name + " is set twice"
	}
	if o.name != "ui" && o.name != "limits" && !strings.ContainsAny(good, "{`") {
		bad[o.name+" "+good+" {\nx\n}"] = ""
	}
	if section == "hub" && o.name == "limits" || o.name == "direct" || o.name == "private" || section == "key" && o.args == "" {
		delete(bad, o.name) // an empty block, or no value
	}
	return bad
}

// lineOf returns the place of an option in a Caddyfile, as errors have it. What makes no
// sense together with other options, and what needs a block, has a line behind that.
func lineOf(config, option string) string {
	before, _, _ := strings.Cut(config, option)
	if strings.Contains(option, "\n") || strings.HasPrefix(option, "outboxes 255") || strings.HasPrefix(option, "max_message 64.1") {
		return ""
	}
	return fmt.Sprintf(", at Caddyfile:%d", strings.Count(before, "\n")+1)
}

// valuesOf returns the values of an option in docs/caddyfile.md.
func valuesOf(t *testing.T, all map[string]values, section string, o option) values {
	args := o.args
	if strings.Contains(o.value, "iB ") {
		args = strings.Replace(args, "<each", "<bytes each", 1)
	}
	v, ok := all[section+" "+o.name]
	if !ok {
		v, ok = kinds[args]
	}
	if !ok {
		t.Fatalf("%s %s: what does %q take? It needs a row in this table", section, o.name, args)
	}
	return v
}

// Each option of the reference, with each value, is accepted and does what it says, or is
// refused with file and line. What the adapter accepts is valid.
func TestValues_OptionByValueByDoor(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("CHAT_TEST", "thirty-two bytes, which is enough")
	t.Setenv("CHAT_TEST_ID", "wx01")
	t.Setenv("CHAT_TEST_KEY", "another-secret-of-thirty-two-characters")
	t.Setenv("CHAT_TEST_HOOK", "whsec_"+strings.Repeat("QUJD", 10))
	t.Setenv("CHAT_TEST_CHECK", "https://a.example")
	t.Setenv("CHAT_TEST_DSN", "postgres:///chat?host=/nowhere")
	all, tried := particular(t), 0
	for section, options := range reference(t) {
		doors := []bool{false, true}
		if section == "chat" || strings.HasPrefix(section, "auth ") {
			doors = doors[:1] // a hub has no such options
		}
		for _, o := range options {
			v := valuesOf(t, all, section, o)
			delete(all, section+" "+o.name)
			for _, global := range doors {
				for _, value := range v.good {
					tried++
					if err := validate(t, written(section, o.name+" "+value, global)); err != nil {
						t.Errorf("%s: %s %s: %v", section, o.name, value, err)
					}
				}
				bad := forms(section, o, v.good[0])
				for _, value := range v.bad {
					bad[o.name+" "+value] = v.words
				}
				for text, words := range bad {
					tried++
					config := written(section, text, global)
					_, err := adaptFile(config)
					if err == nil {
						t.Errorf("%s: %q was accepted", section, text)
					} else if line := lineOf(config, text); !strings.Contains(err.Error(), words) || !strings.HasSuffix(err.Error(), line) {
						t.Errorf("%s: %q: %v, want %q, %s", section, text, err, words, line)
					}
				}
			}
		}
	}
	for name := range all {
		t.Errorf("docs/caddyfile.md does not have %s", name)
	}
	if tried < 900 {
		t.Errorf("only %d cells were tried", tried)
	}
}

// While Caddy runs, one option of each kind: a reload accepts each good value, and the
// hub has it then; it refuses a bad one and leaves everything as it was.
func TestValues_Reload(t *testing.T) {
	t.Setenv("CHAT_TEST_KEY", "another-secret-of-thirty-two-characters")
	t.Setenv("CHAT_TEST_HOOK", "whsec_"+strings.Repeat("QUJD", 10))
	t.Setenv("CHAT_TEST_CHECK", "https://a.example")
	s := testcaddy.Start(t, "chat {\njournal memory\n}")
	all, seen := particular(t), []string{}
	within := func(section, text string) string {
		switch section {
		case "limits":
			text = "limits {\n" + text + "\n}"
		case "policy":
			text = inPolicy(text)
		case "key":
			text = inKey(text)
		case "webhook":
			text = inWebhook(text)
		}
		return "chat {\njournal memory\n" + text + "\n}"
	}
	settings := func() string {
		hub, err := caddymodule.Hubs()["default"].Hub()
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%+v", hub.Settings())
	}
	for _, section := range []string{"chat", "hub", "limits", "policy", "key", "webhook"} {
		for _, o := range reference(t)[section] {
			v := valuesOf(t, all, section, o)
			if _, own := all[section+" "+o.name]; !own && slices.Contains(seen, o.args) || o.name == "journal" || o.name == "hub" || o.name == "check" {
				continue // a reload can't change where the journal is; another hub has other settings; TestCheck_Reload tests checks
			}
			seen = append(seen, o.args)
			for _, value := range v.good {
				config := within(section, o.name+" "+value)
				if err := s.TryLoad(config); err != nil {
					t.Fatalf("%s: %s %s: %v", section, o.name, value, err)
				}
				if got, want := settings(), fmt.Sprintf("%+v", effective(t, config)); got != want {
					t.Errorf("%s: %s %s: the hub has\n%s, want\n%s", section, o.name, value, got, want)
				}
			}
			before := settings()
			if err := s.TryLoad(within(section, o.name+" "+v.bad[0])); err == nil || !strings.Contains(err.Error(), "Caddyfile:") {
				t.Errorf("%s: a reload with %s %s: %v", section, o.name, v.bad[0], err)
			}
			if got := settings(); got != before {
				t.Errorf("%s: %s %s was refused and changed the hub", section, o.name, v.bad[0])
			}
		}
	}
	s.NoErrors()
}

// With the greatest value of every option of a hub at once, people still talk.
func TestValues_Greatest_Run(t *testing.T) {
	t.Setenv("CHAT_TEST_KEY", "another-secret-of-thirty-two-characters")
	all, blocks := particular(t), map[string][]string{}
	for _, section := range []string{"hub", "limits", "policy"} {
		for _, o := range reference(t)[section] {
			if o.name == "journal" || o.name == "policy" || o.name == "limits" || o.name == "check" || o.name == "webhook" || o.name == "direct" || o.name == "receipts" || strings.HasPrefix(o.args, "<who") {
				continue
			}
			good := valuesOf(t, all, section, o).good
			blocks[section] = append(blocks[section], o.name+" "+good[len(good)-1])
		}
	}
	blocks["policy"] = append(blocks["policy"], "presence on", "read anyone", "write anyone")
	blocks["policy"] = slices.DeleteFunc(blocks["policy"], func(line string) bool { return line == "presence off" || line == "raw off" })
	s := testcaddy.Start(t, "chat {\n"+strings.Join(blocks["hub"], "\n")+"\nlimits {\n"+strings.Join(blocks["limits"], "\n")+
		"\n}\npolicy tea {\n"+strings.Join(blocks["policy"], "\n")+"\n}\n}")
	c := s.V1("ws://"+s.Plain+"/chat", nil, `,"rooms":[{"room":"tea"}]`)
	testcaddy.Hears(t, c, `"welcome"`, `"ping":3153600000000`)
	raw := s.Client("ws://" + s.Plain + "/chat?room=tea")
	for i := range 3 {
		testcaddy.Say(t, c, fmt.Sprintf(`{"type":"send","id":"%d","room":"tea","body":"hello"}`, i))
		testcaddy.Expect(t, raw, "hello")
	}
	testcaddy.Say(t, c, `{"type":"recall","id":"r","room":"tea","seq":3}`)
	if answer := testcaddy.Until(t, c, `"id":"r"`); !strings.Contains(answer, `"ok"`) {
		t.Errorf("recall: %s", answer)
	}
	testcaddy.Say(t, raw, "and you")
	testcaddy.Until(t, c, "and you")
	s.NoErrors()
}

// In JSON each number, size, duration and rate has the bounds that it has in a Caddyfile,
// and the error names its field. So it does for a value of another type.
func TestValues_JSON(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	modules := map[string]string{
		"auth guest": `"method":"guest"`, "auth jwt": `"method":"jwt","secrets":["thirty-two-bytes-which-is-enough"]`,
		"auth wechat": `"method":"wechat","app_id":"a","app_secret":"b"`, "auth caddy": `"method":"caddy"`,
		"journal postgres": `"engine":"postgres","dsn":"postgres:///chat?host=/nowhere"`,
		"journal pebble":   `"engine":"pebble"`, "journal memory": `"engine":"memory"`,
		"check wechat": `"check":"wechat","app_id":"a","app_secret":"b"`,
		"check https":  `"check":"https","url":"https://a.example","secrets":["` + hookSecret + `"]`,
	}
	tried := 0
	try := func(wrap, path, value, words string) {
		tried++
		field := path[strings.LastIndexByte(path, '.')+1:]
		err := caddy.Validate(inJSON(t, "", fmt.Sprintf(","+wrap, fmt.Sprintf("%q:%s", field, value))))
		if err == nil || !strings.Contains(err.Error(), path) && !strings.Contains(err.Error(), strings.ReplaceAll(path, "[0]", "")) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %s: %v, want %q", path, value, err, words)
		}
	}
	var walk func(wrap, path string, of reflect.Type)
	walk = func(wrap, path string, of reflect.Type) {
		for i := range of.NumField() {
			f := of.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			here := strings.TrimPrefix(path+"."+name, ".")
			if f.IsExported() && name != "-" && f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() != reflect.Uint8 {
				try(wrap, here, "[]", "empty list")
			}
			switch {
			case name == "-" || !f.IsExported():
			case f.Anonymous:
				walk(wrap, path, f.Type)
			case f.Type == reflect.TypeFor[caddymodule.Policy]() || f.Type == reflect.TypeFor[[]caddymodule.Policy]():
				walk(fmt.Sprintf(wrap, `"policies":[{"pattern":"a",%s}]`), "policies[0]", reflect.TypeFor[caddymodule.Policy]())
			case f.Type == reflect.TypeFor[[]webhooks.Webhook]():
				required := `"name":"a","url":"https://a.example","secrets":["` + hookSecret + `"]`
				walk(fmt.Sprintf(wrap, `"webhooks":[{`+required+`,%s}]`), "webhooks[0]", f.Type.Elem())
			case f.Type.Kind() == reflect.Struct:
				walk(fmt.Sprintf(wrap, fmt.Sprintf(`%q:{%%s}`, name)), here, f.Type)
			case strings.HasSuffix(f.Name, "Raw"): // a module: see modules
			default:
				for _, bad := range beyond(f) {
					try(wrap, here, bad, "must be from")
				}
				try(wrap, here, `{"x":1}`, "cannot unmarshal")
			}
		}
	}
	walk("%s", "", reflect.TypeFor[caddymodule.Handler]())
	for name, required := range modules {
		kind, _, _ := strings.Cut(name, " ")
		wrap := map[string]string{"auth": `"auth":[{` + required + `,%s}]`, "journal": `"journal":{` + required + `,%s}`, "check": `"checks":[{` + required + `,%s}]`}[kind]
		module, err := caddy.GetModule(map[string]string{"auth": "chat.auth.", "journal": "chat.journals.", "check": "chat.checks."}[kind] + strings.TrimPrefix(name, kind+" "))
		if err != nil {
			t.Fatal(err)
		}
		walk(wrap, "", reflect.TypeOf(module.New()).Elem())
		try(wrap, "x", "1", "unknown field")
	}
	try("%s", "x", "1", "unknown field")
	if tried < 150 {
		t.Errorf("only %d cells were tried", tried)
	}
}

// beyond returns values of a field in JSON that are just out of its bounds.
func beyond(f reflect.StructField) []string {
	switch tag := f.Tag.Get("bounds"); {
	case tag == "1MiB 8PiB":
		return []string{"-1", "1048575", "9007199254740994"}
	case tag == "1B 8PiB":
		return []string{"-1", "9007199254740994"}
	case tag == "1KiB 128MiB":
		return []string{"-1", "1023", strconv.Itoa(journal.MaxBody + 1)}
	case tag == "1 100000":
		return []string{"-1", "100001"}
	case tag == "2 5000":
		return []string{"-1", "1", "5001"}
	case tag == "-1 2147483647":
		return []string{"-2", "2147483648"}
	case tag == "1s 36500d":
		return []string{"-1", "999999999", `"36501d"`}
	case tag == "1m 36500d":
		return []string{"-1", "59999999999", `"36501d"`}
	case tag == "1 64":
		return []string{"-1", "65"}
	case tag == "1 1024":
		return []string{"-1", "1025"}
	case tag == "1 1000":
		return []string{"-1", "1001"}
	case tag == "1ms 10s":
		return []string{"-1", "999999", `"11s"`}
	case tag == "1ms 5m":
		return []string{"-1", "999999", `"301s"`}
	case tag != "":
		return []string{"what is out of " + tag + "?"}
	}
	switch f.Type {
	case reflect.TypeFor[caddy.Duration]():
		return []string{"-1", "999999", `"36501d"`}
	case reflect.TypeFor[int]():
		return []string{"-1", "2147483648"}
	case reflect.TypeFor[int64]():
		return []string{"-1", "2146435073"}
	case reflect.TypeFor[float64]():
		return []string{"-1", "1e-7", "2147483648"}
	}
	return nil
}
