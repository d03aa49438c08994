package pebblejournal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/rows"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/salvage"
	"github.com/cockroachdb/pebble/v2"
)

// The room of these tests: each entry has a block of its own.
const (
	largeEntries = 40
	largeBody    = 60 << 10
	largeBad     = 20 // the entry whose block is damaged
)

// newLargeDamage returns the directory of such a store.
func newLargeDamage(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "journal")
	j := open(t, Options{Dir: dir, interval: -1})
	random := newNoise()
	bodies := make([][]byte, largeEntries)
	for i := range bodies {
		bodies[i] = random(largeBody)
		e := say("room", "")
		e.Body = bodies[i]
		mustAppend(t, j, e)
	}
	if err := errors.Join(j.Compact(context.Background()), j.Close()); err != nil {
		t.Fatal(err)
	}
	for _, table := range filesOf(t, dir, ".sst") {
		b, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		if at := bytes.Index(b, bodies[largeBad-1][100:200]); at >= 0 {
			b[at] ^= 1
			write(t, table, string(b))
			return dir
		}
	}
	t.Fatal("the body is in no table")
	return ""
}

// newNoise returns what makes bytes that cannot be compressed.
func newNoise() func(n int) []byte {
	x := uint64(1)
	return func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			x = x*6364136223846793005 + 1442695040888963407
			b[i] = byte(x >> 56)
		}
		return b
	}
}

// countingReader counts the look-ups that fail.
type countingReader struct {
	pebble.Reader
	failed *int
	onFail func()
}

func (r countingReader) Get(key []byte) ([]byte, io.Closer, error) {
	value, closer, err := r.Reader.Get(key)
	if pebble.IsCorruptionError(err) {
		*r.failed++
		r.onFail()
	}
	return value, closer, err
}

// A page over a damaged block makes few reads that fail, the next one none, and a page
// that does not reach the block none. The work ends with its context.
func TestSalvage_LargeBodies_FewReadsFail(t *testing.T) {
	dir := newLargeDamage(t)
	j := open(t, Options{Dir: dir, interval: -1})
	defer j.Close()
	r, err := j.store.Use(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	room, err := j.rooms.Pin("room", r.DB)
	if err != nil {
		t.Fatal(err)
	}
	defer j.rooms.Unpin(room)
	state := j.rooms.StateOf(room)

	forward := journal.Query{Room: "room", Bytes: 1 << 30}
	backward := journal.Query{Room: "room", Bytes: 1 << 30, Backward: true}
	var memory salvage.Memory
	for _, c := range []struct {
		name     string
		q        journal.Query
		limit    int
		entries  int
		most     int // reads that fail
		canceled bool
	}{
		{"the newest page, up to the block", backward, largeEntries - largeBad, largeEntries - largeBad, 0, false},
		{"the first page, up to the block", forward, largeBad - 1, largeBad - 1, 0, false},
		{"ended at the first that fails", forward, 1000, 0, 1, true},
		{"over the block", backward, 1000, largeEntries - 1, 2, false},
		{"again", backward, 1000, largeEntries - 1, 0, false},
		{"forward", forward, 1000, largeEntries - 1, 0, false},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		failed := 0
		counting := countingReader{r.DB, &failed, func() {
			if c.canceled {
				cancel()
			}
		}}
		page, err := rows.Salvage(salvage.NewReader(ctx, counting, &memory, nil), c.q, &state, 1, largeEntries+1, c.limit)
		if c.canceled != errors.Is(err, context.Canceled) || !c.canceled && (err != nil || len(page.Entries) != c.entries) || failed > c.most {
			t.Errorf("%s: %d entries, %d reads fail, %v", c.name, len(page.Entries), failed, err)
		}
		cancel()
	}
}

// The same through the journal: what a first page has found, the handle remembers.
func TestJournal_LargeBodies_DamageIsRemembered(t *testing.T) {
	j := open(t, Options{Dir: newLargeDamage(t), interval: -1})
	defer j.Close()
	ctx := context.Background()
	q := journal.Query{Room: "room", After: largeBad - 3, Limit: 4}
	for range 2 {
		page, err := j.Read(ctx, q)
		if err != nil || len(page.Entries) != 4 || page.Damaged != 1 || page.Entries[2].Seq != largeBad+1 {
			t.Fatalf("%d entries, %d damaged, %v", len(page.Entries), page.Damaged, err)
		}
	}
	h, err := j.store.Use(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Release()
	r, err := j.rooms.Pin("room", h.DB)
	if err != nil {
		t.Fatal(err)
	}
	defer j.rooms.Unpin(r)
	state := j.rooms.StateOf(r)
	if _, _, err := rows.CountBefore(h.Reader(ctx), "room", &state, largeBad+1); !errors.Is(err, salvage.ErrKnown) {
		t.Errorf("the damaged entry: %v", err)
	}
	if _, _, err := rows.Entries(h.Reader(ctx), q, largeBad-2, largeBad+2); !errors.Is(err, salvage.ErrKnown) {
		t.Errorf("a page over it: %v", err)
	}
}
