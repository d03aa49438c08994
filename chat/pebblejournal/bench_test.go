//go:build linux

package pebblejournal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// The figures of the README come from
//
//	go test ./chat/pebblejournal -run '^$' -bench Append_Many -benchtime 2000000x -cpu 2
//	go test ./chat/pebblejournal -run '^$' -bench Append_Alone -benchtime 5000x -cpu 2
//	go test ./chat/pebblejournal -run '^$' -bench Read -cpu 2
//	CHAT_LARGE=1 go test ./chat/pebblejournal -run Large -v -timeout 30m

var benchRooms, benchUsers = names("room"), names("user")

func names(kind string) []string {
	names := make([]string, 1000)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%d", kind, i)
	}
	return names
}

// benchText is what messages are cut out of.
var benchText = func() string {
	words := []string{"hello ", "see you ", "tomorrow ", "the ", "meeting ", "is at ", "ok ", "haha ", "where are you? ", "42 ", "你好", "在吗", "😀"}
	var b strings.Builder
	for b.Len() < 1<<20 {
		b.WriteString(words[rand.IntN(len(words))])
	}
	return b.String()
}()

// benchEntry is a message whose body has 200 bytes.
func benchEntry(room, user int, n uint64) journal.Entry {
	body := make([]byte, 0, 200)
	body = append(body, `{"text":"`...)
	at := rand.IntN(len(benchText) - 200)
	body = append(body, benchText[at:at+189]...)
	return journal.Entry{
		Room: benchRooms[room],
		Kind: journal.Message,
		From: journal.User{ID: benchUsers[user], Name: "Somebody"},
		Key:  string(strconv.AppendUint(strconv.AppendUint(make([]byte, 0, 32), rand.Uint64(), 36), n, 36)),
		Body: append(body, `"}`...),
	}
}

// cpuTime is what this process has used of the processors.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkJournal_Append_Many has 512 goroutines append, each waiting for its
// message to be durable before the next. The CPU counted is all of the
// process's: making the messages and waking the appenders too.
func BenchmarkJournal_Append_Many(b *testing.B) {
	j := openBench(b, b.TempDir())
	const appenders = 512
	var n atomic.Uint64
	var wg sync.WaitGroup
	b.ResetTimer()
	began, cpu := time.Now(), cpuTime(b)
	for user := range appenders {
		wg.Go(func() {
			done := make(chan error, 1)
			for i := n.Add(1); i <= uint64(b.N); i = n.Add(1) {
				j.Append(context.Background(), benchEntry(rand.IntN(len(benchRooms)), user, i), func(_ journal.Receipt, err error) { done <- err })
				if err := <-done; err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	took, used := time.Since(began), cpuTime(b)-cpu
	b.StopTimer()
	s := j.Stats()
	b.ReportMetric(float64(b.N)/took.Seconds(), "appends/s")
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "µs-cpu/append")
	b.ReportMetric(float64(s.Recorded)/float64(s.Commits), "group")
	b.ReportMetric(float64(s.CommitTime.Microseconds())/float64(s.Commits), "µs/commit")
}

// BenchmarkJournal_Append_Alone has one goroutine append, and compares with
// what the disk takes to write and sync as much: before, during and after, because
// the speed of disks varies.
func BenchmarkJournal_Append_Alone(b *testing.B) {
	dir := b.TempDir()
	j := openBench(b, filepath.Join(dir, "journal"))
	f, err := os.Create(filepath.Join(dir, "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var bare, appended time.Duration
	done := make(chan error, 1)
	record := make([]byte, 330)
	b.ResetTimer()
	for i := range b.N {
		began := time.Now()
		if _, err := f.Write(record); err != nil {
			b.Fatal(err)
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
		bare += time.Since(began)
		e := benchEntry(i%len(benchRooms), 1, uint64(i))
		began = time.Now()
		j.Append(context.Background(), e, func(_ journal.Receipt, err error) { done <- err })
		if err := <-done; err != nil {
			b.Fatal(err)
		}
		appended += time.Since(began)
	}
	b.ReportMetric(float64(bare.Microseconds())/float64(b.N), "µs/fsync")
	b.ReportMetric(float64(appended.Microseconds())/float64(b.N), "µs/append")
	b.ReportMetric(appended.Seconds()/bare.Seconds(), "fsyncs")
}

func openBench(b *testing.B, dir string) *Journal {
	b.Helper()
	j, err := Open(Options{Dir: dir, MaxBytes: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := j.Close(); err != nil {
			b.Error(err)
		}
	})
	return j
}

// fill appends n messages for each room.
func fill(t testing.TB, j *Journal, rooms, n int) {
	t.Helper()
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	for i := range n {
		for room := range rooms {
			wg.Add(1)
			j.Append(context.Background(), benchEntry(room, i%50, uint64(i)), func(_ journal.Receipt, err error) {
				if err != nil {
					failed.Store(&err)
				}
				wg.Done()
			})
		}
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		t.Fatal(*err)
	}
}

// BenchmarkJournal_Read reads the newest 50 messages of a room.
func BenchmarkJournal_Read(b *testing.B) {
	dir := b.TempDir()
	j := openBench(b, dir)
	fill(b, j, len(benchRooms), 300)
	read := func(b *testing.B, room int) {
		page, err := j.Read(context.Background(), journal.Query{Room: benchRooms[room], Backward: true, Limit: 50})
		if err != nil || len(page.Entries) != 50 {
			b.Fatal(len(page.Entries), err)
		}
	}
	b.Run("busy", func(b *testing.B) {
		for range b.N {
			read(b, 7)
		}
	})
	// A cold room is one that memory doesn't know; its blocks may be in the
	// cache, as they are after a while.
	cold := func(b *testing.B) {
		for i := range b.N {
			j.rooms.EvictAll()
			read(b, i*7919%len(benchRooms))
		}
	}
	b.Run("cold", cold)
	if err := j.Compact(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.Run("cold-compacted", cold)
	// As after a restart: nothing is in memory but what the kernel has.
	b.Run("cold-restarted", func(b *testing.B) {
		b.StopTimer()
		for i := range b.N {
			if i%50 == 0 {
				if _, err := j.store.Reopen(0, j.takeOver); err != nil {
					b.Fatal(err)
				}
			}
			j.rooms.EvictAll()
			runtime.Gosched()
			b.StartTimer()
			read(b, i*7919%len(benchRooms))
			b.StopTimer()
		}
	})
}

// BenchmarkJournal_Heads reads the heads of 10,000 rooms that are in memory. With
// -benchtime 1000x the appends before it do not count.
func BenchmarkJournal_Heads(b *testing.B) {
	j := openBench(b, b.TempDir())
	ctx := context.Background()
	rooms := make([]string, 10_000)
	var answered sync.WaitGroup
	for i := range rooms {
		rooms[i] = fmt.Sprint("conversation ", i)
		e := benchEntry(0, i%100, uint64(i))
		e.Room = rooms[i]
		answered.Add(1)
		j.Append(ctx, e, func(_ journal.Receipt, err error) {
			if err != nil {
				b.Error(err)
			}
			answered.Done()
		})
	}
	answered.Wait()
	read := func() {
		heads, err := j.Heads(ctx, rooms)
		if err != nil || len(heads) != len(rooms) || heads[5000].Newest.Seq == 0 {
			b.Fatal(len(heads), err)
		}
	}
	read()
	b.ResetTimer()
	cpu := cpuTime(b)
	for range b.N {
		read()
	}
	b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/1000/float64(b.N), "ms-cpu/10,000")
}
