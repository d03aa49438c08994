package pebblejournal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Records beyond half of the bound are refused, and no message goes for them. Mutes and bans, what
// deletes a record and what replaces one still come in, and so do messages without records.
func TestQuota_Records_AreRefusedAndNoMessagesGo(t *testing.T) {
	const quota = 4 << 20
	j := open(t, Options{Dir: t.TempDir(), interval: -1, MaxBytes: quota})
	defer func() { j.Close() }()
	ctx := context.Background()
	const messages = 20
	for i := range messages {
		mustAppend(t, j, say("victims", fmt.Sprint(i)))
	}
	put := func(key string, value []byte) error { return j.Records().Put(ctx, key, value) }
	if err := j.enforceQuota(ctx); err != nil {
		t.Fatal(err)
	}
	if left, bounded := j.RecordSpace(); !bounded || left < quota/4 || left > quota/2 {
		t.Errorf("at first records may grow by %d, %t", left, bounded)
	}
	random, full := newNoise(), 0
	for ; full < 20 && put(fmt.Sprintf("seen\x00%02d", full), random(journal.MaxRecord)) == nil; full++ {
		for n := range 40 {
			e := say("flood", "")
			e.With = []journal.Record{{Key: fmt.Sprintf("tag\x00%02d.%02d", full, n), Value: random(journal.MaxRecord)}}
			if _, err := appendOne(j, e); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.enforceAll(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if full == 20 {
		t.Fatalf("%d bytes of records, and none is refused", j.Stats().Bytes)
	}
	if left, bounded := j.RecordSpace(); !bounded || left != 0 {
		t.Errorf("when they are refused they may grow by %d, %t", left, bounded)
	}
	e := say("flood", "")
	e.With = []journal.Record{{Key: "tag\x00new", Value: []byte("x")}}
	_, withErr := appendOne(j, e)
	for what, err := range map[string]error{
		"a read mark": put("seen\x00new", []byte("x")),
		"a tag":       withErr,
		"an update":   j.Records().Update(ctx, "seen\x00other", func([]byte) ([]byte, error) { return []byte("x"), nil }),
	} {
		if !errors.Is(err, journal.ErrUnavailable) || !strings.Contains(err.Error(), "max_size") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for range 5 {
		mustAppend(t, j, say("victims", ""))
		if err := j.enforceAll(ctx); err != nil {
			t.Fatal(err)
		}
	}
	checkKept(t, j, "victims", messages+5)
	if w := j.Warnings(); len(w) != 1 || !strings.Contains(w[0], "max_size") {
		t.Errorf("warnings: %q", w)
	}
	e.With[0].Key = "tag\x0000.00"
	_, withErr = appendOne(j, e)
	for what, err := range map[string]error{
		"a ban":                    put("ban\x00\x00evil", []byte("{}")),
		"a mute":                   put("mute\x00\x00evil", []byte("{}")),
		"a replaced record":        withErr,
		"a record that is less":    put("seen\x0000", []byte("x")),
		"a record that is no more": put("seen\x0001", nil),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	// There is room again once records are gone.
	for n := range full {
		for k := range 40 {
			if err := put(fmt.Sprintf("tag\x00%02d.%02d", n, k), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	j.recordsCompacted = j.recordsCompacted.Add(-recordCompaction)
	if err := j.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	if err := j.enforceAll(ctx); err != nil {
		t.Fatal(err)
	}
	if err := put("seen\x00new", []byte("x")); err != nil || len(j.Warnings()) > 0 {
		t.Errorf("afterwards: %v, %q", err, j.Warnings())
	}
	j.SetMaxBytes(-1)
	if err := j.enforceQuota(ctx); err != nil {
		t.Fatal(err)
	}
	if _, bounded := j.RecordSpace(); bounded {
		t.Error("without a bound there is one")
	}
	checkKept(t, j, "victims", messages+5)
}
