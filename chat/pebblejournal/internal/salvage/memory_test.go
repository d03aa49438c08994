package salvage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

// What one iteration has found, the next one knows: no seek of it fails. It ends with its
// context.
func TestIter_KnownDamage_CostsNoRead(t *testing.T) {
	dir, table := compacted(t)
	b, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	b[bytes.Index(b, []byte("rocksdb."))/2] ^= 16
	if err := os.WriteFile(table, b, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := pebble.Open(dir, options())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var memory Memory
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	found := [2]int{}
	for round := range found {
		places := 0
		iter, err := New(NewReader(ctx, db, &memory, nil), []byte("e"), []byte("f"), func(error) { places++ })
		if err != nil {
			t.Fatal(err)
		}
		for at := iter.First(); at; at = iter.Next() {
			found[round]++
		}
		if searched := iter.fails > 0; searched != (round == 0) || iter.fails > failsAtName || places != 1 || iter.Error() != nil {
			t.Errorf("round %d: %d seeks fail, %d places, %v", round, iter.fails, places, iter.Error())
		}
		if err := iter.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if found[0] != found[1] || found[0] == keys || found[0] < keys-200 {
		t.Errorf("found %v keys", found)
	}

	var none Memory
	iter, err := New(NewReader(ctx, db, &none, nil), []byte("e"), []byte("f"), func(error) { cancel() })
	if err != nil {
		t.Fatal(err)
	}
	defer iter.Close()
	for at := iter.First(); at; at = iter.Next() {
	}
	if !errors.Is(iter.Error(), context.Canceled) || iter.fails > 0 {
		t.Errorf("ended with %v after %d seeks that failed", iter.Error(), iter.fails)
	}
}

func TestMemory_Ranges(t *testing.T) {
	var m Memory
	for _, r := range [][2]string{{"b", "d"}, {"g", "h"}, {"c", "e"}, {"e", "f"}, {"x", "x"}, {"a", "ab"}} {
		m.Note([]byte(r[0]), []byte(r[1]))
	}
	for key, known := range map[string]bool{"a": true, "ab": false, "b": true, "d": true, "ezz": true, "f": false, "g": true, "h": false, "x": false} {
		if got := m.at([]byte(key)) != nil; got != known {
			t.Errorf("%q: %v", key, got)
		}
	}
	for i := range 3 * rangesMax {
		m.Note(fmt.Appendf(nil, "k%06d", 2*i), fmt.Appendf(nil, "k%06d", 2*i+1))
	}
	if len(m.ranges) > rangesMax {
		t.Errorf("%d ranges", len(m.ranges))
	}
}
