package inspect

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

// A batch that is cut or changed anywhere is read or not; it never ends the process.
func TestParseBatch_Damaged_IsNotReadable(t *testing.T) {
	db, err := pebble.Open(t.TempDir(), &pebble.Options{Logger: pebble.DefaultLogger})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	b := db.NewBatch()
	defer b.Close()
	for i := range 20 {
		if err := b.Set(fmt.Append(nil, "mkey", i), make([]byte, 50), nil); err != nil {
			t.Fatal(err)
		}
		if err := b.DeleteRange([]byte("a"), []byte("b"), nil); err != nil {
			t.Fatal(err)
		}
	}
	whole := b.Repr()
	if got, ok := parseBatch(whole, 'm'); !ok || len(got.meta) != 20 || got.count != 40 {
		t.Fatalf("the whole batch: %d keys of %d, %v", len(got.meta), got.count, ok)
	}
	for range 20_000 {
		damaged := slices.Clone(whole[rand.IntN(30)*rand.IntN(2):])
		damaged = damaged[:rand.IntN(len(damaged)+1)]
		for range rand.IntN(4) {
			if len(damaged) > 0 {
				damaged[rand.IntN(len(damaged))] = byte(rand.Uint32())
			}
		}
		parseBatch(damaged, 'm')
		chunksIn(damaged, int64(rand.IntN(1<<20)), 1, true, func(chunk) {})
	}
}
