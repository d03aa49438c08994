package feed

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Text returns a position as it is on the wire: the store's epoch, the part of the feed
// and the number.
func Text(epoch string, part int, at journal.Position) string {
	return epoch + "-" + inPart(part, at)
}

func inPart(part int, at journal.Position) string {
	return strconv.Itoa(part) + "-" + strconv.FormatUint(uint64(at), 10)
}

// Parse returns the position that a text names in a part. It returns false if the text
// is of another epoch, or does not name that part.
func Parse(text, epoch string, part int) (journal.Position, bool) {
	rest, ok := strings.CutPrefix(text, epoch+"-")
	if !ok {
		return 0, false
	}
	for place := range strings.SplitSeq(rest, ".") {
		number, ok := strings.CutPrefix(place, strconv.Itoa(part)+"-")
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 64)
		return journal.Position(n), err == nil
	}
	return 0, false
}

// textOfAll returns one text for a position of each part. For a feed of one part it is
// the same as Text.
func textOfAll(epoch string, at []journal.Position) string {
	parts := make([]string, len(at))
	for i, p := range at {
		parts[i] = inPart(i, p)
	}
	return epoch + "-" + strings.Join(parts, ".")
}

// maxText is the length of a text that is taken for a position, in bytes.
const maxText = 2048

var positionText = regexp.MustCompile(`^.+-[0-9]{1,4}-[0-9]{1,20}(\.[0-9]{1,4}-[0-9]{1,20})*$`)

// isPosition reports whether a text has the form of a position, of whatever epoch.
func isPosition(text string) bool { return len(text) <= maxText && positionText.MatchString(text) }

// Split returns what Text has put together.
func Split(text string) (epoch string, part int, at journal.Position, ok bool) {
	m := oneText.FindStringSubmatch(text)
	if m == nil {
		return "", 0, 0, false
	}
	part, _ = strconv.Atoi(m[2])
	n, err := strconv.ParseUint(m[3], 10, 64)
	return m[1], part, journal.Position(n), err == nil
}

var oneText = regexp.MustCompile(`^(.+)-([0-9]{1,4})-([0-9]{1,20})$`)
