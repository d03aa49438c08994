package failstop

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/zap"
)

// A damaged block is searched for a flipped bit once. Pebble says which one it is.
func TestDB_DamagedBlock_IsReadOnce(t *testing.T) {
	c := Config{Dir: t.TempDir(), FS: vfs.Default, Logger: zap.NewNop()}
	o := func() *pebble.Options { return &pebble.Options{FormatMajorVersion: pebble.FormatTableFormatV6} }
	db, err := Open(c, o())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := db.Set(fmt.Appendf(nil, "key%d", i), []byte("value"), pebble.Sync); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(c.Dir, "*.sst"))
	if err != nil || len(tables) != 1 {
		t.Fatal(tables, err)
	}
	b, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	b[50] ^= 1
	if err := os.WriteFile(tables[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	if db, err = Open(c, o()); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i := range 2 {
		if db.fs.bad.has(tables[0], 0) != (i > 0) {
			t.Errorf("read %d times; known: %v", i, db.fs.bad.blocks)
		}
		if _, _, err := db.Get([]byte("key7")); !pebble.IsCorruptionError(err) {
			t.Errorf("read with %v", err)
		}
	}
}
