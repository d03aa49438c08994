package command

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/caddychat/caddy-chat/caddymodule/admin"
	"github.com/caddychat/caddy-chat/chat"
)

func (in *invocation) exportEntries(cmd *cobra.Command, _ []string) error {
	if cmd.Flags().Changed("journal") {
		return in.exportJournal(cmd)
	}
	query := url.Values{}
	for _, name := range []string{"room", "from"} {
		if cmd.Flags().Changed(name) {
			query.Set(name, text(cmd, name))
		}
	}
	if cmd.Flags().Changed("after") {
		after, _ := cmd.Flags().GetUint64("after")
		query.Set("after", fmt.Sprint(after))
	}
	ctx, cancel, err := in.untilHang()
	if err != nil {
		return err
	}
	defer cancel()
	total := int64(-1)
	if len(query) == 0 {
		total = in.countEntries()
	}
	res, err := in.request(ctx, "GET", in.path("/export", query), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	bar := in.progressBar(total, "exporting", progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("lines"))
	counter := &wholeLines{to: in.out, bar: bar}
	_, err = io.Copy(counter, res.Body)
	_ = bar.Finish()
	switch {
	case err != nil:
		return fmt.Errorf("the export was interrupted; continue with --from and --after of its last line: %w", err)
	case res.Trailer.Get(admin.DamagedTrailer) != "":
		return fmt.Errorf("exported %s, and not all: %s", count(counter.n, "line"), res.Trailer.Get(admin.DamagedTrailer))
	case counter.n == 0:
		return nothing("there are no such entries")
	}
	in.note("exported %s", count(counter.n, "line"))
	return nil
}

// countEntries returns how many entries the hub has, or -1 if that is not known.
func (in *invocation) countEntries() int64 {
	var hub admin.HubInfo
	if err := in.get(in.path("", nil), &hub); err != nil || hub.Entries == 0 {
		return -1 // if there is an error, the export returns it, too
	}
	return int64(hub.Entries)
}

// wholeLines writes lines once they are whole, and counts them: behind an export that breaks off,
// the rest of it can be written. It advances a progress bar.
type wholeLines struct {
	to   io.Writer
	bar  *progressbar.ProgressBar
	n    int
	part []byte // of a line whose end has not come
}

func (w *wholeLines) Write(p []byte) (int, error) {
	end := bytes.LastIndexByte(p, '\n') + 1
	if end == 0 {
		w.part = append(w.part, p...)
		return len(p), nil
	}
	for _, piece := range [][]byte{w.part, p[:end]} {
		if _, err := w.to.Write(piece); err != nil {
			return 0, err
		}
	}
	w.part = append(w.part[:0], p[end:]...)
	lines := bytes.Count(p, []byte{'\n'})
	w.n += lines
	_ = w.bar.Add(lines) // a closed terminal is no reason to stop
	return len(p), nil
}

func (in *invocation) importEntries(cmd *cobra.Command, args []string) error {
	from, size := os.Stdin, int64(-1)
	if len(args) > 0 && args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer f.Close()
		from = f
	}
	info, err := from.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s is a directory, not a file", strings.Replace(from.Name(), os.Stdin.Name(), "standard input", 1))
	}
	if info.Mode().IsRegular() {
		size = info.Size()
	} else if term.IsTerminal(int(from.Fd())) {
		return errors.New("name a file, or pipe one in")
	}
	if cmd.Flags().Changed("journal") {
		return in.importJournal(cmd, from)
	}
	bar := in.progressBar(size, "importing", progressbar.OptionShowBytes(true))
	var done chat.Imported
	err = in.callLong("POST", in.path("/import", nil), io.TeeReader(from, bar), &done)
	_ = bar.Finish()
	switch {
	case err != nil && len(args) > 0 && strings.HasPrefix(err.Error(), "line "):
		return fmt.Errorf("%s: %w", args[0], err)
	case err != nil:
		return err
	case done.Lines == 0:
		return nothing("there is no line in it")
	}
	return in.say("%s: %d recorded, %d known before", count(done.Lines, "line"), done.Recorded, done.Known)
}

func (in *invocation) backup(_ *cobra.Command, args []string) error {
	var done admin.Backup
	err := in.withProgress("backing up", func() error {
		return in.callLong("POST", in.path("/backup", nil), admin.Backup{Dir: args[0]}, &done)
	})
	if err != nil {
		return err
	}
	var hub admin.HubInfo
	if in.get(in.path("", nil), &hub) == nil {
		for _, warning := range hub.Warnings { // the backup has the damage, too
			in.note("Warning: %s", warning)
		}
	}
	return in.say("backed up hub %s to %s on the server", in.hub, done.Dir)
}

func (in *invocation) compact(*cobra.Command, []string) error {
	var done admin.Compacted
	err := in.withProgress("compacting", func() error {
		return in.callLong("POST", in.path("/compact", nil), nil, &done)
	})
	if err != nil {
		return err
	}
	return in.say("compacted hub %s: it took %s and takes %s", in.hub, humanize.IBytes(uint64(done.Before)), humanize.IBytes(uint64(done.After)))
}
