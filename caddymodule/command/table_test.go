package command_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// outcome is what a command has printed, and its exit code.
type outcome struct {
	out, err string
	code     int
}

// run runs a command in this process, which is faster than another one.
func run(t *testing.T, address string, args ...string) outcome {
	t.Helper()
	t.Setenv("CHAT_SECRET", testcaddy.JWTSecret)
	chat := caddycmd.Commands()["chat"]
	root := &cobra.Command{Use: "caddy", SilenceUsage: true}
	cmd := &cobra.Command{Use: chat.Name + " " + chat.Usage, Short: chat.Short, Long: chat.Long}
	chat.CobraFunc(cmd)
	root.AddCommand(cmd)
	var out, stderr bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&stderr)
	root.SetArgs(append([]string{"chat", "--address", address}, args...))
	err := root.Execute()
	code := 0
	if err != nil {
		code = 1
		if v := reflect.ValueOf(err); v.Type().String() == "*caddycmd.exitError" {
			code = int(v.Elem().FieldByName("ExitCode").Int())
		}
	}
	return outcome{out.String(), stderr.String(), code}
}

// The exit codes are those of the process.
func TestCommand_ExitCodes(t *testing.T) {
	_, admin := testcaddy.StartAdmin(t, "chat")
	for args, want := range map[string]int{"hubs": 0, "unban ann": 4, "unban ann --json": 4, "kick ann": 1, "foo": 1, "hubs x": 1} {
		cmd := testcaddy.CommandContext(t.Context(), admin, split(args)...)
		if err := cmd.Run(); cmd.ProcessState.ExitCode() != want {
			t.Errorf("%s: %d, %v, want %d", args, cmd.ProcessState.ExitCode(), err, want)
		}
	}
}

// check fails unless a command has printed these, whole, as regular expressions, and
// ended with that code.
func check(t *testing.T, address, args, out, stderr string, code int) {
	t.Helper()
	got := run(t, address, split(args)...)
	if got.code != code || !regexp.MustCompile("(?s)^"+out+"$").MatchString(strings.TrimSuffix(got.out, "\n")) ||
		!regexp.MustCompile("(?s)^"+stderr+"$").MatchString(strings.TrimSuffix(got.err, "\n")) {
		t.Errorf("chat %s: ended with %d\nstdout %q\nwant   %q\nstderr %q\nwant   %q", args, got.code, got.out, out, got.err, stderr)
	}
}

// split is strings.Fields, but for ” and 'one argument'.
func split(args string) (list []string) {
	for i, part := range strings.Split(args, "'") {
		if i%2 == 1 {
			list = append(list, part)
		} else {
			list = append(list, strings.Fields(part)...)
		}
	}
	return list
}

