//go:build unix

package list

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/readmarks"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// policies are those of the benchmarks.
var policies = access.Policies{{Pattern: "g-*", Read: membersOnly()}}

func membersOnly() []access.Subject {
	members, err := access.ParseSubject("members")
	if err != nil {
		panic(err)
	}
	return []access.Subject{members}
}

// manyRooms is how many conversations the user of the benchmarks has.
const manyRooms = 10_000

// openStore opens a journal and reads lists from it.
func openStore(tb testing.TB, dir string) (*Reader, func()) {
	tb.Helper()
	j, err := pebblejournal.Open(pebblejournal.Options{Dir: dir})
	if err != nil {
		tb.Fatal(err)
	}
	r := &Reader{
		Journal: j, Marks: readmarks.New(j.Records()),
		Profiles: func(_ context.Context, ids []string) ([]journal.User, error) {
			return make([]journal.User, len(ids)), nil
		},
		Policies: func() access.Policies { return policies },
		Banned:   func(string, string) time.Duration { return 0 },
		Heads:    unbounded,
	}
	return r, func() {
		if err := j.Close(); err != nil {
			tb.Error(err)
		}
	}
}

// fill founds conversations of one user, in each of which something was said and some of it
// was read.
func fill(tb testing.TB, r *Reader) {
	tb.Helper()
	ann := journal.User{ID: "ann", Name: "Ann"}
	failed := make(chan error, 3*manyRooms)
	say := func(e journal.Entry) {
		r.Journal.Append(context.Background(), e, func(_ journal.Receipt, err error) { failed <- err })
	}
	for i := range manyRooms {
		room := fmt.Sprintf("g-%026d", i)
		founding, err := members.Found(room, ann, []journal.User{{ID: fmt.Sprint("user-", i)}}, members.Info{Title: "a group of some people"})
		if err != nil {
			tb.Fatal(err)
		}
		say(founding.Entry())
		for range 2 {
			say(journal.Entry{Room: room, Kind: journal.Message, From: ann, Body: []byte(`{"text":"that is the newest of what was said here"}`)})
		}
	}
	for range 3 * manyRooms {
		if err := <-failed; err != nil {
			tb.Fatal(err)
		}
	}
	for i := 0; i < manyRooms; i += 10 {
		room := fmt.Sprintf("g-%026d", i)
		heads, err := r.Journal.Heads(context.Background(), []string{room})
		if err != nil {
			tb.Fatal(err)
		}
		top := i%100 == 0
		if _, err := Set(context.Background(), r.Journal.Records(), "ann", room, &heads[0], Change{Top: &top}); err != nil {
			tb.Fatal(err)
		}
	}
}

// BenchmarkReader_Open is what one costs who comes with 10,000 conversations: warm, and in
// a store that was just opened.
func BenchmarkReader_Open(b *testing.B) {
	dir := b.TempDir()
	r, closeStore := openStore(b, dir)
	fill(b, r)
	read := func(r *Reader) {
		n := 0
		list, _, err := r.Since(b.Context(), "ann", access.Person{User: "ann"}, wire.ListFrom{}, func(_ policiesSum, places []place) { n = len(places) })
		if err != nil || n != manyRooms || len(list.Rows) != pageRows || len((&wire.Rows{Rows: list.Rows}).Append(nil)) > pageBytes {
			b.Fatalf("%d rows, %v", len(list.Rows), err)
		}
	}
	b.Run("warm", func(b *testing.B) {
		b.ReportAllocs()
		began := cpu(b)
		for b.Loop() {
			read(r)
		}
		b.ReportMetric(float64((cpu(b)-began).Microseconds())/1000/float64(b.N), "cpu-ms/op")
	})
	closeStore()
	b.Run("cold", func(b *testing.B) {
		var took time.Duration
		for b.Loop() {
			b.StopTimer()
			r, closeStore := openStore(b, dir)
			b.StartTimer()
			began := cpu(b)
			read(r)
			took += cpu(b) - began
			b.StopTimer()
			closeStore()
			b.StartTimer()
		}
		b.ReportMetric(float64(took.Microseconds())/1000/float64(b.N), "cpu-ms/op")
	})
}

