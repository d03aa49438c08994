package salvage

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

const (
	keys      = 2000
	blockSize = 1 << 10
)

func options() *pebble.Options {
	o := &pebble.Options{
		Logger:                      quiet{},
		FormatMajorVersion:          pebble.FormatTableFormatV6,
		EventListener:               &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}},
		DisableAutomaticCompactions: true,
	}
	o.Levels[6].BlockSize = blockSize
	return o
}

type quiet struct{}

func (quiet) Infof(string, ...any)      {}
func (quiet) Errorf(string, ...any)     {}
func (quiet) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

func key(n int) string { return fmt.Sprintf("e%06d", n) }

// compacted returns the one table of a store with all keys, and the store's directory.
func compacted(t *testing.T) (dir, table string) {
	t.Helper()
	dir = t.TempDir()
	db, err := pebble.Open(dir, options())
	if err != nil {
		t.Fatal(err)
	}
	for n := range keys {
		if err := db.Set([]byte(key(n)), fmt.Appendf(nil, "value of %d %x", n, n*n*n), pebble.NoSync); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Compact(t.Context(), []byte("a"), []byte("z"), false); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) != 1 {
		t.Fatal(tables, err)
	}
	return dir, tables[0]
}

// collect returns the keys that an Iter finds, and how many places it skips.
func collect(t *testing.T, dir string, lower, upper string) (found []string, skipped int) {
	t.Helper()
	db, err := pebble.Open(dir, options())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	iter, err := New(db, []byte(lower), []byte(upper), func(error) { skipped++ })
	if err != nil {
		t.Fatal(err)
	}
	for at := iter.First(); at; at = iter.Next() {
		k := string(iter.Key())
		n := 0
		if _, err := fmt.Sscanf(k, "e%d", &n); err != nil || !bytes.HasPrefix(iter.Value(), fmt.Appendf(nil, "value of %d ", n)) {
			t.Fatalf("%q has %q", k, iter.Value())
		}
		found = append(found, k)
	}
	if err := iter.Error(); err != nil {
		t.Fatal(err)
	}
	if err := iter.Close(); err != nil {
		t.Fatal(err)
	}
	return found, skipped
}

// One damaged block costs the keys in it and no others.
func TestIter_DamagedBlock_CostsItsKeys(t *testing.T) {
	dir, table := compacted(t)
	whole, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	data := bytes.Index(whole, []byte("rocksdb.")) // properties lie behind the data
	costly := 0
	for at := 100; at < data-3*blockSize; at += data / 5 {
		damaged := slices.Clone(whole)
		damaged[at] ^= 16
		if err := os.WriteFile(table, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		found, skipped := collect(t, dir, "e", "f")
		lost := keys - len(found)
		if lost == 0 || skipped != 1 {
			t.Errorf("byte %d: %d keys are lost, %d places are skipped", at, lost, skipped)
		}
		costly = max(costly, lost)
		checkHole(t, found)
	}
	if costly > 200 {
		t.Errorf("a block costs %d keys", costly)
	}
}

// checkHole checks that the keys are all but some that follow each other.
func checkHole(t *testing.T, found []string) {
	t.Helper()
	holes, next := 0, 0
	for _, k := range found {
		n := 0
		fmt.Sscanf(k, "e%d", &n)
		if n != next {
			holes++
		}
		next = n + 1
	}
	if next != keys {
		holes++
	}
	if holes != 1 {
		t.Errorf("%d holes", holes)
	}
}

// If the whole table cannot be read, nothing is found, and that is no error.
func TestIter_DamagedTable_IsSkipped(t *testing.T) {
	dir, table := compacted(t)
	b, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-20] ^= 1 // the footer
	if err := os.WriteFile(table, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if found, skipped := collect(t, dir, "e", "f"); len(found) > 0 || skipped == 0 {
		t.Errorf("%d keys, %d skipped", len(found), skipped)
	}
}

func TestIter_Intact_ShowsAll(t *testing.T) {
	dir, _ := compacted(t)
	if found, skipped := collect(t, dir, key(10), key(500)); len(found) != 490 || skipped != 0 {
		t.Errorf("%d keys, %d skipped", len(found), skipped)
	}
}

func TestBetween_LiesBetween(t *testing.T) {
	for _, c := range [][2]string{{"", "a"}, {"a", "b"}, {"a", "a\x00\x01"}, {"e\x04room\x00\x01", "e\x04room\xff"}, {"e", "f"}} {
		a, b := []byte(c[0]), []byte(c[1])
		n := 0
		for mid := between(a, b, 64); mid != nil; mid = between(a, b, 64) {
			if bytes.Compare(a, mid) >= 0 || bytes.Compare(mid, b) >= 0 {
				t.Fatalf("%q is not between %q and %q", mid, a, b)
			}
			a = mid
			if n++; n > 8*precision+24 {
				t.Fatalf("%q: no end", c)
			}
		}
	}
	if between([]byte("a"), []byte("a"), 64) != nil {
		t.Error("something between equal keys")
	}
}
