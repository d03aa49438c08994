package command

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/caddychat/caddy-chat/caddymodule/admin"
)

func (in *invocation) hooks(*cobra.Command, []string) error {
	var list admin.WebhookList
	if err := in.call("GET", in.path("/webhooks", nil), nil, &list); err != nil {
		return err
	}
	var rows [][]string
	var remarks []string
	for _, w := range list.Webhooks {
		state, positions := "ok", []string{}
		for _, p := range w.Parts {
			positions = append(positions, orDash(p.Position))
			switch {
			case p.Stopped:
				state = "stopped"
			case p.Failing != "" && state == "ok":
				state = "failing"
			}
			if p.Failing != "" {
				remarks = append(remarks, fmt.Sprintf("%s: %s, since %s", w.Name, p.Failing, time.UnixMilli(p.Since).Format(time.DateTime)))
			}
		}
		rows = append(rows, []string{
			w.Name, w.URL, strings.Join(positions, ","), fmt.Sprint(w.Waiting), fmt.Sprintf("%.1fs", float64(w.Lag)/1000), fmt.Sprint(w.Delivered), state,
		})
	}
	err := in.printTable("WEBHOOK URL POSITION WAITING LAG DELIVERED STATE", rows)
	for _, remark := range remarks {
		err = errors.Join(err, in.say("%s", remark))
	}
	return err
}

// replay moves a webhook back.
func (in *invocation) replay(cmd *cobra.Command, args []string) error {
	since, from := text(cmd, "since"), text(cmd, "from")
	if (since == "") == (from == "") {
		return errors.New("--since with a duration like 2h is needed, or --from with a position; caddy chat hooks shows positions")
	}
	body := map[string]string{"webhook": args[0], "since": since}
	if from != "" {
		body = map[string]string{"webhook": args[0], "from": from}
	}
	var done admin.Replayed
	if err := in.call("POST", in.path("/replay", nil), body, &done); err != nil {
		return err
	}
	moved := false
	for _, p := range done.Parts {
		moved = moved || p.From != p.To
	}
	if !moved {
		return nothingf("webhook %s is there already, or further back: nothing is sent again", done.Webhook)
	}
	for _, p := range done.Parts {
		if err := in.say("webhook %s goes on from %s again, instead of %s", done.Webhook, p.To, p.From); err != nil {
			return err
		}
	}
	return nil
}
