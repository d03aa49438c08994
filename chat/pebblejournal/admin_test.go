package pebblejournal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func TestCompact_LeavesNoRecalledBodyInAnyFile(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	const secret = "the word that was taken back"
	e := say("room", "k")
	e.Body = []byte(`"` + secret + `"`)
	r := mustAppend(t, j, e)
	replaced := mustAppend(t, j, withKey(e, "replaced"))
	edited := mustAppend(t, j, say("room", "edited"))
	edit := withKey(e, "edit")
	edit.Kind, edit.Target = journal.Edit, edited.Seq
	mustAppend(t, j, edit)
	for i := range 50 {
		mustAppend(t, j, say("room", fmt.Sprint(i)))
	}
	for _, when := range []string{"in the log", "in tables"} {
		if !holds(t, dir, secret) {
			t.Fatalf("the body is not to be found %s: the test tests nothing", when)
		}
		if err := j.Compact(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	// One message is recalled, one gets another body, and one is recalled that had got it
	// by an edit.
	for _, e := range []journal.Entry{
		{Kind: journal.Recall, Target: r.Seq},
		{Kind: journal.Edit, Target: replaced.Seq, Body: []byte(`"better"`)},
		{Kind: journal.Recall, Target: edited.Seq},
	} {
		e.Room, e.From.ID = "room", "u1"
		mustAppend(t, j, e)
	}
	if err := j.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	if holds(t, dir, secret) {
		t.Error("a file still holds the body")
	}
	checkKept(t, j, "room", 57)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if holds(t, dir, secret) {
		t.Error("a file holds the body again")
	}
}

// A name that was taken out of entries is in no file any more, also out of one that is just
// being written.
func TestCompact_LeavesNoRedactedNameInAnyFile(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	const name = "the name that was taken out"
	e := say("room", "k")
	e.From.Name, e.From.Avatar = name, "https://a/"+name
	seqs := []journal.Seq{mustAppend(t, j, e).Seq}
	for i := range 50 {
		seqs = append(seqs, mustAppend(t, j, withKey(e, fmt.Sprint(i))).Seq)
	}
	if err := j.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !holds(t, dir, name) {
		t.Fatal("the name is not to be found: the test tests nothing")
	}
	j.Append(t.Context(), withKey(e, "last"), func(_ journal.Receipt, err error) {
		if err != nil {
			t.Error(err)
		}
	})
	err := j.Redact(t.Context(), "room", append(seqs, 52), func(e *journal.Entry) bool {
		e.From.Name, e.From.Avatar = "", ""
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkKept(t, j, "room", 52)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if holds(t, dir, name) {
		t.Error("a file still holds the name")
	}
}

// withKey is e with another key.
func withKey(e journal.Entry, key string) journal.Entry {
	e.Key = key
	return e
}

// holds reports whether any file in dir has the text in it. Compression leaves
// what it sees the first time as it is.
func holds(t *testing.T, dir, text string) bool {
	t.Helper()
	for _, file := range filesOf(t, dir, "") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), text) {
			return true
		}
	}
	return false
}

func TestBackup_WhileItRuns_IsWholeAndOfAnotherEpoch(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir()})
	defer j.Close()
	first := mustAppend(t, j, say("room", "k"))
	dir := filepath.Join(t.TempDir(), "backup")
	if err := j.Backup(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("others may look into the backup: %v, %v", info, err)
	}
	mustAppend(t, j, say("room", "later"))
	if err := j.Backup(context.Background(), dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second backup to the same place: %v", err)
	}
	for range 2 { // the epoch changes once
		b := open(t, Options{Dir: dir})
		checkKept(t, b, "room", 1)
		again := mustAppend(t, b, say("room", "k"))
		if !again.Duplicate || again.Seq != first.Seq || again.Epoch == first.Epoch || again.Epoch != epochOf(b) {
			t.Errorf("the key leads to %+v, in the backup to %+v", first, again)
		}
		epoch := epochOf(b)
		b = reopen(t, b)
		if epochOf(b) != epoch {
			t.Error("the epoch changed twice")
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// What is only in the log counts.
func TestStats_Bytes_CountTheLog(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), interval: -1})
	defer j.Close()
	const bytes = 200 << 10
	before := j.Stats().Bytes
	e := say("room", "")
	e.Body = newNoise()(bytes)
	mustAppend(t, j, e)
	if grown := j.Stats().Bytes - before; grown < bytes || grown > 2*bytes {
		t.Errorf("it has grown by %d bytes", grown)
	}
}
