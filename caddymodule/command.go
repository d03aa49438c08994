package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/golang-jwt/jwt/v5"
	"github.com/spf13/cobra"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "chat",
		Usage: "<command>",
		Short: "Looks into the chat of a running Caddy, and moderates it",
		Long: `
Speaks to a running Caddy by its admin endpoint. Everything is about the hub
"default" unless --hub says otherwise.

People get tables; --json prints what the server said, for programs.`,
		CobraFunc: addCommands,
	})
}

// operator carries out a command.
type operator struct {
	address, hub string
	json         bool
}

func addCommands(root *cobra.Command) {
	o := new(operator)
	root.PersistentFlags().StringVar(&o.address, "address", "", "The admin endpoint, if it is not the default one")
	root.PersistentFlags().StringVar(&o.hub, "hub", "default", "The hub")
	root.PersistentFlags().BoolVar(&o.json, "json", false, "Print JSON")

	add := func(use, short string, args cobra.PositionalArgs, run func(cmd *cobra.Command, args []string) error) *cobra.Command {
		cmd := &cobra.Command{Use: use, Short: short, Args: args, RunE: run, SilenceUsage: true}
		root.AddCommand(cmd)
		return cmd
	}
	add("hubs", "Lists the hubs", cobra.NoArgs, o.hubs)
	add("rooms", "Lists the rooms that somebody is in", cobra.NoArgs, o.rooms)
	sessions := add("sessions", "Lists the sessions", cobra.NoArgs, o.sessions)
	sessions.Flags().String("user", "", "Only those of a user")
	sessions.Flags().String("room", "", "Only those in a room")
	add("sanctions", "Lists the mutes and bans in force", cobra.NoArgs, o.sanctions)
	for name, short := range map[string]string{
		"kick": "Removes a user, who may come back",
		"mute": "Keeps a user from writing",
		"ban":  "Removes a user and keeps them out",
	} {
		cmd := add(name+" <user>", short, cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error { return o.sentence(cmd, name, args[0]) })
		cmd.Flags().String("room", "", "Only in this room")
		if name != "kick" {
			cmd.Flags().String("for", "", `How long, like "10m"; "0" lifts it; by default it has no end`)
		}
	}
	add("announce [<room>] <text>", "Says something in a room, or in every room that somebody is in", cobra.RangeArgs(1, 2), o.announce)
	add("recall <room> <seq>", "Takes a message back", cobra.ExactArgs(2), o.recall)
	tail := add("tail <room>", "Shows a room live", cobra.ExactArgs(1), o.tail)
	tail.Flags().Uint("newest", newestShown, "Begin with so many of the newest entries")
	export := add("export", "Prints what is kept, as JSON lines", cobra.NoArgs, o.export)
	export.Flags().String("room", "", "Only this room")
	export.Flags().String("from", "", "Go on in this room")
	export.Flags().Uint64("after", 0, "Go on behind this entry")
	add("import [<file>]", "Records what was exported, from a file or from what is piped in", cobra.MaximumNArgs(1), o.imports)
	add("backup <dir>", "Copies the journal to a directory on the server, while it runs", cobra.ExactArgs(1), o.backup)
	add("compact", "Writes the journal anew, without what was deleted", cobra.NoArgs, o.compact)
	addBench(root, o)
	token := add("token <user>", "Mints a token for a test of auth jwt, with the secret in $CHAT_SECRET", cobra.ExactArgs(1), mintToken)
	token.Flags().String("name", "", "The user's name")
	token.Flags().Duration("for", time.Hour, "How long it is good")
	token.Flags().StringToString("claim", nil, "Further claims, such as role=staff")
}

// call asks the admin API. The answer is read into to, if that is not nil.
func (o *operator) call(method, path string, body, to any) error {
	res, err := o.request(method, path, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if o.json {
		if _, err := os.Stdout.Write(text); err != nil {
			return err
		}
	}
	if to == nil || len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, to)
}

// request sends a body as JSON, or as JSON lines if it is a reader.
func (o *operator) request(method, path string, body any) (*http.Response, error) {
	address, err := caddycmd.DetermineAdminAPIAddress(o.address, nil, "", "")
	if err != nil {
		return nil, err
	}
	var send io.Reader
	header := http.Header{}
	switch body := body.(type) {
	case nil:
	case io.Reader:
		send = body
		header.Set("Content-Type", jsonLines)
	default:
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		send = bytes.NewReader(text)
		header.Set("Content-Type", "application/json")
	}
	// An answer that is no success comes with the server's words as the error.
	return caddycmd.AdminAPIRequest(address, method, path, header, send)
}

