package command

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"
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
		return nil
	}
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
