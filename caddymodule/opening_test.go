package caddymodule_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddychat/caddy-chat/caddymodule"
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// An attempt that a disk holds up delays neither a start, a reload nor a stop. When it
// ends after that, what it opened is closed again.
func TestOpening_ThatHangs_HoldsNothingUp(t *testing.T) {
	caddymodule.SetOpeningTimes(t, 100*time.Millisecond, 20*time.Millisecond, time.Hour)
	goOn, attempts := make(chan struct{}), make(chan struct{}, 100)
	setFailure(func(context.Context) error { // which does not obey its context
		attempts <- struct{}{}
		<-goOn
		return nil
	})
	const chat = "respond /shop shop\nchat {\njournal failing\nui on\nauth wechat {\napp_id a\napp_secret b\n}\n}"
	quick := func(what string, do func()) {
		t.Helper()
		start := time.Now()
		do()
		if took := time.Since(start); took > 9*time.Second { // the shortest wait for a journal that hangs is ten
			t.Errorf("%s took %v", what, took)
		}
	}
	var s *testcaddy.Site
	quick("start", func() { s = testcaddy.Start(t, chat) })
	checkClosed(t, s, "its journal is still being opened", "failing")
	quick("reload", func() { s.Load("header X-Load 1\n" + chat) })
	checkClosed(t, s, "its journal is still being opened", "failing")
	if lines := closedLines(t, s); len(lines) != 1 || !strings.Contains(lines[0], `"level":"warn"`) {
		t.Errorf("logged %q", lines)
	}
	if len(attempts) != 1 {
		t.Errorf("%d attempts at the same time", len(attempts))
	}
	quick("stop", func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
	s.Load("respond /shop shop") // a configuration without a chat
	quick("a reload that adds it", func() { s.Load(chat) })
	checkClosed(t, s, "its journal is still being opened", "failing")
	close(goOn)
	testcaddy.Eventually(t, "the chat is open", func() bool {
		code, _ := s.Status("http://"+s.Plain+"/chat/health", nil)
		return code == http.StatusOK
	})
	testcaddy.Eventually(t, "both journals are returned, one of them is closed", func() bool { return journalsOpen.Load() == 1 })
}

// An old reason is logged again after a time.
func TestOpening_LogsAnOldReasonAgain(t *testing.T) {
	caddymodule.SetOpeningTimes(t, 10*time.Second, time.Millisecond, 50*time.Millisecond)
	setFailure(func(context.Context) error { return errors.New("the only one") })
	s := testcaddy.Start(t, "chat {\njournal failing\n}")
	testcaddy.Eventually(t, "it is logged twice", func() bool { return len(closedLines(t, s)) >= 2 })
	if err := caddy.Stop(); err != nil {
		t.Error(err)
	}
}

// A reason is logged once, and a new one at once.
func TestOpening_LogsReasons(t *testing.T) {
	caddymodule.SetOpeningTimes(t, 10*time.Second, time.Millisecond, time.Hour)
	attempts := make(chan struct{})
	reason := func(text string) {
		setFailure(func(ctx context.Context) error {
			select {
			case attempts <- struct{}{}:
			case <-ctx.Done():
			}
			return errors.New(text)
		})
	}
	setFailure(func(context.Context) error { return errors.New("the first") })
	s := testcaddy.Start(t, "chat {\njournal failing\n}")
	reason("the second")
	for range 10 {
		<-attempts
	}
	reason("the third")
	<-attempts
	testcaddy.Eventually(t, "the third reason is logged", func() bool {
		lines := closedLines(t, s)
		return len(lines) == 3 && strings.Contains(lines[0], "the first") && strings.Contains(lines[1], "the second") && strings.Contains(lines[2], "the third")
	})
	go func() {
		for range attempts {
		}
	}()
	if err := caddy.Stop(); err != nil {
		t.Error(err)
	}
	close(attempts)
}

// While the chat is closed, a reload may give it another journal. Once it is open, it
// may not.
func TestOpening_MovesByReload(t *testing.T) {
	caddymodule.SetOpeningTimes(t, 10*time.Second, time.Hour, time.Hour)
	dir := t.TempDir()
	file, other := filepath.Join(dir, "file"), filepath.Join(dir, "other")
	writeFile(t, file, "")
	s := testcaddy.Start(t, "chat {\njournal pebble "+file+"\n}")
	if code, _ := s.Status("http://"+s.Plain+"/chat/health", nil); code != 503 {
		t.Errorf("status %d", code)
	}
	s.Load("chat {\njournal pebble " + other + "\n}")
	a, b := s.Client("ws://"+s.Plain+"/chat"), s.Client("ws://"+s.Plain+"/chat")
	testcaddy.Say(t, a, "hello")
	testcaddy.Expect(t, b, "hello")
	remove(t, file)
	if err := s.TryLoad("chat {\njournal pebble " + file + "\n}"); err == nil || !strings.Contains(err.Error(), "can't move to pebble:"+file) {
		t.Errorf("%v", err)
	}
	testcaddy.Say(t, a, "still here")
	testcaddy.Expect(t, b, "still here")
	if _, err := os.Stat(file); err == nil {
		t.Error("the refused configuration has made its journal")
	}
}

// failingApp is an app whose Start fails.
type failingApp struct{}

// failsToStart is a handler that loads it.
type failsToStart struct{ caddyhttp.VarsMiddleware }

func init() {
	caddy.RegisterModule(failingApp{})
	caddy.RegisterModule(new(failsToStart))
	httpcaddyfile.RegisterHandlerDirective("fails_to_start", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		h.Next()
		return new(failsToStart), nil
	})
	httpcaddyfile.RegisterDirectiveOrder("fails_to_start", httpcaddyfile.After, "reverse_proxy")
}

