package scenarios

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/relaysim/relaysim/scenarios/pos"
	"github.com/relaysim/relaysim/selection"
)

// registryHead begins every export of the Windows registry editor.
const registryHead = "Windows Registry Editor Version 5.00"

// Keys of client settings: HKEY_LOCAL_MACHINE\SOFTWARE\...\ and then this and
// the setting's name, in any case. The part in between is WOW6432Node\ or none.
const (
	registryRoot     = `hkey_local_machine\software\`
	registrySettings = `bigfix\enterpriseclient\settings\client\`
)

// effectiveLayout is how the client writes an effective date:
// "Thu, 23 Oct 2014 16:36:44 -0700".
const effectiveLayout = "Mon, 2 Jan 2006 15:04:05 -0700"

// registryReader reads an export: the key of a setting has its "value" and its
// "effective date". Other keys and other values of those keys mean nothing here.
type registryReader struct {
	*deployed
	file string
	// name is the setting whose key is being read, "" for another key.
	name      string
	at        spot // of the key, then of the value
	value     string
	hasValue  bool
	effective int64
}

func readRegistry(d *deployed, file string, data []byte) {
	r := &registryReader{deployed: d, file: file}
	number, headed, goesOn := 0, false, false
	for line := range bytes.Lines(data) {
		number++
		text := strings.TrimRight(string(line), "\r\n")
		at := spot{file, number, 1}
		switch {
		case !headed && strings.TrimSpace(text) == "":
		case !headed:
			headed = true
			if strings.TrimSpace(text) != registryHead {
				d.add(at, "settings", "%q is not the head of a registry export (%q is accepted)", short(text), registryHead)
				return
			}
		case goesOn: // of a value in bytes, which no setting is
		default:
			r.line(text, at)
		}
		// Only a value can go on in the next line.
		goesOn = headed && strings.HasSuffix(text, `\`) && (goesOn || strings.HasPrefix(text, `"`) || strings.HasPrefix(text, "@"))
	}
	r.endKey()
	if len(d.names) == 0 {
		d.warn(spot{file, 1, 1}, "settings", "no client setting found (keys end in %s and its name)", `BigFix\EnterpriseClient\Settings\Client\`)
	}
}

// line reads one line: a key in brackets, a value, a comment or nothing.
func (r *registryReader) line(text string, at spot) {
	trimmed := strings.TrimSpace(text)
	switch {
	case strings.HasPrefix(trimmed, "["):
		r.endKey()
		r.key(trimmed, at)
	case r.name == "" || trimmed == "" || trimmed[0] == ';':
	default:
		at.col = strings.Index(text, trimmed) + 1
		r.valueLine(trimmed, at)
	}
}

// key begins a key.
func (r *registryReader) key(text string, at spot) {
	path, closed := strings.CutSuffix(text[1:], "]")
	if !closed {
		r.add(at, "settings", "key %q does not end in ']'", short(text))
		return
	}
	path, deleted := strings.CutPrefix(path, "-")
	rest, ok := cutFold(path, registryRoot)
	rest = afterFold(rest, registrySettings)
	if !ok || rest == "" || strings.Contains(rest, `\`) {
		return
	}
	if deleted {
		r.add(at, "settings", "deletes the setting %q (an export has values)", short(rest))
		return
	}
	r.name, r.at = properCase(rest), at
}

// properCase is a setting's name as the vendor writes it: the registry does
// not tell cases apart. Names that nobody knows stay as they are.
func properCase(name string) string {
	for _, known := range selection.SettingNames() {
		if strings.EqualFold(known, name) {
			return known
		}
	}
	return name
}

// cutFold is strings.CutPrefix without regard to case. The prefix is ASCII.
func cutFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}

// afterFold is what follows the marker, which stands at the beginning or after
// a '\', without regard to case; "" without it.
func afterFold(s, marker string) string {
	for s != "" {
		if rest, ok := cutFold(s, marker); ok {
			return rest
		}
		_, s, _ = strings.Cut(s, `\`)
	}
	return ""
}

// valueLine reads "name"="text" of a setting's key.
func (r *registryReader) valueLine(text string, at spot) {
	name, rest, ok := quotedText(text)
	rest, isValue := strings.CutPrefix(rest, "=")
	if strings.HasPrefix(text, "@=") {
		return
	}
	if !ok || !isValue {
		r.add(at, "settings", `%q is not of the form "name"="text"`, short(text))
		return
	}
	isText := strings.EqualFold(name, "value")
	if !isText && !strings.EqualFold(name, "effective date") {
		return
	}
	content, tail, ok := quotedText(rest)
	if !ok || tail != "" {
		r.add(at, "settings", "%q of %s is not text (settings are stored as text)", name, r.name)
		return
	}
	if isText {
		r.value, r.hasValue, r.at = content, true, at
		return
	}
	date, err := time.Parse(effectiveLayout, content)
	if err != nil {
		r.add(at, "settings", "effective date %q of %s is not a date (such as \"Thu, 23 Oct 2014 16:36:44 -0700\")", short(content), r.name)
		return
	}
	r.effective = date.Unix()
}

// endKey puts the setting whose key ends.
func (r *registryReader) endKey() {
	switch {
	case r.name == "":
	case r.hasValue:
		r.put(r.name, r.value, r.effective, r.at)
	default:
		r.warn(r.at, "settings", "%s: has no \"value\", ignored", r.name)
	}
	*r = registryReader{deployed: r.deployed, file: r.file}
}

// quotedText reads a text in quotes, in which '\' stands before '\' and '"'.
func quotedText(s string) (content, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return "", s, false
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '\\' || s[i+1] == '"'):
			i++
			b.WriteByte(s[i])
		case s[i] == '\\':
			return "", s, false
		default:
			b.WriteByte(s[i])
		}
	}
	return "", s, false
}

// littleEndianMark begins text in UTF-16LE, as the registry editor writes it.
var littleEndianMark = []byte{0xff, 0xfe}

// fromUTF16 turns text in UTF-16LE with its mark into UTF-8; other text is
// left as it is.
func fromUTF16(data []byte) ([]byte, *badFile) {
	data, marked := bytes.CutPrefix(data, littleEndianMark)
	if !marked {
		return data, nil
	}
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); i += 2 {
		if i+1 == len(data) {
			return nil, &badFile{"ends within a character of UTF-16", pos.NewLines(out).At(len(out))}
		}
		r := rune(data[i]) | rune(data[i+1])<<8
		if utf16.IsSurrogate(r) { // the half of a pair
			second := rune(0)
			if i += 2; i+1 < len(data) {
				second = rune(data[i]) | rune(data[i+1])<<8
			}
			if r = utf16.DecodeRune(r, second); r == utf8.RuneError {
				return nil, &badFile{"is not text in UTF-16LE", pos.NewLines(out).At(len(out))}
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out, nil
}
