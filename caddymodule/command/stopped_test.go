//go:build unix

package command_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
	"github.com/caddychat/caddy-chat/internal/testpostgres"
)

// both runs a command in a process of its own, and returns its standard output and error.
func both(t *testing.T, stdin []byte, args ...string) (out, err string, failed error) {
	t.Helper()
	cmd := testcaddy.CommandContext(t.Context(), "localhost:1", args...)
	return runBoth(cmd, stdin)
}

func runBoth(cmd *exec.Cmd, stdin []byte) (string, string, error) {
	var out, err bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &err
	failed := cmd.Run()
	return out.String(), err.String(), failed
}

// says fails unless an output has all these words, and no password.
func says(t *testing.T, what, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s says %q, want %q in it", what, text, w)
		}
	}
	if strings.Contains(text, testpostgres.Password) {
		t.Errorf("%s shows the password: %q", what, text)
	}
}

// What is wrong with a journal is said in words that help, without the password.
func TestCommand_Stopped_BadInput(t *testing.T) {
	server := testpostgres.New()
	t.Cleanup(server.Remove)
	server.Exec(t, "CREATE ROLE other LOGIN; CREATE ROLE poor LOGIN")
	t.Setenv("CHAT_DSN", server.DSN("owner"))
	t.Setenv("POOR_DSN", server.DSN("poor"))
	dir := t.TempDir()
	testcaddy.Start(t, "chat {\njournal pebble "+dir+"/used\n}")
	for _, name := range []string{"empty", "other/x"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	before := filesIn(t, dir+"/empty", dir+"/other")
	const good = "postgres {env.CHAT_DSN} { durability primary; schema chat_a }"
	line := `{"export":{"version":1,"epoch":"e"},"sum":"00000000"}` + "\n"
	for name, c := range map[string]struct {
		args  string
		stdin string
		words []string
	}{
		"no journal":         {"migrate", "", []string{"--journal is missing"}},
		"no engine":          {"export --journal 'lake x'", "", []string{"lake"}},
		"memory":             {"export --journal memory", "", []string{"in the process of a running Caddy only", "without --journal"}},
		"address alone":      {"export --journal 'postgres://a:" + testpostgres.Password + "@b/c'", "", []string{"needs the name of an engine before an address"}},
		"unset variable":     {"export --journal 'postgres {env.NOT_SET}'", "", []string{"NOT_SET"}},
		"two words":          {"export --journal 'postgres {env.CHAT_DSN} x'", "", []string{"takes one address"}},
		"no such directory":  {"export --journal 'pebble " + dir + "/none'", "", []string{"there is no journal at " + dir + "/none"}},
		"empty directory":    {"export --journal 'pebble " + dir + "/empty'", "", []string{"there is no journal at " + dir + "/empty"}},
		"other files":        {"export --journal 'pebble " + dir + "/other'", "", []string{"there is no journal at " + dir + "/other"}},
		"no schema":          {"export --journal '" + strings.Replace(good, "chat_a", "chat_none", 1) + "'", "", []string{"there is no journal at", "chat_none"}},
		"in use":             {"export --journal 'pebble " + dir + "/used'", "", []string{"stop that Caddy first"}},
		"import in use":      {"import --journal 'pebble " + dir + "/used'", line, []string{"stop that Caddy first"}},
		"nobody listens":     {"export --journal 'postgres postgres://a:" + testpostgres.Password + "@127.0.0.1:1/b { durability primary }'", "", []string{"can't connect to PostgreSQL at 127.0.0.1:1"}},
		"no standby":         {"import --journal 'postgres {env.CHAT_DSN}'", line, []string{"synchronous_standby_names names no standby"}},
		"no rights":          {"import --journal 'postgres {env.POOR_DSN} { durability primary }'", line, []string{"may not make the schema", "CREATE SCHEMA"}},
		"with a room":        {"export --room tea --journal 'pebble " + dir + "/used'", "", []string{"--room is for a running hub"}},
		"no export":          {"import --journal '" + good + "'", "hello\n", []string{"no export of a whole journal"}},
		"damaged":            {"import --journal '" + good + "'", line, []string{"line 1 is damaged"}},
		"epoch of pebble":    {"epoch new --yes --journal 'pebble " + dir + "/x'", "", []string{"this is for journal postgres"}},
		"epoch without yes":  {"epoch new --journal '" + good + "'", "", []string{"add --yes"}},
		"epoch of yesterday": {"epoch old --journal '" + good + "'", "", []string{"caddy chat epoch new"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err, failed := both(t, []byte(c.stdin), split(c.args)...)
			if failed == nil {
				t.Errorf("it succeeds: %q", out)
			}
			says(t, "it", out+err, c.words...)
		})
	}
	if after := filesIn(t, dir+"/empty", dir+"/other"); !slices.Equal(after, before) {
		t.Errorf("before: %q, now: %q", before, after)
	}
	if f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0); err == nil {
		defer f.Close()
		if _, stderr, err := both(t, nil, split("migrate --apply --journal '"+good+"'")...); err != nil {
			t.Fatal(stderr)
		}
		cmd := testcaddy.CommandContext(t.Context(), "localhost:1", split("export --journal '"+good+"'")...)
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = f, &stderr
		if err := cmd.Run(); err == nil {
			t.Error("an export to a full disk succeeds")
		}
		says(t, "an export to a full disk", stderr.String(), "is full: make room, or choose another place")
	}
}

