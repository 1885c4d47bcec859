package selection

import "strings"

// ParseHost returns the host that the value of a relay setting names, in lower
// case and without a trailing dot. The value is a URL such as
// http://host:52311/bfmirror/downloads/, or a bare host name or address, with
// or without a port (7.6). ok is false if it names none.
func ParseHost(value string) (host string, ok bool) {
	host = strings.ToLower(strings.TrimSpace(value))
	if scheme, rest, found := strings.Cut(host, "://"); found {
		if scheme != "http" && scheme != "https" {
			return "", false
		}
		host = rest
	}
	host, _, _ = strings.Cut(host, "/")
	host, ok = cutPort(host)
	host = strings.TrimSuffix(host, ".")
	return host, ok && host != "" && !strings.ContainsFunc(host, strangeInHost)
}

// cutPort takes the port off host:port and [v6]:port. An address with several
// colons and no brackets has none.
func cutPort(host string) (string, bool) {
	if inner, found := strings.CutPrefix(host, "["); found {
		address, port, closed := strings.Cut(inner, "]")
		return address, closed && (port == "" || isPort(strings.TrimPrefix(port, ":")))
	}
	if strings.Count(host, ":") != 1 {
		return host, true
	}
	host, port, _ := strings.Cut(host, ":")
	return host, isPort(port)
}

func isPort(s string) bool {
	return s != "" && len(s) <= 5 && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

func strangeInHost(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '.', r == '-', r == '_', r == ':':
		return false
	}
	return r < 0x80 // names beyond ASCII are left to the resolver
}

// parseHosts splits a semicolon list of hosts (7.2). Empty items are ignored;
// bad has those that name no host.
func parseHosts(value string) (hosts, bad []string) {
	for item := range strings.SplitSeq(value, ";") {
		if strings.TrimSpace(item) == "" {
			continue
		}
		if host, ok := ParseHost(item); ok {
			hosts = append(hosts, host)
		} else {
			bad = append(bad, strings.TrimSpace(item))
		}
	}
	return hosts, bad
}