// BenchmarkReader_Return is what each of 2,000 users costs who come back after a restart, eight
// at a time, with 50 conversations of 20 members each.
func BenchmarkReader_Return(b *testing.B) {
	const users, each, of = 2000, 50, 20
	dir := b.TempDir()
	r, closeStore := openStore(b, dir)
	const rooms = users / of * each
	failed := make(chan error, 2*rooms)
	for i := range rooms {
		var people []journal.User
		for u := range of {
			people = append(people, journal.User{ID: fmt.Sprint("user-", i/each*of+u)})
		}
		room := fmt.Sprintf("g-%026d", i)
		founding, err := members.Found(room, people[0], people[1:], members.Info{Title: "a group of some people"})
		if err != nil {
			b.Fatal(err)
		}
		said := journal.Entry{Room: room, Kind: journal.Message, From: people[1], Body: []byte(`{"text":"that is the newest of what was said here"}`)}
		for _, e := range []journal.Entry{founding.Entry(), said} {
			r.Journal.Append(b.Context(), e, func(_ journal.Receipt, err error) { failed <- err })
		}
	}
	for range cap(failed) {
		if err := <-failed; err != nil {
			b.Fatal(err)
		}
	}
	closeStore()
	var took time.Duration
	for b.Loop() {
		b.StopTimer()
		r, closeStore := openStore(b, dir)
		b.StartTimer()
		began := cpu(b)
		var coming errgroup.Group
		coming.SetLimit(8)
		for u := range users {
			coming.Go(func() error {
				n := 0
				list, _, err := r.Since(b.Context(), fmt.Sprint("user-", u), access.Person{User: fmt.Sprint("user-", u)}, wire.ListFrom{}, func(_ policiesSum, places []place) { n = len(places) })
				if err == nil && (n != each || len(list.Rows) != each) {
					err = fmt.Errorf("%d of %d rows", len(list.Rows), n)
				}
				return err
			})
		}
		if err := coming.Wait(); err != nil {
			b.Fatal(err)
		}
		took += cpu(b) - began
		b.StopTimer()
		closeStore()
		b.StartTimer()
	}
	b.ReportMetric(float64(took.Microseconds())/1000/float64(b.N*users), "cpu-ms/user")
}

// cpu returns the time that this process has spent on processors.
func cpu(tb testing.TB) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// nobody is a session that drops what it is told.
type nobody struct{}

func (*nobody) Deliver([]byte)  {}
func (*nobody) Close(wire.Code) {}

// BenchmarkWatchers_Memory is what lists take that are told live: of 50,000 users with 50
// conversations each, of 20 members, and the followings of their own rooms.
func BenchmarkWatchers_Memory(b *testing.B) {
	const users, each, of = 50_000, 50, 20
	r, closeStore := openStore(b, b.TempDir())
	defer closeStore()
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		w := watchers{max: func() int { return users * each }, users: map[string]*watcher{}, rooms: map[string]*listed{}}
		began := time.Now()
		for u := range users {
			user := fmt.Sprintf("user-%d", u)
			w.enter(user, access.Person{User: user}, &nobody{})
			places := make([]place, each)
			for i := range places {
				places[i] = place{room: fmt.Sprintf("g-%026d", (u/of)*each+i), from: 1}
			}
			if !w.add(user, places, policiesSum{}) {
				b.Fatal("too many pairs")
			}
		}
		took := time.Since(began)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(users*each), "bytes/pair")
		b.ReportMetric(float64(took.Nanoseconds())/(users*each), "ns/pair")
		lists := after.HeapAlloc
		for user, u := range w.users {
			start, err := r.Journal.Follow(OwnRoom(user), journal.Newest, ownFollower{})
			if err != nil {
				b.Fatal(err)
			}
			u.stop = start.Stop
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-lists)/(1<<20), "MiB-followings")
		for _, u := range w.users {
			u.stop()
		}
	}
}
