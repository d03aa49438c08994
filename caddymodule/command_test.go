package caddymodule_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// command runs `caddy chat …` against a running Caddy and returns what it
// prints.
func command(t *testing.T, admin string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"chat", "--address", strings.TrimPrefix(admin, "http://")}, args...)...)
	cmd.Env = append(os.Environ(), commandVariable+"=1", "CHAT_SECRET="+jwtSecret)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestCommand_LooksAndModerates(t *testing.T) {
	s, admin := startAdmin(t, basicAuth+"chat {\nauth caddy\n}")
	url := "ws://" + s.plain + "/chat"
	ann := s.v1(url, as("ann"), `,"rooms":[{"room":"tea"}]`)
	hears(t, ann, "welcome")
	do := func(want string, args ...string) {
		t.Helper()
		out, err := command(t, admin, args...)
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("chat %s: %v\n%s\nwant %s in it", strings.Join(args, " "), err, out, want)
		}
	}
	do("HUB      CONNECTIONS  SESSIONS  ROOMS  ENTRIES  HEALTH\ndefault  1            1         1      0        ok", "hubs")
	do("ROOM  SESSIONS\ntea   1", "rooms")
	do(" ann   ann   chat.v1  127.0.0.1", "sessions", "--room", "tea")
	do("none", "sessions", "--user", "ben")
	do(`{"next":"","rooms":[{"name":"tea","sessions":1}]}`, "rooms", "--json")
	do("", "announce", "tea", "closing at ten")
	until(t, ann, `"notice"`, `"closing at ten"`)
	do("announced in 1 rooms", "announce", "closed")
	until(t, ann, `"notice"`, `"closed"`)
	do(`{"rooms":1}`, "announce", "--json", "closed for good")
	say(t, ann, `{"type":"send","room":"tea","key":"k","body":"oops"}`)
	until(t, ann, `"oops"`)
	do("", "recall", "tea", "4")
	until(t, ann, `"recalled"`)
	do("", "mute", "ann", "--room", "tea", "--for", "10m")
	until(t, ann, `"muted"`)
	do("mute  ann   tea   20", "sanctions")
	do("", "mute", "ann", "--room", "tea", "--for", "0")
	do("none", "sanctions")
	do("", "kick", "ann")
	until(t, ann, `"kicked"`)
	for _, c := range []struct {
		want string
		args []string
	}{
		{`user \"ben\" is not there`, []string{"kick", "ben"}},
		{`no hub \"none\" is running`, []string{"rooms", "--hub", "none"}},
		{`"x" is not the number of a message`, []string{"recall", "tea", "x"}},
		{"accepts 1 arg(s)", []string{"ban"}},
	} {
		if out, err := command(t, admin, c.args...); err == nil || !strings.Contains(out, c.want) {
			t.Errorf("chat %v: %v\n%s\nwant %s", c.args, err, out, c.want)
		}
	}
}

func TestCommand_ExportAndBackup(t *testing.T) {
	s, admin := startAdmin(t, "chat")
	for _, room := range []string{"tea", "coffee"} {
		c := s.v1("ws://"+s.plain+"/chat", nil, `,"rooms":[{"room":"`+room+`"}]`)
		for _, body := range []string{"one", "two", "three"} {
			say(t, c, `{"type":"send","room":"`+room+`","body":"`+body+`"}`)
			until(t, c, `"message"`, body)
		}
	}
	export := func(args ...string) (list []string) {
		t.Helper()
		out, err := command(t, admin, append([]string{"export"}, args...)...)
		if err != nil {
			t.Fatal(err, out)
		}
		for line := range strings.Lines(out) {
			var l struct {
				Epoch string
				Entry struct{ Room, Body string }
			}
			if err := json.Unmarshal([]byte(line), &l); err != nil || l.Epoch == "" {
				t.Fatalf("%s: %v", line, err)
			}
			list = append(list, l.Entry.Room+" "+l.Entry.Body)
		}
		return list
	}
	for args, want := range map[string]string{
		"":                       "tea one, tea two, tea three, coffee one, coffee two, coffee three",
		"--room tea":             "tea one, tea two, tea three",
		"--room tea --after 2":   "tea three",
		"--from tea --after 1":   "tea two, tea three, coffee one, coffee two, coffee three",
		"--from coffee":          "coffee one, coffee two, coffee three",
		"--room nobody-has-been": "",
	} {
		if got := strings.Join(export(strings.Fields(args)...), ", "); got != want {
			t.Errorf("export %s: %s, want %s", args, got, want)
		}
	}
	dir := filepath.Join(t.TempDir(), "backup")
	if out, err := command(t, admin, "backup", dir); err != nil {
		t.Fatal(err, out)
	}
	if out, err := command(t, admin, "backup", dir); err == nil || !strings.Contains(out, dir) {
		t.Errorf("a second time: %v %s", err, out)
	}
	if out, err := command(t, admin, "compact"); err != nil {
		t.Error(err, out)
	}
	s.restart("chat {\njournal pebble " + dir + "\n}")
	if got := export("--room", "tea"); len(got) != 3 {
		t.Errorf("the backup has %v", got)
	}
}

func TestCommand_Token_IsTaken(t *testing.T) {
	s, admin := startAdmin(t, "chat {\nauth jwt {\nsecret \""+jwtSecret+"\"\n}\n}")
	token, err := command(t, admin, "token", "u7", "--name", "Li", "--claim", "role=staff")
	if err != nil {
		t.Fatal(err, token)
	}
	hears(t, s.v1("ws://"+s.plain+"/chat", nil, `,"token":"`+strings.TrimSpace(token)+`"`), `"user":{"id":"u7","name":"Li"}`)
}
