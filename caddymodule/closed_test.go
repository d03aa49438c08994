package caddymodule_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/cockroachdb/pebble/v2"

	"github.com/caddychat/caddy-chat/caddymodule"
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
	"github.com/caddychat/caddy-chat/caddymodule/journals"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal"
)

// failing is an engine whose Open calls a function of the test first.
type failing struct{ journals.Memory }

var failure struct {
	sync.Mutex
	open func(context.Context) error
}

func setFailure(open func(context.Context) error) {
	failure.Lock()
	defer failure.Unlock()
	failure.open = open
}

func init() { caddy.RegisterModule(new(failing)) }

func (*failing) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.journals.failing", New: func() caddy.Module { return new(failing) }}
}

func (*failing) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return nil
}

func (f *failing) Open(ctx context.Context, location string, p journals.Params) (journal.Journal, error) {
	failure.Lock()
	open := failure.open
	failure.Unlock()
	if err := open(ctx); err != nil {
		return nil, err
	}
	j, err := f.Memory.Open(ctx, location, p)
	journalsOpen.Add(1)
	return countedJournal{j}, err
}

// journalsOpen counts the journals of this engine that are open.
var journalsOpen atomic.Int32

// countedJournal is a journal of this engine. It has a warning, and its compaction
// lasts as long as its context.
type countedJournal struct{ journal.Journal }

func (j countedJournal) Stats() journal.Stats { return journal.Stats{} }

func (countedJournal) Unavailable() error { return nil }

func (countedJournal) Backup(context.Context, string) error { return errors.New("it has no files") }

func (countedJournal) Warnings() []string { return []string{"others may read it"} }

var compacting = make(chan struct{})

func (countedJournal) Compact(ctx context.Context) error {
	compacting <- struct{}{}
	<-ctx.Done()
	compacting <- struct{}{}
	return ctx.Err()
}

func (j countedJournal) Close() error {
	journalsOpen.Add(-1)
	return j.Journal.Close()
}

// fails makes the engine fail until the returned function is called.
func fails(err error) func(*testing.T, string) func() {
	return func(*testing.T, string) func() {
		setFailure(func(context.Context) error { return err })
		return func() { setFailure(func(context.Context) error { return nil }) }
	}
}

// causes are why a journal can't be opened. prepare makes the cause, in the directory
// of the journal, and returns what removes it.
var causes = []struct {
	name, engine string
	prepare      func(t *testing.T, dir string) (undo func())
	words        string // that strangers read
	reason       string // in the log
	warns        bool   // caddy validate sees it
}{
	{"not a directory", "pebble", func(t *testing.T, dir string) func() {
		writeFile(t, dir, "")
		return func() { remove(t, dir) }
	}, "one of its directories is a file", "not a directory", true},
	{"a link to nothing", "pebble", func(t *testing.T, dir string) func() {
		to := filepath.Join(t.TempDir(), "disk")
		if err := os.Symlink(to, dir); err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := os.Mkdir(to, 0o700); err != nil {
				t.Error(err)
			}
		}
	}, "it could not be started", "leads to nothing; mount the disk", true},
	{"damaged", "pebble", func(t *testing.T, dir string) func() {
		makeStore(t, dir)
		manifest := only(t, dir, "MANIFEST-*")
		content := testcaddy.Read(t, manifest)
		writeFile(t, manifest, "")
		return func() { writeFile(t, manifest, content) }
	}, "its journal is damaged", "its files are damaged; put a backup in its place, or move it away", true},
	{"of another program", "pebble", func(t *testing.T, dir string) func() {
		db, err := pebble.Open(dir, &pebble.Options{})
		if err == nil {
			err = errors.Join(db.Set([]byte("x"), []byte("y"), pebble.Sync), db.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		return func() { rename(t, dir, dir+"-moved") }
	}, "it could not be started", "another program's data; choose another directory", false},
	{"of a newer format", "pebble", func(t *testing.T, dir string) func() {
		makeStore(t, dir)
		marker := only(t, dir, "marker.format-version.*")
		newer := strings.TrimSuffix(marker, filepath.Ext(marker)) + ".999"
		rename(t, marker, newer)
		return func() { rename(t, newer, marker) }
	}, "its journal is of a newer program", "it was written by a newer program; install that", true},
	{"in use", "pebble", func(t *testing.T, dir string) func() {
		j, err := pebblejournal.Open(pebblejournal.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := j.Close(); err != nil {
				t.Error(err)
			}
		}
	}, "its journal is in use by another process", "it is in use by another process or journal; stop that", false},
	{"no permission", "failing", fails(fmt.Errorf("open journal: %w; let the server's user write there", &fs.PathError{Op: "open", Path: "/x", Err: syscall.EACCES})),
		"the server's user may not read or write its files", "permission denied; let the server's user write there", false},
	{"read-only", "failing", fails(fmt.Errorf("open journal: %w", &fs.PathError{Op: "open", Path: "/x", Err: syscall.EROFS})),
		"its disk is read-only", "read-only file system", false},
	{"full", "failing", fails(fmt.Errorf("open journal: %w; make room on that disk", &fs.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC})),
		"its disk is full", "no space left on device; make room on that disk", false},
	{"another server is away", "failing", fails(errors.New("postgres.internal does not answer")),
		"it could not be started", "postgres.internal does not answer", false},
	{"panic", "failing", func(*testing.T, string) func() {
		setFailure(func(context.Context) error { panic("of the engine") })
		return func() { setFailure(func(context.Context) error { return nil }) }
	}, "it could not be started", "panic: of the engine", false},
}

