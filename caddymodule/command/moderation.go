package command

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/caddychat/caddy-chat/caddymodule/admin"
)

func (in *invocation) kick(cmd *cobra.Command, args []string) error {
	var done admin.Kicked
	if err := in.call("POST", in.path("/kick", nil), inRoomOf(cmd, map[string]any{"user": args[0]}), &done); err != nil {
		return err
	}
	if done.Room != "" {
		return in.say("kicked %s from %s; %s removed", done.User, done.Room, count(done.Sessions, "session"))
	}
	return in.say("kicked %s; %s ended", done.User, count(done.Sessions, "session"))
}

// impose sends a mute or a ban.
func (in *invocation) impose(cmd *cobra.Command, kind, user string) error {
	unknown, _ := cmd.Flags().GetBool("unknown")
	body := inRoomOf(cmd, map[string]any{"user": user, "unknown": unknown})
	if cmd.Flags().Changed("for") {
		d, err := lifetime(cmd)
		if err != nil {
			return fmt.Errorf("%w; caddy chat un%s ends a %s", err, kind, kind)
		}
		if d > admin.MaxFor {
			return fmt.Errorf("--for %s is too long: at most %dd; without --for, the %s has no end", text(cmd, "for"), admin.MaxFor/(24*time.Hour), kind)
		}
		body["for"] = text(cmd, "for")
	}
	var done admin.Imposed
	if err := in.call("POST", in.path("/"+kind, nil), body, &done); err != nil {
		return err
	}
	until := ", for ever"
	if done.Until > 0 {
		until = fmt.Sprintf(" for %s, until %s", text(cmd, "for"), time.UnixMilli(done.Until).Format(time.DateTime))
	}
	sessions := count(done.Sessions, "session")
	if kind == "ban" {
		return in.say("banned %s %s%s; %s ended", done.User, inRoom("from", done.Room), until, sessions)
	}
	return in.say("muted %s %s%s; %s there now", done.User, inRoom("in", done.Room), until, sessions)
}

// lift ends a mute or a ban.
func (in *invocation) lift(cmd *cobra.Command, kind, user string) error {
	var done admin.Imposed
	room := text(cmd, "room")
	if err := in.call("POST", in.path("/"+kind, nil), inRoomOf(cmd, map[string]any{"user": user, "for": 0}), &done); err != nil {
		return err
	}
	past := map[string]string{"mute": "muted", "ban": "banned"}[kind]
	if done.Lifted {
		return in.say("%s is no longer %s %s", user, past, inRoom("in", room))
	}
	return nothingf("%s was not %s %s%s", user, past, inRoom("in", room), in.whereElse(kind, user))
}

// whereElse says where else a user is muted or banned.
func (in *invocation) whereElse(kind, user string) string {
	var list admin.SanctionList
	if err := in.get(in.path("/sanctions", nil), &list); err != nil {
		return "" // only this remark is missing then
	}
	var where []string
	for _, s := range list.Sanctions {
		switch {
		case s.Kind != kind || s.User != user:
		case s.Room == "":
			where = append(where, "everywhere (leave --room out)")
		default:
			where = append(where, "in "+s.Room+" (add --room)")
		}
	}
	if where == nil {
		return ""
	}
	return "; there is a " + kind + " " + strings.Join(where, " and ")
}

func (in *invocation) announce(cmd *cobra.Command, args []string) error {
	all, _ := cmd.Flags().GetBool("all")
	create, _ := cmd.Flags().GetBool("create")
	room := ""
	if !all {
		if len(args) < 2 {
			return errors.New("a room and a text are needed; to announce in every room that somebody is in, add --all")
		}
		room, args = args[0], args[1:]
		if room == "" {
			return errors.New("the name of the room is empty")
		}
	}
	said := strings.Join(args, " ")
	if strings.TrimSpace(said) == "" {
		return errors.New("the text is empty")
	}
	body := map[string]any{"all": all, "create": create, "body": map[string]string{"text": said}}
	if !all {
		body["room"] = room
	}
	var done admin.Announced
	if err := in.call("POST", in.path("/announce", nil), body, &done); err != nil {
		return err
	}
	switch {
	case !all:
		return in.say("announced in %s, as number %d", done.Room, done.Seq)
	case done.Rooms == 0:
		return nothing("nobody is in any room: nothing was announced")
	}
	return in.say("announced in %s", count(done.Rooms, "room"))
}

func (in *invocation) recall(_ *cobra.Command, args []string) error {
	seq, err := strconv.ParseUint(args[1], 10, 63)
	if err != nil || seq == 0 || strconv.FormatUint(seq, 10) != args[1] {
		return fmt.Errorf("%q is not the number of a message; caddy chat history shows them", args[1])
	}
	var done admin.Recalled
	if err := in.call("POST", in.path("/recall", nil), map[string]any{"room": args[0], "seq": seq}, &done); err != nil {
		return err
	}
	if done.Before {
		return nothingf("message %d of %s was recalled before", done.Target, done.Room)
	}
	return in.say("recalled message %d of %s", done.Target, done.Room)
}
