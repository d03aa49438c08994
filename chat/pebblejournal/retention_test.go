package pebblejournal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func TestJournal_OverItsQuota_DeletesTheOldest(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), MaxBytes: 4 << 20, interval: -1, memTable: 256 << 10})
	defer j.Close()
	ctx := context.Background()
	body := make([]byte, 1000)
	for i := range 12_000 {
		for k := range body {
			body[k] = byte('a' + rand.IntN(26))
		}
		e := say(fmt.Sprint("room", i%10), fmt.Sprint(i))
		e.Body = []byte(`"` + string(body) + `"`)
		if i%500 == 0 {
			mustAppend(t, j, e)
		} else {
			j.Append(e, func(_ journal.Receipt, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	mustAppend(t, j, say("last", "one"))
	before := j.Stats().Bytes
	if err := j.enforceAll(ctx); err != nil {
		t.Fatal(err)
	}
	after := j.Stats()
	if before < 8<<20 || after.Bytes > 5<<20 {
		t.Errorf("the store has %d bytes, of %d; its quota is 4 MiB", after.Bytes, before)
	}
	// In every room the oldest entries are deleted and the newest are kept.
	for room := range 10 {
		page, err := j.Read(ctx, journal.Query{Room: fmt.Sprint("room", room), Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		if page.First < 200 || page.Last != 1200 || len(page.Entries) != 1 || page.Entries[0].Seq != page.First {
			t.Errorf("room %d: kept from %d to %d", room, page.First, page.Last)
		}
	}
	checkKept(t, j, "last", 1)
	// SetMaxBytes takes effect with the next round.
	j.SetMaxBytes(-1)
	if err := j.enforceAll(ctx); err != nil {
		t.Fatal(err)
	}
	if n := j.Stats().Entries; n != after.Entries {
		t.Errorf("without a quota %d entries became %d", after.Entries, n)
	}
	j.SetMaxBytes(1 << 20)
	if err := j.enforceAll(ctx); err != nil {
		t.Fatal(err)
	}
	if n := j.Stats().Bytes; n > 2<<20 {
		t.Errorf("the store has %d bytes; its quota is 1 MiB", n)
	}
}
