//go:build unix

package private

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestFS_NewFiles_ArePrivate(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	dir := t.TempDir()
	fs := FS(vfs.Default)
	path := func(name string) string { return filepath.Join(dir, name) }
	for name, create := range map[string]func(string) (vfs.File, error){
		"created": func(name string) (vfs.File, error) { return fs.Create(name, "") },
		"opened":  func(name string) (vfs.File, error) { return fs.OpenReadWrite(name, "") },
		"reused": func(name string) (vfs.File, error) {
			if err := os.WriteFile(path("old"), nil, 0o666); err != nil {
				return nil, err
			}
			return fs.ReuseForWrite(path("old"), name, "")
		},
	} {
		f, err := create(path(name))
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		if m := mode(t, path(name)); m != 0o600 {
			t.Errorf("%s: %04o", name, m)
		}
	}
	if err := fs.MkdirAll(path("a/b"), 0o777); err != nil || mode(t, path("a")) != 0o700 || mode(t, path("a/b")) != 0o700 {
		t.Error(err, mode(t, path("a")), mode(t, path("a/b")))
	}
}

func isOurs(name string) bool { return strings.HasPrefix(name, "our") }

func TestSecure_ReadableForAll_IsMadePrivateOrNamed(t *testing.T) {
	for name, c := range map[string]struct {
		files   []string
		foreign bool // chmod fails
		dir     os.FileMode
		wants   []string
	}{
		"empty":                 {nil, false, 0o700, nil},
		"ours":                  {[]string{"our1", "our2"}, false, 0o700, nil},
		"with somebody's file":  {[]string{"our1", "photo"}, false, 0o755, []string{"photo"}},
		"ours, somebody else's": {[]string{"our1"}, true, 0o755, []string{"our1", "chmod 600", "chmod 700"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "journal")
			if err := errors.Join(os.Mkdir(dir, 0o755), os.Chmod(dir, 0o755)); err != nil {
				t.Fatal(err)
			}
			for _, file := range c.files {
				if err := os.WriteFile(filepath.Join(dir, file), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if c.foreign {
				chmod = func(string, os.FileMode) error { return syscall.EPERM }
				defer func() { chmod = os.Chmod }()
			}
			said := strings.Join(Secure(dir, isOurs), "\n")
			if m := mode(t, dir); m != c.dir {
				t.Errorf("the directory has %04o", m)
			}
			for _, file := range c.files {
				if m := mode(t, filepath.Join(dir, file)); (m == 0o600) != (isOurs(file) && !c.foreign) {
					t.Errorf("%s has %04o", file, m)
				}
			}
			for _, want := range c.wants {
				if !strings.Contains(said, want) {
					t.Errorf("%q is not said in %q", want, said)
				}
			}
			if len(c.wants) == 0 && said != "" {
				t.Error(said)
			}
			if again := Secure(dir, isOurs); len(c.wants) == 0 && again != nil {
				t.Error(again)
			}
		})
	}
}