// Every command says on standard output what it did, or on standard error why not, and
// ends with 0 only if it was done: 1 is an error, 4 says that there was nothing to do.
func TestCommand_SaysWhatItDid(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, testcaddy.BasicAuth+"chat {\nauth caddy\nping_interval 1h\n}\nchat /empty {\nhub empty\njournal memory\n}")
	url := "ws://" + s.Plain + "/chat"
	for range 2 {
		testcaddy.Hears(t, s.V1(url, testcaddy.As("ann"), `,"rooms":[{"room":"tea"}]`), "welcome")
	}
	ben := s.V1(url, testcaddy.As("ben"), `,"rooms":[{"room":"tea"},{"room":"rum"}]`)
	for range 3 {
		testcaddy.Say(t, ben, `{"type":"send","room":"tea","body":"hello"}`)
		testcaddy.Until(t, ben, `"type":"message"`) // its welcome has limits of a "message"
	}
	backup := filepath.Join(t.TempDir(), "backup")
	const when = `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`
	rows := []row{
		{"", "\nTalks to .*Available Commands:.*", "", 0},
		{"foo", "", `Error: there is no command "foo"; "caddy chat --help" lists all`, 1},
		{"bann ann", "", `Error: there is no command "bann"; did you mean ban\?; .*`, 1},
		{"hubs x", "", `Error: "x" is too much: caddy chat hubs \[flags\]`, 1},
		{"hubs --nix", "", "Error: unknown flag: --nix", 1},
		{"hubs", "HUB .*default  3 .* ok\nempty .*", "", 0},
		{"status", `hub default is fine: 3 connections, 3 sessions, 2 rooms, 3 entries in \S+ \S+`, "", 0},
		{"status --hub emtpy", "", `Error: no hub "emtpy" is running; did you mean "empty"\?`, 1},
		{"rooms", "ROOM  SESSIONS\nrum   1\ntea   3", "", 0},
		{"rooms --hub empty", "none", "", 0},
		{"sessions --user ben", "SESSION .*ben .*", "", 0},
		{"sessions --user bob", "", `Error: no user "bob" is known here`, 1},
		{"sessions --user bem", "", `Error: no user "bem" is known here; did you mean "ben"\?`, 1},
		{"sessions --user bem --json", "", `Error: no user "bem" is known here; did you mean "ben"\?`, 1},
		{"status --hub /", "", `Error: no hub "/" is running`, 1},
		{"sessions --room tae", "", `Error: there is no room "tae"; did you mean "tea"\?`, 1},
		{"sessions --room tae --json", "", `Error: there is no room "tae"; did you mean "tea"\?`, 1},
		{"sessions --room ''", "", "Error: --room is empty: .*", 1},
		{"rooms --hub emtpy", "", `Error: no hub "emtpy" is running; .*`, 1},
		{"sanctions --hub emtpy", "", `Error: no hub "emtpy" is running; .*`, 1},
		{"hubs --json", `\{"hubs":\[\{.*\}\]\}`, "", 0},
		{"status --json", `\{.*"sessions":3.*\}`, "", 0},
		{"rooms --json", `\{"rooms":\[\{.*"tea".*\}\]\}`, "", 0},
		{"rooms --hub empty --json", `\{"rooms":\[\]\}`, "", 0},
		{"sessions --json", `\{"sessions":\[\{.*\}\]\}`, "", 0},
		{"sanctions --json", `\{"sanctions":\[\]\}`, "", 0},

		{"hooks", "none", "", 0},
		{"hooks --json", `\{"webhooks":\[\]\}`, "", 0},
		{"hooks --hub emtpy", "", `Error: no hub "emtpy" is running; .*`, 1},
		{"replay nix --since 2h", "", `Error: webhook "nix": there is no webhook of that name`, 1},
		{"replay nix --since 2h --json", "", `Error: webhook "nix": there is no webhook of that name`, 1},

		{"history", "", `Error: <room> is missing: caddy chat history <room> \[flags\]`, 1},
		{"history tea --newest 2", when + "  2  ben: hello\n" + when + "  3  ben: hello", "", 0},
		{"history tea --newest 1 --before 3", when + "  2  ben: hello", "", 0},
		{"history tea --before 1", "", "Warning: there are no entries in that part of tea", 4},
		{"history tea --newest 1 --json", `\{.*"seq":3.*\}`, "", 0},
		{"history tae", "", `Error: there is no room "tae"; did you mean "tea"\?`, 1},
		{"tail tae", "", `Error: there is no room "tae"; did you mean "tea"\?`, 1},

		{"announce", "", `Error: <text> is missing: .*`, 1},
		{"announce tea", "", `Error: a room and a text are needed; .* add --all`, 1},
		{"announce tea ''", "", "Error: the text is empty", 1},
		{"announce --all ' '", "", "Error: the text is empty", 1},
		{"announce '' hi", "", "Error: the name of the room is empty", 1},
		{"announce tae hi", "", `Error: there is no room "tae"; did you mean "tea"\?; if the name is right, set create \(--create\)`, 1},
		{"announce tea closing at ten", "announced in tea, as number 4", "", 0},
		{"announce new hi --create", "announced in new, as number 1", "", 0},
		{"announce --all closed", "announced in 2 rooms", "", 0},
		{"announce --all hi --hub empty", "", "Warning: nobody is in any room: nothing was announced", 4},
		{"announce --all hi --hub empty --json", `\{"rooms":0\}`, "Warning: nobody .*", 4},

		{"recall tea", "", `Error: <seq> is missing: .*`, 1},
		{"recall tea x", "", `Error: "x" is not the number of a message; .*`, 1},
		{"recall tea +1", "", `Error: "\+1" is not the number of a message; .*`, 1},
		{"recall tea 007", "", `Error: "007" is not the number of a message; .*`, 1},
		{"recall tea 1e3", "", `Error: "1e3" is not the number of a message; .*`, 1},
		{"recall tea 0", "", `Error: "0" is not the number of a message; .*`, 1},
		{"recall tea 1", "recalled message 1 of tea", "", 0},
		{"recall tea 1", "", "Warning: message 1 of tea was recalled before", 4},
		{"recall tea 1 --json", `\{"room":"tea","target":1,"before":true\}`, "Warning: .*", 4},
		{"recall tea 99", "", `Error: room "tea" has no message 99`, 1},
		{"recall tae 1", "", `Error: there is no room "tae"; did you mean "tea"\?`, 1},

		{"mute", "", "Error: <user> is missing: .*", 1},
		{"mute ana", "", `Error: no user "ana" is known here; did you mean "ann"\?; if the name is right, set unknown \(--unknown\)`, 1},
		{"mute ann --room tae", "", `Error: there is no room "tae"; did you mean "tea"\?; if the name is right, set unknown \(--unknown\)`, 1},
		{"mute ann --room tea --for 1d", "muted ann in tea for 1d, until " + when + "; 2 sessions there now", "", 0},
		{"mute ann --for x", "", "Error: --for x is no duration like .*; caddy chat unmute ends a mute", 1},
		{"mute ann --for 0", "", "Error: --for must be above 0; caddy chat unmute ends a mute", 1},
		{"unmute ann", "", `Warning: ann was not muted everywhere; there is a mute in tea \(add --room\)`, 4},
		{"unmute ann --room tea", "ann is no longer muted in tea", "", 0},
		{"unmute ann --room tea --json", `\{"kind":"mute","room":"tea","user":"ann","sessions":2,"none":true\}`, "Warning: ann was not muted in tea", 4},

		{"mute nobody --unknown --json", `\{"kind":"mute","user":"nobody","sessions":0\}`, "", 0},
		{"unmute", "", "Error: <user> is missing: .*", 1},
		{"unmute nobody", "nobody is no longer muted everywhere", "", 0},

		{"kick bne", "", `Error: user "bne" is not connected; did you mean "ben"\?`, 1},
		{"kick ben --room ''", "", "Error: --room is empty: name something, or leave it out", 1},
		{"ban ben --room ''", "", "Error: --room is empty: .*", 1},
		{"unban ben --room ''", "", "Error: --room is empty: .*", 1},
		{"ban ben --for ''", "", "Error: --for is empty: .*", 1},
		{"ban ben --for 3651d", "", "Error: --for 3651d is too long: at most 3650d; without --for, the ban has no end", 1},
		{"mute ben --for 99999d", "", "Error: --for 99999d is too long: at most 3650d; without --for, the mute has no end", 1},
		{"ban ben --for 0.4ms", "", "Error: for must be whole milliseconds .*", 1},
		{"ban ''", "", `Error: <user> is empty: caddy chat ban <user> \[flags\]`, 1},
		{"erase-user '' --yes", "", "Error: <user> is empty: .*", 1},
		{"sessions --user ''", "", "Error: --user is empty: .*", 1},
		{"export --room ''", "", "Error: --room is empty: .*", 1},
		{"kick ben --room rum", "kicked ben from rum; 1 session removed", "", 0},
		{"kick ben --room rum", "", `Error: user "ben" is not in room "rum"`, 1},
		{"kick ben", "kicked ben; 1 session ended", "", 0},
		{"kick ann --room tea --json", `\{.*"sessions":2.*\}`, "", 0},

		{"ban ana", "", `Error: no user "ana" is known here; did you mean "ann"\?; .*`, 1},
		{"unban", "", "Error: <user> is missing: .*", 1},
		{"ban nobody --unknown", "banned nobody everywhere, for ever; 0 sessions ended", "", 0},
		{"unban nobody", "nobody is no longer banned everywhere", "", 0},
		{"unban nobody --json", `\{"kind":"ban","user":"nobody","sessions":0,"none":true\}`, "Warning: nobody was not banned everywhere", 4},
		{"ban ann --for 1h --json", `\{"kind":"ban","user":"ann","until":\d+,"sessions":2\}`, "", 0},
		{"sanctions", "KIND  USER  ROOM  UNTIL\nban   ann   -     " + when, "", 0},
		{"unban ann --room tea", "", `Warning: ann was not banned in tea; there is a ban everywhere \(leave --room out\)`, 4},
		{"unban ann", "ann is no longer banned everywhere", "", 0},
		{"sanctions", "none", "", 0},

		{"export --room tae", "", `Error: there is no room "tae"; did you mean "tea"\?`, 1},
		{"export --room tea", `\{"epoch":.*`, "exported 6 lines", 0},
		{"export --room tea --json", `\{"epoch":.*`, "", 0},
		{"export --room tea --after 99", "", "Warning: there are no such entries", 4},
		{"export --hub empty", "", "Warning: there are no such entries", 4},
		{"import /", "", "Error: / is a directory, not a file", 1},
		{"import /nix", "", "Error: open /nix: no such file or directory", 1},
		{"import", "", "Warning: there is no line in it", 4},
		{"import --json", `\{.*\}`, "Warning: there is no line in it", 4},

		{"backup", "", "Error: <dir> is missing: .*", 1},
		{"backup here", "", "Error: dir must be the absolute path, .*", 1},
		{"backup " + backup, "backed up hub default to " + backup + " on the server", "", 0},
		{"backup " + backup, "", "Error: .*file already exists; choose another name, or remove it", 1},
		{"backup " + backup + "2 --json", `\{"dir":"` + backup + `2"\}`, "", 0},
		{"backup /x --hub empty", "", "Error: back up: the journal is not on disk, so there are no files to copy; an export has its entries", 1},
		{"compact", `compacted hub default: it took \S+ \S+ and takes \S+ \S+`, "", 0},
		{"compact --json", `\{"bytes_before":\d+,"bytes_after":\d+\}`, "", 0},
		{"compact --hub empty", "", "Error: compact: the journal is not on disk, so there are no files to write again", 1},

		{"erase-room tae --yes", "", `Error: there is no room "tae"; did you mean "tea"\?`, 1},
		{"erase-room tae", "", `Error: there is no room "tae"; did you mean "tea"\?`, 1},
		{"erase-room @ben", "", `Error: room "@ben" belongs to the server: .*`, 1},
		{"erase-room @ben --yes", "", `Error: room "@ben" belongs to the server: .*`, 1},
		{"erase-room new", "", `Error: this would erase 1 entry of new for good, .*: add --yes to do it`, 1},
		{"erase-room new --yes", "erased new: 1 entry and 0 read marks; 0 sessions had to come back", "Note: .*caddy chat compact.*", 0},
		{"erase-room new --yes", "", `Error: there is no room "new".*`, 1},
		{"announce loose hi --create --hub empty", "announced in loose, as number 1", "", 0},
		{"erase-room loose --yes --hub empty", "erased loose: 1 entry and 0 read marks; 0 sessions had to come back", "", 0},
		{"erase-user ben", "", `Error: this would erase what "ben" has said .*: add --yes to do it`, 1},
		{"erase-user ben --yes", "erased what ben said: 2 messages in 1 room, and 1 read mark; forgotten in 0 conversations; 0 tags and 0 other records erased; . sessions? ended", "Note: 3 entries without text still have the id of ben.*", 0},
		{"erase-user nobody --yes --json", "", `Error: no user "nobody" is known here`, 1},
		{"erase-room tea --yes --json", `\{"room":"tea","entries":8,.*\}`, "", 0},

		{"migrate", "", "Error: --journal is missing: .*", 1},
		{"migrate --server x --journal memory", "", "Error: --server gives rights, which needs --apply", 1},
		{"epoch new", "", "Error: --journal is missing: .*", 1},

		{"token", "", "Error: <user> is missing: .*", 1},
		{"token u1 --for 0", "", "Error: --for must be above 0", 1},
		{"token u1 --for 999ms", "", "Error: --for must be at least 1s: a token has whole seconds", 1},
		{"token u1 --for 1s --json", `\{"expires":\d+000,.*`, "", 0},
		{"token u1 --claim =x", "", "Error: --claim: the name before = is missing", 1},
		{"token u1 --for 1fortnight", "", "Error: --for 1fortnight is no duration like 90m, 12h or 30d", 1},
		{"token u1 --claim sub=u2", "", "Error: --claim sub: this claim is set already", 1},
		{"token u1 --claim nbf=abc", "", `Error: --claim nbf: it is a time in seconds since 1970, not "abc"`, 1},
		{"token u1 --claim iat=1.5", "", `Error: --claim iat: .*`, 1},
		{"token u1 --claim chat=x", "", `Error: --claim chat: it is an object like .*`, 1},
		{"token u1 --claim chat={\"read\":[\"{x}\"]}", "", `Error: the server would refuse this token: .*chat.read has a pattern that is not valid.*`, 1},
		{"token u1 --claim nbf=99999999999", `[\w.-]+`, "", 0},
		{"token bot-x", "", `Error: user "bot-x": .*`, 1},
		{"token u1 --for 30d --json", `\{"expires":\d+,"token":"[\w.-]+"\}`, "", 0},
	}
	for _, c := range rows {
		check(t, admin, c.args, c.out, c.err, c.code)
	}
	checkWhole(t, rows)
	s.NoErrors()
}

