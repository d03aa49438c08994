package caddymodule

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/chat/access"
)

// Key lets a program of the site act in the rooms of a hub over HTTP. What it may do is said
// by its scopes alone; no policy and no membership binds it. It shows its secret in the
// header `Authorization: Bearer`.
type Key struct {
	// The name: 1 to 31 letters, digits and `-_.`. The key acts as the user `bot-` and this
	// name. Required.
	Name string `json:"name"`

	// The secrets that are accepted, each of at least 32 characters. May contain
	// placeholders, such as `{env.CHAT_KEY}`. Several let one replace another. Required.
	Secrets []string `json:"secrets"`

	// The rooms, as patterns of their names, in which the key may read; write; recall,
	// mute, kick and ban; found conversations and change them. `@*` are the users' own
	// rooms. Default: none.
	Read     []string `json:"read,omitempty"`
	Write    []string `json:"write,omitempty"`
	Moderate []string `json:"moderate,omitempty"`
	Members  []string `json:"members,omitempty"`

	// The users, as patterns of their ids, in whose names the key may act. Default: none.
	As []string `json:"as,omitempty"`

	// Whether the key may see and change what is kept of users. Default: false.
	Users bool `json:"users,omitempty"`

	// Whether the key may read what happens in all rooms that it may read. Default: false.
	Feed bool `json:"feed,omitempty"`

	// The addresses and networks that the key may come from. Default: all.
	From []string `json:"from,omitempty"`
}

// toKeys converts keys to those of a hub.
func toKeys(configured []Key) (access.Keys, error) {
	var list access.Keys
	for i := range configured {
		k, err := configured[i].toChat(values.Replaced)
		if err != nil {
			return nil, err
		}
		list = append(list, k)
	}
	return list, list.Validate()
}

// toChat converts a key. value returns what a secret stands for.
func (k *Key) toChat(value func(string) (string, error)) (access.Key, error) {
	key := access.Key{
		Name: k.Name, Read: k.Read, Write: k.Write, Moderate: k.Moderate, Members: k.Members,
		As: k.As, Users: k.Users, Feed: k.Feed,
	}
	if err := access.CheckKeyName(k.Name); err != nil {
		return key, err
	}
	for _, text := range k.Secrets {
		text, err := value(text)
		if err != nil {
			return key, fmt.Errorf("key %q: %w", k.Name, err)
		}
		secret, err := access.NewSecret(text)
		if err != nil {
			return key, fmt.Errorf("key %q: %w", k.Name, err)
		}
		key.Secrets = append(key.Secrets, secret)
	}
	for _, text := range k.From {
		network, err := parseNetwork(text)
		if err != nil {
			return key, fmt.Errorf("key %q: from: %q is not an address or a network, such as 10.0.0.0/8", k.Name, text)
		}
		key.From = append(key.From, network)
	}
	return key, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		network, err := netip.ParsePrefix(text)
		if err == nil && network.Addr().Is4In6() && network.Bits() >= 96 {
			network = netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-96)
		}
		return network, err
	}
	addr, err := netip.ParseAddr(text)
	if err == nil && addr.Zone() != "" {
		err = errors.New("clients' addresses have no zone")
	}
	if err != nil {
		return netip.Prefix{}, err
	}
	return addr.Unmap().Prefix(addr.Unmap().BitLen())
}

// check returns what is wrong with a key before its placeholders stand for something.
func (k *Key) check() error { return k.checked((*access.Key).Validate) }

// checkOptions is check for what is wrong with an option whatever the others are.
func (k *Key) checkOptions() error { return k.checked((*access.Key).ValidateOptions) }

func (k *Key) checked(validate func(*access.Key) error) error {
	key, err := k.toChat(values.StandIn)
	if err != nil {
		return err
	}
	return validate(&key)
}

// checkKeys returns what is wrong with keys before their placeholders stand for something.
func checkKeys(keys []Key) error {
	names := map[string]bool{}
	for i := range keys {
		if err := keys[i].check(); err != nil {
			return err
		}
		if names[keys[i].Name] {
			return fmt.Errorf("key %q stands twice: one key may have several secrets", keys[i].Name)
		}
		names[keys[i].Name] = true
	}
	return nil
}

// parseKey reads one option key. Syntax:
//
//	key <name> <secret...> {
//	    read     <pattern...>
//	    write    <pattern...>
//	    moderate <pattern...>
//	    members  <pattern...>
//	    as       <pattern...>
//	    users
//	    feed
//	    from     <address or network...>
//	}
func parseKey(d *caddyfile.Dispenser) (k Key, err error) {
	args := d.RemainingArgs()
	if len(args) < 2 {
		return k, d.Err("chat: key needs a name and a secret, such as key orders {env.CHAT_KEY} { … }")
	}
	k.Name, k.Secrets = args[0], args[1:]
	for _, secret := range k.Secrets {
		if secret == "" {
			return k, d.Errf(values.Empty, "key")
		}
	}
	if err := access.CheckKeyName(k.Name); err != nil {
		return k, d.Errf("chat: %v", err)
	}
	options := map[string]func() error{
		"users": func() error { k.Users = true; return values.Nothing(d, "users") },
		"feed":  func() error { k.Feed = true; return values.Nothing(d, "feed") },
	}
	for name, to := range map[string]*[]string{
		"read": &k.Read, "write": &k.Write, "moderate": &k.Moderate, "members": &k.Members, "as": &k.As, "from": &k.From,
	} {
		options[name] = func() error { return values.List(d, to) }
	}
	return k, values.Checked(d, values.Block(d, "key", values.EachChecked(d, k.checkOptions, options)), k.check)
}
