package selection

// Store holds a client's settings as they were deployed, each with its
// effective date (general setting rules). The zero Store is empty and ready to
// use.
type Store struct {
	values map[string]dated
}

// dated is a value and the date from which it holds, in Unix seconds; 0 is
// none, older than every date.
type dated struct {
	value     string
	effective int64
}

// Put stores a value with its effective date in Unix seconds; 0 or less means
// that it has none, which counts as oldest. It returns false, and changes
// nothing, if the stored value is of a newer date: an older date never
// overwrites a newer. Of two equal dates the later Put holds.
func (s *Store) Put(name, value string, effective int64) bool {
	effective = max(effective, 0)
	if s.values[name].effective > effective {
		return false
	}
	if s.values == nil {
		s.values = make(map[string]dated)
	}
	s.values[name] = dated{value, effective}
	return true
}

// Reset is the client's reset: effective dates vanish, values stay.
func (s *Store) Reset() {
	// order: each value is changed by itself.
	for name, v := range s.values {
		s.values[name] = dated{value: v.value}
	}
}

// Raw returns the values by setting name, as ParseSettings reads them. The
// map is the caller's.
func (s *Store) Raw() map[string]string {
	raw := make(map[string]string, len(s.values))
	// order: the result is a map.
	for name, v := range s.values {
		raw[name] = v.value
	}
	return raw
}
