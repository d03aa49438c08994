package caddymodule_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// two runs Caddy with a hub "old" on disk, in which somebody has spoken, and an
// empty one "new", and returns what old exports.
func two(t *testing.T, journal string) (s *site, admin, exported string) {
	t.Helper()
	s, admin = startAdmin(t, "chat /old {\nhub old\n}\nchat /new {\nhub new\njournal "+journal+"\n}")
	c := s.v1("ws://"+s.plain+"/old", nil, `,"name":"Li","rooms":[{"room":"tea"},{"room":"coffee"}]`)
	for _, f := range []struct{ says, hears string }{
		{`{"type":"send","room":"tea","key":"k1","body":{"text":"one"}}`, `"one"`},
		{`{"type":"send","room":"tea","key":"k2","body":"\u001b[2Jtwo"}`, `[2Jtwo"`},
		{`{"type":"recall","room":"tea","seq":1}`, `"recalled"`},
		{`{"type":"send","room":"coffee","body":"three"}`, `"three"`},
	} {
		say(t, c, f.says)
		until(t, c, f.hears)
	}
	exported, err := command(t, admin, "export", "--hub", "old")
	if err != nil {
		t.Fatal(err, exported)
	}
	return s, admin, exported
}

func TestCommand_Import(t *testing.T) {
	for _, journal := range []string{"memory", "pebble {env.NEW_JOURNAL}"} {
		t.Run(strings.Fields(journal)[0], func(t *testing.T) {
			t.Setenv("NEW_JOURNAL", t.TempDir())
			s, admin, exported := two(t, journal)
			file := filepath.Join(t.TempDir(), "old.jsonl")
			lines := strings.SplitAfter(exported, "\n")
			damaged := strings.Join(lines[:2], "") + lines[2][:30]
			for _, step := range []struct{ text, says string }{
				{damaged, "line 3: it is not the JSON of an entry: unexpected EOF; what came before it is kept: 2 recorded, 0 known"},
				{exported, "4 lines: 2 recorded, 2 known before"},
				{exported, "4 lines: 0 recorded, 4 known before"},
				{strings.Replace(exported, `"name":"Li"`, `"nom":"Li"`, 1), `line 1: it is not the JSON of an entry: json: unknown field \"nom\"`},
			} {
				if err := os.WriteFile(file, []byte(step.text), 0o600); err != nil {
					t.Fatal(err)
				}
				out, err := command(t, admin, "import", "--hub", "new", file)
				if !strings.Contains(out, step.says) || (err != nil) != strings.HasPrefix(step.says, "line") {
					t.Errorf("%v\n%s\nwant %s", err, out, step.says)
				}
			}
			epoch := regexp.MustCompile(`"epoch":"[^"]*"`)
			again, err := command(t, admin, "export", "--hub", "new")
			if err != nil {
				t.Fatal(err, again)
			}
			if got, want := epoch.ReplaceAllString(sorted(again), ""), epoch.ReplaceAllString(sorted(exported), ""); got != want {
				t.Errorf("the new hub has\n%s\nand the old one\n%s", got, want)
			}
			c := s.v1("ws://"+s.plain+"/new", nil, `,"rooms":[{"room":"tea"}]`)
			hears(t, c, `"welcome"`, `"last":3`)
			say(t, c, `{"type":"history","id":"1","room":"tea"}`)
			until(t, c, `"history"`, `"recalled":true`, `two`, `"target":1`)
			say(t, c, `{"type":"send","room":"tea","body":"four"}`)
			until(t, c, `"seq":4`, `"four"`)
		})
	}
}

// sorted are lines in an order of their own: that of rooms is the journal's.
func sorted(lines string) string {
	list := strings.SplitAfter(lines, "\n")
	var tea, coffee []string
	for _, line := range list {
		if strings.Contains(line, `"room":"tea"`) {
			tea = append(tea, line)
		} else {
			coffee = append(coffee, line)
		}
	}
	return strings.Join(append(tea, coffee...), "")
}