// row is a command, what it prints, and its exit code.
type row struct {
	args, out, err string
	code           int
}

// checkWhole fails unless each command has a row in which it is done, one in which it is
// refused, and one with --json, and is asked without a server, too.
func checkWhole(t *testing.T, rows []row) {
	t.Helper()
	chat := &cobra.Command{}
	caddycmd.Commands()["chat"].CobraFunc(chat)
	if len(chat.Commands()) < 20 {
		t.Fatalf("only %d commands were found", len(chat.Commands()))
	}
	for _, cmd := range chat.Commands() {
		name := cmd.Name()
		if name == "bench" || name == "help" || name == "completion" {
			continue // has tests of its own; are cobra's
		}
		is := func(args string) bool { return strings.Fields(args + " x")[0] == name }
		has := func(what string, ok func(row) bool) {
			t.Helper()
			if !slices.ContainsFunc(rows, func(r row) bool { return is(r.args) && ok(r) }) {
				t.Errorf("no row in which %s %s", name, what)
			}
		}
		// Those that follow, read from a file, or need a webhook, are tested beside this table.
		if name != "tail" && name != "import" && name != "replay" && name != "migrate" && name != "epoch" {
			has("is done", func(r row) bool { return r.code == 0 })
		}
		has("is refused", func(r row) bool { return r.code == 1 })
		if name == "migrate" || name == "epoch" {
			continue // they ask a PostgreSQL, and no server: TestCommand_Migrate, TestCommand_EpochNew
		}
		if name != "tail" {
			has("prints JSON", func(r row) bool { return strings.Contains(r.args, "--json") })
		}
		if name != "token" && !slices.ContainsFunc(needy, is) {
			t.Errorf("%s is not asked without a server", name)
		}
	}
}

