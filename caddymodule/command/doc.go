// Package command is the command `caddy chat`. It talks to a running Caddy through
// the admin API, whose answers are the types of caddymodule/admin. What has --journal opens the
// journal of a hub that does not run.
//
// # Files
//
// A file refers only to files above it in this list:
//
//	arguments.go    arguments and flags
//	address.go      where the admin API is
//	output.go       lines, tables and progress bars
//	request.go      requests to the admin API
//	add.go          a command, its arguments and exit code
//	lists.go        status, hubs, rooms, sessions, sanctions
//	moderation.go   kick, mute, ban, announce, recall
//	webhooks.go     hooks, replay
//	erase.go        erase-room, erase-user
//	stopped.go      export and import of a whole journal, migrate, epoch
//	transfer.go     export, import, backup, compact
//	tail.go         history, tail
//	token.go        token
//	bench_linux.go  bench
//	bench_other.go  bench where it does not work: on other systems
//	command.go      the commands and their flags
package command
