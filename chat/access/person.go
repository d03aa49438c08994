package access

import "net/netip"

// Person is whom rates and shares count as one: a user, or for guests their address,
// since one person may be many of them.
type Person struct {
	User string
	Addr netip.Addr // by AddressKey
}

// PersonAt returns who comes from an address, whoever it is.
func PersonAt(addr netip.Addr) Person { return Person{Addr: AddressKey(addr)} }

// Network is who counts as one where all share a bound, beside each Person: see NetworkKey.
// A user is nobody's neighbour, and counts alone.
type Network struct {
	user string
	addr netip.Addr // by NetworkKey
}

// Network returns the network of a person.
func (p Person) Network() Network { return Network{p.User, NetworkKey(p.Addr)} }

// HasNeighbours reports whether others may be in the person's network.
func (p Person) HasNeighbours() bool { return p.User == "" && p.Addr.IsValid() }

// AddressKey returns what counts as one address: an IPv4 address, or the /64 of
// an IPv6 address, since one customer has at least a /64.
func AddressKey(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return addr
}

// NetworkKey returns what counts as one holder where all share a bound: the /24 of an
// IPv4 address, or the /48 of an IPv6 address. Somebody who can choose addresses has as
// many as they like within such a network, but not many networks.
func NetworkKey(addr netip.Addr) netip.Addr {
	addr = AddressKey(addr)
	bits := 24
	if addr.Is6() {
		bits = 48
	}
	if p, err := addr.Prefix(bits); err == nil {
		return p.Addr()
	}
	return addr
}
