package report

import (
	"bytes"
	"fmt"
	"io"

	"github.com/relaysim/relaysim/sim"
)

// logHead says what the look-alike is.
const logHead = `# Look-alike of a BigFix client log, made by relaysim. The wording follows public samples
# and is not verified (spec 15); lines in [brackets] have no counterpart in a real log.
`

// StoryLog writes a story in the shape of a client's log.
func StoryLog(w io.Writer, s *sim.Story) error {
	l := &storyLog{s: s}
	l.b.WriteString(logHead)
	l.at(storyDay(s, s.Started))
	l.line("Beginning Relay Select")
	l.line("[" + storyTrigger(s) + "]")
	for i := range s.Steps {
		switch st := &s.Steps[i]; {
		case st.Rounds != nil:
			l.rounds(st.Rounds)
		case st.Draw != nil:
			l.draw(st.Draw)
		default:
			l.register(st.Register)
		}
	}
	l.end()
	return send(w, l.b.Bytes())
}

type storyLog struct {
	s    *sim.Story
	b    bytes.Buffer
	when string
}

// at begins a block of lines of one second.
func (l *storyLog) at(when string) {
	if when != l.when {
		l.when = when
		fmt.Fprintf(&l.b, "At %s -\n", when)
	}
}

func (l *storyLog) line(text string) { l.b.WriteString("   " + text + "\n") }

func (l *storyLog) rounds(r *sim.StoryRounds) {
	l.at(storyDay(l.s, r.From))
	answer := "no answer"
	if n := answers(r); n > 0 {
		answer = counted(n, "answer", "answers")
	}
	l.line(fmt.Sprintf("[%s, %s: %s]", stageName(r.Group, r.By), ttlWords(r), answer))
}

func (l *storyLog) draw(d *sim.StoryDraw) {
	l.at(storyDay(l.s, d.At))
	l.line(fmt.Sprintf("[competition of %d at %s, weights %d in all]", d.Size, hopRange(d.DistanceMin, d.DistanceMax), d.Weight))
}

// url is the registration URL of a relay. Relays that have no address in the
// scenario stand there by name.
func url(r *sim.StoryRegistration) string {
	host := r.Address
	if host == "" {
		host = r.Relay
	}
	return "http://" + host + ":52311/cgi-bin/bfenterprise/clientregister.exe"
}

func (l *storyLog) register(r *sim.StoryRegistration) {
	l.at(storyDay(l.s, r.From))
	l.line("RegisterOnce: Attempting to register with '" + url(r) + "'")
	if r.Outcome == "" {
		return
	}
	l.at(storyDay(l.s, r.To))
	switch r.Outcome {
	case "registered":
		l.line("Registered with url '" + url(r) + "'")
	case "name_not_resolved":
		l.line("RegisterOnce: GetURL failed - General transport failure. - BAD SERVERNAME (winsock error -6 - registration url - " + url(r) + ")")
	case "tcp_blocked", "relay_down":
		l.line("RegisterOnce: GetURL failed - General transport failure. (registration url - " + url(r) + ")")
		l.line("[" + fateWords(r.Fate) + "]")
	default:
		l.line("[refused: " + r.Outcome + "]")
	}
}

// end writes the parent, or that there is none.
func (l *storyLog) end() {
	s := l.s
	l.at(storyDay(s, s.Outcome.At))
	switch s.Outcome.Kind {
	case "decided":
		address := s.Outcome.Parent
		for i := range s.Steps {
			if r := s.Steps[i].Register; r != nil && r.Relay == s.Outcome.Parent && r.Address != "" {
				address = r.Address
			}
		}
		l.line(fmt.Sprintf("Relay selected: %s. at: %s:52311 on: IPV4 (Using setting IPV4ThenIPV6)", s.Outcome.Parent, address))
	default:
		l.line("[" + storyEnd(s.Outcome) + "]")
	}
	if s.Next != nil {
		l.line("[next selection " + storyDay(s, *s.Next) + "]")
	}
}
