package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Key lets a program of the site act in a hub over HTTP. What it may do is said by its
// scopes alone: no policy, no membership, no mute and no ban binds it.
type Key struct {
	// Name is shown: the key acts as the user with the id bot- and this name.
	Name string
	// Secrets are accepted, each by itself, so that one can replace another.
	Secrets []Secret

	// Read, Write, Moderate and Members are patterns of the rooms in which the key may
	// read, write, moderate, and found conversations and change them.
	Read, Write, Moderate, Members []string
	// As are patterns of the ids of users in whose names the key may act.
	As []string
	// Users lets the key see and change what is kept of users.
	Users bool
	// Feed lets the key read what happens in all rooms that it may read.
	Feed bool
	// From are the addresses that the key may come from. Empty: all.
	From []netip.Prefix
}

// Secret is the SHA-256 of a key's secret. The secret itself is kept nowhere.
type Secret [sha256.Size]byte

// MinSecret is how many characters a key's secret has at least.
const MinSecret = 32

// NewSecret returns the hash of a secret. The error does not repeat it.
func NewSecret(text string) (Secret, error) {
	if n := len(text); n < MinSecret {
		return Secret{}, fmt.Errorf("a secret needs at least %d characters, and this has %d: make one with openssl rand -hex 32", MinSecret, n)
	}
	if strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return Secret{}, errors.New("a secret must be printable ASCII without spaces, since it stands in the header Authorization")
	}
	return sha256.Sum256([]byte(text)), nil
}

// Bot is the user that the key acts as.
func (k *Key) Bot() journal.User { return journal.User{ID: "bot-" + k.Name, Name: k.Name} }

// Keys are those of a site.
type Keys []Key

// Find returns the key that has this secret, or nil. It takes as long for any text.
func (ks Keys) Find(secret string) (found *Key) {
	if len(ks) == 0 || secret == "" {
		return nil
	}
	shown := sha256.Sum256([]byte(secret))
	for i := range ks {
		for j := range ks[i].Secrets {
			if subtle.ConstantTimeCompare(shown[:], ks[i].Secrets[j][:]) == 1 {
				found = &ks[i]
			}
		}
	}
	return found
}

// Named returns the key of that name, or nil.
func (ks Keys) Named(name string) *Key {
	for i := range ks {
		if ks[i].Name == name {
			return &ks[i]
		}
	}
	return nil
}

