package journals

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// cloned makes a directory with the files of a backup, beside it if that is possible. It is opened instead
// of the backup, which opening would change: it would be no backup any more, so whoever goes back to it
// twice would get one epoch for two lots of messages. It shares the tables, which nobody ever changes, and so
// takes little room there. forget removes it.
func cloned(dir string) (to string, forget func() error, err error) {
	if to, err = os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".export-"); err != nil {
		to, err = os.MkdirTemp("", "chat-export-")
	}
	if err != nil {
		return "", nil, err
	}
	files, err := os.ReadDir(dir)
	for _, f := range files {
		if err == nil && f.Type().IsRegular() {
			err = shareOrCopy(filepath.Join(dir, f.Name()), filepath.Join(to, f.Name()))
		}
	}
	forget = func() error { return os.RemoveAll(to) }
	if err != nil {
		return "", nil, errors.Join(err, forget())
	}
	return to, forget, nil
}

func shareOrCopy(from, to string) error {
	if strings.HasSuffix(from, ".sst") && os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