// needy are arguments with which each command that needs a server asks one.
var needy = []string{
	"status", "hubs", "rooms", "sessions", "sanctions", "history tea", "tail tea", "kick ann", "mute ann", "unmute ann", "ban ann",
	"unban ann", "announce tea hi", "announce --all hi", "recall tea 1", "erase-room tea", "erase-room tea --yes", "erase-user ann --yes",
	"export", "import " + "command_test.go", "backup /x", "compact", "hooks", "replay orders --since 2h",
}

// Without a server that has the chat, every command fails, and says what to do.
func TestCommand_WithoutTheChat_SaysSo(t *testing.T) {
	_, admin := testcaddy.StartAdmin(t, "respond hello")
	other := httptest.NewServer(http.NotFoundHandler()) // as the admin endpoint of a Caddy without the chat
	t.Cleanup(other.Close)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/html") }))
	t.Cleanup(page.Close)
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	for _, server := range []struct{ name, address, err string }{
		{"no hub", admin, "Error: no hub is running: the configuration has no chat"},
		{"down", "localhost:1", `Error: no Caddy answers at localhost:1: is it running\? If .* --address or in \$CADDY_ADMIN`},
		{"no socket", "unix//nix/admin.sock", `Error: no Caddy answers at unix//nix/admin.sock: is it running\? .*`},
		{"no chat", other.URL, `Error: \S+ answers, but not as a Caddy with this chat \(404 Not Found\): .*list-modules.*`},
		{"a page", page.URL, `Error: \S+ answers, but not as a Caddy with this chat \(200 OK\): .*`},
		{"TLS", "localhost:" + secure.URL[strings.LastIndex(secure.URL, ":")+1:], `Error: \S+ answers, but not as a Caddy with this chat \(400 Bad Request\): .*`},
		{"no port", "localhost", `Error: --address localhost: it needs one port, like localhost:2019`},
		{"https", "https://localhost:2019", `Error: --address https://localhost:2019: the admin endpoint is reached by plain HTTP: .*`},
		{"path", "http://localhost:2019/x", `Error: --address http://localhost:2019/x: the address must have no path`},
	} {
		commands := needy
		if server.name != "no hub" && server.name != "down" && server.name != "no chat" {
			commands = needy[:2] // the others find it out in the same way
		}
		for _, args := range commands {
			if server.name == "no hub" && args == "hubs" {
				check(t, server.address, args, "none", "", 0)
				continue
			}
			check(t, server.address, args, "", server.err, 1)
		}
	}
}

