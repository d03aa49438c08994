//go:build unix

package journals_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
	"github.com/caddychat/caddy-chat/internal/testpostgres"
)

// docs/nodes.md, done as it says by an operator of two nodes: a first node, a standby, a lost primary. The servers
// have sockets in place of the addresses, and the statements, the Caddyfiles and pg_basebackup are the document's.
func TestDocuments_Nodes_LeadToAStandby(t *testing.T) {
	text := testcaddy.Read(t, "../../docs/nodes.md")
	blocks := func(heading, language string) (found []string) {
		_, section, ok := strings.Cut(text, "\n## "+heading+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		for _, m := range regexp.MustCompile("(?s)\n```"+language+"\n(.*?)```").FindAllStringSubmatch(section, -1) {
			found = append(found, m[1])
		}
		if !ok || len(found) == 0 {
			t.Fatalf("%s has no %s", heading, language)
		}
		return found
	}
	chat := func(heading string) string {
		_, block, _ := strings.Cut(blocks(heading, "caddyfile")[0], "chat.example.com {\n")
		return strings.TrimSuffix(block, "}\n")
	}
	primary := testpostgres.New()
	defer primary.Remove()
	statements := func(server *testpostgres.Server, sql string) {
		for _, statement := range strings.SplitAfter(sql, ";\n") {
			server.Exec(t, statement)
		}
	}

	statements(primary, blocks("A first node", "sql")[0])
	t.Setenv("CHAT_DSN", primary.Database("chat", "chat"))
	first := testcaddy.Start(t, chat("A first node"))
	chatWorks(t, first, "/chat")
	first.Load("respond ok")

	// A role that owns nothing, with the rights that the document gives.
	primary.Exec(t, "CREATE ROLE chat_server LOGIN")
	for statement := range strings.SplitAfterSeq(strings.TrimSpace(blocks("A first node", "sql")[1]), ";\n") {
		primary.ExecIn(t, "chat", statement)
	}
	t.Setenv("CHAT_DSN", primary.Database("chat_server", "chat"))
	second := testcaddy.NewProcess(t, chat("A first node"))
	second.Start()
	testcaddy.Eventually(t, "the chat is open for a role that owns nothing", func() bool {
		code, _ := first.Status("http://"+second.Addr+"/chat/health", nil)
		return code == http.StatusOK
	})
	second.Kill()

	standby := blocks("A standby", "sql")
	hba := filepath.Join(primary.Dir, "data/pg_hba.conf")
	old := testcaddy.Read(t, hba)
	if err := os.WriteFile(hba, []byte(old+blocks("A standby", "ini")[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	primary.Exec(t, "DO $$ BEGIN IF EXISTS (SELECT FROM pg_hba_file_rules WHERE error NOT LIKE '%SSL is disabled%') THEN RAISE 'pg_hba.conf'; END IF; END $$")
	statements(primary, standby[0])
	_, command, _ := strings.Cut(text, "\n    runuser -u postgres -- pg_basebackup ")
	command, _, _ = strings.Cut(command, "\n")
	other := primary.StandbyBy(strings.Fields(strings.NewReplacer("/var/lib/postgresql/15/main", "DATA", "10.0.0.1", "HOST").Replace(command)))
	defer other.Remove()
	statements(primary, standby[1])
	testcaddy.Eventually(t, "the standby is synchronous", func() bool {
		conn, err := pgx.Connect(t.Context(), primary.DSN("owner"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		var state, sync string
		_ = conn.QueryRow(t.Context(), strings.TrimSpace(strings.SplitAfter(standby[1], ";\n")[2])).Scan(&state, &sync) // no row yet
		return state == "streaming" && sync == "quorum"
	})
	both := regexp.MustCompile(`postgres://chat:password@10\.0\.0\.1,10\.0\.0\.2/chat\?(\S+)` + "`").FindStringSubmatch(text)
	if both == nil {
		t.Fatal("no address of both servers")
	}
	t.Setenv("CHAT_DSN", "postgres:///chat?user=chat&host="+primary.Dir+","+other.Dir+"&"+both[1])
	const url = "/chat?history=10"
	// start starts two nodes; they are processes, because a process has one Caddy.
	start := func(directives string) (nodes []*testcaddy.Process) {
		for range 2 {
			node := testcaddy.NewProcess(t, directives)
			node.Start()
			testcaddy.Eventually(t, "the chat is open", func() bool {
				code, _ := first.Status("http://"+node.Addr+"/chat/health", nil)
				return code == http.StatusOK
			})
			nodes = append(nodes, node)
		}
		return nodes
	}
	directives := chat("Three nodes with systemd")
	nodes := start(directives)
	a, b := first.Client("ws://"+nodes[0].Addr+url), first.Client("ws://"+nodes[1].Addr+url)
	testcaddy.Expect(t, a, "hello") // of chatWorks
	testcaddy.Expect(t, b, "hello")
	testcaddy.Say(t, a, "before")
	testcaddy.Expect(t, b, "before")

	primary.Kill()
	statements(other, standby[2])
	for _, node := range nodes {
		node.Kill()
	}
	nodes = start(strings.Replace(directives, "durability standby", "durability primary", 1))
	a, b = first.Client("ws://"+nodes[0].Addr+url), first.Client("ws://"+nodes[1].Addr+url)
	for _, said := range []string{"hello", "before"} {
		testcaddy.Expect(t, a, said)
		testcaddy.Expect(t, b, said)
	}
	testcaddy.Say(t, a, "after")
	testcaddy.Expect(t, b, "after")
}
