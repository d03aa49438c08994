package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/spf13/cobra"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/identity"
)

// claimValue returns what a claim of --claim is in the token: some claims are no text.
func claimValue(name, text string) (any, error) {
	switch name {
	case "nbf", "iat":
		at, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("--claim %s: it is a time in seconds since 1970, not %q", name, text)
		}
		return at, nil
	case "chat":
		var object map[string][]string
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			return nil, fmt.Errorf(`--claim chat: it is an object like {"read":["tea"]}, not %q`, text)
		}
		return object, nil
	}
	return text, nil
}

// acceptable returns why auth jwt would never accept a token.
func acceptable(token string, key identity.Key) (never error) {
	server := identity.JWT{Keys: []identity.Key{key}, Refused: func(err error) {
		if !errors.Is(err, jwt.ErrTokenNotValidYet) && !errors.Is(err, jwt.ErrTokenUsedBeforeIssued) {
			never = fmt.Errorf("the server would refuse this token: %w", err)
		}
	}}
	_, _ = server.Authenticate(context.Background(), access.Credential{Token: token})
	return never
}

func (in *invocation) token(cmd *cobra.Command, args []string) error {
	secret := os.Getenv("CHAT_SECRET")
	if secret == "" {
		return errors.New("CHAT_SECRET is not set: it must be the secret of auth jwt")
	}
	// The server refuses the following, too.
	key, err := identity.Secret([]byte(secret))
	if err != nil {
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
	if life < time.Second {
		return errors.New("--for must be at least 1s: a token has whole seconds")
	}
	expires := time.Unix(time.Now().Add(life+time.Second-1).Unix(), 0) // rounded up: it lives for as long as it says
	claims := jwt.MapClaims{"sub": args[0], "exp": expires.Unix()}
	if name := text(cmd, "name"); name != "" {
		claims["name"] = name
	}
	more, _ := cmd.Flags().GetStringToString("claim")
	for name, value := range more {
		if name == "" {
			return errors.New("--claim: the name before = is missing")
		}
		if claims[name] != nil {
			return fmt.Errorf("--claim %s: this claim is set already", name)
		}
		if claims[name], err = claimValue(name, value); err != nil {
			return err
		}
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err == nil {
		err = acceptable(token, key)
	}
	if err != nil {
		return err
	}
	if in.json {
		return json.NewEncoder(in.out).Encode(map[string]any{"token": token, "expires": expires.UnixMilli()})
	}
	_, err = fmt.Fprintln(in.out, token)
	return err
}