// keyName matches names. A secret is longer: one in the place of the name is no name.
var keyName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,30}$`)

// CheckKeyName returns an error that does not repeat what is no name.
func CheckKeyName(name string) error {
	if keyName.MatchString(name) {
		return nil
	}
	return errors.New("a key has a name of 1 to 31 letters, digits and -_. that does not begin with a dot; its secrets stand behind the name")
}

// Validate returns an error that names the first key that makes no sense.
func (ks Keys) Validate() error {
	for i := range ks {
		k := &ks[i]
		if err := k.Validate(); err != nil {
			return err
		}
		for _, before := range ks[:i] {
			if before.Name == k.Name {
				return fmt.Errorf("key %q stands twice: one key may have several secrets", k.Name)
			}
			for _, s := range k.Secrets {
				if slices.Contains(before.Secrets, s) {
					return fmt.Errorf("key %q has a secret of key %q: each needs its own", k.Name, before.Name)
				}
			}
		}
	}
	return nil
}

// Validate returns an error if the key makes no sense, whatever the others are.
func (k *Key) Validate() error {
	if err := CheckKeyName(k.Name); err != nil {
		return err
	}
	if len(k.Secrets) == 0 {
		return fmt.Errorf("key %q has no secret", k.Name)
	}
	for i, s := range k.Secrets {
		if slices.Contains(k.Secrets[:i], s) {
			return fmt.Errorf("key %q has a secret twice", k.Name)
		}
	}
	if len(k.Read)+len(k.Write)+len(k.Moderate)+len(k.Members) == 0 && !k.Users && !k.Feed {
		return fmt.Errorf("key %q may do nothing: give it read, write, moderate, members, users or feed", k.Name)
	}
	if k.Feed && len(k.Read) == 0 {
		return fmt.Errorf("key %q has feed, but read names no room, so it would hear nothing: give it read, such as read *, or leave feed out", k.Name)
	}
	return k.ValidateOptions()
}

// ValidateOptions returns an error if an option of the key makes no sense, whatever the
// others are.
func (k *Key) ValidateOptions() error {
	for _, scope := range k.scopes() {
		for i, p := range scope.patterns {
			if strings.Contains(p, userSlot) {
				return fmt.Errorf("key %q: %s %q: %s is for policies; use * here", k.Name, scope.name, p, userSlot)
			}
			if err := CheckPattern(p); err != nil {
				return fmt.Errorf("key %q: %s: %w", k.Name, scope.name, err)
			}
			if scope.name == "members" && journal.IsReserved(p) {
				return fmt.Errorf("key %q: members %q names no conversation: rooms whose names begin with @ are none", k.Name, p)
			}
			if scope.name != "as" && journal.IsReserved(p) && (!strings.Contains(p, "*") && !IsOwnRoom(p) || IsReservedUser(p[1:])) {
				return fmt.Errorf("key %q: %s %q matches no room of a user: these are @ and the id of somebody whom this server lets in", k.Name, scope.name, p)
			}
			if slices.Contains(scope.patterns[:i], p) {
				return fmt.Errorf("key %q: %s has %q twice", k.Name, scope.name, p)
			}
		}
	}
	for i, from := range k.From {
		if !from.IsValid() || from != from.Masked() {
			return fmt.Errorf("key %q: from %s is not a network: its bits behind the prefix must be 0", k.Name, from)
		}
		if slices.Contains(k.From[:i], from) {
			return fmt.Errorf("key %q: from has %s twice", k.Name, from)
		}
	}
	for _, p := range k.As {
		if IsReservedUser(p) {
			return fmt.Errorf("key %q: as %q: ids that begin with bot- or hub- belong to the server", k.Name, p)
		}
	}
	return nil
}

type keyScope struct {
	name     string
	patterns []string
}

func (k *Key) scopes() []keyScope {
	return []keyScope{{"read", k.Read}, {"write", k.Write}, {"moderate", k.Moderate}, {"members", k.Members}, {"as", k.As}}
}

// MayComeFrom reports whether the key may be used from an address. One that is not known,
// of a Unix socket, is none of a network.
func (k *Key) MayComeFrom(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	return len(k.From) == 0 || slices.ContainsFunc(k.From, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// MayActAs reports whether the key may act in the name of a user.
func (k *Key) MayActAs(user string) bool {
	return !IsReservedUser(user) && slices.ContainsFunc(k.As, func(p string) bool { return glob(p, user) })
}

// Governs reports whether the key may found a conversation of this name, and change it.
func (k *Key) Governs(room string) bool { return isOf(k.Members, room) }

// governsAll is Governs for all names that the server may make of a pattern: its star is any
// text, so only a star of the key can stand for it.
func (k *Key) governsAll(pattern string) bool {
	return !journal.IsReserved(pattern) && slices.ContainsFunc(k.Members, func(p string) bool { return glob(p, pattern) })
}

// isOf reports whether a room is one of those that the patterns of a key mean. Of the
// server's rooms, these can be the own rooms of users. The empty name is the hub.
func isOf(patterns []string, room string) bool {
	if journal.IsReserved(room) && !IsOwnRoom(room) {
		return false
	}
	return slices.ContainsFunc(patterns, func(p string) bool {
		if room == "" {
			return p == "*"
		}
		ok, _ := match(p, room, "")
		return ok
	})
}

// ForKey returns what a key may do in a room, or in the hub if the name is empty.
func (ps Policies) ForKey(k *Key, room string) Rights {
	r := Rights{
		Read: isOf(k.Read, room), Write: isOf(k.Write, room), Moderate: isOf(k.Moderate, room),
		Invite: k.Governs(room), Presence: true,
	}
	if p := ps.Conversation(room); p != nil && !journal.IsReserved(room) {
		r.Conversation, r.Direct, r.MaxMembers, r.Receipts = true, p.Direct, p.Seats(), p.Receipts
	}
	return r
}

// ForOperator returns what the operator may do in a room: everything, in those that do not
// belong to the server.
func (ps Policies) ForOperator(room string) Rights {
	if journal.IsReserved(room) {
		return Rights{}
	}
	r := Rights{Read: true, Write: true, Moderate: true, Invite: true, Presence: true}
	if p := ps.Conversation(room); p != nil {
		r.Conversation, r.Direct, r.MaxMembers = true, p.Direct, p.Seats()
	}
	return r
}

// FoundedBy returns the policy whose rooms a key may found, as Founding does for users.
func (ps Policies) FoundedBy(k *Key, direct bool, pattern string) (*Policy, bool) {
	for i := range ps {
		p := &ps[i]
		if p.Direct == direct && p.IsConversation() && len(p.Create) > 0 && (pattern == "" || pattern == p.Pattern) &&
			k.governsAll(p.Pattern) {
			return p, true
		}
	}
	return nil, false
}
