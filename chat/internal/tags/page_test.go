package tags

import (
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// A page has the tags of its messages, wherever it begins and ends, and of no others.
func TestLoad_EachPage_HasItsTags(t *testing.T) {
	j := memjournal.New(memjournal.Options{})
	defer j.Close()
	const last = 600
	for seq := journal.Seq(1); seq <= last; seq++ {
		for _, room := range []string{"tea", "tea2"} {
			done := make(chan error, 1)
			e := journal.Entry{Room: room, Kind: journal.Message, From: journal.User{ID: "ann"}, Body: []byte("1")}
			e.With = []journal.Record{{Key: messageKey(room, seq) + "ann\x00" + room, Value: []byte("true")}}
			j.Append(t.Context(), e, func(_ journal.Receipt, err error) { done <- err })
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, r := range [][2]journal.Seq{{1, 1}, {1, 100}, {15, 16}, {16, 31}, {200, 299}, {255, 256}, {256, 511}, {511, 512}, {501, 600}, {1, 600}} {
		page, err := j.Read(t.Context(), journal.Query{Room: "tea", After: r[0] - 1, Limit: int(r[1] - r[0] + 1)})
		if err != nil {
			t.Fatal(err)
		}
		found, _, err := Load(t.Context(), j.Records(), "ben", []Asked{{Room: "tea2", Page: &journal.Page{}}, {Room: "tea", Page: &page, Backward: r[0]%2 == 0}}, 10<<20)
		of := found[1].Tags
		if err != nil || len(of) != len(page.Entries) {
			t.Errorf("%v: %d messages have tags, want %d: %v", r, len(of), len(page.Entries), err)
		}
		for seq, list := range of {
			if seq < r[0] || seq > r[1] || len(list) != 1 || list[0].Tag != "tea" || list[0].Mine {
				t.Errorf("%v: message %d has %+v", r, seq, list)
			}
		}
	}
}
