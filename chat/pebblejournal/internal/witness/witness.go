// Package witness keeps a small file beside a store that says what the store had. The
// store itself cannot tell that its end is missing: a log that was cut looks like one
// to which nothing more was written.
//
// # Files, lowest first
//
//	witness.go  Witness: what the file says; reading and writing it
//	keeper.go   Keeper: when it is written
package witness

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// Name is the name of the file.
	Name = "WITNESS"

	temporary = Name + ".new"

	// sizeLimit bounds what is read of the file.
	sizeLimit = 4 << 10
)

// ErrUnreadable is wrapped by Read's error if the file is not as Write has written it.
var ErrUnreadable = errors.New("it is damaged")

// Witness is what a store had when the file was written.
type Witness struct {
	Format  string // of the store
	Epoch   string
	Entries uint64 // and changes of records that the store had made durable, at least

	// Closed says that the store was closed, and nothing was recorded afterwards.
	Closed bool

	// Renew says that something is missing from the store, and that it must get
	// another epoch before it is used.
	Renew bool
}

const form = "caddy-chat journal, witness 1\nformat %q\nepoch %q\nentries %d\nclosed %t\nrenew %t\n"

// text returns what the file has: w, and a checksum.
func (w *Witness) text() string {
	text := fmt.Sprintf(form, w.Format, w.Epoch, w.Entries, w.Closed, w.Renew)
	return fmt.Sprintf("%schecksum %08x\n", text, crc32.ChecksumIEEE([]byte(text)))
}

// Read reads the file in dir. Its error wraps oserror.ErrNotExist if there is none.
func Read(fs vfs.FS, dir string) (Witness, error) {
	f, err := fs.Open(fs.PathJoin(dir, Name))
	if err != nil {
		return Witness{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, sizeLimit))
	if err != nil {
		return Witness{}, err
	}
	var w Witness
	_, err = fmt.Sscanf(string(b), form, &w.Format, &w.Epoch, &w.Entries, &w.Closed, &w.Renew)
	if err != nil || w.text() != string(b) {
		return Witness{}, fmt.Errorf("%s: %w", Name, ErrUnreadable)
	}
	return w, nil
}

// Write replaces the file in dir, durably: after a crash there is the old one or the
// new one. It syncs a file and the directory.
func (w *Witness) Write(fs vfs.FS, dir string) error {
	name := fs.PathJoin(dir, temporary)
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, strings.NewReader(w.text()))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, fs.Remove(name))
	}
	if err := fs.Rename(name, fs.PathJoin(dir, Name)); err != nil {
		return err
	}
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
