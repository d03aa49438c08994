package tags

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// tagged are the records of rooms whose messages have as many tags as they may have, by as many
// users, all as long as they may be. They are made while they are read.
type tagged struct {
	journal.Records
	most    uint64 // bytes that were held meanwhile
	scanned int
}

func (r *tagged) ScanMany(ctx context.Context, prefixes []string, each func(int, journal.Record) error) error {
	var at runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&at)
	before := at.HeapAlloc
	for n, prefix := range prefixes {
		room, digits, _ := strings.Cut(strings.TrimPrefix(prefix, "tag\x00"), "\x00")
		if !strings.HasPrefix(prefix, "tag\x00") {
			continue
		}
		digits = strings.TrimSuffix(digits, "\x00")
		var begin journal.Seq
		fmt.Sscanf(digits, "%x", &begin)
		bits := max(16-len(digits), 0) * 4
		for seq := begin << bits; seq < (begin+1)<<bits; seq++ {
			for user := range 100 {
				for tag := range 20 {
					text := string(rune('a'+tag)) + strings.Repeat("😀", 31) + "xxx"
					key := messageKey(room, seq) + fmt.Sprintf("%0128d", user) + "\x00" + text
					r.scanned++
					if err := each(n, journal.Record{Key: key, Value: []byte("true"), Stamp: journal.Stamp{Seq: journal.Seq(1e6 - user*20 + tag)}}); err != nil {
						return err
					}
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&at)
			r.most = max(r.most, at.HeapAlloc-min(before, at.HeapAlloc))
		}
	}
	return nil
}

// What is read with its tags is bounded, and so is what is held meanwhile, whatever is tagged; and
// what is there is the end of each page at which reading begins, with all of its tags.
func TestLoad_IsBounded(t *testing.T) {
	const bytes = 128 << 10
	for _, c := range []struct{ rooms, entries, kept, scanned int }{
		{1, 100, 11, 66_001}, {1, 3, 3, 6000}, {4, 30, 8, 4 * 32_001}, {100, 1, 11, 200_000}, {3, 0, 0, 0},
	} {
		for _, backward := range []bool{false, true} {
			const first = 7
			asked := make([]Asked, c.rooms)
			for i := range asked {
				asked[i] = Asked{Room: fmt.Sprint("room", i), Page: &journal.Page{}, Backward: backward, Pins: true}
				for n := range c.entries {
					asked[i].Page.Entries = append(asked[i].Page.Entries, journal.Entry{Seq: journal.Seq(first + n), Kind: journal.Message})
				}
			}
			var records tagged
			found, cost, err := Load(t.Context(), &records, fmt.Sprintf("%0128d", 99), asked, bytes)
			if err != nil || cost < records.scanned*recordCost || records.scanned > c.scanned {
				t.Errorf("%+v: %d records were read, it costs %d: %v", c, records.scanned, cost, err)
			}
			if records.most > 3*bytes {
				t.Errorf("%+v, backward %t: %d bytes were held", c, backward, records.most)
			}
			kept := 0
			var frame []byte
			for i, a := range asked {
				begins := first
				if backward {
					begins = first + c.entries - len(a.Page.Entries)
				}
				if a.Page.More != (len(a.Page.Entries) < c.entries) {
					t.Errorf("%+v: page %d has %d entries, more %t", c, i, len(a.Page.Entries), a.Page.More)
				}
				for n, e := range found[i].Tags.Entries(a.Page.Entries) {
					frame = e.Append(frame)
					for at, tag := range e.Tags {
						if tag.Users != 100 || !tag.Mine || len(tag.Some) != 3 || tag.Some[0] != fmt.Sprintf("%0128d", 99) || tag.Tag[0] != byte('a'+at) {
							t.Fatalf("%+v: entry %d has the tag %+v", c, e.Seq, tag)
						}
					}
					if e.Seq != uint64(begins+n) || len(e.Tags) != 20 {
						t.Errorf("%+v: entry %d is %d, with %d tags", c, n, e.Seq, len(e.Tags))
					}
					kept++
				}
			}
			if kept < c.kept || len(frame) > bytes {
				t.Errorf("%+v, backward %t: %d entries of %d bytes", c, backward, kept, len(frame))
			}
		}
	}
}

// An entry that is alone too long is there nevertheless, with its tags; but for one only.
func TestLoad_KeepsOneEntry(t *testing.T) {
	page := func() *journal.Page {
		return &journal.Page{Entries: []journal.Entry{{Seq: 1, Kind: journal.Message}, {Seq: 2, Kind: journal.Message}}}
	}
	asked := []Asked{{Room: "none", Page: &journal.Page{}}, {Room: "a", Page: page()}, {Room: "none", Page: &journal.Page{}}, {Room: "b", Page: page(), Backward: true}}
	var records tagged
	found, _, err := Load(t.Context(), &records, "ann", asked, 100)
	if err != nil || len(asked[1].Page.Entries) != 1 || len(found[1].Tags[1]) != 20 || len(asked[3].Page.Entries) != 0 || !asked[3].Page.More {
		t.Errorf("%+v, %+v: %v", asked[1].Page, asked[3].Page, err)
	}
}

// The size of tags is that of their frame, about: it is never smaller.
func TestSize_IsThatOfTheFrame(t *testing.T) {
	for _, s := range []string{"+", `""""\\\\`, strings.Repeat("😀", 32)} {
		var m ofMessage
		e := wire.Entry{Seq: 1, Kind: journal.Message}
		empty := len(e.Append(nil))
		for i := range 5 {
			m.add(tag{user: s + fmt.Sprint(i), tag: s, by: journal.Seq(10 - i)}, "ann")
			m.add(tag{tag: s + fmt.Sprint(i), value: []byte(s), by: journal.Seq(10 - i)}, "ann")
		}
		e.Tags = m.tags()
		if n := len(e.Append(nil)) - empty; n > m.size+20 || n < m.size/2 {
			t.Errorf("%q: %d bytes, and counted %d", s, n, m.size)
		}
	}
}
