package command

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/caddychat/caddy-chat/caddymodule/journals"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/move"
)

// stopped returns the journal that --journal names.
func (in *invocation) stopped(cmd *cobra.Command) (*journals.Stopped, error) {
	if !cmd.Flags().Changed("journal") {
		return nil, errors.New("--journal is missing: what stands behind journal in the Caddyfile, such as 'postgres {env.CHAT_DSN}'")
	}
	return journals.ParseStopped(text(cmd, "journal"), in.hub)
}

// untilSignal ends when the user presses Ctrl-C.
func untilSignal() (context.Context, func()) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

func (in *invocation) exportJournal(cmd *cobra.Command) (failed error) {
	for _, name := range []string{"room", "from", "after"} {
		if cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s is for a running hub: --journal exports all that there is", name)
		}
	}
	s, err := in.stopped(cmd)
	if err != nil {
		return err
	}
	ctx, cancel := untilSignal()
	defer cancel()
	j, done, err := s.OpenThere(ctx)
	if err != nil {
		return inUse(err)
	}
	defer func() { failed = cmp.Or(failed, done()) }()
	began := time.Now()
	p := &progressLine{in: in, what: "exporting"}
	got, err := move.Export(ctx, j, in.out, p.tell)
	p.end()
	switch {
	case err != nil:
		return broken(in.out, "the export has ended before its last line, so that no import takes it for whole: export again", err)
	case got.Rooms+got.Records == 0:
		return nothing("the journal is empty")
	}
	in.note("exported %s, %s and %s in %s", count(got.Rooms, "room"), entries(got.Entries), count(got.Records, "record"), time.Since(began).Round(time.Millisecond))
	return nil
}

func entries(n uint64) string { return count(n, "entry") }

// inUse says what to do if a server uses the journal.
func inUse(err error) error {
	if errors.Is(err, journals.ErrInUse) {
		return fmt.Errorf("%w: stop that Caddy first, because what is said meanwhile would be lost", err)
	}
	return err
}

// broken names what to do after an error, and that the disk is full if it is.
func broken(w io.Writer, remedy string, err error) error {
	if f, is := w.(*os.File); is && errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("the disk of %s is full: make room, or choose another place; %s (%w)", f.Name(), remedy, err)
	}
	return fmt.Errorf("%w; %s", err, remedy)
}

func (in *invocation) importJournal(cmd *cobra.Command, from io.Reader) error {
	s, err := in.stopped(cmd)
	if err != nil {
		return err
	}
	ctx, cancel := untilSignal()
	defer cancel()
	j, err := s.Open(ctx)
	if err != nil {
		return inUse(err)
	}
	began := time.Now()
	p := &progressLine{in: in, what: "importing"}
	done, err := in.importTo(ctx, j, from, p)
	switch {
	case errors.Is(err, move.ErrDone):
		return nothing(err.Error())
	case err != nil && done.Rooms > 0:
		return broken(nil, "what was recorded stays: repeat the command with the whole export, and it goes on there", err)
	case err != nil:
		return err
	}
	if in.json {
		return json.NewEncoder(in.out).Encode(map[string]uint64{"rooms": done.Rooms, "entries": done.Entries, "records": done.Records, "before": done.Before})
	}
	before := ""
	if done.Before > 0 {
		before = fmt.Sprintf("; %s of these before", entries(done.Before))
	}
	return in.say("imported %s, %s and %s in %s%s", count(done.Rooms, "room"), entries(done.Entries), count(done.Records, "record"), time.Since(began).Round(time.Millisecond), before)
}

func (in *invocation) importTo(ctx context.Context, j journal.Journal, from io.Reader, p *progressLine) (move.Progress, error) {
	done, err := move.Import(ctx, j, from, p.tell)
	p.end()
	return done, errors.Join(err, j.Close())
}

// progressLine says how far an export or an import is: on a terminal in one line, elsewhere in a line now and then.
type progressLine struct {
	in          *invocation
	what        string
	began, told time.Time
	first       uint64 // entries that were there before
}

// lineEvery is how often a line is written where there is no terminal.
const lineEvery = 10 * time.Second

