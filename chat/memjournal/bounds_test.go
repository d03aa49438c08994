package memjournal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

var background = context.Background()

// say appends a message and returns its receipt. An error fails the test.
func say(t testing.TB, j *Journal, room, key, body string) journal.Receipt {
	t.Helper()
	return must(t, j, journal.Entry{Room: room, Kind: journal.Message, From: journal.User{ID: "li"}, Key: key, Body: []byte(body)})
}

func must(t testing.TB, j *Journal, e journal.Entry) journal.Receipt {
	t.Helper()
	r, err := tryAppend(j, e)
	if err != nil {
		t.Fatalf("append to %q: %v", e.Room, err)
	}
	return r
}

func tryAppend(j *Journal, e journal.Entry) (r journal.Receipt, err error) {
	j.Append(background, e, func(got journal.Receipt, e error) { r, err = got, e })
	return r, err
}

func head(t testing.TB, j *Journal, room string) journal.Head {
	t.Helper()
	heads, err := j.Heads(background, []string{room})
	if err != nil {
		t.Fatal(err)
	}
	return heads[0]
}

func put(t testing.TB, j *Journal, key string, size int) {
	t.Helper()
	if err := j.Records().Put(background, key, make([]byte, size)); err != nil {
		t.Fatalf("Put of %q: %v", key, err)
	}
}

func keepAll(string) journal.Retention { return journal.Retention{} }