// --address takes all that Caddy's own commands take, and URLs.
func TestCommand_Address(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, "chat")
	port := admin[strings.LastIndex(admin, ":")+1:]
	for _, address := range []string{"127.0.0.1:" + port, "http://127.0.0.1:" + port, "http://127.0.0.1:" + port + "/", "tcp/127.0.0.1:" + port} {
		if got := run(t, "", "hubs", "--address", address); got.code != 0 || !strings.Contains(got.out, "default") {
			t.Errorf("%s: %+v", address, got)
		}
	}
	s.NoErrors()
}

func TestCommand_Address_OfASocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "admin.sock")
	testcaddy.StartWith(t, "chat", "admin unix/"+socket)
	for _, address := range []string{"unix/" + socket, "unix://" + socket, "unix/" + socket + "|0220"} {
		if got := run(t, "", "hubs", "--address", address); got.code != 0 || !strings.Contains(got.out, "default") {
			t.Errorf("%s: %+v", address, got)
		}
	}
}

// With --json each answer is one JSON value, lists of several pages included.
func TestCommand_JSON_IsOneValue(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, testcaddy.BasicAuth+"chat {\nauth caddy\nping_interval 1h\n"+testcaddy.FastLimits+"}")
	const sessions, each = 12, 100
	for i := range sessions {
		rooms := ""
		for j := range each {
			rooms += fmt.Sprintf(`,{"room":"%d-%d"}`, i, j)
		}
		user := []string{"ann", "ben"}[i%2]
		testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/chat", testcaddy.As(user), `,"rooms":[`+rooms[1:]+`]`), "welcome")
	}
	for args, list := range map[string]string{"hubs": "hubs", "status": "", "rooms": "rooms", "sessions": "sessions", "sanctions": "sanctions", "hooks": "webhooks"} {
		var value map[string]any
		got := run(t, admin, args, "--json")
		if got.code != 0 || json.Unmarshal([]byte(got.out), &value) != nil {
			t.Errorf("%s: %+v", args, got)
		}
		items, ok := value[list].([]any)
		if ok == (list == "") || args == "rooms" && len(items) != sessions*each || args == "sessions" && len(items) != sessions {
			t.Errorf("%s: %d items", args, len(items))
		}
	}
}
