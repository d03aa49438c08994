//go:build unix

package journals_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
	"github.com/caddychat/caddy-chat/caddymodule/journals"
	"github.com/caddychat/caddy-chat/chat/pgjournal"
	"github.com/caddychat/caddy-chat/internal/testpostgres"
)

var names atomic.Int32

// newest is the version of the schema that this program writes: the number of its last migration.
var newest = func() string {
	list, err := filepath.Glob("../../chat/pgjournal/migrations/[0-9]*.sql")
	if err != nil || len(list) == 0 {
		panic("no migrations of the schema were found")
	}
	return strings.TrimLeft(strings.TrimSuffix(filepath.Base(slices.Max(list)), ".sql"), "0")
}()

// place is a journal in the database of a test.
type place struct {
	t      *testing.T
	server *testpostgres.Server
	schema string
	role   string // has the rights to serve the schema
	dsn    string // which $CHAT_DSN has
	more   string // options
}

// newPlace makes a schema, and a role that may serve it.
func newPlace(t *testing.T, server *testpostgres.Server) *place {
	t.Helper()
	n := names.Add(1)
	p := &place{t: t, server: server, schema: fmt.Sprint("chat_", n), role: fmt.Sprint("role_", n), more: "durability primary"}
	server.Exec(t, "CREATE ROLE "+p.role+" LOGIN")
	p.migrate(p.role)
	p.use(server.DSN(p.role))
	return p
}

func (p *place) migrate(role string) {
	p.t.Helper()
	if err := pgjournal.Migrate(p.t.Context(), pgjournal.Options{DSN: p.server.DSN("owner"), Schema: p.schema, Parts: 2}, role); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) exec(sql string) {
	p.t.Helper()
	p.server.Exec(p.t, strings.NewReplacer("$ROLE", p.role, "$SCHEMA", p.schema).Replace(sql))
}

// use lets the placeholder stand for another address.
func (p *place) use(dsn string) {
	p.dsn = dsn
	p.t.Setenv("CHAT_DSN", dsn)
}

func (p *place) journal() string {
	return "journal postgres {env.CHAT_DSN} {\nschema " + p.schema + "\n" + p.more + "\n}\n"
}

// set is a cause: a setting of the role.
func set(name, value string) func(*place) func() {
	return func(p *place) func() {
		p.exec("ALTER ROLE $ROLE SET " + name + " = " + value)
		return func() { p.exec("ALTER ROLE $ROLE RESET " + name) }
	}
}

// address is a cause: another address.
func address(dsn string) func(*place) func() {
	return func(p *place) func() {
		right := p.dsn
		p.use(strings.NewReplacer("DIR", p.server.Dir, "$ROLE", p.role).Replace(dsn))
		return func() { p.use(right) }
	}
}

// change is a cause: a statement.
func change(sql, undo string) func(*place) func() {
	return func(p *place) func() {
		p.exec(sql)
		return func() { p.exec(undo) }
	}
}

// option is a cause: an option.
func option(more string) func(*place) func() {
	return func(p *place) func() {
		right := p.more
		p.more = more
		return func() { p.more = right }
	}
}

// system is a cause: a setting of the server.
func system(name, value string) func(*place) func() {
	return func(p *place) func() {
		p.server.Set(p.t, name, value)
		return func() { p.server.Set(p.t, name, "") }
	}
}

func both(causes ...func(*place) func()) func(*place) func() {
	return func(p *place) func() {
		var undo []func()
		for _, cause := range causes {
			undo = append(undo, cause(p))
		}
		return func() {
			for _, f := range undo {
				f()
			}
		}
	}
}

const (
	unfit       = "its database is not set up as the chat needs it"
	unreachable = "its database can't be reached"
)

