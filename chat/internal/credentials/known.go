package credentials

import (
	"hash/maphash"
	"sync"

	"github.com/caddychat/caddy-chat/chat/access"
)

// known are the credentials that were good when they were shown last. Nothing is granted for
// that: each is verified again. But whoever shows one need not pay before that, so that
// strangers behind the same address do not shut its users out. The zero value is ready to use,
// by several goroutines.
type known struct {
	mu     sync.Mutex // guards the rest; a leaf
	seed   maphash.Seed
	lately map[uint64]bool
	before map[uint64]bool // those of before lately was full last
}

// maxLately bounds known: twice as many take about 2 MB.
const maxLately = 32 << 10

// Knows reports whether a credential was good when it was shown last.
func (c *Credentials) Knows(shown access.Credential) bool {
	k := &c.known
	k.mu.Lock()
	defer k.mu.Unlock()
	sum, ok := k.sumLocked(shown)
	return ok && (k.lately[sum] || k.before[sum])
}

// Note says whether a credential is good.
func (c *Credentials) Note(shown access.Credential, good bool) {
	k := &c.known
	k.mu.Lock()
	defer k.mu.Unlock()
	sum, ok := k.sumLocked(shown)
	switch {
	case !ok:
	case !good:
		delete(k.lately, sum)
		delete(k.before, sum)
	case !k.lately[sum]:
		if len(k.lately) >= maxLately {
			k.lately, k.before = map[uint64]bool{}, k.lately
		}
		k.lately[sum] = true
	}
}

// sumLocked returns what stands for a credential. It is false for somebody who shows nothing.
func (k *known) sumLocked(shown access.Credential) (sum uint64, ok bool) {
	if k.lately == nil {
		k.seed, k.lately = maphash.MakeSeed(), map[uint64]bool{}
	}
	if shown.Token != "" {
		return maphash.String(k.seed, shown.Token), true
	}
	if shown.Request == nil {
		return 0, false
	}
	var h maphash.Hash
	h.SetSeed(k.seed)
	for _, name := range []string{"Authorization", "Cookie"} { // by which the web server may know the user
		for _, value := range shown.Request.Header[name] {
			_, _ = h.WriteString(name + ":" + value + "\n")
			ok = true
		}
	}
	return h.Sum64(), ok
}