func writeFile(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// only returns the one file in dir with such a name.
func only(t *testing.T, dir, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s: %q, %v", pattern, files, err)
	}
	return files[0]
}

// makeStore makes a journal and closes it.
func makeStore(t *testing.T, dir string) {
	t.Helper()
	j, err := pebblejournal.Open(pebblejournal.Options{Dir: dir})
	if err == nil {
		err = j.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// closedLines returns the lines of the log that say that a hub is closed.
func closedLines(t *testing.T, s *testcaddy.Site) (lines []string) {
	t.Helper()
	for line := range strings.Lines(testcaddy.Read(t, s.Log)) {
		if strings.Contains(line, `"the chat is closed`) {
			lines = append(lines, line)
		}
	}
	return lines
}

// With each cause Caddy starts and serves the rest. The chat is closed at each of its
// doors, says why, and is open soon after the cause has gone. Until then reloads work.
func TestClosed_AtTheStart_TheRestIsServed(t *testing.T) {
	caddymodule.SetOpeningTimes(t, 10*time.Second, 20*time.Millisecond, time.Hour)
	for _, cause := range causes {
		t.Run(cause.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "journal")
			undo := cause.prepare(t, dir)
			place := cause.engine + " " + dir
			if cause.engine != "pebble" {
				place = cause.engine
			}
			directives := "respond /shop shop\nchat {\njournal " + place + "\nui on\nauth wechat {\napp_id a\napp_secret b\n}\nauth guest\n}"
			s, admin := testcaddy.StartAdmin(t, directives)
			checkClosed(t, s, cause.words, dir)
			for i := range 3 { // each makes an attempt
				s.Load(fmt.Sprintf("header X-Load %d\n", i) + directives)
			}
			checkClosed(t, s, cause.words, dir)
			lines := closedLines(t, s)
			if len(lines) != 1 || !strings.Contains(lines[0], `"level":"error"`) || !strings.Contains(lines[0], cause.reason) ||
				!strings.Contains(lines[0], `"hub":"default"`) {
				t.Errorf("logged %q, want one line with %q", lines, cause.reason)
			}
			checkAdminOfClosed(t, admin, cause.reason)

			undo()
			url := "ws://" + s.Plain + "/chat"
			testcaddy.Eventually(t, "the chat is open", func() bool {
				code, _ := s.Status("http://"+s.Plain+"/chat/health", nil)
				return code == http.StatusOK
			})
			a, b := s.Client(url), s.Client(url)
			testcaddy.Say(t, a, "hello")
			testcaddy.Expect(t, b, "hello")
			testcaddy.Eventually(t, "the log says that the chat is open", func() bool {
				return strings.Contains(testcaddy.Read(t, s.Log), `"the chat is open"`)
			})
			if _, info := testcaddy.Ask(t, "GET", admin+"/chat/hubs/default", ""); info["healthy"] != true || info["problem"] != nil {
				t.Errorf("%v", info)
			}
		})
	}
}

