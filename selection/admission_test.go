package selection

import (
	"slices"
	"testing"
)

func TestAdmit(t *testing.T) {
	old, first := MakeVersion(8, 2), MakeVersion(9, 0)
	auth := Gate{Authenticating: true}
	for _, c := range []struct {
		name        string
		client      Credentials
		gate        Gate
		children    uint32
		want        Outcome
		certificate bool
	}{
		{"10.2 a relay that does not authenticate passes the key exchange on", Credentials{}, Gate{}, 0, Registered, true},
		{"10.2 an authenticating relay denies the automatic exchange", Credentials{}, auth, 0, NoCertificate, false},
		{"10.1 a certificate is enough", Credentials{Certificate: true}, auth, 0, Registered, true},
		{"10.3 the password obtains one", Credentials{Password: "a"}, Gate{Authenticating: true, Password: "a"}, 0, Registered, true},
		{"10.4 another password does not", Credentials{Password: "b"}, Gate{Authenticating: true, Password: "a"}, 0, NoCertificate, false},
		{"10.4 a relay without password denies every one", Credentials{Password: "a"}, auth, 0, NoCertificate, false},
		{"10.4 no password is not the empty password", Credentials{}, auth, 0, NoCertificate, false},
		{"10.5 8.2 cannot use an authenticating relay", Credentials{Certificate: true, Password: "a", Version: old}, Gate{Authenticating: true, Password: "a"}, 0, NoCertificate, false},
		{"10.5 8.2 uses any other, and stays without certificate", Credentials{Version: old}, Gate{}, 0, Registered, false},
		{"10.5 9.0 can", Credentials{Certificate: true, Version: first}, auth, 0, Registered, true},
		{"6.7b below the cap", Credentials{}, Gate{MaxChildren: 2}, 1, Registered, true},
		{"6.7b at the cap", Credentials{}, Gate{MaxChildren: 2}, 2, AtCap, false},
		{"6.7b a full relay has exchanged keys by password", Credentials{Password: "a"}, Gate{MaxChildren: 1, Password: "a"}, 1, AtCap, true},
		{"6.7b the certificate is looked at first", Credentials{}, Gate{Authenticating: true, MaxChildren: 1}, 1, NoCertificate, false},
		{"6.7b a cap of relays does not hold for clients", Credentials{}, Gate{MaxChildRelays: 1}, 5, Registered, true},
		{"6.7b a cap of relays", Credentials{Relay: true}, Gate{MaxChildRelays: 1}, 1, AtCap, false},
		{"6.7b a cap of clients does not hold for relays", Credentials{Relay: true}, Gate{MaxChildren: 1}, 1, Registered, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if o, certificate := Admit(c.client, c.gate, c.children); o != c.want || certificate != c.certificate {
				t.Errorf("Admit(%+v, %+v, %d) = %v, %t, want %v, %t", c.client, c.gate, c.children, o, certificate, c.want, c.certificate)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	if got := []string{Version(0).String(), MakeVersion(9, 5).String(), MakeVersion(10, 0).String()}; !slices.Equal(got, []string{"current", "9.5", "10.0"}) {
		t.Errorf("versions = %q", got)
	}
}
