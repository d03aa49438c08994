package inspect

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const meta = 'm'

func options() *pebble.Options {
	return &pebble.Options{FormatMajorVersion: pebble.FormatTableFormatV6, Logger: silent{}, MemTableSize: 64 << 10, DisableAutomaticCompactions: true}
}

// batches is how many batches each store has; a batch sets mn to its number.
const batches = 60

func write(t *testing.T, db *pebble.DB, n int) {
	t.Helper()
	b := db.NewBatch()
	defer b.Close()
	value := binary.BigEndian.AppendUint64(nil, uint64(n))
	err := errors.Join(
		b.Set(fmt.Appendf(nil, "e%06d", n), bytes.Repeat([]byte{'x'}, 300), nil),
		b.Set([]byte{meta, 'n'}, value, nil), b.Commit(pebble.Sync))
	if err != nil {
		t.Fatal(err)
	}
}

// killed returns a directory with what a killed process leaves: tables with the first
// third of the batches, and a log with the rest.
func killed(t *testing.T) string {
	t.Helper()
	live, dir := t.TempDir(), filepath.Join(t.TempDir(), "store")
	db, err := pebble.Open(live, options())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for n := 1; n <= batches; n++ {
		write(t, db, n)
		if n%10 == 0 && n <= batches/3 {
			if err := db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.CopyFS(dir, os.DirFS(live)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func look(t *testing.T, dir string) (*Found, error) {
	t.Helper()
	before := listing(t, dir)
	f, err := Look(Config{Dir: dir, FS: vfs.Default, Options: options(), Meta: meta})
	if after := listing(t, dir); !slices.Equal(before, after) {
		t.Fatalf("looking has changed files: %v, now %v", names(before), names(after))
	}
	return f, err
}

func number(values map[string][]byte) int {
	if v := values["mn"]; len(v) == 8 {
		return int(binary.BigEndian.Uint64(v))
	}
	return 0
}

// reopened opens the store as Look has found it, and returns the newest batch and how
// many entries there are.
func reopened(t *testing.T, f *Found) (newest, entries int) {
	t.Helper()
	if err := f.MakeMarkers(vfs.Default); err != nil {
		t.Fatal(err)
	}
	o := options()
	o.FS = f.View(vfs.Default)
	db, err := pebble.Open(f.dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if v, closer, err := db.Get([]byte("mn")); err == nil {
		newest = int(binary.BigEndian.Uint64(v))
		closer.Close()
	}
	iter, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte("e"), UpperBound: []byte("f")})
	if err != nil {
		t.Fatal(err)
	}
	defer iter.Close()
	for at := iter.First(); at; at = iter.Next() {
		entries++
	}
	write(t, db, 1000)
	return newest, entries
}

func listing(t *testing.T, dir string) (files []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, e.Name()+" "+string(b))
	}
	return files
}

func names(files []string) (short []string) {
	for _, f := range files {
		name, _, _ := strings.Cut(f, " ")
		short = append(short, name)
	}
	return short
}

// newest returns the newest file whose name begins or ends with part.
func newest(t *testing.T, dir, part string) string {
	t.Helper()
	var found string
	for _, name := range names(listing(t, dir)) {
		if strings.HasPrefix(name, part) || strings.HasSuffix(name, part) {
			found = filepath.Join(dir, name)
		}
	}
	if found == "" {
		t.Fatalf("no %s in %s", part, dir)
	}
	return found
}

// edit changes what a file has. Its end is where the zeros begin.
func edit(t *testing.T, file string, change func(b []byte, end int) []byte) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, change(b, written(b)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What can be read of a log is kept, and whether something is missing is told.
func TestLook_Log_IsBelievedToItsDamage(t *testing.T) {
	sector := func(end int) int { return (end - 200) / sectorSize * sectorSize }
	for name, c := range map[string]struct {
		change  func(b []byte, end int) []byte
		damaged bool
		atLeast int // the newest batch that is kept
		beyond  int // the newest batch behind the damage; 0: none can be read
	}{
		"as a kill leaves it":            {func(b []byte, end int) []byte { return b }, false, batches, 0},
		"without the zeros at its end":   {func(b []byte, end int) []byte { return b[:end] }, false, batches, 0},
		"cut at a sector":                {func(b []byte, end int) []byte { return b[:sector(end)] }, false, batches - 3, 0},
		"zeros from a sector on":         {func(b []byte, end int) []byte { clear(b[sector(end):]); return b }, false, batches - 3, 0},
		"cut in a record":                {func(b []byte, end int) []byte { return b[:end-100] }, true, batches - 1, 0},
		"zeros in the last record":       {func(b []byte, end int) []byte { clear(b[end-100:]); return b }, true, batches - 1, 0},
		"zeros in the middle":            {func(b []byte, end int) []byte { clear(b[end/2 : end/2+100]); return b }, true, 30, batches},
		"a bit flipped in the middle":    {func(b []byte, end int) []byte { b[end/2] ^= 1; return b }, true, 30, batches},
		"a bit flipped in the length":    {flipLength, true, batches/3 + 1, batches},
		"a bit flipped at the end":       {func(b []byte, end int) []byte { b[end-9] ^= 4; return b }, true, batches - 1, 0},
		"a bit flipped at its begin":     {func(b []byte, end int) []byte { b[40] ^= 1; return b }, true, batches / 3, batches},
		"empty":                          {func(b []byte, end int) []byte { return nil }, false, batches / 3, 0},
		"nothing but zeros":              {func(b []byte, end int) []byte { clear(b); return b }, false, batches / 3, 0},
		"not a log":                      {func(b []byte, end int) []byte { return []byte("nonsense") }, true, batches / 3, 0},
		"garbage behind the last record": {func(b []byte, end int) []byte { return append(b[:end], "garbage"...) }, true, batches, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := killed(t)
			log := newest(t, dir, logSuffix)
			edit(t, log, c.change)
			f, err := look(t, dir)
			if err != nil {
				t.Fatal(err)
			}
			if (f.LogDamage != nil) != c.damaged || number(f.Beyond) != c.beyond {
				t.Errorf("damage %v, beyond %d", f.LogDamage, number(f.Beyond))
			}
			kept := number(f.Meta)
			if kept < c.atLeast || kept > batches {
				t.Errorf("%d batches are kept, want %d", kept, c.atLeast)
			}
			if got, entries := reopened(t, f); got != kept || entries != kept {
				t.Errorf("opened with batch %d and %d entries, Look has said %d", got, entries, kept)
			}
			if _, err := os.Stat(log + aside); (err == nil) != c.damaged {
				t.Errorf("set aside: %v", err)
			}
			if again, err := look(t, dir); err != nil || again.LogDamage != nil || number(again.Meta) != 1000 {
				t.Errorf("the next time: %+v, %v", again, err)
			}
		})
	}
}

// flipLength flips a bit in the length of the second record of a log.
func flipLength(b []byte, _ int) []byte {
	const header = 19
	second := header + int(binary.LittleEndian.Uint16(b[4:]))
	b[second+4] ^= 16
	return b
}

func TestLook_LogMissing_TablesTell(t *testing.T) {
	dir := killed(t)
	if err := os.Remove(newest(t, dir, logSuffix)); err != nil {
		t.Fatal(err)
	}
	f, err := look(t, dir)
	if err != nil || number(f.Meta) != batches/3 || f.LogDamage != nil {
		t.Fatalf("%+v, %v", f, err)
	}
}

// Two logs wait to be replayed when a process is killed while a table is written. If
// the first one is missing, or its end, the second one cannot be believed.
func TestLook_OlderLog_DecidesForLaterOnes(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(b []byte, end int) []byte
		damaged bool
	}{
		"intact":                {func(b []byte, end int) []byte { return b }, false},
		"a bit flipped":         {func(b []byte, end int) []byte { b[end/2] ^= 1; return b }, true},
		"cut at a record":       {cutAtRecord, true},
		"cut at its last chunk": {func(b []byte, end int) []byte { return b[:end-5] }, true},
		"empty":                 {func(b []byte, end int) []byte { return nil }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := twoLogs(t)
			logs := withSuffix(names(listing(t, dir)), logSuffix)
			first := filepath.Join(dir, logs[0])
			edit(t, first, c.change)
			f, err := look(t, dir)
			if err != nil {
				t.Fatal(err)
			}
			if (f.LogDamage != nil) != c.damaged && name != "empty" {
				t.Errorf("damage: %v", f.LogDamage)
			}
			if number(f.First) == 0 || f.FirstCount != 2 {
				t.Errorf("first batch %d of %d", number(f.First), f.FirstCount)
			}
			if name == "empty" { // only its caller can know, by what the batches have
				if err := f.DistrustLogs(vfs.Default, errors.New("a log is missing")); err != nil {
					t.Fatal(err)
				}
			}
			kept := number(f.Meta)
			if got, entries := reopened(t, f); got != kept || entries != kept || (kept == batches) == c.damaged {
				t.Errorf("opened with batch %d and %d entries, Look has said %d", got, entries, kept)
			}
			if set := withSuffix(names(listing(t, dir)), aside); (len(set) > 0) != c.damaged {
				t.Errorf("set aside: %v", set)
			}
		})
	}
}

