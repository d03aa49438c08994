package command

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/caddychat/caddy-chat/caddymodule/admin"
	"github.com/caddychat/caddy-chat/chat"
)

func (in *invocation) hubs(*cobra.Command, []string) error {
	var list admin.HubList
	if err := in.call("GET", "/chat/hubs", nil, &list); err != nil {
		return err
	}
	var rows [][]string
	var remarks []string
	for _, h := range list.Hubs {
		health := "ok"
		if !h.Healthy {
			health = "see below"
			remarks = append(remarks, h.Name+": "+h.Problem)
		}
		if len(h.Warnings) > 0 {
			health = "see below"
			remarks = append(remarks, h.Name+": "+strings.Join(h.Warnings, "; "))
		}
		rows = append(rows, []string{h.Name, fmt.Sprint(h.Connections), fmt.Sprint(h.Sessions), fmt.Sprint(h.Rooms), fmt.Sprint(h.Entries), health})
	}
	err := in.printTable("HUB CONNECTIONS SESSIONS ROOMS ENTRIES HEALTH", rows)
	for _, remark := range remarks {
		err = errors.Join(err, in.say("%s", remark))
	}
	return err
}

// status tells how one hub is. It is an error if the hub cannot serve.
func (in *invocation) status(*cobra.Command, []string) error {
	var h admin.HubInfo
	if err := in.hubStatus(context.Background(), &h); err != nil {
		return err
	}
	if !h.Healthy {
		return fmt.Errorf("hub %q cannot serve: %s", h.Name, h.Problem)
	}
	err := in.say("hub %s is fine: %s, %s, %s, %s in %s", h.Name, count(h.Connections, "connection"), count(h.Sessions, "session"),
		count(h.Rooms, "room"), count(h.Entries, "entry"), humanize.IBytes(uint64(h.Bytes)))
	if len(h.Refusals) > 0 {
		var list []string
		for _, reason := range slices.Sorted(maps.Keys(h.Refusals)) {
			list = append(list, fmt.Sprint(reason, " ", h.Refusals[reason]))
		}
		err = errors.Join(err, in.say("refused or held back since its start: %s", strings.Join(list, ", ")))
	}
	for _, warning := range h.Warnings {
		in.note("Warning: %s", warning)
	}
	return err
}

func (in *invocation) rooms(*cobra.Command, []string) error {
	list, err := callForList[chat.RoomInfo](in, "/rooms", "rooms", url.Values{})
	if err != nil {
		return err
	}
	var rows [][]string
	for _, r := range list {
		rows = append(rows, []string{r.Name, fmt.Sprint(r.Sessions)})
	}
	return in.printTable("ROOM SESSIONS", rows)
}

func (in *invocation) sessions(cmd *cobra.Command, _ []string) error {
	query := url.Values{}
	for _, name := range []string{"user", "room"} {
		if cmd.Flags().Changed(name) {
			query.Set(name, text(cmd, name))
		}
	}
	if room := query.Get("room"); room != "" { // misspelt, it would look like an empty one
		if err := in.get(in.path("/rooms/"+segment(room), nil), new(chat.RoomDetails)); err != nil {
			return err
		}
	}
	if user := query.Get("user"); user != "" {
		if err := in.get(in.path("/users/"+segment(user), nil), new(admin.User)); err != nil {
			return err
		}
	}
	list, err := callForList[chat.SessionInfo](in, "/sessions", "sessions", query)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, s := range list {
		age := time.Since(time.UnixMilli(s.Since)).Round(time.Second)
		rows = append(rows, []string{s.ID, orDash(s.User), orDash(s.Name), s.Dialect, s.Address, age.String()})
	}
	return in.printTable("SESSION USER NAME DIALECT ADDRESS AGE", rows)
}

func (in *invocation) sanctions(*cobra.Command, []string) error {
	var list admin.SanctionList
	if err := in.call("GET", in.path("/sanctions", nil), nil, &list); err != nil {
		return err
	}
	var rows [][]string
	for _, s := range list.Sanctions {
		until := "for ever"
		if s.Until > 0 {
			until = time.UnixMilli(s.Until).Format(time.DateTime)
		}
		rows = append(rows, []string{s.Kind, s.User, orDash(s.Room), until})
	}
	return in.printTable("KIND USER ROOM UNTIL", rows)
}
