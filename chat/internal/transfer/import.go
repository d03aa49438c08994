package transfer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Imported says how far an import has come.
type Imported struct {
	Lines    int `json:"lines"`    // processed
	Recorded int `json:"recorded"` // of these lines
	Known    int `json:"known"`    // of these lines: the room had them already
}

// Bounds of an import. So many entries, or bytes of lines, are written at once and
// share an fsync.
const (
	importEntries = 500
	importBytes   = 1 << 20
)

// Import records lines that Export wrote. Entries keep their numbers, times, keys
// and senders, and belong to this journal's epoch from now on. Entries that are
// there already are skipped, so an import that was interrupted can be repeated.
//
// Import stops at the first line that is damaged or does not fit. The error has
// the number of that line. What came before it is kept.
func Import(ctx context.Context, to Into, from io.Reader) (Imported, error) {
	in := importer{Into: to}
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 64<<10), journal.MaxLine)
	for lines.Scan() {
		e, of, marks, err := parseLine(lines.Bytes(), to.Direct, time.Now())
		switch {
		case err != nil:
			err = in.fail(ctx, err)
		case of != nil:
			err = in.addRecords(ctx, func() (int, error) { return of.restore(ctx, in.Journal) })
		case marks != nil:
			err = in.addRecords(ctx, func() (int, error) { return marks.restore(ctx, in.Journal) })
		default:
			err = in.add(ctx, e, len(lines.Bytes()))
		}
		if err != nil {
			return in.done, err
		}
	}
	err := lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = fmt.Errorf("it is longer than %d bytes", journal.MaxLine)
	}
	if err != nil {
		return in.done, in.fail(ctx, err)
	}
	return in.done, in.flush(ctx)
}

// Into is where lines are imported. Its fields are fixed.
type Into struct {
	Journal Target
	// Direct returns the name of the conversation of two users.
	Direct func(user, other string) (room string, err error)
	// Await is called with the name of each room after some of its entries were
	// recorded; it may wait until those who are in the room have them, or until ctx ends.
	Await func(ctx context.Context, room string) error
}

// importer collects entries until there are enough to be written.
type importer struct {
	Into
	done    Imported
	entries []journal.Entry
	bytes   int
}

func (in *importer) add(ctx context.Context, e journal.Entry, size int) error {
	in.entries = append(in.entries, e)
	in.bytes += size
	if len(in.entries) < importEntries && in.bytes < importBytes {
		return nil
	}
	return in.flush(ctx)
}

// addRecords writes what a line stands for that is about a room whose entries come before
// it.
func (in *importer) addRecords(ctx context.Context, restore func() (written int, err error)) error {
	if err := in.flush(ctx); err != nil {
		return err
	}
	written, err := restore()
	if err != nil {
		return fmt.Errorf("line %d: %w", in.done.Lines+1, err)
	}
	in.done.Lines++
	if written > 0 {
		in.done.Recorded++
	} else {
		in.done.Known++
	}
	return nil
}

// flush writes what was collected.
func (in *importer) flush(ctx context.Context) error {
	recorded, known, err := in.Journal.Restore(ctx, in.entries)
	in.done.Recorded += recorded
	in.done.Known += known
	in.done.Lines += recorded + known
	if err != nil {
		return fmt.Errorf("line %d: %w", in.done.Lines+1, err)
	}
	for i := range in.entries {
		if room := in.entries[i].Room; i == 0 || room != in.entries[i-1].Room {
			if err := in.Await(ctx, room); err != nil {
				return err
			}
		}
	}
	clear(in.entries)
	in.entries, in.bytes = in.entries[:0], 0
	return nil
}

// fail ends the import at a line that cannot be read.
func (in *importer) fail(ctx context.Context, why error) error {
	if err := in.flush(ctx); err != nil {
		return err
	}
	return fmt.Errorf("line %d: %w", in.done.Lines+1, why)
}