// cutAtRecord cuts a log where its third record begins.
func cutAtRecord(b []byte, _ int) []byte {
	at := 0
	for range 2 {
		at += 19 + int(binary.LittleEndian.Uint16(b[at+4:]))
	}
	return b[:at]
}

// twoLogs returns a directory with two logs that must be replayed.
func twoLogs(t *testing.T) string {
	t.Helper()
	live, dir := t.TempDir(), filepath.Join(t.TempDir(), "store")
	db, err := pebble.Open(live, options())
	if err != nil {
		t.Fatal(err)
	}
	write(t, db, 1)
	if err := errors.Join(db.Flush(), db.Close()); err != nil {
		t.Fatal(err)
	}
	o := options()
	fs := &noTables{FS: vfs.Default, refuse: make(chan struct{})}
	o.FS = fs
	if db, err = pebble.Open(live, o); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	defer close(fs.refuse)
	fs.hold.Store(true)
	for n := 2; n <= batches; n++ {
		write(t, db, n)
		if n == batches/2 {
			if _, err := db.AsyncFlush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.CopyFS(dir, os.DirFS(live)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLook_OtherFiles_AreDamagedOrMadeAgain(t *testing.T) {
	whole := func(b []byte, _ int) []byte { return b }
	for name, c := range map[string]struct {
		file   string                         // empty: none
		change func(b []byte, end int) []byte // nil: it is removed
		opens  bool
	}{
		"nothing":                {"", whole, true},
		"MANIFEST missing":       {"MANIFEST-", nil, false},
		"MANIFEST empty":         {"MANIFEST-", func([]byte, int) []byte { return nil }, false},
		"MANIFEST zeros":         {"MANIFEST-", func(b []byte, _ int) []byte { clear(b); return b }, false},
		"MANIFEST flipped":       {"MANIFEST-", func(b []byte, _ int) []byte { b[len(b)/2] ^= 1; return b }, false},
		"MANIFEST flipped early": {"MANIFEST-", func(b []byte, _ int) []byte { b[9] ^= 1; return b }, false},
		"MANIFEST nonsense":      {"MANIFEST-", func([]byte, int) []byte { return []byte("nonsense") }, false},
		"table missing":          {".sst", nil, false},
		"table empty":            {".sst", func([]byte, int) []byte { return nil }, false},
		"table cut":              {".sst", func(b []byte, _ int) []byte { return b[:len(b)-1] }, false},
		"OPTIONS missing":        {"OPTIONS-", nil, true},
		"OPTIONS empty":          {"OPTIONS-", func([]byte, int) []byte { return nil }, true},
		"OPTIONS zeros":          {"OPTIONS-", func(b []byte, _ int) []byte { clear(b); return b }, true},
		"OPTIONS nonsense":       {"OPTIONS-", func([]byte, int) []byte { return []byte("nonsense\n[[") }, true},
		"manifest marker gone":   {"marker.manifest", nil, true},
		"format marker gone":     {"marker.format-version", nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := killed(t)
			if c.file != "" && c.change == nil {
				if err := os.Remove(newest(t, dir, c.file)); err != nil {
					t.Fatal(err)
				}
			} else if c.file != "" {
				edit(t, newest(t, dir, c.file), c.change)
			}
			f, err := look(t, dir)
			if !c.opens {
				if !errors.Is(err, ErrDamaged) {
					t.Errorf("%+v, %v", f, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, entries := reopened(t, f); got != batches || entries != batches {
				t.Errorf("opened with batch %d and %d entries", got, entries)
			}
			if mended := c.file != "" && name != "OPTIONS missing"; mended != (len(f.Warnings) > 0) {
				t.Errorf("warnings: %v", f.Warnings)
			}
		})
	}
}

// The last record of a manifest may be torn by a loss of power. Whether more is missing
// can only its caller know; the tables that are no longer named are reported.
func TestLook_TornManifest_NamesWhatWouldBeDeleted(t *testing.T) {
	dir := killed(t)
	edit(t, newest(t, dir, "MANIFEST-"), func(b []byte, _ int) []byte { return b[:len(b)-1] })
	f, err := look(t, dir)
	if err != nil || !f.TornManifest || len(f.Unnamed) != 1 {
		t.Fatalf("%+v, %v", f, err)
	}
}

func TestLook_NoStore_IsNoDamage(t *testing.T) {
	f, err := look(t, t.TempDir())
	if err != nil || f.Exists {
		t.Errorf("an empty directory: %+v, %v", f, err)
	}
	db, err := pebble.Open(t.TempDir(), options())
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
}

func TestLook_AnotherProgramsStore_IsForeign(t *testing.T) {
	for _, flushed := range []bool{false, true} {
		dir := t.TempDir()
		db, err := pebble.Open(dir, options())
		if err != nil {
			t.Fatal(err)
		}
		err = db.Set([]byte("x"), []byte("y"), pebble.Sync)
		if flushed {
			err = errors.Join(err, db.Flush())
		}
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		if f, err := look(t, dir); err != nil || !f.Foreign || !f.Closed {
			t.Errorf("flushed %v: %+v, %v", flushed, f, err)
		}
	}
}