// causes are why a PostgreSQL can't be used. prepare makes the cause and returns what mends it.
var causes = []struct {
	name    string
	prepare func(*place) (undo func())
	reason  string // in the log: what is wrong
	remedy  string // and what to do
	words   string // that strangers read
}{
	{"address that can't be read", address("postgres://$ROLE:" + testpostgres.Password + "@host:port/db"), "address of PostgreSQL can't be read", "write it as postgres://", unfit},
	{"nobody listens", address("postgres://$ROLE:" + testpostgres.Password + "@127.0.0.1:1/postgres"), "can't connect to PostgreSQL at 127.0.0.1:1", "look whether it runs", unreachable},
	{"no such host", address("postgres://$ROLE:" + testpostgres.Password + "@no-such-host.invalid/postgres"), "can't connect to PostgreSQL at no-such-host.invalid:5432", "look whether it runs", unreachable},
	{"no such file", address("postgres://$ROLE:" + testpostgres.Password + "@127.0.0.1/postgres?sslmode=verify-ca&sslrootcert=/nowhere/ca.pem"), "names the file /nowhere/ca.pem", "no such file", unfit},
	{"wrong password", both(change("CREATE ROLE locked LOGIN PASSWORD 'other'", "DROP ROLE locked"), address("postgres:///postgres?host=DIR&user=locked&password="+testpostgres.Password)),
		"does not let the role locked in", "look at its password", unfit},
	{"no such role", address("postgres:///postgres?host=DIR&user=nobody&password=" + testpostgres.Password), "does not let the role nobody in", "pg_hba.conf", unfit},
	{"no such database", address("postgres:///nothing?host=DIR&user=$ROLE&password=" + testpostgres.Password), "has no database nothing", `CREATE DATABASE "nothing"`, unfit},
	{"may not connect", both(change("CREATE DATABASE closed", "DROP DATABASE closed WITH (FORCE)"), change("REVOKE CONNECT ON DATABASE closed FROM PUBLIC", "SELECT"), address("postgres:///closed?host=DIR&user=$ROLE&password="+testpostgres.Password)), "may not connect to the database closed", `GRANT CONNECT ON DATABASE "closed"`, unfit},
	{"may not use the schema", change("REVOKE USAGE ON SCHEMA $SCHEMA FROM $ROLE", "GRANT USAGE ON SCHEMA $SCHEMA TO $ROLE"), "may not use the schema", "GRANT USAGE ON SCHEMA", unfit},
	{"may not read", change("REVOKE SELECT ON $SCHEMA.entry FROM $ROLE", "GRANT SELECT ON $SCHEMA.entry TO $ROLE"), "may not use all of the schema", "GRANT SELECT ON ALL TABLES", unfit},
	{"may not append", change("REVOKE EXECUTE ON FUNCTION $SCHEMA.append FROM $ROLE", "GRANT EXECUTE ON FUNCTION $SCHEMA.append TO $ROLE"), "may not use all of the schema", "GRANT EXECUTE ON ALL FUNCTIONS", unfit},
	{"may not make the schema", func(p *place) func() {
		right := p.schema
		p.schema = "new"
		return func() { p.schema = right }
	}, "may not make the schema new", `CREATE SCHEMA "new" AUTHORIZATION`, unfit},
	{"older schema", change("UPDATE $SCHEMA.store SET version = 0", "UPDATE $SCHEMA.store SET version = "+newest), "has version 0, and this program needs " + newest, "start the program once with the role that owns it", unfit},
	{"newer schema", change("UPDATE $SCHEMA.store SET version = 99", "UPDATE $SCHEMA.store SET version = "+newest), "has version 99, and this program knows " + newest, "run the newer program", "its journal is of a newer program"},
	{"read-only role", set("default_transaction_read_only", "on"), "transactions are read-only", "unset default_transaction_read_only", unfit},
	{"limit of the role", change("ALTER ROLE $ROLE CONNECTION LIMIT 2", "ALTER ROLE $ROLE CONNECTION LIMIT -1"), "has no connection left", "raise max_connections, or the limit of the role", unreachable},
	{"no standby is named", option("durability standby"), "synchronous_standby_names names no standby", "name one in postgresql.conf, or say `durability primary`", unfit},
	{"no standby is connected", both(system("synchronous_standby_names", "other"), option("")), "no synchronous standby is connected", "connect one, or say `durability primary`", unfit},
	{"older PostgreSQL", both(change(`CREATE SCHEMA IF NOT EXISTS lies; GRANT USAGE ON SCHEMA lies TO $ROLE; CREATE OR REPLACE FUNCTION lies.current_setting(text) RETURNS text LANGUAGE sql AS
		$$ SELECT CASE $1 WHEN 'server_version_num' THEN '140011' ELSE pg_catalog.current_setting($1) END $$`, "SELECT"), set("search_path", "lies, pg_catalog")),
		"PostgreSQL is version 14, and 15 is the oldest that is served", "upgrade it", unfit},
	{"encoding", both(change("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0", "DROP DATABASE latin WITH (FORCE)"), address("postgres:///latin?host=DIR&user=$ROLE&password="+testpostgres.Password)),
		"has the encoding LATIN1", "make one with ENCODING 'UTF8'", unfit},
	{"fsync", system("fsync", "off"), "fsync is off", "set fsync = on", unfit},
	{"full_page_writes", system("full_page_writes", "off"), "full_page_writes is off", "set full_page_writes = on", unfit},
	{"synchronous_commit off", set("synchronous_commit", "off"), "synchronous_commit is off", "set synchronous_commit = on", unfit},
	{"synchronous_commit local", both(set("synchronous_commit", "local"), option("durability standby")), "synchronous_commit is local", "set synchronous_commit = on", unfit},
	{"isolation", set("default_transaction_isolation", "'repeatable read'"), "transactions are repeatable read", "set default_transaction_isolation = 'read committed'", unfit},
	{"parts changed by hand", change("UPDATE $SCHEMA.store SET parts = 3", "UPDATE $SCHEMA.store SET parts = 2"), "was changed by hand", "write the old value back", unfit},
	{"epoch changed by hand", change("UPDATE $SCHEMA.store SET epoch = 'x' || epoch", "UPDATE $SCHEMA.store SET epoch = substr(epoch, 2)"), "was changed by hand", "write the old value back", unfit},
	{"part removed by hand", change("DELETE FROM $SCHEMA.part WHERE id = 1", "INSERT INTO $SCHEMA.part VALUES (1)"), "lacks rows", "restore the schema from a backup", unfit},
	{"other parts", option("durability primary\nparts 3"), "was made with 2 parts and never gets 3", "leave the option parts out", unfit},
}

