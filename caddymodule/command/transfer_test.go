package command_test

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

func TestCommand_Import(t *testing.T) {
	for _, journal := range []string{"memory", "pebble {env.NEW_JOURNAL}"} {
		t.Run(strings.Fields(journal)[0], func(t *testing.T) {
			t.Setenv("NEW_JOURNAL", t.TempDir())
			s, admin, exported := testcaddy.StartTwoHubs(t, journal)
			file := filepath.Join(t.TempDir(), "old.jsonl")
			lines := strings.SplitAfter(exported, "\n")
			damaged := strings.Join(lines[:2], "") + lines[2][:30]
			for _, step := range []struct {
				text  string
				fails bool
				says  []string
			}{
				{damaged, true, []string{"old.jsonl: line 3: it is ", "not valid JSON: ", "; the lines before it are kept: 2 recorded, 0 known"}},
				{exported, false, []string{"4 lines: 2 recorded, 2 known before"}},
				{exported, false, []string{"4 lines: 0 recorded, 4 known before"}},
				{strings.Replace(exported, `"name":"Li"`, `"nom":"Li"`, 1), true, []string{"old.jsonl: line 1: ", `entry.from.nom is not known here`}},
			} {
				if err := os.WriteFile(file, []byte(step.text), 0o600); err != nil {
					t.Fatal(err)
				}
				out, err := testcaddy.Command(t, admin, "import", "--hub", "new", file)
				if (err != nil) != step.fails {
					t.Errorf("%v\n%s", err, out)
				}
				for _, want := range step.says {
					if !strings.Contains(out, want) {
						t.Errorf("%s\nwant %s in it", out, want)
					}
				}
			}
			epoch := regexp.MustCompile(`"epoch":"[^"]*"`)
			again, err := testcaddy.Command(t, admin, "export", "--json", "--hub", "new")
			if err != nil {
				t.Fatal(err, again)
			}
			if got, want := epoch.ReplaceAllString(byRoom(again), ""), epoch.ReplaceAllString(byRoom(exported), ""); got != want {
				t.Errorf("the new hub has\n%s\nand the old one\n%s", got, want)
			}
			c := s.V1("ws://"+s.Plain+"/new", nil, `,"rooms":[{"room":"tea"}]`)
			testcaddy.Hears(t, c, `"welcome"`, `"last":3`)
			testcaddy.Say(t, c, `{"type":"history","id":"1","room":"tea"}`)
			testcaddy.Until(t, c, `"history"`, `"recalled":true`, `two`, `"target":1`)
			testcaddy.Say(t, c, `{"type":"send","room":"tea","body":"four"}`)
			testcaddy.Until(t, c, `"seq":4`, `"four"`)
		})
	}
}

// byRoom returns the lines with those of the room tea first: the order of rooms in an
// export depends on the journal.
func byRoom(lines string) string {
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

func TestCommand_Tail(t *testing.T) {
	s, admin, _ := testcaddy.StartTwoHubs(t, "memory")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tail := func(args ...string) (read func(want string), end func() error) {
		cmd := testcaddy.CommandContext(ctx, admin, append([]string{"tail", "--hub", "old"}, args...)...)
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
	read(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  1  Li \(guest-\w+\): \[recalled\]\n$`)
	read("  2  Li \\(guest-\\w+\\): \uFFFD\\[2Jtwo\n$")
	read(`  3  Li \(guest-\w+\): \[recalled message 1\]\n$`)
	lines, endLines := tail("--json", "--newest", "0", "tea")
	if out, err := testcaddy.Command(t, admin, "announce", "--hub", "old", "tea", "closing"); err != nil {
		t.Fatal(err, out)
	}
	read(`  4  \[notice\] closing\n$`)
	// The tail in JSON may have begun after the notice, so more is said until it prints
	// something.
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		lines(`^\{"epoch":"\w+","entry":\{"type":"(notice|message)","room":"tea",.*\}\}\n$`)
	}()
	c := s.V1("ws://"+s.Plain+"/old", nil, `,"rooms":[{"room":"tea"}]`)
	for done := false; !done; {
		testcaddy.Say(t, c, `{"type":"send","room":"tea","body":"more"}`)
		testcaddy.Until(t, c, `"more"`)
		select {
		case <-heard:
			done = true
		case <-time.After(50 * time.Millisecond):
		}
	}
	s.Load("respond 200") // the hub closes
	if err := end(); err == nil {
		t.Error("a tail ends without an error when the hub closes")
	}
	if err := endLines(); err == nil {
		t.Error("a tail of JSON ends without an error when the hub closes")
	}
}

// A directory as standard input is refused, as one that is named.
func TestCommand_Import_OfADirectory(t *testing.T) {
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	cmd := testcaddy.CommandContext(t.Context(), "localhost:1", "import")
	cmd.Stdin = dir
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "Error: standard input is a directory, not a file") || strings.Contains(string(out), "panic") {
		t.Errorf("%v\n%s", err, out)
	}
}
