package selection

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// SettingInfo describes one client setting.
type SettingInfo struct {
	// Name is the vendor's name, letter case included.
	Name string
	// Kind is "boolean", "number", "host", "hosts" or "labels".
	Kind string
	// Default is the value in force when the setting is absent or invalid.
	Default string
	// Range says in words what is accepted.
	Range string
	// Row is the specification row it rests on and Grade its evidence: A to D,
	// or R (recalled, unverified) or NP (nothing public).
	Row, Grade string
	// Text says what it does, in one line.
	Text string

	store func(*Settings, string) string // returns a warning, or ""
	// value is the inverse of store, of numbers only.
	value func(*Settings) string
}

// Number returns the value of a numeric setting in force, in the setting's
// unit. ok is false for settings of another kind.
func (i SettingInfo) Number(s *Settings) (value string, ok bool) {
	if i.value == nil {
		return "", false
	}
	return i.value(s), true
}

// Unverified tells whether the default rests on no public text.
func (i SettingInfo) Unverified() bool { return unverified(i.Grade) }

func unverified(grade string) bool { return grade == "R" || grade == "NP" }

// SettingTable describes every setting that a selection reads, in the order of
// the fields of Settings.
var SettingTable = []SettingInfo{
	booleanSetting("__RelaySelect_Automatic", "0", "1.1", "A",
		"1 selects relays automatically; 0 is manual selection", func(s *Settings) *bool { return &s.Automatic }),
	{
		Name: "_BESClient_Register_Affiliation_SeekList", Kind: "labels", Range: "labels separated by semicolons, each at most 64 characters",
		Row: "4.2", Grade: "A", Text: "affiliation groups the client looks through, in order; none means *",
		store: func(s *Settings, v string) string { s.SeekList = v; return "" },
	},
	hostSetting("__RelayServer1", "8", "A", "manual mode: primary relay", func(s *Settings) *string { return &s.Primary }),
	hostSetting("__RelayServer2", "8", "A", "manual mode: secondary relay", func(s *Settings) *string { return &s.Secondary }),
	hostsSetting("_BESClient_RelaySelect_TertiaryRelayList", "8", "A", "manual mode: relays after the secondary",
		func(s *Settings) *[]string { return &s.Tertiary }),
	hostSetting("_BESClient_RelaySelect_FailoverRelay", "7.1", "B", "relay to register with when nothing answered, before the root",
		func(s *Settings) *string { return &s.Failover }),
	hostsSetting("_BESClient_RelaySelect_FailoverRelayList", "7.2", "B", "the same for several relays; overrides FailoverRelay",
		func(s *Settings) *[]string { return &s.FailoverList }),
	{
		Name: "_BESClient_RelaySelect_MaximumTTLToPing", Kind: "number", Default: "255", Range: "1..255",
		Row: "3.10", Grade: "R", Text: "last TTL of the rounds; the only TTL in manual mode",
		store: func(s *Settings, v string) string {
			n, warning := parseNumber(v, 1, 255)
			if warning == "" {
				s.MaximumTTL = uint8(n)
				return ""
			}
			return warning + ": default 255 used"
		},
		value: func(s *Settings) string { return strconv.Itoa(int(s.MaximumTTL)) },
	},
	spanSetting("_BESClient_RelaySelect_IntervalSeconds", "21600", 1, maxNumber, "3.10", "R",
		"wait of an automatic client from the end of one selection to the next", func(s *Settings) *time.Duration { return &s.Interval }),
	spanSetting("_BESClient_RelaySelect_MinRetryIntervalSeconds", "60", 1, maxNumber, "3.10", "R",
		"wait after the first of consecutive failed selections", func(s *Settings) *time.Duration { return &s.MinRetry }),
	spanSetting("_BESClient_RelaySelect_MaxRetryIntervalSeconds", "7200", 1, maxNumber, "3.10", "R",
		"longest wait after a failed selection", func(s *Settings) *time.Duration { return &s.MaxRetry }),
	spanSetting("_BESClient_RelaySelect_ResistFailureIntervalSeconds", "600", 0, 21600, "3.9", "A",
		"how long contact must have failed before another parent is looked for", func(s *Settings) *time.Duration { return &s.ResistFailure }),
	spanSetting("_BESClient_Register_IntervalSeconds", "21600", 1, maxNumber, "9.3", "A",
		"spacing of registrations with the parent (the setting's name: grade C)", func(s *Settings) *time.Duration { return &s.RegisterInterval }),
}

