package command

import (
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddychat/caddy-chat/caddymodule/admin"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "chat",
		Usage: "<command>",
		Short: "Inspects and moderates the chat of a running Caddy",
		Long: `
Talks to a running Caddy through its admin endpoint. All commands are about the hub
"default" unless --hub names another one.

The output is for people. With --json it is the server's answer, for programs.`,
		CobraFunc: addCommands,
	})
}

func addCommands(root *cobra.Command) {
	in := new(invocation)
	root.PersistentFlags().StringVar(&in.address, "address", "", "The admin endpoint, if it is not the default one")
	root.PersistentFlags().StringVar(&in.hub, "hub", "default", "The name of the hub")
	root.PersistentFlags().BoolVar(&in.json, "json", false, "Print JSON")

	add := func(use, short string, args cobra.PositionalArgs, run func(cmd *cobra.Command, args []string) error) *cobra.Command {
		cmd := &cobra.Command{Use: use, Short: short, Args: args, RunE: run, SilenceUsage: true}
		root.AddCommand(cmd)
		return cmd
	}
	add("hubs", "Lists the hubs", cobra.NoArgs, in.hubs)
	add("rooms", "Lists the rooms that somebody is in", cobra.NoArgs, in.rooms)
	sessions := add("sessions", "Lists the sessions", cobra.NoArgs, in.sessions)
	sessions.Flags().String("user", "", "Only the sessions of this user")
	sessions.Flags().String("room", "", "Only the sessions in this room")
	add("sanctions", "Lists the mutes and bans in force", cobra.NoArgs, in.sanctions)
	for name, short := range map[string]string{
		"kick": "Removes a user, who may come back",
		"mute": "Stops a user from writing",
		"ban":  "Removes a user and keeps them out",
	} {
		cmd := add(name+" <user>", short, cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error { return in.moderate(cmd, name, args[0]) })
		cmd.Flags().String("room", "", "Only in this room")
		if name != "kick" {
			cmd.Flags().String("for", "", `For how long, like "10m"; "0" ends it; by default it has no end`)
		}
	}
	add("announce [<room>] <text>", "Sends a notice to a room, or to every room that somebody is in", cobra.RangeArgs(1, 2), in.announce)
	add("recall <room> <seq>", "Recalls a message: erases its text", cobra.ExactArgs(2), in.recall)
	tail := add("tail <room>", "Shows the messages of a room as they arrive", cobra.ExactArgs(1), in.tail)
	tail.Flags().Uint("newest", admin.DefaultNewest, "Begin with this many of the newest entries")
	export := add("export", "Prints the stored entries as JSON lines", cobra.NoArgs, in.exportEntries)
	export.Flags().String("room", "", "Only this room")
	export.Flags().String("from", "", "Continue with this room")
	export.Flags().Uint64("after", 0, "Continue after the entry with this number")
	add("import [<file>]", "Records exported entries, from a file or from standard input", cobra.MaximumNArgs(1), in.importEntries)
	add("backup <dir>", "Copies the journal of a running hub to a directory on the server", cobra.ExactArgs(1), in.backup)
	add("compact", "Rewrites the journal without the deleted entries", cobra.NoArgs, in.compact)
	addBench(root, in)
	token := add("token <user>", "Makes a token to test auth jwt, with the secret in $CHAT_SECRET", cobra.ExactArgs(1), printToken)
	token.Flags().String("name", "", "The user's name")
	token.Flags().Duration("for", time.Hour, "How long the token is valid")
	token.Flags().StringToString("claim", nil, "More claims, such as role=staff")
}
