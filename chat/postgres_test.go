//go:build unix

package chat_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pgjournal"
	"github.com/caddychat/caddy-chat/chat/shared"
	"github.com/caddychat/caddy-chat/internal/testpostgres"
)

// database is the server of all journals of journals["postgres"]. It starts with the first one and
// ends with the tests.
var database = sync.OnceValue(func() *testpostgres.Server {
	s := testpostgres.New()
	atEnd = append(atEnd, s.Remove)
	return s
})

var schemas atomic.Int32

func init() {
	journals["postgres"] = func(t testing.TB) journal.Journal {
		t.Helper()
		schema := fmt.Sprint("chat", schemas.Add(1))
		s, err := pgjournal.Open(t.Context(), pgjournal.Options{DSN: database().DSN("owner"), Schema: schema, Parts: 1})
		if err != nil {
			t.Fatal(err)
		}
		j, err := shared.Open(t.Context(), s, shared.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
}
