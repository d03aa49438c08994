package room

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// awayRooms are rooms in which so many users may be away, in two of which somebody stays.
type awayRooms struct {
	*Rooms
	t    *testing.T
	stay map[string]*Subscription
}

func inAwayRooms(t *testing.T, most int, stays Encoding, f func(rs *awayRooms)) {
	synctest.Test(t, func(t *testing.T) {
		rs := &awayRooms{newRooms(t), t, map[string]*Subscription{}}
		set := *rs.settings.Load()
		set.MaxRooms = 100
		rs.Configure(set)
		rs.away.most = most
		for _, name := range []string{"tea", "cake"} {
			rs.stay[name] = rs.join(name, &listener{user: "ann", addr: netip.MustParseAddr("198.51.100.1")}, stays)
		}
		f(rs)
		for _, sub := range rs.stay {
			sub.Lose()
		}
		rs.Close()
		rs.Wait()
		if n := rs.Away(); n != 0 {
			t.Errorf("%d are away in rooms that have ended", n)
		}
	})
}

func (rs *awayRooms) join(name string, l *listener, enc Encoding) *Subscription {
	rs.t.Helper()
	sub, arrival, err := rs.Join(rs.t.Context(), name, l, Terms{Encoding: enc, Visible: enc == V1})
	if err == nil {
		_, err = arrival.Wait(rs.t.Context())
	}
	if err != nil {
		rs.t.Fatal(err)
	}
	return sub
}

// loses lets somebody come to a room and lose the connection.
func (rs *awayRooms) loses(name, user, addr string) {
	rs.t.Helper()
	rs.join(name, &listener{user: user, addr: netip.MustParseAddr(addr)}, V1).Lose()
	synctest.Wait()
}

// who returns the users who are present in a room.
func (rs *awayRooms) who(name string) (ids []string) {
	rs.t.Helper()
	synctest.Wait()
	time.Sleep(time.Second) // what has changed is told
	synctest.Wait()
	users, count, err := rs.stay[name].Who(rs.t.Context())
	if err != nil || count != len(users) {
		rs.t.Fatalf("%d users are %v, %v", count, users, err)
	}
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	slices.Sort(ids)
	return ids
}

func (rs *awayRooms) expect(name string, want ...string) {
	rs.t.Helper()
	if got := rs.who(name); !slices.Equal(got, want) {
		rs.t.Errorf("in %s there are %q, want %q", name, got, want)
	}
}

// Whoever comes and breaks connections without end pushes out who is away at the own network,
// whatever the addresses there, and nobody else.
func TestAway_TooMany_TheNetworkWithMostGivesWay(t *testing.T) {
	inAwayRooms(t, 6, V1, func(rs *awayRooms) {
		rs.loses("tea", "ben", "203.0.113.1")
		rs.loses("cake", "ben", "203.0.113.1")
		for i := range 20 {
			rs.loses([]string{"tea", "cake"}[i%2], fmt.Sprintf("guest-%02d", i), fmt.Sprintf("192.0.2.%d", i))
		}
		rs.expect("tea", "ann", "ben", "guest-16", "guest-18")
		rs.expect("cake", "ann", "ben", "guest-17", "guest-19")
		if n := rs.Away(); n != 6 {
			t.Errorf("%d are away, want 6", n)
		}
		rs.loses("tea", "ben", "203.0.113.1") // who is back is away anew, and not twice
		if n := rs.Away(); n != 6 {
			t.Errorf("%d are away after one was back, want 6", n)
		}
		time.Sleep(time.Hour)
		rs.expect("tea", "ann")
		rs.expect("cake", "ann")
		if n := rs.Away(); n != 0 {
			t.Errorf("%d are away in the end", n)
		}
	})
}

// Those who are lost at another node count for that node.
func TestAway_OfAnotherNode_GiveWay(t *testing.T) {
	inAwayRooms(t, 6, V1, func(rs *awayRooms) {
		rs.loses("tea", "ben", "203.0.113.1")
		for _, change := range []bool{false, true} {
			for i := range 20 {
				u := journal.User{ID: fmt.Sprintf("guest-%02d", i)}
				rs.Hear("tea", Elsewhere{Node: "n2", Changes: []Change{{User: u, Gone: change}}})
			}
			if want := 22; !change && len(rs.who("tea")) != want {
				t.Errorf("there are %q", rs.who("tea"))
			}
		}
		rs.expect("tea", "ann", "ben", "guest-15", "guest-16", "guest-17", "guest-18", "guest-19")
		rs.Hear("tea", Elsewhere{Node: "n3", Changes: []Change{{User: journal.User{ID: "guest-19"}}}}) // is back
		if synctest.Wait(); rs.Away() != 5 {
			t.Errorf("%d are away, want 5", rs.Away())
		}
		time.Sleep(time.Hour)
		rs.expect("tea", "ann", "guest-19")
	})
}

// A user who loses the connection again and again, and is back each time, is remembered once.
func TestAway_AgainAndAgain_IsRememberedOnce(t *testing.T) {
	inAwayRooms(t, 100, V1, func(rs *awayRooms) {
		rs.loses("tea", "cy", "203.0.113.1")
		for range 1000 {
			rs.loses("tea", "ben", "203.0.113.1")
		}
		rs.expect("tea", "ann", "ben", "cy")
		if n := len(rs.stay["tea"].room.audience.presence.lost.list); n > 40 || rs.Away() != 2 {
			t.Errorf("%d are remembered in the room, and %d in all", n, rs.Away())
		}
		time.Sleep(time.Hour)
		rs.expect("tea", "ann")
	})
}

// With the last who is in a room all who are away are forgotten, also if that is a raw client.
func TestAway_RoomThatEnds_ForgetsThem(t *testing.T) {
	for name, stays := range map[string]Encoding{"chat.v1": V1, "raw": Raw} {
		t.Run(name, func(t *testing.T) {
			inAwayRooms(t, 100, stays, func(rs *awayRooms) {
				for i := range 10 {
					rs.loses("tea", fmt.Sprint(i), "203.0.113.1")
				}
				if synctest.Wait(); rs.Away() != 10 {
					t.Errorf("%d are away", rs.Away())
				}
			})
		})
	}
}
