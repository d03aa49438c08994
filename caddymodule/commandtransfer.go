package caddymodule

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// progress shows on the terminal how far something is; nothing where there is
// none. most is below zero where it is not known. The caller must Exit it.
func (o *operator) progress(most int64, what string, further ...progressbar.Option) *progressbar.ProgressBar {
	return progressbar.NewOptions64(most, append([]progressbar.Option{
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetVisibility(!o.json && term.IsTerminal(int(os.Stderr.Fd()))),
		progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(100 * time.Millisecond),
		progressbar.OptionSetWidth(30),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionClearOnFinish(),
	}, further...)...)
}

// waiting shows that something goes on until call returns.
func (o *operator) waiting(what string, call func() error) error {
	bar := o.progress(-1, what)
	defer bar.Finish()
	return call()
}

func (o *operator) export(cmd *cobra.Command, _ []string) error {
	query := url.Values{}
	for _, name := range []string{"room", "from"} {
		if value, _ := cmd.Flags().GetString(name); value != "" {
			query.Set(name, value)
		}
	}
	if after, _ := cmd.Flags().GetUint64("after"); after > 0 {
		query.Set("after", fmt.Sprint(after))
	}
	most := int64(-1)
	if len(query) == 0 {
		most = o.entries()
	}
	res, err := o.request("GET", o.path("/export", query), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	bar := o.progress(most, "exporting", progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("entries"))
	defer bar.Finish()
	if _, err = io.Copy(io.MultiWriter(os.Stdout, lineCounter{bar}), res.Body); err != nil {
		return fmt.Errorf("the export broke off; go on with --from and --after of its last line: %w", err)
	}
	return nil
}

// entries is how many the hub has, -1 if that is not known.
func (o *operator) entries() int64 {
	quiet := *o
	quiet.json = false
	var hub hubInfo
	if err := quiet.call("GET", o.path("", nil), nil, &hub); err != nil || hub.Entries == 0 {
		return -1 // the export itself will say what is wrong
	}
	return int64(hub.Entries)
}

// lineCounter moves a bar on by each line that is written.
type lineCounter struct{ bar *progressbar.ProgressBar }

func (c lineCounter) Write(p []byte) (int, error) {
	_ = c.bar.Add(bytes.Count(p, []byte{'\n'})) // a terminal that has gone is no reason to stop
	return len(p), nil
}

func (o *operator) imports(_ *cobra.Command, args []string) error {
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
	bar := o.progress(size, "importing", progressbar.OptionShowBytes(true))
	var done struct{ Lines, Recorded, Known int }
	err = o.call("POST", o.path("/import", nil), io.TeeReader(from, bar), &done)
	_ = bar.Finish()
	if err == nil && !o.json {
		fmt.Printf("%d lines: %d recorded, %d known before\n", done.Lines, done.Recorded, done.Known)
	}
	return err
}

func (o *operator) backup(_ *cobra.Command, args []string) error {
	return o.waiting("backing up", func() error {
		return o.call("POST", o.path("/backup", nil), map[string]string{"dir": args[0]}, nil)
	})
}

func (o *operator) compact(*cobra.Command, []string) error {
	return o.waiting("compacting", func() error {
		return o.call("POST", o.path("/compact", nil), map[string]any{}, nil)
	})
}

func (o *operator) tail(cmd *cobra.Command, args []string) error {
	newest, _ := cmd.Flags().GetUint("newest")
	res, err := o.request("GET", o.path("/tail", url.Values{"room": args, "newest": {fmt.Sprint(newest)}}), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	for {
		text, err := lines.ReadBytes('\n')
		switch {
		case err == io.EOF:
			return errors.New("the hub has closed")
		case err != nil:
			return fmt.Errorf("the tail broke off: %w", err)
		}
		if !o.json {
			if text, err = readable(text); err != nil {
				return err
			}
		}
		if _, err := os.Stdout.Write(text); err != nil {
			return err
		}
	}
}

// readable is an entry as a line for people.
func readable(text []byte) ([]byte, error) {
	var line struct {
		Entry struct {
			Type     string
			Seq, At  int64
			From     struct{ ID, Name string }
			Body     json.RawMessage
			Target   int64
			Recalled bool
		}
	}
	if err := json.Unmarshal(text, &line); err != nil {
		return nil, err
	}
	e := &line.Entry
	who, what := e.From.Name, spoken(e.Body)
	if who == "" {
		who = e.From.ID
	}
	switch {
	case e.Recalled:
		what = "(recalled)"
	case e.Type == "recalled":
		what = fmt.Sprintf("(took back %d)", e.Target)
	case e.Type == "notice":
		who = "*"
	}
	at := time.UnixMilli(e.At).Format(time.DateTime)
	return fmt.Appendf(nil, "%s  %d  %s: %s\n", at, e.Seq, harmless(dash(who)), harmless(what)), nil
}

// spoken is the text of a body, or the JSON of one that has none.
func spoken(body json.RawMessage) string {
	var text string
	if json.Unmarshal(body, &text) == nil {
		return text
	}
	var object struct{ Text string }
	if json.Unmarshal(body, &object) == nil && object.Text != "" {
		return object.Text
	}
	return string(body)
}

// harmless replaces what would move the cursor, recolour the terminal or turn
// the direction of the text.
func harmless(text string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\n', c == '\t':
			return ' '
		case unicode.IsControl(c), unicode.Is(unicode.Bidi_Control, c):
			return '\uFFFD'
		}
		return c
	}, text)
}
