package pebblejournal_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/pebblejournal"
)

// Check sees what names, sizes and permissions show, makes nothing, and does not mind
// that the journal is open.
func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(dir string) error
		want    string // in the error; empty: none
	}{
		"nothing is there":     {func(string) error { return nil }, ""},
		"an empty directory":   {func(dir string) error { return os.Mkdir(dir, 0o700) }, ""},
		"a store":              {func(string) error { return nil }, ""},
		"a file":               {func(dir string) error { return os.WriteFile(dir, nil, 0o600) }, "not a directory; choose another"},
		"no manifest":          {func(dir string) error { return removeMatch(dir, "MANIFEST-*") }, "its files are damaged; put a backup in its place"},
		"no marker":            {func(dir string) error { return removeMatch(dir, "marker.manifest.*") }, "its files are damaged"},
		"an empty manifest":    {func(dir string) error { return truncateMatch(dir, "MANIFEST-*") }, "its files are damaged"},
		"a newer Pebble store": {func(dir string) error { return renewMarker(dir) }, "written by a newer program; install that"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "a", "journal")
			if name == "an empty directory" || name == "a file" {
				if err := os.Mkdir(filepath.Dir(dir), 0o700); err != nil {
					t.Fatal(err)
				}
			} else if name != "nothing is there" {
				j, err := pebblejournal.Open(pebblejournal.Options{Dir: dir})
				if err != nil {
					t.Fatal(err)
				}
				if err := pebblejournal.Check(dir); err != nil {
					t.Errorf("while it is open: %v", err)
				}
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.prepare(dir); err != nil {
				t.Fatal(err)
			}
			err := pebblejournal.Check(dir)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir)) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if strings.Contains(c.want, "damaged") && !errors.Is(err, pebblejournal.ErrCorrupt) {
				t.Errorf("%v is no ErrCorrupt", err)
			}
			if _, err := os.Stat(dir); name == "nothing is there" && err == nil {
				t.Error("the directory was made")
			}
		})
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := pebblejournal.Check(filepath.Join(file, "journal")); err == nil {
		t.Error("a directory in a file")
	}
	if err := pebblejournal.Check(""); err == nil {
		t.Error("no directory")
	}
	if os.Geteuid() != 0 { // for whom every directory can be written
		if err := pebblejournal.Check("/usr/journal"); err == nil || !strings.Contains(err.Error(), "let the server's user write there") {
			t.Errorf("a directory of another user: %v", err)
		}
	}
}

// match returns the one file in dir with such a name.
func match(dir, pattern string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err == nil && len(files) != 1 {
		err = errors.New(pattern + " is there several times or not at all")
	}
	if err != nil {
		return "", err
	}
	return files[0], nil
}

func removeMatch(dir, pattern string) error {
	file, err := match(dir, pattern)
	if err != nil {
		return err
	}
	return os.Remove(file)
}

func truncateMatch(dir, pattern string) error {
	file, err := match(dir, pattern)
	if err != nil {
		return err
	}
	return os.Truncate(file, 0)
}

func renewMarker(dir string) error {
	file, err := match(dir, "marker.format-version.*")
	if err != nil {
		return err
	}
	return os.Rename(file, strings.TrimSuffix(file, filepath.Ext(file))+".999")
}
