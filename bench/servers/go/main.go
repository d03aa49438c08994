// Command servers contains broadcast servers on popular Go libraries. Each is
// written as the examples of its library are: a message from one client goes to
// the others in its room (?room=NAME).
//
//	servers LIBRARY PORT
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
)

// handlers has a constructor for each server.
var handlers = map[string]func() (http.Handler, error){
	"gorilla":    newGorilla,
	"gws":        newGWS,
	"melody":     newMelody,
	"coder":      newCoder,
	"centrifuge": newCentrifuge,
}

// maxMessage is the longest message that each server accepts. The defaults of
// some are too short for the scenario stall.
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
	newHandler, ok := handlers[library]
	if !ok {
		return fmt.Errorf("library %q is unknown", library)
	}
	handler, err := newHandler()
	if err != nil {
		return fmt.Errorf("%s: %w", library, err)
	}
	return http.ListenAndServe("127.0.0.1:"+port, handler)
}
