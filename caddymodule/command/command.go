package command

import (
	"fmt"
	"strings"

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

The output is for people. With --json it is the server's answer, for programs.
Errors and warnings are on standard error. The exit code is

	0  if it was done
	1  if not: the error says why
	4  if there was nothing to do, or no entry to show: the warning says so

A list of nothing is "none", and its exit code 0.`,
		CobraFunc: addCommands,
	})
}

func addCommands(root *cobra.Command) {
	in := new(invocation)
	f := root.PersistentFlags()
	f.StringVar(&in.address, "address", "", "The admin endpoint, like localhost:2019, http://localhost:2019 or\nunix//run/caddy/admin.sock; by default $CADDY_ADMIN, or Caddy's default")
	f.StringVar(&in.hub, "hub", "default", "The name of the hub")
	f.BoolVar(&in.json, "json", false, "Print JSON")
	root.RunE = unknownCommand
	root.Args = cobra.ArbitraryArgs
	root.SilenceUsage, root.DisableFlagsInUseLine = true, true
	root.SuggestionsMinimumDistance = 2

	addViews(root, in)
	addModeration(root, in)
	addMaintenance(root, in)
	addBench(root, in)
	token := in.add(root, "token <user>", "Makes a token to test auth jwt, with the secret in $CHAT_SECRET", in.token)
	token.Flags().String("name", "", "The user's name")
	token.Flags().String("for", "1h", "How long the token is valid, like 90m, 12h or 30d")
	token.Flags().StringToString("claim", nil, "More claims, such as role=staff")
}

func addViews(root *cobra.Command, in *invocation) {
	in.add(root, "status", "Says whether the hub is fine, and what it holds; fails if it cannot serve", in.status)
	in.add(root, "hubs", "Lists the hubs", in.hubs)
	in.add(root, "rooms", "Lists the rooms that somebody is in", in.rooms)
	sessions := in.add(root, "sessions", "Lists the sessions", in.sessions)
	sessions.Flags().String("user", "", "Only the sessions of this user")
	sessions.Flags().String("room", "", "Only the sessions in this room")
	in.add(root, "sanctions", "Lists the mutes and bans in force", in.sanctions)
	in.add(root, "hooks", "Lists the webhooks: how far they are, how much waits, and what is wrong", in.hooks)
	history := in.add(root, "history <room>", "Shows the last entries of a room, and ends", in.history)
	history.Flags().Uint("newest", admin.DefaultNewest, "Show so many")
	history.Flags().Uint64("before", 0, "Show those before the entry with this number")
	tail := in.add(root, "tail <room>", "Shows the last entries of a room, and new ones as they come", in.tail)
	tail.Flags().Uint("newest", admin.DefaultNewest, "Begin with so many entries")
	tail.Flags().Bool("wait", false, "The room may not exist yet")
}

func addModeration(root *cobra.Command, in *invocation) {
	kick := in.add(root, "kick <user>", "Removes a user, who may come back", in.kick)
	kick.Flags().String("room", "", "Only from this room")
	for _, k := range []struct{ kind, short, lifted string }{
		{"mute", "Keeps a user from writing", "Lets a muted user write again"},
		{"ban", "Removes a user and keeps them out", "Lets a banned user in again"},
	} {
		set := in.add(root, k.kind+" <user>", k.short, func(cmd *cobra.Command, args []string) error { return in.impose(cmd, k.kind, args[0]) })
		set.Flags().String("room", "", "Only in this room")
		set.Flags().String("for", "", "For how long, like 90m, 12h or 30d; by default for ever")
		set.Flags().Bool("unknown", false, "The server need not know such a user or room")
		lift := in.add(root, "un"+k.kind+" <user>", k.lifted, func(cmd *cobra.Command, args []string) error { return in.lift(cmd, k.kind, args[0]) })
		lift.Flags().String("room", "", "In this room; without it, everywhere")
	}
	announce := in.add(root, "announce [<room>] <text>…", "Sends a notice to a room, or to every room that somebody is in", in.announce)
	announce.Flags().Bool("all", false, "In every room that somebody is in; there is no <room> then")
	announce.Flags().Bool("create", false, "The room may not exist yet")
	in.add(root, "recall <room> <seq>", "Recalls a message: erases its text", in.recall)
	eraseRoom := in.add(root, "erase-room <room>", "Erases a room: all entries, their numbers and read marks", in.eraseRoom)
	eraseUser := in.add(root, "erase-user <user>", "Erases what a user has said in all rooms, and how far they have read", in.eraseUser)
	for _, cmd := range []*cobra.Command{eraseRoom, eraseUser} {
		cmd.Flags().Bool("yes", false, "Do it; nothing brings it back")
	}
}

func addMaintenance(root *cobra.Command, in *invocation) {
	replay := in.add(root, "replay <webhook>", "Moves a webhook back, so that it sends events again", in.replay)
	replay.Flags().String("since", "", "What was recorded within this time, like 90m, 12h or 3d")
	replay.Flags().String("from", "", "What was recorded behind this position")
	export := in.add(root, "export", "Prints the stored entries as JSON lines", in.exportEntries)
	export.Flags().String("room", "", "Only this room")
	export.Flags().String("from", "", "Continue with this room")
	export.Flags().Uint64("after", 0, "Continue after the entry with this number")
	imports := in.add(root, "import [<file>]", "Records exported entries, from a file or from standard input", in.importEntries)
	migrate := in.add(root, "migrate", "Shows which version the schema of a journal postgres has, or brings it up to date", in.migrate)
	migrate.Flags().Bool("apply", false, "Bring it up to date; the role of the address owns it")
	migrate.Flags().String("server", "", "With --apply: give this role the rights to serve it")
	epoch := in.add(root, "epoch new", "Gives the rooms of a journal postgres a new epoch: clients read them again", in.newEpoch)
	epoch.Flags().Bool("yes", false, "Do it")
	for _, cmd := range []*cobra.Command{export, imports} {
		cmd.Flags().String("journal", "", "All of this journal, which no running Caddy uses; the words\nbehind journal in the Caddyfile, such as 'pebble /srv/chat' or\n'postgres {env.CHAT_DSN} { durability primary }'")
	}
	for _, cmd := range []*cobra.Command{migrate, epoch} {
		cmd.Flags().String("journal", "", "The words behind journal in the Caddyfile, such as\n'postgres {env.CHAT_DSN}'")
	}
	in.add(root, "backup <dir>", "Copies the journal of a running hub to a new directory on the server", in.backup)
	in.add(root, "compact", "Rewrites the journal without the deleted entries", in.compact)
}

// unknownCommand is what runs if no command is named, or none that exists.
func unknownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return root.Help()
	}
	what := fmt.Sprintf("there is no command %q", args[0])
	if like := root.SuggestionsFor(args[0]); len(like) > 0 {
		what += "; did you mean " + strings.Join(like, " or ") + "?"
	}
	return fmt.Errorf("%s; \"%s --help\" lists all", what, root.CommandPath())
}