// path is that of something of the hub.
func (o *operator) path(of string, query url.Values) string {
	path := "/chat/hubs/" + url.PathEscape(o.hub) + of
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

// table prints rows below their heads, or says that there are none.
func (o *operator) table(heads string, rows [][]string) error {
	if o.json {
		return nil
	}
	if len(rows) == 0 {
		fmt.Println("none")
		return nil
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.ReplaceAll(heads, " ", "\t"))
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

func (o *operator) hubs(*cobra.Command, []string) error {
	var answer struct{ Hubs []hubInfo }
	if err := o.call("GET", "/chat/hubs", nil, &answer); err != nil {
		return err
	}
	var rows [][]string
	for _, h := range answer.Hubs {
		health := "ok"
		if !h.Healthy {
			health = h.Problem
		}
		rows = append(rows, []string{h.Name, fmt.Sprint(h.Connections), fmt.Sprint(h.Sessions), fmt.Sprint(h.Rooms), fmt.Sprint(h.Entries), health})
	}
	return o.table("HUB CONNECTIONS SESSIONS ROOMS ENTRIES HEALTH", rows)
}

// pages asks for one page after the other; read takes one and returns the cursor
// of the next.
func (o *operator) pages(of string, query url.Values, read func() (to any, next func() string)) error {
	query.Set("limit", fmt.Sprint(maxPage))
	for {
		to, next := read()
		if err := o.call("GET", o.path(of, query), nil, to); err != nil {
			return err
		}
		if next() == "" {
			return nil
		}
		query.Set("cursor", next())
	}
}

func (o *operator) rooms(*cobra.Command, []string) error {
	var rows [][]string
	err := o.pages("/rooms", url.Values{}, func() (any, func() string) {
		var page struct {
			Rooms []struct {
				Name     string
				Sessions int
			}
			Next string
		}
		return &page, func() string {
			for _, r := range page.Rooms {
				rows = append(rows, []string{r.Name, fmt.Sprint(r.Sessions)})
			}
			page.Rooms = nil
			return page.Next
		}
	})
	if err != nil {
		return err
	}
	return o.table("ROOM SESSIONS", rows)
}

func (o *operator) sessions(cmd *cobra.Command, _ []string) error {
	query := url.Values{}
	for _, name := range []string{"user", "room"} {
		if value, _ := cmd.Flags().GetString(name); value != "" {
			query.Set(name, value)
		}
	}
	var rows [][]string
	err := o.pages("/sessions", query, func() (any, func() string) {
		var page struct {
			Sessions []struct {
				ID, User, Name, Dialect, Address string
				Since                            int64
			}
			Next string
		}
		return &page, func() string {
			for _, s := range page.Sessions {
				age := time.Since(time.UnixMilli(s.Since)).Round(time.Second)
				rows = append(rows, []string{s.ID, dash(s.User), dash(s.Name), s.Dialect, s.Address, age.String()})
			}
			page.Sessions = nil
			return page.Next
		}
	})
	if err != nil {
		return err
	}
	return o.table("SESSION USER NAME DIALECT ADDRESS AGE", rows)
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func (o *operator) sanctions(*cobra.Command, []string) error {
	var answer struct {
		Sanctions []struct {
			Kind, Room, User string
			Until            int64
		}
	}
	if err := o.call("GET", o.path("/sanctions", nil), nil, &answer); err != nil {
		return err
	}
	var rows [][]string
	for _, s := range answer.Sanctions {
		until := "for ever"
		if s.Until > 0 {
			until = time.UnixMilli(s.Until).Format(time.DateTime)
		}
		rows = append(rows, []string{s.Kind, s.User, dash(s.Room), until})
	}
	return o.table("KIND USER ROOM UNTIL", rows)
}

func (o *operator) sentence(cmd *cobra.Command, what, user string) error {
	room, _ := cmd.Flags().GetString("room")
	body := map[string]any{"user": user, "room": room}
	if length, err := cmd.Flags().GetString("for"); err == nil && length != "" {
		body["for"] = length
		if length == "0" {
			body["for"] = 0
		}
	}
	return o.call("POST", o.path("/"+what, nil), body, nil)
}

func (o *operator) announce(_ *cobra.Command, args []string) error {
	room, text := "", args[len(args)-1]
	if len(args) > 1 {
		room = args[0]
		if room == "" {
			return errors.New("the room's name is empty; leave it out for all rooms")
		}
	}
	var answer struct{ Rooms *int }
	err := o.call("POST", o.path("/announce", nil), map[string]any{"room": room, "body": map[string]string{"text": text}}, &answer)
	if err == nil && answer.Rooms != nil && !o.json {
		fmt.Printf("announced in %d rooms\n", *answer.Rooms)
	}
	return err
}

func (o *operator) recall(_ *cobra.Command, args []string) error {
	seq := json.Number(args[1])
	if _, err := seq.Int64(); err != nil {
		return fmt.Errorf("%q is not the number of a message", args[1])
	}
	return o.call("POST", o.path("/recall", nil), map[string]any{"room": args[0], "seq": seq}, nil)
}

func mintToken(cmd *cobra.Command, args []string) error {
	secret := os.Getenv("CHAT_SECRET")
	if secret == "" {
		return errors.New("CHAT_SECRET is not set: it must be the secret of auth jwt")
	}
	life, _ := cmd.Flags().GetDuration("for")
	claims := jwt.MapClaims{"sub": args[0], "exp": time.Now().Add(life).Unix()}
	if name, _ := cmd.Flags().GetString("name"); name != "" {
		claims["name"] = name
	}
	further, _ := cmd.Flags().GetStringToString("claim")
	for name, value := range further {
		claims[name] = value
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err != nil {
		return err
	}
	fmt.Println(token)
	return nil
}
