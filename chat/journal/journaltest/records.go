package journaltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

func testRecords(t *testing.T, s *suite) {
	s.each(t, "are replaced and deleted by Put and returned by Get", func(t *tester) {
		if v := t.get("none"); v != nil {
			t.Errorf("Get of an unknown key = %q", v)
		}
		t.put("a", []byte("1"))
		t.checkRecord("a", "1")
		t.put("a", []byte("2"))
		t.checkRecord("a", "2")
		t.put("a", nil)
		if v := t.get("a"); v != nil {
			t.Errorf("Get after it was deleted = %q", v)
		}
		t.put("a", nil)
		t.put("a", []byte("3"))
		t.checkRecord("a", "3")
	})
	s.each(t, "have keys and values up to the largest size", func(t *tester) {
		values := map[string]string{
			strings.Repeat("k", 512): strings.Repeat("v", 4096),
			"empty":                  "",
			"zeros":                  "\x00\x00\xff",
			"😀":                      "😀",
		}
		for k, v := range values {
			t.put(k, []byte(v))
		}
		for k, v := range values {
			t.checkRecord(k, v)
		}
	})
	s.each(t, "are independent of the slices of the caller", func(t *tester) {
		value := []byte("before")
		t.put("a", value)
		copy(value, "after!")
		t.checkRecord("a", "before")
		copy(t.get("a"), "after!")
		t.checkRecord("a", "before")
	})
	s.each(t, "are found by Scan in the order of their keys", testScan)
	s.each(t, "are separate from entries", func(t *tester) {
		t.appendMany("room", 3)
		t.put("room", []byte("1"))
		if found := t.scan(""); !slices.Equal(found, []string{"room=1"}) {
			t.Errorf("Scan = %q", found)
		}
		t.put("room", nil)
		t.checkNumbers(t.all("room"), 1)
	})
	s.each(t, "may be put by many goroutines at once", func(t *tester) {
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 10 {
					if err := t.j.Records().Put(context.Background(), fmt.Sprint("g", g), fmt.Append(nil, i)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for g := range 8 {
			t.checkRecord(fmt.Sprint("g", g), "9")
		}
	})
}

func testScan(t *tester) {
	keys := []string{"read/a/1", "read/a/2", "read/a", "read/b/1", "read", "rea", "x", "\U0010ffff", "\U0010ffff!", "ban/u1"}
	for _, k := range keys {
		t.put(k, []byte(k))
	}
	slices.Sort(keys)
	for _, prefix := range []string{"", "r", "read", "read/", "read/a", "read/a/", "read/a/1", "\U0010ffff", "none", "zzz"} {
		var want []string
		for _, k := range keys {
			if strings.HasPrefix(k, prefix) {
				want = append(want, k+"="+k)
			}
		}
		if got := t.scan(prefix); !slices.Equal(got, want) {
			t.Errorf("Scan(%q) = %q, want %q", prefix, got, want)
		}
	}
	errStop := errors.New("errStop")
	calls := 0
	err := t.j.Records().Scan(context.Background(), "read", func(string, []byte) error {
		if calls++; calls == 2 {
			return errStop
		}
		return nil
	})
	if !errors.Is(err, errStop) || calls != 2 {
		t.Errorf("Scan whose callback failed: %v after %d calls", err, calls)
	}
}

func (t *tester) put(key string, value []byte) {
	t.Helper()
	if err := t.j.Records().Put(context.Background(), key, value); err != nil {
		t.Fatalf("Put(%q): %v", key, err)
	}
}

func (t *tester) get(key string) []byte {
	t.Helper()
	value, err := t.j.Records().Get(context.Background(), key)
	if err != nil {
		t.Fatalf("Get(%q): %v", key, err)
	}
	return value
}

// scan returns the records that Scan finds, as key=value.
func (t *tester) scan(prefix string) []string {
	t.Helper()
	var found []string
	err := t.j.Records().Scan(context.Background(), prefix, func(key string, value []byte) error {
		found = append(found, key+"="+string(value))
		return nil
	})
	if err != nil {
		t.Fatalf("Scan(%q): %v", prefix, err)
	}
	return found
}

func (t *tester) checkRecord(key, want string) {
	t.Helper()
	if got := t.get(key); got == nil || string(got) != want {
		t.Errorf("Get(%q) = %q, want %q", key, got, want)
	}
}
