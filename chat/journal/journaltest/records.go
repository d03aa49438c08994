package journaltest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

func testRecords(t *testing.T, s *tester.Suite) {
	s.Each(t, "are replaced and deleted by Put and returned by Get", func(t *tester.T) {
		if v := t.Get("none"); v != nil {
			t.Errorf("Get of an unknown key = %q", v)
		}
		t.Put("a", []byte("1"))
		t.CheckRecord("a", "1")
		t.Put("a", []byte("2"))
		t.CheckRecord("a", "2")
		t.Put("a", nil)
		if v := t.Get("a"); v != nil {
			t.Errorf("Get after it was deleted = %q", v)
		}
		t.Put("a", nil)
		t.Put("a", []byte("3"))
		t.CheckRecord("a", "3")
	})
	s.Each(t, "have keys and values up to the largest size", func(t *tester.T) {
		values := map[string]string{
			strings.Repeat("k", 512): strings.Repeat("v", 4096),
			"empty":                  "",
			"zeros":                  "\x00\x00\xff",
			"😀":                      "😀",
		}
		for k, v := range values {
			t.Put(k, []byte(v))
		}
		for k, v := range values {
			t.CheckRecord(k, v)
		}
	})
	s.Each(t, "are independent of the slices of the caller", func(t *tester.T) {
		value := []byte("before")
		t.Put("a", value)
		copy(value, "after!")
		t.CheckRecord("a", "before")
		copy(t.Get("a"), "after!")
		t.CheckRecord("a", "before")
	})
	s.Each(t, "are found by Scan in the order of their keys", testScan)
	s.Each(t, "are returned by GetMany in the order asked", func(t *tester.T) {
		for i := range 200 {
			t.Put(fmt.Sprint("k", i), fmt.Append(nil, i))
		}
		var keys []string
		var want []journal.Record
		for i := 400; i > 0; i -= 7 {
			r := journal.Record{}
			if n := i % 250; n < 200 {
				r.Value = fmt.Append(nil, n)
			}
			keys, want = append(keys, fmt.Sprint("k", i%250), "empty"), append(want, r, journal.Record{Value: []byte{}})
		}
		t.Put("empty", []byte{})
		t.CheckRecords(keys, want...)
		t.CheckRecords(nil)
	})
	s.Each(t, "are in GetMany not older than those before them", (*tester.T).CheckOrder)
	s.Each(t, "have an ErrLimit for everything that is too large", testRecordLimits)
	s.Each(t, "are separate from entries", func(t *tester.T) {
		t.AppendMany("room", 3)
		t.Put("room", []byte("1"))
		if found := t.Scan(""); !slices.Equal(found, []string{"room=1"}) {
			t.Errorf("Scan = %q", found)
		}
		t.Put("room", nil)
		t.CheckNumbers(t.All("room"), 1)
	})
	s.Each(t, "may be put by many goroutines at once", func(t *tester.T) {
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 10 {
					if err := t.J.Records().Put(tester.Background, fmt.Sprint("g", g), fmt.Append(nil, i)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for g := range 8 {
			t.CheckRecord(fmt.Sprint("g", g), "9")
		}
	})
}

func testRecordLimits(t *tester.T) {
	t.Put("a", []byte("1"))
	for name, c := range map[string]struct {
		key   string
		value []byte
	}{
		"an empty key":       {"", []byte("x")},
		"a long key":         {strings.Repeat("k", journal.MaxRecordKey+1), []byte("x")},
		"a key in bad UTF-8": {"\xff", []byte("x")},
		"a large value":      {"a", make([]byte, journal.MaxRecord+1)},
	} {
		putting := t.J.Records().Put(tester.Background, c.key, c.value)
		updating := t.J.Records().Update(tester.Background, c.key, func([]byte) ([]byte, error) { return c.value, nil })
		for _, err := range []error{putting, updating} {
			if !errors.Is(err, journal.ErrLimit) || len(err.Error()) < len(journal.ErrLimit.Error())+10 {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if found := t.Scan(""); !slices.Equal(found, []string{"a=1"}) {
		t.Errorf("Scan = %q", found)
	}
}

func testUpdate(t *testing.T, s *tester.Suite) {
	s.Each(t, "replaces what it gets", func(t *tester.T) {
		for _, c := range []struct{ old, value string }{{"", "1"}, {"1", "12"}, {"12", ""}, {"", "1"}} { // "" is no record
			t.Update("a", func(old []byte) []byte {
				if string(old) != c.old || (old == nil) != (c.old == "") {
					t.Errorf("Update got %q, want %q", old, c.old)
				}
				if c.value == "" {
					return nil
				}
				return []byte(c.value)
			})
			if v := t.Get("a"); string(v) != c.value || (v == nil) != (c.value == "") {
				t.Errorf("after Update: %q, want %q", v, c.value)
			}
		}
		t.Update("empty", func([]byte) []byte { return []byte{} })
		t.Put("put", []byte("x"))
		t.Update("put", func(old []byte) []byte { return append([]byte("y"), old...) })
		if found := t.Scan(""); !slices.Equal(found, []string{"a=1", "empty=", "put=yx"}) {
			t.Errorf("Scan = %q", found)
		}
	})
	s.Each(t, "changes nothing if its function returns an error", func(t *tester.T) {
		t.Update("a", func([]byte) []byte { return []byte("1") })
		before, errOwn := t.Records("a", "b"), errors.New("errOwn")
		w := t.Watch("")
		for _, key := range []string{"a", "b"} {
			err := t.J.Records().Update(tester.Background, key, func([]byte) ([]byte, error) { return []byte("2"), errOwn })
			if !errors.Is(err, errOwn) {
				t.Errorf("error %v, want %v", err, errOwn)
			}
		}
		t.CheckRecords([]string{"a", "b"}, before...)
		t.Put("z", []byte("x"))
		if got := w.Wait(2); string(got[1].Value) != "x" {
			t.Errorf("a watcher got %+v", got)
		}
	})
	s.Each(t, "has positions that rise, and stamps without a number", func(t *tester.T) {
		var last journal.Position
		for i := range 30 {
			key := fmt.Sprint(i % 3)
			t.Update(key, func([]byte) []byte { return fmt.Append(nil, i) })
			r := t.Records(key)[0]
			if r.Stamp != (journal.Stamp{Position: r.Stamp.Position}) || r.Stamp.Position <= last {
				t.Fatalf("update %d has the stamp %+v, behind %d", i, r.Stamp, last)
			}
			last = r.Stamp.Position
			if p := t.Positions(); p[len(p)-1] < last {
				t.Fatalf("Positions has %d, an update %d", p[len(p)-1], last)
			}
			t.Append(tester.Message("room", "u1", `"x"`))
		}
		t.Put("0", []byte("x"))
		t.CheckRecords([]string{"0"}, journal.Record{Value: []byte("x")}) // the stamp of Put is zero
	})
	s.Each(t, "counts exactly when many count", func(t *tester.T) {
		const writers, each = 64, 3
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for range each {
					t.Update("counter", tester.Increment)
				}
			})
		}
		wg.Wait()
		t.CheckRecord("counter", fmt.Sprint(writers*each))
	})
}

func testWatch(t *testing.T, s *tester.Suite) {
	s.Each(t, "tells what there is, and then every change in order", func(t *tester.T) {
		t.Put("a/1", []byte("1"))
		t.Update("a/2", tester.Increment)
		t.Put("b", []byte("1"))
		w, all := t.Watch("a/"), t.Watch("")
		want := []string{"a/1=1", "a/2=1"}
		if got := tester.Changes(w.Wait(0)); !slices.Equal(got, want) {
			t.Errorf("when Watch returned it had told\n%q\nwant\n%q", got, want)
		}
		told := func(change string) { want = append(want, change) }
		for i := range 20 {
			t.Put("a/1", fmt.Append(nil, i))
			t.Put("c", fmt.Append(nil, i))
			t.Update("a/2", tester.Increment)
			t.Update("a/3", tester.Increment)
			told(fmt.Sprint("a/1=", i))
			told(fmt.Sprint("a/2=", i+2))
			told("a/3=1")
			switch i % 2 {
			case 0:
				t.Put("a/3", nil)
			case 1:
				t.Update("a/3", func([]byte) []byte { return nil })
			}
			told("a/3 deleted")
		}
		if got := tester.Changes(w.Wait(len(want))); !slices.Equal(got, want) {
			t.Errorf("told\n%q\nwant\n%q", got, want)
		}
		if got := tester.Changes(all.Wait(len(want) + 21)); len(got) != len(want)+21 || got[2] != "b=1" {
			t.Errorf("a watcher of everything was told\n%q", got)
		}
	})
	s.Each(t, "stops one watcher and not the others", func(t *tester.T) {
		a, b := t.Watch("k"), t.Watch("k")
		t.Put("k", []byte("1"))
		a.Wait(1)
		a.Stop()
		t.Put("k", []byte("2"))
		if b.Wait(2); len(a.Wait(0)) != 1 {
			t.Error("a stopped watcher was told of a change")
		}
	})
	s.Each(t, "ends with the newest value and never goes back", func(t *tester.T) {
		t.Update("counter", tester.Increment)
		watchers := []*tester.Watcher{t.Watch("counter"), t.Watch("")}
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 20 {
					t.Update("counter", tester.Increment)
					t.Update(fmt.Sprint("counter of ", g), tester.Increment)
					if g == 0 && i%5 == 0 {
						t.Watch("c").Stop() // fails the test if it is called afterwards
					}
				}
			})
		}
		late := t.Watch("counter")
		wg.Wait()
		for _, w := range append(watchers, late) {
			checkRising(w, map[string]int{"counter": 161, "counter of 0": 20, "counter of 3": 20, "counter of 7": 20})
		}
	})
}

