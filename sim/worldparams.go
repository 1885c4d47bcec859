package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// WorldParams are what is not publicly known of the deployment around the
// clients. Each field is one row of WorldParamTable. The zero value is valid:
// lists are published and copied at once.
type WorldParams struct {
	// RelaysFileRefresh is the least time between two lists that the root
	// publishes (spec 2.12).
	RelaysFileRefresh time.Duration
	// RelaysDatPropagation bounds the uniform delay from a list's publication,
	// or from a client's next start if it was offline then, to the client's copy.
	RelaysDatPropagation time.Duration
	// RelaysDatStaleTTL is how long a relay without a host stays listed: one that
	// is retired or down. 0: a retired one leaves the list at once, one that is
	// down never does (spec 2.13).
	RelaysDatStaleTTL time.Duration
	// DefaultWeight and DefaultWeightRoot are the weights of relays and of the
	// root where the scenario gives none (spec 2.8, O3).
	DefaultWeight, DefaultWeightRoot uint32
	// AuthenticatingSwitch says what becomes of the children of a relay that
	// begins to authenticate (spec 10.7, F12).
	AuthenticatingSwitch AuthenticatingSwitch
}

// AuthenticatingSwitch says how clients take it that their relay no longer
// accepts reports of a registration that was made before it authenticated.
type AuthenticatingSwitch uint8

// Laws of the switch to authenticating.
const (
	// UntilRegistration: the relay answers, so the client misses nothing and
	// looks for no other; it reports again from its next registration on.
	UntilRegistration AuthenticatingSwitch = iota
	// ContactFails: a refused report is a failed contact; after the resist
	// interval the client selects.
	ContactFails
)

// Names of parameters that play a part on conditions of their own.
const (
	switchName     = "authenticating_switch"
	staleName      = "relays_dat_stale_ttl_s"
	weightName     = "default_weight"
	rootWeightName = "default_weight_root"
)

var switchNames = [...]string{"until_registration", "contact_fails"}

// WorldParamInfo describes one of the WorldParams as selection.ParamInfo does
// one of a client.
type WorldParamInfo struct {
	// Name in scenarios and results, Unit of the value or "".
	Name, Unit string
	// Default in the form that Set accepts, and the other values worth a sweep.
	Default      string
	Alternatives []string
	// Text says what it is, in one line.
	Text string
	// Row of the specification and grade of the default.
	Row, Grade string

	accepted string
	get      func(*WorldParams) string
	set      func(*WorldParams, string) bool
}

// Unverified tells whether the default rests on no public text.
func (i WorldParamInfo) Unverified() bool { return i.Grade == "R" || i.Grade == "NP" }

// Accepted says in words which values Set takes.
func (i WorldParamInfo) Accepted() string { return i.accepted }

// WorldParamTable describes the WorldParams, in the order of their fields.
var WorldParamTable = []WorldParamInfo{
	spanParam(WorldParamInfo{
		Name: "relays_file_refresh_s", Default: "60", Alternatives: []string{"3600", "21600"}, Row: "2.12", Grade: "C",
		Text: "least time between two relay lists that the root publishes",
	}, func(p *WorldParams) *time.Duration { return &p.RelaysFileRefresh }),
	spanParam(WorldParamInfo{
		Name: "relays_dat_propagation_s", Default: "900", Alternatives: []string{"60", "3600", "86400"}, Row: "2.13", Grade: "NP",
		Text: "upper end of the uniform delay from a relay list's publication to a client's copy",
	}, func(p *WorldParams) *time.Duration { return &p.RelaysDatPropagation }),
	spanParam(WorldParamInfo{
		Name: staleName, Default: "0", Alternatives: []string{"3600", "86400", "604800"}, Row: "2.13", Grade: "NP",
		Text: "how long a relay without a host, retired or down, stays listed; 0: a retired one leaves at once, one that is down never",
	}, func(p *WorldParams) *time.Duration { return &p.RelaysDatStaleTTL }),
	weightParam(WorldParamInfo{
		Name: weightName, Default: "100", Alternatives: []string{"1"}, Row: "2.8", Grade: "D",
		Text: "weight of a relay for which the scenario gives none",
	}, func(p *WorldParams) *uint32 { return &p.DefaultWeight }),
	weightParam(WorldParamInfo{
		Name: rootWeightName, Default: "0", Alternatives: []string{"1", "100"}, Row: "2.8", Grade: "D",
		Text: "weight of the root if the scenario gives none",
	}, func(p *WorldParams) *uint32 { return &p.DefaultWeightRoot }),
	{
		Name: switchName, Default: switchNames[UntilRegistration], Alternatives: []string{switchNames[ContactFails]}, Row: "10.7", Grade: "A",
		Text:     "what clients do whose relay begins to authenticate: wait for their next registration, or take it as failed contact",
		accepted: strings.Join(switchNames[:], ", "),
		get:      func(p *WorldParams) string { return switchNames[p.AuthenticatingSwitch] },
		set: func(p *WorldParams, text string) bool {
			i := slices.Index(switchNames[:], text)
			if i >= 0 {
				p.AuthenticatingSwitch = AuthenticatingSwitch(i)
			}
			return i >= 0
		},
	},
}

