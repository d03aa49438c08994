// Package values reads options of the directive chat in a Caddyfile: blocks and values.
//
// # Files
//
//	values.go  options, their values, and what is wrong with them
package values

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"

	"github.com/caddychat/caddy-chat/caddymodule/internal/bounds"
)

// The functions in this file are called when the dispenser is at the name of an
// option. Their errors name the option; d.Errf adds file and line.

// Options reads the options of a block, each with its function. An option may
// be set once, except those in repeatable. blockName is how errors name the block.
func Options(d *caddyfile.Dispenser, nesting int, blockName string, options map[string]func() error, repeatable ...string) error {
	seen := map[string]bool{}
	for d.NextBlock(nesting) {
		option := d.Val()
		parse, ok := options[option]
		if !ok {
			return d.Errf("%s: unknown option %q; there are %s", blockName, Shown(option), strings.Join(slices.Sorted(maps.Keys(options)), ", "))
		}
		if seen[option] && !slices.Contains(repeatable, option) {
			return d.Errf("%s: %s is set twice", blockName, option)
		}
		seen[option] = true
		if err := parse(); err != nil {
			return err
		}
	}
	return nil
}

// Shown is what is in the wrong place, for an error. A word is left out if it may be a secret, which has at least
// 32 bytes, or an address with a password.
func Shown(words string) string {
	list := strings.Split(words, " ")
	for i, word := range list {
		if len(word) >= 32 || strings.Contains(word, "://") || strings.HasPrefix(word, "whsec_") {
			list[i] = "…"
		}
	}
	return strings.Join(list, " ")
}

// Block reads the block of an option that has no more arguments.
func Block(d *caddyfile.Dispenser, blockName string, options map[string]func() error, repeatable ...string) error {
	if d.NextArg() {
		return d.Errf("chat: %s: %q is one word too many; options stand in the block behind {, each in a line of its own", blockName, Shown(d.Val()))
	}
	return Options(d, d.Nesting(), "chat: "+blockName, options, repeatable...)
}

// Append reads an option that may be set several times.
func Append[T any](d *caddyfile.Dispenser, parse func(*caddyfile.Dispenser) (T, error), to *[]T) error {
	value, err := parse(d)
	if err == nil {
		*to = append(*to, value)
	}
	return err
}

// Replaced returns a value of the configuration with its placeholders Replaced. Each must
// stand for something. The error has nothing else of the value, which may be a secret.
func Replaced(text string) (string, error) {
	value, err := caddy.NewReplacer().ReplaceOrErr(text, true, true)
	if err != nil {
		return "", fmt.Errorf("%w; a variable of the environment must be set for Caddy itself", err)
	}
	return value, nil
}

// CheckVariables returns an error if a text has a variable of the environment that is not set, or is
// empty. Its other placeholders may stand for something later.
func CheckVariables(text string) error {
	for _, behind := range strings.Split(text, "{env.")[1:] {
		if name, _, found := strings.Cut(behind, "}"); found && !strings.Contains(name, ":") && os.Getenv(name) == "" {
			return fmt.Errorf("%q: the variable of the environment %s is not set; it must be set for Caddy itself", text, name)
		}
	}
	return nil
}

// StandIn is for checks before placeholders are replaced. It returns a secret as it is, or
// instead of one with placeholders another of the form of Standard Webhooks: the same one for
// the same placeholders. The error is always nil.
func StandIn(secret string) (string, error) {
	if !strings.Contains(secret, "{") {
		return secret, nil
	}
	sum := sha256.Sum256([]byte(secret))
	return "whsec_" + base64.StdEncoding.EncodeToString(sum[:24]), nil
}

// Empty is the error for "", which would quietly mean the default.
const Empty = `chat: %s has the value "": give it one, or leave the option out; is a variable of the environment not set?`

// One reads the value of an option that takes exactly one, and no block.
func One(d *caddyfile.Dispenser) (string, error) {
	option := d.Val()
	if !d.NextArg() {
		return "", d.Errf("chat: %s needs a value", option)
	}
	value := d.Val()
	if value == "" {
		return "", d.Errf(Empty, option)
	}
	if d.NextArg() {
		return "", d.Errf("chat: %s takes one value", option)
	}
	return value, NoBlock(d, option)
}

// Checked returns the error of parsing an option, or else that of a check of its value.
func Checked(d *caddyfile.Dispenser, err error, check func() error) error {
	if err == nil {
		if err = check(); err != nil {
			err = d.Errf("chat: %s", strings.TrimPrefix(err.Error(), "chat: "))
		}
	}
	return err
}

// CheckTwice returns an error if two modules of an option are one with the same settings: the
// second could do nothing that the first has not done.
func CheckTwice(option string, modules []json.RawMessage) error {
	for i, one := range modules {
		for j := range i {
			var a, b any
			if json.Unmarshal(one, &a) == nil && json.Unmarshal(modules[j], &b) == nil && reflect.DeepEqual(a, b) {
				return fmt.Errorf("%s %d and %d are the same: remove one", option, j+1, i+1)
			}
		}
	}
	return nil
}