// checkQuiet checks that a password is in nothing that somebody reads.
func checkQuiet(t *testing.T, what, text string) {
	t.Helper()
	if strings.Contains(text, testpostgres.Password) {
		t.Errorf("the password is in %s: %s", what, text)
	}
}

func health(s *testcaddy.Site) (int, string) { return s.Status("http://"+s.Plain+"/chat/health", nil) }

func chatWorks(t *testing.T, s *testcaddy.Site, path string) {
	t.Helper()
	a, b := s.Client("ws://"+s.Plain+path), s.Client("ws://"+s.Plain+path)
	testcaddy.Say(t, a, "hello")
	testcaddy.Expect(t, b, "hello")
	_, _ = a.CloseNow(), b.CloseNow() // Caddy would wait for them
}

// With each cause Caddy starts and serves the rest, says what is wrong and what to do, and opens the chat once it is
// mended. A reload that brings such a chat is refused, and what runs goes on. caddy validate warns.
func TestPostgres_ThatCannotBeUsed(t *testing.T) {
	p := newPlace(t, postgres)
	s, admin := testcaddy.StartAdmin(t, "respond ok")
	for _, cause := range causes {
		t.Run(cause.name, func(t *testing.T) {
			undo := cause.prepare(p)
			p.engineFails(t, cause.reason)
			logged := len(testcaddy.Read(t, s.Log))
			s.Restart("respond /shop shop\nchat {\n" + p.journal() + "}")
			checkUnusable(t, s, admin, logged, cause.reason, cause.remedy, cause.words)

			s.Load("chat /old {\nhub old\njournal memory\n}")
			err := s.TryLoad("chat /old {\nhub old\njournal memory\n}\nchat {\n" + p.journal() + "}")
			if err == nil || !strings.Contains(err.Error(), cause.reason) || !strings.Contains(err.Error(), cause.remedy) {
				t.Errorf("a reload: %v", err)
			}
			checkQuiet(t, "the error of a reload", fmt.Sprint(err))
			chatWorks(t, s, "/old")
			undo()
			s.Load("chat {\n" + p.journal() + "}")
			if code, body := health(s); code != 200 {
				t.Errorf("it was mended: %d %s", code, body)
			}
			chatWorks(t, s, "/chat")
			checkQuiet(t, "the log", testcaddy.Read(t, s.Log)[logged:])
		})
	}
}

// engineFails checks what caddy validate asks the engine.
func (p *place) engineFails(t *testing.T, reason string) {
	t.Helper()
	e := &journals.Postgres{DSN: "{env.CHAT_DSN}", Schema: p.schema}
	for option := range strings.Lines(p.more) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(option), " "); name {
		case "durability":
			e.Durability = value
		case "parts":
			e.Parts = 3
		}
	}
	err := e.Check(t.Context(), "", journals.Params{Hub: "default"})
	limited := reason == "has no connection left" // a check needs one connection only
	if !limited && (err == nil || !strings.Contains(err.Error(), reason)) {
		t.Errorf("Check: %v, want %q", err, reason)
	}
	checkQuiet(t, "the error of Check", fmt.Sprint(err))
}