// worldSpanMax bounds the spans.
const worldSpanMax = 366 * day

// spanParam completes the row of a span that is written as a number of seconds,
// or with its unit as in "15m".
func spanParam(i WorldParamInfo, field func(*WorldParams) *time.Duration) WorldParamInfo {
	i.Unit = "s"
	i.accepted = fmt.Sprintf("a number of seconds from 0 to %d, or a span such as \"15m\"", worldSpanMax/time.Second)
	i.get = func(p *WorldParams) string {
		if d := *field(p); d%time.Second != 0 {
			return d.String()
		}
		return strconv.Itoa(int(*field(p) / time.Second))
	}
	i.set = func(p *WorldParams, text string) bool {
		if strings.Trim(text, "0123456789.") == "" {
			text += "s"
		}
		d, err := time.ParseDuration(text)
		ok := err == nil && d >= 0 && d <= worldSpanMax
		if ok {
			*field(p) = d
		}
		return ok
	}
	return i
}

// weightMax bounds the weights, as it does those of relays in a scenario.
const weightMax = 1_000_000

// weightParam completes the row of a weight.
func weightParam(i WorldParamInfo, field func(*WorldParams) *uint32) WorldParamInfo {
	i.accepted = fmt.Sprintf("a whole number from 0 to %d", weightMax)
	i.get = func(p *WorldParams) string { return strconv.FormatUint(uint64(*field(p)), 10) }
	i.set = func(p *WorldParams, text string) bool {
		n, err := strconv.ParseUint(text, 10, 32)
		ok := err == nil && n <= weightMax
		if ok {
			*field(p) = uint32(n)
		}
		return ok
	}
	return i
}

// WorldParamNames returns the names of WorldParamTable in its order.
func WorldParamNames() []string {
	names := make([]string, len(WorldParamTable))
	for i := range WorldParamTable {
		names[i] = WorldParamTable[i].Name
	}
	return names
}

// DefaultWorldParams returns the documented defaults.
func DefaultWorldParams() WorldParams {
	var p WorldParams
	for i := range WorldParamTable {
		if err := p.Set(WorldParamTable[i].Name, WorldParamTable[i].Default); err != nil {
			panic("sim: default of " + err.Error())
		}
	}
	return p
}

// Set gives the named parameter a value. The error says what is accepted.
func (p *WorldParams) Set(name, value string) error {
	i := slices.Index(WorldParamNames(), name)
	if i < 0 {
		return fmt.Errorf("unknown parameter %q", name)
	}
	if !WorldParamTable[i].set(p, strings.TrimSpace(value)) {
		return fmt.Errorf("%s: %q is not accepted (accepted: %s)", name, value, WorldParamTable[i].accepted)
	}
	return nil
}

// Get returns the value of the named parameter in the form that Set accepts.
// ok is false if there is none of that name.
func (p *WorldParams) Get(name string) (value string, ok bool) {
	i := slices.Index(WorldParamNames(), name)
	if i < 0 {
		return "", false
	}
	return WorldParamTable[i].get(p), true
}
