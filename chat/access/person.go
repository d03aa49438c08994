package access

import "net/netip"

// Person is whom rates and shares count as one: a user, or for guests their address,
// since one person may be many of them.
type Person struct {
	User string
	Addr netip.Addr // by AddressKey
}
