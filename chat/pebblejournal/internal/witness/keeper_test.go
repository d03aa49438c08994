package witness

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// However often something is recorded, the file is written once a second, the first
// time at once, and has the newest state in the end.
func TestKeeper_ManyNotes_WritesOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		k := NewKeeper(fs, "")
		var writes, entries atomic.Uint64
		var full atomic.Bool
		go k.Run(func() (Witness, bool) {
			writes.Add(1)
			return Witness{Entries: entries.Load()}, !full.Load()
		})
		check := func(wantWrites, want uint64) {
			t.Helper()
			synctest.Wait()
			if w, err := Read(fs, ""); err != nil || w.Entries != want || writes.Load() != wantWrites {
				t.Fatalf("%d writes, %+v, %v; want %d writes and %d entries", writes.Load(), w, err, wantWrites, want)
			}
		}
		note := func() {
			entries.Add(1)
			k.Note()
		}
		note()
		check(1, 1)
		for range 100 {
			note()
			time.Sleep(time.Millisecond)
		}
		check(1, 1)
		time.Sleep(interval)
		check(2, 101)
		time.Sleep(time.Hour)
		check(2, 101) // nothing was recorded
		full.Store(true)
		note()
		check(3, 101)
		full.Store(false)
		time.Sleep(interval)
		check(4, 102)
		note()
		<-k.Stop() // what was noted last is for Write
		if err := k.Write(Witness{Entries: entries.Load(), Closed: true}); err != nil {
			t.Fatal(err)
		}
		check(4, 103)
	})
}
