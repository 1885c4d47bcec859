package selection

import "time"

// Settings are the client settings that a selection reads, after the vendor's
// rules for invalid values have been applied by ParseSettings. Names in
// comments are the real setting names.
type Settings struct {
	// Automatic: __RelaySelect_Automatic.
	Automatic bool
	// SeekList: _BESClient_Register_Affiliation_SeekList, as written.
	SeekList string
	// Primary and Secondary: __RelayServer1 and __RelayServer2, host names.
	Primary, Secondary string
	// Tertiary: _BESClient_RelaySelect_TertiaryRelayList.
	Tertiary []string
	// Failover: _BESClient_RelaySelect_FailoverRelay.
	Failover string
	// FailoverList: _BESClient_RelaySelect_FailoverRelayList; overrides Failover.
	FailoverList []string
	// MaximumTTL: _BESClient_RelaySelect_MaximumTTLToPing.
	MaximumTTL uint8
	// Interval: _BESClient_RelaySelect_IntervalSeconds.
	Interval time.Duration
	// MinRetry and MaxRetry: _BESClient_RelaySelect_MinRetryIntervalSeconds
	// and ...MaxRetryIntervalSeconds.
	MinRetry, MaxRetry time.Duration
	// ResistFailure: _BESClient_RelaySelect_ResistFailureIntervalSeconds.
	ResistFailure time.Duration
	// RegisterInterval: _BESClient_Register_IntervalSeconds.
	RegisterInterval time.Duration
}

// OnRelay returns the settings as they hold for a client on the machine of a
// relay, which is limited to manual selection (1.2).
func (s Settings) OnRelay() Settings {
	s.Automatic = false
	return s
}
