package tester

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func (t *T) Put(key string, value []byte) {
	t.Helper()
	if err := t.J.Records().Put(Background, key, value); err != nil {
		t.Fatalf("Put(%q): %v", key, err)
	}
}

func (t *T) Get(key string) []byte {
	t.Helper()
	r, err := t.J.Records().Get(Background, key)
	if err != nil {
		t.Fatalf("Get(%q): %v", key, err)
	}
	return r.Value
}

// Scan returns the records that Scan finds, as key=value.
func (t *T) Scan(prefix string) []string {
	t.Helper()
	var found []string
	err := t.J.Records().Scan(Background, prefix, func(r journal.Record) error {
		found = append(found, r.Key+"="+string(r.Value))
		return nil
	})
	if err != nil {
		t.Fatalf("Scan(%q): %v", prefix, err)
	}
	return found
}

func (t *T) CheckRecord(key, want string) {
	t.Helper()
	if got := t.Get(key); got == nil || string(got) != want {
		t.Errorf("Get(%q) = %q, want %q", key, got, want)
	}
}

func (t *T) Update(key string, f func(old []byte) []byte) {
	t.Helper()
	if err := t.J.Records().Update(Background, key, func(old []byte) ([]byte, error) { return f(old), nil }); err != nil {
		t.Errorf("Update(%q): %v", key, err)
	}
}

// Records returns what GetMany finds.
func (t *T) Records(keys ...string) []journal.Record {
	t.Helper()
	found, err := t.J.Records().GetMany(Background, keys)
	if err != nil || len(found) != len(keys) {
		t.Fatalf("GetMany of %d: %d, %v", len(keys), len(found), err)
	}
	return found
}

// CheckRecords checks the values and stamps of records, read together, alone and by
// Scan. want need not have the keys.
func (t *T) CheckRecords(keys []string, want ...journal.Record) {
	t.Helper()
	scanned := map[string]journal.Record{}
	if err := t.J.Records().Scan(Background, "", func(r journal.Record) error { scanned[r.Key] = r; return nil }); err != nil {
		t.Fatalf("Scan: %v", err)
	}
	for i, r := range t.Records(keys...) {
		want[i].Key = keys[i]
		alone, err := t.J.Records().Get(Background, keys[i])
		if !sameRecord(r, want[i]) || err != nil || !sameRecord(alone, r) {
			t.Errorf("GetMany has %+v, Get %+v, %v, want %+v", r, alone, err, want[i])
		}
		if s, ok := scanned[keys[i]]; ok != (r.Value != nil) || ok && !sameRecord(s, r) {
			t.Errorf("GetMany has %+v, Scan %+v", r, s)
		}
	}
}

// sameRecord reports whether records are equal. The stamp of one that is not there
// means nothing.
func sameRecord(a, b journal.Record) bool {
	if a.Value == nil || b.Value == nil {
		return a.Value == nil && b.Value == nil && a.Key == b.Key
	}
	return a.Key == b.Key && bytes.Equal(a.Value, b.Value) && a.Stamp == b.Stamp
}

// Watcher watches records and checks every call.
type Watcher struct {
	*calls[journal.Record]
	Stop func()
}

// Watch watches the records with a prefix until the test ends.
func (t *T) Watch(prefix string) *Watcher {
	t.Helper()
	w := &Watcher{calls: newCalls[journal.Record](t, "a watcher")}
	stop, err := t.J.Records().Watch(prefix, func(r journal.Record) {
		w.call(r, func(journal.Record) {
			if !strings.HasPrefix(r.Key, prefix) {
				t.Errorf("a watcher of %q was told of %q", prefix, r.Key)
			}
			// The change is durable, and the journal may be used.
			there, err := t.J.Records().Get(Background, r.Key)
			if err != nil && !errors.Is(err, journal.ErrClosed) || err == nil && there.Value != nil && there.Stamp.Position > 0 && there.Stamp.Position < r.Stamp.Position {
				t.Errorf("a watcher was told %+v when there was %+v, %v", r, there, err)
			}
		})
	})
	if err != nil {
		t.Fatalf("Watch(%q): %v", prefix, err)
	}
	w.Stop = w.stopper(stop)
	return w
}

// Changes shows what a watcher was told.
func Changes(list []journal.Record) []string {
	var texts []string
	for _, r := range list {
		if r.Value == nil {
			texts = append(texts, r.Key+" deleted")
		} else {
			texts = append(texts, r.Key+"="+string(r.Value))
		}
	}
	return texts
}

// Increment is a function for Update.
func Increment(old []byte) []byte {
	n, _ := strconv.Atoi(string(old))
	for range 3 {
		runtime.Gosched() // so that others come between if they can
	}
	return strconv.AppendInt(nil, int64(n+1), 10)
}

// CheckOrder changes one record before another, again and again, and checks that GetMany sees
// it so, however long it takes.
func (t *T) CheckOrder() {
	const changes = 100
	keys := append([]string{"later"}, make([]string, 200)...)
	for i := range keys[1:] {
		keys[1+i] = fmt.Sprint("between", i)
	}
	keys = append(keys, "earlier")
	var over atomic.Bool
	var writing sync.WaitGroup
	defer writing.Wait()
	writing.Go(func() {
		defer over.Store(true)
		for i := range changes {
			for _, key := range []string{"earlier", "later"} {
				if err := t.J.Records().Put(Background, key, fmt.Appendf(nil, "%03d", i)); err != nil {
					t.Errorf("Put(%q): %v", key, err)
					return
				}
			}
			runtime.Gosched()
		}
	})
	for !over.Load() {
		got, err := t.J.Records().GetMany(Background, keys)
		if err != nil {
			t.Fatal(err)
		}
		if later, earlier := got[0].Value, got[len(keys)-1].Value; string(later) > string(earlier) {
			t.Fatalf("a record was %s, and one that was changed before it %s", later, earlier)
		}
	}
}
