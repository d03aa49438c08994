//go:build unix

package move_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/move"
)

// importer is a process of its own, for a test that kills it.
func importer(place string) int {
	move.NoteEvery(20 * time.Millisecond)
	j, err := open(place)
	if err == nil {
		var f *os.File
		if f, err = os.Open(os.Getenv("MOVE_FILE")); err == nil {
			var once sync.Once
			_, err = move.Import(context.Background(), j, slowly{f}, func(move.Progress) {
				once.Do(func() { fmt.Println("has recorded something") })
			})
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// slowly reads some lines at a time, so that there is time to kill who reads.
type slowly struct{ from io.Reader }

func (s slowly) Read(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return s.from.Read(p[:min(len(p), 2000)])
}

// An import that is killed again and again goes on each time, and ends with all that was exported.
func TestImport_Killed_GoesOn(t *testing.T) {
	source := memory(t)
	fill(t, source)
	for i := range 4000 {
		add(t, source, message(fmt.Sprint("room ", i%40), fmt.Sprintf(`"message %d"`, i)))
	}
	file := filepath.Join(t.TempDir(), "all.jsonl")
	if err := os.WriteFile(file, export(t, source), 0o600); err != nil {
		t.Fatal(err)
	}
	want := shows(t, source)
	for kind, place := range map[string]string{"pebble": pebblePlace(t), "postgres": postgresPlace(t)} {
		t.Run(kind, func(t *testing.T) {
			kills := 6
			if kind == "postgres" { // whose start takes seconds beside other load
				kills = 3
			}
			for n := 0; ; n++ {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				cmd := exec.CommandContext(ctx, os.Args[0])
				cmd.Env = append(os.Environ(), "MOVE_INTO="+place, "MOVE_FILE="+file)
				cmd.Stderr = os.Stderr
				out, err := cmd.StdoutPipe()
				if err == nil {
					err = cmd.Start()
				}
				if err != nil {
					t.Fatal(err)
				}
				if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
					t.Fatal("the import has not begun:", cmd.Wait())
				}
				if n == kills {
					if err := cmd.Wait(); err != nil {
						t.Fatal(err)
					}
					break
				}
				time.Sleep(rand.N(300 * time.Millisecond)) // it is killed anywhere
				_ = cmd.Process.Kill()
				if err := cmd.Wait(); err == nil {
					t.Fatal("the import had ended before it was killed")
				}
				if kind == "postgres" { // else the next one waits until the node counts as dead
					postgres.Exec(t, "DELETE FROM "+place[strings.LastIndexByte(place, ' ')+1:]+".node")
				}
			}
			target := opened(t, place)
			compare(t, shows(t, target), want)
			goesOn(t, source, target)
		})
	}
}
