package move

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// How much is recorded at once, and how often it is noted how far the import is.
const (
	batchEntries = 500
	batchBytes   = 1 << 20
)

// noteEvery is fixed, but in tests.
var noteEvery = 5 * time.Second

// Import records what Export has written in a journal that is empty, or that has the beginning of
// the same export because an import was interrupted. Nobody else may use the journal meanwhile. tell is called
// now and then. What Import has recorded when it returns an error stays, and may be continued.
func Import(ctx context.Context, j journal.Journal, from io.Reader, tell func(Progress)) (Progress, error) {
	in := importer{journal: j, from: reader{from: bufio.NewReaderSize(from, 256<<10)}, tell: tell, noted: time.Now()}
	err := in.importAll(ctx)
	return in.progress, err
}

type importer struct {
	journal  journal.Journal
	to       journal.Successor
	from     reader
	tell     func(Progress)
	progress Progress

	fresh   string // the epoch of a room that is made now
	state   state  // as it is in the journal
	noted   time.Time
	room    string
	hasRoom bool
	entries []journal.Entry
	records []journal.Record
	bytes   int    // of these
	last    uint64 // the line of the last one of these
}

func (in *importer) importAll(ctx context.Context) error {
	var can bool
	if in.to, can = in.journal.(journal.Successor); !can {
		return fmt.Errorf("the journal takes no import: %w", errors.ErrUnsupported)
	}
	h, err := in.readHeader()
	if err != nil {
		return err
	}
	if err := checkAlone(ctx, in.journal); err != nil {
		return err
	}
	if err := in.begin(ctx, h); err != nil {
		return err
	}
	for {
		b, err := in.from.next()
		if err != nil {
			return errors.Join(err, in.flush(ctx)) // what was right is recorded
		}
		ended, err := in.take(ctx, b)
		if err != nil {
			return err
		}
		if ended {
			break
		}
		if err := in.noteSometimes(ctx); err != nil {
			return err
		}
	}
	if _, err := in.from.from.ReadByte(); err != io.EOF {
		return fmt.Errorf("line %d: something stands behind the end of the export. Copy the file again, or export again", in.from.n+1)
	}
	if err := in.flush(ctx); err != nil {
		return err
	}
	if err := in.to.ForgetFeed(ctx); err != nil {
		return err
	}
	in.state.Done = true
	return in.note(ctx)
}

// readHeader reads the first line.
func (in *importer) readHeader() (*header, error) {
	foreign := errors.New("this is no export of a whole journal, or its first line is damaged: such a file is made by `caddy chat export --journal`")
	start, err := in.from.from.Peek(len(`{"export":`))
	switch {
	case len(start) == 0 && err == io.EOF:
		return nil, errors.New("the export is empty: the command that makes it has failed, or the file is cut")
	case bytes.HasPrefix(start, []byte(`{"epoch":`)) || bytes.HasPrefix(start, []byte(`{"entry":`)):
		return nil, errors.New("this is an export of a running hub, and not of a whole journal: import it without --journal into a running hub")
	case string(start) != `{"export":`:
		return nil, foreign
	}
	b, err := in.from.next()
	l, parseErr := in.from.parse(b)
	switch {
	case b == nil && bytes.HasPrefix(in.from.buf, []byte(`{"export":{"version":1,`)), b == nil && errors.Is(err, errCut):
		return nil, err
	case b == nil: // another version may have other sums
		return nil, fmt.Errorf("this export is of a newer version than %d, which this program reads, or its first line is damaged: import it with the program that made it, or a newer one", version)
	case parseErr != nil || l.Export == nil:
		return nil, foreign
	case l.Export.Version != version:
		return nil, fmt.Errorf("this export has the version %d, and this program reads %d: import it with the program that made it, or a newer one", l.Export.Version, version)
	}
	return l.Export, nil
}

// begin makes an empty journal ready, or finds out where an import was interrupted.
func (in *importer) begin(ctx context.Context, h *header) error {
	in.fresh = string(h.Epoch)
	in.progress.AllRooms, in.progress.AllEntries = h.Rooms, h.Entries
	there, err := loadState(ctx, in.journal)
	switch {
	case err != nil:
		return err
	case there != nil && (there.Epoch != in.fresh || there.Position != h.Position):
		return errors.New("the journal has a part of another export: import that one to its end, or take an empty journal")
	case there != nil && there.Done:
		return ErrDone
	case there != nil:
		in.state = *there
		return nil
	}
	err = in.to.Succeed(ctx, in.fresh, h.Position)
	if errors.Is(err, journal.ErrNotEmpty) {
		return fmt.Errorf("%w: an import needs one in which nothing was ever recorded, so start no Caddy with it before. Take another directory or schema", err)
	}
	if err != nil {
		return err
	}
	in.state = state{Epoch: in.fresh, Position: h.Position, Line: in.from.n, Sum: in.from.sum}
	return in.note(ctx)
}