// Reading a backup changes nothing of it: whoever goes back to it later, and more than once, gets another
// epoch each time. Nothing is left beside it.
func TestCommand_ExportOfABackup_ChangesNothing(t *testing.T) {
	site, admin := testcaddy.StartAdmin(t, "chat")
	c := site.V1("ws://"+site.Plain+"/chat", nil, `,"rooms":[{"room":"tea"}]`)
	testcaddy.Say(t, c, `{"type":"send","room":"tea","body":"kept"}`)
	testcaddy.Until(t, c, `"type":"message"`)
	parent := t.TempDir()
	dir := filepath.Join(parent, "backup")
	if out, err := testcaddy.Command(t, admin, "backup", dir); err != nil {
		t.Fatal(out)
	}
	before := listing(t, parent)
	var exports []string
	for range 2 {
		out, stderr, err := both(t, nil, "export", "--journal", "pebble "+dir)
		if err != nil || !strings.Contains(out, "kept") {
			t.Fatalf("%v: %s%s", err, out, stderr)
		}
		exports = append(exports, strings.SplitN(out, "\n", 2)[0])
	}
	if after := listing(t, parent); !maps.Equal(after, before) {
		t.Errorf("before %v\nafter %v", before, after)
	}
	if exports[0] == exports[1] {
		t.Errorf("both times the epoch is that of %s", exports[0])
	}
	if out, stderr, err := both(t, []byte("{}\n"), "import", "--journal", "pebble "+dir); err == nil || !strings.Contains(stderr, "is a backup") {
		t.Errorf("an import into it: %s%s", out, stderr)
	}
	if after := listing(t, parent); !maps.Equal(after, before) {
		t.Errorf("before %v\nafter an import %v", before, after)
	}
}

// filesIn returns the names of what is in directories.
func filesIn(t *testing.T, dirs ...string) (names []string) {
	t.Helper()
	for _, dir := range dirs {
		list, err := filepath.Glob(dir + "/*")
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, list...)
	}
	return names
}

// listing returns the files below a directory, with what they contain.
func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		p, err := os.ReadFile(path)
		files[path] = fmt.Sprintf("%x", sha256.Sum256(p))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// migrate shows what is to be done, does it, and gives a role the rights to serve and no more.
