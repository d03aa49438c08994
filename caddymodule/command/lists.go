package command

import (
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/caddychat/caddy-chat/caddymodule/admin"
)

func (in *invocation) hubs(*cobra.Command, []string) error {
	var list admin.HubList
	if err := in.call("GET", "/chat/hubs", nil, &list); err != nil {
		return err
	}
	var rows [][]string
	for _, h := range list.Hubs {
		health := "ok"
		if !h.Healthy {
			health = h.Problem
		}
		for _, warning := range h.Warnings {
			health += "; " + warning
		}
		rows = append(rows, []string{h.Name, fmt.Sprint(h.Connections), fmt.Sprint(h.Sessions), fmt.Sprint(h.Rooms), fmt.Sprint(h.Entries), health})
	}
	return in.printTable("HUB CONNECTIONS SESSIONS ROOMS ENTRIES HEALTH", rows)
}

func (in *invocation) rooms(*cobra.Command, []string) error {
	var rows [][]string
	err := callForList(in, "/rooms", url.Values{}, func(list *admin.RoomList) string {
		for _, r := range list.Rooms {
			rows = append(rows, []string{r.Name, fmt.Sprint(r.Sessions)})
		}
		return list.Next
	})
	if err != nil {
		return err
	}
	return in.printTable("ROOM SESSIONS", rows)
}

func (in *invocation) sessions(cmd *cobra.Command, _ []string) error {
	query := url.Values{}
	for _, name := range []string{"user", "room"} {
		if value, _ := cmd.Flags().GetString(name); value != "" {
			query.Set(name, value)
		}
	}
	var rows [][]string
	err := callForList(in, "/sessions", query, func(list *admin.SessionList) string {
		for _, s := range list.Sessions {
			age := time.Since(time.UnixMilli(s.Since)).Round(time.Second)
			rows = append(rows, []string{s.ID, orDash(s.User), orDash(s.Name), s.Dialect, s.Address, age.String()})
		}
		return list.Next
	})
	if err != nil {
		return err
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