// checkRising waits until a watcher of counters was told that these have their last
// values, and checks that no value was left out on the way.
func checkRising(w *tester.Watcher, last map[string]int) {
	w.T.Helper()
	got := w.Until(func(got []journal.Record) bool {
		newest := map[string]string{}
		for _, r := range got {
			newest[r.Key] = string(r.Value)
		}
		for key, n := range last {
			if newest[key] != fmt.Sprint(n) {
				return false
			}
		}
		return true
	})
	before := map[string]int{}
	stamps := map[string]journal.Position{}
	for _, r := range got {
		n, _ := strconv.Atoi(string(r.Value))
		if old, known := before[r.Key]; known && n != old+1 || r.Stamp.Position <= stamps[r.Key] {
			w.T.Fatalf("%q is %s with the stamp %+v, behind %d: %q", r.Key, r.Value, r.Stamp, before[r.Key], tester.Changes(got))
		}
		before[r.Key], stamps[r.Key] = n, r.Stamp.Position
	}
}

func testScan(t *tester.T) {
	keys := []string{"read/a/1", "read/a/2", "read/a", "read/b/1", "read", "rea", "x", "\U0010ffff", "\U0010ffff!", "ban/u1"}
	for _, k := range keys {
		t.Put(k, []byte(k))
	}
	slices.Sort(keys)
	for _, prefix := range []string{"", "r", "read", "read/", "read/a", "read/a/", "read/a/1", "\U0010ffff", "none", "zzz"} {
		var want []string
		for _, k := range keys {
			if strings.HasPrefix(k, prefix) {
				want = append(want, k+"="+k)
			}
		}
		if got := t.Scan(prefix); !slices.Equal(got, want) {
			t.Errorf("Scan(%q) = %q, want %q", prefix, got, want)
		}
	}
	prefixes := []string{"x", "read/a", "none", "read", "read/a"}
	var got, want []string
	for n, prefix := range prefixes {
		for _, found := range t.Scan(prefix) {
			want = append(want, strconv.Itoa(n)+found)
		}
	}
	err := t.J.Records().ScanMany(tester.Background, prefixes, func(n int, r journal.Record) error {
		got = append(got, strconv.Itoa(n)+r.Key+"="+string(r.Value))
		return nil
	})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("ScanMany(%q) = %q, want %q: %v", prefixes, got, want, err)
	}
	testScanEnds(t)
}

func testScanEnds(t *tester.T) {
	err := t.J.Records().Scan(tester.Background, "read/a/", func(r journal.Record) error {
		return t.J.Records().Put(tester.Background, "read/a/9", append(t.Get(r.Key), '!'))
	})
	if found := t.Scan("read/a/9"); err != nil || !slices.Equal(found, []string{"read/a/9=read/a/2!"}) {
		t.Errorf("a callback that uses the journal: %q, %v", found, err)
	}
	errStop := errors.New("errStop")
	calls := 0
	err = t.J.Records().Scan(tester.Background, "read", func(journal.Record) error {
		if calls++; calls == 2 {
			return errStop
		}
		return nil
	})
	if !errors.Is(err, errStop) || calls != 2 {
		t.Errorf("Scan whose callback failed: %v after %d calls", err, calls)
	}
	err = t.J.Records().ScanMany(tester.Background, []string{"x", "read"}, func(int, journal.Record) error {
		if calls++; calls == 4 {
			return errStop
		}
		return nil
	})
	if !errors.Is(err, errStop) || calls != 4 {
		t.Errorf("ScanMany whose callback failed: %v after %d calls", err, calls)
	}
}
