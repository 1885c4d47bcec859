package selection

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func fieldCount[T any]() int { return reflect.TypeFor[T]().NumField() }

func TestDefaultSettings(t *testing.T) {
	want := Settings{
		MaximumTTL: 255, Interval: 6 * time.Hour, MinRetry: time.Minute, MaxRetry: 2 * time.Hour,
		ResistFailure: 10 * time.Minute, RegisterInterval: 6 * time.Hour,
	}
	if got := DefaultSettings(); !reflect.DeepEqual(got, want) {
		t.Errorf("DefaultSettings() = %+v, want %+v", got, want)
	}
	for _, row := range SettingTable {
		if row.Text == "" || row.Range == "" || row.Row == "" || row.Kind == "" {
			t.Errorf("%s: the row is incomplete: %+v", row.Name, row)
		}
		if row.Unverified() != (row.Grade == "R") {
			t.Errorf("%s: Unverified() = %v with grade %s", row.Name, row.Unverified(), row.Grade)
		}
	}
}

func TestParseSettingsReadsEverySetting(t *testing.T) {
	got, warnings := ParseSettings(map[string]string{
		"__RelaySelect_Automatic":                             "1",
		"_BESClient_Register_Affiliation_SeekList":            "AsiaPacific;DMZ",
		"__RelayServer1":                                      "http://One.Example.:52311/bfmirror/downloads/",
		"__RelayServer2":                                      "",
		"_BESClient_RelaySelect_TertiaryRelayList":            "https://T1/x; t2 ;;",
		"_BESClient_RelaySelect_FailoverRelay":                "192.168.123.32",
		"_BESClient_RelaySelect_FailoverRelayList":            "relay1.company.com;192.168.123.32;relay2.company.com",
		"_BESClient_RelaySelect_MaximumTTLToPing":             "30",
		"_BESClient_RelaySelect_IntervalSeconds":              "3600",
		"_BESClient_RelaySelect_MinRetryIntervalSeconds":      "30",
		"_BESClient_RelaySelect_MaxRetryIntervalSeconds":      "300",
		"_BESClient_RelaySelect_ResistFailureIntervalSeconds": "0",
		"_BESClient_Register_IntervalSeconds":                 "7200",
	})
	want := Settings{
		Automatic: true, SeekList: "AsiaPacific;DMZ", Primary: "one.example", Tertiary: []string{"t1", "t2"},
		Failover: "192.168.123.32", FailoverList: []string{"relay1.company.com", "192.168.123.32", "relay2.company.com"},
		MaximumTTL: 30, Interval: time.Hour, MinRetry: 30 * time.Second, MaxRetry: 5 * time.Minute, RegisterInterval: 2 * time.Hour,
	}
	if !reflect.DeepEqual(got, want) || len(warnings) > 0 {
		t.Errorf("ParseSettings = %+v, warnings %q; want %+v", got, warnings, want)
	}
}

func TestParseSettingsWarnsInOrder(t *testing.T) {
	got, warnings := ParseSettings(map[string]string{
		"_BESClient_RelaySelect_ResistFailureIntervalSeconds": "21601",
		"_BESClient_RelaySelect_MaximumTTLToPing":             "256",
		"__RelayServer1": "ftp://host",
		"_BESClient_RelaySelect_FailoverRelayList": "good;http://:52311;b@d",
		"_BESClient_RelaySelect_FailOverRelays":    "x",
		"__RelaySelect_Automatic":                  "true",
	})
	want := DefaultSettings()
	want.FailoverList = []string{"good"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("ParseSettings = %+v, want the defaults", got)
	}
	fragments := []string{ // in byte order "_B" goes before "__"
		"nearest: _BESClient_RelaySelect_FailoverRelay)", `["http://:52311" "b@d"]`, "1..255: default 255 used",
		"0..21600 s: default 600 used", "__RelaySelect_Automatic: ", "__RelayServer1: ",
	}
	if len(warnings) != len(fragments) {
		t.Fatalf("warnings %q, want %d", warnings, len(fragments))
	}
	for i, f := range fragments {
		if !strings.Contains(warnings[i], f) {
			t.Errorf("warning %d is %q, want %q in it", i, warnings[i], f)
		}
	}
	if !slices.IsSorted(warnings) {
		t.Errorf("warnings are not in the order of names: %q", warnings)
	}
}

func TestParseHost(t *testing.T) {
	for value, want := range map[string]string{
		"http://host:52311/bfmirror/downloads/": "host",
		"https://Host.Example.Com./":            "host.example.com",
		"HTTP://host":                           "host",
		"  relay-1  ":                           "relay-1",
		"host:52311":                            "host",
		"10.1.2.3:52311":                        "10.1.2.3",
		"2001:db8::1":                           "2001:db8::1",
		"http://[2001:DB8::1]:52311/x":          "2001:db8::1",
		"[::1]":                                 "::1",
		"büro":                                  "büro",
		// None of these names a host.
		"":                "",
		".":               "",
		"http://":         "",
		"http:///x":       "",
		"ftp://host":      "",
		"host:port":       "",
		"host:":           "",
		"host:123456":     "",
		"[::1":            "",
		"[::1]x":          "",
		"user@host":       "",
		"two words":       "",
		"host?query=none": "",
	} {
		got, ok := ParseHost(value)
		if ok != (want != "") || ok && got != want {
			t.Errorf("ParseHost(%q) = %q, %v; want %q", value, got, ok, want)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"seek", "weight", "round_timeout_ms"}
	for s, want := range map[string]string{"Seek": "seek", "wieght": "weight", "round_timeout": "round_timeout_ms", "": "seek"} {
		if got := nearest(s, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", s, got, want)
		}
	}
	for _, tc := range []struct {
		a, b string
		want int
	}{{"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"abc", "abc", 0}} {
		if got := EditDistance(tc.a, tc.b); got != tc.want {
			t.Errorf("EditDistance(%q, %q) = %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}

// Number is the inverse of reading a value.
func TestNumberReadsBack(t *testing.T) {
	numbers := 0
	for _, i := range SettingTable {
		s := DefaultSettings()
		v, ok := i.Number(&s)
		if ok != (i.Kind == "number") || ok && v != i.Default {
			t.Errorf("%s: number %q, %v; want the default %q of a number", i.Name, v, ok, i.Default)
		}
		if ok {
			numbers++
			i.store(&s, "77")
			if v, _ := i.Number(&s); v != "77" {
				t.Errorf("%s: %q after storing 77", i.Name, v)
			}
		}
	}
	if numbers < 5 {
		t.Errorf("only %d numeric settings", numbers)
	}
}
