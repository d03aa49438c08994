package command

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (in *invocation) tail(cmd *cobra.Command, args []string) error {
	newest, _ := cmd.Flags().GetUint("newest")
	wait, _ := cmd.Flags().GetBool("wait")
	query := url.Values{"room": args, "newest": {fmt.Sprint(newest)}, "wait": {fmt.Sprint(wait)}}
	n, err := in.printEntries(in.path("/tail", query))
	if err == nil {
		err = fmt.Errorf("the hub has closed, after %s", count(n, "entry"))
	}
	return err
}

func (in *invocation) history(cmd *cobra.Command, args []string) error {
	newest, _ := cmd.Flags().GetUint("newest")
	query := url.Values{"room": args, "newest": {fmt.Sprint(newest)}}
	if cmd.Flags().Changed("before") {
		before, _ := cmd.Flags().GetUint64("before")
		query.Set("before", fmt.Sprint(before))
	}
	n, err := in.printEntries(in.path("/history", query))
	if err == nil && n == 0 {
		err = nothingf("there are no entries in that part of %s", args[0])
	}
	return err
}

// printEntries prints a stream of entries, and returns how many there were.
func (in *invocation) printEntries(path string) (n int, err error) {
	ctx, cancel, err := in.untilHang()
	if err != nil {
		return 0, err
	}
	defer cancel()
	res, err := in.request(ctx, "GET", path, nil)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	for {
		text, err := lines.ReadBytes('\n')
		switch {
		case err == io.EOF && len(text) == 0:
			return n, nil
		case err != nil:
			return n, fmt.Errorf("the entries broke off: %w", err)
		}
		n++
		if !in.json {
			if text, err = formatEntry(text); err != nil {
				return n, err
			}
		}
		if _, err := in.out.Write(text); err != nil {
			return n, err
		}
	}
}

// formatEntry makes a line for people from a JSON line.
func formatEntry(text []byte) ([]byte, error) {
	var line struct {
		Entry struct {
			Type     string
			Seq, At  int64
			From     struct{ ID, Name string }
			Body     json.RawMessage
			Target   int64
			Recalled bool
			Users    []struct{ ID string }
			Role     string
			Title    string
		}
		Body json.RawMessage // of an entry whose frame has none
	}
	if err := json.Unmarshal(text, &line); err != nil {
		return nil, err
	}
	e := &line.Entry
	if len(e.Body) == 0 {
		e.Body = line.Body
	}
	who, what := e.From.ID, bodyText(e.Body)
	if e.From.Name != "" && e.From.Name != who {
		who = e.From.Name + " (" + who + ")" // a name may be another's id, and is no one's alone
	}
	switch {
	case e.Recalled:
		what = "[recalled]"
	case e.Type == "recalled":
		what = fmt.Sprintf("[recalled message %d]", e.Target)
	case e.Type == "edited":
		what = fmt.Sprintf("[edited message %d] %s", e.Target, what)
	case e.Type == "tagged":
		what = fmt.Sprintf("[tagged message %d] %s", e.Target, tagText(e.Body, what))
	case e.Type == "member":
		what = "[member] " + e.Role
		for _, u := range e.Users {
			what += " " + u.ID
		}
	case e.Type == "info":
		what = "[info] " + e.Title
	case e.Type == "notice":
		what = "[notice] " + what
	case e.Type != "message":
		what = fmt.Sprintf("[%s] %s", e.Type, what)
	}
	if who != "" {
		what = who + ": " + what
	}
	at := time.UnixMilli(e.At).Format(time.DateTime)
	return fmt.Appendf(nil, "%s  %d  %s\n", at, e.Seq, strings.TrimSpace(sanitize(what))), nil
}

// tagText returns the name of a tag and its value, or what the body is otherwise.
func tagText(body json.RawMessage, otherwise string) string {
	var tag map[string]json.RawMessage
	var name string
	if json.Unmarshal(body, &tag) != nil || json.Unmarshal(tag["tag"], &name) != nil || name == "" {
		return otherwise
	}
	return strings.TrimSpace(name + " " + string(tag["value"]))
}

// bodyText returns the text of a body, or its JSON if it has no text.
func bodyText(body json.RawMessage) string {
	var text string
	if json.Unmarshal(body, &text) == nil {
		return text
	}
	var object map[string]json.RawMessage // a struct would also take Text for text
	if json.Unmarshal(body, &object) == nil && json.Unmarshal(object["text"], &text) == nil && text != "" {
		return text
	}
	return string(body)
}
