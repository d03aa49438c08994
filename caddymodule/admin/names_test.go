package admin

import "testing"

func TestSuggestion(t *testing.T) {
	names := []string{"tea", "coffee", "Guest-7F", "", "日本茶"}
	for name, want := range map[string]string{
		"te": "tea", "tae": "tea", "teaa": "tea", "TEA": "tea", "cofee": "coffee", "offe": "coffee",
		"guest-7f": "Guest-7F", "日本": "日本茶", "x": "", "no": "", "rum": "", "coffees and teas": "", "": "",
	} {
		got := suggestion(name, names)
		if want != "" {
			want = `; did you mean "` + want + `"?`
		}
		if got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
