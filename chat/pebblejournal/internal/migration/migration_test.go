package migration

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
)

// A long renaming tells how far it is.
func TestRun_TakesLong_TellsOfItsProgress(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "testdata", "format1"))); err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zapcore.InfoLevel)
	db, err := failstop.Open(failstop.Config{Dir: dir, FS: vfs.Default, Logger: zap.NewNop()}, &pebble.Options{FormatMajorVersion: pebble.FormatNewest})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	m := &renaming{db: db, log: zap.New(core), records: map[string][]record{}, logAt: time.Now()}
	if err := m.renameAll(); err != nil {
		t.Fatal(err)
	}
	told := logs.FilterMessage("chat journal: rooms get other names").All()
	if len(told) != 1 || told[0].ContextMap()["entries"] == int64(0) {
		t.Errorf("told %v: once in %v, and of more than 0 entries", told, renamingLogInterval)
	}
}
