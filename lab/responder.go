package lab

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"time"
)

// version is what a responder calls itself.
const version = "11.0.0.1"

// answer answers the request for the version, and nothing else.
func answer(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
		return
	}
	fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(version), version)
}
