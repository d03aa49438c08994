package transfer

import (
	"strings"
	"testing"
	"time"
)

// What earlier versions let in as a picture and is no URL does not end an import; it is shown to nobody.
func TestImport_PictureOfAnEarlierVersion(t *testing.T) {
	line := strings.NewReplacer("https://x.example/a", "https://", "https://x.example/b", "http://a b").Replace(soundLines[0])
	e, _, _, err := parseLine([]byte(line), nil, time.Now())
	if err != nil || e.From.Avatar != "" || strings.Contains(string(e.Body), "a b") || !strings.Contains(string(e.Body), "https://x.example/g") {
		t.Errorf("%+v, %s, %v", e.From, e.Body, err)
	}
}
