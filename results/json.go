package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// JSON writes the summary as summary.json has it: two spaces of indentation,
// one line for each object or list that holds only plain values.
func (s *Summary) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return nil, fmt.Errorf("write summary: %w", err)
	}
	return indented(b.Bytes()), nil
}

// ReadSummary reads what JSON wrote. It refuses other versions of the schema
// and keys that it does not know.
func ReadSummary(b []byte) (*Summary, error) {
	var head struct {
		Schema *int `json:"schema"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, fmt.Errorf("read summary: %w", err)
	}
	switch {
	case head.Schema == nil:
		return nil, errors.New("read summary: it has no schema version")
	case *head.Schema != SchemaVersion:
		return nil, fmt.Errorf("read summary: schema version %d is not known (this program reads %d)", *head.Schema, SchemaVersion)
	}
	var s Summary
	d := json.NewDecoder(bytes.NewReader(b)) // Unmarshal has refused what follows the object
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("read summary: %w", err)
	}
	return &s, nil
}

// indented lays out compact JSON. A list or object without another one inside
// stays on its line.
func indented(compact []byte) []byte {
	var out bytes.Buffer
	depth := 0
	line := func() {
		out.WriteByte('\n')
		for range depth {
			out.WriteString("  ")
		}
	}
	for i := 0; i < len(compact); {
		switch c := compact[i]; c {
		case '{', '[':
			if end := leafEnd(compact, i); end > 0 {
				spaced(&out, compact[i:end])
				i = end
				continue
			}
			out.WriteByte(c)
			depth++
			line()
		case '}', ']':
			depth--
			line()
			out.WriteByte(c)
		case ',':
			out.WriteByte(c)
			line()
		case ':':
			out.WriteString(": ")
		case '"':
			end := stringEnd(compact, i)
			out.Write(compact[i:end])
			i = end
			continue
		default:
			out.WriteByte(c)
		}
		i++
	}
	return out.Bytes()
}

// leafEnd returns the end of the object or list at i if none is inside it, or
// 0.
func leafEnd(b []byte, i int) int {
	for j := i + 1; j < len(b); {
		switch b[j] {
		case '{', '[':
			return 0
		case '}', ']':
			return j + 1
		case '"':
			j = stringEnd(b, j)
		default:
			j++
		}
	}
	return 0
}

// stringEnd returns the end of the string that begins at i.
func stringEnd(b []byte, i int) int {
	for j := i + 1; j < len(b); j++ {
		switch b[j] {
		case '\\':
			j++
		case '"':
			return j + 1
		}
	}
	return len(b)
}

// spaced writes a leaf with a space after each comma and colon.
func spaced(out *bytes.Buffer, b []byte) {
	for i := 0; i < len(b); {
		if b[i] == '"' {
			end := stringEnd(b, i)
			out.Write(b[i:end])
			i = end
			continue
		}
		out.WriteByte(b[i])
		if b[i] == ',' || b[i] == ':' {
			out.WriteByte(' ')
		}
		i++
	}
}