// caddy validate warns, and succeeds.
func TestPostgres_ValidateWarns(t *testing.T) {
	p := newPlace(t, postgres)
	p.exec("UPDATE $SCHEMA.store SET version = 99")
	out, err := testcaddy.Validate(t, "chat {\n"+p.journal()+"}")
	if err != nil || !strings.Contains(out, "Valid configuration") || strings.Count(out, "has version 99, and this program knows "+newest) != 1 || !strings.Contains(out, `"level":"warn"`) {
		t.Errorf("%v\n%s", err, out)
	}
	checkQuiet(t, "validate", out)
}

func checkUnusable(t *testing.T, s *testcaddy.Site, admin string, logged int, reason, remedy, words string) {
	t.Helper()
	if code, body := s.Status("http://"+s.Plain+"/shop", nil); code != 200 || body != "shop" {
		t.Errorf("/shop: %d %s", code, body)
	}
	code, body := health(s)
	if code != http.StatusServiceUnavailable || !strings.Contains(body, `"unavailable"`) || !strings.Contains(body, words) {
		t.Errorf("health: %d %s", code, body)
	}
	checkQuiet(t, "health", body)
	var lines []string
	for line := range strings.Lines(testcaddy.Read(t, s.Log)[logged:]) {
		if strings.Contains(line, `"the chat is closed`) {
			lines = append(lines, strings.ReplaceAll(line, `\"`, `"`))
		}
	}
	if len(lines) != 1 || !strings.Contains(lines[0], `"level":"error"`) || !strings.Contains(lines[0], reason) || !strings.Contains(lines[0], remedy) {
		t.Errorf("logged %q, want one line with %q and %q", lines, reason, remedy)
	}
	_, list := testcaddy.Ask(t, "GET", admin+"/chat/hubs", "")
	if text := fmt.Sprint(list); !strings.Contains(text, reason) {
		t.Errorf("the hubs are %s", text)
	}
	checkQuiet(t, "the list of hubs", fmt.Sprint(list))
	_, config := testcaddy.Ask(t, "GET", admin+"/config/", "")
	checkQuiet(t, "the configuration", fmt.Sprint(config))
	if _, text := s.Status(admin+"/metrics", nil); text != "" {
		checkQuiet(t, "the metrics", text)
	}
}

// It is tried again every five seconds, without a reload.
func TestPostgres_IsTriedAgain(t *testing.T) {
	p := newPlace(t, postgres)
	undo := change("UPDATE $SCHEMA.store SET version = 99", "UPDATE $SCHEMA.store SET version = "+newest)(p)
	s := testcaddy.Start(t, "chat {\n"+p.journal()+"}")
	if code, _ := health(s); code != http.StatusServiceUnavailable {
		t.Errorf("status %d", code)
	}
	undo()
	testcaddy.Eventually(t, "the chat is open", func() bool { code, _ := health(s); return code == http.StatusOK })
	chatWorks(t, s, "/chat")
	testcaddy.Eventually(t, "the log says so", func() bool { return strings.Contains(testcaddy.Read(t, s.Log), `"the chat is open"`) })
}

// A standby takes no writes; once it is promoted it does.
func TestPostgres_Standby(t *testing.T) {
	p := newPlace(t, postgres)
	other := postgres.Standby()
	defer other.Remove()
	promote := func() { other.Exec(t, "SELECT pg_promote()") }
	p.use(other.DSN(p.role))
	s, admin := testcaddy.StartAdmin(t, "respond /shop shop\nchat {\n"+p.journal()+"}")
	checkUnusable(t, s, admin, 0, "this PostgreSQL is a standby and takes no writes", "name the primary", unfit)
	out, err := testcaddy.Command(t, admin, "hubs")
	if err != nil || !strings.Contains(out, "this PostgreSQL is a standby") {
		t.Errorf("caddy chat hubs: %v\n%s", err, out)
	}
	checkQuiet(t, "caddy chat hubs", out)
	s.Load("respond /shop shop")
	p.use(other.DSN(p.role) + "&target_session_attrs=read-write")
	if err := s.TryLoad("chat {\n" + p.journal() + "}"); err == nil || !strings.Contains(err.Error(), "takes writes: each is a standby or read-only; promote one") {
		t.Errorf("%v", err)
	}
	promote()
	s.Load("chat {\n" + p.journal() + "}")
	chatWorks(t, s, "/chat")
}