// EachChecked returns options whose functions also call check, so that its error has the
// line of the option.
func EachChecked(d *caddyfile.Dispenser, check func() error, options map[string]func() error) map[string]func() error {
	for name, parse := range options {
		options[name] = func() error { return Checked(d, parse(), check) }
	}
	return options
}

// CheckModule returns an error that lists the alternatives if a namespace has no module
// of that name.
func CheckModule(d *caddyfile.Dispenser, option, namespace, name string) error {
	var names []string
	for _, m := range caddy.GetModules(namespace) {
		names = append(names, m.ID.Name())
	}
	if slices.Contains(names, name) {
		return nil
	}
	return d.Errf("chat: unknown %s %q; there are %s", option, Shown(name), strings.Join(names, ", "))
}

// NoBlock refuses a block behind an option that has none.
func NoBlock(d *caddyfile.Dispenser, option string) error {
	if d.NextBlock(d.Nesting()) {
		return d.Errf("chat: %s has no block", option)
	}
	return nil
}

// String reads one text.
func String(d *caddyfile.Dispenser, to *string) (err error) {
	*to, err = One(d)
	return err
}

// Size reads a size in memory, which is a field of settings.
func Size(d *caddyfile.Dispenser, settings any, to *int64) error {
	option := d.Val()
	value, err := One(d)
	if err != nil {
		return err
	}
	within := bounds.At(settings, to)
	n, ok := Bytes(value)
	if !ok || !within.Has(n) {
		return d.Errf("chat: %s %q is not a size %v, such as 64KiB", option, Shown(value), within)
	}
	*to = n
	return nil
}

// MemorySize reads the text of a size in memory.
func MemorySize(value string) (int64, error) {
	n, ok := Bytes(value)
	if !ok || !bounds.Within(n) {
		return 0, fmt.Errorf("%q is not a size %v, such as 64KiB", Shown(value), bounds.Of[int64]())
	}
	return n, nil
}

// JournalSize reads the size of a journal.
func JournalSize(d *caddyfile.Dispenser, to *int64) error {
	option := d.Val()
	value, err := One(d)
	if err != nil {
		return err
	}
	n, ok := Bytes(value)
	if !ok || !bounds.Journal.Has(n) {
		return d.Errf("chat: %s %q is not a size %v, such as 10GiB", option, Shown(value), bounds.Journal)
	}
	*to = n
	return nil
}

// Bytes reads a size. humanize takes 1,5MiB for 15 MiB.
func Bytes(value string) (n int64, ok bool) {
	size, err := humanize.ParseBytes(value)
	return int64(min(size, math.MaxInt64)), err == nil && !strings.Contains(value, ",")
}

// Number reads a whole number, which is a field of settings.
func Number(d *caddyfile.Dispenser, settings any, to *int) error {
	option := d.Val()
	value, err := One(d)
	if err != nil {
		return err
	}
	if *to, err = number(value, bounds.At(settings, to)); err != nil {
		return d.Errf("chat: %s %v", option, err)
	}
	return nil
}

// WholeNumber reads the text of a whole number with the usual bounds.
func WholeNumber(value string) (int, error) { return number(value, bounds.Of[int]()) }

// NumberOf reads the text of a whole number, which is a field of settings.
func NumberOf(value string, settings any, of *int) (int, error) {
	return number(value, bounds.At(settings, of))
}

func number(value string, within bounds.Bounds) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || !bounds.Hold(within, n) {
		return 0, fmt.Errorf("%q is not a whole number %s", Shown(value), within)
	}
	return n, nil
}

// Duration reads a duration, which is a field of settings.
func Duration(d *caddyfile.Dispenser, settings any, to *caddy.Duration) error {
	option := d.Val()
	value, err := One(d)
	if err != nil {
		return err
	}
	within := bounds.At(settings, to)
	n, err := caddy.ParseDuration(value)
	if err != nil || !bounds.Hold(within, caddy.Duration(n)) {
		return d.Errf("chat: %s %q is not a duration %v, such as 25s", option, Shown(value), within)
	}
	*to = caddy.Duration(n)
	return nil
}

// Switch reads on or off.
func Switch(d *caddyfile.Dispenser, to *bool) error {
	option := d.Val()
	value, err := One(d)
	if err != nil {
		return err
	}
	if value != "on" && value != "off" {
		return d.Errf("chat: %s is on or off, not %q", option, Shown(value))
	}
	*to = value == "on"
	return nil
}

// Inverted reads on or off for a setting that is true when the option is off.
func Inverted(d *caddyfile.Dispenser, to *bool) error {
	on := false
	err := Switch(d, &on)
	*to = !on
	return err
}

// List reads one or more texts.
func List(d *caddyfile.Dispenser, to *[]string) error {
	option := d.Val()
	*to = d.RemainingArgs()
	if len(*to) == 0 {
		return d.Errf("chat: %s needs at least one value", option)
	}
	if slices.Contains(*to, "") {
		return d.Errf(Empty, option)
	}
	return NoBlock(d, option)
}

// Nothing is for an option that is only there or not.
func Nothing(d *caddyfile.Dispenser, option string) error {
	if d.NextArg() {
		return d.Errf("chat: %s takes no value, not %q", option, Shown(d.Val()))
	}
	return NoBlock(d, option)
}