func (failingApp) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "failing_app", New: func() caddy.Module { return new(failingApp) }}
}
func (failingApp) Start() error { return errors.New("this app never starts") }
func (failingApp) Stop() error  { return nil }

func (*failsToStart) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.fails_to_start", New: func() caddy.Module { return new(failsToStart) }}
}

func (*failsToStart) Provision(ctx caddy.Context) error {
	_, err := ctx.App("failing_app")
	return err
}

// A configuration that moves a closed chat and is refused for another reason leaves
// the chat where it was. Caddy starts apps in any order: in most of these reloads the
// chat is open in its new place before the configuration is refused.
func TestOpening_MovedByARefusedReload_MovesBack(t *testing.T) {
	caddymodule.SetOpeningTimes(t, 10*time.Second, 10*time.Millisecond, time.Hour)
	dir := t.TempDir()
	file, other := filepath.Join(dir, "file"), filepath.Join(dir, "other")
	writeFile(t, file, "")
	s := testcaddy.Start(t, "chat {\njournal pebble "+file+"\n}")
	opened := 0
	for i := range 12 {
		err := s.TryLoad(fmt.Sprintf("header X-Load %d\nfails_to_start\nchat {\njournal pebble %s\n}", i, other))
		if err == nil || !strings.Contains(err.Error(), "this app never starts") {
			t.Fatalf("%v", err)
		}
		if code, _ := s.Status("http://"+s.Plain+"/chat/health", nil); code != 503 {
			t.Errorf("status %d", code)
		}
		if _, err := os.Stat(other); err == nil {
			opened++
			makeStore(t, other) // fails if it is still open
			remove(t, other)
		}
	}
	if opened == 0 { // each time with a probability of 1/8
		t.Error("the chat was never open in its new place")
	}
	remove(t, file)
	testcaddy.Eventually(t, "the chat is open", func() bool {
		code, _ := s.Status("http://"+s.Plain+"/chat/health", nil)
		return code == http.StatusOK
	})
	only(t, file, "MANIFEST-*")
}

// After a refused reload nothing opens a journal any more for what was refused.
func TestOpening_OfARefusedReload_HasEnded(t *testing.T) {
	caddymodule.SetOpeningTimes(t, 20*time.Millisecond, 10*time.Millisecond, time.Hour)
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "")
	var opening, opened atomic.Int32
	setFailure(func(ctx context.Context) error {
		opened.Add(1)
		opening.Add(1)
		defer opening.Add(-1)
		<-ctx.Done()
		time.Sleep(50 * time.Millisecond) // a disk does not end at once
		return ctx.Err()
	})
	s := testcaddy.Start(t, "chat {\njournal pebble "+file+"\n}")
	for i := 0; i < 100 && opened.Load() < 3; i++ { // Caddy starts apps in any order
		err := s.TryLoad(fmt.Sprintf("header X-Load %d\nfails_to_start\nchat {\njournal failing\n}", i))
		if err == nil || !strings.Contains(err.Error(), "this app never starts") {
			t.Fatalf("%v", err)
		}
		if opening.Load() != 0 {
			t.Error("the journal of a refused configuration is still being opened")
		}
	}
	if opened.Load() < 3 {
		t.Error("hardly any reload began to open its journal")
	}
}

// What a journal warns of is shown to operators, and to nobody else.
func TestHub_Warnings_AreShownToOperators(t *testing.T) {
	setFailure(func(context.Context) error { return nil })
	s, admin := testcaddy.StartAdmin(t, "chat {\njournal failing\n}")
	_, hub := testcaddy.Ask(t, "GET", admin+"/chat/hubs/default", "")
	if hub["healthy"] != true || fmt.Sprint(hub["warnings"]) != "[others may read it]" {
		t.Errorf("%v", hub)
	}
	if code, body := s.Status("http://"+s.Plain+"/chat/health", nil); code != 200 || body != "ok\n" {
		t.Errorf("%d %q", code, body)
	}
}

// A compaction ends with its request, also if the request has a body.
func TestAdmin_Compact_EndsWithItsRequest(t *testing.T) {
	setFailure(func(context.Context) error { return nil })
	_, admin := testcaddy.StartAdmin(t, "chat {\njournal failing\n}")
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", admin+"/chat/hubs/default/compact", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	ended := make(chan error, 1)
	go func() {
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			res.Body.Close()
		}
		ended <- err
	}()
	select {
	case <-compacting:
	case err := <-ended:
		t.Fatalf("the compaction has not begun: %v", err)
	}
	cancel()
	if err := <-ended; err == nil {
		t.Error("the request was answered")
	}
	select {
	case <-compacting:
	case <-time.After(10 * time.Second):
		t.Error("the compaction goes on")
	}
}

