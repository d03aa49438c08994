package pebblejournal

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/commit"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/witness"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// said is how many entries each store of these tests has, in the room "room". The
// witness knows all of them.
const said = 40

// usedStore is a directory with a store, and the epoch it has.
type usedStore struct{ dir, epoch string }

// newUsedStore makes a store as a killed process leaves it, or one that was closed: half
// of its entries are in tables, the others in a log.
func newUsedStore(t *testing.T, closed bool) usedStore {
	t.Helper()
	live := filepath.Join(t.TempDir(), "live")
	j := open(t, Options{Dir: live, interval: -1})
	for i := range said {
		if mustAppend(t, j, say("room", fmt.Sprint(i))); i == said/2-1 {
			flush(t, j)
		}
	}
	w, _ := j.testify()
	if err := j.store.Witness.Write(w); err != nil {
		t.Fatal(err)
	}
	s := usedStore{filepath.Join(t.TempDir(), "journal"), epochOf(j)}
	if !closed {
		copyDir(t, live, s.dir)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if closed {
		copyDir(t, live, s.dir)
	}
	if err := os.Chmod(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return s
}

// newestFile returns the newest file of the store whose name begins or ends with part.
func (s usedStore) newestFile(t *testing.T, part string) string {
	t.Helper()
	files := slices.DeleteFunc(filesOf(t, s.dir, ""), func(f string) bool {
		name := filepath.Base(f)
		return !strings.HasPrefix(name, part) && !strings.HasSuffix(name, part)
	})
	if len(files) == 0 {
		t.Fatalf("no %s", part)
	}
	return files[len(files)-1]
}

// ending is where the zeros begin that a log was made larger by.
func ending(b []byte) int {
	n := len(b)
	for n > 0 && b[n-1] == 0 {
		n--
	}
	return n
}

// The ways in which a file is damaged. nil stands for a file that is removed.
var damages = map[string]func(b []byte) []byte{
	"missing":  nil,
	"empty":    func([]byte) []byte { return nil },
	"cut":      func(b []byte) []byte { return b[:max(ending(b)-75, 0)] },
	"cut half": func(b []byte) []byte { return b[:ending(b)/2] },
	"zeros":    func(b []byte) []byte { clear(b); return b },
	"flipped":  func(b []byte) []byte { b[ending(b)/2] ^= 1; return b },
	"nonsense": func([]byte) []byte { return []byte("nonsense") },
}

// What must come out when a file is damaged.
const (
	asBefore  = "opened as it was"
	lossTold  = "opened with what is left, in a new epoch"
	epochTold = "opened whole, in a new epoch"
	refused   = "called damaged, and left as it is"
)

func (s usedStore) damage(t *testing.T, part, how string) {
	t.Helper()
	file, change := s.newestFile(t, part), damages[how]
	if change == nil {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, string(change(b)))
}

// Whatever happens to a file while nobody looks: nothing is lost in silence, nothing
// that is left is deleted, and damage is called by its name.
func TestOpen_DamagedFile_IsTold(t *testing.T) {
	stores := map[bool]usedStore{false: newUsedStore(t, false), true: newUsedStore(t, true)}
	for part, all := range map[string]map[string]string{
		".log": {
			"missing": lossTold, "empty": lossTold, "cut": lossTold, "cut half": lossTold,
			"zeros": lossTold, "flipped": lossTold, "nonsense": lossTold,
		},
		"MANIFEST-": {
			"missing": refused, "empty": refused, "cut": refused, "cut half": refused,
			"zeros": refused, "flipped": refused, "nonsense": refused,
		},
		".sst": {"missing": refused, "empty": refused, "cut": refused, "cut half": refused, "nonsense": refused},
		"OPTIONS-": {
			"missing": asBefore, "empty": asBefore, "cut": asBefore, "cut half": asBefore,
			"zeros": asBefore, "flipped": asBefore, "nonsense": asBefore,
		},
		"marker.manifest": {"missing": asBefore, "empty": asBefore},
		"marker.format":   {"missing": asBefore, "empty": asBefore},
		"WITNESS": {
			"missing": epochTold, "empty": epochTold, "cut": epochTold, "cut half": epochTold,
			"zeros": epochTold, "flipped": epochTold, "nonsense": epochTold,
		},
	} {
		for how, outcome := range all {
			for closed, store := range stores {
				t.Run(fmt.Sprintf("%s %s, closed %v", part, how, closed), func(t *testing.T) {
					t.Parallel()
					s := usedStore{filepath.Join(t.TempDir(), "journal"), store.epoch}
					copyDir(t, store.dir, s.dir)
					s.damage(t, part, how)
					s.checkOutcome(t, outcome)
				})
			}
		}
	}
}

func (s usedStore) checkOutcome(t *testing.T, outcome string) {
	t.Helper()
	before := listing(t, s.dir)
	core, logs := observer.New(zapcore.InfoLevel)
	j, err := Open(Options{Dir: s.dir, interval: -1, Logger: zap.New(core)})
	if outcome == refused {
		if err == nil {
			j.Close()
			t.Fatal("it was opened")
		}
		if !errors.Is(err, ErrCorrupt) || strings.Contains(err.Error(), "another program") {
			t.Error(err)
		}
		if after := listing(t, s.dir); !slices.Equal(before, after) {
			t.Error("files were changed")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	entries := len(readAll(t, j, "room"))
	checkKept(t, j, "room", entries)
	if lossy := outcome == lossTold; lossy != (entries < said) || entries < said/2 {
		t.Errorf("%d entries", entries)
	}
	if renewed := outcome != asBefore; renewed != (epochOf(j) != s.epoch) {
		t.Errorf("the epoch was %s and is %s", s.epoch, epochOf(j))
	}
	told := logs.FilterLevelExact(zapcore.WarnLevel).FilterField(zap.Uint64("missing_at_least", uint64(said-entries)))
	if renewed := outcome != asBefore; renewed != (told.Len() == 1) {
		t.Errorf("logged: %v", logs.All())
	}
	s.checkGoesOn(t, j, entries)
}

// checkGoesOn checks that a store with so many entries goes on, and that the next
// opening finds nothing new.
func (s usedStore) checkGoesOn(t *testing.T, j *Journal, entries int) {
	t.Helper()
	if r := mustAppend(t, j, say("room", "later")); int(r.Seq) != entries+1 || r.Epoch != epochOf(j) {
		t.Errorf("receipt %+v after %d entries in epoch %s", r, entries, epochOf(j))
	}
	epoch := epochOf(j)
	j = reopen(t, j)
	defer j.Close()
	if epochOf(j) != epoch || len(j.store.Warnings()) > 0 {
		t.Errorf("opened again: epoch %s, was %s; %v", epochOf(j), epoch, j.store.Warnings())
	}
	checkKept(t, j, "room", entries+1)
}

// A log that cannot be believed is set aside, so that somebody can look for what it
// still has.
func TestOpen_DamagedLog_IsSetAside(t *testing.T) {
	s := newUsedStore(t, false)
	log := s.newestFile(t, ".log")
	s.damage(t, ".log", "flipped")
	whole, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	j := open(t, Options{Dir: s.dir, interval: -1})
	defer j.Close()
	aside, err := os.ReadFile(log + ".damaged")
	if err != nil || hex.EncodeToString(aside) != hex.EncodeToString(whole) {
		t.Errorf("%d bytes are set aside of %d, %v", len(aside), len(whole), err)
	}
}

// The process may end after a loss was found and before the store has its new epoch.
func TestOpen_EndsBeforeTheNewEpoch_FindsTheLossAgain(t *testing.T) {
	s := newUsedStore(t, false)
	s.damage(t, ".log", "cut")
	opt := Options{Dir: s.dir, interval: -1}.withDefaults()
	found, err := opt.store().Look(opt.fs, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := found.Prepare(opt.fs, witness.NewKeeper(opt.fs, s.dir)); err != nil {
		t.Fatal(err)
	}
	for _, log := range filesOf(t, s.dir, ".log") {
		b, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		write(t, log, string(b[:0])) // as if Pebble had taken over what it has
	}
	j := open(t, opt)
	defer j.Close()
	if epochOf(j) == s.epoch {
		t.Error("the same epoch")
	}
}

// A store of a program that kept no witness has lost nothing.
func TestOpen_NeverHadAWitness_IsNoLoss(t *testing.T) {
	dir := t.TempDir()
	copyDir(t, "testdata/format1", dir)
	core, logs := observer.New(zapcore.WarnLevel)
	j := open(t, Options{Dir: dir, Logger: zap.New(core)})
	epoch := epochOf(j)
	j = reopen(t, j)
	defer j.Close()
	said := logs.FilterMessageSnippet("missing").All()
	if epochOf(j) != epoch || len(said) > 0 || len(j.store.Warnings()) > 0 {
		t.Errorf("epoch %s, then %s; logged %v", epoch, epochOf(j), said)
	}
	if w, err := witness.Read(j.opt.fs, dir); err != nil || w.Epoch != epoch || w.Entries == 0 {
		t.Errorf("the witness says %+v, %v", w, err)
	}
}

// A backup is not damaged, whatever witness lies beside it.
func TestOpen_Backup_IsNotCalledDamaged(t *testing.T) {
	s := newUsedStore(t, true)
	j := open(t, Options{Dir: s.dir})
	dir := filepath.Join(t.TempDir(), "backup")
	if err := j.Backup(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		mustAppend(t, j, say("room", fmt.Sprint("more", i)))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(s.dir, witness.Name))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, witness.Name), string(b))
	core, logs := observer.New(zapcore.WarnLevel)
	j = open(t, Options{Dir: dir, Logger: zap.New(core)})
	defer j.Close()
	if checkKept(t, j, "room", said); logs.Len() > 0 || epochOf(j) == s.epoch || len(j.store.Warnings()) > 0 {
		t.Errorf("epoch %s; logged %v", epochOf(j), logs.All())
	}
	if err := j.change(context.Background(), false, func(*commit.Group) error { return nil }); err != nil {
		t.Error(err)
	}
}