// An import may take longer than Caddy lets a request be read.
func TestAdmin_Import_IsPatient(t *testing.T) {
	_, admin, exported := two(t, "memory")
	lines := strings.SplitAfter(exported, "\n")
	body, feed := io.Pipe()
	go func() {
		_, _ = io.WriteString(feed, lines[0])
		time.Sleep(11 * time.Second) // Caddy's bound is 10
		_, _ = io.WriteString(feed, strings.Join(lines[1:], ""))
		feed.Close()
	}()
	res, err := http.Post(admin+"/chat/hubs/new/import", "application/jsonl", body)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || string(text) != `{"lines":4,"recorded":4,"known":0}`+"\n" {
		t.Errorf("%s %v", text, err)
	}
}

func TestCommand_Tail(t *testing.T) {
	s, admin, _ := two(t, "memory")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tail := func(args ...string) (read func(want string), end func() error) {
		cmd := exec.CommandContext(ctx, os.Args[0], append([]string{"chat", "--address", strings.TrimPrefix(admin, "http://"), "tail", "--hub", "old"}, args...)...)
		cmd.Env = append(os.Environ(), commandVariable+"=1")
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		read = func(want string) {
			t.Helper()
			if line, err := lines.ReadString('\n'); err != nil || !regexp.MustCompile(want).MatchString(line) {
				t.Errorf("%q, %v; want %s", line, err, want)
			}
		}
		return read, cmd.Wait
	}
	read, end := tail("tea")
	read(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  1  Li: \(recalled\)\n$`)
	read("  2  Li: \uFFFD\\[2Jtwo\n$")
	read(`  3  Li: \(took back 1\)`)
	lines, endLines := tail("--json", "--newest", "0", "tea")
	if out, err := command(t, admin, "announce", "--hub", "old", "tea", "closing"); err != nil {
		t.Fatal(err, out)
	}
	read(`  4  \*: closing`)
	// The tail of JSON may have begun after the notice; whatever comes now it hears.
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		lines(`^\{"epoch":"\w+","entry":\{"type":"(notice|message)","room":"tea",.*\}\}\n$`)
	}()
	c := s.v1("ws://"+s.plain+"/old", nil, `,"rooms":[{"room":"tea"}]`)
	for done := false; !done; {
		say(t, c, `{"type":"send","room":"tea","body":"more"}`)
		until(t, c, `"more"`)
		select {
		case <-heard:
			done = true
		case <-time.After(50 * time.Millisecond):
		}
	}
	s.load("respond 200") // the hub closes
	if err := end(); err == nil {
		t.Error("a tail ends without an error when the hub closes")
	}
	if err := endLines(); err == nil {
		t.Error("a tail of JSON ends without an error when the hub closes")
	}
}

func TestAdmin_Transfer_RefusesWhatIsWrong(t *testing.T) {
	_, admin, exported := two(t, "memory")
	for request, want := range map[string]string{
		"GET /chat/hubs/none/export":              `404 {"error":"no hub \"none\" is running"}`,
		"GET /chat/hubs/old/export?after=x":       `400 {"error":"after must be a number up to 9007199254740991"}`,
		"GET /chat/hubs/old/export?after=1":       `400 {"error":"after needs a room, or from"}`,
		"GET /chat/hubs/old/tail":                 `400 {"error":"room is missing"}`,
		"GET /chat/hubs/old/tail?room=":           `400 {"error":"room name is empty"}`,
		"GET /chat/hubs/old/tail?room=a&newest=x": `400 {"error":"newest must be a number up to 1000"}`,
		"POST /chat/hubs/none/import":             `404 {"error":"no hub \"none\" is running"}`,
		"POST /chat/hubs/new/import text/plain":   `400 {"error":"the Content-Type must be application/jsonl"}`,
	} {
		parts := strings.Fields(request + " application/jsonl")
		req, err := http.NewRequestWithContext(t.Context(), parts[0], admin+parts[1], strings.NewReader(exported))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", parts[2])
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if got := strings.Fields(res.Status)[0] + " " + strings.TrimSpace(string(text)); err != nil || got != want {
			t.Errorf("%s: %s %v, want %s", request, got, err, want)
		}
	}
	if out, err := command(t, admin, "export", "--hub", "new"); err != nil || out != "" {
		t.Errorf("something was imported: %s %v", out, err)
	}
}
