package access

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestSanctions_Left(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Sanctions
		if s.Left(Ban, "ann", "tea") != 0 {
			t.Error("there is one in the zero value")
		}
		s.Set(Sanction{Ban, "tea", "ann"}, time.Now().Add(time.Minute))
		s.Set(Sanction{Mute, "", "ann"}, time.Time{})
		for _, c := range []struct {
			kind       SanctionKind
			user, room string
			want       time.Duration
		}{
			{Ban, "ann", "tea", time.Minute},
			{Ban, "ann", "other", 0},
			{Ban, "bo", "tea", 0},
			{Mute, "ann", "tea", Endless},
			{Mute, "ann", "", Endless},
		} {
			if got := s.Left(c.kind, c.user, c.room); got != c.want {
				t.Errorf("%s of %s in %q: %v, want %v", c.kind, c.user, c.room, got, c.want)
			}
		}
		time.Sleep(time.Minute)
		if got := s.Left(Ban, "ann", "tea"); got != 0 {
			t.Errorf("after its end: %v", got)
		}
		s.Lift(Sanction{Mute, "", "ann"})
		s.InForce(func(k Sanction, _ time.Time) { t.Errorf("still in force: %v", k) })
	})
}

// Sanctions that are over do not add up.
func TestSanctions_ThatAreOver_AreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Sanctions
		s.Set(Sanction{Ban, "", "for ever"}, time.Time{})
		for i := range 20 * minSweep {
			s.Set(Sanction{Mute, "tea", fmt.Sprint(i)}, time.Now().Add(time.Second))
			time.Sleep(time.Millisecond)
		}
		if n := len(s.ends); n > 3*minSweep {
			t.Errorf("%d are kept", n)
		}
		if s.Left(Ban, "for ever", "") != Endless {
			t.Error("one without an end was forgotten")
		}
	})
}