// maxNumber is the largest value of a numeric setting. The vendor prints one
// more, which 32 bits cannot hold; that value counts as undefined.
const maxNumber = 1<<32 - 1

// SettingNames returns the names of SettingTable in its order.
func SettingNames() []string {
	names := make([]string, len(SettingTable))
	for i := range SettingTable {
		names[i] = SettingTable[i].Name
	}
	return names
}

// DefaultSettings returns the settings of a client on which none is set:
// manual mode without relays.
func DefaultSettings() Settings {
	var s Settings
	for i := range SettingTable {
		if t := &SettingTable[i]; t.Default != "" {
			t.store(&s, t.Default)
		}
	}
	return s
}

// ParseSettings reads settings by the vendor's rules: values are strings; a
// number that is negative, too large or no number, and a boolean other than
// "0" and "1", give the default. Warnings name what was not taken as written,
// in the order of the settings' names.
func ParseSettings(raw map[string]string) (Settings, []string) {
	s := DefaultSettings()
	var warnings []string
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		i := slices.IndexFunc(SettingTable, func(t SettingInfo) bool { return t.Name == name })
		if i < 0 {
			warnings = append(warnings, fmt.Sprintf("%s: unknown setting, ignored (nearest: %s)", name, nearest(name, SettingNames())))
			continue
		}
		if w := SettingTable[i].store(&s, raw[name]); w != "" {
			warnings = append(warnings, fmt.Sprintf("%s: %s", name, w))
		}
	}
	return s, warnings
}

func booleanSetting(name, def, row, grade, text string, field func(*Settings) *bool) SettingInfo {
	return SettingInfo{
		Name: name, Kind: "boolean", Default: def, Range: "0 or 1", Row: row, Grade: grade, Text: text,
		store: func(s *Settings, v string) string {
			if v != "0" && v != "1" {
				return fmt.Sprintf("%q is not 0 or 1: default %s used", v, def)
			}
			*field(s) = v == "1"
			return ""
		},
	}
}

func hostSetting(name, row, grade, text string, field func(*Settings) *string) SettingInfo {
	return SettingInfo{
		Name: name, Kind: "host", Range: "URL, host name or address", Row: row, Grade: grade, Text: text,
		store: func(s *Settings, v string) string {
			host, ok := ParseHost(v)
			if !ok && v != "" {
				return fmt.Sprintf("%q names no host: ignored", v)
			}
			*field(s) = host
			return ""
		},
	}
}

func hostsSetting(name, row, grade, text string, field func(*Settings) *[]string) SettingInfo {
	return SettingInfo{
		Name: name, Kind: "hosts", Range: "URLs, host names or addresses separated by semicolons", Row: row, Grade: grade, Text: text,
		store: func(s *Settings, v string) string {
			hosts, bad := parseHosts(v)
			*field(s) = hosts
			if len(bad) > 0 {
				return fmt.Sprintf("%q name no host: ignored", bad)
			}
			return ""
		},
	}
}

func spanSetting(name, def string, least, most uint64, row, grade, text string, field func(*Settings) *time.Duration) SettingInfo {
	return SettingInfo{
		Name: name, Kind: "number", Default: def, Range: fmt.Sprintf("%d..%d s", least, most), Row: row, Grade: grade, Text: text,
		store: func(s *Settings, v string) string {
			n, warning := parseNumber(v, least, most)
			if warning == "" {
				*field(s) = time.Duration(n) * time.Second
				return ""
			}
			return warning + " s: default " + def + " used"
		},
		value: func(s *Settings) string { return strconv.FormatInt(int64(*field(s)/time.Second), 10) },
	}
}

// parseNumber reads an unsigned number of up to 32 bits within a range.
func parseNumber(v string, least, most uint64) (uint64, string) {
	n, err := strconv.ParseUint(v, 10, 64)
	switch {
	case err != nil:
		return 0, fmt.Sprintf("%q is not an unsigned 32-bit number, accepted are %d..%d", v, least, most)
	case n == maxNumber+1:
		return 0, fmt.Sprintf("%s is the bound the vendor prints but 32 bits cannot hold, accepted are %d..%d", v, least, most)
	case n < least || n > most:
		return 0, fmt.Sprintf("%s is outside the range, accepted are %d..%d", v, least, most)
	}
	return n, ""
}
