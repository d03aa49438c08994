package command

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// say prints a line that says what was done, unless the user wants JSON, which call has
// printed. What is in the arguments was chosen by others, and is made harmless.
func (in *invocation) say(format string, args ...any) error {
	if in.json {
		return nil
	}
	_, err := fmt.Fprintln(in.out, sanitize(fmt.Sprintf(format, args...)))
	return err
}

// note prints a line beside the output, for people only.
func (in *invocation) note(format string, args ...any) {
	if !in.json {
		fmt.Fprintln(in.err, sanitize(fmt.Sprintf(format, args...)))
	}
}

// nothing is the error of a command that had nothing to do. It is a warning, and has an
// exit code of its own.
type nothing string

func (n nothing) Error() string { return sanitize(string(n)) }

func nothingf(format string, args ...any) error { return nothing(fmt.Sprintf(format, args...)) }

// count returns a number of things in words.
func count[N int | int64 | uint64](n N, thing string) string {
	switch {
	case n == 1:
		return "1 " + thing
	case strings.HasSuffix(thing, "y"):
		return fmt.Sprint(n, " ", strings.TrimSuffix(thing, "y"), "ies")
	}
	return fmt.Sprint(n, " ", thing, "s")
}

// inRoom returns the name of a room with a word before it, or "everywhere".
func inRoom(word, room string) string {
	if room == "" {
		return "everywhere"
	}
	return word + " " + room
}

// printTable prints rows below their headings, or "none" if there are no rows. It
// prints nothing if the user wants JSON, which call has printed.
func (in *invocation) printTable(headings string, rows [][]string) error {
	if in.json {
		return nil
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(in.out, "none")
		return err
	}
	w := tabwriter.NewWriter(in.out, 0, 0, 2, ' ', 0)
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
		progressbar.OptionSetWriter(in.err),
		progressbar.OptionSetVisibility(!in.json && isTerminal(in.err)),
		progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(100 * time.Millisecond),
		progressbar.OptionSetWidth(30),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionClearOnFinish(),
	}, more...)...)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// withProgress shows that call is running until it returns.
func (in *invocation) withProgress(what string, call func() error) error {
	bar := in.progressBar(-1, what)
	defer bar.Finish()
	return call()
}
