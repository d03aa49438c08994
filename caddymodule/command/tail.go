package command

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"
)

func (in *invocation) tail(cmd *cobra.Command, args []string) error {
	newest, _ := cmd.Flags().GetUint("newest")
	res, err := in.request("GET", in.path("/tail", url.Values{"room": args, "newest": {fmt.Sprint(newest)}}), nil)
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
			return fmt.Errorf("the tail was interrupted: %w", err)
		}
		if !in.json {
			if text, err = formatEntry(text); err != nil {
				return err
			}
		}
		if _, err := os.Stdout.Write(text); err != nil {
			return err
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
		}
	}
	if err := json.Unmarshal(text, &line); err != nil {
		return nil, err
	}
	e := &line.Entry
	who, what := e.From.Name, bodyText(e.Body)
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
	return fmt.Appendf(nil, "%s  %d  %s: %s\n", at, e.Seq, sanitize(orDash(who)), sanitize(what)), nil
}

// bodyText returns the text of a body, or its JSON if it has no text.
func bodyText(body json.RawMessage) string {
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
