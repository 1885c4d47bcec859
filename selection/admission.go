package selection

import "fmt"

// Version is the version of a client: major × 256 + minor. Zero means current.
type Version uint16

// firstWithCertificates is the first version that can hold a certificate and
// therefore talk to an authenticating relay (spec 10.5).
const firstWithCertificates Version = 9 << 8

// MakeVersion returns the version major.minor.
func MakeVersion(major, minor uint8) Version { return Version(major)<<8 | Version(minor) }

// String prints the version as "9.5", the current one as "current".
func (v Version) String() string {
	if v == 0 {
		return "current"
	}
	return fmt.Sprintf("%d.%d", v>>8, v&0xff)
}

// certifiable tells whether a client of the version can hold a certificate.
func (v Version) certifiable() bool { return v == 0 || v >= firstWithCertificates }

// Credentials are what a client can show to a relay (spec 10).
type Credentials struct {
	// Certificate: the client holds a certificate signed by the server (10.1).
	// A client older than 9.0 cannot hold one.
	Certificate bool
	// Password is that of the manual key exchange, _BESClient_SecureRegistration
	// (10.3). Empty means none.
	Password string
	// Version of the client (10.5).
	Version Version
	// Relay marks a relay that asks to become a child: its cap is
	// MaxChildRelays (6.7b).
	Relay bool
}

// holds tells whether the client can show a certificate.
func (c Credentials) holds() bool { return c.Certificate && c.Version.certifiable() }

// Gate is what a relay asks of its children (spec 6.7b, 10).
type Gate struct {
	// Authenticating: _BESRelay_Comm_Authenticating, the relay talks only to
	// children with a certificate (10.1).
	Authenticating bool
	// Password is that of the manual key exchange,
	// _BESRelay_Comm_KeyExchangePassword (10.4). Empty means none: the
	// exchange is denied.
	Password string
	// MaxChildren and MaxChildRelays cap the clients and the child relays
	// that the relay registers (6.7b). Zero means no limit.
	MaxChildren, MaxChildRelays uint32
}

// Admit decides a registration that reached the relay's service: its outcome,
// and whether the client holds a certificate afterwards. children counts those
// of the client's kind (clients, or relays) that are registered there now, the
// one that asks not among them.
//
// The certificate is looked at before the cap: without one an authenticating
// relay does not talk to the child at all (10.1). A client without one obtains
// it by itself through a relay that does not authenticate, once that relay has
// taken it (10.2: "its selected relay"); with an authenticating one only by the
// password, before it registers (10.3, 10.4), so that a full relay can still
// have given it a certificate.
func Admit(c Credentials, g Gate, children uint32) (o Outcome, certificate bool) {
	certificate = c.holds() || g.exchanges(c)
	if g.Authenticating && !certificate {
		return NoCertificate, false
	}
	if limit := g.limit(c); limit > 0 && children >= limit {
		return AtCap, certificate
	}
	return Registered, c.Version.certifiable()
}

// exchanges tells whether the manual key exchange succeeds: the password is
// the relay's, and the client is of a version that can hold a certificate.
func (g Gate) exchanges(c Credentials) bool {
	return g.Password != "" && c.Password == g.Password && c.Version.certifiable()
}

// limit is the cap that the child comes under.
func (g Gate) limit(c Credentials) uint32 {
	if c.Relay {
		return g.MaxChildRelays
	}
	return g.MaxChildren
}
