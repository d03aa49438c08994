package caddymodule

import (
	"fmt"
	"maps"
	"math"
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

// parseOptions reads the options of a block, each with its function. An option may
// be set once, except those in repeatable. blockName is how errors name the block.
func parseOptions(d *caddyfile.Dispenser, nesting int, blockName string, options map[string]func() error, repeatable ...string) error {
	seen := map[string]bool{}
	for d.NextBlock(nesting) {
		option := d.Val()
		parse, ok := options[option]
		if !ok {
			return d.Errf("%s: unknown option %q; there are %s", blockName, option, strings.Join(slices.Sorted(maps.Keys(options)), ", "))
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

// parseBlock reads the block of an option that has no more arguments.
func parseBlock(d *caddyfile.Dispenser, blockName string, options map[string]func() error, repeatable ...string) error {
	if d.NextArg() {
		return d.Errf("chat: %s: %q is one word too many; options stand in the block behind {, each in a line of its own", blockName, d.Val())
	}
	return parseOptions(d, d.Nesting(), "chat: "+blockName, options, repeatable...)
}

// parseAndAppend reads an option that may be set several times.
func parseAndAppend[T any](d *caddyfile.Dispenser, parse func(*caddyfile.Dispenser) (T, error), to *[]T) error {
	value, err := parse(d)
	if err == nil {
		*to = append(*to, value)
	}
	return err
}

// replaced returns a value of the configuration with its placeholders replaced. Each must
// stand for something. The error has nothing else of the value, which may be a secret.
func replaced(text string) (string, error) {
	value, err := caddy.NewReplacer().ReplaceOrErr(text, true, true)
	if err != nil {
		return "", fmt.Errorf("%w; a variable of the environment must be set for Caddy itself", err)
	}
	return value, nil
}

// emptyValue is the error for "", which would quietly mean the default.
const emptyValue = `chat: %s has the value "": give it one, or leave the option out; is a variable of the environment not set?`

// oneValue reads the value of an option that takes exactly one, and no block.
func oneValue(d *caddyfile.Dispenser) (string, error) {
	option := d.Val()
	if !d.NextArg() {
		return "", d.Errf("chat: %s needs a value", option)
	}
	value := d.Val()
	if value == "" {
		return "", d.Errf(emptyValue, option)
	}
	if d.NextArg() {
		return "", d.Errf("chat: %s takes one value", option)
	}
	return value, noBlock(d, option)
}

// withCheck returns the error of parsing an option, or else that of a check of its value.
func withCheck(d *caddyfile.Dispenser, err error, check func() error) error {
	if err == nil {
		if err = check(); err != nil {
			err = d.Errf("chat: %s", strings.TrimPrefix(err.Error(), "chat: "))
		}
	}
	return err
}

// eachChecked returns options whose functions also call check, so that its error has the
// line of the option.
func eachChecked(d *caddyfile.Dispenser, check func() error, options map[string]func() error) map[string]func() error {
	for name, parse := range options {
		options[name] = func() error { return withCheck(d, parse(), check) }
	}
	return options
}

// checkModule returns an error that lists the alternatives if a namespace has no module
// of that name.
func checkModule(d *caddyfile.Dispenser, option, namespace, name string) error {
	var names []string
	for _, m := range caddy.GetModules(namespace) {
		names = append(names, m.ID.Name())
	}
	if slices.Contains(names, name) {
		return nil
	}
	return d.Errf("chat: unknown %s %q; there are %s", option, name, strings.Join(names, ", "))
}

func noBlock(d *caddyfile.Dispenser, option string) error {
	if d.NextBlock(d.Nesting()) {
		return d.Errf("chat: %s has no block", option)
	}
	return nil
}

// noValue is for an option that is only there or not.
func noValue(d *caddyfile.Dispenser, option string) error {
	if d.NextArg() {
		return d.Errf("chat: %s takes no value, not %q", option, d.Val())
	}
	return noBlock(d, option)
}

func parseString(d *caddyfile.Dispenser, to *string) (err error) {
	*to, err = oneValue(d)
	return err
}

// parseSize reads a size in memory.
func parseSize(d *caddyfile.Dispenser, to *int64) error {
	option := d.Val()
	value, err := oneValue(d)
	if err != nil {
		return err
	}
	if *to, err = memorySize(value); err != nil {
		return d.Errf("chat: %s %v", option, err)
	}
	return nil
}

func memorySize(value string) (int64, error) {
	n, ok := parseBytes(value)
	if !ok || !bounds.Within(n) {
		return 0, fmt.Errorf("%q is not a size %v, such as 64KiB", value, bounds.Of[int64]())
	}
	return n, nil
}

// parseJournalSize reads the size of a journal.
func parseJournalSize(d *caddyfile.Dispenser, to *int64) error {
	option := d.Val()
	value, err := oneValue(d)
	if err != nil {
		return err
	}
	n, ok := parseBytes(value)
	if !ok || !bounds.Journal.Has(n) {
		return d.Errf("chat: %s %q is not a size %v, such as 10GiB", option, value, bounds.Journal)
	}
	*to = n
	return nil
}

// parseBytes reads a size. humanize takes 1,5MiB for 15 MiB.
func parseBytes(value string) (n int64, ok bool) {
	size, err := humanize.ParseBytes(value)
	return int64(min(size, math.MaxInt64)), err == nil && !strings.Contains(value, ",")
}

func parseNumber(d *caddyfile.Dispenser, to *int) error {
	option := d.Val()
	value, err := oneValue(d)
	if err != nil {
		return err
	}
	if *to, err = wholeNumber(value); err != nil {
		return d.Errf("chat: %s %v", option, err)
	}
	return nil
}

func wholeNumber(value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || !bounds.Within(n) {
		return 0, fmt.Errorf("%q is not a whole number %s", value, bounds.Of[int]())
	}
	return n, nil
}

func parseDuration(d *caddyfile.Dispenser, to *caddy.Duration) error {
	option := d.Val()
	value, err := oneValue(d)
	if err != nil {
		return err
	}
	n, err := caddy.ParseDuration(value)
	if err != nil || !bounds.Within(caddy.Duration(n)) {
		return d.Errf("chat: %s %q is not a duration %v, such as 25s", option, value, bounds.Of[caddy.Duration]())
	}
	*to = caddy.Duration(n)
	return nil
}

// parseSwitch reads on or off.
func parseSwitch(d *caddyfile.Dispenser, to *bool) error {
	option := d.Val()
	value, err := oneValue(d)
	if err != nil {
		return err
	}
	if value != "on" && value != "off" {
		return d.Errf("chat: %s is on or off, not %q", option, value)
	}
	*to = value == "on"
	return nil
}

// parseInverted reads on or off for a setting that is true when the option is off.
func parseInverted(d *caddyfile.Dispenser, to *bool) error {
	on := false
	err := parseSwitch(d, &on)
	*to = !on
	return err
}

func parseList(d *caddyfile.Dispenser, to *[]string) error {
	option := d.Val()
	*to = d.RemainingArgs()
	if len(*to) == 0 {
		return d.Errf("chat: %s needs at least one value", option)
	}
	if slices.Contains(*to, "") {
		return d.Errf(emptyValue, option)
	}
	return noBlock(d, option)
}