func open(t testing.TB, opt Options) *Journal {
	j := New(opt)
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

// nobody is a follower that does nothing.
type nobody struct{}

func (nobody) Deliver(journal.Entry) {}
func (nobody) Lost(journal.Lost)     {}

func follow(t testing.TB, j *Journal, room string) journal.Start {
	t.Helper()
	start, err := j.Follow(room, journal.Newest, nobody{})
	if err != nil {
		t.Fatal(err)
	}
	return start
}

// Whatever fills a store counts for at least what it takes in memory.
func TestMaxBytes_CoversTheHeap(t *testing.T) {
	const n = 10_000
	text := func(i int) string { return strings.Clone(fmt.Sprintf("%032d", i)) }
	for name, fill := range map[string]func(j *Journal){
		"entries": func(j *Journal) {
			for i := range n {
				say(t, j, "room", "", text(i))
			}
		},
		"keys": func(j *Journal) {
			for i := range n {
				must(t, j, journal.Entry{Room: "few", Kind: journal.Message, From: journal.User{ID: text(i)}, Key: text(i)})
			}
		},
		"rooms": func(j *Journal) {
			for i := range n {
				say(t, j, text(i), "", "x")
			}
		},
		"empty rooms": func(j *Journal) {
			for i := range n {
				say(t, j, text(i), "", "x")
				if err := j.Trim(background, text(i), 2); err != nil {
					t.Fatal(err)
				}
			}
		},
		"entries of a room that loses as many": func(j *Journal) {
			for i := range n {
				say(t, j, "half", "", text(i))
			}
		},
		"entries of a room that has lost most": func(j *Journal) {
			for i := range n {
				say(t, j, "room", "", text(i))
			}
			if err := j.Trim(background, "room", n*6/10); err != nil {
				t.Fatal(err)
			}
		},
		"records of which most were deleted": func(j *Journal) {
			for i := range 3 * n {
				put(t, j, text(i), 50)
			}
			for i := range 3 * n {
				if i%50 > 0 {
					if err := j.Records().Put(background, text(i), nil); err != nil {
						t.Fatal(err)
					}
				}
			}
		},
		"records": func(j *Journal) {
			for _, i := range rand.Perm(n) {
				put(t, j, text(i), 50)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			j := open(t, Options{MaxBytes: 1 << 30, Retention: func(room string) journal.Retention {
				return journal.Retention{Count: map[string]int{"few": 2, "half": n / 2}[room]}
			}})
			fill(j)
			took, counted := heap()-before, j.Stats().Bytes
			runtime.KeepAlive(j)
			if took > counted || counted > 3*took {
				t.Errorf("%d bytes are counted for %d", counted, took)
			}
		})
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// checkBytes checks that what a store counts is what it has.
func checkBytes(t *testing.T, s *store) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var rooms, lasting, feed, records int64
	var entries uint64
	for _, r := range s.rooms {
		size := int64(0)
		for i := range r.entries.len() {
			e := r.entries.at(i).entry("", 0)
			size += int64(e.Size())
			entries++
		}
		rooms += r.life.cost() + size + entryExtra*int64(r.entries.len())
		for i := range r.keyOrder.len() {
			rooms += r.keyOrder.at(i).cost()
		}
		if r.lasts {
			lasting += r.life.cost()
		}
		_, oldKey := r.oldKey()
		if size != r.size || len(r.keys) != r.keyOrder.len() ||
			(r.inSilent != nil) != (r.entries.len() > 0) || (r.inOldKeys != nil) != oldKey ||
			(r.inEmpty != nil) != (r.entries.len() == 0 && len(r.followers) == 0 && !r.lasts) {
			t.Fatalf("room %q: size %d of %d, %d keys of %d, lists %v %v %v", r.life.name, r.size, size,
				len(r.keys), r.keyOrder.len(), r.inSilent, r.inEmpty, r.inOldKeys)
		}
	}
	for i := range s.feed.places.len() {
		feed += s.feed.places.at(i).cost()
	}
	for r := range s.records.scan("") {
		records += cost(&r)
	}
	if rooms != s.bytes || lasting != s.lasting || feed != s.feed.bytes || records != s.records.bytes || entries != s.entries {
		t.Fatalf("rooms %d of %d, lasting %d of %d, feed %d of %d, records %d of %d, entries %d of %d", s.bytes, rooms,
			s.lasting, lasting, s.feed.bytes, feed, s.records.bytes, records, s.entries, entries)
	}
	if n := s.silent.Len() + s.empty.Len(); n > len(s.rooms) {
		t.Fatalf("%d rooms are in lists, %d are there", n, len(s.rooms))
	}
}

// A full store that is used at random counts right and keeps to its bound.
func TestMaxBytes_HoldsWhateverIsDone(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	j := open(t, Options{MaxBytes: 60_000, Retention: func(room string) journal.Retention {
		return journal.Retention{Count: len(room)}
	}})
	var stops []func()
	for step := range 6000 {
		room := strings.Repeat("r", 1+random.IntN(40))
		switch random.IntN(20) {
		case 0:
			stops = append(stops, follow(t, j, room).Stop)
		case 1, 2:
			if n := len(stops); n > 0 {
				stops[n-1]()
				stops = stops[:n-1]
			}
		case 3:
			below := []journal.Seq{journal.All, journal.Seq(random.IntN(20))}[random.IntN(2)]
			if err := j.Trim(background, room, below); err != nil {
				t.Fatal(err)
			}
		case 4, 5:
			value := make([]byte, random.IntN(1000))
			if random.IntN(2) == 0 {
				value = nil
			}
			err := j.Records().Put(background, fmt.Sprint(random.IntN(50)), value)
			if err != nil && (value == nil || !errors.Is(err, journal.ErrUnavailable)) {
				t.Fatal(err)
			}
		default:
			e := journal.Entry{Room: room, Kind: journal.Kind(1 + random.IntN(8)), Body: make([]byte, random.IntN(300)), Target: journal.Seq(1 + random.IntN(20))}
			if random.IntN(2) == 0 {
				e.Key = fmt.Sprint(random.IntN(1000))
			}
			if random.IntN(9) == 0 {
				e.With = []journal.Record{{Key: "w", Value: make([]byte, random.IntN(200))}, {Key: "w"}, {Key: fmt.Sprint("w", random.IntN(9)), Value: []byte{1}}}
			}
			if _, err := tryAppend(j, e); err != nil && !errors.Is(err, journal.ErrUnavailable) && !errors.Is(err, journal.ErrNoTarget) {
				t.Fatal(err)
			}
		}
		checkBytes(t, j.store)
		if kept := j.Stats().Bytes; kept > 60_000+40*800 { // what somebody follows may exceed it
			t.Fatalf("step %d: %d bytes", step, kept)
		}
	}
}

func TestMaxBytes_TakesKeysOfRemovedEntriesFirst(t *testing.T) {
	j := open(t, Options{MaxBytes: 40_000, Retention: func(room string) journal.Retention {
		return journal.Retention{Count: map[string]int{"busy": 1}[room]}
	}})
	for i := range 10 {
		say(t, j, "silent", fmt.Sprint(i), "x")
	}
	for i := range 500 {
		say(t, j, "busy", fmt.Sprint(i), "x")
	}
	if h := head(t, j, "silent"); h.First != 1 {
		t.Errorf("the silent room begins with %d", h.First)
	}
	for i, want := range []bool{false, true} {
		r, err := j.Find(background, "busy", "li", fmt.Sprint(i*499))
		if err != nil || r.Duplicate != want {
			t.Errorf("key %d: %+v, %v", i*499, r, err)
		}
	}
	if r, _ := j.Find(background, "silent", "li", "0"); !r.Duplicate {
		t.Error("a key of an entry that is kept is gone")
	}
}

func TestMaxBytes_TakesFromTheRoomsThatAreSilentLongest(t *testing.T) {
	j := open(t, Options{MaxBytes: 60_000, Retention: keepAll})
	followed := follow(t, j, "b")
	for _, room := range []string{"a", "b", "c"} {
		for range 20 {
			say(t, j, room, "", "x")
		}
	}
	tag := journal.Entry{Room: "c", Kind: journal.Tag, Target: 1}
	must(t, j, tag)
	for i := 0; head(t, j, "c").First < 22; i++ {
		say(t, j, "d", "", "x")
		a, b, c := head(t, j, "a"), head(t, j, "b"), head(t, j, "c")
		if a.Last > 0 && b.First > 1 || b.First < 21 && c.First > 1 || i > 1000 {
			t.Fatalf("a begins with %d, b with %d, c with %d", a.First, b.First, c.First)
		}
	}
	if b := head(t, j, "b"); b.Last != 20 || b.Dropped != 20 || b.Epoch != followed.Epoch {
		t.Errorf("the head of a room that somebody follows is %+v", b)
	}
	followed.Stop()
	for range 300 {
		say(t, j, "d", "", "x")
	}
	if b := head(t, j, "b"); b.Last != 0 {
		t.Errorf("the head of an empty room is kept: %+v", b)
	}
	if c := head(t, j, "c"); c.Last != 21 || c.Count != 20 || c.First != 22 {
		t.Errorf("the head of a room with tags is %+v", c)
	}
}

// An empty room has its turn as any other: rooms that are silent longer lose first.
func TestMaxBytes_TakesHeadsInTheSameOrder(t *testing.T) {
	j := open(t, Options{MaxBytes: 30_000, Retention: keepAll})
	for _, room := range []string{"first", "empty", "last"} {
		for range 10 {
			say(t, j, room, "", "x")
		}
	}
	if err := j.Trim(background, "empty", 11); err != nil {
		t.Fatal(err)
	}
	for i := 0; head(t, j, "last").First == 1; i++ {
		first, empty := head(t, j, "first"), head(t, j, "empty")
		if empty.Last == 0 && first.First < 11 && first.Last == 10 || i > 100 {
			t.Fatalf("the empty room is gone before the entries of the first one, which has %d to %d", first.First, first.Last)
		}
		say(t, j, "speaks", "", "x")
	}
	if h := head(t, j, "empty"); h.Last != 0 {
		t.Errorf("the empty room is still there: %+v", h)
	}
}

// Records push out entries, never each other, and never silently.
func TestMaxBytes_RecordsAreKeptOrRefused(t *testing.T) {
	j := open(t, Options{MaxBytes: 100_000, Retention: keepAll})
	for range 500 {
		say(t, j, "room", "", "x")
	}
	full := journal.Record{Key: "new", Value: []byte("x")}
	put(t, j, "ban", 100)
	var err error
	n := 0
	for ; err == nil; n++ {
		if n < 30 && len(j.Warnings()) > 0 {
			t.Errorf("with %d records the warnings are %q", n, j.Warnings())
		}
		err = j.Records().Put(background, fmt.Sprint("k", n), make([]byte, 1000))
	}
	if !errors.Is(err, journal.ErrUnavailable) || n < 40 || n > 50 {
		t.Fatalf("record %d: %v", n, err)
	}
	if left, bounded := j.RecordSpace(); !bounded || left > 1200 {
		t.Errorf("records may grow by %d, %t", left, bounded)
	}
	for err = nil; err == nil; n++ {
		err = j.Records().Put(background, fmt.Sprint("k", n), nil)
		if err == nil {
			err = j.Records().Put(background, fmt.Sprint("k", n), []byte("x"))
		}
	}
	if len(j.Warnings()) != 1 {
		t.Errorf("the warnings are %q", j.Warnings())
	}
	last := head(t, j, "room").Last
	for name, do := range map[string]func() error{
		"Put": func() error { return j.Records().Put(background, full.Key, full.Value) },
		"Update": func() error {
			return j.Records().Update(background, full.Key, func([]byte) ([]byte, error) { return full.Value, nil })
		},
		"With": func() error {
			_, err := tryAppend(j, journal.Entry{Room: "room", Kind: journal.Message, With: []journal.Record{full}})
			return err
		},
		"a room with members": func() error {
			_, err := tryAppend(j, journal.Entry{Room: "group", Kind: journal.Member})
			return err
		},
		"Restore": func() error {
			_, _, err := j.Restore(background, []journal.Entry{{Room: "group", Kind: journal.Info, Seq: 7, At: 1}})
			return err
		},
	} {
		if err := do(); !errors.Is(err, journal.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if h := head(t, j, "room"); h.Last != last || head(t, j, "group").Last != 0 {
		t.Errorf("something was recorded: %+v", h)
	}
	put(t, j, "ban", 100)
	put(t, j, "k1", 900)
	say(t, j, "room", "", "x")
	say(t, j, "another", "", "x")
	if r, err := j.Records().Get(background, "ban"); err != nil || len(r.Value) != 100 {
		t.Errorf("the first record: %+v, %v", r, err)
	}
	if err := j.Records().Put(background, "k2", nil); err != nil {
		t.Error(err)
	}
	put(t, j, "new", 1)
	checkBytes(t, j.store)
}

func TestFeed_TakesATenth(t *testing.T) {
	j := open(t, Options{MaxBytes: 100_000, Retention: keepAll})
	for i := range 2000 {
		say(t, j, fmt.Sprint("room", i%7), "", "x")
	}
	if j.feed.bytes > 10_000 || j.feed.bytes < 9_000 {
		t.Errorf("the feed has %d bytes", j.feed.bytes)
	}
	page, err := j.Feed(background, journal.FeedQuery{Limit: 5000})
	n := len(page.Entries)
	for _, m := range page.Missing {
		n += int(m.To-m.From) + 1
	}
	if err != nil || page.First+journal.Position(n) != page.Last || page.Last != 2000 || page.Next != page.Last {
		t.Errorf("%d entries from %d to %d, next %d, %v", n, page.First, page.Last, page.Next, err)
	}
}

// Whoever fills the records with marks and tags keeps nobody from being banned or muted, or from
// having a token revoked. What is left for these has a bound, too.
func TestStore_FullRecords_LeaveRoomForBans(t *testing.T) {
	j := New(Options{MaxBytes: 1 << 20})
	defer j.Close()
	put := func(key string) error { return j.Records().Put(t.Context(), key, make([]byte, 1000)) }
	fill := func(prefix string) (n int) {
		for n < 1000 && put(fmt.Sprint(prefix, n)) == nil {
			n++
		}
		return n
	}
	if n := fill("seen\x00"); n < 300 || n > 600 {
		t.Fatalf("%d marks", n)
	}
	for _, prefix := range []string{"ban\x00\x00", "mute\x00\x00", "signedout\x00"} {
		if err := put(prefix + "evil"); err != nil {
			t.Errorf("%q: %v", prefix, err)
		}
	}
	if n := fill("ban\x00tea\x00"); n < 50 || n > 150 {
		t.Errorf("%d bans", n)
	}
	if err := put("banner\x00"); !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("another record: %v", err)
	}
}
