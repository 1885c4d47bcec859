package scenarios

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
)

// relaySetting is a setting of the relay's own side that a key stands for.
type relaySetting struct {
	// name is the vendor's, key the key of a relay.
	name, key string
	// read makes the key's value. It says why a client of the vendor's would
	// use the default instead, or "".
	read func(text string, at spot) (*node, string)
}

// relaySettingTable has the settings of a relay that have a key (spec 2.11, 4.3,
// 6.7, 6.7b, 10.1, 10.4).
var relaySettingTable = []relaySetting{
	{"_BESRelay_Comm_Authenticating", "authenticating", readSwitch},
	{"_BESRelay_Comm_KeyExchangePassword", "password", readText},
	{"_Enterprise Server_ClientRegister_MaxChildCount", "max_children", readCap},
	{"_BESRelay_Selection_AutoSelectableRelay", "auto_select", readSwitch},
	{"_BESRelay_Register_Affiliation_AdvertisementList", "advertise", readText},
	{"_BESClient_Relay_NameOverride", "listed_as", readAddress},
}

// readAddress reads a name override that is an address (spec 2.11).
func readAddress(s string, at spot) (*node, string) {
	if _, err := netip.ParseAddr(s); err != nil {
		return nil, fmt.Sprintf("%q is not an IP address, and other names are not modelled: ignored", short(s))
	}
	return newText(at, s), ""
}

func readText(s string, at spot) (*node, string) { return newText(at, s), "" }

func readSwitch(s string, at spot) (*node, string) {
	if s != "0" && s != "1" {
		return nil, fmt.Sprintf("%q is not 0 or 1: default used", short(s))
	}
	return newFlag(at, s == "1"), ""
}

func readCap(s string, at spot) (*node, string) {
	x, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return nil, fmt.Sprintf("%q is not an unsigned 32-bit number: default used", short(s))
	}
	return newWhole(at, int64(x)), ""
}

// relaySettings puts keys in the place of a relay's settings. A key that is
// written next to them is stronger.
func (r *resolver) relaySettings(n *node, subject string) *node {
	if !n.has("settings") {
		return n
	}
	settings := n.get("settings")
	n = without(n, "settings")
	for _, name := range settings.names() {
		v := settings.get(name)
		i := slices.IndexFunc(relaySettingTable, func(s relaySetting) bool { return s.name == name })
		switch {
		case v.kind == bad:
		case i < 0:
			r.warn(v.at, subject, "setting %s is unknown, ignored%s", name, hint(name, relaySettingNames()))
		case !n.has(relaySettingTable[i].key):
			value, why := relaySettingTable[i].read(v.written(), v.at)
			if why != "" {
				r.warn(v.at, subject, "%s: %s", name, why)
				continue
			}
			n.set(relaySettingTable[i].key, value)
		}
	}
	return n
}

func relaySettingNames() []string {
	var out []string
	for _, s := range relaySettingTable {
		out = append(out, s.name)
	}
	return out
}
