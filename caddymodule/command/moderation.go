package command

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// moderate sends a kick, mute or ban.
func (in *invocation) moderate(cmd *cobra.Command, action, user string) error {
	room, _ := cmd.Flags().GetString("room")
	body := map[string]any{"user": user, "room": room}
	if duration, err := cmd.Flags().GetString("for"); err == nil && duration != "" {
		body["for"] = duration
	}
	return in.call("POST", in.path("/"+action, nil), body, nil)
}

func (in *invocation) announce(_ *cobra.Command, args []string) error {
	room, text := "", args[len(args)-1]
	if len(args) > 1 {
		room = args[0]
		if room == "" {
			return errors.New("the name of the room is empty; leave it out to announce in all rooms")
		}
	}
	var answer struct{ Rooms *int }
	err := in.call("POST", in.path("/announce", nil), map[string]any{"room": room, "body": map[string]string{"text": text}}, &answer)
	if err == nil && answer.Rooms != nil && !in.json {
		fmt.Printf("announced in %d rooms\n", *answer.Rooms)
	}
	return err
}

func (in *invocation) recall(_ *cobra.Command, args []string) error {
	seq := json.Number(args[1])
	if _, err := seq.Int64(); err != nil {
		return fmt.Errorf("%q is not the number of a message", args[1])
	}
	return in.call("POST", in.path("/recall", nil), map[string]any{"room": args[0], "seq": seq}, nil)
}