// A server without connections is not used; with more of them it is.
func TestPostgres_MaxConnections(t *testing.T) {
	small := testpostgres.New("max_connections=8")
	defer small.Remove()
	p := newPlace(t, small)
	var idle []*pgx.Conn
	for range 5 { // three more are for superusers
		conn, err := pgx.Connect(t.Context(), small.DSN(p.role))
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, conn)
	}
	s, admin := testcaddy.StartAdmin(t, "respond /shop shop\nchat {\n"+p.journal()+"}")
	checkUnusable(t, s, admin, 0, "has no connection left", "raise max_connections", unreachable)
	for _, conn := range idle {
		conn.Close(t.Context())
	}
	small.Stop()
	small.Start("max_connections=40")
	testcaddy.Eventually(t, "the chat is open", func() bool { code, _ := health(s); return code == http.StatusOK })
}

// A server that does not answer delays neither the start nor caddy validate by more than some three seconds.
func TestPostgres_Hangs(t *testing.T) {
	own := testpostgres.New()
	defer own.Remove()
	p := newPlace(t, own)
	own.Freeze()
	defer own.Thaw()
	began := time.Now()
	out, err := testcaddy.Validate(t, "chat {\n"+p.journal()+"}")
	if took := time.Since(began); err != nil || took > 9*time.Second || !strings.Contains(out, "can't connect to PostgreSQL") {
		t.Errorf("validate took %v: %v\n%s", took, err, out)
	}
	began = time.Now()
	s := testcaddy.Start(t, "respond /shop shop\nchat {\n"+p.journal()+"}")
	if took := time.Since(began); took > 9*time.Second {
		t.Errorf("the start took %v", took)
	}
	if code, body := health(s); code != http.StatusServiceUnavailable || !strings.Contains(body, "still being opened") {
		t.Errorf("%d %s", code, body)
	}
	own.Thaw()
	testcaddy.Eventually(t, "the chat is open", func() bool { code, _ := health(s); return code == http.StatusOK })
}

// What was said is there after a restart of Caddy, and in the history of another one.
func TestPostgres_OutlivesCaddy(t *testing.T) {
	p := newPlace(t, postgres)
	const url = "/chat?history=10"
	s := testcaddy.Start(t, "chat {\n"+p.journal()+"}")
	a := s.Client("ws://" + s.Plain + url)
	testcaddy.Say(t, a, "one")
	testcaddy.Expect(t, s.Client("ws://"+s.Plain+url), "one")
	s.Restart("chat {\n" + p.journal() + "}")
	testcaddy.Expect(t, s.Client("ws://"+s.Plain+url), "one")
	s.Load("chat {\n" + strings.Replace(p.journal(), "durability primary", "durability primary\nretention 1", 1) + "}")
	p.more = "durability standby"
	if err := s.TryLoad("chat {\n" + p.journal() + "}"); err == nil || !strings.Contains(err.Error(), "with durability primary, parts 8 and can't move to") {
		t.Errorf("another durability: %v", err)
	}
	chatWorks(t, s, "/chat")
	s.NoErrors()
}

// newMaker makes a role that may make schemas, for the time of the test: the server serves all tests.
func newMaker(t *testing.T, role string) {
	t.Helper()
	postgres.Exec(t, "CREATE ROLE "+role+" LOGIN; GRANT CREATE ON DATABASE postgres TO "+role)
	t.Cleanup(func() { postgres.Exec(t, "DROP OWNED BY "+role+" CASCADE; DROP ROLE "+role) })
}

// The schema is made at the first start if the role may do that, with the name of the hub.
func TestPostgres_MakesTheSchema(t *testing.T) {
	newMaker(t, "maker")
	t.Setenv("CHAT_DSN", postgres.DSN("maker"))
	s := testcaddy.Start(t, "chat {\nhub made-here\njournal postgres {env.CHAT_DSN} {\ndurability primary\nparts 1\n}\n}")
	chatWorks(t, s, "/chat")
	postgres.Exec(t, `DO $$ BEGIN IF (SELECT count(*) FROM "chat_made-here".part) <> 2 THEN RAISE 'other parts'; END IF; END $$`)
}

