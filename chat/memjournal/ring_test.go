package memjournal

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func TestRing_IsAQueue(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var q ring[int]
	var want []int
	for step := range 20_000 {
		if random.IntN(100) < 30+40*(step/2000%2) && len(want) > 0 {
			q.drop()
			want = want[1:]
		} else {
			q.push(step)
			want = append(want, step)
		}
		if q.len() != len(want) || len(q.buf) > 2*len(want)+16 {
			t.Fatalf("%d items take %d, want %d", q.len(), len(q.buf), len(want))
		}
		if i := random.IntN(len(want) + 1); i < len(want) && *q.at(i) != want[i] {
			t.Fatalf("item %d is %d, want %d", i, *q.at(i), want[i])
		}
	}
	var got []int
	for ; q.len() > 0; q.drop() {
		got = append(got, *q.at(0))
	}
	if !slices.Equal(got, want) || q.buf != nil {
		t.Error("another order, or not everything is gone")
	}
}

// A record is found, scanned and deleted among any number of others.
func TestRecords_AreInOrder(t *testing.T) {
	var rs records
	want := map[string]bool{}
	for i := range 3000 {
		key := fmt.Sprintf("%04d", i*7919%3000)
		rs.set(journal.Record{Key: key, Value: []byte{1}}, nil)
		want[key] = true
		if i%3 == 0 {
			gone := fmt.Sprintf("%04d", i*31%3000)
			rs.set(journal.Record{Key: gone}, nil)
			delete(want, gone)
		}
	}
	for _, prefix := range []string{"", "0", "1", "29", "2999", "3", "x"} {
		last, n := "", 0
		for r := range rs.scan(prefix) {
			if r.Key <= last || !want[r.Key] || !strings.HasPrefix(r.Key, prefix) {
				t.Fatalf("behind %q comes %q, with the prefix %q", last, r.Key, prefix)
			}
			last = r.Key
			n++
		}
		for key := range want {
			if strings.HasPrefix(key, prefix) {
				n--
			}
			if rs.get(key).Value == nil {
				t.Fatalf("%q is not found", key)
			}
		}
		if n != 0 {
			t.Errorf("prefix %q: %d too many", prefix, n)
		}
	}
	for key := range want {
		rs.set(journal.Record{Key: key}, nil)
	}
	if rs.bytes != 0 || len(rs.pieces) != 0 {
		t.Errorf("%d bytes are left", rs.bytes)
	}
}

// What a scan has is that of the moment of the scan, however records change while it is read; and it
// costs no copy of them.
func TestRecords_Scan_IsOfOneMoment(t *testing.T) {
	var rs records
	set := func(i int, value []byte) { rs.set(journal.Record{Key: fmt.Sprintf("%04d", i), Value: value}, nil) }
	for i := range 2000 {
		set(2*i, []byte("old"))
	}
	list := rs.scan("")
	if n := testing.AllocsPerRun(10, func() { rs.scan("1") }); n > 10 {
		t.Errorf("a scan of 500 records allocates %v times", n)
	}
	for i := range 2000 {
		switch i % 4 {
		case 0:
			set(2*i, nil)
		case 1:
			set(2*i+1, []byte("new"))
		case 2:
			set(2*i, []byte("new"))
		}
	}
	n := 0
	for r := range list {
		if want := fmt.Sprintf("%04d", 2*n); r.Key != want || string(r.Value) != "old" {
			t.Fatalf("%q is %q, want %q, which is old", r.Key, r.Value, want)
		}
		n++
	}
	if n != 2000 {
		t.Errorf("%d records, want 2000", n)
	}
}
