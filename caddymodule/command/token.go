package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/spf13/cobra"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/identity"
)

func (in *invocation) token(cmd *cobra.Command, args []string) error {
	secret := os.Getenv("CHAT_SECRET")
	if secret == "" {
		return errors.New("CHAT_SECRET is not set: it must be the secret of auth jwt")
	}
	// The server refuses the following, too.
	if _, err := identity.Secret([]byte(secret)); err != nil {
		return fmt.Errorf("CHAT_SECRET: %w", err)
	}
	if err := identity.CheckUser(args[0]); err != nil {
		return fmt.Errorf("user %q: %w", args[0], err)
	}
	if access.IsReservedUser(args[0]) {
		return fmt.Errorf("user %q: such ids belong to the server", args[0])
	}
	life, err := lifetime(cmd)
	if err != nil {
		return err
	}
	expires := time.Now().Add(life)
	claims := jwt.MapClaims{"sub": args[0], "exp": expires.Unix()}
	if name := text(cmd, "name"); name != "" {
		claims["name"] = name
	}
	more, _ := cmd.Flags().GetStringToString("claim")
	for name, value := range more {
		if claims[name] != nil {
			return fmt.Errorf("--claim %s: this claim is set already", name)
		}
		claims[name] = value
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err != nil {
		return err
	}
	if in.json {
		return json.NewEncoder(in.out).Encode(map[string]any{"token": token, "expires": expires.UnixMilli()})
	}
	_, err = fmt.Fprintln(in.out, token)
	return err
}
