//go:build unix

package pgjournal_test

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddychat/caddy-chat/chat/pgjournal"
	"github.com/caddychat/caddy-chat/internal/testpostgres"
)

var postgres *testpostgres.Server

func TestMain(m *testing.M) {
	os.Exit(func() int {
		postgres = testpostgres.New()
		defer postgres.Remove()
		return m.Run()
	}())
}

var schemas atomic.Int32

// schema makes a new one.
func schema(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("chat_%d", schemas.Add(1))
	// Fewer parts need fewer connections; two are enough to go wrong.
	if err := pgjournal.Migrate(t.Context(), pgjournal.Options{DSN: postgres.DSN("owner"), Schema: name, Parts: 2}, ""); err != nil {
		t.Fatal(err)
	}
	return name
}

func open(t *testing.T, schema string) *pgjournal.Store {
	t.Helper()
	s, err := pgjournal.Open(t.Context(), pgjournal.Options{DSN: postgres.DSN("owner"), Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
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