// ErrDone says that an export was imported before.
var ErrDone = errors.New("this export was imported before, to its end")

// take takes a line. It returns true for the last one.
func (in *importer) take(ctx context.Context, b []byte) (ended bool, err error) {
	known := in.from.n <= in.state.Line
	if in.from.n == in.state.Line && in.from.sum != in.state.Sum {
		return false, errors.New("this is not the export that was imported up to here: it differs before line " + fmt.Sprint(in.from.n) + ". Export into a file once, and import that into an empty journal")
	}
	if known && !bytes.HasPrefix(b, []byte(`{"room":`)) && !bytes.HasPrefix(b, []byte(`{"end":`)) {
		in.skip(b)
		return false, nil
	}
	l, err := in.from.parse(b)
	if err != nil {
		return false, err
	}
	switch {
	case l.Room != nil:
		return false, in.takeRoom(ctx, l.Room, known)
	case l.Entry != nil && in.hasRoom:
		return false, in.takeEntry(ctx, l.Entry)
	case l.Record != nil:
		in.hasRoom = false
		return false, in.takeRecord(ctx, l.Record)
	case l.End != nil:
		p := &in.progress
		if *l.End != (totals{p.Rooms, p.Entries, p.Records}) {
			return false, fmt.Errorf("line %d: the export says that it has %d rooms, %d entries and %d records, and has %d, %d and %d", in.from.n,
				l.End.Rooms, l.End.Entries, l.End.Records, p.Rooms, p.Entries, p.Records)
		}
		return true, nil
	}
	return false, fmt.Errorf("line %d has nothing that may stand there", in.from.n)
}

// skip counts a line that was recorded before.
func (in *importer) skip(b []byte) {
	if bytes.HasPrefix(b, []byte(`{"record":`)) {
		in.progress.Records++
		return
	}
	in.progress.Entries++
	in.progress.Before++
}

func (in *importer) takeRoom(ctx context.Context, r *roomLine, known bool) error {
	if err := in.flush(ctx); err != nil {
		return err
	}
	in.room, in.hasRoom = string(r.Name), true
	in.progress.Rooms++
	if _, born, _ := journal.CutEpoch(in.fresh); known || r.First == 1 && r.Last > 0 && born == 0 && string(r.Epoch) == in.fresh {
		return nil // Restore makes the room
	}
	return in.failed(in.to.RestoreHead(ctx, in.room, r.head()), in.from.n)
}

func (in *importer) takeEntry(ctx context.Context, l *entryLine) error {
	e, err := l.entry(in.room)
	if err != nil {
		return in.failed(err, in.from.n)
	}
	in.progress.Entries++
	in.entries = append(in.entries, e)
	in.bytes, in.last = in.bytes+e.Size(), in.from.n
	return in.flushIfFull(ctx, len(in.entries))
}

func (in *importer) takeRecord(ctx context.Context, l *recordLine) error {
	if len(in.entries) > 0 {
		if err := in.flush(ctx); err != nil {
			return err
		}
	}
	r := l.record()
	if r.Key == stateKey || l.Key == "" {
		return in.failed(fmt.Errorf("no export has the record %q", r.Key), in.from.n)
	}
	in.progress.Records++
	in.records = append(in.records, r)
	in.bytes, in.last = in.bytes+len(r.Key)+len(r.Value), in.from.n
	return in.flushIfFull(ctx, len(in.records))
}

func (in *importer) flushIfFull(ctx context.Context, n int) error {
	if n < batchEntries && in.bytes < batchBytes {
		return nil
	}
	return in.flush(ctx)
}

// flush records what was collected.
func (in *importer) flush(ctx context.Context) error {
	if len(in.entries) > 0 {
		recorded, known, err := in.to.Restore(ctx, in.entries)
		if err != nil {
			return in.failed(err, in.last+1+uint64(recorded+known)-uint64(len(in.entries)))
		}
		in.progress.Before += uint64(known)
	}
	if len(in.records) > 0 {
		if _, err := in.to.RestoreRecords(ctx, in.records); err != nil {
			return in.failed(err, in.last+1-uint64(len(in.records)))
		}
	}
	clear(in.entries)
	clear(in.records)
	in.entries, in.records, in.bytes = in.entries[:0], in.records[:0], 0
	in.tell(in.progress)
	return nil
}

func (in *importer) noteSometimes(ctx context.Context) error {
	if in.from.n <= in.state.Line || time.Since(in.noted) < noteEvery {
		return nil
	}
	if err := in.flush(ctx); err != nil {
		return err
	}
	return in.note(ctx)
}

// note notes that all lines are recorded that were taken.
func (in *importer) note(ctx context.Context) error {
	in.noted = time.Now()
	in.state.Line, in.state.Sum = in.from.n, in.from.sum
	return in.state.save(ctx, in.journal)
}

func (in *importer) failed(err error, line uint64) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("line %d: %w", line, err)
}
