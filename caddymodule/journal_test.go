package caddymodule_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
	"github.com/caddychat/caddy-chat/caddymodule/journals"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal"
)

func TestJournal_OutlivesCaddy_InItsDataDirectory(t *testing.T) {
	s := testcaddy.Start(t, "chat")
	url := "ws://" + s.Plain + "/chat?history=10"
	a := s.Client(url)
	testcaddy.Say(t, a, "one")
	testcaddy.Expect(t, s.Client(url), "one") // it is on disk before anybody receives it
	if _, err := os.Stat(filepath.Join(s.Dir, "caddy", "chat", "default")); err != nil {
		t.Error(err)
	}
	s.Restart("chat")
	b := s.Client(url)
	testcaddy.Expect(t, b, "one")
	testcaddy.Say(t, s.Client(url), "two")
	testcaddy.Expect(t, b, "two")
	s.NoErrors()
}

func TestJournal_Memory_IsLostWhenCaddyEnds(t *testing.T) {
	s := testcaddy.Start(t, "chat {\njournal memory\n}")
	url := "ws://" + s.Plain + "/chat?history=10"
	a := s.Client(url)
	testcaddy.Say(t, a, "one")
	testcaddy.Expect(t, s.Client(url), "one")
	s.Restart("chat {\njournal memory\n}")
	b := s.Client(url)
	testcaddy.Say(t, s.Client(url), "two")
	testcaddy.Expect(t, b, "two")
	if _, err := os.Stat(filepath.Join(s.Dir, "caddy", "chat")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something is on disk: %v", err)
	}
}

// The directory of a hub contains only its journal, whatever the name of the hub.
func TestJournal_SharesItsDirectoryWithNothing(t *testing.T) {
	s := testcaddy.Start(t, "chat {\nhub keys\n}")
	var keys []string
	if err := filepath.WalkDir(s.Dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "guest" {
			keys = append(keys, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	// By default Caddy's storage is its data directory, which has the journals in chat.
	journals := filepath.Join(s.Dir, "chat") + string(filepath.Separator)
	if len(keys) != 1 || strings.HasPrefix(keys[0], journals) {
		t.Errorf("the keys of guests' tokens are in %q, among the journals", keys)
	}
}

func TestReload_AnotherJournal_IsRefused(t *testing.T) {
	s := testcaddy.Start(t, "chat")
	a, b := s.Client("ws://"+s.Plain+"/chat"), s.Client("ws://"+s.Plain+"/chat")
	for _, other := range []string{"journal memory", "journal pebble " + filepath.Join(s.Dir, "elsewhere")} {
		err := s.TryLoad("chat {\nmax_message 1KiB\n" + other + "\n}")
		if err == nil || !strings.Contains(err.Error(), `hub "default" has its journal in pebble:`+s.Dir) ||
			!strings.Contains(err.Error(), "restart Caddy") {
			t.Errorf("%s: %v", other, err)
		}
	}
	long := strings.Repeat("x", 2000)
	testcaddy.Say(t, a, long)
	testcaddy.Expect(t, b, long)
	s.Load("chat {\nhub other\njournal memory\n}")
	if _, _, err := b.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the hub that was closed said %v", err)
	}
}

func TestReload_RetentionAndSize_ApplyAfterReload(t *testing.T) {
	for _, engine := range []string{"pebble", "memory"} {
		t.Run(engine, func(t *testing.T) {
			s := testcaddy.Start(t, "chat {\njournal "+engine+"\n}")
			url := "ws://" + s.Plain + "/chat?history=10"
			a, b := s.Client(url), s.Client(url)
			for i := range 5 {
				testcaddy.Say(t, a, fmt.Sprint(i))
				testcaddy.Expect(t, b, fmt.Sprint(i))
			}
			s.Load("chat {\njournal " + engine + " {\nretention 2\nmax_size 1GiB\n}\n}")
			c := s.Client(url)
			testcaddy.Expect(t, c, "3")
			testcaddy.Expect(t, c, "4")
		})
	}
}

func TestHub_OfTheSameName_IsShared(t *testing.T) {
	s := testcaddy.Start(t, "chat /a {\nhub x\n}\nchat /b {\nhub x\n}\nchat /c {\nhub y\n}")
	a, b, c := s.Client("ws://"+s.Plain+"/a"), s.Client("ws://"+s.Plain+"/b"), s.Client("ws://"+s.Plain+"/c")
	testcaddy.Say(t, c, "elsewhere")
	testcaddy.Say(t, a, "here")
	testcaddy.Expect(t, b, "here")
}

func TestValidate_TouchesNoJournal(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_DATA_HOME", dir)
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte("http://localhost:1 {\nchat\n}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var c caddy.Config
	if err := caddy.StrictUnmarshalJSON(config, &c); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Validate(&c); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "caddy", "chat")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was created: %v", err)
	}
}

func TestJournal_ThatCannotBeOpened_IsNamedInTheError(t *testing.T) {
	s := testcaddy.Start(t, "respond ok")
	file := filepath.Join(s.Dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	shared, link := filepath.Join(s.Dir, "shared"), filepath.Join(s.Dir, "link")
	if err := os.Symlink(s.Dir, link); err != nil {
		t.Fatal(err)
	}
	for directives, want := range map[string]string{
		"chat {\njournal pebble " + file + "\n}": file + ": not a directory",
		"chat /a {\nhub a\njournal pebble " + shared + "\n}\nchat /b {\nhub b\njournal pebble " + shared + "\n}":            `hubs "a" and "b" can't both have their journal in pebble:` + shared,
		"chat /a {\nhub a\njournal pebble " + shared + "\n}\nchat /b {\nhub b\njournal pebble " + link + "/shared\n}":       "can't both have their journal in pebble:" + shared,
		"chat /a {\nhub a\njournal pebble " + shared + "\n}\nchat /b {\nhub b\njournal pebble " + shared + "/in/it\n}":      "one journal within the other, in pebble:" + shared + " and pebble:" + shared + "/in/it",
		"chat /a {\nhub a\njournal pebble " + shared + "/in/it\n}\nchat /b {\nhub b\njournal pebble " + link + "/shared\n}": "one journal within the other, in pebble:" + shared + "/in/it and pebble:" + shared,
		"chat /a {\nhub a\njournal pebble /\n}\nchat /b {\nhub b\njournal pebble " + shared + "\n}":                         `hubs "a" and "b" can't have one journal within the other`,
		"chat {\njournal pebble {env.NO_SUCH_VARIABLE}\n}":                                                                  "env.NO_SUCH_VARIABLE",
		"chat {\nhub ../x\n}": `hub "../x" must have`,
	} {
		err := s.TryLoad(directives)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n%v", directives, err)
		}
	}
	if code, body := s.Status("http://"+s.Plain, nil); code != 200 || body != "ok" {
		t.Errorf("the old configuration does not run any more: %d %s", code, body)
	}
	s.Load("chat /a {\nhub a\njournal pebble " + shared + "\n}\nchat /b {\nhub b\njournal pebble " + shared + "-b\n}") // the failed attempt has released its lock
}

// fileless is an engine of another module.
type fileless struct {
	journals.Memory
	Color string `json:"color,omitempty"`
}

var filelessOpened string

func init() { caddy.RegisterModule(new(fileless)) }

func (*fileless) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.journals.fileless", New: func() caddy.Module { return new(fileless) }}
}

