//go:build unix

package command_test

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/move"
)

// An import whose disk gets full says what to do, and that is right: once there is room, it goes on. In place of a
// full disk, no file may get larger than 400 KB.
func TestCommand_Import_FullDisk(t *testing.T) {
	const rooms, each = 4, 200
	from := memjournal.New(memjournal.Options{})
	defer from.Close()
	for i := range rooms * each {
		body := fmt.Appendf(nil, "%q", fmt.Sprintf("%01000d", i))
		done := make(chan error, 1)
		from.Append(context.Background(), journal.Entry{Room: fmt.Sprint("room ", i/each), Kind: journal.Message, From: journal.User{ID: "u"}, Body: body},
			func(_ journal.Receipt, err error) { done <- err })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	var export bytes.Buffer
	if _, err := move.Export(t.Context(), from, &export, func(move.Progress) {}); err != nil {
		t.Fatal(err)
	}
	args := split("import --journal 'pebble " + t.TempDir() + "/j'")
	cmd := testcaddy.CommandContext(t.Context(), "localhost:1", args...)
	limited := exec.Command("bash", append([]string{"-c", `trap '' XFSZ; ulimit -f 400; exec "$@"`, "bash"}, cmd.Args...)...)
	limited.Env = cmd.Env
	out, stderr, err := runBoth(limited, export.Bytes())
	if err == nil {
		t.Fatalf("with a full disk: %s", out)
	}
	says(t, "an import to a full disk", stderr, "repeat the command with the whole export")
	out, stderr, err = both(t, export.Bytes(), args...)
	if err != nil {
		t.Fatal(stderr)
	}
	says(t, "the import again", out, fmt.Sprintf("imported %d rooms, %d entries", rooms, rooms*each), "of these before")
}
