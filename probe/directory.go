package probe

import (
	"net/netip"
	"strings"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
)

// DefaultPort is the recommended deployment port (spec 12).
const DefaultPort = 52311

// Relay is one relay of a list that the prober is given.
type Relay struct {
	// Name is what is resolved, unless there is an Address.
	Name string
	// Port is 0 for the deployment's.
	Port             uint16
	Priority, Weight uint32
	Affiliations     []string
	Address          netip.Addr
}

// Deployment is what a client knows of the relays there are.
type Deployment struct {
	Relays []Relay
	// Root and Fallback are the last resorts (7.4), "" for none. They may be
	// names of Relays.
	Root, Fallback string
	// Port of the deployment; 0 means that of the relays if they agree, else
	// DefaultPort.
	Port uint16
}

// Host is a host that a selection may turn to.
type Host struct {
	Name string
	Port uint16
	// Address is set where the name need not be resolved.
	Address netip.Addr
}

// Directory is a Deployment as a Selector knows it. The index of a host is its
// RelayID.
type Directory struct {
	List  *selection.List
	Hosts []Host
	byKey map[string]selection.RelayID
}

// NewDirectory makes the directory of a deployment for a client with the given
// settings: hosts that only a setting names are in it as well, and are resolved
// when their turn comes.
func NewDirectory(d *Deployment, s *selection.Settings) *Directory {
	x := &Directory{
		List:  &selection.List{Version: 1, Hosts: map[string]selection.RelayID{}, Keys: map[selection.RelayID]uint64{}},
		byKey: map[string]selection.RelayID{},
	}
	port := d.port()
	for i := range d.Relays {
		r := &d.Relays[i]
		if r.Port == 0 {
			r.Port = port
		}
		id := x.host(r.Name, r.Port, r.Address)
		x.List.Entries = append(x.List.Entries, selection.Entry{
			Relay: id, Key: x.List.Keys[id], Name: r.Name, Priority: r.Priority, Weight: r.Weight, Affiliations: r.Affiliations,
		})
	}
	x.List.Root, x.List.Fallback = x.named(d.Root, port), x.named(d.Fallback, port)
	for _, names := range [][]string{{s.Primary, s.Secondary}, s.Tertiary, {s.Failover}, s.FailoverList} {
		for _, name := range names {
			x.named(name, port)
		}
	}
	return x
}

func (d *Deployment) port() uint16 {
	if d.Port != 0 {
		return d.Port
	}
	common := uint16(0)
	for i := range d.Relays {
		switch p := d.Relays[i].Port; {
		case p == 0 || p == common:
		case common == 0:
			common = p
		default:
			return DefaultPort
		}
	}
	if common == 0 {
		return DefaultPort
	}
	return common
}

// fold is a host name as names are compared.
func fold(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

// named is the handle of a host that a setting or the list names.
func (x *Directory) named(name string, port uint16) selection.RelayID {
	if name == "" {
		return selection.NoRelay
	}
	if id, ok := x.byKey[fold(name)]; ok {
		return id
	}
	address, _ := netip.ParseAddr(name)
	return x.host(name, port, address)
}

// host adds a host, known by its name and, if it is given, its address.
func (x *Directory) host(name string, port uint16, address netip.Addr) selection.RelayID {
	if id, ok := x.byKey[fold(name)]; ok {
		return id
	}
	id := selection.RelayID(len(x.Hosts))
	x.Hosts = append(x.Hosts, Host{Name: name, Port: port, Address: address})
	x.List.Keys[id] = rng.Hash(name)
	for _, key := range []string{fold(name), address.String()} {
		if _, taken := x.byKey[key]; taken || key == (netip.Addr{}).String() {
			continue
		}
		x.byKey[key], x.List.Hosts[key] = id, id
	}
	return id
}