func (f *fileless) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	d.NextArg()
	f.Color = d.Val()
	return nil
}

func (f *fileless) Open(ctx context.Context, location string, p journals.Params) (journal.Journal, error) {
	filelessOpened = f.Color + " for " + p.Hub
	return f.Memory.Open(ctx, location, p)
}

func TestJournal_OfAnotherModule(t *testing.T) {
	s := testcaddy.Start(t, "chat {\njournal fileless green\n}")
	a, b := s.Client("ws://"+s.Plain+"/chat"), s.Client("ws://"+s.Plain+"/chat")
	testcaddy.Say(t, a, "hello")
	testcaddy.Expect(t, b, "hello")
	if filelessOpened != "green for default" {
		t.Errorf("opened %q", filelessOpened)
	}
}

// A journal whose directory was moved away says so, and goes on once it is back.
func TestJournal_DirectoryMovedAway_GoesOnOnceItIsBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j, err := pebblejournal.Open(pebblejournal.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	say := func() error {
		said := make(chan error, 1)
		j.Append(t.Context(), journal.Entry{Room: "tea", Kind: journal.Message, From: journal.User{ID: "ann"}, Body: []byte("1")},
			func(_ journal.Receipt, err error) { said <- err })
		return <-said
	}
	if err := say(); err != nil {
		t.Fatal(err)
	}
	rename(t, dir, dir+"-moved")
	if err := say(); !errors.Is(err, journal.ErrUnavailable) || !strings.Contains(err.Error(), dir+": no such file or directory: it was moved or removed") {
		t.Errorf("without its directory: %v", err)
	}
	rename(t, dir+"-moved", dir)
	testcaddy.Eventually(t, "it goes on", func() bool { return say() == nil })
	if page, err := j.Read(t.Context(), journal.Query{Room: "tea", Limit: 10}); err != nil || len(page.Entries) != 2 {
		t.Errorf("%d entries, %v", len(page.Entries), err)
	}
}
