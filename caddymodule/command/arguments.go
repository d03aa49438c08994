package command

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// takes returns a check of arguments, of which [<these>] may be missing and <those>…
// repeated.
func takes(names []string) cobra.PositionalArgs {
	var required []string
	most := len(names)
	for _, name := range names {
		if !strings.HasPrefix(name, "[") {
			required = append(required, strings.TrimSuffix(name, "…"))
		}
		if strings.HasSuffix(name, "…") {
			most = math.MaxInt
		}
	}
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(required):
			return fmt.Errorf("%s is missing: %s", required[len(args)], cmd.UseLine())
		case len(args) > most:
			return fmt.Errorf("%q is too much: %s", args[most], cmd.UseLine())
		}
		for i, arg := range args {
			if arg == "" && i < len(names) && strings.HasPrefix(names[i], "<") && strings.HasSuffix(names[i], ">") {
				return fmt.Errorf("%s is empty: %s", names[i], cmd.UseLine())
			}
		}
		return nil
	}
}

// noEmptyFlag returns an error for a flag with an empty text: a script whose variable is
// not set must not do to everybody what it meant for one room.
func noEmptyFlag(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if text := f.Value.String(); f.Value.Type() == "string" && text == "" || text == "[]" { // of a list
			err = fmt.Errorf("--%s is empty: name something, or leave it out", f.Name)
		}
	})
	return err
}

// onlyAboveZero returns an error for a flag whose number or duration is not above zero: zero is
// how it is left out.
func onlyAboveZero(cmd *cobra.Command, names ...string) error {
	for _, name := range names {
		f := cmd.Flags().Lookup(name)
		if text := f.Value.String(); f.Changed && (text[0] == '-' || text == "0" || text == "0s") {
			return fmt.Errorf("--%s must be above 0", name)
		}
	}
	return nil
}

// inRoomOf returns the body of a request with the flag --room; without it, it is about the whole hub.
func inRoomOf(cmd *cobra.Command, body map[string]any) map[string]any {
	if cmd.Flags().Changed("room") {
		body["room"] = text(cmd, "room")
	}
	return body
}

// text returns the value of a flag.
func text(cmd *cobra.Command, name string) string {
	value, _ := cmd.Flags().GetString(name) // the flag is a string
	return value
}

// lifetime returns the flag --for, which is a duration as Caddy reads them.
func lifetime(cmd *cobra.Command) (time.Duration, error) {
	d, err := caddy.ParseDuration(text(cmd, "for"))
	switch {
	case err != nil:
		return 0, fmt.Errorf("--for %s is no duration like 90m, 12h or 30d", text(cmd, "for"))
	case d <= 0:
		return 0, errors.New("--for must be above 0")
	}
	return d, nil
}
