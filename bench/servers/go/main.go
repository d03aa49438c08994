// Command servers is a few broadcast servers on popular Go libraries, each
// written as its library's own examples do: what one client says goes to the
// others in its room (?room=NAME).
//
//	servers LIBRARY PORT
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
)

// handlers make one server each.
var handlers = map[string]func() (http.Handler, error){
	"gorilla":    newGorilla,
	"gws":        newGWS,
	"melody":     newMelody,
	"coder":      newCoder,
	"centrifuge": newCentrifuge,
}

// maxMessage is what every server takes from a client. The defaults of some
// are too short for the scenario with long messages.
const maxMessage = 64 << 10

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: servers LIBRARY PORT")
	}
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func serve(library, port string) error {
	build, ok := handlers[library]
	if !ok {
		return fmt.Errorf("library %q is unknown", library)
	}
	handler, err := build()
	if err != nil {
		return fmt.Errorf("%s: %w", library, err)
	}
	return http.ListenAndServe("127.0.0.1:"+port, handler)
}