func TestCommand_Migrate(t *testing.T) {
	server := testpostgres.New()
	t.Cleanup(server.Remove)
	server.Exec(t, "CREATE ROLE chat_owner LOGIN; CREATE ROLE chat_server LOGIN; GRANT CREATE ON DATABASE postgres TO chat_owner")
	t.Setenv("OWNER_DSN", server.DSN("chat_owner"))
	t.Setenv("CHAT_DSN", server.DSN("chat_server"))
	const owner, serving = "--journal 'postgres {env.OWNER_DSN} { durability primary }'", "--journal 'postgres {env.CHAT_DSN} { durability primary }'"
	step := func(args string, fails bool, words ...string) {
		t.Helper()
		out, stderr, failed := both(t, nil, split(args)...)
		if (failed != nil) != fails {
			t.Errorf("%s: %v, %s", args, failed, stderr)
		}
		says(t, args, out+stderr, words...)
	}
	step("migrate "+owner, false, "there is no schema chat_default yet", "to be applied: 1: tables", "to be applied: 3: another journal can be imported")
	step("migrate --json "+owner, false, `"known":6`, `"version":0`, `"due":["1: tables`)
	step("migrate "+serving+" --apply", true, "chat_server")
	step("migrate "+owner+" --apply --server chat_server", false, "applied 1:", "version 6 and belongs to chat_owner", "chat_server may serve it")
	step("migrate "+owner, true, "version 6 of 6 and belongs to chat_owner", "nothing to apply")
	step("migrate --json "+owner, true, `"version":6`, `"due":[]`, "nothing to apply")
	server.Exec(t, "UPDATE chat_default.store SET version = 7")
	step("migrate "+owner, true, "has version 7", "this program knows 6")
	server.Exec(t, "UPDATE chat_default.store SET version = 9")
	step("migrate "+owner+" --apply", true, "run the newer program")
	server.Exec(t, "UPDATE chat_default.store SET version = 6")
	conn, err := pgx.Connect(t.Context(), server.DSN("chat_server"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for what, sql := range map[string]string{
		"write a table": "DELETE FROM chat_default.entry", "make a table": "CREATE TABLE chat_default.x(y int)", "drop a function": "DROP FUNCTION chat_default.forget_feed",
	} {
		if _, err := conn.Exec(t.Context(), sql); err == nil {
			t.Errorf("the role that serves may %s", what)
		}
	}
	t.Setenv("CHAT_DSN", server.DSN("chat_server"))
	testcaddy.Start(t, "chat {\njournal postgres {env.CHAT_DSN} {\ndurability primary\n}\n}").NoErrors()
}

// A new epoch reaches those who are connected to a node, as after a loss.
func TestCommand_EpochNew(t *testing.T) {
	server := testpostgres.New()
	t.Cleanup(server.Remove)
	t.Setenv("CHAT_DSN", server.DSN("owner"))
	s := testcaddy.Start(t, "chat /chat {\njournal postgres {env.CHAT_DSN} {\ndurability primary\n}\n}")
	c := s.V1("ws://"+s.Plain+"/chat", nil, `,"rooms":[{"room":"tea"}]`)
	welcome := testcaddy.Hears(t, c, `"welcome"`)
	testcaddy.Say(t, c, `{"type":"send","room":"tea","body":"one"}`)
	testcaddy.Until(t, c, `"seq":1`)
	out, stderr, failed := both(t, nil, split("epoch new --yes --json --journal 'postgres {env.CHAT_DSN} { durability primary }'")...)
	if failed != nil {
		t.Fatal(stderr)
	}
	const misspelt = "epoch new --yes --hub nope --journal 'postgres {env.CHAT_DSN} { durability primary }'"
	for range 2 { // a journal that is not there is not made
		out, stderr, failed := both(t, nil, split(misspelt)...)
		if failed == nil {
			t.Errorf("%s: %s", misspelt, out)
		}
		says(t, misspelt, stderr, "there is no journal at", "schema chat_nope", "--hub")
	}
	var epochs struct{ Was, Epoch string }
	if err := json.Unmarshal([]byte(out), &epochs); err != nil || epochs.Was == epochs.Epoch || !strings.Contains(welcome, epochs.Was) {
		t.Errorf("%s, %v; the client was told %s", out, err, welcome)
	}
	for err := error(nil); err == nil; { // until the session ends
		_, _, err = c.Read(t.Context())
	}
	again := s.V1("ws://"+s.Plain+"/chat", nil, fmt.Sprintf(`,"rooms":[{"room":"tea","after":1,"epoch":%q}]`, epochs.Was))
	testcaddy.Hears(t, again, `"welcome"`, `"gap":true`, epochs.Epoch)
}
