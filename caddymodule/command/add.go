package command

import (
	"errors"
	"fmt"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// exitNothing is the exit code of a command that had nothing to do. Caddy's own
// commands have 0 to 3.
const exitNothing = 4

// add adds a command. The words behind its name say which arguments it takes.
func (in *invocation) add(root *cobra.Command, use, short string, run func(cmd *cobra.Command, args []string) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: takes(strings.Fields(use)[1:]), SilenceUsage: true}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		in.out, in.err = cmd.OutOrStdout(), cmd.ErrOrStderr()
		err := noEmptyFlag(cmd)
		if err == nil {
			err = run(cmd, args)
		}
		var none nothing
		if !errors.As(err, &none) {
			return err
		}
		fmt.Fprintln(in.err, "Warning:", none)
		cmd.SilenceErrors = true
		return caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) { return exitNothing, nil })(cmd, args)
	}
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	if strings.Contains(use, "<file>") {
		cmd.ValidArgsFunction = nil
	}
	root.AddCommand(cmd)
	return cmd
}
