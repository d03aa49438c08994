//go:build unix

package move_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/move"
)

// wantError checks that an import is refused with these words.
func wantError(t *testing.T, j journal.Journal, lines string, words ...string) {
	t.Helper()
	_, err := move.Import(t.Context(), j, strings.NewReader(lines), quiet)
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("error %v, want one with %q", err, w)
		}
	}
}

// What is wrong with an export is said with the line, and the right export goes on behind it.
func TestImport_Damaged(t *testing.T) {
	source := memory(t)
	fill(t, source)
	whole := string(export(t, source))
	lines := strings.SplitAfter(whole, "\n")
	lines = lines[:len(lines)-1]
	join := func(parts ...[]string) string {
		text := ""
		for _, p := range parts {
			text += strings.Join(p, "")
		}
		return text
	}
	for name, c := range map[string]struct {
		lines string
		words []string
	}{
		"nothing":             {"", []string{"the export is empty"}},
		"something else":      {"hello\n", []string{"no export of a whole journal", "caddy chat export --journal"}},
		"of a running hub":    {`{"epoch":"e","entry":{}}` + "\n", []string{"import it without --journal"}},
		"cut in a line":       {whole[:len(whole)/2], []string{"the export is cut", "Copy the file again"}},
		"cut between lines":   {join(lines[:9]), []string{"the export is cut"}},
		"without its end":     {join(lines[:len(lines)-1]), []string{"the export is cut"}},
		"without a newline":   {strings.TrimSuffix(whole, "\n"), []string{"the export is cut"}},
		"cut in the header":   {lines[0][:20], []string{"the export is cut"}},
		"a wrong byte":        {join(lines[:9], []string{strings.Replace(lines[9], "ann", "anm", 1)}, lines[10:]), []string{"line 10 is damaged", "Copy the file again"}},
		"a line is missing":   {join(lines[:20], lines[21:]), []string{"line 21 is damaged, or lines before it are missing"}},
		"a line twice":        {join(lines[:20], lines[19:]), []string{"line 21 is damaged"}},
		"an empty line":       {join(lines[:20], []string{"\n"}, lines[20:]), []string{"line 21 is damaged"}},
		"more behind it":      {whole + whole, []string{fmt.Sprintf("line %d: something stands behind the end", len(lines)+1)}},
		"a newer version":     {strings.Replace(whole, `"version":1`, `"version":2`, 1), []string{"of a newer version than 1", "or a newer one"}},
		"a damaged first one": {strings.Replace(whole, `"rooms":`, `"roams":`, 1), []string{"line 1 is damaged"}},
	} {
		t.Run(name, func(t *testing.T) {
			target := memory(t)
			wantError(t, target, c.lines, c.words...)
			importInto(t, target, []byte(whole))
			compare(t, shows(t, target), shows(t, source))
		})
	}
}

func TestImport_Refused(t *testing.T) {
	source, other := memory(t), memory(t)
	fill(t, source)
	fill(t, other)
	lines := string(export(t, source))
	half := lines[:len(lines)/2]

	used := memory(t)
	add(t, used, message("tea", `"x"`))
	wantError(t, used, lines, "the journal is not empty", "start no Caddy with it before")

	begun := memory(t)
	wantError(t, begun, half, "cut")
	wantError(t, begun, string(export(t, other)), "a part of another export")
	if err := move.CheckWhole(t.Context(), begun); !errors.Is(err, move.ErrInterrupted) {
		t.Errorf("a journal with half an export: %v, want ErrInterrupted", err)
	}
	if _, err := move.Export(t.Context(), begun, io.Discard, quiet); !errors.Is(err, move.ErrInterrupted) {
		t.Errorf("Export of it: %v, want ErrInterrupted", err)
	}
	importInto(t, begun, []byte(lines))
	if err := move.CheckWhole(t.Context(), begun); err != nil {
		t.Error("a journal with all of an export:", err)
	}
	if _, err := move.Import(t.Context(), begun, strings.NewReader(lines), quiet); !errors.Is(err, move.ErrDone) {
		t.Errorf("the same import again: %v, want ErrDone", err)
	}

	full := errors.New("no space left on device")
	if _, err := move.Export(t.Context(), source, broken{full}, quiet); !errors.Is(err, full) {
		t.Errorf("Export to a full disk: %v", err)
	}
}

type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }

// bounded fails a test that reads or writes much at once.
type bounded struct {
	journal.Journal
	journal.Lister
	journal.Successor
	t *testing.T
}

func (b *bounded) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	if q.Limit > 500 || q.Limit > 0 && (q.Bytes == 0 || q.Bytes > 1<<20) {
		b.t.Errorf("%d entries of %d bytes are read at once", q.Limit, q.Bytes)
	}
	return b.Journal.Read(ctx, q)
}

func (b *bounded) Restore(ctx context.Context, list []journal.Entry) (int, int, error) {
	size := 0
	for i := range list {
		size += list[i].Size()
	}
	if last := list[len(list)-1].Size(); len(list) > 500 || size-last > 1<<20 {
		b.t.Errorf("%d entries of %d bytes are recorded at once", len(list), size)
	}
	return b.Successor.Restore(ctx, list)
}

// However large a room is, little of it is in memory.
func TestMove_LargeRoom_IsReadInPages(t *testing.T) {
	source, target := memory(t), memory(t)
	long := strings.Repeat("x", 60<<10)
	for i := range 100 {
		for range 20 {
			add(t, source, message("large", fmt.Sprint(i)))
		}
		add(t, source, message("large", `"`+long+`"`))
	}
	wrap := func(j journal.Journal) *bounded {
		return &bounded{j, j.(journal.Lister), j.(journal.Successor), t}
	}
	var b bytes.Buffer
	if _, err := move.Export(t.Context(), wrap(source), &b, quiet); err != nil {
		t.Fatal(err)
	}
	told := 0
	p, err := move.Import(t.Context(), wrap(target), &b, func(p move.Progress) {
		if told++; p.AllEntries != 2100 || p.AllRooms != 1 {
			t.Errorf("an import of 2100 entries says that there are %d", p.AllEntries)
		}
	})
	if err != nil || p.Entries != 2100 || told < 5 {
		t.Errorf("%+v, %v, told %d times", p, err, told)
	}
	compare(t, shows(t, target), shows(t, source))
}

// A line of any length that a journal can have is read back, and no line is longer than it must be.
func TestImport_LargestLines(t *testing.T) {
	for name, body := range map[string]string{
		"control characters": strings.Repeat("\x01", 12<<20),
		"signs of HTML":      strings.Repeat("<&>", 100),
	} {
		t.Run(name, func(t *testing.T) {
			source, target := memory(t), memory(t)
			e := message("tea", body)
			e.Text = true
			add(t, source, e)
			lines := export(t, source)
			if most := 6*len(body) + 1000; len(lines) > most || name == "signs of HTML" && !bytes.Contains(lines, []byte(body)) {
				t.Errorf("the export has %d bytes, want at most %d, and the body as it is: %.200s", len(lines), most, lines)
			}
			importInto(t, target, lines)
			compare(t, shows(t, target), shows(t, source))
		})
	}
}
