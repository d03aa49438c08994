package command

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// printTable prints rows below their headings, or "none" if there are no rows. It
// prints nothing if the user wants JSON, which call has printed.
func (in *invocation) printTable(headings string, rows [][]string) error {
	if in.json {
		return nil
	}
	if len(rows) == 0 {
		fmt.Println("none")
		return nil
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.ReplaceAll(headings, " ", "\t"))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, text := range row {
			cells[i] = sanitize(text) // users choose names, and others choose rooms
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

// sanitize replaces characters that would move the cursor, change the colours of the
// terminal or reverse the direction of the text.
func sanitize(text string) string {
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

// orDash returns text, or a dash if it is empty.
func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// progressBar shows on the terminal how far something has come, and shows nothing if
// there is no terminal. total is below zero if it is not known. The caller must call
// Finish.
func (in *invocation) progressBar(total int64, what string, more ...progressbar.Option) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total, append([]progressbar.Option{
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetVisibility(!in.json && term.IsTerminal(int(os.Stderr.Fd()))),
		progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(100 * time.Millisecond),
		progressbar.OptionSetWidth(30),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionClearOnFinish(),
	}, more...)...)
}

// withProgress shows that call is running until it returns.
func (in *invocation) withProgress(what string, call func() error) error {
	bar := in.progressBar(-1, what)
	defer bar.Finish()
	return call()
}
