package testcaddy

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Root is the directory of the project, relative to the directory of the package that
// is tested.
func Root(t *testing.T) string {
	t.Helper()
	dir := "."
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if abs, err := filepath.Abs(dir); err != nil || filepath.Dir(abs) == abs {
			t.Fatalf("no go.mod above the working directory (%v)", err)
		}
		dir = filepath.Join(dir, "..")
	}
}

// Documents returns the paths of all Markdown files of the project.
func Documents(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(Root(t), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "build") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) == ".md" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Read returns the content of a file.
func Read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Eventually fails unless ok becomes true within 10 seconds. It is for what another
// process or goroutine does without telling when.
func Eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second) // beside load
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not in time: %s", what)
		}
	}
}