// The keys of tokens are in Caddy's storage. If they can't be made, the chat is closed
// as well, and nothing else.
func TestOpening_KeysThatCannotBeStored(t *testing.T) {
	caddymodule.SetOpeningTimes(t, 10*time.Second, 20*time.Millisecond, time.Hour)
	s := testcaddy.Start(t, "respond /shop shop")
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(s.Dir, "chat-keys")
	writeFile(t, keys, "")
	s.Load("respond /shop shop\nchat {\nui on\nauth wechat {\napp_id a\napp_secret b\n}\n}")
	checkClosed(t, s, "one of its directories is a file", s.Dir)
	remove(t, keys)
	testcaddy.Eventually(t, "the chat is open", func() bool {
		code, _ := s.Status("http://"+s.Plain+"/chat/health", nil)
		return code == http.StatusOK
	})
}

// What the configuration alone shows to be wrong is refused, at the start too.
func TestOpening_WrongConfiguration_IsRefused(t *testing.T) {
	s := testcaddy.Start(t, "respond ok")
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	for directives, want := range map[string]string{
		"chat /a {\njournal pebble /x\n}\nchat /b {\njournal memory\n}":                   `hub "default" has settings in two places, Caddyfile:`,
		"chat /a {\nhub a\njournal pebble /x\n}\nchat /b {\nhub b\njournal pebble /x/\n}": `hubs "a" and "b" can't both have their journal in pebble:/x`,
		"chat {\njournal pebble {env.NO_SUCH_VARIABLE}\n}":                                "env.NO_SUCH_VARIABLE",
		"chat {\njournal pebble /x {\nretention 0\n}\n}":                                  "Caddyfile:",
	} {
		if err := s.TryLoad(directives); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n%v", directives, err)
		}
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// A process whose chat is closed serves, and ends at once.
func TestOpening_ClosedProcess_EndsAtOnce(t *testing.T) {
	p := testcaddy.NewProcess(t, "respond /shop shop\nchat {\njournal pebble /dev/null/chat\n}")
	p.Start()
	testcaddy.Eventually(t, "the chat says why it is closed", func() bool {
		code, body := get(t, "http://"+p.Addr+"/chat/health")
		return code == 503 && strings.Contains(body, "one of its directories is a file")
	})
	if code, body := get(t, "http://"+p.Addr+"/shop"); code != 200 || body != "shop" {
		t.Errorf("/shop: %d %s", code, body)
	}
	start := time.Now()
	if err := p.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := p.Cmd.Wait()
	p.Cmd = nil
	if took := time.Since(start); err != nil || took > 2*time.Second {
		t.Errorf("ended after %v: %v\n%s", took, err, p.Log.String())
	}
	if n := strings.Count(p.Log.String(), `"the chat is closed`); n != 1 {
		t.Errorf("%d lines say that the chat is closed\n%s", n, p.Log.String())
	}
}

// Keys of tokens that are gone are made again, since nobody could come in otherwise. The log says what that
// means, and does not warn when a hub begins.
func TestOpening_KeysAreGone_IsLogged(t *testing.T) {
	directives := "respond /shop shop\nchat {\nauth guest\nui on\njournal pebble " + filepath.Join(t.TempDir(), "journal") + "\n}"
	s := testcaddy.Start(t, directives)
	key := filepath.Join(s.Dir, "chat-keys", "guest")
	const made, gone = `"keys were made, and are in Caddy's storage","key":"chat-keys/guest"`, `"there were no such keys in Caddy's storage`
	expect := func(what string, wantMade, wantGone int) {
		t.Helper()
		log := testcaddy.Read(t, s.Log)
		if got := strings.Count(log, made); got != wantMade {
			t.Errorf("%s: %d lines say that keys were made, want %d", what, got, wantMade)
		}
		if got := strings.Count(log, gone); got != wantGone || got > 0 && !strings.Contains(log, `"level":"warn"`) {
			t.Errorf("%s: %d lines say that keys were gone, want %d", what, got, wantGone)
		}
	}
	expect("the first start", 1, 0)
	s.Restart(directives)
	expect("keys are there", 1, 0)
	remove(t, key)
	s.Restart(directives)
	expect("the journal is empty", 2, 0)
	c := s.V1("ws://"+s.Plain+"/chat", nil, `,"id":"h","rooms":[{"room":"tea"}]`)
	testcaddy.Say(t, c, `{"type":"send","id":"p","room":"tea","body":"x"}`)
	if got := testcaddy.Until(t, c, `"id":"p"`); !strings.Contains(got, `"type":"ok"`) {
		t.Fatal(got)
	}
	c.CloseNow()
	remove(t, key)
	s.Restart(directives)
	expect("the journal has a message", 2, 1)
	writeFile(t, key, "[]")
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	s.Load(directives)
	checkClosed(t, s, "it could not be started", s.Dir)
	expect("damaged keys", 2, 1)
}
