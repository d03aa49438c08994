//go:build unix

package journals_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/jackc/pgx/v5"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
	"github.com/caddychat/caddy-chat/internal/testpostgres"
)

// A password is replaced while the chat runs: in PostgreSQL, then by a reload, wherever the Caddyfile has it from.
// From then on the new one is used, by all kinds of connections. A reload with a wrong one is refused, and
// the chat goes on; one that changes nothing asks nobody.
func TestPostgres_Reload_NewPassword(t *testing.T) {
	own := testpostgres.New()
	defer own.Remove()
	own.Exec(t, "CREATE ROLE locked LOGIN PASSWORD 'one'; GRANT CREATE ON DATABASE postgres TO locked")
	owner, err := pgx.Connect(t.Context(), own.DSN("owner"))
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(context.Background())
	dsn := func(password string) string {
		return strings.Replace(own.DSN("locked"), testpostgres.Password, password, 1)
	}
	file := filepath.Join(t.TempDir(), "dsn")
	for way, address := range map[string]func(dsn string) string{
		"in the Caddyfile": func(dsn string) string { return `"` + dsn + `"` },
		"in the environment": func(dsn string) string {
			t.Setenv("CHAT_DSN", dsn)
			return "{env.CHAT_DSN}"
		},
		"in a file": func(dsn string) string {
			if err := os.WriteFile(file, []byte(dsn), 0o600); err != nil {
				t.Fatal(err)
			}
			return "{file." + file + "}"
		},
	} {
		t.Run(way, func(t *testing.T) {
			own.Exec(t, "ALTER ROLE locked PASSWORD 'one'")
			n := 0
			site := func(password string) string {
				n++ // Caddy does nothing if nothing at all has changed
				return fmt.Sprintf("respond /n %d\nchat {\njournal postgres %s {\nschema %q\ndurability primary\nparts 1\n}\n}", n, address(dsn(password)), "chat_"+strings.ReplaceAll(way, " ", "_"))
			}
			s := testcaddy.Start(t, site("one"))
			chatWorks(t, s, "/chat")
			listens := func() (is bool) {
				err := owner.QueryRow(t.Context(), "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'locked' AND query LIKE 'LISTEN%'").Scan(&is)
				return err == nil && is
			}
			testcaddy.Eventually(t, "it listens", listens)
			own.Exec(t, "ALTER ROLE locked PASSWORD 'two'")
			s.Load(site("one")) // nothing has changed that the chat knows of
			err := s.TryLoad(site("three"))
			if err == nil || !strings.Contains(err.Error(), "goes on as before") || !strings.Contains(err.Error(), "does not let the role locked in") {
				t.Errorf("a wrong password: %v", err)
			}
			if strings.Contains(fmt.Sprint(err), "password=") {
				t.Errorf("it shows the address: %v", err)
			}
			chatWorks(t, s, "/chat")
			s.Load(site("two"))
			own.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'locked'")
			testcaddy.Eventually(t, "it listens again", listens)
			testcaddy.Eventually(t, "the chat works again", func() bool { return says(t, "ws://"+s.Plain+"/chat") == nil })
			if code, body := health(s); code != 200 {
				t.Errorf("%d %s", code, body)
			}
		})
	}
}

// says connects, says something and waits for it.
func says(t *testing.T, url string) error {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	var clients [2]*websocket.Conn
	for i := range clients {
		c, _, err := websocket.Dial(ctx, url, nil)
		if err != nil {
			return err
		}
		defer c.CloseNow()
		clients[i] = c
	}
	if err := clients[0].Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
		return err
	}
	_, _, err := clients[1].Read(ctx)
	return err
}
