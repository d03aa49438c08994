package keyfilter

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func hashes(seed uint64, n int, each func(Hash)) {
	random := rand.New(rand.NewPCG(seed, 0))
	for range n {
		var h Hash
		binary.LittleEndian.PutUint64(h[:8], random.Uint64())
		binary.LittleEndian.PutUint64(h[8:], random.Uint64())
		each(h)
	}
}

func TestFilter_BeforeItIsBuilt_MayHaveEverything(t *testing.T) {
	var f Filter
	hashes(1, 10, func(h Hash) {
		if !f.MayHave(h) {
			t.Error("an empty filter denies a key")
		}
	})
	if !f.Outdated() {
		t.Error("it need not be built")
	}
}

func TestFilter_Rebuilt_HasWhatIsAddedMeanwhile(t *testing.T) {
	var f Filter
	f.Finish(f.Begin())
	for range maxDeleted + 1 {
		f.Delete()
	}
	if !f.Outdated() {
		t.Error("it is not outdated after all the deletions")
	}
	b := f.Begin()
	hashes(1, 1000, f.Add)
	f.Finish(b)
	hashes(1, 1000, func(h Hash) {
		if !f.MayHave(h) {
			t.Fatal("a key is missing that was added while the filter was built")
		}
	})
	if f.Outdated() {
		t.Error("it is outdated again")
	}
}

// A key is added while the filter is put into use, many times: both begin at once.
func TestFilter_Finished_HasWhatIsAddedInThatMoment(t *testing.T) {
	b := (&Filter{}).Begin()
	rounds, lost := 0, 0
	hashes(3, 20_000, func(h Hash) {
		var f Filter
		f.next.Store(b)
		var ready atomic.Int32
		var adding sync.WaitGroup
		begin := func() {
			ready.Add(1)
			for ready.Load() < 2 {
				runtime.Gosched()
			}
		}
		adding.Go(func() {
			begin()
			f.Add(h)
		})
		begin()
		f.Finish(b)
		adding.Wait()
		if rounds++; !f.MayHave(h) {
			lost++
		}
	})
	if lost > 0 {
		t.Errorf("%d of %d keys are missing", lost, rounds)
	}
}

// With half a million keys hardly any other key seems to be used. If only one bit
// stood for a key, several hundred would.
func TestBloom_OtherKeys_AreSeldomTakenForUsed(t *testing.T) {
	var f Filter
	b := f.Begin()
	const keys, tries = 500_000, 100_000
	hashes(1, keys, b.Add)
	hashes(1, tries, func(h Hash) {
		if !b.Has(h) {
			t.Fatal("a key is missing")
		}
	})
	wrong := 0
	hashes(2, tries, func(h Hash) {
		if b.Has(h) {
			wrong++
		}
	})
	if wrong > 20 {
		t.Errorf("%d of %d new keys seem to be used", wrong, tries)
	}
}
