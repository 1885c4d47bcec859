package probe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/relaysim/relaysim/selection"
)

// Dialer makes connections. *net.Dialer is one. It is called with "tcp" and an
// address without a name.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// versionPath is the request that registers nothing (9.8).
const versionPath = "/cgi-bin/bfenterprise/clientregister.exe?RequestType=Version"

// verdictOf is the end of an attempt: the outcome for the Selector, and words.
type verdictOf struct {
	outcome selection.Outcome
	detail  string
}

// askVersion is a registration attempt without the registration: a connection
// to the relay's port, and the request for its version.
func askVersion(ctx context.Context, d Dialer, to netip.AddrPort, host string, timeout time.Duration) verdictOf {
	deadline := time.Now().Add(timeout)
	conn, v := connect(ctx, d, to, timeout)
	if conn == nil {
		return v
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	_ = conn.SetDeadline(deadline)
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: relaysim-probe\r\nConnection: close\r\n\r\n",
		versionPath, net.JoinHostPort(host, strconv.Itoa(int(to.Port()))))
	if _, err := io.WriteString(conn, request); err != nil {
		return silence(err)
	}
	return judge(io.LimitReader(conn, maxAnswer))
}

// connect makes the connection, or says what stood in its way.
func connect(ctx context.Context, d Dialer, to netip.AddrPort, timeout time.Duration) (net.Conn, verdictOf) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := d.DialContext(ctx, "tcp", to.String())
	switch {
	case err == nil:
		return conn, verdictOf{}
	case errors.Is(err, errRefused):
		return nil, verdictOf{selection.RelayDown, "the host refuses the connection"}
	case errors.Is(ctx.Err(), context.DeadlineExceeded) || isTimeout(err):
		return nil, verdictOf{selection.TCPBlocked, fmt.Sprintf("no answer within %v", timeout)}
	}
	return nil, verdictOf{selection.TCPBlocked, plainError(err).Error()}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// silence is the end of a connection on which no answer came. One that is cut
// was cut by somebody who is there; on one that stays silent only the SYN may
// have got through.
func silence(err error) verdictOf {
	if isTimeout(err) {
		return verdictOf{selection.TCPBlocked, "connected, but the request got no answer in time"}
	}
	return verdictOf{selection.NotTheRelay, "connected, but the connection was closed without an answer"}
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// tlsAlert begins what a server says in plain text that speaks only TLS
// (RFC 8446, section 5.1: content type 21, then the version of the record).
var tlsAlert = []byte{21, 3}

// judge tells by the answer whether a relay gave it. What a relay answers is
// not published; taken for one is an answer of status 200 that is no page for
// people and names a version. A host that speaks only TLS is taken for an
// authenticating relay, which does that with children that have a certificate
// (10.1), and a prober has none.
func judge(r io.Reader) verdictOf {
	in := bufio.NewReader(r)
	head, err := in.Peek(len(tlsAlert))
	if bytes.Equal(head, tlsAlert) {
		return verdictOf{selection.NoCertificate, "it speaks only TLS, as an authenticating relay does"}
	}
	if err != nil {
		return silence(err)
	}
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		return verdictOf{selection.NotTheRelay, "what answered does not speak HTTP"}
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	switch version := versionIn(body); {
	case answer.StatusCode != http.StatusOK:
		return verdictOf{selection.NotTheRelay, fmt.Sprintf("answered with HTTP status %d", answer.StatusCode)}
	case version != "":
		return verdictOf{selection.Registered, "relay " + version}
	case err != nil && isTimeout(err):
		return silence(err)
	}
	return verdictOf{selection.NotTheRelay, "answered, but not as a relay does"}
}

// dottedVersion is a version of at least three numbers, as relays have them.
var dottedVersion = regexp.MustCompile(`\b[0-9]{1,3}(\.[0-9]{1,5}){2,3}\b`)

// versionIn finds the version in an answer. A page, such as that of a captive
// portal, has none.
func versionIn(body []byte) string {
	lower := strings.ToLower(string(body))
	if strings.Contains(lower, "<html") || strings.Contains(lower, "<!doctype") {
		return ""
	}
	return dottedVersion.FindString(lower)
}
