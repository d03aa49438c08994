package command_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// After an erasure and a compaction no file of the journal has what was said, neither by
// the user nor in the room.
func TestCommand_Erase_AndCompact_LeaveNoBytes(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, testcaddy.BasicAuth+"chat {\nauth caddy\nping_interval 1h\n}")
	secrets := map[string]string{"tea": "kq7ZxW1pLr9vTn3bYc5d", "rum": "Jf8sGh2mUq6eXa4wRo0t"}
	stays := "Bz1nVd7yKi5uPj3cMl9x"
	ben := s.V1("ws://"+s.Plain+"/chat", testcaddy.As("ben"), `,"rooms":[{"room":"tea"},{"room":"rum"},{"room":"ale"}]`)
	ann := s.V1("ws://"+s.Plain+"/chat", testcaddy.As("ann"), `,"rooms":[{"room":"tea"}]`)
	testcaddy.Hears(t, ben, "welcome")
	testcaddy.Hears(t, ann, "welcome")
	for room, secret := range secrets {
		testcaddy.Say(t, ben, `{"type":"send","room":"`+room+`","body":"`+secret+`"}`)
		testcaddy.Until(t, ben, `"type":"message"`, secret)
	}
	testcaddy.Say(t, ann, `{"type":"send","room":"tea","body":"`+stays+`"}`)
	testcaddy.Until(t, ann, `"type":"message"`, stays)
	has := func(text string) (found bool) {
		t.Helper()
		err := filepath.WalkDir(s.Dir+"/caddy/chat/default", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			found = found || bytes.Contains(content, []byte(text))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	for _, secret := range secrets {
		if !has(secret) {
			t.Fatal("the test does not find what was said")
		}
	}
	check(t, admin, "erase-room rum --yes", "erased rum: 1 entry.*", "Note: .*", 0)
	check(t, admin, "erase-user ben --yes", "erased what ben said: 1 message in 1 room.*", "Note: .*", 0)
	check(t, admin, "compact", "compacted.*", "", 0)
	for room, secret := range secrets {
		if has(secret) {
			t.Errorf("what was said in %s is still in the files", room)
		}
	}
	if !has(stays) {
		t.Error("what somebody else has said is gone")
	}
}

// Names are given as they are, whatever they look like in a path.
func TestCommand_Erase_OddNames(t *testing.T) {
	_, admin := testcaddy.StartAdmin(t, "chat {\njournal memory\n}")
	for _, room := range []string{"..", ".", "a/b", "/", "%2F", "100%", "a?b#c", " x ", "é李", `"q"`, "-v"} {
		for _, c := range []struct {
			args []string
			code int
		}{
			{[]string{"announce", "--create", "--", room, "hi"}, 0},
			{[]string{"erase-room", "--", room}, 1},
			{[]string{"erase-room", "--yes", "--", room}, 0},
			{[]string{"history", "--", room}, 1},
			{[]string{"ban", "--unknown", "--", room}, 0},
			{[]string{"erase-user", "--yes", "--", room}, 0},
			{[]string{"unban", "--", room}, 0},
			{[]string{"erase-user", "--yes", "--", room}, 1},
		} {
			if got := run(t, admin, c.args...); got.code != c.code {
				t.Errorf("%q: %+v, want %d", c.args, got, c.code)
			}
		}
	}
}
