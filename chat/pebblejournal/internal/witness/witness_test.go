package witness

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/faultfs"
	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
)

var sample = Witness{Format: "1", Epoch: "AB c\"d", Entries: 1 << 60, Closed: true, Renew: true}

func TestWitness_WriteRead_IsTheSame(t *testing.T) {
	dir := t.TempDir()
	if _, err := Read(vfs.Default, dir); !oserror.IsNotExist(err) {
		t.Errorf("no file: %v", err)
	}
	for _, w := range []Witness{{}, sample, {Format: "2", Epoch: "x"}} {
		if err := w.Write(vfs.Default, dir); err != nil {
			t.Fatal(err)
		}
		if got, err := Read(vfs.Default, dir); err != nil || got != w {
			t.Errorf("wrote %+v, read %+v, %v", w, got, err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, Name)); err != nil || info.Size() > sizeLimit {
		t.Error(info, err)
	}
}

func TestRead_Damaged_IsUnreadable(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, Name)
	whole := []byte(sample.text())
	check := func(what string, b []byte) {
		t.Helper()
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Read(vfs.Default, dir); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: read %+v, %v", what, got, err)
		}
	}
	for i := range whole {
		check("cut", whole[:i])
		for bit := range 8 {
			b := append([]byte{}, whole...)
			b[i] ^= 1 << bit
			check("flipped", b)
		}
	}
	check("zeros", make([]byte, len(whole)))
	check("more", append(append([]byte{}, whole...), 0))
	check("much more", make([]byte, 10*sizeLimit))
}

// A disk that fails leaves the file as it was.
func TestWrite_FailingDisk_LeavesTheOldOne(t *testing.T) {
	for _, op := range []string{"create", "write", "sync", "rename"} {
		dir, d := t.TempDir(), faultfs.New()
		if err := sample.Write(d, dir); err != nil {
			t.Fatal(err)
		}
		d.Fail(faultfs.On(op, Name, faultfs.ErrNoSpace))
		later := Witness{Entries: 5}
		if err := later.Write(d, dir); !errors.Is(err, faultfs.ErrNoSpace) {
			t.Errorf("%s: %v", op, err)
		}
		d.Fail(nil)
		if got, err := Read(d, dir); err != nil || got != sample {
			t.Errorf("%s: read %+v, %v", op, got, err)
		}
		if err := later.Write(d, dir); err != nil {
			t.Error(err)
		}
	}
}