// checkClosed checks that the chat is closed at each door, and the rest is served.
func checkClosed(t *testing.T, s *testcaddy.Site, words, secret string) {
	t.Helper()
	if code, body := s.Status("http://"+s.Plain+"/shop", nil); code != 200 || body != "shop" {
		t.Errorf("/shop: %d %s", code, body)
	}
	for _, door := range []struct {
		method, path string
		header       http.Header
	}{
		{"GET", "/chat", nil},
		{"GET", "/chat?room=tea", testcaddy.UpgradeHeader},
		{"GET", "/chat", http.Header{"Accept": {"text/html"}}},
		{"GET", "/chat/ui/chat.js", nil},
		{"GET", "/chat/health", nil},
		{"POST", "/chat/login", http.Header{"Content-Type": {"application/json"}}},
		{"GET", "/chat/rooms/tea/messages", nil},
		{"POST", "/chat/rooms/tea/messages", http.Header{"Content-Type": {"application/json"}}},
	} {
		req, err := http.NewRequestWithContext(t.Context(), door.method, "http://"+s.Plain+door.path, strings.NewReader(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		if door.header != nil {
			req.Header = door.header.Clone()
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		var problem struct{ Code, Detail string }
		_ = json.Unmarshal(text, &problem) // else code and detail are wrong
		if res.StatusCode != 503 || res.Header.Get("Content-Type") != "application/problem+json" || res.Header.Get("Retry-After") == "" ||
			problem.Code != "unavailable" || problem.Detail != "the chat is closed: "+words || strings.Contains(string(text), secret) {
			t.Errorf("%s %s: %d %v %s, want %s", door.method, door.path, res.StatusCode, res.Header, text, words)
		}
	}
}

func checkAdminOfClosed(t *testing.T, admin, reason string) {
	t.Helper()
	_, list := testcaddy.Ask(t, "GET", admin+"/chat/hubs", "")
	hub, _ := list["hubs"].([]any)[0].(map[string]any)
	if problem, _ := hub["problem"].(string); hub["healthy"] != false || !strings.Contains(problem, reason) {
		t.Errorf("the hubs are %v, want %s", list, reason)
	}
	for request, body := range map[string]string{"GET /rooms": "", "GET /export": "", "GET /tail?room=a": "", "POST /compact": "{}", "POST /backup": `{"dir":"/x"}`} {
		method, path, _ := strings.Cut(request, " ")
		code, answer := testcaddy.Ask(t, method, admin+"/chat/hubs/default"+path, body)
		if text, _ := answer["error"].(string); code != 503 || !strings.Contains(text, reason) {
			t.Errorf("%s: %d %v", request, code, answer)
		}
	}
	res, err := http.Get(admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if !strings.Contains(string(text), `caddy_chat_open{hub="default"} 0`) || strings.Contains(string(text), "caddy_chat_sessions") {
		t.Error("the metrics don't say that the hub is closed")
	}
}

// A reload that brings a hub which can't be started is refused, with the reason, and
// what runs goes on. It is not logged as if somebody had to mend the running server.
func TestClosed_OnReload_IsRefused(t *testing.T) {
	caddymodule.SetOpeningTimes(t, 10*time.Second, 20*time.Millisecond, time.Hour)
	s := testcaddy.Start(t, "respond /shop shop\nchat /old {\nhub old\njournal memory\n}")
	a, b := s.Client("ws://"+s.Plain+"/old"), s.Client("ws://"+s.Plain+"/old")
	for _, cause := range causes {
		dir := filepath.Join(t.TempDir(), "journal")
		undo := cause.prepare(t, dir)
		place := cause.engine + " " + dir
		if cause.engine != "pebble" {
			place = cause.engine
		}
		err := s.TryLoad("respond /shop other\nchat {\njournal " + place + "\n}")
		if err == nil || !strings.Contains(err.Error(), cause.reason) || !strings.Contains(err.Error(), `start hub "default"`) {
			t.Errorf("%s: %v", cause.name, err)
		}
		if code, body := s.Status("http://"+s.Plain+"/shop", nil); code != 200 || body != "shop" {
			t.Errorf("%s: %d %s", cause.name, code, body)
		}
		testcaddy.Say(t, a, cause.name)
		testcaddy.Expect(t, b, cause.name)
		undo()
	}
	if lines := closedLines(t, s); len(lines) > 0 {
		t.Errorf("logged %q", lines)
	}
}

// caddy validate warns of what it can see, succeeds, and changes nothing.
func TestClosed_Validate_Warns(t *testing.T) {
	for _, cause := range causes {
		if cause.engine != "pebble" {
			continue
		}
		t.Run(cause.name, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "journal")
			defer cause.prepare(t, dir)()
			before := tree(t, parent)
			out, err := testcaddy.Validate(t, "chat {\njournal pebble "+dir+"\n}")
			if err != nil || !strings.Contains(out, "Valid configuration") {
				t.Errorf("%v\n%s", err, out)
			}
			warned := ""
			for line := range strings.Lines(out) {
				if strings.Contains(line, `"level":"warn"`) && strings.Contains(line, "could not be opened and written now") {
					warned += line
				}
			}
			if (warned != "") != cause.warns || warned != "" && (!strings.Contains(warned, dir) || strings.Count(warned, "\n") != 1) {
				t.Errorf("warned %q", warned)
			}
			// A journal that is in use changes its files itself.
			if after := tree(t, parent); after != before && cause.name != "in use" {
				t.Errorf("before\n%safter\n%s", before, after)
			}
		})
	}
}

// docs/operations.md has a row for each of these causes.
func TestDocuments_ClosedJournals_AreExplained(t *testing.T) {
	_, section, _ := strings.Cut(testcaddy.Read(t, "../docs/operations.md"), "\n## When the journal cannot be opened\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var told []string
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \|`).FindAllStringSubmatch(section, -1) {
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			told = append(told, m[1])
		}
	}
	for _, cause := range causes {
		if cause.name == "another server is away" || cause.name == "panic" {
			continue // Pebble's words; not Pebble's
		}
		if !slices.ContainsFunc(told, func(words string) bool { return strings.Contains(cause.reason, words) }) {
			t.Errorf("%s: no row of %q is for %q", cause.name, told, cause.reason)
		}
	}
}

// tree returns the names, sizes and times of all files below dir.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var list strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // a journal that runs has renamed it
		case err == nil:
			fmt.Fprintln(&list, path, info.Mode(), info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list.String()
}