func (p *progressLine) tell(m move.Progress) {
	now := time.Now()
	if p.began.IsZero() {
		p.began, p.told, p.first = now, now, m.Before
	}
	every, end := lineEvery, "\n"
	if isTerminal(p.in.err) {
		every, end = 200*time.Millisecond, "\x1b[K\r"
	}
	if p.in.json || now.Sub(p.told) < every {
		return
	}
	p.told = now
	fmt.Fprint(p.in.err, p.words(m, now), end)
}

func (p *progressLine) words(m move.Progress, now time.Time) string {
	took := now.Sub(p.began).Seconds()
	rate := float64(m.Entries-min(m.Before, m.Entries)) / max(took, 0.001)
	words := fmt.Sprintf("%s: %d of %s, %d of %s, %.0f/s", p.what, m.Rooms, count(m.AllRooms, "room"), m.Entries, entries(m.AllEntries), rate)
	switch {
	case m.Records > 0:
		return words + ", " + count(m.Records, "record")
	case rate >= 1:
		left := float64(m.AllEntries-min(m.Entries, m.AllEntries)) / rate
		return words + ", " + (time.Duration(left) * time.Second).String() + " left"
	}
	return words
}

// end takes the line from the terminal.
func (p *progressLine) end() {
	if !p.in.json && isTerminal(p.in.err) {
		fmt.Fprint(p.in.err, "\x1b[K")
	}
}

// migrate shows which version the schema has, and brings it up to date if the user wants that.
func (in *invocation) migrate(cmd *cobra.Command, _ []string) error {
	apply, _ := cmd.Flags().GetBool("apply")
	if cmd.Flags().Changed("server") && !apply {
		return errors.New("--server gives rights, which needs --apply")
	}
	s, err := in.stopped(cmd)
	if err != nil {
		return err
	}
	ctx, cancel := untilSignal()
	defer cancel()
	before, err := s.Schema(ctx)
	if err != nil {
		return err
	}
	if in.json && !apply {
		err := json.NewEncoder(in.out).Encode(map[string]any{"schema": before.Name, "version": before.Version, "known": before.Known, "owner": before.Owner, "due": append([]string{}, before.Due...)})
		return cmp.Or(err, nothingDue(before.Due))
	}
	if !apply {
		return in.showMigrations(before.Name, before.Version, before.Known, before.There, before.Owner, before.Due)
	}
	server := text(cmd, "server")
	if err := s.Migrate(ctx, server); err != nil {
		return err
	}
	if in.json {
		return json.NewEncoder(in.out).Encode(map[string]any{"schema": before.Name, "version": before.Known, "applied": append([]string{}, before.Due...)})
	}
	for _, m := range before.Due {
		_ = in.say("applied %s", m)
	}
	rights := ""
	if server != "" {
		rights = fmt.Sprintf("; the role %s may serve it, and no more", server)
	}
	return in.say("the schema %s has version %d and belongs to %s%s", before.Name, before.Known, before.Owner, rights)
}

func (in *invocation) showMigrations(name string, have, known int, there bool, owner string, due []string) error {
	var err error
	switch {
	case !there:
		err = in.say("there is no schema %s yet; this program makes version %d of it", name, known)
	case have > known:
		err = in.say("the schema %s has version %d and belongs to %s; this program knows %d", name, have, owner, known)
	default:
		err = in.say("the schema %s has version %d of %d and belongs to %s", name, have, known, owner)
	}
	for _, m := range due {
		_ = in.say("to be applied: %s", m)
	}
	return cmp.Or(nothingDue(due), err)
}

func nothingDue(due []string) error {
	if len(due) > 0 {
		return nil
	}
	return nothing("there is nothing to apply")
}

func (in *invocation) newEpoch(cmd *cobra.Command, args []string) error {
	if args[0] != "new" {
		return fmt.Errorf("%q is nothing that can be done with an epoch: caddy chat epoch new", args[0])
	}
	s, err := in.stopped(cmd)
	if err != nil {
		return err
	}
	if yes, _ := cmd.Flags().GetBool("yes"); !yes {
		return errors.New("all clients of all nodes read their rooms again: add --yes to do that")
	}
	ctx, cancel := untilSignal()
	defer cancel()
	was, now, err := s.NewEpoch(ctx)
	switch {
	case err != nil:
		return err
	case was == now:
		return errors.New("somebody else has just made a new epoch")
	case in.json:
		return json.NewEncoder(in.out).Encode(map[string]string{"was": was, "epoch": now})
	}
	return in.say("the epoch was %s and is %s: nodes tell their clients within seconds", was, now)
}
