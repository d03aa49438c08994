package salvage

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Where a whole table cannot be read, all that a newer one has is found, and never much of it is held at once.
func TestIter_DamagedTable_NewerOneIsReadInParts(t *testing.T) {
	dir, table := compacted(t)
	db, err := pebble.Open(dir, options())
	if err != nil {
		t.Fatal(err)
	}
	const large, size = 40, 100 << 10
	for n := range large {
		value := append(fmt.Appendf(nil, "value of %d ", n*keys/large), make([]byte, size)...)
		if err := db.Set([]byte(key(n*keys/large)), value, pebble.NoSync); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(table, make([]byte, len(b)), 0o600); err != nil {
		t.Fatal(err)
	}
	if db, err = pebble.Open(dir, options()); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	opt := options()
	opt.EnsureDefaults()
	reader := NewReader(context.Background(), db, new(Memory), &Tables{DB: db, FS: vfs.Default, Dir: dir, Options: opt, Note: func(string, error) {}})
	iter, err := New(reader, []byte("e"), []byte("f"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer iter.Close()
	n := 0
	for at := iter.First(); at; at = iter.Next() {
		number := n * keys / large
		if string(iter.Key()) != key(number) || !bytes.HasPrefix(iter.Value(), fmt.Appendf(nil, "value of %d ", number)) {
			t.Fatalf("key %d is %q", n, iter.Key())
		}
		held := 0
		for _, p := range iter.rest {
			held += len(p.value)
		}
		if held > 1<<20+size {
			t.Fatalf("%d bytes are held", held)
		}
		n++
	}
	if n != large || iter.Error() != nil {
		t.Errorf("%d of %d keys, %v", n, large, iter.Error())
	}
}