// A reload can't change what is used only when the journal is opened, and says so.
func TestPostgres_Reload_WithOtherFixedSettings(t *testing.T) {
	newMaker(t, "fixed")
	t.Setenv("CHAT_DSN", postgres.DSN("fixed"))
	site := func(more string) string {
		return "chat {\nhub fixed\njournal postgres {env.CHAT_DSN} {\n" + more + "\n}\n}"
	}
	s := testcaddy.Start(t, site("durability primary\nparts 2"))
	chatWorks(t, s, "/chat")
	const elsewhere = "postgres://ann:" + testpostgres.Password + "@db.example.com/chat"
	for more, want := range map[string]string{
		"parts 2\ndurability standby":                      "durability standby, parts 2",
		"durability primary\nparts 3":                      "durability primary, parts 3",
		"durability primary":                               "durability primary, parts 8",
		"durability primary\nparts 2\nlisten " + elsewhere: "listen db.example.com:5432/chat",
	} {
		err := s.TryLoad(site(more))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "restart Caddy for that") {
			t.Errorf("%s: %v", more, err)
		}
		checkQuiet(t, "the error", fmt.Sprint(err))
	}
	s.Load(site("durability primary\nparts 2\nretention 5"))
}

// What the Caddyfile alone shows to be wrong is refused with file and line, and shows no password.
func TestPostgres_WrongCaddyfile(t *testing.T) {
	s := testcaddy.Start(t, "respond ok")
	const dsn = "postgres://ann:" + testpostgres.Password + "@db/chat"
	for options, want := range map[string]string{
		"journal postgres":      "needs the address of a database",
		"journal postgres \"\"": "needs the address of a database",
		"journal " + dsn:        "needs the name of an engine before an address",
		"journal postgres postgres://ann:" + testpostgres.Password + "@db:x/chat":                "can't be read: write it as postgres://",
		"journal postgres host=db password=" + testpostgres.Password:                             "takes one address",
		"journal postgres " + dsn + "x " + dsn:                                                   "takes one address",
		"journal postgres " + dsn + " {\n" + dsn + "\n}":                                         "unknown option",
		"journal postgres " + dsn + " {\nlisten " + dsn + " " + dsn + "\n}":                      "listen takes one value",
		"journal postgres " + dsn + " {\nlisten postgres://" + testpostgres.Password + ":x/y\n}": "can't be read",
		"journal postgres " + dsn + " {\ndurability both\n}":                                     "durability is standby or primary",
		"journal postgres " + dsn + " {\nschema pg_x\n}":                                         "must have 1 to 63 letters",
		"journal postgres " + dsn + " {\nmax_size 1GiB\n}":                                       "there are durability, listen, parts, retention, schema",
		"journal pebble x " + dsn:                                                                "one word too many",
	} {
		err := s.TryLoad("chat {\n" + options + "\n}")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Caddyfile:") {
			t.Errorf("%s\n%v", options, err)
		}
		checkQuiet(t, "the error", fmt.Sprint(err))
	}
	for options, want := range map[string]string{
		"journal postgres {env.NO_SUCH_VARIABLE}":                      "env.NO_SUCH_VARIABLE",
		"hub " + strings.Repeat("h", 60) + "\njournal postgres " + dsn: "must have 1 to 63 letters",
	} {
		if err := s.TryLoad("chat {\n" + options + "\n}"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n%v", options, err)
		}
	}
	err := s.TryLoad("chat /a {\nhub a\njournal postgres " + dsn + " {\nschema x\n}\n}\nchat /b {\nhub b\njournal postgres " + dsn + " {\nschema x\ndurability primary\n}\n}")
	if err == nil || !strings.Contains(err.Error(), `hubs "a" and "b" can't both have their journal in postgres:db:5432/chat, schema x`) {
		t.Errorf("%v", err)
	}
	checkQuiet(t, "the error", fmt.Sprint(err))
}

// docs/nodes.md has a row for each of these causes.
func TestDocuments_Causes_AreExplained(t *testing.T) {
	_, section, _ := strings.Cut(testcaddy.Read(t, "../../docs/nodes.md"), "\n## When PostgreSQL cannot be used\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var told []string
	for _, row := range regexp.MustCompile(`(?m)^\| (`+"`"+`[^|]+) \|`).FindAllStringSubmatch(section, -1) {
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			told = append(told, m[1])
		}
	}
	for _, cause := range causes {
		if !slices.ContainsFunc(told, func(words string) bool { return strings.Contains(cause.reason, words) }) {
			t.Errorf("%s: no row of %q is for %q", cause.name, told, cause.reason)
		}
	}
}
