package command

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/caddychat/caddy-chat/caddymodule/admin"
	"github.com/caddychat/caddy-chat/chat"
)

func (in *invocation) exportEntries(cmd *cobra.Command, _ []string) error {
	query := url.Values{}
	for _, name := range []string{"room", "from"} {
		if value, _ := cmd.Flags().GetString(name); value != "" {
			query.Set(name, value)
		}
	}
	if after, _ := cmd.Flags().GetUint64("after"); after > 0 {
		query.Set("after", fmt.Sprint(after))
	}
	total := int64(-1)
	if len(query) == 0 {
		total = in.countEntries()
	}
	res, err := in.request("GET", in.path("/export", query), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	bar := in.progressBar(total, "exporting", progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("entries"))
	defer bar.Finish()
	if _, err = io.Copy(io.MultiWriter(os.Stdout, lineCounter{bar}), res.Body); err != nil {
		return fmt.Errorf("the export was interrupted; continue with --from and --after of its last line: %w", err)
	}
	return nil
}

// countEntries returns how many entries the hub has, or -1 if that is not known.
func (in *invocation) countEntries() int64 {
	quiet := *in
	quiet.json = false
	var hub admin.HubInfo
	if err := quiet.call("GET", in.path("", nil), nil, &hub); err != nil || hub.Entries == 0 {
		return -1 // if there is an error, the export returns it, too
	}
	return int64(hub.Entries)
}

// lineCounter advances a progress bar by one for each line that is written.
type lineCounter struct{ bar *progressbar.ProgressBar }

func (c lineCounter) Write(p []byte) (int, error) {
	_ = c.bar.Add(bytes.Count(p, []byte{'\n'})) // a closed terminal is no reason to stop
	return len(p), nil
}

func (in *invocation) importEntries(_ *cobra.Command, args []string) error {
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
	if info.Mode().IsRegular() {
		size = info.Size()
	} else if term.IsTerminal(int(from.Fd())) {
		return errors.New("name a file, or pipe one in")
	}
	bar := in.progressBar(size, "importing", progressbar.OptionShowBytes(true))
	var done chat.Imported
	err = in.call("POST", in.path("/import", nil), io.TeeReader(from, bar), &done)
	_ = bar.Finish()
	if err == nil && !in.json {
		fmt.Printf("%d lines: %d recorded, %d known before\n", done.Lines, done.Recorded, done.Known)
	}
	return err
}

func (in *invocation) backup(_ *cobra.Command, args []string) error {
	return in.withProgress("backing up", func() error {
		return in.call("POST", in.path("/backup", nil), map[string]string{"dir": args[0]}, nil)
	})
}

func (in *invocation) compact(*cobra.Command, []string) error {
	return in.withProgress("compacting", func() error {
		return in.call("POST", in.path("/compact", nil), map[string]any{}, nil)
	})
}
