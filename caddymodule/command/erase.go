package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/caddychat/caddy-chat/caddymodule/admin"
	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
)

const bytesRemain = `Note: the files of the journal have the bytes until "caddy chat compact" has written them again, and backups and exports keep them.`

func (in *invocation) eraseRoom(cmd *cobra.Command, args []string) error {
	path := in.path("/rooms/"+segment(args[0]), nil)
	if journal.IsReserved(args[0]) {
		return fmt.Errorf("room %q belongs to the server: erase-user erases the own room of a user with all that is kept of them", args[0])
	}
	if yes, _ := cmd.Flags().GetBool("yes"); !yes {
		var room chat.RoomDetails
		if err := in.get(path, &room); err != nil {
			return err
		}
		kept := uint64(0)
		if room.Last > 0 {
			kept = uint64(room.Last+1) - uint64(room.First)
		}
		return fmt.Errorf("this would erase %s of %s for good, and send away the %s there: add --yes to do it", count(kept, "entry"), room.Name, count(room.Sessions, "session"))
	}
	var done admin.ErasedRoom
	err := in.withProgress("erasing", func() error { return in.callLong("DELETE", path, nil, &done) })
	if err != nil {
		return err
	}
	if n := len(done.Sanctions); n > 0 {
		in.note("Note: %s in this room did not change.", count(n, "sanction"))
	}
	if done.InFiles {
		in.note(bytesRemain)
	}
	return in.say("erased %s: %s and %s; %s had to come back", done.Room, count(done.Entries, "entry"), count(done.Marks, "read mark"), count(done.Sessions, "session"))
}

func (in *invocation) eraseUser(cmd *cobra.Command, args []string) error {
	path := in.path("/users/"+segment(args[0]), nil)
	if yes, _ := cmd.Flags().GetBool("yes"); !yes {
		return fmt.Errorf("this would erase what %q has said in all rooms, for good: add --yes to do it", args[0])
	}
	var done admin.ErasedUser
	err := in.withProgress("reading all rooms", func() error { return in.callLong("DELETE", path, nil, &done) })
	if err != nil {
		return err
	}
	if done.Entries > 0 {
		in.note("Note: %s without text still have the id of %s; only erase-room removes these.", count(done.Entries, "entry"), done.User)
	}
	if n := len(done.Sanctions); n > 0 {
		in.note("Note: %s of the user did not change.", count(n, "sanction"))
	}
	if done.InFiles {
		in.note(bytesRemain)
	}
	return in.say("erased what %s said: %s in %s, and %s; forgotten in %s; %s and %s erased; %s ended", done.User,
		count(done.Messages, "message"), count(done.Rooms, "room"), count(done.Marks, "read mark"), count(done.Left, "conversation"),
		count(done.Tags, "tag"), count(done.Records, "other record"), count(done.Sessions, "session"))
}
