//go:build unix

package pgjournal_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/caddychat/caddy-chat/chat/pgjournal"
	"github.com/caddychat/caddy-chat/internal/testpostgres"
)

var (
	through = flag.String("through", "", "session or transaction: go through PgBouncer in this mode")

	postgres *testpostgres.Server
	address  pgjournal.Options // by which a node comes to it
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		postgres = testpostgres.New()
		defer postgres.Remove()
		address.DSN = postgres.DSN("owner")
		if *through != "" {
			pooler := postgres.Pooler()
			defer pooler.Remove()
			address = pgjournal.Options{DSN: pooler.DSN("owner", *through), Listen: address.DSN}
		}
		return m.Run()
	}())
}

// of is the address of a schema.
func of(schema string) pgjournal.Options {
	o := address
	o.Schema = schema
	return o
}

var schemas atomic.Int32

// schema makes a new one.
func schema(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("chat_%d", schemas.Add(1))
	// Fewer parts need fewer connections; two are enough to go wrong.
	o := of(name)
	o.Parts = 2
	if err := pgjournal.Migrate(t.Context(), o, ""); err != nil {
		t.Fatal(err)
	}
	return name
}

func open(t *testing.T, schema string) *pgjournal.Store {
	t.Helper()
	s, err := pgjournal.Open(t.Context(), of(schema))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// connect connects to a server until the end of the test.
func connect(t testing.TB, server *testpostgres.Server) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.DSN("owner"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func wantError(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("error %v, want one with %q", err, words)
	}
	if err != nil && strings.Contains(err.Error(), testpostgres.Password) {
		t.Errorf("the password is in the error %q", err)
	}
}
