package command

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/spf13/cobra"

	"github.com/caddychat/caddy-chat/chat/identity"
)

func printToken(cmd *cobra.Command, args []string) error {
	secret := os.Getenv("CHAT_SECRET")
	if secret == "" {
		return errors.New("CHAT_SECRET is not set: it must be the secret of auth jwt")
	}
	if _, err := identity.Secret([]byte(secret)); err != nil {
		return fmt.Errorf("CHAT_SECRET: %w", err) // auth jwt refuses it, too
	}
	life, _ := cmd.Flags().GetDuration("for")
	claims := jwt.MapClaims{"sub": args[0], "exp": time.Now().Add(life).Unix()}
	if name, _ := cmd.Flags().GetString("name"); name != "" {
		claims["name"] = name
	}
	more, _ := cmd.Flags().GetStringToString("claim")
	for name, value := range more {
		claims[name] = value
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err != nil {
		return err
	}
	fmt.Println(token)
	return nil
}
