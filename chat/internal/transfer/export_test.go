package transfer

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/tags"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// An export that goes on where it was has the rest, and says so if it cannot.
func TestExport_GoesOnAfterRoomAndNumber(t *testing.T) {
	j := memjournal.New(memjournal.Options{})
	for _, room := range []string{"a", "c", "d"} {
		for range 2 {
			j.Append(t.Context(), journal.Entry{Room: room, Kind: journal.Message, From: journal.User{ID: "ann"}, Body: []byte("1")}, func(journal.Receipt, error) {})
		}
	}
	for _, c := range []struct {
		only, from string
		after      journal.Seq
		want       int // lines
		fails      string
	}{
		{"", "", 0, 6, ""},
		{"", "c", 1, 3, ""},
		{"", "d", 2, 0, ""},
		{"", "b", 0, 0, `from room "b": there is no such room`},
		{"c", "", 1, 1, ""},
		{"b", "", 0, 0, ""},
	} {
		lines := 0
		err := Export(context.Background(), j, j, c.only, c.from, c.after, func([]byte) error { lines++; return nil })
		if lines != c.want || (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%+v: %d lines, %v", c, lines, err)
		}
	}
}

// damaged is a journal of which something cannot be read.
type damaged struct{ Source }

func (d damaged) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	page, err := d.Source.Read(ctx, q)
	page.Damaged = 1
	return page, err
}

// What could not be read is told behind the last line.
func TestExport_Damaged_HasTheRestAndSaysSo(t *testing.T) {
	j := memjournal.New(memjournal.Options{})
	j.Append(t.Context(), journal.Entry{Room: "a", Kind: journal.Message, From: journal.User{ID: "ann"}, Body: []byte("1")}, func(journal.Receipt, error) {})
	lines := 0
	err := Export(context.Background(), damaged{j}, j, "", "", 0, func([]byte) error { lines++; return nil })
	if !errors.Is(err, ErrDamaged) || lines != 1 {
		t.Errorf("%d lines, %v", lines, err)
	}
}

// A line is no longer than what it says, and a line of any length that a hub can record is read back.
func TestExport_LongLines_AreReadBack(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			j, there := open(t), open(t)
			strange := journal.User{ID: "<&>", Name: "<i>", Avatar: "https://a.b/?x&y"}
			c, err := members.Found("<g>", strange, []journal.User{{ID: "bo"}}, members.Info{Title: "<Trip & so on>"})
			change(t, j, c, err)
			appendAll(t, j,
				journal.Entry{Room: "<g>", Kind: journal.Message, From: strange, Text: true, Body: bytes.Repeat([]byte{1}, 2<<20)},
				journal.Entry{Room: "<g>", Kind: journal.Tag, From: strange, Target: 2, Body: []byte(`{"tag":"<3","value":"&","shared":true}`)},
			)
			tagged, err := tags.Restored("<g>", []tags.Kept{{Seq: 2, Tag: "<3", Value: []byte(`"&"`), By: 3}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := j.RestoreRecords(t.Context(), tagged); err != nil {
				t.Fatal(err)
			}
			lines := exportOf(t, j, "")
			if strings.Contains(lines, `\u003`) || strings.Contains(lines, `\u0026`) {
				t.Errorf("the export has escapes for HTML:\n%.100s\n%s", lines, lines[max(0, len(lines)-1000):])
			}
			importInto(t, there, lines, Imported{Lines: 5, Recorded: 5})
			if again := exportOf(t, there, ""); withoutEpoch(again) != withoutEpoch(lines) {
				t.Errorf("there it is %d bytes, want %d:\n%s", len(again), len(lines), again[max(0, len(again)-1000):])
			}
		})
	}
}
