package wire

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// form has a field of each kind that JSON is read into.
type form struct {
	Name     string `json:"name"`
	Number   uint64 `json:"number,omitempty"`
	Tagless  bool
	Of       *form           `json:"of"`
	List     []form          `json:"list"`
	Map      map[string]form `json:"map"`
	Bytes    []byte          `json:"bytes"`
	Raw      json.RawMessage `json:"raw"`
	Any      any             `json:"any"`
	Own      own             `json:"own"`
	Embedded                 // its fields are those of the form
	Hidden   string          `json:"-"`
	secret   string
}

var _ = form{}.secret // it is there so that its name is none

// Embedded is exported, since encoding/json takes no other for a pointer.
type Embedded struct {
	Inner string `json:"inner"`
}

// own reads itself.
type own struct{ text string }

func (o *own) UnmarshalJSON(text []byte) error {
	var given struct {
		Text string `json:"text"`
	}
	err := Unmarshal(text, &given)
	o.text = given.Text
	return err
}

func TestUnmarshal_TakesWhatEncodingJSONTakes(t *testing.T) {
	for _, text := range []string{
		`{}`, ` { "name" : "ü😀\ud83d\ude00" } `, `{"number":9007199254740993}`, `{"Tagless":true,"inner":"x"}`, `{"of":{"of":{"name":"x"}}}`, `{"of":null,"name":null}`,
		`{"list":[{"name":"a"},{"name":"b"}],"map":{"A":{},"a":{}},"bytes":"eA=="}`, `{"raw":{"A":1,"A":2},"any":{"a":1,"a":2}}`, `{"own":{"text":"x"}}`, `{"\u006eame":"x"}`,
		`{"raw":` + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth) + `}`,
	} {
		var got, want form
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		if err := Unmarshal([]byte(text), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
}

func TestUnmarshal_Malformed_SaysWhatAndWhere(t *testing.T) {
	for text, want := range map[string]string{
		``:                                  "it is not valid JSON: JSON ends too early at byte 0",
		`null`:                              "it must be a JSON object",
		`[]`:                                "it must be a JSON object",
		`{"name":"x"} {}`:                   "it is not valid JSON: more than one value at byte 13",
		"{\"name\":\"\xff\"}":               "it is not UTF-8",
		`{"name":"\ud800"}`:                 "it is not valid JSON: half a surrogate pair at byte 9",
		`{"raw":["\udc00\ud800"]}`:          "it is not valid JSON: half a surrogate pair at byte 9",
		`{"name":7}`:                        "name must be no number",
		`{"list":{}}`:                       "list must be no object",
		`{"number":-1}`:                     "number must be no number -1",
		`{"number":1e3}`:                    "number must be no number 1e3",
		`{"name":"x","name":"x"}`:           "name stands twice",
		`{"name":"x","\u006eame":"x"}`:      "name stands twice",
		`{"Name":"x"}`:                      "Name is not known here",
		`{"tagless":true}`:                  "tagless is not known here",
		`{"hidden":"x"}`:                    "hidden is not known here",
		`{"Hidden":"x"}`:                    "Hidden is not known here",
		`{"secret":"x"}`:                    "secret is not known here",
		`{"Embedded":{}}`:                   "Embedded is not known here",
		`{"of":{"list":[{},{"NUMBER":1}]}}`: "of.list[1].NUMBER is not known here",
		`{"map":{"k":{"x":1}}}`:             "map.k.x is not known here",
		`{"map":{"k":{},"k":{}}}`:           "map.k stands twice",
		`{"own":{"Text":"x"}}`:              "Text is not known here",
		`{"a b":1}`:                         `"a b" is not known here`,
		`{"":1}`:                            `"" is not known here`,
		`{"bytes":"?"}`:                     "it has a value that makes no sense: illegal base64 data at input byte 0",
		`{"any":` + strings.Repeat("[", 3*MaxDepth) + strings.Repeat("]", 3*MaxDepth) + `}`: "it is not valid JSON: JSON is nested too deep at byte 71",
	} {
		var to form
		err := Unmarshal([]byte(text), &to)
		if err == nil || err.Error() != want {
			t.Errorf("%.80s: %v, want %s", text, err, want)
		}
		if _, is := err.(*Malformed); !is {
			t.Errorf("%.80s: %T", text, err)
		}
	}
	long := fmt.Sprintf(`{"%s":1}`, strings.Repeat("x", 1000))
	if err := Unmarshal([]byte(long), new(form)); err == nil || len(err.Error()) > 200 {
		t.Errorf("a long name: %v", err)
	}
}

func TestUnmarshalOpen_IgnoresOtherFields(t *testing.T) {
	for text, want := range map[string]string{
		`{"x":1,"y":{"z":[1,2]},"name":"n"}`: "",
		`{"x":1,"x":2}`:                      "x stands twice",
		`{"NAME":"n"}`:                       "NAME is not known here",
		`{"of":{"x":1,"nAme":"n"}}`:          "of.nAme is not known here",
		`{"x":"\ud800"}`:                     "it is not valid JSON: half a surrogate pair at byte 6",
	} {
		var to form
		err := UnmarshalOpen([]byte(text), &to)
		if want == "" && (err != nil || to.Name != "n") || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: %+v, %v, want %s", text, to, err, want)
		}
	}
}
