// Package bounds has the least and the greatest value of each setting. One table holds for
// a Caddyfile and for JSON.
//
// # Files
//
//	bounds.go  the bounds of types, and the check of a struct
package bounds

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/dustin/go-humanize"
)

// Bounds are a least and a greatest value, with a space between them.
type Bounds string

// Disk are the bounds of sizes of what is stored. Numbers up to 8 PiB are exact in the
// floating-point numbers through which the Caddyfile adapter passes them.
const Disk Bounds = "1B 8PiB"

// Journal are the bounds of a journal's size. With less, such as a size whose unit was
// forgotten, messages would be deleted as soon as they are said.
const Journal Bounds = "1MiB 8PiB"

// usual has the bounds of settings of a type. A field with others has them in its tag
// `bounds`. Twice the longest duration is still one.
var usual = map[reflect.Type]Bounds{
	reflect.TypeFor[int]():            "1 2147483647",
	reflect.TypeFor[int64]():          "1B 2047MiB", // sizes
	reflect.TypeFor[float64]():        "0.000001 2147483647",
	reflect.TypeFor[caddy.Duration](): "1ms 36500d",
}

// Of returns the usual bounds of the values of a type: a number, a size or a duration.
func Of[T int | int64 | caddy.Duration]() Bounds { return usual[reflect.TypeFor[T]()] }

// At returns the bounds of one field of a struct. Both are pointers.
func At(settings, field any) Bounds {
	v := reflect.ValueOf(settings).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.CanInterface() && f.Addr().Interface() == field {
			if b := Bounds(v.Type().Field(i).Tag.Get("bounds")); b != "" {
				return b
			}
		}
	}
	return usual[reflect.TypeOf(field).Elem()]
}

// String returns the bounds in words.
func (b Bounds) String() string { return "from " + strings.Replace(string(b), " ", " to ", 1) }

// Within reports whether n is within the usual bounds of its type.
func Within[T int | int64 | caddy.Duration](n T) bool {
	return Of[T]().has(float64(n), reflect.TypeFor[T]())
}

// Has reports whether a size is within b.
func (b Bounds) Has(size int64) bool { return Hold(b, size) }

// Hold reports whether a value is within b.
func Hold[T int | int64 | caddy.Duration](b Bounds, n T) bool {
	return b.has(float64(n), reflect.TypeFor[T]())
}

// Check returns an error for the first number in a struct that is out of its bounds, for the first
// list without elements, and for what a method CheckBounds of a struct in it refuses. The error names
// the field as the JSON does. 0 is the default, and not out of bounds. A list that is not there is the
// default, too, which is often the widest: whoever writes an empty one means the contrary.
func Check(settings any) error { return check("", "", reflect.Indirect(reflect.ValueOf(settings))) }

func check(name string, b Bounds, v reflect.Value) error {
	var n float64
	switch v.Kind() {
	case reflect.Struct:
		err := checkFields(name, v)
		if c, ok := v.Interface().(interface{ CheckBounds() error }); ok && err == nil {
			if err = c.CheckBounds(); err != nil {
				err = fmt.Errorf("%s %w", name, err)
			}
		}
		return err
	case reflect.Slice:
		if v.Len() == 0 && !v.IsNil() {
			return fmt.Errorf("%s is an empty list: leave it out if you mean its default", name)
		}
		for i := range v.Len() {
			if err := check(fmt.Sprintf("%s[%d]", name, i), b, v.Index(i)); err != nil {
				return err
			}
		}
		return nil
	case reflect.Int, reflect.Int64:
		n = float64(v.Int())
	case reflect.Float64:
		n = v.Float()
	default:
		return nil
	}
	if b == "" {
		b = usual[v.Type()]
	}
	if n == 0 || b.has(n, v.Type()) {
		return nil
	}
	value := v.Interface()
	if d, ok := value.(caddy.Duration); ok {
		value = time.Duration(d)
	}
	return fmt.Errorf("%s must be %v, not %v", name, b, value)
}

func checkFields(name string, v reflect.Value) error {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if key == "-" || !field.IsExported() {
			continue
		}
		of := strings.TrimPrefix(name+"."+key, ".")
		if field.Anonymous {
			of = name
		}
		if err := check(of, Bounds(field.Tag.Get("bounds")), v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

// has reports whether n, a value of type t, is within b.
func (b Bounds) has(n float64, t reflect.Type) bool {
	least, most, _ := strings.Cut(string(b), " ")
	return n >= bound(least, t) && n <= bound(most, t)
}

// bound reads a bound, which is a part of the program.
func bound(text string, t reflect.Type) (n float64) {
	var err error
	switch t {
	case reflect.TypeFor[caddy.Duration]():
		var d time.Duration
		d, err = caddy.ParseDuration(text)
		n = float64(d)
	case reflect.TypeFor[int64]():
		var size uint64
		size, err = humanize.ParseBytes(text)
		n = float64(size)
	default:
		n, err = strconv.ParseFloat(text, 64)
	}
	if err != nil {
		panic(err)
	}
	return n
}
